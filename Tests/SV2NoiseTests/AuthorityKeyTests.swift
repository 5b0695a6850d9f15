import SV2Noise
import TestSupport
import Testing

@Test func `the key of the specification's example is read and written`() throws {
    // SV2 section 4.7.1.
    let text = "9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh"
    let key = try AuthorityPublicKey(text)
    #expect(key.xOnly == hex("76637000979c1c11af0c300bcd8c7fe48610fce9b9c11e3daee35ae0b08a7455"))
    #expect(key.description == text)
}

@Test func `the reference implementation's test secret gives its test key`() throws {
    let pair = try AuthorityKeyPair(secretText: "mkDLTBBRxdBv998612qipDYoTK3YUrqLe8uWw7gu3iXbSrn2n")
    #expect(pair.publicKey.description == "9auqWEzQDVyd2oe1JVGFLMLHZtCo2FFqZwtKA5gd9xbuEu7PH72")
}

/// The wrong keys that people have pasted, and what each is told.
private let refused: [(text: String, error: AuthorityKeyError)] = [
    ("", .empty),
    ("90XiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh", .character("0", at: 1)),
    ("9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXg", .checksum),
    (" 9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh", .character(" ", at: 0)),
    ("9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRX", .checksum),
    ("u95GEReVMjK6k5YqiSFNqqTnKU4ypU2Wm8awa6tmbmDmk1bWt", .withoutVersion),
    ("EguTM8URcZDQVeEBsM4B5vg9weqEUnufA8pm85fG4bZd", .withoutVersion),  // nor does it have a checksum
    ("JBAHPz2mxKdgM8HBhdW2bZpLLBd8uXGnum2FVdm5rH2Kt8nBY8G", .version(2)),
    ("13qtFVgTVv2xSvKnTRLSChScNtwBigfLp9qEq6FztRc9iPwRebh", .version(256)),
    ("9adaAMuB9v8yX1mZ5PtoB6VFSCeqRGjASd8ZTM6VUkiHLnHWfDH", .notOnCurve),
    (String(repeating: "z", count: 65), .tooLong(characters: 65)),
]

@Test(arguments: refused)
func `a wrong authority key is refused with its reason`(text: String, error: AuthorityKeyError) {
    #expect(throws: error) { try AuthorityPublicKey(text) }
}

@Test func `a secret outside the group is refused`() {
    #expect(throws: AuthorityKeyError.notAScalar) {
        try AuthorityKeyPair(secret: [UInt8](repeating: 0, count: 32))
    }
    #expect(throws: AuthorityKeyError.length(31)) {
        try AuthorityKeyPair(secret: [UInt8](repeating: 1, count: 31))
    }
}
