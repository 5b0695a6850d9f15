import BitcoinPrimitives
import NodeRPC
import Testing

private func reader(_ text: String) -> JSONReader { JSONReader(Array(text.utf8)) }

@Suite struct JSONReaderTests {
    @Test func `values are read one after the other, and what nobody wants is passed over`() throws {
        var json = reader(
            #" {"a" : [1, -2 ,3], "skip": {"x":[[],{}],"y":"\"}"}, "b":"\u00e9\ud83d\ude00\n"} "#)
        try json.enterObject()
        #expect(try json.nextName() != nil)
        try json.enterArray()
        var numbers = [Int]()
        while try json.nextItem() { numbers.append(try json.integer()) }
        #expect(numbers == [1, -2, 3])
        #expect(try json.nextName() != nil)
        try json.skip()
        #expect(try json.nextName() != nil)
        #expect(try json.string(limit: 100) == "é😀\n")
        #expect(try json.nextName() == nil)
        try json.finish()
    }

    @Test(arguments: [
        ("", JSONReader.Fault.Reason.ended, 0), ("{", .ended, 1), (#"{"a""#, .ended, 4),
        (#"{"a":"#, .ended, 5),
        (#"{"a":1,}"#, .unexpected(0x7d), 7), ("[1 2]", .unexpected(0x32), 3), ("[,1]", .unexpected(0x2c), 1),
        ("[1,]", .unexpected(0x5d), 3), ("nul", .ended, 3), ("nope", .unexpected(0x6f), 1),
        ("01", .badNumber, 0), ("1.", .badNumber, 0), ("-", .badNumber, 0), ("1e", .badNumber, 0),
        ("1 1", .trailing, 2), (#""a"#, .ended, 2), ("\"a\nb\"", .controlCharacter(0x0a), 2),
        ("'a'", .unexpected(0x27), 0), ("{1:2}", .unexpected(0x31), 1),
        (String(repeating: "[", count: 40), .tooDeep(limit: 32), 32),
    ])
    func `a malformed text is refused with the reason and its place`(
        text: String, reason: JSONReader.Fault.Reason, offset: Int
    ) {
        var json = reader(text)
        let fault = #expect(throws: JSONReader.Fault.self) {
            try json.skip()
            try json.finish()
        }
        #expect(fault?.reason == reason)
        #expect(fault?.offset == offset)
    }

    @Test(arguments: [
        ("0.00000001", 1 as Int64?), ("1e-8", 1), ("-0.00000005", -5),
        ("20999999.97690000", 2_099_999_997_690_000),
        ("0", 0), ("1.000000000", 100_000_000), ("0.000000001", nil), ("1e30", nil), ("0.1e-8", nil),
        ("123456789012345678901234567890", nil),
    ])
    func `bitcoins become satoshis through their digits`(text: String, satoshis: Int64?) {
        var json = reader(text)
        #expect((try? json.bitcoins()) == satoshis)
    }

    @Test(arguments: [
        ("7", 7 as Int8?), ("-128", -128), ("128", nil), ("1.0", nil), ("1e1", nil), ("-0", 0),
        ("99999999999999999999999", nil), ("\"7\"", nil), ("null", nil),
    ])
    func `an integer is whole and fits, or is refused`(text: String, value: Int8?) {
        var json = reader(text)
        #expect((try? json.integer(Int8.self)) == value)
    }

    @Test func `hexadecimal digits are decoded in place, of any length`() throws {
        for length in 0..<70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: 37 * $0 + length) }
            var json = reader("\"\(bytes.hex)\"")
            #expect(try json.hexBytes(limit: 70) == bytes)
            try json.finish()
        }
        for (text, reason) in [
            ("\"abc\"", JSONReader.Fault.Reason.badHex), ("\"zz\"", .badHex), ("\"0g\"", .badHex),
            ("\"00112233\"", .tooLong(limit: 3)), ("\"\\u0030\"", .badHex),
        ] {
            var json = reader(text)
            #expect(throws: JSONReader.Fault.self) { try json.hexBytes(limit: 3) }
            var again = reader(text)
            let fault = #expect(throws: JSONReader.Fault.self) { _ = try again.hexBytes(limit: 3) }
            #expect(fault?.reason == reason, "\(text)")
        }
        var short = reader("\"00\"")
        #expect(throws: JSONReader.Fault.self) { try short.hash() }
    }

    @Test func `every cut of an answer ends in a fault within it`() {
        let text = Array(#"{"result":{"txids":["ab"],"n":-1.5e3,"s":"\u0041"},"error":null,"id":5}"#.utf8)
        for length in 0..<text.count {
            var json = JSONReader(Array(text.prefix(length)))
            let fault = #expect(throws: JSONReader.Fault.self) {
                try json.skip()
                try json.finish()
            }
            #expect(fault.map { $0.offset <= length } == true)
        }
    }
}
