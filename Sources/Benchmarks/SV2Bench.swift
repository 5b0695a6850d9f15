import Glibc

/// Stratum V2 measured beside the cryptography it cannot do without, in the same run: what is left of the distance is
/// ours. Values only, one thread; connections and their memory are measured elsewhere.
public struct SV2Bench: Sendable {
    /// How long one side computes before the other takes its turn.
    public let slice: Duration
    /// Turns of each side; the middle one counts.
    public let rounds: Int

    public init(slice: Duration = .milliseconds(20), rounds: Int = 15) {
        precondition(slice > .zero && rounds > 0, "something is measured")
        self.slice = slice
        self.rounds = rounds
    }

    /// One line of the report.
    public struct Line: Hashable, Sendable, Codable {
        /// What was done, in the plural.
        public let subject: String
        /// How often a second, on one thread.
        public let perSecond: Double
        /// Plaintext bytes of one of them; missing where bytes say nothing.
        public let byteCount: Int?
        /// The primitives alone that the same work needs, and how often a second they do it.
        public let bare: String
        public let barePerSecond: Double
        /// The part of the time that the primitives account for; 1 would be a protocol that costs nothing. The middle
        /// one of the rounds' ratios, so that a round in which the machine was slow counts for both.
        public let ratio: Double

        /// Payload in 10^6 bytes a second.
        public var megabytesPerSecond: Double? { byteCount.map { Double($0) * perSecond / 1e6 } }
    }

    /// Every line, in the order of the report. Each takes about twice `slice` × `rounds`, and as long again for what
    /// must be prepared.
    public func run() -> [Line] { (handshakes() + frames() + messages() + shares()).map(measure) }

    /// Two ways to do a work so many times. Each returns the time that counts, without what it had to prepare.
    struct Contest {
        let subject: String
        let byteCount: Int?
        let ours: (Int) -> Duration
        let bareName: String
        let bare: (Int) -> Duration
    }

    func measure(_ contest: Contest) -> Line {
        let oursAtOnce = batch(contest.ours)
        let bareAtOnce = batch(contest.bare)
        var ours = [Double]()
        var bare = [Double]()
        for _ in 0..<rounds {
            ours.append(rate(contest.ours, atOnce: oursAtOnce))
            bare.append(rate(contest.bare, atOnce: bareAtOnce))
        }
        return Line(
            subject: contest.subject, perSecond: median(ours) ?? 0, byteCount: contest.byteCount,
            bare: contest.bareName, barePerSecond: median(bare) ?? 0,
            ratio: median(zip(ours, bare).map { $0 / $1 }) ?? 0)
    }

    /// How many to do at once: about a tenth of a slice, found by doubling, which warms up too.
    private func batch(_ work: (Int) -> Duration) -> Int {
        var count = 1
        while count < 1 << 24, work(count) < slice / 10 { count *= 2 }
        return count
    }

    private func rate(_ work: (Int) -> Duration, atOnce count: Int) -> Double {
        var done = 0
        var elapsed = Duration.zero
        while elapsed < slice {
            elapsed += work(count)
            done += count
        }
        return Double(done) / (elapsed / .seconds(1))
    }
}

/// The time of doing something so many times: what this thread computed, so that another program that takes the
/// processor away does not count.
func time(_ count: Int, _ work: () -> Void) -> Duration {
    let start = threadTime()
    for _ in 0..<count { work() }
    return threadTime() - start
}

private func threadTime() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}

/// Keeps a result from being optimised away.
@inline(never)
@_optimize(none)
func keep<Value: ~Copyable>(_ value: borrowing Value) {}
