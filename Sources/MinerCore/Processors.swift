public import Units

/// Position of one of this machine's own hashing threads.
public struct ProcessorIndex: Hashable, Sendable {
    public let number: Int
    public init(_ number: Int) { self.number = number }
}

/// What a hashing thread says. It is a worker like a board's chain: its nonces are judged by the same verifier.
public enum ProcessorEvent: Hashable, Sendable {
    /// It hashes at about this rate, and reports hashes with so many leading zero bits.
    case ready(HashRate, ticketZeroBits: Int)
    /// Answered by `MinerAction.processorWork`, as soon as there is any.
    case needWork
    /// - Parameter versionBits: at their place in the version.
    case found(unit: UInt64, nonce: UInt32, versionBits: UInt32)
    case stopped
}

extension MinerStatistics {
    /// All hashing threads together.
    public struct ProcessorState: Hashable, Sendable {
        public var threads: Int
        /// What they said they would do, of those that are ready.
        public var expected = HashRate.zero
        public var nonces = 0
        public var hardwareErrors = 0
        public var hashRate = HashRate.zero
        /// Hashes that the verified nonces stand for, since the beginning.
        public var hashes = 0.0

        init(threads: Int) { self.threads = threads }
    }
}
