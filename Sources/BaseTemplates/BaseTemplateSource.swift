public import BitcoinPrimitives
import SV2Codec
public import TemplateBuilding
public import Units

/// The list that a pool offers, one for all clients: turns what its node says into numbered messages, each made once.
///
/// A change of the mempool waits for the interval, a new tip does not. The bytes of transactions stay with the owner.
/// Source: docs/base-template-extension.md.
public struct BaseTemplateSource: Sendable {
    public struct Configuration: Hashable, Sendable {
        /// Between two changes of a list at the same tip.
        public var interval = Duration.seconds(1)
        /// Messages that one change may take; what does not fit comes with the next one.
        public var messagesPerChange = 4
        /// Something is said at least so often.
        public var heartbeat = Duration.seconds(30)
        /// Messages kept for clients that are behind, and their bytes.
        public var maximumLog = 256
        public var maximumLogBytes = 1 << 20
        /// Full lists kept for clients that are taking them.
        public var maximumSnapshots = 4

        public init() {}
    }

    public enum Event: Sendable {
        /// A new tip, while it is not known what its block left of the mempool: `candidates` must follow. Of the same
        /// tip, other terms.
        case tip(NextBlock)
        /// The candidates at this tip, best first, parents before children. See ``candidates(of:blocks:)``.
        case candidates([MempoolEntry])
        /// Both at once.
        case block(NextBlock, [MempoolEntry])
        case coinbase(CoinbaseRules)
        case woke
    }

    public enum Action: Hashable, Sendable {
        /// There is more for every link: `BaseTemplateServer.Event.published`.
        case published
        /// So many of the candidates offered last are not in the list, because it cannot hold them.
        case leftOut(Int)
        case wake(at: Instant)
    }

    public let configuration: Configuration
    public private(set) var rules: CoinbaseRules
    public private(set) var tip: BaseTemplateTip?
    /// The number of the last message.
    public private(set) var sequence: UInt64 = 0
    /// As clients have it who took the last message.
    public private(set) var published = CandidateList()
    public private(set) var isCurrent = false
    private var wanted = WantedCandidates()
    /// Whether `wanted` is of this tip.
    private var isOffered = false
    private var hasMore = false
    private var lastChange: Instant?
    private var lastMessage = Instant(nanoseconds: 0)
    /// The last of them has the number `sequence`.
    private var log: [[UInt8]] = []
    private(set) var logBytes = 0
    private var snapshots: [Snapshot] = []
    private var announcedWake: Instant?
    private var headerTime: UInt32 = 0

    /// - Parameter rules: checked; wrong ones are a wrong call.
    public init(_ configuration: Configuration = Configuration(), rules: CoinbaseRules) {
        precondition((try? rules.check()) != nil, "a pool's own demands can be met")
        precondition(configuration.messagesPerChange > 0 && configuration.maximumSnapshots > 0)
        self.configuration = configuration
        self.rules = rules
    }

    /// The best of a mempool for so many blocks, in the order in which blocks would have it: what is left for the next
    /// block when one is found is in it too.
    public static func candidates(of mempool: inout Mempool, blocks: Int = 2) -> [MempoolEntry] {
        precondition((1...8).contains(blocks), "more candidates do not fit in a list")
        let choice = mempool.choose(
            weight: Weight(weightUnits: Weight.block.weightUnits * UInt64(blocks)),
            sigopCost: maximumBlockSigopCost * blocks)
        return mempool.entries(of: choice)
    }

    /// - Parameter unixTime: the wall clock, seconds since 1970, for header times.
    public mutating func handle(_ event: Event, at now: Instant, unixTime: UInt32) -> [Action] {
        let before = sequence
        var actions = [Action]()
        headerTime = unixTime
        switch event {
        case .tip(let next): change(to: next, at: now)
        case .candidates(let entries):
            actions += offer(entries)
            if !isCurrent || isDue(now) { publishChange(at: now) }
        case .block(let next, let entries):
            actions += offer(entries)
            if next.previousBlock == tip?.next.previousBlock {
                change(to: next, at: now)
                isOffered = true
                if !isCurrent || isDue(now) { publishChange(at: now) }
            } else {
                publishBlock(next, at: now)
            }
        case .coinbase(let new):
            precondition((try? new.check()) != nil, "a pool's own demands can be met")
            if new != rules {
                rules = new
                if tip != nil {
                    publish(
                        SetBaseTemplateConstraints(sequence: sequence + 1, constraints: new.fields), at: now)
                }
            }
        case .woke:
            announcedWake = nil
            if isOffered, isDue(now) { publishChange(at: now) }
            if tip != nil, now >= lastMessage + configuration.heartbeat { publishDelta([], [], at: now) }
        }
        if sequence != before { actions.insert(.published, at: 0) }
        if let next = nextDeadline, next != announcedWake {
            announcedWake = next
            actions.append(.wake(at: next))
        }
        return actions
    }

    /// When `woke` is wanted next.
    public var nextDeadline: Instant? {
        guard tip != nil else { return nil }
        let heartbeat = lastMessage + configuration.heartbeat
        guard hasMore, let lastChange else { return heartbeat }
        return min(heartbeat, lastChange + configuration.interval)
    }

    private func isDue(_ now: Instant) -> Bool {
        lastChange.map { now >= $0 + configuration.interval } ?? true
    }

    // MARK: What is wanted

    private mutating func offer(_ entries: [MempoolEntry]) -> [Action] {
        let before = wanted.leftOut
        wanted = WantedCandidates(entries)
        isOffered = true
        hasMore = true
        return wanted.leftOut == before ? [] : [.leftOut(wanted.leftOut)]
    }

    private mutating func change(to next: NextBlock, at now: Instant) {
        var same = next
        same.currentTime = tip?.next.currentTime ?? next.currentTime
        guard same != tip?.next else { return }
        if tip?.next.previousBlock != next.previousBlock {
            wanted = WantedCandidates()
            (isOffered, hasMore, isCurrent) = (false, false, false)
        }
        tip = BaseTemplateTip(next)
        publishTip(removing: [], at: now)
    }

    private mutating func publishBlock(_ next: NextBlock, at now: Instant) {
        tip = BaseTemplateTip(next)
        let removed = wanted.difference(from: published).removed
        let first = Array(removed.prefix(Self.removedPerTip))
        isCurrent = first.count == removed.count
        publishTip(removing: first, at: now)
        publishChange(at: now)
    }

    // MARK: Messages

    /// Indexes and bytes of records that a message has room for beside its other fields, whose sizes stand in the
    /// document; a tip's prefix counts with the most it may have.
    static let removedPerTip = (BaseTemplateExtension.maximumPayload - 21 - 97 - 64) / 2
    static let deltaRoom = BaseTemplateExtension.maximumPayload - 27

    /// Makes the list what is wanted, as far as one change may.
    private mutating func publishChange(at now: Instant) {
        guard tip != nil, isOffered else { return }
        var (removed, added) = wanted.difference(from: published)
        hasMore = false
        let mustSay = !isCurrent
        guard mustSay || !removed.isEmpty || !added.isEmpty else { return }
        lastChange = now
        while removed.count > Self.deltaRoom / 2 {
            isCurrent = false
            let part = Array(removed.prefix(Self.deltaRoom / 2))
            removed.removeFirst(part.count)
            publishDelta(part, [], at: now)
        }
        isCurrent = true
        var rest = added[...]
        // The first list of all is nobody's change.
        let most = published.count == removed.count ? Int.max : configuration.messagesPerChange
        for _ in 0..<most {
            publishDelta(removed, &rest, at: now)
            removed = []
            if rest.isEmpty { break }
        }
        hasMore = !rest.isEmpty
    }

    private mutating func publishDelta(_ removed: [UInt16], _ added: [MempoolEntry], at now: Instant) {
        var added = added[...]
        publishDelta(removed, &added, at: now)
    }

    /// One message with all of `removed` and as many of `added` as it holds, which are taken away there.
    private mutating func publishDelta(
        _ removed: [UInt16], _ added: inout ArraySlice<MempoolEntry>, at now: Instant
    ) {
        depart(removed)
        var delta = BaseTemplateDelta()
        var room = Self.deltaRoom - 2 * removed.count
        var count = 0
        for entry in added {
            room -= CandidateRecords.sizeBound(entry)
            if room < 0 { break }
            count += 1
        }
        var previous: UInt16?
        for (index, entry) in zip(published.freeIndexes(count), added.prefix(count)) {
            let candidate = candidate(entry, at: index)
            arrive(candidate)
            CandidateRecords.append(candidate, after: previous, to: &delta.added)
            previous = index
        }
        added = added.dropFirst(count)
        delta.sequence = sequence + 1
        delta.listIsCurrent = isCurrent
        delta.headerTimestamp = max(headerTime, tip?.next.minimumTime ?? 0)
        delta.removed = removed
        delta.candidateCount = UInt16(published.count)
        delta.checksum = published.checksum
        publish(delta, at: now)
    }

    private mutating func publishTip(removing removed: [UInt16], at now: Instant) {
        guard var tip else { preconditionFailure("there is a tip to speak of") }
        tip.next.currentTime = max(headerTime, tip.next.minimumTime)
        self.tip = tip
        depart(removed)
        var message = NewBaseTemplateTip()
        message.sequence = sequence + 1
        message.listIsCurrent = isCurrent
        message.tip = tip.fields
        message.removed = removed
        message.candidateCount = UInt16(published.count)
        message.checksum = published.checksum
        publish(message, at: now)
    }

    private mutating func depart(_ removed: [UInt16]) {
        guard (try? published.remove(removed)) != nil else { preconditionFailure("what goes is there") }
    }

    private mutating func arrive(_ candidate: Candidate) {
        guard (try? published.add([candidate])) != nil else { preconditionFailure("what comes was checked") }
    }

    private func candidate(_ entry: MempoolEntry, at index: UInt16) -> Candidate {
        Candidate(
            index: index, txid: entry.txid, wtxid: entry.wtxid, fee: entry.fee,
            weight: UInt32(entry.weight.weightUnits), sigopCost: UInt32(entry.sigopCost),
            parents: Set(entry.parents.compactMap { published.index(of: $0) }).sorted())
    }

    private mutating func publish(_ message: some BaseTemplatePayload, at now: Instant) {
        guard let frame = try? message.frame() else { preconditionFailure("what we compose fits in a frame") }
        sequence += 1
        lastMessage = now
        log.append(frame)
        logBytes += frame.count
        while log.count > configuration.maximumLog || logBytes > configuration.maximumLogBytes {
            logBytes -= log.removeFirst().count
        }
    }

    // MARK: For links

    /// The message of that number as a frame; `nil` when it is no longer kept, or not there yet.
    func frame(_ number: UInt64) -> [UInt8]? {
        guard number <= sequence, sequence - number < UInt64(log.count) else { return nil }
        return log[log.count - 1 - Int(sequence - number)]
    }

    /// A full list that a client can take and go on from; `nil` without a tip.
    ///
    /// The last one made is given again as long as what came after it is short beside it.
    mutating func snapshot() -> Snapshot? {
        guard let tip else { return nil }
        if let last = snapshots.last, last.sequence == sequence || bytes(after: last) <= last.listBytes / 4 {
            return last
        }
        let new = Snapshot(of: published, at: sequence, tip: tip, rules: rules, isCurrent: isCurrent)
        snapshots.append(new)
        if snapshots.count > configuration.maximumSnapshots { snapshots.removeFirst() }
        return new
    }

    func snapshot(at number: UInt64) -> Snapshot? { snapshots.last { $0.sequence == number } }

    private func bytes(after snapshot: Snapshot) -> Int {
        let behind = sequence - snapshot.sequence
        guard behind <= UInt64(log.count) else { return .max }
        return log.suffix(Int(behind)).reduce(0) { $0 + $1.count }
    }
}
