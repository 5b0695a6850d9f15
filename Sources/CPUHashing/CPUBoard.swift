import BitcoinPrimitives
import Glibc
public import MinerCore
public import NIOCore
import NIOPosix
public import Scheduling
import Transports
public import Units

/// This machine's own processor as a board: threads that hash whatever work they are given, each a worker of its own.
///
/// Off unless asked for. The threads run at the lowest priority, and rest between slices as their duty says, so that
/// ports, pool and templates come first.
///
/// Sendable by confinement: each thread's state is touched on its own loop only.
public final class CPUBoard: Sendable {
    /// What a person may ask for.
    public struct Options: Hashable, Sendable {
        public static let mostThreads = 256
        public let threads: Int
        /// Part of its time that a thread hashes, above 0, at most 1.
        public let duty: Double

        /// - Returns: `nil` when either is out of its bounds.
        public init?(threads: Int, duty: Double = 1) {
            guard (1...Self.mostThreads).contains(threads), duty > 0, duty <= 1 else { return nil }
            self.threads = threads
            self.duty = duty
        }
    }

    private let group: MultiThreadedEventLoopGroup
    private let threads: [HashingLoop]

    /// Begins at once: each thread measures itself, says that it is ready and asks for work.
    ///
    /// - Parameter deliver: called on the threads' loops.
    public init(
        _ options: Options, deliver: @escaping @Sendable (ProcessorIndex, ProcessorEvent) -> Void
    ) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.threads)
        self.group = group
        threads = (0..<options.threads).map { index in
            HashingLoop(on: group.next(), duty: options.duty) { deliver(ProcessorIndex(index), $0) }
        }
        for thread in threads { thread.begin() }
    }

    /// What one thread would do on the machine as it is now, from a few hundredths of a second's measurement.
    public static func measure() -> HashRate { HashingLoop.measure(nonces: HashingLoop.firstSlice) }

    /// From any thread. Replaces the work that it had.
    public func work(_ unit: WorkUnit, for index: ProcessorIndex) { threads[index.number].work(unit) }

    /// Ends the threads; within a slice, some ten milliseconds.
    public func stop() async {
        for thread in threads { thread.stop() }
        try? await group.shutdownGracefully()
    }
}

/// One thread: an event loop that does nothing else.
private final class HashingLoop: @unchecked Sendable {
    /// How long a slice shall take: new work waits so long at most.
    static let slice = Duration.milliseconds(10)
    /// A unit is given up for a newer one after this time, so that header times move on.
    static let unitLifetime = Duration.seconds(5)
    /// Nonces of the first slice, before anything is known of the machine.
    static let firstSlice: UInt32 = 2_048

    private let loop: any EventLoop
    private let duty: Double
    private let deliver: @Sendable (ProcessorEvent) -> Void
    private var walk: CPUWalk?
    private var since = Instant.now
    private var hasAsked = false
    private var isOver = false
    private var nonces = firstSlice
    /// `nil` until the first slice was timed.
    private var zeroBits: Int?
    private var isRunning = false

    init(on loop: any EventLoop, duty: Double, deliver: @escaping @Sendable (ProcessorEvent) -> Void) {
        self.loop = loop
        self.duty = duty
        self.deliver = deliver
    }

    func begin() {
        loop.execute {
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)  // of this thread alone
            self.prepare()
            self.deliver(.needWork)
            self.hasAsked = true
        }
    }

    func work(_ unit: WorkUnit) {
        loop.execute {
            self.walk = CPUWalk(unit)
            self.since = .now
            self.hasAsked = false
            self.runUnlessRunning()
        }
    }

    func stop() {
        loop.execute {
            self.isOver = true
            self.walk = nil
            self.deliver(.stopped)
        }
    }

    /// Learns how long a slice is, and how many reports to make: about one a second.
    private func prepare() {
        let rate = Self.measure(nonces: nonces).hashesPerSecond
        nonces = max(256, UInt32(clamping: Int(rate * Self.slice.inSeconds / Double(CPUWalk.width))))
        let bits = min(32, max(8, Int(max(rate * duty, 1).exponent)))
        zeroBits = bits
        deliver(.ready(HashRate(hashesPerSecond: rate * duty), ticketZeroBits: bits))
    }

    /// Times the kernel on a header that nobody mines on.
    static func measure(nonces: UInt32) -> HashRate {
        var walk = CPUWalk(
            WorkUnit(
                id: 0, version: 1, versionMask: 0x1fff_e000, previousBlock: Hash256(hashing: []),
                merkleRoot: Hash256(hashing: [0]), time: 1_231_006_505, bits: CompactTarget(bits: 0x1d00_ffff)
            ))
        let begun = Instant.now
        var hashes: UInt64 = 0
        while Instant.now - begun < slice * 2 { hashes += walk.hash(nonces: nonces, zeroBits: 32).hashes }
        return HashRate(hashesPerSecond: Double(hashes) / (Instant.now - begun).inSeconds)
    }

    private func runUnlessRunning() {
        guard !isRunning else { return }
        isRunning = true
        run()
    }

    private func run() {
        guard !isOver, let unit = walk?.unit, let zeroBits else {
            isRunning = false
            return
        }
        let begun = Instant.now
        guard let (hits, hashes) = walk?.hash(nonces: nonces, zeroBits: zeroBits) else { return }
        for hit in hits {
            deliver(.found(unit: unit.id, nonce: hit.nonce, versionBits: hit.versionBits))
        }
        let spent = Instant.now - begun
        if hashes == 0 || Instant.now - since >= Self.unitLifetime, !hasAsked {
            hasAsked = true
            deliver(.needWork)
        }
        guard hashes > 0 else {
            isRunning = false  // until the new work is here
            return
        }
        let rest = spent * ((1 - duty) / duty)
        if rest > .zero {
            loop.scheduleTask(in: .nanoseconds(rest.wholeNanoseconds)) { self.run() }
        } else {
            loop.execute { self.run() }
        }
    }
}
