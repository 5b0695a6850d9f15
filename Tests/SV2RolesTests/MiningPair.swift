import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

@testable import SV2Roles

/// A mining client and a pool with jobs of its own, in one thread: frames travel as bytes, with latency, and
/// the connection may break. A miner behind the client hashes what it is told to.
struct MiningPair {
    struct Faults {
        var seed: UInt64 = 1
        /// Each way, in milliseconds.
        var latency: ClosedRange<UInt64> = 1...1
        /// The connection breaks after so many messages, once; what is on its way is lost.
        var cutAfter: Int?
        /// Answers to shares may come later than messages sent after them, in their own order.
        var delaysAnswers = false
    }

    /// What the operator of the pool, and the world, do when.
    enum Happening {
        case pool(PoolEvent)
        case tip(UInt8)
        case clientRate(Double)
        case anotherChannel(ChannelRequest)
    }

    private enum Delivery {
        case toPool(ConnectionID, [UInt8])
        case toClient(ConnectionID, [UInt8])
        case connect
        case hash
        case poolWake
        case clientWake
        case happening(Happening)
    }

    /// Between two looks at each channel's job.
    var tick = Duration.milliseconds(50)
    static let unixStart: UInt32 = 1_700_000_000

    private(set) var pool: Pool
    private(set) var client: MiningClient
    let faults: Faults
    /// Hashes of each channel at each tick.
    var hashesPerTick = 3
    var worker: WorkerName?

    private(set) var now = Instant(nanoseconds: 0)
    private var timeline: [(at: Instant, order: Int, what: Delivery)] = []
    private var lastOrder = 0
    private var chance: SplitMix64
    private var connection = ConnectionID(rawValue: 0)
    private var isConnected = false
    private var lastArrival: [String: Instant] = [:]
    private var nonce: UInt32 = 0
    private var lastTicket: UInt64 = 0

    // What came of it.
    private(set) var messages = 0
    private(set) var jobs: [UInt32: PoolJob] = [:]
    private(set) var jobsStarted = 0
    private(set) var channelsOpened: [ClientChannel] = []
    private(set) var clientFaults: [MiningClientFault] = []
    /// Hash of each share by ticket, as long as it is not settled.
    private(set) var open: [UInt64: Hash256] = [:]
    private(set) var settledAccepted: [Hash256] = []
    private(set) var settledRejected: [String] = []
    private(set) var lost = 0
    private(set) var poolAccepted: [Hash256] = []
    private(set) var submitters: Set<Submitter> = []
    private(set) var published: [[UInt8]] = []
    private(set) var targets: [Target] = []

    init(
        _ client: MiningClient.Configuration, _ faults: Faults = Faults(),
        pool change: (inout PoolConfiguration) -> Void = { _ in }
    ) {
        var configuration = PoolConfiguration(
            payoutScript: PoolBench.payoutScript, sharesPerMinute: 6, tokenSeed: 1)
        configuration.ownJobs = OwnJobs(tag: Array("/pair/".utf8))
        configuration.lateShareGrace = .seconds(2)
        change(&configuration)
        pool = Pool(configuration)
        self.client = MiningClient(client)
        self.faults = faults
        chance = SplitMix64(seed: faults.seed)
        plan(.connect, at: now)
        plan(.hash, at: now + tick)
    }

    mutating func plan(_ happening: Happening, at seconds: Double) {
        plan(.happening(happening), at: now + .seconds(seconds))
    }

    mutating func run(for duration: Duration) {
        let end = now + duration
        while let next = timeline.indices.min(by: { earlier($0, $1) }), timeline[next].at <= end {
            let (at, _, what) = timeline.remove(at: next)
            now = at
            happen(what)
        }
        now = end
    }

    private func earlier(_ a: Int, _ b: Int) -> Bool {
        (timeline[a].at, timeline[a].order) < (timeline[b].at, timeline[b].order)
    }

    private mutating func plan(_ what: Delivery, at: Instant) {
        lastOrder += 1
        timeline.append((at, lastOrder, what))
    }

    private mutating func happen(_ what: Delivery) {
        switch what {
        case .toPool(let id, let frame):
            guard id == connection, isConnected, !breaks() else { return }
            guard case .message(let message, let trailing)? = read(frame) else { return }
            tellPool(.mining(id, message, trailing: trailing))
        case .toClient(let id, let frame):
            guard id == connection, isConnected, !breaks() else { return }
            guard case .message(let message, _)? = read(frame) else { return }
            tellClient(.received(message))
        case .connect:
            connection = ConnectionID(rawValue: connection.rawValue + 1)
            isConnected = true
            var configuration = client.configuration
            configuration.reconnects = client.reconnects
            client = MiningClient(configuration)
            tellPool(.miningConnected(connection))
            tellClient(.connected)
        case .hash:
            for job in jobs.values.sorted(by: { $0.channelId < $1.channelId }) { mine(job) }
            plan(.hash, at: now + tick)
        case .poolWake: tellPool(.woke)
        case .clientWake: tellClient(.woke)
        case .happening(.pool(let event)): tellPool(event)
        case .happening(.tip(let number)):
            tellPool(.tip(PoolBench.nextBlock(previous: number, height: 300 + UInt32(number))))
        case .happening(.clientRate(let rate)):
            tellClient(.hashRate(HashRate(hashesPerSecond: rate)))
        case .happening(.anotherChannel(let wish)):
            if client.channel != nil { tellClient(.openChannel(wish, ticket: 7)) }
        }
    }

    /// Counts a message that would arrive, and breaks the connection where that was planned.
    private mutating func breaks() -> Bool {
        messages += 1
        guard let cut = faults.cutAfter, messages == cut + 1 else { return false }
        disconnect()
        return true
    }

    private mutating func disconnect() {
        isConnected = false
        jobs = [:]
        lost += open.count
        open = [:]
        lastArrival = [:]
        tellPool(.closed(connection))
        plan(.connect, at: now + .milliseconds(500))
    }

    private func read(_ frame: [UInt8]) -> Incoming<MiningMessage>? {
        guard let header = FrameHeader(frontOf: frame) else { return nil }
        return try? MiningMessage.read(header, Array(frame[FrameHeader.byteCount...]))
    }

    private mutating func send(_ frame: [UInt8]?, toPool: Bool, isAnswer: Bool = false) {
        guard let frame else { preconditionFailure("a message of ours cannot be encoded") }
        let millis =
            faults.latency.lowerBound
            + chance.next() % (faults.latency.upperBound - faults.latency.lowerBound + 1)
        let extra = isAnswer && faults.delaysAnswers ? chance.next() % 300 : 0
        let track = toPool ? "up" : isAnswer && faults.delaysAnswers ? "answers" : "down"
        let arrival = max(lastArrival[track] ?? now, now + .milliseconds(Int64(millis + extra)))
        lastArrival[track] = arrival
        plan(toPool ? .toPool(connection, frame) : .toClient(connection, frame), at: arrival)
    }

    private mutating func tellPool(_ event: PoolEvent) {
        let time = Self.unixStart + UInt32((now - Instant(nanoseconds: 0)).inSeconds)
        for action in pool.handle(event, at: now, unixTime: time) {
            switch action {
            case .sendMining(let id, let message):
                guard id == connection, isConnected else { continue }
                if case .setTarget(let new) = message { targets.append(Target(wire: new.maximumTarget)) }
                send(try? message.frame(), toPool: false, isAnswer: message.isShareAnswer)
            case .close(let id, _): if id == connection, isConnected { disconnect() }
            case .publish(let block, _): published.append(block)
            case .shareAccepted(_, let submitter, _, let hash, _):
                poolAccepted.append(hash)
                submitters.insert(submitter)
            case .wake(let at): plan(.poolWake, at: max(at, now))
            case .sendDeclaration, .check, .shareRejected, .declared, .customJobAccepted, .refused, .ignored:
                break
            }
        }
    }

    private mutating func tellClient(_ event: MiningClient.Event) {
        for action in client.handle(event, at: now) {
            switch action {
            case .send(let message): send(try? message.frame(), toPool: true)
            case .sendShare(let share, let worker):
                send(try? share.frame(trailing: worker.wireBytes), toPool: true)
            case .channelOpened(let channel): channelsOpened.append(channel)
            case .job(let job):
                jobs[job.channelId] = job
                jobsStarted += 1
            case .channelClosed(let channel, _): jobs[channel.channelId] = nil
            case .shareAccepted(let ticket):
                if let hash = open.removeValue(forKey: ticket) { settledAccepted.append(hash) }
            case .shareRejected(let ticket, let code):
                if open.removeValue(forKey: ticket) != nil { settledRejected.append(code.description) }
            case .shareUnanswered(let ticket): if open.removeValue(forKey: ticket) != nil { lost += 1 }
            case .failed(let fault):
                clientFaults.append(fault)
                disconnect()
            case .wake(let at): plan(.clientWake, at: max(at, now))
            case .channelRefused, .channelChanged, .customJobAccepted, .customJobRefused, .hashRateRefused,
                .reconnectAsked, .reconnectRefused, .ignored:
                break
            }
        }
    }

    private mutating func mine(_ job: PoolJob) {
        let extranonce = (0..<job.extranonceSize).map { _ in UInt8(truncatingIfNeeded: chance.next()) }
        let root = job.merkleRoot(extranonce: extranonce)
        for _ in 0..<hashesPerTick {
            nonce &+= 1
            let header = Header(
                version: job.version ^ (UInt32(truncatingIfNeeded: chance.next()) & job.versionMask),
                previousBlock: job.previousBlock, merkleRoot: root, time: job.latestTime(at: now),
                bits: job.bits, nonce: nonce)
            let hash = header.hash
            guard job.target.isMet(by: hash) else { continue }
            lastTicket += 1
            open[lastTicket] = hash
            tellClient(
                .submit(
                    header, extranonce: extranonce, jobId: job.jobId, ticket: lastTicket,
                    channelId: job.channelId, worker: worker))
        }
    }
}

extension MiningMessage {
    var isShareAnswer: Bool {
        switch self {
        case .submitSharesSuccess, .submitSharesError: true
        default: false  // a test's question about two messages of many
        }
    }
}

extension MiningClient.Configuration {
    static func forPair(
        _ work: MiningClient.Work, _ kind: ChannelKind, rate: Double = 1
    ) -> MiningClient.Configuration {
        let identity = ClientIdentity(
            endpointHost: "pool.example", endpointPort: 3333, vendor: "Adit", hardwareVersion: "",
            firmware: "test")
        var configuration = MiningClient.Configuration(
            identity: identity, userIdentity: "alice", nominalHashRate: HashRate(hashesPerSecond: rate),
            minimumExtranonceSize: kind == .extended ? 4 : 0)
        (configuration.work, configuration.channelKind) = (work, kind)
        return configuration
    }
}
