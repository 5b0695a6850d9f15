public import BitcoinPrimitives
public import Units

/// Brings found blocks out of the house: into a file and onto every route in the step that found them, again where a
/// route fails, later where it is down, and after a crash from the file.
///
/// **Attempts.** A route has at most one attempt of a block under way. Nodes and peers take a block again: after a failure
/// or ``answerDeadline`` without a word there is another attempt, a wait of ``firstRetry`` later, doubled each time up to
/// ``longestRetry``, and at once when the route comes back. Routes of the job take it once: again only when the edge
/// says that the attempt failed, or when they come back and remember. After ``maximumAttempts`` a route is given up.
///
/// **How long.** A block is kept until ``burial`` blocks stand on it or on what took its place, or for ``lifetime``; then
/// its file is settled. In memory are ``maximumBlocks`` at most. What goes first: the oldest that a node confirmed, then
/// the oldest that lost its place, then the oldest in a file, then the oldest. What goes undecided comes back from its
/// file when there is room.
public struct BlockDelivery: Sendable {
    /// Four megabytes each at worst.
    public static let maximumBlocks = 8
    public static let maximumNodes = 16
    public static let maximumChains = 24
    /// Of one block.
    public static let maximumUpstreamRoutes = 8
    public static let maximumAncestors = 12
    /// Files that wait to be read; beyond them, the lowest are left for the next start.
    public static let maximumStored = 1_000
    public static let maximumAttempts = 300
    public static let maximumWrites = 20
    public static let confirmationDeadline = Duration.seconds(2)
    public static let answerDeadline = Duration.seconds(30)
    public static let firstRetry = Duration.milliseconds(250)
    public static let longestRetry = Duration.seconds(15)
    public static let lifetime = Duration.seconds(3_600)
    /// Blocks on top of a height after which nothing is decided there any more.
    public static let burial: UInt32 = 6
    /// Blocks from the file among those in memory; the rest of the room is for new ones.
    static let maximumFromFiles = 4

    public enum Event: Hashable, Sendable {
        /// A second time it is nothing new.
        case found(MinedBlock)
        /// The files that the start found unsettled, once, as the first event.
        case stored([StoredBlock])
        /// What a file holds that was to be loaded; `nil` when it cannot be read.
        case loaded(StoredBlock, MinedBlock?)
        case written(Hash256)
        /// Both in the edge's words.
        case writeFailed(Hash256, String), syncFailed(Hash256, String)
        case answered(Hash256, BlockRoute, attempt: Int, BlockAnswer)
        /// Something can be sent again. `remembers`: the other side still knows the jobs and templates of before.
        case up(BlockRoute, remembers: Bool)
        /// Nothing can be sent; a route of which nothing was said is up.
        case down(BlockRoute)
        /// Of a node, or of a template provider, whose new previous block is its node's tip.
        case tip(BlockRoute, ChainTip)
        case woke
    }

    /// In the order to carry them out; none waits for another.
    public enum Action: Hashable, Sendable {
        /// To a file, without waiting for the disk.
        case write(MinedBlock)
        case send(MinedBlock, BlockRoute, attempt: Int)
        /// Makes the disk keep the file, on a thread that nobody waits for.
        case sync(Hash256)
        /// Reads a file, off the loop.
        case load(StoredBlock)
        /// Marks the file, which need not exist, so that no start takes it up again.
        case settle(StoredBlock, BlockOutcome)
        /// Replaces the time asked for before.
        case wake(at: Instant)
        case notice(Notice)
        case alarm(BlockAlarm)
    }

    /// For the log.
    public enum Notice: Hashable, Sendable {
        case answered(Hash256, BlockRoute, BlockAnswer)
        /// A node's best chain has the block.
        case confirmed(StoredBlock, by: BlockRoute, after: Duration)
        case settled(StoredBlock, BlockOutcome)
        /// Out of memory, and back from the file when there is room.
        case setAside(StoredBlock)
        /// So many files wait for the next start.
        case tooManyStored(Int)
    }

    enum File: Hashable, Sendable {
        case writing(attempt: Int)
        /// Written or on the disk, or where it came from.
        case there
        case failed(attempt: Int, retryAt: Instant?)
    }

    struct Entry: Sendable {
        let block: MinedBlock
        let since: Instant
        let isFromFile: Bool
        var file: File
        var lanes: [Lane]
        /// When it will be said loudly that nobody has confirmed the block.
        var alarmAt: Instant?
        /// What each node's best chain has at the block's height, where that is known.
        var views: [BlockRoute: BlockAlarm.View] = [:]

        var name: StoredBlock { StoredBlock(hash: block.hash, height: block.height) }
        var isConfirmed: Bool { views.values.contains(.ours) }
        var isReplaced: Bool { !isConfirmed && !views.isEmpty }
        var outcome: BlockOutcome {
            if isConfirmed { return .confirmed }
            if isReplaced { return .replaced }
            return lanes.contains { $0.answer?.isTaken ?? false } ? .delivered : .unconfirmed
        }
    }

    let routes: [BlockRoute]
    var entries: [Entry] = []
    /// Of each node that told its tip.
    var chains: [(route: BlockRoute, chain: Chain)] = []
    var down: Set<BlockRoute> = []
    /// Highest last.
    var waitingFiles: [StoredBlock] = []
    var loading: StoredBlock?
    private var wakeAt: Instant?

    /// - Parameters:
    ///   - nodes: as many as are configured; their routes have the numbers from 0.
    ///   - hasPeers: whether there is anybody to announce to.
    public init(nodes: Int, hasPeers: Bool) {
        precondition((0...Self.maximumNodes).contains(nodes), "a few nodes")
        routes = (0..<nodes).map { .node($0) } + (hasPeers ? [.peers] : [])
    }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions = [Action]()
        switch event {
        case .found(let block): take(block, isFromFile: false, at: now, &actions)
        case .stored(let files): keep(files, &actions)
        case .loaded(let file, let block):
            guard loading == file else { break }
            loading = nil
            if let block { take(block, isFromFile: true, at: now, &actions) }
        case .written(let hash):
            if let i = index(of: hash) { entries[i].file = .there }
        case .writeFailed(let hash, let why): fileFailed(hash, why, at: now, &actions)
        case .syncFailed(let hash, let why):
            if let i = index(of: hash) { actions.append(.alarm(alarm(i, .notOnDisk(why)))) }
        case .answered(let hash, let route, let attempt, let answer):
            answered(hash, route, attempt, answer, at: now, &actions)
        case .up(let route, let remembers): cameBack(route, remembers, at: now, &actions)
        case .down(let route): wentAway(route)
        case .tip(let route, let tip): see(tip, of: route, at: now, &actions)
        case .woke: wakeAt = nil
        }
        passTime(to: now, &actions)
        settle(at: now, &actions)
        loadNext(&actions)
        let next = nextDeadline(after: now)
        if next != wakeAt, let next { actions.append(.wake(at: next)) }
        wakeAt = next
        return actions
    }

    /// How many blocks are in memory.
    public var count: Int { entries.count }

    func index(of hash: Hash256) -> Int? { entries.firstIndex { $0.block.hash == hash } }

    // MARK: in and out of memory

    private mutating func take(
        _ block: MinedBlock, isFromFile: Bool, at now: Instant, _ actions: inout [Action]
    ) {
        guard index(of: block.hash) == nil else { return }
        if entries.count == Self.maximumBlocks {
            guard !isFromFile else { return enqueue(StoredBlock(hash: block.hash, height: block.height)) }
            makeRoom(&actions)
        }
        let upstream = isFromFile ? [] : block.upstreamRoutes
        entries.append(
            Entry(
                block: block, since: now, isFromFile: isFromFile,
                file: isFromFile ? .there : .writing(attempt: 1),
                lanes: (upstream + routes).map { Lane(route: $0) }, alarmAt: now + Self.confirmationDeadline))
        let i = entries.count - 1
        if !isFromFile { actions.append(.write(block)) }
        for lane in entries[i].lanes.indices { send(i, lane, at: now, &actions) }
        if !isFromFile { actions.append(.sync(block.hash)) }
        for (route, _) in chains { look(i, on: route, at: now, &actions) }
    }

    private mutating func makeRoom(_ actions: inout [Action]) {
        let leaving =
            entries.firstIndex { $0.isConfirmed } ?? entries.firstIndex { $0.isReplaced }
            ?? entries.firstIndex { $0.file == .there } ?? entries.startIndex
        let entry = entries[leaving]
        if entry.isConfirmed || entry.isReplaced {
            actions += [.settle(entry.name, entry.outcome), .notice(.settled(entry.name, entry.outcome))]
        } else if entry.file == .there {
            actions.append(.notice(.setAside(entry.name)))
            if waitingFiles.count < Self.maximumStored { enqueue(entry.name) }
        } else {
            actions.append(.alarm(alarm(leaving, .dropped)))
        }
        entries.remove(at: leaving)
    }

    private mutating func keep(_ files: [StoredBlock], _ actions: inout [Action]) {
        for file in files.sorted(by: { $0.height > $1.height }).prefix(Self.maximumStored) { enqueue(file) }
        if files.count > Self.maximumStored {
            actions.append(.notice(.tooManyStored(files.count - Self.maximumStored)))
        }
    }

    private mutating func enqueue(_ file: StoredBlock) {
        guard !waitingFiles.contains(file) else { return }
        waitingFiles.insert(
            file, at: waitingFiles.firstIndex { $0.height > file.height } ?? waitingFiles.endIndex)
    }

    private mutating func loadNext(_ actions: inout [Action]) {
        guard loading == nil, entries.count(where: \.isFromFile) < Self.maximumFromFiles,
            entries.count < Self.maximumBlocks - 1, let next = waitingFiles.popLast()
        else { return }
        loading = next
        actions.append(.load(next))
    }

    private mutating func settle(at now: Instant, _ actions: inout [Action]) {
        let top = chains.map(\.chain.height).max() ?? 0
        entries.removeAll { entry in
            let height = entry.block.height
            let isBuried = top >= height && top - height >= Self.burial
            guard isBuried || now - entry.since >= Self.lifetime, !entry.lanes.contains(where: \.isUnderWay)
            else { return false }
            actions += [.settle(entry.name, entry.outcome), .notice(.settled(entry.name, entry.outcome))]
            return true
        }
    }

    // MARK: file and time

    private mutating func fileFailed(
        _ hash: Hash256, _ why: String, at now: Instant, _ actions: inout [Action]
    ) {
        guard let i = index(of: hash), case .writing(let attempt) = entries[i].file else { return }
        let retryAt = attempt < Self.maximumWrites ? now + Self.wait(afterAttempt: attempt) : nil
        entries[i].file = .failed(attempt: attempt, retryAt: retryAt)
        // Once; the reports of later alarms have it too.
        if attempt == 1 { actions.append(.alarm(alarm(i, .notWritten(why)))) }
    }

    private mutating func passTime(to now: Instant, _ actions: inout [Action]) {
        for i in entries.indices {
            if let at = entries[i].alarmAt, at <= now {
                entries[i].alarmAt = nil
                if !entries[i].isConfirmed {
                    actions.append(.alarm(alarm(i, .unconfirmed(after: now - entries[i].since))))
                }
            }
            if case .failed(let attempt, let at?) = entries[i].file, at <= now {
                entries[i].file = .writing(attempt: attempt + 1)
                actions += [.write(entries[i].block), .sync(entries[i].block.hash)]
            }
            for lane in entries[i].lanes.indices { passTime(i, lane, to: now, &actions) }
        }
    }

    /// A lifetime that is over waits for what is under way, whose deadline is there too.
    private func nextDeadline(after now: Instant) -> Instant? {
        entries.flatMap { entry in
            var times = entry.lanes.compactMap(\.deadline) + [entry.since + Self.lifetime]
            if let alarmAt = entry.alarmAt { times.append(alarmAt) }
            if case .failed(_, let retryAt?) = entry.file { times.append(retryAt) }
            return times.filter { $0 > now }
        }.min()
    }

    /// After the first attempt 250 ms, after the seventh and all later ones 15 s.
    static func wait(afterAttempt attempt: Int) -> Duration {
        min(longestRetry, firstRetry * (1 << min(attempt - 1, 10)))
    }
}
