public import BitcoinPrimitives

/// What a header's hash is worth.
public struct HeaderReport: Hashable, Sendable {
    public let hash: Hash256
    /// Of the hardest target that the hash meets.
    public let difficulty: Double
    public let bits: CompactTarget
    /// The bound that nBits stands for; `nil` for nBits that consensus refuses, which no hash meets.
    public let target: Target?
    public let meetsBits: Bool
    /// Whether the hash meets the target that was asked about; `nil` when none was.
    public let meetsAsked: Bool?

    /// Whether it meets all that it was held to.
    public var isGood: Bool { meetsBits && meetsAsked != false }
}

/// Hashes headers, and holds each to its own nBits and to `asked`.
///
/// - Parameter headers: 80 bytes each, one after the other.
public func report(on headers: [UInt8], asked: Target? = nil) -> [HeaderReport] {
    Header.hashes(wireBytes: headers).enumerated().map { index, hash in
        let field = Header.size * index + 72
        let bits = CompactTarget(
            bits: (0..<4).reduce(0) { $0 | UInt32(headers[field + $1]) << UInt32(8 * $1) })
        let target = bits.target
        return HeaderReport(
            hash: hash, difficulty: hash.difficulty, bits: bits, target: target,
            meetsBits: target.map { $0.isMet(by: hash) } ?? false,
            meetsAsked: asked.map { $0.isMet(by: hash) })
    }
}

/// The target a person asks about.
///
/// - Parameter hex: up to 64 hexadecimal digits, most significant first, with or without 0x; shorter ones get zeros in
///   front. `nil` for anything else.
public func readTarget(_ hex: String) -> Target? {
    let digits = hex.hasPrefix("0x") ? hex.dropFirst(2) : hex[...]
    guard (1...64).contains(digits.count) else { return nil }
    return Target(displayHex: String(repeating: "0", count: 64 - digits.count) + digits)
}
