/// A STR0_255: at most 255 bytes that ought to be UTF-8. A peer may send any bytes; they are kept as they
/// came.
///
/// More than 255 bytes are found when the message is encoded (`CodecError.aboveLimit`).
public struct WireText: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    public var bytes: [UInt8]

    public init(bytes: [UInt8]) { self.bytes = bytes }
    public init(_ text: String) { bytes = Array(text.utf8) }
    public init(stringLiteral text: String) { self.init(text) }

    /// The text when the bytes are UTF-8. It may hold control characters: for comparing, not for a terminal.
    public var utf8: String? { String(validating: bytes, as: UTF8.self) }

    /// Printable ASCII as it is, everything else as `\xNN`: safe in a log, whatever a peer sent.
    public var description: String {
        let digits = Array("0123456789abcdef")
        var text = ""
        for byte in bytes {
            if byte == 0x5C {
                text += "\\\\"
            } else if (0x20...0x7E).contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "\\x\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return text
    }
}
