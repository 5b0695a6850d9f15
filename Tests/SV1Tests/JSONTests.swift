import Testing

@testable import SV1

private func parse(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

private func fault(_ bytes: [UInt8]) -> JSONFault? {
    do {
        _ = try JSONValue(parsing: bytes)
        return nil
    } catch { return error }
}

@Suite struct JSONTests {
    static let same = [
        #"{"id":1,"result":[[["mining.notify","b7fb32b8"]],"b7fb32b8",4],"error":null}"#,
        #"[]"#, #"{}"#, #"[[[[]]]]"#, #"true"#, #"-1"#, #""""#, #"[1,"a",false,null,{"b":[]}]"#,
        #"["\"\\","\u0001\u007f","é€😀"]"#, #"0.001"#, #"100.5"#, #"1638"#, #"1e30"#, #"0"#,
    ]

    @Test(arguments: same)
    func `what is written as we write it is written again as it was`(text: String) throws {
        #expect(String(decoding: try parse(text).utf8, as: UTF8.self) == text)
    }

    static let numbers: [(String, UInt64, Int)] = [
        ("1024", 1_024, 0), ("1024.0", 1_024, 0), ("1.024e3", 1_024, 0), ("1.024E+3", 1_024, 0),
        ("0.5", 5, -1), ("5e-1", 5, -1), ("1000000", 1, 6), ("0", 0, 0), ("-0", 0, 0), ("0.000e99", 0, 0),
        ("18446744073709551600", 184_467_440_737_095_516, 2),
        // More digits than fit: away from zero in the last one kept.
        ("1.00000000000000000000000000001", 10_000_000_000_000_000_001, -19),
        ("123456789012345678901234567890", 12_345_678_901_234_567_891, 10),
    ]

    @Test(arguments: numbers)
    func `numbers are exact decimals, whatever their form`(text: String, digits: UInt64, power: Int) throws {
        let number = try #require(try parse(text).number)
        #expect(number == JSONNumber(coefficient: digits, exponent: power))
        #expect(!number.isNegative)
        #expect(try parse(number.text).number == number)
    }

    @Test func `whole numbers fit or do not`() throws {
        func int(_ text: String) throws -> Int? { try parse(text).number?.int }
        #expect(try int("9223372036854775807") == .max)
        #expect(try int("-9223372036854775808") == .min)
        #expect(try int("9223372036854775808") == nil)
        #expect(try int("-9223372036854775809") == nil)
        #expect(try int("1e3") == 1_000)
        #expect(try int("1e18") == 1_000_000_000_000_000_000)
        #expect(try int("1e19") == nil)
        #expect(try int("0.5") == nil)
    }

    @Test func `escapes are read, pairs of surrogates too`() throws {
        #expect(try parse(#""\u0041\n\t\r\b\f\/\\\"""#).string == "A\n\t\r\u{8}\u{c}/\\\"")
        #expect(try parse(#""\uD83D\uDE00""#).string == "😀")
        #expect(try parse(#""\u0000""#).string == "\0")
    }

    static let hostile: [(String, JSONFault.Kind, Int)] = [
        ("", .ended, 0), ("   ", .ended, 3), ("{", .ended, 1), (#"{"a""#, .ended, 4), (#"{"a":1"#, .ended, 6),
        (#"["a"#, .ended, 3), (#""\u12"#, .ended, 5), ("tru", .ended, 3), ("[1,", .ended, 3),
        ("NaN", .unexpected(0x4E), 0), ("nan", .unexpected(0x61), 1), ("Infinity", .unexpected(0x49), 0),
        ("[-Infinity]", .badNumber, 1), ("-", .badNumber, 0), ("+1", .unexpected(0x2B), 0),
        ("01", .badNumber, 0), ("1.", .badNumber, 0), (".5", .unexpected(0x2E), 0), ("1e", .badNumber, 0),
        ("0x10", .trailing, 1), ("1e99999999999999999999", .numberOutOfRange, 0),
        ("1e-10000", .numberOutOfRange, 0), ("[1,]", .unexpected(0x5D), 3), ("[1 2]", .unexpected(0x32), 3),
        (#"{"a":1,}"#, .unexpected(0x7D), 7), (#"{a:1}"#, .unexpected(0x61), 1), ("{} {}", .trailing, 3),
        (#"{"a":1,"a":2}"#, .nameTwice("a"), 7), (#"["\ud83d"]"#, .loneSurrogate, 2),
        (#"["\ude00"]"#, .loneSurrogate, 2), (#"["\ud83d\ud83d"]"#, .loneSurrogate, 2),
        (#"["\ud83dA"]"#, .loneSurrogate, 2),
        (#""\q""#, .badEscape, 1), (#""\u12g4""#, .badEscape, 1), ("\"a\tb\"", .controlCharacter(9), 2),
        ("\"a\0b\"", .controlCharacter(0), 2), ("[1,/**/2]", .unexpected(0x2F), 3),
    ]

    @Test(arguments: hostile)
    func `what is no JSON is refused by name and place`(text: String, kind: JSONFault.Kind, offset: Int) {
        #expect(fault(Array(text.utf8)) == JSONFault(kind: kind, offset: offset))
    }

    static let badUTF8: [[UInt8]] = [
        [0xFF], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xC0, 0xAF], [0xF4, 0x90, 0x80, 0x80], [0x80],
    ]

    @Test(arguments: badUTF8)
    func `a string that is no UTF-8 is refused`(bytes: [UInt8]) {
        #expect(fault([0x22] + bytes + [0x22]) == JSONFault(kind: .badUTF8, offset: 0))
    }

    @Test func `every truncation of a real line is refused`() throws {
        let line = Array(RealLines.notify.utf8)
        #expect(fault(line) == nil)
        for count in 0..<line.count { #expect(fault(Array(line.prefix(count)))?.kind == .ended) }
    }

    @Test(arguments: [16, 17, 30_000])
    func `deep nesting ends at sixteen levels, on a stack of any size`(depth: Int) {
        let brackets = [UInt8](repeating: 0x5B, count: depth) + [UInt8](repeating: 0x5D, count: depth)
        let expected = depth <= 16 ? nil : JSONFault(kind: .tooDeep(limit: 16), offset: 16)
        #expect(fault(brackets) == expected)
        let objects = Array(String(repeating: #"{"a":"#, count: depth).utf8)
        #expect(fault(objects)?.kind == (depth <= 16 ? .ended : .tooDeep(limit: 16)))
    }

    @Test func `more than 1024 values are refused before they take memory`() {
        let many = Array(("[" + String(repeating: "0,", count: 30_000) + "0]").utf8)
        #expect(fault(many)?.kind == .tooManyValues(limit: 1_024))
        let enough = Array(("[" + String(repeating: "0,", count: 1_022) + "0]").utf8)
        #expect(fault(enough) == nil)
    }
}

@Suite struct LineSplitterTests {
    @Test(arguments: 1...12)
    func `lines come out whole, however the stream is cut`(step: Int) throws {
        let stream = Array("{\"a\":1}\n\r\n\n{\"b\":2}\r\nrest".utf8)
        var splitter = LineSplitter(limit: 20)
        var lines = [[UInt8]]()
        for start in stride(from: 0, to: stream.count, by: step) {
            try splitter.receive(Array(stream[start..<min(start + step, stream.count)]), into: &lines)
        }
        #expect(lines == [Array("{\"a\":1}".utf8), Array("{\"b\":2}".utf8)])
        #expect(splitter.held == Array("rest".utf8))
    }

    @Test func `a line of sixteen mebibytes is refused at its bound, and the lines before it count`() {
        var splitter = LineSplitter(limit: LineSplitter.fromPool)
        var lines = [[UInt8]]()
        var error: LineSplitter.TooLong?
        do {
            try splitter.receive(Array("{}\n".utf8), into: &lines)
            for _ in 0..<16 { try splitter.receive([UInt8](repeating: 0x20, count: 1 << 20), into: &lines) }
        } catch let fault {
            error = fault
        }
        #expect(error == LineSplitter.TooLong(limit: 65_536))
        #expect(lines == [Array("{}".utf8)])
        #expect(splitter.held.count <= LineSplitter.fromPool)
    }

    @Test func `a line of exactly the limit passes`() throws {
        var splitter = LineSplitter(limit: 10)
        var lines = [[UInt8]]()
        try splitter.receive([UInt8](repeating: 1, count: 10) + [0x0A], into: &lines)
        #expect(lines == [[UInt8](repeating: 1, count: 10)])
    }
}
