import Crypto

/// Bitcoin's Base58 with a checksum: the first four bytes of the double SHA-256 of the payload follow it.
enum Base58Check {
    private static let alphabet = Array(
        "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".unicodeScalars)

    /// The payload in front of the last four bytes, which must be its checksum.
    static func verified(_ bytes: [UInt8]) throws(AuthorityKeyError) -> [UInt8] {
        let payload = Array(bytes.dropLast(4))
        guard bytes.count >= 4, checksum(of: payload) == Array(bytes.suffix(4)) else { throw .checksum }
        return payload
    }

    /// The bytes of Base58 digits, without looking for a checksum. Time grows with the square of the length,
    /// so callers bound it.
    static func decode(_ text: String) throws(AuthorityKeyError) -> [UInt8] {
        var number = [UInt8]()  // base 256, least significant first
        for (position, scalar) in text.unicodeScalars.enumerated() {
            guard let digit = alphabet.firstIndex(of: scalar) else { throw .character(scalar, at: position) }
            var carry = digit
            for index in number.indices {
                carry += Int(number[index]) * 58
                number[index] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
            if carry > 0 { number.append(UInt8(carry)) }
        }
        let zeros = text.unicodeScalars.prefix { $0 == alphabet[0] }.count
        return [UInt8](repeating: 0, count: zeros) + number.reversed()
    }

    static func encode(_ payload: [UInt8]) -> String {
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
        var text = ""
        text.unicodeScalars.append(contentsOf: (zeros + number.reversed()).map { alphabet[Int($0)] })
        return text
    }

    private static func checksum(of payload: [UInt8]) -> [UInt8] {
        Array(SHA256.hash(data: Array(SHA256.hash(data: payload))).prefix(4))
    }
}
