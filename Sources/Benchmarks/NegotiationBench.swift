import CBenchPeers

/// What it costs to negotiate jobs: from a new tip to the bytes for the chips and to the declaration, what a pool can
/// judge, what a base template takes on the wire, and what the agent takes in memory. Each figure stands beside one that
/// the same work cannot go below, or beside what it replaces, measured in the same run.
public struct NegotiationBench: Sendable {
    /// How much of everything; smaller ones are for tests.
    public struct Scale: Hashable, Sendable {
        /// In a block of ours, and in a declaration.
        public var transactions = 4_000
        /// Of them those that the pool has to ask for, in its second test.
        public var missing = 500
        /// Of one extended channel each.
        public var connections = 1_000
        /// In the base template.
        public var candidates = 6_000
        /// Transactions in the mempool of an agent with a node.
        public var mempool = 300_000
        /// Minutes of a trace of the mempool.
        public var minutes = 30
        /// Chains, each of so many chips, that get a job for a new tip.
        public var chains = [1, 8]
        public var chips = 126
        /// Tips a round, for each number of chains.
        public var tips = 10
        public var slice = Duration.milliseconds(20)

        public init() {}
    }

    public let rounds: Int
    public let scale: Scale

    public init(rounds: Int = 10, scale: Scale = Scale()) {
        precondition(rounds > 0 && scale.missing < scale.transactions, "something is measured")
        self.rounds = rounds
        self.scale = scale
    }

    /// Processor time from one event to another, many times over.
    public struct Latency: Hashable, Sendable, Codable {
        public let subject: String
        public let samples: Int
        public let p50Microseconds: Double
        public let p99Microseconds: Double
        /// What comes out of it, bytes.
        public let byteCount: Int
        /// The primitives alone that the same work needs, and the middle of their times.
        public let bare: String
        public let bareMicroseconds: Double
        /// The part of the time that the primitives account for; 1 would be a program that costs nothing. The middle of
        /// the samples' ratios.
        public let ratio: Double

        /// - Parameter samples: of ours and of the bare primitives, nanoseconds, in pairs.
        init(_ subject: String, byteCount: Int, bare: String, _ samples: [(ours: Double, bare: Double)]) {
            precondition(!samples.isEmpty, "something was measured")
            self.subject = subject
            self.samples = samples.count
            p50Microseconds = percentile(50, of: samples.map(\.ours)) / 1_000
            p99Microseconds = percentile(99, of: samples.map(\.ours)) / 1_000
            self.byteCount = byteCount
            self.bare = bare
            bareMicroseconds = percentile(50, of: samples.map(\.bare)) / 1_000
            ratio = median(samples.map { $0.bare / $0.ours }) ?? 0
        }
    }

    public struct Report: Hashable, Sendable, Codable {
        public var latencies: [Latency]
        public var rates: [SV2Bench.Line]
        public var lists: [BaseTemplateFigures]
        /// Empty where it was not asked for, or the system does not say.
        public var memory: [AgentMemory]
    }

    /// Everything but memory.
    ///
    /// - Parameters:
    ///   - folder: what holds recorded mempools, as for `TemplateBench`; without it candidates are made up.
    ///   - read: the content of a file; of one whose name ends in `.gz`, unpacked. `nil` when there is no such file.
    public func run(
        folder: String?, read: @escaping (_ path: String) throws -> [UInt8]?
    ) throws -> Report {
        let lists = try folder.map { try recordedLists(folder: $0, read: read) } ?? madeUpLists()
        return Report(
            latencies: try tipLatencies() + [try declarationLatency()], rates: rates(), lists: lists,
            memory: [])
    }

    /// What a pool judges a second.
    func rates() -> [SV2Bench.Line] {
        let bench = SV2Bench(slice: scale.slice, rounds: rounds)
        return (declarationContests() + shareContests()).map(bench.measure)
    }
}

/// The smallest of the values that so many percent of all do not exceed.
func percentile(_ percent: Int, of values: [Double]) -> Double {
    precondition(!values.isEmpty && (1...100).contains(percent), "a percentile is of something")
    let sorted = values.sorted()
    return sorted[(sorted.count * percent + 99) / 100 - 1]
}

/// Nanoseconds of this thread's processor time.
func processorTime(_ work: () throws -> Void) rethrows -> Double {
    let begun = adit_thread_nanoseconds()
    try work()
    return Double(max(1, adit_thread_nanoseconds() - begun))
}
