import BitcoinPrimitives

/// SHA-256 and then RIPEMD-160: 20 bytes that stand for a key or a script.
func hash160(_ bytes: [UInt8]) -> [UInt8] { RIPEMD160.hash(sha256(bytes)) }

/// RIPEMD-160, by the tables of its publication (Dobbertin, Bosselaers, Preneel: "RIPEMD-160, a strengthened version of
/// RIPEMD", 1996). Used on 32 bytes per payout address, so it is written to be read.
enum RIPEMD160 {
    /// What one of the two parallel lines takes in each of its five rounds of sixteen steps.
    private struct Line {
        let words: [[Int]]
        let rotations: [[UInt32]]
        let constants: [UInt32]
        let functions: [Int]
    }

    private static let left = Line(
        words: [
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            [7, 4, 13, 1, 10, 6, 15, 3, 12, 0, 9, 5, 2, 14, 11, 8],
            [3, 10, 14, 4, 9, 15, 8, 1, 2, 7, 0, 6, 13, 11, 5, 12],
            [1, 9, 11, 10, 0, 8, 12, 4, 13, 3, 7, 15, 14, 5, 6, 2],
            [4, 0, 5, 9, 7, 12, 2, 10, 14, 1, 3, 8, 11, 6, 15, 13],
        ],
        rotations: [
            [11, 14, 15, 12, 5, 8, 7, 9, 11, 13, 14, 15, 6, 7, 9, 8],
            [7, 6, 8, 13, 11, 9, 7, 15, 7, 12, 15, 9, 11, 7, 13, 12],
            [11, 13, 6, 7, 14, 9, 13, 15, 14, 8, 13, 6, 5, 12, 7, 5],
            [11, 12, 14, 15, 14, 15, 9, 8, 9, 14, 5, 6, 8, 6, 5, 12],
            [9, 15, 5, 11, 6, 8, 13, 12, 5, 12, 13, 14, 11, 8, 5, 6],
        ],
        constants: [0, 0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xa953_fd4e], functions: [0, 1, 2, 3, 4])

    private static let right = Line(
        words: [
            [5, 14, 7, 0, 9, 2, 11, 4, 13, 6, 15, 8, 1, 10, 3, 12],
            [6, 11, 3, 7, 0, 13, 5, 10, 14, 15, 8, 12, 4, 9, 1, 2],
            [15, 5, 1, 3, 7, 14, 6, 9, 11, 8, 12, 2, 10, 0, 4, 13],
            [8, 6, 4, 1, 3, 11, 15, 0, 5, 12, 2, 13, 9, 7, 10, 14],
            [12, 15, 10, 4, 1, 5, 8, 7, 6, 2, 13, 14, 0, 3, 9, 11],
        ],
        rotations: [
            [8, 9, 9, 11, 13, 15, 15, 5, 7, 7, 8, 11, 14, 14, 12, 6],
            [9, 13, 15, 7, 12, 8, 9, 11, 7, 7, 12, 7, 6, 15, 13, 11],
            [9, 7, 15, 11, 8, 6, 6, 14, 12, 13, 5, 14, 13, 13, 7, 5],
            [15, 5, 8, 11, 14, 14, 6, 14, 6, 9, 12, 9, 12, 5, 15, 8],
            [8, 5, 12, 9, 12, 5, 14, 6, 8, 13, 6, 5, 15, 13, 11, 11],
        ],
        constants: [0x50a2_8be6, 0x5c4d_d124, 0x6d70_3ef3, 0x7a6d_76e9, 0], functions: [4, 3, 2, 1, 0])

    static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var padded = bytes + [0x80]
        padded += [UInt8](repeating: 0, count: (120 - padded.count % 64) % 64)
        padded.appendLittleEndian(UInt64(bytes.count) * 8)
        var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
        for start in stride(from: 0, to: padded.count, by: 64) {
            let block = (0..<16).map { word(in: padded, at: start + 4 * $0) }
            let a = run(left, block, from: state)
            let b = run(right, block, from: state)
            var next = [UInt32]()
            for i in 0..<5 {
                let sum: UInt32 = state[(i + 1) % 5] &+ a[(i + 2) % 5]
                next.append(sum &+ b[(i + 3) % 5])
            }
            state = next
        }
        var digest = [UInt8]()
        for word in state { digest.appendLittleEndian(word) }
        return digest
    }

    private static func run(_ line: Line, _ block: [UInt32], from state: [UInt32]) -> [UInt32] {
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for round in 0..<5 {
            for step in 0..<16 {
                let mixed = mix(line.functions[round], b, c, d)
                let sum = a &+ mixed &+ block[line.words[round][step]] &+ line.constants[round]
                let next = rotated(sum, by: line.rotations[round][step]) &+ e
                (a, e, d, c, b) = (e, d, rotated(c, by: 10), b, next)
            }
        }
        return [a, b, c, d, e]
    }

    private static func mix(_ function: Int, _ x: UInt32, _ y: UInt32, _ z: UInt32) -> UInt32 {
        switch function {
        case 0: x ^ y ^ z
        case 1: x & y | ~x & z
        case 2: (x | ~y) ^ z
        case 3: x & z | y & ~z
        default: x ^ (y | ~z)  // the fifth and last
        }
    }

    /// Four bytes, least significant first.
    private static func word(in bytes: [UInt8], at offset: Int) -> UInt32 {
        var word: UInt32 = 0
        for i in 0..<4 { word |= UInt32(bytes[offset + i]) << UInt32(8 * i) }
        return word
    }

    private static func rotated(_ word: UInt32, by bits: UInt32) -> UInt32 {
        word << bits | word >> (32 - bits)
    }
}
