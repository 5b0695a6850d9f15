import BitcoinPrimitives
import HeaderReports
import TestSupport
import Testing

// Block 0 of the main chain.
private let genesis =
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f61"
    + "7fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c"

@Test func `hex lines and raw bytes give the same headers`() throws {
    let raw = hex(genesis)
    let text = Array("# two of a kind\n\(genesis)\r\n\n  \(genesis.uppercased())  ".utf8)
    #expect(HeaderFormat.guess(text) == .hex)
    #expect(HeaderFormat.guess(raw) == .raw)
    #expect(try readHeaders(text, as: .hex) == raw + raw)
    #expect(try readHeaders(raw + raw, as: .raw) == raw + raw)
}

@Test(arguments: [
    ("zz", HeaderFormat.hex, HeaderInputFault.notHex(line: 1, column: 1)),
    ("\n 01g", .hex, .notHex(line: 2, column: 4)),
    ("# none\n0100", .hex, .wrongLength(line: 2, digits: 4)),
    ("# none\n\n", .hex, .empty),
    ("", .raw, .empty),
    ("0123456789", .raw, .incomplete(offset: 0, bytes: 10)),
    (String(repeating: "x", count: 161), .raw, .incomplete(offset: 160, bytes: 1)),
    ("\u{ff11}", .hex, .notHex(line: 1, column: 1)),
])
func `bad input is refused by its place`(text: String, format: HeaderFormat, fault: HeaderInputFault) {
    #expect(throws: fault) { try readHeaders(Array(text.utf8), as: format) }
}

@Test func `a header is held to its nBits and to what was asked`() throws {
    var bytes = hex(genesis)
    bytes += bytes
    bytes[80 + 76] ^= 1
    let easy = try #require(readTarget("0x" + String(repeating: "f", count: 64)))
    let reports = report(on: bytes, asked: easy)
    #expect(reports.count == 2)
    #expect(reports[0].hash.displayHex == "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f")
    #expect(reports[0].bits.bits == 0x1d00_ffff)
    #expect(reports[0].target == .difficultyOne)
    #expect(reports[0].isGood)
    #expect(reports[1].meetsAsked == true)
    #expect(!reports[1].meetsBits)
    #expect(!reports[1].isGood)
    let hard = try #require(Target(difficulty: 3_000))
    #expect(report(on: Array(bytes[..<80]), asked: hard).map(\.meetsAsked) == [false])
    #expect(report(on: Array(bytes[..<80]), asked: hard).map(\.isGood) == [false])
}

@Test func `nBits that consensus refuses are met by no hash`() {
    var bytes = hex(genesis)
    bytes.replaceSubrange(72..<76, with: [0, 0, 0, 0])
    let reports = report(on: bytes)
    #expect(reports[0].target == nil)
    #expect(!reports[0].meetsBits)
    #expect(reports[0].meetsAsked == nil)
}

@Test func `targets are read as people write them`() {
    #expect(readTarget("ff")?.displayHex == String(repeating: "0", count: 62) + "ff")
    for bad in ["", "0x", "g", String(repeating: "0", count: 65), "-1", "0xff "] {
        #expect(readTarget(bad) == nil)
    }
}
