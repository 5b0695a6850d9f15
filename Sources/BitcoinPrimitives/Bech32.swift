/// Text with a checksum that finds mistakes and can say where they are. Source: BIP 173 and BIP 350.
public enum Bech32 {
    /// The two checksums: the older one for witness version 0, the newer one for all others.
    public enum Variant: Hashable, Sendable {
        case bech32, bech32m

        fileprivate var constant: UInt32 {
            switch self {
            case .bech32: 1
            case .bech32m: 0x2bc8_30a3
            }
        }
    }

    /// A text whose checksum holds, taken apart.
    public struct Text: Hashable, Sendable {
        /// What stands before the last `1`, in lower case.
        public var prefix: String
        /// Groups of five bits, without the six of the checksum.
        public var groups: [UInt8]
        public var variant: Variant

        public init(prefix: String, groups: [UInt8], variant: Variant) {
            self.prefix = prefix
            self.groups = groups
            self.variant = variant
        }
    }

    /// What is wrong with a text. Positions count characters from 0, in the whole text.
    public enum Fault: Error, Hashable, Sendable {
        /// Fewer than 8 or more than 90 characters.
        case length(Int)
        /// Outside of what the prefix (printable ASCII) or the rest (32 letters and digits) may have.
        case character(Unicode.Scalar, at: Int)
        /// A letter whose case is not that of the letters before it.
        case mixedCase(at: Int)
        /// No `1` between prefix and data, or nothing before it.
        case noPrefix
        /// Fewer than six characters after the last `1`.
        case tooShort
        /// The checksum does not fit. `suspects` are the positions of one or two characters that, changed,
        /// would make it fit; empty when there are more mistakes than that. BIP 173 asks to show where, and
        /// not to correct.
        case checksum(suspects: [Int])
    }

    private static let alphabet = [UInt8]("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
    private static let generators: [UInt32] = [
        0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3,
    ]

    public static func decode(_ text: String) throws(Fault) -> Text {
        let characters = try lowercased(text)
        guard let separator = characters.lastIndex(of: UInt8(ascii: "1")), separator > 0 else {
            throw .noPrefix
        }
        guard characters.count - separator - 1 >= 6 else { throw .tooShort }
        var groups = [UInt8]()
        for position in (separator + 1)..<characters.count {
            guard let group = alphabet.firstIndex(of: characters[position]) else {
                throw .character(Unicode.Scalar(characters[position]), at: position)
            }
            groups.append(UInt8(group))
        }
        let remainder = remainder(of: expanded(characters[..<separator]) + groups)
        let data = [UInt8](groups.dropLast(6))
        for variant in [Variant.bech32, .bech32m] where remainder == variant.constant {
            let prefix = String(decoding: characters[..<separator], as: UTF8.self)
            return Text(prefix: prefix, groups: data, variant: variant)
        }
        let suspects = suspects(remainder: remainder, groups: groups.count, version: data.first)
        throw .checksum(suspects: suspects.map { separator + 1 + $0 })
    }

    /// The text in lower case, with its checksum.
    ///
    /// The prefix is lower-case printable ASCII, groups are below 32, and all together is at most 90
    /// characters; anything else is a wrong call.
    public static func encode(_ text: Text) -> String {
        let prefix = [UInt8](text.prefix.utf8)
        precondition(!prefix.isEmpty && prefix.allSatisfy { 33...126 ~= $0 && !(65...90 ~= $0) })
        precondition(text.groups.allSatisfy { $0 < 32 } && prefix.count + text.groups.count + 7 <= 90)
        let checked = expanded(prefix[...]) + text.groups + [UInt8](repeating: 0, count: 6)
        let checksum = remainder(of: checked) ^ text.variant.constant
        let tail = (0..<6).map { UInt8(checksum >> UInt32(5 * (5 - $0)) & 31) }
        let data = (text.groups + tail).map { alphabet[Int($0)] }
        return String(decoding: prefix + [UInt8(ascii: "1")] + data, as: UTF8.self)
    }

    /// Bytes cut into groups of five bits, most significant first, zeros at the end.
    public static func groups(of bytes: some Sequence<UInt8>) -> [UInt8] {
        var groups = [UInt8]()
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            buffer = (buffer << 8 | UInt32(byte)) & 0xfff
            bits += 8
            while bits >= 5 {
                bits -= 5
                groups.append(UInt8(buffer >> bits & 31))
            }
        }
        if bits > 0 { groups.append(UInt8(buffer << (5 - bits) & 31)) }
        return groups
    }

    /// The bytes that groups of five bits stand for; `nil` when what is left at the end is five bits or more,
    /// or not zero.
    public static func bytes(of groups: some Sequence<UInt8>) -> [UInt8]? {
        var bytes = [UInt8]()
        var buffer: UInt32 = 0
        var bits: UInt32 = 0
        for group in groups {
            guard group < 32 else { return nil }
            buffer = (buffer << 5 | UInt32(group)) & 0xfff
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(buffer >> bits & 0xff))
            }
        }
        return bits < 5 && buffer & (1 << bits - 1) == 0 ? bytes : nil
    }

    /// The characters as bytes in lower case: all of them printable, and none of the other case.
    private static func lowercased(_ text: String) throws(Fault) -> [UInt8] {
        let count = text.unicodeScalars.count
        guard (8...90).contains(count) else { throw .length(count) }
        var out = [UInt8]()
        var hasUpper: Bool?
        for (position, scalar) in text.unicodeScalars.enumerated() {
            guard (33...126).contains(scalar.value) else { throw .character(scalar, at: position) }
            let byte = UInt8(scalar.value)
            let isUpper = 65...90 ~= byte
            if isUpper || 97...122 ~= byte {
                guard hasUpper == nil || hasUpper == isUpper else { throw .mixedCase(at: position) }
                hasUpper = isUpper
            }
            out.append(isUpper ? byte + 32 : byte)
        }
        return out
    }

    /// The prefix as the checksum sees it: upper three bits of each character, a zero, lower five bits.
    private static func expanded(_ prefix: ArraySlice<UInt8>) -> [UInt8] {
        prefix.map { $0 >> 5 } + [0] + prefix.map { $0 & 31 }
    }

    private static func remainder(of values: [UInt8]) -> UInt32 {
        values.reduce(UInt32(1)) { times($0) ^ UInt32($1) }
    }

    /// One step of the division: the remainder times x.
    private static func times(_ remainder: UInt32) -> UInt32 {
        let top = remainder >> 25
        var next = (remainder & 0x1ff_ffff) << 5
        for bit in 0..<5 where top >> UInt32(bit) & 1 == 1 { next ^= generators[bit] }
        return next
    }
}

// Where the mistakes are. The remainder is linear: a change of `delta` in the group `n` from the end adds delta·xⁿ to it,
// whatever the text. So what is missing to the right remainder is one such term, or the sum of two.
extension Bech32 {
    /// Indexes into the groups, ascending, of the one or two that explain the remainder. Two texts of up to 89
    /// characters with the right checksum differ in five places at least, so there is one explanation only
    /// for each checksum; of both checksums the one with fewer mistakes counts, then the one that the witness
    /// version asks for.
    private static func suspects(remainder: UInt32, groups: Int, version: UInt8?) -> [Int] {
        var terms: [UInt32: Int] = [:]
        for delta in UInt32(1)..<32 {
            var term = delta
            for index in stride(from: groups - 1, through: 0, by: -1) {
                terms[term] = index
                term = times(term)
            }
        }
        let expected = version == 0 ? Variant.bech32 : .bech32m
        let variants = [expected, expected == .bech32 ? .bech32m : .bech32]
        let missing = variants.map { remainder ^ $0.constant }
        if let one = missing.lazy.compactMap({ terms[$0] }).first { return [one] }
        for target in missing {
            for (term, index) in terms {
                if let other = terms[target ^ term], other != index { return [index, other].sorted() }
            }
        }
        return []
    }
}
