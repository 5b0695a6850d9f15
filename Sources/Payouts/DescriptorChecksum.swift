/// The eight characters after the `#` of a descriptor: a code that finds up to three mistyped characters for certain.
/// Source: BIP 380.
enum DescriptorChecksum {
    /// The characters that a descriptor may have, in three groups of 32: the place in the group is one symbol,
    /// and the groups of three characters are another.
    private static let input = [UInt8](
        """
        0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#"\\\u{20}
        """.utf8)
    private static let output = [UInt8]("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
    private static let generators: [UInt64] = [
        0xf5_dee5_1989, 0xa9_fdca_3312, 0x1b_ab10_e32d, 0x37_06b1_677a, 0x64_4d62_6ffd,
    ]

    /// The position and character of the first one that no descriptor has; `nil` when there is none.
    static func badCharacter(in text: some StringProtocol) -> (scalar: Unicode.Scalar, position: Int)? {
        for (position, scalar) in text.unicodeScalars.enumerated() where place(of: scalar) == nil {
            return (scalar, position)
        }
        return nil
    }

    /// What belongs after `text` and its `#`. All characters must be those of descriptors.
    static func of(_ text: some StringProtocol) -> String {
        var symbols = [UInt8]()
        var groups: UInt8 = 0
        var waiting = 0
        for scalar in text.unicodeScalars {
            guard let place = place(of: scalar) else {
                preconditionFailure("a descriptor has its own characters only")
            }
            symbols.append(UInt8(place & 31))
            groups = groups * 3 + UInt8(place >> 5)
            waiting += 1
            if waiting == 3 {
                symbols.append(groups)
                (groups, waiting) = (0, 0)
            }
        }
        if waiting > 0 { symbols.append(groups) }
        symbols += [UInt8](repeating: 0, count: 8)
        let checksum = symbols.reduce(UInt64(1)) { times($0) ^ UInt64($1) } ^ 1
        let characters = (0..<8).map { output[Int(checksum >> UInt64(5 * (7 - $0)) & 31)] }
        return String(decoding: characters, as: UTF8.self)
    }

    private static func place(of scalar: Unicode.Scalar) -> Int? {
        UInt8(exactly: scalar.value).flatMap { input.firstIndex(of: $0) }
    }

    private static func times(_ remainder: UInt64) -> UInt64 {
        let top = remainder >> 35
        var next = (remainder & 0x7_ffff_ffff) << 5
        for bit in 0..<5 where top >> UInt64(bit) & 1 == 1 { next ^= generators[bit] }
        return next
    }
}
