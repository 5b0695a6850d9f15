import BitcoinPrimitives
public import Units

/// A pool's side of Stratum V1, with all its miners: a core. Tolerant of shipping firmware, exact about work.
public struct SV1Server: Sendable {
    /// Jobs whose shares are taken; with more, the oldest is stale (sv2-notes §15).
    public static let maximumJobs = 64
    /// User names on one connection.
    public static let maximumUsers = 16
    /// Lines that are no messages, before a connection is closed.
    public static let maximumBadLines = 8

    /// What a miner was given with its jobs, from one of them on.
    struct Issue: Hashable, Sendable {
        var firstJob: UInt64
        var grant: ExtranonceGrant
        var difficulty: ShareDifficulty
        var versionMask: UInt32
    }

    struct Miner: Hashable, Sendable {
        var opened: Instant
        var lastHeard: Instant
        /// Tells this connection's extranonce1 from all others.
        let number: UInt32
        var grant: ExtranonceGrant?
        var users: [String] = []
        var difficulty: ShareDifficulty
        var minimumDifficulty: ShareDifficulty
        /// What the miner can roll; nil before it has asked.
        var rollableBits: UInt32?
        var followsExtranonce = false
        var isStranded = false
        /// Oldest first; at most one for each job kept.
        var issues: [Issue] = []
        /// Shares of this tip.
        var seen = 0
        var badLines = 0

        var isReady: Bool { grant != nil && !users.isEmpty }
    }

    struct Job: Hashable, Sendable {
        let serial: UInt64
        let work: NotifyParameters
    }

    public internal(set) var configuration: Configuration
    var miners: [UInt64: Miner] = [:]
    var numbers: Set<UInt32> = []
    var nextNumber: UInt32
    /// Of this tip and since the last clean job; newest last.
    var jobs: [Job] = []
    var nextJob: UInt64 = 1
    /// Hashes of shares of this tip.
    var seen: Set<Hash256> = []
    private var nextSweep: Instant?

    /// How often deadlines are looked at.
    static let sweep = Duration.seconds(5)

    /// - Parameter firstNumber: where the numbers that tell connections apart begin.
    public init(configuration: Configuration, firstNumber: UInt32 = 1) {
        precondition(
            (2...4).contains(configuration.connectionBytes), "connections are told apart by 2 to 4 bytes")
        precondition(configuration.maximumConnections < 1 << 15, "two bytes tell that many connections apart")
        self.configuration = configuration
        nextNumber = firstNumber
    }

    public var connectionCount: Int { miners.count }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions = [Action]()
        switch event {
        case .connected(let connection): admit(connection, at: now, &actions)
        case .disconnected(let connection): forget(connection)
        case .received(let connection, let line):
            guard miners[connection] != nil else { return [] }
            miners[connection]?.lastHeard = now
            receive(line, from: connection, &actions)
        case .job(let work): publish(work, &actions)
        case .setDifficulty(let connection, let difficulty):
            guard let miner = miners[connection] else { return [] }
            set(max(difficulty, miner.minimumDifficulty), of: connection, &actions)
        case .setVersionMask(let mask):
            configuration.versionMask = mask
            for (connection, miner) in miners.sorted(by: { $0.key < $1.key }) {
                guard let bits = miner.rollableBits else { continue }
                actions.append(.send(connection, PoolMessage.setVersionMask(bits & mask).line))
            }
        case .setExtranonce(let prefix, let size): move(to: prefix, size: size, &actions)
        case .showMessage(let connection, let text):
            guard miners[connection] != nil else { return [] }
            actions.append(.send(connection, PoolMessage.showMessage(text).line))
        case .reconnect(let connection, let host, let port, let wait):
            guard miners[connection] != nil else { return [] }
            let message = PoolMessage.reconnect(host: host, port: port, wait: wait)
            actions.append(.send(connection, message.line))
        case .woke: sweep(at: now, &actions)
        }
        return actions
    }

    // MARK: connections

    private mutating func admit(_ connection: UInt64, at now: Instant, _ actions: inout [Action]) {
        precondition(miners[connection] == nil, "a connection has its own number")
        guard miners.count < configuration.maximumConnections else {
            return actions.append(
                .close(connection, .tooManyConnections(limit: configuration.maximumConnections)))
        }
        miners[connection] = Miner(
            opened: now, lastHeard: now, number: takeNumber(), difficulty: configuration.startDifficulty,
            minimumDifficulty: configuration.minimumDifficulty)
        if nextSweep == nil {
            nextSweep = now + SV1Server.sweep
            actions.append(.wake(at: now + SV1Server.sweep))
        }
    }

    /// Numbers come round only after all others have been used.
    private mutating func takeNumber() -> UInt32 {
        let mask: UInt32 =
            configuration.connectionBytes == 4 ? .max : 1 << (8 * configuration.connectionBytes) - 1
        while numbers.contains(nextNumber & mask) { nextNumber &+= 1 }
        defer { nextNumber &+= 1 }
        numbers.insert(nextNumber & mask)
        return nextNumber & mask
    }

    private mutating func forget(_ connection: UInt64) {
        guard let miner = miners.removeValue(forKey: connection) else { return }
        numbers.remove(miner.number)
    }

    mutating func close(_ connection: UInt64, _ reason: SV1ServerClosure, _ actions: inout [Action]) {
        forget(connection)
        actions.append(.close(connection, reason))
    }

    private mutating func sweep(at now: Instant, _ actions: inout [Action]) {
        guard let due = nextSweep, now >= due else { return }
        for (connection, miner) in miners.sorted(by: { $0.key < $1.key }) {
            if !miner.isReady, now >= miner.opened + configuration.handshakeDeadline {
                close(connection, .handshakeDeadline, &actions)
            } else if now >= miner.lastHeard + configuration.silenceDeadline {
                close(connection, .silence, &actions)
            }
        }
        nextSweep = miners.isEmpty ? nil : now + SV1Server.sweep
        if let nextSweep { actions.append(.wake(at: nextSweep)) }
    }

    // MARK: jobs

    private mutating func publish(_ work: NotifyParameters, _ actions: inout [Action]) {
        var work = work
        let serial = nextJob
        nextJob += 1
        work.jobID = String(serial, radix: 16)
        if jobs.last?.work.previousBlock != work.previousBlock {
            work.cleanJobs = true
            seen = []
            for connection in miners.keys { miners[connection]?.seen = 0 }
        }
        let kept = work.cleanJobs ? [] : jobs.suffix(SV1Server.maximumJobs - 1)
        jobs = kept + [Job(serial: serial, work: work)]
        for connection in miners.keys.sorted() where miners[connection]?.isReady == true {
            send(jobs[jobs.count - 1], to: connection, clean: work.cleanJobs, &actions)
        }
    }

    /// - Parameter clean: told to this miner; its first job is always clean.
    private mutating func send(_ job: Job, to connection: UInt64, clean: Bool, _ actions: inout [Action]) {
        guard var miner = miners[connection], let grant = miner.grant, !miner.isStranded else { return }
        let issue = Issue(
            firstJob: job.serial, grant: grant, difficulty: miner.difficulty, versionMask: mask(of: miner))
        let oldest = jobs[0].serial
        if clean { miner.issues = [] }
        // Only the last of those before the oldest job is of use.
        if let useful = miner.issues.lastIndex(where: { $0.firstJob <= oldest }) {
            miner.issues.removeFirst(useful)
        }
        var same = miner.issues.last
        same?.firstJob = job.serial
        if same != issue { miner.issues.append(issue) }
        miners[connection] = miner
        var work = job.work
        work.cleanJobs = clean
        actions.append(.send(connection, PoolMessage.notify(work).line))
    }

    func mask(of miner: Miner) -> UInt32 { (miner.rollableBits ?? 0) & configuration.versionMask }

    /// What a miner needs to begin, once it is subscribed and authorized.
    mutating func begin(_ connection: UInt64, _ actions: inout [Action]) {
        guard let miner = miners[connection], miner.isReady else { return }
        actions.append(.send(connection, PoolMessage.setDifficulty(miner.difficulty).line))
        guard let job = jobs.last else { return }
        send(job, to: connection, clean: true, &actions)
    }

    mutating func set(_ difficulty: ShareDifficulty, of connection: UInt64, _ actions: inout [Action]) {
        guard let miner = miners[connection], miner.difficulty != difficulty else { return }
        miners[connection]?.difficulty = difficulty
        guard miner.isReady else { return }
        actions.append(.send(connection, PoolMessage.setDifficulty(difficulty).line))
    }

    // MARK: extranonce

    func grant(to miner: Miner) -> ExtranonceGrant {
        let bytes = (0..<configuration.connectionBytes).reversed().map {
            UInt8(truncatingIfNeeded: miner.number >> (8 * $0))
        }
        return ExtranonceGrant(
            extranonce1: configuration.extranoncePrefix + bytes,
            extranonce2Size: configuration.extranonce2Size)
    }

    private mutating func move(to prefix: [UInt8], size: Int, _ actions: inout [Action]) {
        configuration.extranoncePrefix = prefix
        configuration.extranonce2Size = size
        for (connection, miner) in miners.sorted(by: { $0.key < $1.key }) {
            guard let old = miner.grant else { continue }
            let new = grant(to: miner)
            if new == old {
                miners[connection]?.isStranded = false
            } else if miner.followsExtranonce {
                miners[connection]?.grant = new
                actions.append(.send(connection, PoolMessage.setExtranonce(new).line))
            } else {
                miners[connection]?.isStranded = true
                actions.append(.cannotFollow(connection))
            }
        }
    }
}
