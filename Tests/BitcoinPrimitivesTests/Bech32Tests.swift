import BitcoinPrimitives
import Testing

private func fault(_ text: String) -> Bech32.Fault? {
    do throws(Bech32.Fault) {
        _ = try Bech32.decode(text)
        return nil
    } catch {
        return error
    }
}

/// Valid strings of BIP 173 and of BIP 350.
private let valid: [(text: String, variant: Bech32.Variant)] = [
    ("A12UEL5L", .bech32),
    ("a12uel5l", .bech32),
    ("an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs", .bech32),
    ("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", .bech32),
    ("11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc8247j", .bech32),
    ("split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", .bech32),
    ("?1ezyfcl", .bech32),
    ("A1LQFN3A", .bech32m),
    ("a1lqfn3a", .bech32m),
    ("an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6", .bech32m),
    ("abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx", .bech32m),
    ("11llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllludsr8", .bech32m),
    ("split1checkupstagehandshakeupstreamerranterredcaperredlc445v", .bech32m),
    ("?1v759aa", .bech32m),
]

@Test(arguments: valid)
func `the valid strings of BIP 173 and BIP 350 go both ways`(text: String, variant: Bech32.Variant) throws {
    let decoded = try Bech32.decode(text)
    #expect(decoded.variant == variant)
    #expect(Bech32.encode(decoded) == text.lowercased())
}

/// Invalid strings of BIP 173 and of BIP 350, and what is wrong with them.
private let invalid: [(text: String, fault: Bech32.Fault)] = [
    (" 1nwldj5", .character(" ", at: 0)),
    ("\u{7f}1axkwrx", .character("\u{7f}", at: 0)),
    ("\u{80}1eym55h", .character("\u{80}", at: 0)),
    (
        "an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1569pvx",
        .length(91)
    ),
    ("pzry9x0s0muk", .noPrefix),
    ("1pzry9x0s0muk", .noPrefix),
    ("x1b4n0q5v", .character("b", at: 2)),
    ("li1dgmt3", .tooShort),
    ("de1lg7wt\u{ff}", .character("\u{ff}", at: 8)),
    ("10a06t8", .length(7)),
    ("1qzzfhee", .noPrefix),
    (" 1xj0phk", .character(" ", at: 0)),
    ("\u{7f}1g6xzxy", .character("\u{7f}", at: 0)),
    ("\u{80}1vctc34", .character("\u{80}", at: 0)),
    (
        "an84characterslonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11d6pts4",
        .length(91)
    ),
    ("qyrz8wqd2c9m", .noPrefix),
    ("1qyrz8wqd2c9m", .noPrefix),
    ("y1b0jsk6g", .character("b", at: 2)),
    ("lt1igcx5c0", .character("i", at: 3)),
    ("in1muywd", .tooShort),
    ("mm1crxm3i", .character("i", at: 8)),
    ("au1s5cgom", .character("o", at: 7)),
    ("16plkw9", .length(7)),
    ("1p2gdwpf", .noPrefix),
    ("a1lQfn3a", .mixedCase(at: 3)),
]

@Test(arguments: invalid)
func `the invalid strings of BIP 173 and BIP 350 are refused for their reason`(
    text: String, expected: Bech32.Fault
) {
    #expect(fault(text) == expected)
}

@Test(arguments: ["A1G7SGD8", "M1VUXWEZ"])
func `a checksum over the upper case of the prefix is wrong`(text: String) {
    guard case .checksum = fault(text) else { return #expect(Bool(false), "\(fault(text) as Any)") }
}

@Test(arguments: [
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
])
func `one or two mistyped characters are found wherever they are`(text: String) {
    let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l")
    let characters = Array(text)
    func mistyped(_ positions: [Int]) -> String {
        var wrong = characters
        for position in positions {
            let place = alphabet.firstIndex(of: wrong[position]) ?? 0
            wrong[position] = alphabet[(place + 1 + position % 30) % 32]
        }
        return String(wrong)
    }
    for first in 3..<characters.count {
        #expect(fault(mistyped([first])) == .checksum(suspects: [first]))
        let second = 3 + (first * 7) % (characters.count - 3)
        guard second != first else { continue }
        #expect(fault(mistyped([first, second])) == .checksum(suspects: [first, second].sorted()))
    }
    #expect(fault(mistyped([3, 9, 14, 20])) == .checksum(suspects: []))
}

@Test func `bytes become groups of five bits and come back`() {
    for length in 0...45 {
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 89 + length) }
        let groups = Bech32.groups(of: bytes)
        #expect(groups.count == (8 * length + 4) / 5)
        #expect(Bech32.bytes(of: groups) == bytes)
    }
    #expect(Bech32.groups(of: [0xff]) == [31, 28])
    #expect(Bech32.bytes(of: [31, 29]) == nil)  // a bit that is not padding
    #expect(Bech32.bytes(of: [31, 28, 0]) == nil)  // a group too many
    #expect(Bech32.bytes(of: [32, 0]) == nil)
}
