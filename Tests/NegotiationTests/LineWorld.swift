import BitcoinPrimitives
import Negotiation
import SV1
import Scheduling
import TemplateBuilding
import Units

/// The upstream against the project's own Stratum V1 server, in virtual time. Lines arrive at once.
struct LineWorld: VirtualClock {
    static let payout = GivenWorld.payout
    static let connectionBytes = 4
    static let extranonce2Size = 4

    var upstream: LineUpstream
    var server: SV1Server
    var chips = GivenChips()
    var now = Instant(nanoseconds: 0)
    /// The line, counted from 0 over both directions, at which the connection breaks.
    var dropAt: Int?
    /// From this line on nothing arrives over the connection that it is of.
    var silentFrom: Int?
    var isRefusing = false
    /// What the server's lines are turned into on their way.
    var lie: ((String) -> String)?

    private(set) var lineCount = 0
    private(set) var silentSince: Instant?
    private(set) var poolAccepted: [Hash256] = []
    private(set) var poolComplaints: [String] = []
    private(set) var audits: [JobAudit] = []
    private(set) var acknowledged: [JobOrigin] = []
    private(set) var notices: [NegotiationNotice] = []
    private(set) var hopeless: [UpstreamFault] = []
    private(set) var endpoints: [String] = []
    private(set) var connects: [Instant] = []
    private(set) var shareActions: [UpstreamAction] = []

    private enum Item {
        case connect, closed, toServer([UInt8]), toUpstream([UInt8], UInt64)
    }
    private var queue: [Item] = []
    private(set) var link: UInt64?
    private var silentLink: UInt64?
    private var nextConnection: UInt64 = 1
    var wakes = VirtualWakes()
    private var isDelivering = false

    init(
        rules: AuditRules = AuditRules(level: .warn), seed: UInt64 = 7,
        configure change: (inout LineConfiguration) -> Void = { _ in },
        server changeServer: (inout SV1Server.Configuration) -> Void = { _ in }
    ) {
        let url = PoolURL(speech: .stratumV1(tls: true), host: "eu.pool.example", port: 3_333)
        var configuration = LineConfiguration(
            index: 5, client: .init(url: url, user: "address.worker", userAgent: "adit/1"), rules: rules,
            seed: seed)
        change(&configuration)
        upstream = LineUpstream(configuration)
        var serverConfiguration = SV1Server.Configuration()
        serverConfiguration.connectionBytes = Self.connectionBytes
        serverConfiguration.extranonce2Size = Self.extranonce2Size
        serverConfiguration.startDifficulty = Self.easy
        serverConfiguration.minimumDifficulty = Self.easy
        changeServer(&serverConfiguration)
        server = SV1Server(configuration: serverConfiguration)
        serve(1)
    }

    /// One hash in four or so meets it.
    static let easy = ShareDifficulty(JSONNumber(coefficient: 1, exponent: -9)!)!

    /// What a pool says of the block after `tip`.
    static func work(
        _ tip: UInt8, variant: UInt8 = 0, height: UInt32? = nil, payout: [UInt8] = payout, clean: Bool = false
    ) -> NotifyParameters {
        let next = GivenWorld.next(tip)
        let parts = CoinbaseParts(
            version: 2, scriptPrefix: Script.heightPush(height ?? next.height) + [9, variant],
            extranonceSize: connectionBytes + extranonce2Size, sequence: .max,
            outputs: [TransactionOutput(value: next.subsidy, script: payout)], lockTime: 0)
        return NotifyParameters(
            jobID: "", previousBlock: next.previousBlock, coinbase1: parts.strippedPrefix,
            coinbase2: parts.strippedSuffix, merkleBranch: [Hash256(hashing: [7, variant])],
            version: next.version, bits: next.bits, time: next.currentTime, cleanJobs: clean)
    }

    mutating func serve(
        _ tip: UInt8, variant: UInt8 = 0, height: UInt32? = nil, payout: [UInt8] = payout, clean: Bool = false
    ) {
        serverEvent(.job(Self.work(tip, variant: variant, height: height, payout: payout, clean: clean)))
    }

    mutating func serverEvent(_ event: SV1Server.Event) {
        toServer(event)
        deliver()
    }

    mutating func nodeTip(_ tip: UInt8) { toUpstream(.reference(GivenWorld.next(tip))) }

    /// What the server itself never said.
    mutating func forge(_ line: String) { toUpstream(.received(.line(Array(line.utf8)))) }

    mutating func begin() {
        toUpstream(.clock(unixTime: GivenWorld.start))
        toUpstream(.begin)
    }

    @discardableResult
    mutating func find(of job: Job? = nil, isBlock: Bool = false) -> Share? {
        guard let share = chips.find(of: job, isBlock: isBlock) else { return nil }
        toUpstream(.share(share))
        return share
    }

    mutating func wakePeer() {
        serverEvent(.woke)
    }

    mutating func toUpstream(_ event: UpstreamEvent) {
        let actions = upstream.handle(event, at: now)
        if case .share = event { shareActions = actions }
        for action in actions {
            switch action {
            case .connectLine(let host, let port, let tls):
                endpoints.append("\(host):\(port)\(tls ? " tls" : "")")
                connects.append(now)
                queue.append(isRefusing ? .closed : .connect)
            case .disconnect(.mining):
                queue.removeAll { if case .connect = $0 { true } else { false } }
                if let link { toServer(.disconnected(link)) }
                link = nil
            case .send(.line(let line)):
                precondition(line.last == UInt8(ascii: "\n"), "a line has its end")
                queue.append(.toServer(line.dropLast()))
            case .activate(let job): chips.activate(job)
            case .acknowledged(let origin): acknowledged.append(origin)
            case .shareSettled(let share, let outcome): chips.settle(share, outcome)
            case .blockWithoutTransactions(let share): chips.sawBlock(share)
            case .audited(let audit): audits.append(audit)
            case .upstreamFailed(let fault, _): hopeless.append(fault)
            case .notice(let notice): notices.append(notice)
            case .wake(let time): wakes.upstream = time
            case .connect, .disconnect(.jobDeclaration), .send, .coinbaseConstraints, .refused, .block:
                preconditionFailure("nothing of it is asked for here: \(action)")
            }
        }
        deliver()
    }

    private mutating func toServer(_ event: SV1Server.Event) {
        for action in server.handle(event, at: now) {
            switch action {
            case .send(let on, let line): queue.append(.toUpstream(line.dropLast(), on))
            case .close(let on, let reason):
                poolComplaints.append("\(reason)")
                if link == on { queue.append(.closed) }
            case .share(let share): poolAccepted.append(share.hash)
            case .shareRejected(_, _, let rejection): poolComplaints.append(rejection.message)
            case .ignored(_, let what): poolComplaints.append("ignored \(what)")
            case .refused(_, let user): poolComplaints.append("refused \(user)")
            case .cannotFollow: poolComplaints.append("cannot follow")
            case .subscribed, .authorized, .suggested: break
            case .wake(let time): wakes.peer.append(time)
            }
        }
    }

    private mutating func deliver() {
        guard !isDelivering else { return }
        isDelivering = true
        defer { isDelivering = false }
        while !queue.isEmpty {
            switch queue.removeFirst() {
            case .connect:
                link = nextConnection
                nextConnection += 1
                toServer(.connected(nextConnection - 1))
                toUpstream(.connected(.mining))
            case .closed: cut()
            case .toServer(let line):
                guard let link, passes() else { continue }
                toServer(.received(link, line))
            case .toUpstream(let line, let on):
                guard link == on, passes() else { continue }
                let text = String(decoding: line, as: UTF8.self)
                toUpstream(.received(.line(Array((lie?(text) ?? text).utf8))))
            }
        }
    }

    private mutating func passes() -> Bool {
        lineCount += 1
        if lineCount - 1 == dropAt {
            cut()
            return false
        }
        if lineCount - 1 == silentFrom { (silentLink, silentSince) = (link, now) }
        return link == nil || link != silentLink
    }

    mutating func cut() {
        if let link { toServer(.disconnected(link)) }
        link = nil
        toUpstream(.closed(.mining, "connection reset"))
    }
}

extension LineWorld {
    var problems: [String] { chips.problems(poolAccepted: poolAccepted) }
    var faults: [UpstreamFault] {
        notices.compactMap { if case .upstreamFailure(let fault, _) = $0 { fault } else { nil } }
    }
    var refusals: [JobAudit] { audits.filter { $0.verdict == .refused } }
}
