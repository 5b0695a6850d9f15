import BitcoinPrimitives
import Payouts
import TestSupport
import Testing

/// Keys of BIP 32's vectors, which the BIPs of descriptors use.
private let deepKey = """
    xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGRjaDMzQLcgJvLJuZZvRcEL
    """
private let wpkhKey = """
    xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH
    """
private let point = "03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd"
private let uncompressed = """
    04a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd\
    5b8dec5235a0fa8722476c7709c02559e3aa73aa03918ba2d492eea75abea235
    """

private func fault(_ text: String, on network: BitcoinNetwork = .main) -> DescriptorFault? {
    do throws(DescriptorFault) {
        _ = try PayoutDescriptor(text, on: network)
        return nil
    } catch {
        return error
    }
}

/// Descriptors with public keys of BIP 381, 382, 385 and 386, and their first scripts.
private let published: [(text: String, scripts: [String])] = [
    ("pkh([deadbeef/1/2'/3/4']\(point))", ["76a9149a1c78a507689f6f54b847ad1cef1e614ee23f1e88ac"]),
    ("pkh([deadbeef/1/2h/3/4h]\(point))", ["76a9149a1c78a507689f6f54b847ad1cef1e614ee23f1e88ac"]),
    ("pkh(\(uncompressed))", ["76a914b5bd079c4d57cc7fc28ecf8213a6b791625b818388ac"]),
    (
        """
        pkh([bd16bee5/2147483647h]xpub69H7F5dQzmVd3vPuLKtcXJziMEQByuDidnX3YdwgtNsecY5HRGtAAQC5mXTt4dsv9RzyjgDjAQs9\
        VGVV6ydYCHnprc9vvaA5YtqWyL6hyds/0)
        """, ["76a914ebdc90806a9c4356c1c88e42216611e1cb4c1c1788ac"]
    ),
    ("wpkh(\(point))", ["00149a1c78a507689f6f54b847ad1cef1e614ee23f1e"]),
    (
        "wpkh([ffffffff/13']\(wpkhKey)/1/2/*)",
        [
            "0014326b2249e3a25d5dc60935f044ee835d090ba859", "0014af0bd98abc2f2cae66e36896a39ffe2d32984fb7",
            "00141fa798efd1cbf95cebf912c031b8a4a6e9fb9f27",
        ]
    ),
    (
        "tr(\(point.dropFirst(2)))",
        ["512077aab6e066f8a7419c5ab714c12c67d25007ed55a43cadcacb4d7a970a093f11"]
    ),
    ("tr(\(point))", ["512077aab6e066f8a7419c5ab714c12c67d25007ed55a43cadcacb4d7a970a093f11"]),
    ("raw(deadbeef)", ["deadbeef"]),
    (
        "raw(a9149a4d9901d6af519b2a23d4a2f51650fcba87ce7b87)",
        ["a9149a4d9901d6af519b2a23d4a2f51650fcba87ce7b87"]
    ),
    ("addr(3PUNyaW7M55oKWJ3kDukwk9bsKvryra15j)", ["a914eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee87"]),
]

@Test(arguments: published)
func `the published descriptors give their scripts`(text: String, scripts: [String]) throws {
    let descriptor = try PayoutDescriptor(text, on: .main)
    #expect(descriptor.isRanged == (scripts.count > 1))
    for (index, script) in scripts.enumerated() {
        #expect(descriptor.script(at: UInt32(index))?.hex == script)
    }
    // The text with its checksum is the same descriptor, and says so.
    let again = try PayoutDescriptor(descriptor.text, on: .main)
    #expect(again.hadChecksum && !descriptor.hadChecksum)
    #expect(again.text == descriptor.text)
    #expect(again.script() == descriptor.script())
}

@Test(arguments: [
    (
        "0/*", UInt32(0), "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
        "5120a60869f0dbcf1dc659c9cecbaf8050135ea9e8cdc487053f1dc6880949dc684c"
    ),
    (
        "0/*", 1, "bc1p4qhjn9zdvkux4e44uhx8tc55attvtyu358kutcqkudyccelu0was9fqzwh",
        "5120a82f29944d65b86ae6b5e5cc75e294ead6c59391a1edc5e016e3498c67fc7bbb"
    ),
    (
        "1/0", 0, "bc1p3qkhfews2uk44qtvauqyr2ttdsw7svhkl9nkm9s9c3x4ax5h60wqwruhk7",
        "5120882d74e5d0572d5a816cef0041a96b6c1de832f6f9676d9605c44d5e9a97d3dc"
    ),
])
func `an account key pays the addresses of BIP 86`(
    path: String, index: UInt32, address: String, script: String
) throws {
    let account = """
        xpub6BgBgsespWvERF3LHQu6CnqdvfEvtMcQjYrcRzx53QJjSxarj2afYWcLteoGVky7D3UKDP9QyrLprQ3VCECoY49yfdDEHGCtMMj92pReUsQ
        """
    let descriptor = try PayoutDescriptor("tr([73c5da0a/86h/0h/0h]\(account)/\(path))", on: .main)
    let paid = try #require(descriptor.script(at: index))
    #expect(paid.hex == script)
    #expect(PayoutAddress(script: paid, on: .main)?.text == address)
}

@Test func `the checksums of BIP 380 are right, missing, short, long and wrong as published`() throws {
    #expect(fault("raw(deadbeef)#89f8spxm") == nil)
    #expect(fault("raw(deadbeef)") == nil)
    #expect(try PayoutDescriptor("raw(deadbeef)", on: .main).text == "raw(deadbeef)#89f8spxm")
    #expect(fault("raw(deadbeef)#") == .checksumLength(0))
    #expect(fault("raw(deadbeef)#89f8spxmx") == .checksumLength(9))
    #expect(fault("raw(deadbeef)#89f8spx") == .checksumLength(7))
    guard case .checksum(let right) = fault("raw(deedbeef)#89f8spxm") else {
        return #expect(Bool(false), "an error in the payload")
    }
    #expect(right != "89f8spxm" && fault("raw(deedbeef)#\(right)") == nil)
    #expect(fault("raw(deedbeef)##9f8spxm") == .checksum(right: right))
    #expect(fault("raw(Ü)#00000000") == .character("Ü", at: 4))
}

/// Key expressions that BIP 380 calls invalid, its private keys replaced by public ones, and more.
private let badKeys: [(key: String, fault: KeyFault)] = [
    ("[deadbeef/0h/0h/0h/*]\(point)", .originStep(3)),
    ("[deadbeef/0h/0h/0h/]\(point)", .originStep(3)),
    ("[deadbef/0h/0h/0h]\(point)", .originFingerprint),
    ("[deadbeeef/0h/0h/0h]\(point)", .originFingerprint),
    ("[deadbeef/0f/0f/0f]\(point)", .originStep(0)),
    ("[deadbeef/-0/-0/-0]\(point)", .originStep(0)),
    ("[deadbeef/0H/0H/0H]\(point)", .originStep(0)),
    ("[deadbeef/2147483648]\(point)", .originStep(0)),
    ("[aaaaaaaa][aaaaaaaa]\(deepKey)/0", .originBrackets),
    ("aaaaaaaa]\(deepKey)/0", .originBrackets),
    ("[aaaaaaaa\(deepKey)/0", .originBrackets),
    ("[gaaaaaaa]\(deepKey)/0", .originFingerprint),
    ("[]\(deepKey)/0", .originFingerprint),
    ("[deadbeef]", .empty),
    ("", .empty),
    ("\(point)/0", .stepsAfterFixedKey),
    ("\(point)/*", .stepsAfterFixedKey),
    ("\(deepKey)/2147483648", .step(0)),
    ("\(deepKey)/1aa", .step(0)),
    ("\(deepKey)/0/", .step(1)),
    ("\(deepKey)//0", .step(0)),
    ("\(deepKey)/+1", .step(0)),
    ("\(deepKey)/00000000001", .step(0)),
    ("\(deepKey)/3h/*", .hardenedStep(0)),
    ("\(deepKey)/3/4'/*", .hardenedStep(1)),
    ("\(deepKey)/3/*h", .hardenedStep(1)),
    ("\(deepKey)/*/0", .wildcardNotLast(0)),
    ("\(deepKey)/<0;1>/*", .multipath),
    ("\(deepKey)" + String(repeating: "/0", count: 252), .tooDeep(256)),
    (String(point.dropFirst(2)), .xOnly),
    (uncompressed, .uncompressed),
    ("02" + String(repeating: "0", count: 63) + "7", .notAPoint),
    ("05" + point.dropFirst(2), .notAPoint),
    ("\(deepKey.dropLast())M", .extendedKey(.base58(.checksum(suspect: nil)))),
    ("asdf", .extendedKey(.base58(.tooShort(3)))),
    ("3PUNyaW7M55oKWJ3kDukwk9bsKvryra15j", .extendedKey(.length(21))),
]

@Test(arguments: badKeys)
func `a key that cannot be paid to is refused for its reason`(key: String, expected: KeyFault) {
    #expect(fault("wpkh(\(key))") == .key(expected))
}

@Test func `only pkh takes an uncompressed key, only tr an x coordinate`() {
    #expect(fault("pkh(\(uncompressed))") == nil)
    #expect(fault("tr(\(uncompressed))") == .key(.uncompressed))
    #expect(fault("pkh(\(point.dropFirst(2)))") == .key(.xOnly))
    #expect(fault("tr(\(String(repeating: "f", count: 64)))") == .key(.notAPoint))
    #expect(fault("wpkh(\(point.dropLast(4)))") == .key(.length(62)))
    #expect(fault("wpkh(\(point.dropLast()))") == .key(.length(65)))
}

@Test func `other kinds of descriptors and other texts are refused by name`() {
    #expect(fault("sh(wpkh(\(point)))") == .unsupported("sh"))
    #expect(fault("wsh(pk(\(point)))") == .unsupported("wsh"))
    #expect(fault("combo(\(point))") == .unsupported("combo"))
    #expect(fault("tr(\(point),pk(\(point)))") == .scriptTree)
    #expect(fault("pkh(pk(\(point)))") == .key(.extendedKey(.base58(.character("(", at: 2)))))
    #expect(fault(point) == .form)
    #expect(fault("wpkh(\(point)") == .form)
    #expect(fault("wpkh\(point))") == .form)
    #expect(fault("(\(point))") == .form)
    #expect(fault("") == .form)
    #expect(fault("raw(asdf)") == .rawScript)
    #expect(fault("raw()") == .rawScript)
    #expect(fault("raw(6a04deadbeef)") == .unspendable)
    #expect(fault("addr(asdf)") == .address(.base58(.tooShort(3))))
    #expect(fault("raw(" + String(repeating: "00", count: 600) + ")") == .tooLong(1_205))
}

@Test func `keys and addresses of another network are refused by the name of their own`() {
    // The public key of BIP 32's first vector with the version of test networks.
    let testKey = """
        tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYjXyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp
        """
    #expect(fault("wpkh(\(testKey)/*)") == .key(.otherNetwork([.test, .regtest], wanted: .main)))
    #expect(fault("wpkh(\(testKey)/*)", on: .test) == nil)
    #expect(fault("wpkh(\(testKey)/*)", on: .regtest) == nil)
    #expect(fault("wpkh(\(deepKey)/*)", on: .test) == .key(.otherNetwork([.main], wanted: .test)))
    #expect(
        fault("addr(3PUNyaW7M55oKWJ3kDukwk9bsKvryra15j)", on: .regtest)
            == .address(.otherNetwork([.main], wanted: .regtest)))
}

private let privateKeys = [
    "L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1",
    "5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss",
    """
    xprvA1RpRA33e1JQ7ifknakTFpgNXPmW2YvmhqLQYMmrj4xJXXWYpDPS3xz7iAxn8L39njGVyuoseXzU6rcxFLJ8HFsTjSyQbLYnMpCqE2VbFWc
    """,
]

@Test(arguments: privateKeys, ["KEY", "wpkh(KEY)", "tr([deadbeef/0h]KEY/0/*)#12345678", "ÜKEY("])
func `a descriptor with a private key is refused before anything is said of it`(key: String, form: String) {
    let text = form.split(separator: "KEY", omittingEmptySubsequences: false).joined(separator: key)
    #expect(fault(text) == .privateKey)
}

@Test func `a payout may be an address alone`() throws {
    let text = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
    let payout = try PayoutDescriptor(addressOrDescriptor: text, on: .main)
    #expect(payout.script()?.hex == "0014751e76e8199196d454941c45d1b3a323f1433bd6")
    #expect(payout.text.hasPrefix("addr(\(text))#"))
    #expect(try PayoutDescriptor(addressOrDescriptor: payout.text, on: .main).script() == payout.script())
    #expect(throws: DescriptorFault.address(.otherNetwork([.main], wanted: .test))) {
        try PayoutDescriptor(addressOrDescriptor: text, on: .test)
    }
}
