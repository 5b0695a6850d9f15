/// Bitcoin's Base58 with a checksum: the first four bytes of the double SHA-256 of the payload follow it.
public enum Base58Check {
    /// What is wrong with a text. Positions count characters from 0.
    public enum Fault: Error, Hashable, Sendable {
        /// More characters than ``maximumLength``.
        case tooLong(Int)
        /// So few bytes that not even a checksum fits.
        case tooShort(Int)
        /// Not among the 58 characters (0, O, I and l are not).
        case character(Unicode.Scalar, at: Int)
        /// The checksum does not fit. `suspect` is the one position where another character would make it
        /// fit, should there be one: where to look for the mistake, not what to put there.
        case checksum(suspect: Int?)
    }

    /// The most characters that are looked at: an extended key has 111, and the work grows with the square.
    public static let maximumLength = 128

    private static let alphabet = [UInt8](
        "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)

    /// The payload of a text, its checksum verified and taken off.
    public static func decode(_ text: String) throws(Fault) -> [UInt8] {
        let bytes = try bytes(of: text)
        guard bytes.count >= 4 else { throw .tooShort(bytes.count) }
        if let payload = payload(of: bytes) { return payload }
        throw .checksum(suspect: suspect(in: text))
    }

    /// The bytes of Base58 digits, checksum included and not looked at.
    public static func bytes(of text: String) throws(Fault) -> [UInt8] {
        let count = text.unicodeScalars.count
        guard count <= maximumLength else { throw .tooLong(count) }
        var digits = [UInt8]()
        for (position, scalar) in text.unicodeScalars.enumerated() {
            guard let byte = UInt8(exactly: scalar.value), let digit = alphabet.firstIndex(of: byte) else {
                throw .character(scalar, at: position)
            }
            digits.append(UInt8(digit))
        }
        return bytes(ofDigits: digits)
    }

    /// What stands before the last four bytes, when those are its checksum; `nil` otherwise.
    public static func payload(of bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count >= 4 else { return nil }
        let payload = [UInt8](bytes.dropLast(4))
        return checksum(of: payload).elementsEqual(bytes.suffix(4)) ? payload : nil
    }

    /// The payload and its checksum as digits; a leading zero byte becomes a leading 1.
    public static func encode(_ payload: [UInt8]) -> String {
        let bytes = payload + checksum(of: payload)
        var number = [UInt8]()  // base 58, least significant first
        for byte in bytes {
            var carry = Int(byte)
            for index in number.indices {
                carry += Int(number[index]) << 8
                number[index] = UInt8(carry % 58)
                carry /= 58
            }
            while carry > 0 {
                number.append(UInt8(carry % 58))
                carry /= 58
            }
        }
        let zeros = [UInt8](repeating: 0, count: bytes.prefix { $0 == 0 }.count)
        return String(decoding: (zeros + number.reversed()).map { alphabet[Int($0)] }, as: UTF8.self)
    }

    private static func bytes(ofDigits digits: [UInt8]) -> [UInt8] {
        var number = [UInt8]()  // base 256, least significant first
        for digit in digits {
            var carry = Int(digit)
            for index in number.indices {
                carry += Int(number[index]) * 58
                number[index] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
            if carry > 0 { number.append(UInt8(carry)) }
        }
        return [UInt8](repeating: 0, count: digits.prefix { $0 == 0 }.count) + number.reversed()
    }

    /// Tries every other character at every position of a text no longer than an address: at most 57 × 35
    /// checksums of 32 bits, so that a match by chance is one text in two million.
    private static func suspect(in text: String) -> Int? {
        var digits = text.utf8.compactMap { alphabet.firstIndex(of: $0).map { UInt8($0) } }
        guard digits.count <= 35 else { return nil }
        for position in digits.indices {
            let given = digits[position]
            for digit in UInt8(0)..<58 where digit != given {
                digits[position] = digit
                if payload(of: bytes(ofDigits: digits)) != nil { return position }
            }
            digits[position] = given
        }
        return nil
    }

    private static func checksum(of payload: [UInt8]) -> ArraySlice<UInt8> {
        sha256(sha256(payload)).prefix(4)
    }
}
