import SV2Codec
import TestSupport
import Testing

/// Decodes a value of one field and says how many bytes were left.
private func decoded<Value: WireValue>(_ bytes: String, as blank: Value) throws(CodecError) -> Value {
    var decoder = PayloadDecoder(hex(bytes))
    var value = blank
    try decoder.field("x", &value)
    return value
}

private func encoded<Value: WireValue>(_ value: Value) throws(CodecError) -> [UInt8] {
    var encoder = PayloadEncoder()
    var value = value
    try encoder.field("x", &value)
    return encoder.bytes
}

@Test func `integers are little-endian`() throws {
    #expect(try decoded("3412", as: UInt16(0)) == 0x1234)
    #expect(try decoded("78563412", as: UInt32(0)) == 0x1234_5678)
    #expect(try decoded("f0debc9a78563412", as: UInt64(0)) == 0x1234_5678_9ABC_DEF0)
    #expect(try encoded(UInt64(0x1234_5678_9ABC_DEF0)) == hex("f0debc9a78563412"))
    #expect(try encoded(UInt8(0xFE)) == [0xFE])
}

@Test func `only bit 0 of a BOOL counts`() throws {
    #expect(try decoded("fe", as: true) == false)
    #expect(try decoded("03", as: false) == true)
    #expect(try encoded(true) == [1])
}

// -1, both infinities, NaN, and the negative number nearest to zero.
@Test(arguments: ["000080bf", "0000807f", "000080ff", "0000c07f", "01000080"])
func `a hash rate that is no finite number from 0 up is refused both ways`(bytes: String) throws {
    let bits = try decoded(bytes, as: UInt32(0))
    #expect(throws: CodecError.notAHashRate(field: "x", bits: bits)) { try decoded(bytes, as: Float(0)) }
    #expect(throws: CodecError.notAHashRate(field: "x", bits: bits)) { try encoded(Float(bitPattern: bits)) }
}

@Test func `hash rates are binary32`() throws {
    #expect(try decoded("a95fe356", as: Float(0)) == 125e12)
    #expect(try encoded(Float(125e12)) == hex("a95fe356"))
}

@Test func `text keeps its bytes and prints safely`() throws {
    let text = try decoded("05 41 5c 0a fffe", as: WireText(""))
    #expect(text.bytes == hex("415c0afffe"))
    #expect(text.description == #"A\\\x0a\xff\xfe"#)
    #expect(text.utf8 == nil)
    #expect(WireText("ü").utf8 == "ü")
    #expect(try encoded(WireText("Bitmain")) == hex("07 4269746d61696e"))
}

@Test func `a U256 compares as a little-endian number and prints the other way round`() throws {
    let one = try #require(U256(wireBytes: [1] + [UInt8](repeating: 0, count: 31)))
    let big = try #require(U256(wireBytes: [UInt8](repeating: 0, count: 31) + [1]))
    #expect(one < big)
    #expect(U256.zero < one && big < .max)
    #expect(one.displayHex == String(repeating: "0", count: 63) + "1")
    #expect(big.displayHex == "01" + String(repeating: "0", count: 62))
    #expect(try encoded(big) == big.wireBytes)
    #expect(U256(wireBytes: [UInt8](repeating: 0, count: 33)) == nil)
}

@Test func `a byte string longer than its type allows is refused, both ways`() {
    var decoder = PayloadDecoder([33] + [UInt8](repeating: 0, count: 33))
    var encoder = PayloadEncoder()
    var bytes = [UInt8](repeating: 0, count: 33)
    let error = CodecError.aboveLimit(field: "x", count: 33, limit: 32)
    #expect(throws: error) { try decoder.bytes("x", &bytes, .b0_32) }
    bytes = [UInt8](repeating: 0, count: 33)
    #expect(throws: error) { try encoder.bytes("x", &bytes, .b0_32) }
}

@Test(arguments: [
    (ByteStringType.b0_32, 32, "20"), (.b0_255, 255, "ff"), (.b0_64K, 256, "0001"), (.b0_64K, 65_535, "ffff"),
    (.b0_16M, 65_536, "000001"), (.b0_16M, 3, "030000"),
])
func `a byte string has its length in front`(type: ByteStringType, count: Int, prefix: String) throws {
    var bytes = [UInt8](repeating: 0xAB, count: count)
    var encoder = PayloadEncoder()
    try encoder.bytes("x", &bytes, type)
    #expect(encoder.bytes == hex(prefix) + bytes)
    var back = [UInt8]()
    var decoder = PayloadDecoder(encoder.bytes)
    try decoder.bytes("x", &back, type)
    #expect(back == bytes)
    var short = PayloadDecoder(encoder.bytes.dropLast())
    #expect(throws: CodecError.truncated(field: "x", needed: count, left: count - 1)) {
        try short.bytes("x", &back, type)
    }
}

@Test func `an option is a sequence of at most one`() throws {
    func option(_ bytes: String) throws(CodecError) -> UInt32? {
        var decoder = PayloadDecoder(hex(bytes))
        var value: UInt32? = 7
        try decoder.option("x", &value)
        return value
    }
    #expect(try option("00") == nil)
    #expect(try option("01 00000000") == 0)
    #expect(throws: CodecError.aboveLimit(field: "x", count: 2, limit: 1)) {
        try option("02 00000000 00000000")
    }
    #expect(throws: CodecError.truncated(field: "x", needed: 4, left: 3)) { try option("01 000000") }
}

@Test func `a count beyond the data is refused before anything is allocated`() {
    var decoder = PayloadDecoder(hex("ffff 0100"))
    var list = [U256]()
    #expect(throws: CodecError.truncated(field: "x", needed: 65_535 * 32, left: 2)) {
        try decoder.sequence("x", &list, .seq0_64K)
    }
    var oneShort = PayloadDecoder([3] + [UInt8](repeating: 0, count: 64))
    #expect(throws: CodecError.truncated(field: "x", needed: 96, left: 64)) {
        try oneShort.sequence("x", &list, .seq0_255)
    }
    var nested = PayloadDecoder(hex("0200 010000 aa ff0000"))
    var strings = [[UInt8]]()
    #expect(throws: CodecError.truncated(field: "x", needed: 255, left: 0)) {
        try nested.byteStrings("x", &strings)
    }
}

@Test func `sequences count their elements`() throws {
    var encoder = PayloadEncoder()
    var words: [UInt16] = [0, 1, 65_535]
    var strings: [[UInt8]] = [[0xAA], [], [0xBB, 0xBB]]
    try encoder.sequence("x", &words, .seq0_64K)
    try encoder.byteStrings("y", &strings)
    #expect(encoder.bytes == hex("0300 0000 0100 ffff" + "0300 010000aa 000000 020000bbbb"))
    var decoder = PayloadDecoder(encoder.bytes)
    var wordsBack = [UInt16]()
    var stringsBack = [[UInt8]]()
    try decoder.sequence("x", &wordsBack, .seq0_64K)
    try decoder.byteStrings("y", &stringsBack)
    #expect(wordsBack == words && stringsBack == strings && decoder.trailing.isEmpty)
    var tooMany = [UInt16](repeating: 0, count: 256)
    #expect(throws: CodecError.aboveLimit(field: "x", count: 256, limit: 255)) {
        try encoder.sequence("x", &tooMany, .seq0_255)
    }
}
