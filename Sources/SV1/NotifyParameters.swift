public import BitcoinPrimitives

/// The parameters of `mining.notify`: a job without the extranonce.
public struct NotifyParameters: Hashable, Sendable {
    /// 1 to `maximumJobIDLength` bytes of UTF-8, chosen by the pool.
    public var jobID: String
    /// In the order of the header. On the wire the bytes of each four-byte word are swapped (bm13xx.md §4).
    public var previousBlock: Hash256
    /// The coinbase without witness up to extranonce1, and from behind extranonce2.
    public var coinbase1: [UInt8]
    public var coinbase2: [UInt8]
    /// Siblings of the coinbase from the leaf level upwards, in the order of hash output.
    public var merkleBranch: [Hash256]
    public var version: UInt32
    public var bits: CompactTarget
    /// Seconds since 1970.
    public var time: UInt32
    /// Shares of earlier jobs will be refused.
    public var cleanJobs: Bool

    public static let maximumJobIDLength = 128
    /// A tree of 2^32 transactions: more than any block holds.
    public static let maximumBranch = 32

    public init(
        jobID: String, previousBlock: Hash256, coinbase1: [UInt8], coinbase2: [UInt8],
        merkleBranch: [Hash256], version: UInt32, bits: CompactTarget, time: UInt32, cleanJobs: Bool
    ) {
        self.jobID = jobID
        self.previousBlock = previousBlock
        self.coinbase1 = coinbase1
        self.coinbase2 = coinbase2
        self.merkleBranch = merkleBranch
        self.version = version
        self.bits = bits
        self.time = time
        self.cleanJobs = cleanJobs
    }

    init(_ params: Parameters) throws(LineFault) {
        jobID = try params.name(0, "job_id", limit: NotifyParameters.maximumJobIDLength)
        let words = try params.hex(1, "prevhash", bytes: 32...32)
        previousBlock = Hash256(wireBytes: NotifyParameters.swappingWords(words)) ?? .zero
        coinbase1 = try params.hex(2, "coinb1", bytes: 0...LineSplitter.fromPool)
        coinbase2 = try params.hex(3, "coinb2", bytes: 0...LineSplitter.fromPool)
        let branch = try params.value(4, "merkle_branch")
        guard let branch = branch.array else {
            throw .field(Parameters.path(4, "merkle_branch"), .expected(.array))
        }
        guard branch.count <= NotifyParameters.maximumBranch else {
            throw .field(Parameters.path(4, "merkle_branch"), .outOfRange)
        }
        var siblings = [Hash256]()
        for (index, value) in branch.enumerated() {
            let path = Parameters.path(4, "merkle_branch") + "[\(index)]"
            let bytes = try Parameters.hex(value, path, bytes: 32...32)
            siblings.append(Hash256(wireBytes: bytes) ?? .zero)
        }
        merkleBranch = siblings
        version = try params.hex32(5, "version")
        bits = CompactTarget(bits: try params.hex32(6, "nbits"))
        guard bits.target != nil else { throw .field(Parameters.path(6, "nbits"), .outOfRange) }
        time = try params.hex32(7, "ntime")
        // Some pools send one field more before it (ESP-Miner, test of `mining.notify` with nine fields).
        cleanJobs = params.values.count > 8 && params.values.last == .bool(true)
    }

    var json: [JSONValue] {
        [
            .string(jobID), .string(NotifyParameters.swappingWords(previousBlock.wireBytes).hex),
            .string(coinbase1.hex), .string(coinbase2.hex),
            .array(merkleBranch.map { .string($0.wireBytes.hex) }), .string(hex32(version)),
            .string(hex32(bits.bits)), .string(hex32(time)), .bool(cleanJobs),
        ]
    }

    /// 32 bytes with the bytes of each four-byte word in reverse; its own inverse.
    private static func swappingWords(_ bytes: [UInt8]) -> [UInt8] {
        stride(from: 0, to: bytes.count, by: 4).flatMap { bytes[$0..<$0 + 4].reversed() }
    }
}

/// Eight hexadecimal digits, most significant first.
func hex32(_ number: UInt32) -> String {
    (0..<4).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }.hex
}
