public import BitcoinPrimitives
import Foundation

/// Keeps accepted shares and found blocks in a database, written in batches on a thread of its own.
///
/// Nothing is said to be kept before the disk has it. While it cannot be written to, everything waits in memory, says
/// so, and is written once that is possible again. How much may wait is the pool's to bound
/// (`PoolConfiguration.maximumUnkeptShares`); the bound here is beyond that one.
public final class ShareLedger: Sendable {
    public struct Settings: Hashable, Sendable {
        /// How long the first share of a batch waits for others.
        public var gathering = Duration.milliseconds(100)
        /// Entries of one transaction.
        public var maximumBatch = 1_000
        /// Entries that may wait. More shares are a wrong call; what is then told of blocks is left out.
        public var maximumWaiting = 1 << 18
        /// Between two attempts while nothing can be written.
        public var retry = Duration.seconds(1)
        /// Between two words about the same failure.
        public var reminder = Duration.seconds(60)
        /// Of 4,096 bytes, for tests: a disk that is full.
        var maximumPages: Int?

        public init() {}
    }

    private let file: LedgerFile
    private let inbox: Inbox
    private let settings: Settings
    private let observe: @Sendable (LedgerNews) -> Void

    /// Opens the file, makes it when it is missing, and begins to write.
    ///
    /// - Parameter observe: called on the ledger's thread.
    public init(
        path: String, settings: Settings = Settings(), observe: @escaping @Sendable (LedgerNews) -> Void
    ) throws(LedgerFault) {
        file = try LedgerFile(path: path, maximumPages: settings.maximumPages)
        inbox = Inbox()
        self.settings = settings
        self.observe = observe
        let writer = LedgerWriter(file: file, inbox: inbox, settings: settings, observe: observe)
        let thread = Thread { writer.run() }
        thread.name = "share ledger"
        thread.start()
    }

    /// Takes a share, without waiting. `LedgerNews.kept` says when it outlives a restart.
    public func keep(_ share: LedgerShare) {
        let count = inbox.append(.share(share))
        precondition(count <= settings.maximumWaiting, "the pool bounds what waits")
    }

    /// What became of a block whose share was kept before, without waiting.
    ///
    /// - Parameter unixTime: when, seconds since 1970.
    public func note(block: Hash256, _ state: BlockState, detail: String? = nil, unixTime: UInt32) {
        guard inbox.count < settings.maximumWaiting / 2 else { return }
        _ = inbox.append(.block(block, state, detail: detail, time: unixTime))
    }

    /// Writes what waits, once, and ends. Blocks until then.
    ///
    /// - Returns: entries that could not be written. None of them was said to be kept.
    @discardableResult
    public func close() -> Int {
        let left = inbox.close()
        file.close()
        return left
    }
}

/// What waits to be written. The lock of `condition` guards everything in it, which makes it Sendable.
private final class Inbox: @unchecked Sendable {
    private let condition = NSCondition()
    private var entries: [LedgerEntry] = []
    private var isClosing = false
    private var hasEnded = false

    var count: Int {
        condition.lock()
        defer { condition.unlock() }
        return entries.count
    }

    func append(_ entry: LedgerEntry) -> Int {
        condition.lock()
        defer { condition.unlock() }
        entries.append(entry)
        condition.broadcast()
        return entries.count
    }

    /// Returns what is left when the writer has ended.
    func close() -> Int {
        condition.lock()
        defer { condition.unlock() }
        isClosing = true
        condition.broadcast()
        while !hasEnded { condition.wait() }
        return entries.count
    }

    /// The next entries, in order; waits for the first, and then for others to go with it. Empty when it is closed and
    /// nothing waits.
    func next(_ limit: Int, gathering: Duration) -> ArraySlice<LedgerEntry> {
        condition.lock()
        defer { condition.unlock() }
        while entries.isEmpty, !isClosing { condition.wait() }
        let until = Date(timeIntervalSinceNow: gathering / .seconds(1))
        while entries.count < limit, !isClosing, condition.wait(until: until) {}
        return entries.prefix(limit)
    }

    /// Takes away what was written.
    func drop(_ count: Int) {
        condition.lock()
        defer { condition.unlock() }
        entries.removeFirst(count)
    }

    /// Waits, unless it is closed. Returns whether it is closed.
    func pause(_ duration: Duration) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        let until = Date(timeIntervalSinceNow: duration / .seconds(1))
        while !isClosing, condition.wait(until: until) {}
        return isClosing
    }

    func end() {
        condition.lock()
        defer { condition.unlock() }
        hasEnded = true
        condition.broadcast()
    }
}

/// What runs on the ledger's thread.
private struct LedgerWriter: Sendable {
    let file: LedgerFile
    let inbox: Inbox
    let settings: ShareLedger.Settings
    let observe: @Sendable (LedgerNews) -> Void

    func run() {
        var failure: (fault: LedgerFault, said: ContinuousClock.Instant)?
        while true {
            let batch = inbox.next(settings.maximumBatch, gathering: settings.gathering)
            guard !batch.isEmpty else { break }
            do throws(LedgerFault) {
                _ = try file.write(batch)
            } catch {
                let now = ContinuousClock.now
                if failure.map({ $0.fault != error || now - $0.said >= settings.reminder }) ?? true {
                    observe(.failing(error, waiting: inbox.count))
                    failure = (error, now)
                }
                if inbox.pause(settings.retry) { break }
                continue
            }
            inbox.drop(batch.count)
            if let last = batch.last(where: \.isShare), case .share(let share) = last {
                observe(.kept(through: share.number))
            }
            if failure != nil, inbox.count == 0 {
                failure = nil
                observe(.recovered)
            }
        }
        inbox.end()
    }
}

extension LedgerEntry {
    fileprivate var isShare: Bool { if case .share = self { true } else { false } }
}
