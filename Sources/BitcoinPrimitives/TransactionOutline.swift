/// Sizes and simple facts of a serialized transaction, found in one walk over its bytes without building it.
///
/// Choosing transactions needs these for thousands of entries at once, and nothing else of their content.
public struct TransactionOutline: Hashable, Sendable {
    /// Bytes as serialized, witness included.
    public let size: Int
    /// Bytes without marker, flag and witness: what the txid is the hash of.
    public let baseSize: Int
    public let lockTime: UInt32
    public let outputCount: Int
    /// Whether every input has sequence 0xffffffff, which switches the lock time off.
    public let hasOnlyFinalInputs: Bool
    /// Signature operations in the scriptSigs and in what their last pushes hold, should those be redeem
    /// scripts; accurate counting, not times four. The part of BIP 54's per-transaction count that the bytes
    /// alone tell: bare output scripts being spent are not among them.
    public let inputSigops: Int

    public var weight: Weight { Weight(weightUnits: UInt64(3 * baseSize + size)) }

    /// Whether a block at `height` may hold the transaction (BIP 113).
    ///
    /// - Parameter medianTime: median time past of the block before, seconds since 1970.
    public func isFinal(atHeight height: UInt32, medianTime: UInt32) -> Bool {
        LockTime.isReached(lockTime, atHeight: height, medianTime: medianTime) || hasOnlyFinalInputs
    }

    /// Reads one transaction that fills `wireBytes`; accepts exactly what ``Transaction/init(wireBytes:)``
    /// accepts.
    public init(wireBytes: [UInt8]) throws(ParsingFault) {
        var walk = OutlineWalk(bytes: wireBytes)
        self = try walk.outline()
    }

    fileprivate init(
        size: Int, witnessSize: Int, lockTime: UInt32, outputCount: Int, hasOnlyFinalInputs: Bool,
        inputSigops: Int
    ) {
        self.size = size
        self.baseSize = size - witnessSize
        self.lockTime = lockTime
        self.outputCount = outputCount
        self.hasOnlyFinalInputs = hasOnlyFinalInputs
        self.inputSigops = inputSigops
    }
}

/// The lock time of a transaction: a height below 500,000,000, seconds since 1970 from there on.
public enum LockTime {
    /// The first value that is a time.
    public static let firstTime: UInt32 = 500_000_000

    /// Whether `lockTime` lets its transaction into a block at `height`, median time past `medianTime` (BIP
    /// 113).
    public static func isReached(_ lockTime: UInt32, atHeight height: UInt32, medianTime: UInt32) -> Bool {
        lockTime == 0 || lockTime < (lockTime < firstTime ? height : medianTime)
    }
}

private struct OutlineWalk {
    let bytes: [UInt8]
    var offset = 0
    var hasOnlyFinalInputs = true
    var inputSigops = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func outline() throws(ParsingFault) -> TransactionOutline {
        try skip(4)
        let markerOffset = offset
        var witnessSize = 0
        var inputCount = try count(itemSize: 1)
        let hasWitness = inputCount == 0
        if hasWitness {
            try skip(1)
            guard bytes[offset - 1] == 1 else { throw .badWitnessFlag(offset: markerOffset) }
            inputCount = try count(itemSize: 41)
            witnessSize = 2
        }
        for _ in 0..<inputCount { try input() }
        let outputCount = try count(itemSize: 9)
        for _ in 0..<outputCount {
            try skip(8)
            try skip(try count(itemSize: 1))
        }
        if hasWitness {
            let start = offset
            try witnesses(of: inputCount, markerOffset: markerOffset)
            witnessSize += offset - start
        }
        let lockTime = try word()
        guard offset == bytes.count else { throw .trailing(count: bytes.count - offset) }
        return TransactionOutline(
            size: bytes.count, witnessSize: witnessSize, lockTime: lockTime, outputCount: outputCount,
            hasOnlyFinalInputs: hasOnlyFinalInputs, inputSigops: inputSigops)
    }

    private mutating func input() throws(ParsingFault) {
        try skip(36)
        let length = try count(itemSize: 1)
        let start = offset
        try skip(length)
        if length > 0 { inputSigops += Script.inputSigops([UInt8](bytes[start..<offset])) }
        if try word() != .max { hasOnlyFinalInputs = false }
    }

    private mutating func witnesses(of inputCount: Int, markerOffset: Int) throws(ParsingFault) {
        var items = 0
        for _ in 0..<inputCount {
            let stack = try count(itemSize: 1)
            items += stack
            for _ in 0..<stack { try skip(try count(itemSize: 1)) }
        }
        guard items > 0 else { throw .badWitnessFlag(offset: markerOffset) }
    }

    private mutating func skip(_ length: Int) throws(ParsingFault) {
        guard length <= bytes.count - offset else {
            throw .truncated(offset: offset, needed: length - (bytes.count - offset))
        }
        offset += length
    }

    private mutating func word() throws(ParsingFault) -> UInt32 {
        try skip(4)
        let at = offset - 4
        return UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16
            | UInt32(bytes[at + 3]) << 24
    }

    /// A count in shortest form, whose items of at least `itemSize` bytes can still follow.
    private mutating func count(itemSize: Int) throws(ParsingFault) -> Int {
        if offset < bytes.count, bytes[offset] < 0xfd {
            let value = Int(bytes[offset])
            guard value <= (bytes.count - offset - 1) / itemSize else { throw .badCount(offset: offset) }
            offset += 1
            return value
        }
        var reader = ByteReader(bytes, from: offset)
        let value = try reader.count(itemSize: itemSize)
        offset = reader.offset
        return value
    }
}
