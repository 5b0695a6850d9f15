import BitcoinPrimitives
import SV1
import TestSupport
import Testing

private func difficulty(_ text: String) -> ShareDifficulty? {
    (try? JSONValue(parsing: Array(text.utf8)))?.number.flatMap { ShareDifficulty($0) }
}

@Suite struct DifficultyTests {
    /// ⌊0xffff × 2^208 / d⌋, computed with exact fractions in another language.
    static let targets: [(String, String)] = [
        ("1", "00000000ffff0000000000000000000000000000000000000000000000000000"),
        ("1024.0", "00000000003fffc0000000000000000000000000000000000000000000000000"),
        ("100.5", "00000000028c16ece540f4898d5f85bb39503d226357e16ece540f4898d5f85b"),
        ("0.001", "000003e7fc180000000000000000000000000000000000000000000000000000"),
        ("1638", "0000000000280258258258258258258258258258258258258258258258258258"),
        ("65536", "000000000000ffff000000000000000000000000000000000000000000000000"),
        ("16384", "000000000003fffc000000000000000000000000000000000000000000000000"),
        ("1e-9", "3b9a8e6536000000000000000000000000000000000000000000000000000000"),
        ("2.4e-10", "f859515061000000000000000000000000000000000000000000000000000000"),
        ("2.3e-10", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        ("0.0000152587890625", "0000ffff00000000000000000000000000000000000000000000000000000000"),
        ("126271255279306.62", "000000000000000000023aa600000001d6d28be106c3d2e6013da214ae0394a4"),
        ("1e66", "000000000000000000000000000000000000000000000000000000000000001a"),
        ("0.1", "00000009fff60000000000000000000000000000000000000000000000000000"),
        ("123456789.000000001", "0000000000000022c9e88af96cbe741fec075d9b3ceb181719172af60246b2f5"),
    ]

    @Test(arguments: targets)
    func `a difficulty has its target to the last bit, fractions too`(text: String, target: String) throws {
        #expect(try #require(difficulty(text)).target.displayHex == target)
    }

    @Test(arguments: ["0", "-1", "0.0", "1e67", "1e400"])
    func `what no target stands for is no difficulty`(text: String) {
        #expect(difficulty(text) == nil)
    }

    @Test(arguments: [
        "1", "1024", "0.001", "16384", "100.5", "126271255279306", "0.0000152587890625", "7e40",
    ])
    func `the difficulty that covers a target gives the one it came from`(text: String) throws {
        let from = try #require(difficulty(text))
        #expect(ShareDifficulty(covering: from.target) == from)
    }

    @Test func `a covering difficulty never asks more than the target, and hardly less`() throws {
        var seed: UInt64 = 7
        for bits in stride(from: 1, to: 250, by: 3) {
            var bytes = Target(leadingZeroBits: bits).wireBytes
            for index in bytes.indices where bytes[index] == 0xFF {
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes[index] = UInt8(truncatingIfNeeded: seed >> 33)
            }
            let target = try #require(Target(wireBytes: bytes))
            guard target.difficulty.isFinite, target.difficulty < 1e60 else { continue }
            let cover = try #require(ShareDifficulty(covering: target))
            #expect(cover.target >= target)
            // Near the smallest targets one step of the target is a large part of it.
            #expect(cover.double >= target.difficulty * (1 - 1e-13))
        }
        #expect(ShareDifficulty(covering: Target(wireBytes: [UInt8](repeating: 0, count: 32))!) == nil)
    }

    @Test func `difficulties are in order`() throws {
        let order = ["1e-30", "1e-9", "0.5", "1", "1.5", "1e9", "1e60"].compactMap(difficulty)
        #expect(order.count == 7)
        #expect(order.sorted() == order)
        #expect(ShareDifficulty(1) == .one)
        #expect(ShareDifficulty.one.target == .difficultyOne)
    }
}
