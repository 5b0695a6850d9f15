import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

@testable import SV2Roles

/// A miner that declares its own jobs, and a pool, in one thread: two connections that know nothing of each other's order,
/// frames that travel as bytes, latency, a node that takes its time, and a connection that may break.
struct DeclarationPair {
    struct Faults {
        var seed: UInt64 = 1
        /// Each way on each connection, in milliseconds.
        var latency: ClosedRange<UInt64> = 1...1
        /// Of the pool's node, in milliseconds: verdicts overtake one another.
        var node: ClosedRange<UInt64> = 5...5
        /// The connection that carries this message breaks, once; what is on its way there is lost.
        var cutAfter: Int?
    }

    enum Link: Hashable { case mining, declaration }

    private enum Delivery {
        case toPool(Link, ConnectionID, [UInt8])
        case toClient(Link, ConnectionID, [UInt8])
        case connect(Link)
        case verdict(CheckID)
        case tick, poolWake
        case clientWake(Link)
        case tip(UInt8, known: Int)
    }

    private static let tick = Duration.milliseconds(50)
    /// What the miner puts into its blocks.
    static let entries = (1...4).map { mempoolEntry($0, fee: 50) }

    private(set) var pool: Pool
    private(set) var miner: MiningClient
    private(set) var declarator: JobDeclarationClient
    let faults: Faults

    private(set) var now = Instant(nanoseconds: 0)
    private var timeline: [(at: Instant, order: Int, what: Delivery)] = []
    private var lastOrder = 0
    private var chance: SplitMix64
    private var lastConnection: UInt64 = 0
    private var connections: [Link: ConnectionID] = [:]
    private var lastArrival: [String: Instant] = [:]

    /// What to mine, and how many works there were before it.
    private var work: Work?
    private var workNumber: UInt64 = 0
    /// The work that was declared last, by number.
    private var declaredNumber: UInt64 = 0
    private var declareAt = Instant(nanoseconds: 0)
    private var running: (number: UInt64, job: RunningJob)?
    private var nonce: UInt32 = 0
    private var lastTicket: UInt64 = 0
    private var open: [UInt64: Hash256] = [:]

    // What came of it.
    private(set) var messages = 0
    private(set) var faultsSeen: [String] = []
    private(set) var declared = 0
    private(set) var provided = 0
    private(set) var refused: [String] = []
    private(set) var jobsAccepted: [UInt64] = []
    private(set) var settledAccepted: [Hash256] = []
    private(set) var settledRejected: [String] = []
    private(set) var poolAccepted: [Hash256] = []

    init(_ faults: Faults = Faults()) {
        var configuration = PoolConfiguration(
            payoutScript: PoolBench.payoutScript, sharesPerMinute: 6, tokenSeed: 1)
        configuration.lateShareGrace = .seconds(2)
        configuration.declarationExtensions = [0x4000]
        pool = Pool(configuration)
        miner = MiningClient(.forPair(.composed, .extended))
        declarator = JobDeclarationClient(ClientFixture.declarationConfiguration)
        self.faults = faults
        chance = SplitMix64(seed: faults.seed)
        plan(.connect(.mining), at: now)
        plan(.connect(.declaration), at: now)
        plan(.tick, at: now + Self.tick)
    }

    /// - Parameter known: how many of the miner's transactions the pool's node has too.
    mutating func planTip(_ number: UInt8, known: Int, at seconds: Double) {
        plan(.tip(number, known: known), at: now + .seconds(seconds))
    }

    mutating func run(for duration: Duration) {
        let end = now + duration
        while let next = timeline.indices.min(by: {
            (timeline[$0].at, timeline[$0].order) < (timeline[$1].at, timeline[$1].order)
        }), timeline[next].at <= end {
            let (at, _, what) = timeline.remove(at: next)
            now = at
            happen(what)
        }
        now = end
    }

    private mutating func plan(_ what: Delivery, at: Instant) {
        lastOrder += 1
        timeline.append((at, lastOrder, what))
    }

    private mutating func happen(_ what: Delivery) {
        switch what {
        case .toPool(let link, let id, let frame):
            guard arrives(link, id) else { return }
            switch link {
            case .mining: if let message = read(frame, MiningMessage.self) { tellPool(.mining(id, message)) }
            case .declaration:
                if let message = read(frame, JobDeclarationMessage.self) {
                    tellPool(.declaration(id, message))
                }
            }
        case .toClient(let link, let id, let frame):
            guard arrives(link, id) else { return }
            switch link {
            case .mining: if let message = read(frame, MiningMessage.self) { tellMiner(.received(message)) }
            case .declaration:
                if let message = read(frame, JobDeclarationMessage.self) {
                    tellDeclarator(.received(message))
                }
            }
        case .connect(let link): connect(link)
        case .verdict(let check): tellPool(.checked(check, refusal: nil))
        case .poolWake: tellPool(.woke)
        case .clientWake(.mining): tellMiner(.woke)
        case .clientWake(.declaration): tellDeclarator(.woke)
        case .tip(let number, let known):
            let next = PoolBench.nextBlock(previous: number, height: 300 + UInt32(number))
            tellPool(.tip(next))
            tellPool(.knownTransactions(Array(Self.entries.prefix(known))))
            work = Work(next: next, entries: Self.entries)
            workNumber += 1
        case .tick:
            mine()
            plan(.tick, at: now + Self.tick)
        }
        considerDeclaring()
    }

    // MARK: Connections

    private mutating func connect(_ link: Link) {
        lastConnection += 1
        let id = ConnectionID(rawValue: lastConnection)
        connections[link] = id
        switch link {
        case .mining:
            miner = MiningClient(miner.configuration)
            tellPool(.miningConnected(id))
            tellMiner(.connected)
        case .declaration:
            var configuration = declarator.configuration
            configuration.extensions = [0x4000, 0x4001]
            declarator = JobDeclarationClient(configuration)
            tellPool(.declarationConnected(id))
            tellDeclarator(.connected)
        }
    }

    private mutating func arrives(_ link: Link, _ id: ConnectionID) -> Bool {
        guard connections[link] == id else { return false }
        messages += 1
        guard let cut = faults.cutAfter, messages == cut + 1 else { return true }
        disconnect(link)
        return false
    }

    private mutating func disconnect(_ link: Link) {
        guard let id = connections.removeValue(forKey: link) else { return }
        lastArrival = lastArrival.filter { !$0.key.hasPrefix("\(link)") }
        tellPool(.closed(id))
        plan(.connect(link), at: now + .milliseconds(300))
        switch link {
        case .mining: (running, open) = (nil, [:])
        case .declaration: break
        }
        // Whatever of a declaration was under way is lost with either connection.
        if running?.number != workNumber { declaredNumber = 0 }
    }

    private func read<Message: LinkMessage>(_ frame: [UInt8], _ link: Message.Type) -> Message? {
        guard let header = FrameHeader(frontOf: frame),
            case .message(let message, _)? = try? Message.read(
                header, Array(frame[FrameHeader.byteCount...]))
        else { return nil }
        return message
    }

    private mutating func send(_ message: some LinkMessage, on link: Link, toPool: Bool) {
        guard let frame = try? message.frame() else {
            preconditionFailure("a message of ours can be written")
        }
        guard let id = connections[link] else { return }
        let track = "\(link) \(toPool)"
        let arrival = max(lastArrival[track] ?? now, now + .milliseconds(pick(faults.latency)))
        lastArrival[track] = arrival
        plan(toPool ? .toPool(link, id, frame) : .toClient(link, id, frame), at: arrival)
    }

    private mutating func pick(_ range: ClosedRange<UInt64>) -> Int64 {
        Int64(range.lowerBound + chance.next() % (range.upperBound - range.lowerBound + 1))
    }

    // MARK: The three cores

    private mutating func tellPool(_ event: PoolEvent) {
        let time = MiningPair.unixStart + UInt32((now - Instant(nanoseconds: 0)).inSeconds)
        for action in pool.handle(event, at: now, unixTime: time) {
            switch action {
            case .sendMining(let id, let message):
                if connections[.mining] == id { send(message, on: .mining, toPool: false) }
            case .sendDeclaration(let id, let message):
                if connections[.declaration] == id { send(message, on: .declaration, toPool: false) }
            case .close(_, let fault): faultsSeen.append("\(fault)")
            case .check(let check, _): plan(.verdict(check), at: now + .milliseconds(pick(faults.node)))
            case .shareAccepted(_, _, _, let hash, _): poolAccepted.append(hash)
            case .wake(let at): plan(.poolWake, at: max(at, now))
            case .publish, .shareRejected, .declared, .customJobAccepted, .refused, .ignored: break
            }
        }
    }

    private mutating func tellDeclarator(_ event: JobDeclarationClient.Event) {
        for action in declarator.handle(event, at: now) {
            switch action {
            case .send(let message): send(message, on: .declaration, toPool: true)
            case .declared(let ticket, let token):
                declared += 1
                if ticket == workNumber, let work, miner.channel != nil, connections[.mining] != nil {
                    tellMiner(.setCustomJob(work.composed, token: token, ticket: ticket))
                } else if ticket == workNumber {
                    declaredNumber = 0
                }
            case .refused(let ticket, let code, _): declareAgain(ticket, code.description)
            case .transactionsProvided(_, let count): provided += count
            case .failed(let fault): faultsSeen.append("\(fault)")
            case .wake(let at): plan(.clientWake(.declaration), at: max(at, now))
            case .tokenReceived, .token, .reconnectAsked, .ignored: break
            }
        }
    }

    private mutating func tellMiner(_ event: MiningClient.Event) {
        for action in miner.handle(event, at: now) {
            switch action {
            case .send(let message): send(message, on: .mining, toPool: true)
            case .customJobAccepted(let ticket, let jobId, let channel):
                jobsAccepted.append(ticket)
                guard ticket == workNumber, let work else { continue }
                let job = RunningJob(
                    work: work, channelId: channel.channelId, jobId: jobId, prefix: channel.extranoncePrefix,
                    target: channel.target, blockTarget: work.next.blockTarget)
                running = (ticket, job)
            case .customJobRefused(let ticket, let code): declareAgain(ticket, code.description)
            case .shareAccepted(let ticket):
                if let hash = open.removeValue(forKey: ticket) { settledAccepted.append(hash) }
            case .shareRejected(let ticket, let code):
                if open.removeValue(forKey: ticket) != nil { settledRejected.append(code.description) }
            case .failed(let fault): faultsSeen.append("\(fault)")
            case .wake(let at): plan(.clientWake(.mining), at: max(at, now))
            case .sendShare, .channelOpened, .channelRefused, .channelChanged, .channelClosed, .job,
                .shareUnanswered, .hashRateRefused, .reconnectAsked, .reconnectRefused, .ignored:
                break
            }
        }
    }

    // MARK: The miner

    /// The same work, not another one, and not at once: a refusal must not become a flood.
    private mutating func declareAgain(_ ticket: UInt64, _ code: String) {
        refused.append(code)
        if ticket == workNumber { (declaredNumber, declareAt) = (0, now + .milliseconds(250)) }
    }

    /// Every work once, as soon as there is a channel and a token for it; again after it was lost or refused.
    private mutating func considerDeclaring() {
        guard let work, now >= declareAt, declaredNumber != workNumber, running?.number != workNumber,
            connections.count == 2, miner.channel != nil, declarator.isReady,
            declarator.canDeclare(work.coinbase, at: now)
        else { return }
        declaredNumber = workNumber
        tellDeclarator(.declare(work.composed, ticket: workNumber))
    }

    private mutating func mine() {
        guard let (_, job) = running else { return }
        for _ in 0..<3 {
            nonce &+= 1
            let share = SubmitSharesExtended(
                channelId: job.channelId, sequenceNumber: 0, jobId: job.jobId, nonce: nonce,
                ntime: MiningPair.unixStart, version: job.work.next.version,
                extranonce: [UInt8](repeating: 1, count: 8))
            let header = job.header(share)
            guard job.target.isMet(by: header.hash) else { continue }
            lastTicket += 1
            open[lastTicket] = header.hash
            tellMiner(.submit(header, extranonce: share.extranonce, jobId: job.jobId, ticket: lastTicket))
        }
    }
}

extension Work {
    /// Pays all there is to the pool, with room for an extranonce of twelve bytes.
    init(next: NextBlock, entries: [MempoolEntry]) {
        let due = next.subsidy.rawValue + entries.reduce(0) { $0 + $1.fee.rawValue }
        let commitment = TransactionOutput(
            value: .zero, script: WitnessCommitment.script(wtxids: entries.map(\.wtxid)))
        let payout = TransactionOutput(value: Satoshis(rawValue: due), script: PoolBench.payoutScript)
        let coinbase = CoinbaseParts(
            version: 2, scriptPrefix: Script.heightPush(next.height) + [12], extranonceSize: 12,
            sequence: 0xffff_fffe, outputs: [payout, commitment], lockTime: next.height - 1)
        self.init(next: next, coinbase: coinbase, entries: entries)
    }

    /// As the client's cores take it.
    var composed: ComposedJob {
        ComposedJob(
            version: next.version, previousBlock: next.previousBlock, minimumTime: next.minimumTime,
            bits: next.bits, coinbase: coinbase, merklePath: path,
            transactions: entries.map { ComposedJob.Entry(wtxid: $0.wtxid, wireBytes: $0.wireBytes) })
    }
}
