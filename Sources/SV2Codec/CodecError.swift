/// Why bytes are not a message, or why a value cannot be one on the wire. `field` is the specification's
/// name.
public enum CodecError: Error, Hashable, Sendable {
    /// The field needs `needed` more bytes and `left` are there. Nothing was allocated for it.
    case truncated(field: String, needed: Int, left: Int)
    /// More bytes or elements than the field's type can hold (a B0_32 of 33, an OPTION of 2).
    case aboveLimit(field: String, count: Int, limit: Int)
    /// A hash rate that is NaN, infinite or negative. `bits` is the binary32 pattern.
    case notAHashRate(field: String, bits: UInt32)
    /// More payload than a U24 length can announce.
    case payloadTooLong(Int)
}
