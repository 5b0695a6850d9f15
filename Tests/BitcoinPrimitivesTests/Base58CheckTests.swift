import BitcoinPrimitives
import TestSupport
import Testing

// The address of the first coinbase, one of BIP 385, and the extended key of BIP 32's first vector.
private let known: [(text: String, payload: String)] = [
    ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "0062e907b15cbf27d5425399ebf6f0fb50ebb88f18"),
    ("3PUNyaW7M55oKWJ3kDukwk9bsKvryra15j", "05eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"),
    ("1111111111111111111114oLvT2", "000000000000000000000000000000000000000000"),
    ("3QJmnh", ""),
    (
        """
        xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1\
        EGMcet8
        """,
        """
        0488b21e000000000000000000873dff81c02f525623fd1fe5167eac3a55a049de3d314bb42ee227ffed37d508\
        0339a36013301597daef41fbe593a02cc513d0b55527ec2df1050e2e8ff49c85c2
        """
    ),
]

private func fault(_ text: String) -> Base58Check.Fault? {
    do throws(Base58Check.Fault) {
        _ = try Base58Check.decode(text)
        return nil
    } catch {
        return error
    }
}

@Test(arguments: known)
func `Base58 of known payloads goes both ways`(text: String, payload: String) throws {
    #expect(try Base58Check.decode(text).hex == payload)
    #expect(Base58Check.encode(hex(payload)) == text)
}

@Test func `every payload comes back, with its leading zeros`() throws {
    for length in 0..<60 {
        for zeros in 0...min(length, 3) {
            let payload =
                [UInt8](repeating: 0, count: zeros)
                + (zeros..<length).map { UInt8(truncatingIfNeeded: $0 * 37 + length + 1) }
            #expect(try Base58Check.decode(Base58Check.encode(payload)) == payload)
        }
    }
}

@Test func `a mistake in Base58 is named by where it is`() {
    let text = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
    #expect(fault("1A1zP1eP5QGefi2DMPTfTL0SLmv7DivfNa") == .character("0", at: 22))
    #expect(fault("1A1zP1eP5QGefi2DMPTfTLéSLmv7DivfNa") == .character("é", at: 22))
    #expect(fault("1A1zP1eP 5QGefi2DMPTfTL5SLmv7DivfNa") == .character(" ", at: 8))
    #expect(fault("") == .tooShort(0))
    #expect(fault("1A1") == .tooShort(3))
    #expect(fault(String(repeating: "2", count: 129)) == .tooLong(129))
    for position in [1, 9, 20, 33] {
        var characters = Array(text)
        characters[position] = characters[position] == "x" ? "y" : "x"
        #expect(fault(String(characters)) == .checksum(suspect: position))
    }
    // Two characters swapped: no single position explains it.
    #expect(fault("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfaN") == .checksum(suspect: nil))
    // Too long for a search.
    #expect(fault(String(known[4].text.dropLast()) + "9") == .checksum(suspect: nil))
}
