import BitcoinPrimitives
import Payouts
import TestSupport
import Testing

private func fault(_ text: String, on network: BitcoinNetwork? = nil, unknown: Bool = false) -> AddressFault?
{
    do throws(AddressFault) {
        if let network {
            _ = try PayoutAddress(text, on: network, allowingUnknownWitness: unknown)
        } else {
            _ = try PayoutAddress(text, allowingUnknownWitness: unknown)
        }
        return nil
    } catch {
        return error
    }
}

/// Valid addresses of BIP 350 and the scripts that they stand for.
private let witnessAddresses: [(text: String, script: String)] = [
    ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "0014751e76e8199196d454941c45d1b3a323f1433bd6"),
    (
        "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
        "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262"
    ),
    (
        "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
        "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6"
    ),
    ("BC1SW50QGDZ25J", "6002751e"),
    ("bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "5210751e76e8199196d454941c45d1b3a323"),
    (
        "tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy",
        "0020000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433"
    ),
    (
        "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
        "5120000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433"
    ),
    (
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
        "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
    ),
]

@Test(arguments: witnessAddresses)
func `the witness addresses of BIP 350 stand for their scripts`(text: String, script: String) throws {
    let address = try PayoutAddress(text, allowingUnknownWitness: true)
    let network: BitcoinNetwork = text.lowercased().hasPrefix("bc") ? .main : .test
    #expect(address.networks == [network])
    #expect(address.script.hex == script)
    #expect(address.text == text.lowercased())
    #expect(PayoutAddress(script: hex(script), on: network) == address)
    #expect(PayoutAddress(script: hex(script), on: .regtest)?.text.hasPrefix("bcrt1") == true)
}

/// Invalid addresses of BIP 173 and BIP 350, and what is wrong with them.
private let invalid: [(text: String, fault: AddressFault)] = [
    ("tc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq5zuyut", .prefix("tc")),
    (
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
        .variant(.bech32, version: 1)
    ),
    (
        "tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf",
        .variant(.bech32, version: 2)
    ),
    (
        "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
        .variant(.bech32, version: 16)
    ),
    ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh", .variant(.bech32m, version: 0)),
    (
        "tb1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47",
        .variant(.bech32m, version: 0)
    ),
    (
        "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
        .bech32(.character("o", at: 59))
    ),
    ("BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R", .witnessVersion(17)),
    ("bc1pw5dgrnzv", .witnessLength(version: 1, bytes: 1)),
    (
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav",
        .witnessLength(version: 1, bytes: 41)
    ),
    ("BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P", .witnessLength(version: 0, bytes: 16)),
    ("tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq", .bech32(.mixedCase(at: 58))),
    ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf", .padding),
    ("tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vpggkg4j", .padding),
    ("bc1gmk9yu", .noWitnessVersion),
    ("tc1qw508d6qejxtdg4y5r3zarvary0c5xw7kg3g4ty", .prefix("tc")),
    ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", .bech32(.checksum(suspects: [41]))),
    ("BC13W508D6QEJXTDG4Y5R3ZARVARY0C5XW7KN40WF2", .witnessVersion(17)),
    ("bc1rw5uspcuh", .variant(.bech32, version: 3)),
    (
        "bc10w508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kw5rljs90",
        .variant(.bech32, version: 15)
    ),
    (
        "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sL5k7",
        .bech32(.mixedCase(at: 58))
    ),
    ("bc1zw508d6qejxtdg4y5r3zarvaryvqyzf3du", .variant(.bech32, version: 2)),
    ("tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3pjxtptv", .padding),
]

@Test(arguments: invalid)
func `the invalid addresses of BIP 173 and BIP 350 are refused for their reason`(
    text: String, expected: AddressFault
) {
    #expect(fault(text, unknown: true) == expected)
}

/// Base58 addresses of the hash 62e907…: by an independent encoder.
private let hashed: [(text: String, networks: [BitcoinNetwork], script: String)] = [
    (
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", [.main],
        "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac"
    ),
    (
        "mpXwg4jMtRhuSpVq4xS3HFHmCmWp9NyGKt", [.test, .regtest],
        "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac"
    ),
    ("3Ai1JZ8pdJb2ksieUV8FsxSNVJCpoPi8W6", [.main], "a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1887"),
    (
        "2N2GDNJ4rEm6NxfMC9ck8VuRdheQzXWaNZv", [.test, .regtest],
        "a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1887"
    ),
]

@Test(arguments: hashed)
func `Base58 addresses stand for their scripts`(
    text: String, networks: [BitcoinNetwork], script: String
) throws {
    let address = try PayoutAddress(text)
    #expect(address.networks == networks)
    #expect(address.script.hex == script)
    #expect(address.text == text)
    for network in networks { #expect(PayoutAddress(script: hex(script), on: network) == address) }
}

@Test func `an address of another network is refused by the name of its own`() {
    let cases: [(String, BitcoinNetwork, [BitcoinNetwork])] = [
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", .test, [.main]),
        ("mpXwg4jMtRhuSpVq4xS3HFHmCmWp9NyGKt", .main, [.test, .regtest]),
        ("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", .main, [.test]),
        ("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", .regtest, [.test]),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", .regtest, [.main]),
    ]
    for (text, network, own) in cases {
        #expect(fault(text, on: network) == .otherNetwork(own, wanted: network))
        for right in own { #expect(fault(text, on: right) == nil) }
    }
}

@Test func `what no rule protects yet is paid only when asked for`() {
    // Version 16, and version 1 with the two bytes of a pay-to-anchor output.
    #expect(fault("bc1sw50qgdz25j") == .unknownWitness(version: 16, bytes: 2))
    #expect(fault("bc1sw50qgdz25j", unknown: true) == nil)
    #expect(fault("bc1pfeessrawgf") == .unknownWitness(version: 1, bytes: 2))
    #expect(fault("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0") == nil)
}

@Test func `what is not an address is told apart from a mistyped one`() {
    #expect(fault("") == .empty)
    #expect(fault("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb") == .base58(.checksum(suspect: 33)))
    #expect(fault("asdf") == .base58(.tooShort(3)))
    #expect(fault("3QJmnh") == .length(0))
    // An address of Litecoin, and the public key of BIP 32's first vector.
    #expect(fault("LUEweDxDA4WhvWiNXXSxjM9CYzHPJv4QQF") == .version(0x30))
    #expect(
        fault(
            """
            xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7u\
            sUDFdp6W1EGMcet8
            """) == .extendedKey)
}

@Test(arguments: [
    "5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss",
    "L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1",
    "L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY",  // the last character lost
    "L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyYl",  // no Base58 any more
    """
    xprvA1RpRA33e1JQ7ifknakTFpgNXPmW2YvmhqLQYMmrj4xJXXWYpDPS3xz7iAxn8L39njGVyuoseXzU6rcxFLJ8HFsTjSyQbLYnMpCqE2VbFWc
    """,
])
func `a private key is refused, and nothing of it comes back`(text: String) {
    #expect(fault(text) == .privateKey)
    #expect(fault(text, on: .main) == .privateKey)
    #expect(fault(" \(text)\n") == .privateKey)
}
