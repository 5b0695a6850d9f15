public import BitcoinPrimitives

/// A transaction that the pool holds and a client may choose, without its bytes.
public struct Candidate: Hashable, Sendable {
    /// Its place in the list while it is there, 0 to 32,767; free for others afterwards.
    public var index: UInt16
    public var txid: Txid
    public var wtxid: Wtxid
    public var fee: Satoshis
    /// 1 to 4,000,000 weight units.
    public var weight: UInt32
    /// 0 to 80,000.
    public var sigopCost: UInt32
    /// Indexes of the candidates that it spends from, ascending, each once.
    public var parents: [UInt16]

    public init(
        index: UInt16, txid: Txid, wtxid: Wtxid, fee: Satoshis, weight: UInt32, sigopCost: UInt32,
        parents: [UInt16]
    ) {
        self.index = index
        self.txid = txid
        self.wtxid = wtxid
        self.fee = fee
        self.weight = weight
        self.sigopCost = sigopCost
        self.parents = parents
    }

    /// What the candidate contributes to the list's sum: the first eight bytes, least significant first, of SHA-256d over
    /// index, txid, wtxid, fee (8 bytes), weight (4), sigop cost (4) and the parents' indexes, integers little-endian.
    var term: UInt64 {
        var bytes = [UInt8]()
        bytes.reserveCapacity(82 + 2 * parents.count)
        bytes.appendLittleEndian(index)
        bytes += txid.hash.wireBytes
        bytes += wtxid.hash.wireBytes
        bytes.appendLittleEndian(fee.rawValue)
        bytes.appendLittleEndian(weight)
        bytes.appendLittleEndian(sigopCost)
        for parent in parents { bytes.appendLittleEndian(parent) }
        return Hash256(hashing: bytes).wireBytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// What is wrong with a record. `record` counts from 0 within its message.
public enum RecordFault: Error, Hashable, Sendable {
    /// The bytes end within it.
    case truncated(record: Int)
    /// Flags that this version does not have.
    case flags(UInt8, record: Int)
    /// A field is in a longer form than it needs, or lacks the index that the first record of a message has.
    case notShortest(record: Int)
    case index(UInt16, record: Int)
    /// Not ascending, or the candidate itself.
    case parents(record: Int)
    case fee(UInt64, record: Int)
    case weight(UInt32, record: Int)
    case sigopCost(UInt32, record: Int)
}

/// The packed form of candidates: a flag byte, then the fields in the shortest form that holds them. There is one form
/// for each value, so that what is read is written the same.
///
/// flags: 1 an index of two bytes follows (else it is the one before and 1), 2 wtxid equals txid and is left out, 4 and
/// 8 bytes of the fee (0: 2, 1: 3, 2: 4, 3: 8), 16 weight in three bytes instead of two, 32 sigop cost in three instead
/// of one, 64 a count of parents in one byte and as many indexes of two bytes follow. Source:
/// docs/base-template-extension.md, "Records".
public enum CandidateRecords {
    private enum Flag {
        static let index: UInt8 = 1
        static let sameWtxid: UInt8 = 2
        static let feeShift: UInt8 = 2
        static let longWeight: UInt8 = 16
        static let longSigops: UInt8 = 32
        static let parents: UInt8 = 64
        static let reserved: UInt8 = 128
    }
    private static let feeWidths = [2, 3, 4, 8]

    /// The most that the record of an entry takes, in bytes: with its index.
    static func sizeBound(_ entry: MempoolEntry) -> Int {
        let ids = entry.txid.hash == entry.wtxid.hash ? 32 : 64
        let parents = entry.parents.isEmpty ? 0 : 1 + 2 * entry.parents.count
        let weight = entry.weight.weightUnits > 0xFFFF ? 3 : 2
        return 3 + ids + feeWidths[feeWidth(entry.fee.rawValue)] + weight
            + (entry.sigopCost > 0xFF ? 3 : 1) + parents
    }

    private static func feeWidth(_ fee: UInt64) -> Int {
        fee < 1 << 16 ? 0 : fee < 1 << 24 ? 1 : fee < 1 << 32 ? 2 : 3
    }

    /// - Parameter previous: the index of the record before in the same message.
    public static func append(_ candidate: Candidate, after previous: UInt16?, to bytes: inout [UInt8]) {
        precondition(
            candidate.parents.count <= BaseTemplateExtension.maximumParents, "a count of parents is a byte")
        let follows = previous.map { $0 < .max && $0 + 1 == candidate.index } ?? false
        let isSame = candidate.txid.hash == candidate.wtxid.hash
        let width = feeWidth(candidate.fee.rawValue)
        var flags = UInt8(width) << Flag.feeShift
        if !follows { flags |= Flag.index }
        if isSame { flags |= Flag.sameWtxid }
        if candidate.weight > 0xFFFF { flags |= Flag.longWeight }
        if candidate.sigopCost > 0xFF { flags |= Flag.longSigops }
        if !candidate.parents.isEmpty { flags |= Flag.parents }
        bytes.append(flags)
        if !follows { bytes.appendLittleEndian(candidate.index) }
        bytes += candidate.txid.hash.wireBytes
        if !isSame { bytes += candidate.wtxid.hash.wireBytes }
        append(candidate.fee.rawValue, feeWidths[width], to: &bytes)
        append(UInt64(candidate.weight), candidate.weight > 0xFFFF ? 3 : 2, to: &bytes)
        append(UInt64(candidate.sigopCost), candidate.sigopCost > 0xFF ? 3 : 1, to: &bytes)
        guard !candidate.parents.isEmpty else { return }
        bytes.append(UInt8(candidate.parents.count))
        for parent in candidate.parents { bytes.appendLittleEndian(parent) }
    }

    private static func append(_ value: UInt64, _ width: Int, to bytes: inout [UInt8]) {
        for index in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }

    /// Reads records until the bytes end. Every value is in the range that consensus allows a single transaction.
    public static func read(_ bytes: [UInt8]) throws(RecordFault) -> [Candidate] {
        var result = [Candidate]()
        result.reserveCapacity(bytes.count / 64)
        var reader = RecordReader(bytes)
        while !reader.isAtEnd {
            result.append(try read(&reader, after: result.last?.index, record: result.count))
        }
        return result
    }

    private static func read(
        _ reader: inout RecordReader, after previous: UInt16?, record: Int
    ) throws(RecordFault) -> Candidate {
        func need<Value>(_ value: Value?) throws(RecordFault) -> Value {
            guard let value else { throw .truncated(record: record) }
            return value
        }
        let flags = UInt8(try need(reader.integer(1)))
        guard flags & Flag.reserved == 0 else { throw .flags(flags, record: record) }
        let index: UInt16
        if flags & Flag.index != 0 {
            index = UInt16(try need(reader.integer(2)))
            if let previous, previous < .max, previous + 1 == index { throw .notShortest(record: record) }
        } else {
            guard let previous else { throw .notShortest(record: record) }
            index = previous &+ 1
        }
        guard index < BaseTemplateExtension.maximumCandidates else { throw .index(index, record: record) }
        let txid = try need(reader.hash())
        let wtxid = flags & Flag.sameWtxid != 0 ? txid : try need(reader.hash())
        guard flags & Flag.sameWtxid != 0 || wtxid != txid else { throw .notShortest(record: record) }
        let width = Int(flags >> Flag.feeShift & 3)
        let fee = try need(reader.integer(feeWidths[width]))
        guard feeWidth(fee) == width else { throw .notShortest(record: record) }
        guard fee <= BaseTemplateExtension.maximumFee else { throw .fee(fee, record: record) }
        let isLong = flags & Flag.longWeight != 0
        let weight = UInt32(try need(reader.integer(isLong ? 3 : 2)))
        guard isLong == (weight > 0xFFFF) else { throw .notShortest(record: record) }
        guard (1...BaseTemplateExtension.maximumWeight).contains(weight) else {
            throw .weight(weight, record: record)
        }
        let hasMany = flags & Flag.longSigops != 0
        let sigops = UInt32(try need(reader.integer(hasMany ? 3 : 1)))
        guard hasMany == (sigops > 0xFF) else { throw .notShortest(record: record) }
        guard sigops <= BaseTemplateExtension.maximumSigopCost else {
            throw .sigopCost(sigops, record: record)
        }
        var parents = [UInt16]()
        if flags & Flag.parents != 0 {
            let count = Int(try need(reader.integer(1)))
            guard count > 0 else { throw .notShortest(record: record) }
            guard reader.has(2 * count) else { throw .truncated(record: record) }
            parents.reserveCapacity(count)
            for _ in 0..<count {
                let parent = UInt16(try need(reader.integer(2)))
                guard parent != index, parents.last.map({ $0 < parent }) ?? true else {
                    throw .parents(record: record)
                }
                parents.append(parent)
            }
        }
        return Candidate(
            index: index, txid: Txid(txid), wtxid: Wtxid(wtxid), fee: Satoshis(rawValue: fee), weight: weight,
            sigopCost: sigops, parents: parents)
    }
}

/// Walks over packed bytes; `nil` where they end too soon.
struct RecordReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    func has(_ count: Int) -> Bool { count <= bytes.count - position }

    /// - Parameter width: bytes, least significant first; at most 8.
    mutating func integer(_ width: Int) -> UInt64? {
        guard has(width) else { return nil }
        var value: UInt64 = 0
        for index in 0..<width { value |= UInt64(bytes[position + index]) << UInt64(8 * index) }
        position += width
        return value
    }

    mutating func hash() -> Hash256? { take(32).flatMap { Hash256(wireBytes: $0) } }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard has(count) else { return nil }
        defer { position += count }
        return bytes[position..<position + count]
    }
}
