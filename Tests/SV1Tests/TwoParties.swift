import BitcoinPrimitives
import SV1
import Units

/// A client and a server in one thread, with latency between them and connections that break.
struct TwoParties {
    enum Happening {
        case toServer(UInt64, [UInt8])
        case toClient(UInt64, [UInt8])
        case opened(UInt64)
        case clientLost(UInt64)
        case serverLost(UInt64)
        case wakeClient, wakeServer
        case act((inout TwoParties) -> Void)
    }

    private struct Entry {
        let at: Instant
        let order: Int
        let happening: Happening
    }

    var now = Instant(nanoseconds: 1_000_000_000)
    var client: SV1Client
    var server: SV1Server
    var latency = Duration.milliseconds(20)
    /// Every connection breaks after so many lines, both ways counted.
    var linesPerLink: Int?
    /// Only the first connection breaks.
    var cutsOnce = false
    /// Nothing answers at the address.
    var isDown = false
    /// Shares to find in each job.
    var sharesPerJob = 0

    // What was seen.
    var clientActions: [SV1Client.Action] = []
    var serverActions: [SV1Server.Action] = []
    var accepted: [SV1AcceptedShare] = []
    /// By ticket, each outcome.
    var outcomes: [UInt64: [SV1Client.Action]] = [:]
    var submitted: [UInt64: SV1Client.Share] = [:]
    var endpoints: [String] = []

    private var queue: [Entry] = []
    private var order = 0
    private(set) var link: UInt64 = 0
    private(set) var isLinked = false
    private var linesOnLink = 0
    private var nextTicket: UInt64 = 1

    init(client: SV1Client.Configuration, server: SV1Server.Configuration, seed: UInt64 = 1) {
        self.client = SV1Client(configuration: client, seed: seed)
        self.server = SV1Server(configuration: server)
    }

    mutating func schedule(after delay: Duration, _ happening: Happening) {
        queue.append(Entry(at: now + delay, order: order, happening: happening))
        order += 1
    }

    mutating func run(for time: Duration) {
        let end = now + time
        while let next = queue.indices.min(by: {
            (queue[$0].at, queue[$0].order) < (queue[$1].at, queue[$1].order)
        }),
            queue[next].at <= end
        {
            let entry = queue.remove(at: next)
            now = max(now, entry.at)
            happen(entry.happening)
        }
        now = end
    }

    mutating func start() { tellClient(.start) }

    private mutating func happen(_ happening: Happening) {
        switch happening {
        case .toServer(let on, let line): if isLinked, on == link { tellServer(.received(on, line)) }
        case .toClient(let on, let line): if isLinked, on == link { tellClient(.received(line)) }
        case .opened(let on): if isLinked, on == link { tellClient(.connected) }
        case .clientLost(let on): if on == link { tellClient(.disconnected) }
        case .serverLost(let on): tellServer(.disconnected(on))
        case .wakeClient: tellClient(.woke)
        case .wakeServer: tellServer(.woke)
        case .act(let body): body(&self)
        }
    }

    /// The line breaks for both.
    mutating func cut() {
        guard isLinked else { return }
        isLinked = false
        if cutsOnce { linesPerLink = nil }
        schedule(after: latency, .clientLost(link))
        schedule(after: latency, .serverLost(link))
    }

    private mutating func passes() -> Bool {
        linesOnLink += 1
        guard let linesPerLink, linesOnLink > linesPerLink else { return isLinked }
        cut()
        return false
    }

    mutating func tellServer(_ event: SV1Server.Event) {
        for action in server.handle(event, at: now) {
            serverActions.append(action)
            switch action {
            case .send(let on, let line):
                if on == link, passes() { schedule(after: latency, .toClient(on, line.dropLast())) }
            case .close(let on, _):
                if on == link, isLinked {
                    isLinked = false
                    schedule(after: latency, .clientLost(on))
                }
            case .share(let share): accepted.append(share)
            case .wake(let at): schedule(after: at - now, .wakeServer)
            case .subscribed, .authorized, .refused, .suggested, .shareRejected, .cannotFollow, .ignored:
                break
            }
        }
    }

    mutating func tellClient(_ event: SV1Client.Event) {
        for action in client.handle(event, at: now) {
            clientActions.append(action)
            switch action {
            case .connect(let host, let port, let tls):
                endpoints.append("\(host):\(port)\(tls ? " tls" : "")")
                link += 1
                guard !isDown else {
                    schedule(after: latency, .clientLost(link))
                    break
                }
                isLinked = true
                linesOnLink = 0
                tellServer(.connected(link))
                schedule(after: latency, .opened(link))
            case .disconnect:
                if isLinked { schedule(after: latency, .serverLost(link)) }
                isLinked = false
            case .send(let line): if passes() { schedule(after: latency, .toServer(link, line.dropLast())) }
            case .job(let job):
                for number in 0..<sharesPerJob {
                    schedule(after: .milliseconds(100 * (number + 1)), .act { $0.find(in: job, number) })
                }
            case .shareAccepted(let ticket), .shareRejected(let ticket, _), .shareWithheld(let ticket, _),
                .shareUnanswered(let ticket):
                outcomes[ticket, default: []].append(action)
            case .wake(let at): schedule(after: at - now, .wakeClient)
            case .working, .down, .message, .reconnectRefused, .ignored: break
            }
        }
    }

    /// Finds the share with this number and hands it in.
    @discardableResult
    mutating func find(in job: SV1Job, _ number: Int, versionBits: UInt32 = 0) -> UInt64 {
        submit(share(in: job, number, versionBits: versionBits))
    }

    @discardableResult
    mutating func submit(_ share: SV1Client.Share) -> UInt64 {
        var share = share
        share.ticket = nextTicket
        nextTicket += 1
        submitted[share.ticket] = share
        tellClient(.submit(share))
        return share.ticket
    }

    /// A share that meets the job's target (or, if asked, does not), by trying nonces. Numbers have their own
    /// extranonce2.
    func share(in job: SV1Job, _ number: Int, versionBits: UInt32 = 0, meetsTarget: Bool = true)
        -> SV1Client.Share
    {
        let extranonce2 = (0..<job.grant.extranonce2Size).map {
            UInt8(truncatingIfNeeded: number >> (8 * $0))
        }
        let version = job.work.version & ~job.versionMask | versionBits
        for nonce in UInt32(0)...100_000 {
            let header = job.header(
                extranonce2: extranonce2, version: version, time: job.work.time, nonce: nonce)
            guard job.target.isMet(by: header.hash) == meetsTarget else { continue }
            return SV1Client.Share(
                job: job.serial, extranonce2: extranonce2, version: version, time: job.work.time,
                nonce: nonce,
                ticket: 0)
        }
        preconditionFailure("one hash in four meets the target of these tests")
    }

    var jobs: [SV1Job] {
        clientActions.compactMap { if case .job(let job) = $0 { job } else { nil } }
    }

    var downs: [SV1ClientFault] {
        clientActions.compactMap { if case .down(let fault, _) = $0 { fault } else { nil } }
    }
}

extension TwoParties {
    /// One hash in four or so meets it.
    static let easy = ShareDifficulty(JSONNumber(coefficient: 1, exponent: -9)!)!
    /// One in 40.
    static let harder = ShareDifficulty(JSONNumber(coefficient: 1, exponent: -8)!)!

    static func usual() -> TwoParties {
        let url = PoolURL(speech: .stratumV1(tls: false), host: "eu.pool.example", port: 3_333)
        let client = SV1Client.Configuration(url: url, user: "address.worker", userAgent: "adit/1")
        var server = SV1Server.Configuration()
        server.startDifficulty = easy
        server.minimumDifficulty = easy
        return TwoParties(client: client, server: server)
    }

    static func work(_ tip: UInt8, _ variant: UInt8 = 0, clean: Bool = false) -> NotifyParameters {
        NotifyParameters(
            jobID: "", previousBlock: Hash256(hashing: [tip]), coinbase1: [1, 0, 0, 0, variant],
            coinbase2: [9, 9, tip], merkleBranch: [Hash256(hashing: [7]), Hash256(hashing: [8, variant])],
            version: 0x2000_0000, bits: CompactTarget(bits: 0x1705_c739),
            time: 1_700_000_000 + UInt32(variant),
            cleanJobs: clean)
    }
}
