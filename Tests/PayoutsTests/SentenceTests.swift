import BitcoinPrimitives
import Payouts
import Testing

private let point = "03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd"
private let uncompressed = """
    04a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd\
    5b8dec5235a0fa8722476c7709c02559e3aa73aa03918ba2d492eea75abea235
    """
/// Public keys of BIP 32's vectors.
private let key = """
    xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL
    """
private let testKey = """
    tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYjXyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp
    """

private func said(_ text: String, on network: BitcoinNetwork = .main) -> String? {
    do throws(DescriptorFault) {
        _ = try PayoutDescriptor(addressOrDescriptor: text, on: network)
        return nil
    } catch {
        return "\(error)"
    }
}

/// 78 bytes of an extended key, changed, as text.
private func extendedKey(_ change: (inout [UInt8]) -> Void) throws -> String {
    var bytes = try Base58Check.decode(key)
    change(&bytes)
    return Base58Check.encode(bytes)
}

/// An input, what is wrong with it, and what to do.
private typealias Said = (text: String, wrong: String, remedy: String)

@Suite struct SentenceTests {
    private let addresses: [Said] = [
        ("", "is empty", "write an address"),
        (String(repeating: "2", count: 129), "129 characters", "copy it alone"),
        ("asdf", "cut off: it holds 3 bytes", "copy the whole"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfN0", "character 34 of the address, \"0\"", "none has 0, O, I or l"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf\u{1b}a", "U+1B", "copy it again"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "character 34 is the likely mistake", "compare"),
        ("A11zP1eP5QGefi2DMPTfTL5SLmv7DifvNb", "wrong, missing or exchanged", "copy it again"),
        (
            "bc1" + String(repeating: "q", count: 88),
            "91 characters, and an address of its kind has 14 to 90",
            "whole address"
        ),
        ("bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4", "character 60, \"o\"", "compare"),
        (
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kV8f3t4", "small and capital letters (character 37)",
            "one case"
        ),
        ("bc1qqqqq", "ends before its checksum", "whole address"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "character 42 is the likely mistake", "compare it"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f345", "characters 41 and 42", "compare them"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7qqqqqqq", "wrong, missing or exchanged", "copy it again"),
        (
            "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
            "is an address of testnet or signet, and this is mainnet",
            "take one from a wallet of mainnet"
        ),
        (
            "mpXwg4jMtRhuSpVq4xS3HFHmCmWp9NyGKt", "of testnet, signet or regtest, and this is mainnet",
            "a wallet of mainnet"
        ),
        (
            "LUEweDxDA4WhvWiNXXSxjM9CYzHPJv4QQF", "of another coin or kind: its first byte is 48",
            "write a Bitcoin"
        ),
        ("3QJmnh", "it holds 0 bytes, and an address holds 21", "whole address"),
        ("tc1qw508d6qejxtdg4y5r3zarvary0c5xw7kg3g4ty", "begins with \"tc1\"", "write a Bitcoin address"),
        ("bc1gmk9yu", "nothing stands between", "whole address"),
        ("BC13W508D6QEJXTDG4Y5R3ZARVARY0C5XW7KN40WF2", "witness version is 17", "copy it again"),
        (
            "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P", "holds 16 bytes, and an address of witness version 0",
            "20 or 32"
        ),
        ("bc1pw5dgrnzv", "holds 1 bytes, and an address of witness version 1", "2 to 40"),
        (
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf", "left over at its end",
            "copy it again"
        ),
        (
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh", "is Bech32m, and witness version 0 has Bech32:",
            "another one"
        ),
        (
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
            "is Bech32, and witness version 1 has Bech32m:", "another one"
        ),
        ("bc1pfeessrawgf", "no rule protects money at witness version 1 with 2 bytes", "bc1q or bc1p"),
        (key, "is an extended public key", "write it in a descriptor, such as wpkh(xpub.../0/*)"),
    ]

    @Test func `every fault of an address says what is wrong and what to write`() throws {
        for (text, wrong, remedy) in addresses {
            let sentence = try #require(said(text), "\(text)")
            #expect(sentence.contains(wrong) && sentence.contains(remedy), "\(text): \(sentence)")
        }
    }

    @Test func `every fault of a descriptor says what is wrong and what to write`() throws {
        let cases: [Said] = [
            (
                "raw(" + String(repeating: "00", count: 600) + ")", "1205 characters, and 1024",
                "one address or"
            ),
            ("raw(\u{dc})", "character 5, U+DC", "copy it again"),
            ("()", "neither an address nor of the form", "wpkh(...)"),
            ("wsh(pk(\(point)))", "of the kind wsh(...) are not supported", "write addr(...)"),
            ("tr(\(point),pk(\(point)))", "scripts beside its key", "write addr(...)"),
            ("raw(deadbeef)#89f8spx", "after the # come 7 characters", "leave the # and"),
            ("raw(deadbeef)#89f8spxq", "does not fit the rest", "write #89f8spxm"),
            ("addr(bc1gmk9yu)", "nothing stands between", "whole address"),
            ("raw(abc)", "holds no script", "even number"),
            ("raw(6a00)", "nobody could ever spend", "OP_RETURN"),
        ]
        for (text, wrong, remedy) in cases {
            let sentence = try #require(said(text), "\(text)")
            #expect(sentence.contains(wrong) && sentence.contains(remedy), "\(text): \(sentence)")
        }
    }

    @Test func `every fault of a key says what is wrong and what to write`() throws {
        let cases: [Said] = [
            ("", "no key between", "write a public key"),
            ("[aaaaaaaa\(key)/0", "one [ and one ]", "leave it out"),
            ("[deadbef]\(point)", "8 hexadecimal digits", "leave it"),
            ("[deadbeef/0h/x]\(point)", "step 2 of the origin", "leave the origin out"),
            (String(point.dropLast(4)), "62 hexadecimal digits", "66"),
            ("05" + point.dropFirst(2), "no point of the curve", "copy it again"),
            (uncompressed, "only pkh(...) may have", "compressed form"),
            (String(point.dropFirst(2)), "only tr(...) may have", "66 digits"),
            ("\(testKey)/*", "of testnet, signet or regtest, and this is mainnet", "a wallet of mainnet"),
            ("\(point)/0", "a path follows a single key", "write the xpub"),
            ("\(key)/0/x", "step 2 behind the xpub", "correct it"),
            ("\(key)/3h/*", "step 1 behind the xpub is hardened", "export the public key after that step"),
            ("\(key)/*/0", "the * is step 1", "write it at the end"),
            ("\(key)/<0;1>/*", "to receive and for change at once", "/0/*"),
            ("\(key)" + String(repeating: "/0", count: 252), "256 steps", "shorten it"),
            ("asdf", "the key is cut off", "copy the whole"),
            ("\(key.dropLast())M", "the checksum of the key does not fit", "copy it again"),
            ("3PUNyaW7M55oKWJ3kDukwk9bsKvryra15j", "holds 21 bytes, and an xpub holds 78", "whole xpub"),
            (try extendedKey { $0[3] = 0x1f }, "another kind than xpub and tpub", "export it as xpub"),
            (
                try extendedKey {
                    $0[4] = 0
                    $0[5] = 1
                }, "a master key and names a parent", "export it again"
            ),
            (try extendedKey { $0[45] = 5 }, "no point of the curve", "export the public key again"),
        ]
        for (text, wrong, remedy) in cases {
            let sentence = try #require(said("wpkh(\(text))"), "\(text)")
            #expect(sentence.contains(wrong) && sentence.contains(remedy), "\(text): \(sentence)")
        }
        // One number in 2^127 has no key, so nobody can write that input.
        #expect("\(KeyFault.underivable(1))".contains("no key at step 2"))
    }

    @Test(arguments: [
        "L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1",
        "wpkh(5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss)",
        """
        tr(xprvA1RpRA33e1JQ7ifknakTFpgNXPmW2YvmhqLQYMmrj4xJXXWYpDPS3xz7iAxn8L39njGVyuoseXzU6rcxFLJ8HFsTjSyQbLYnMpCqE2\
        VbFWc/0/*)
        """,
        // BIP 93's first vector, a phrase of BIP 39, and an example key of NIP 19.
        "ms10testsxxxxxxxxxxxxxxxxxxxxxxxxxx4nzvca9cmczlw",
        "legal winner thank year wave sausage worth useful legal winner thank yellow",
        "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5",
    ])
    func `a secret is called one, and not repeated`(text: String) throws {
        let sentence = try #require(said(text))
        #expect(sentence.contains("looks like a private key") && sentence.contains("(xpub)"))
        for word in text.split(whereSeparator: { !$0.isLetter && !$0.isNumber }) where word.count > 5 {
            #expect(!sentence.contains(word))
        }
    }

    @Test func `no sentence repeats more of a key than one character`() throws {
        for (text, _, _) in addresses where text.count > 30 {
            let sentence = try #require(said(text))
            #expect(!sentence.contains(text.prefix(12)) && !sentence.contains(text.suffix(12)))
        }
    }

    @Test func `an extended key without an index is told apart`() throws {
        func isSo(_ text: String) throws -> Bool {
            try PayoutDescriptor(text, on: .main).isExtendedKeyWithoutIndex
        }
        #expect(try isSo("wpkh(\(key))") && isSo("tr(\(key)/0/5)") && isSo("pkh([deadbeef/1]\(key)/0)"))
        #expect(try !isSo("wpkh(\(key)/0/*)") && !isSo("wpkh(\(point))") && !isSo("raw(51)"))
    }
}
