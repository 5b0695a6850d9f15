import ASICWire
import TestSupport
import Testing

// Source: the test bench of Braiins' open-source driver of the S9 (BM1387).
let bareVectors: [(frame: String, command: ChipCommand)] = [
    ("54 05 00 00 19", .read(register: 0, from: .everyChip)),
    ("55 05 00 00 10", .chainInactive),
    ("41 05 04 00 0A", .setAddress(4)),
    ("48 09 04 0C 00 68 02 21 19", .write(register: 0x0C, value: 0x0068_0221, to: .chip(4))),
    // In no recording; its header is that of bm13xx.md §17.
    ("44 05 F8 0C 05", .read(register: 0x0C, from: .chip(0xF8))),
    ("58 09 00 1C 40 20 9A 80 00", .write(register: 0x1C, value: 0x4020_9A80, to: .everyChip)),
]

@Test(arguments: bareVectors)
func `a BM1387's command has other headers and no preamble`(frame: String, command: ChipCommand) {
    #expect(command.wireBytes(.bare) == hex(frame))
    #expect(decodeCommand(hex(frame)[...], .bare) == .frame(command, length: hex(frame).count))
    // The same bytes behind a preamble are no command of the other dialect.
    #expect(decodeCommand((hex("55 AA") + hex(frame))[...]) == .skip(1))
}

@Test func `a BM1387's replies are 7 bytes and name nobody`() {
    let id = RegisterValue(value: 0x1387_90F4, chipAddress: 0, register: 0)
    let frame = hex("13 87 90 F4 00 00 1C")
    #expect(decodeResponse(frame[...], .bare) == .frame(.register(id), length: 7))
    #expect(ChipResponse.register(id).wireBytes(.bare) == frame)
    let nonce = NonceResponse(nonce: 0x083C_0648, excess: 0, jobByte: 0x12, versionCounter: 0)
    #expect(decodeResponse(hex("48 06 3C 08 00 12 99")[...], .bare) == .frame(.nonce(nonce), length: 7))
    #expect(decodeResponse(frame[..<6], .bare) == .needMore)
}

@Test func `a BM1387's reply behind a stray byte is found at once`() {
    let stream = hex("FF 13 87 90 F4 00 00 1C")
    #expect(decodeResponse(stream[...], .bare) == .skip(1))
    #expect(decodeResponse(stream[1...], .bare) != .needMore)
}

private func midstate(_ first: UInt32) -> [8 of UInt32] { .init { first &+ UInt32($0) } }

@Test func `midstates travel with their words reversed, each big-endian`() {
    // Source: "open-core dummy" and field order of bm13xx.md §12.2.
    let job = MidstateJob(
        jobByte: 4, bits: 0x1725_FD03, time: 0x5D0B_7D52, merkleTail: [0x74, 0x40, 0x47, 0xDE],
        midstates: [midstate(0x0102_0304)])
    let frame = ChipCommand.midstateJob(job).wireBytes()
    #expect(frame.prefix(18) == hex("55AA 2136 0401 00000000 03FD2517 527D0B5D")[...])
    #expect(frame[18..<22] == hex("744047DE")[...])
    #expect(frame[22..<26] == hex("0102030B")[...] && frame[50..<54] == hex("01020304")[...])
    #expect(decodeCommand(frame[...], jobs: .midstates) == .frame(.midstateJob(job), length: 56))
}

@Test(arguments: [1, 2, 4])
func `the length of a midstate job follows from their number`(count: Int) {
    let job = MidstateJob(
        jobByte: 8, bits: 1, time: 2, merkleTail: [1, 2, 3, 4],
        midstates: (0..<count).map { midstate(UInt32($0) << 16) })
    for dialect in [WireDialect.bare, .preambled] {
        let frame = ChipCommand.midstateJob(job).wireBytes(dialect)
        #expect(frame.count == 24 + 32 * count - (dialect == .bare ? 2 : 0))
        #expect(
            decodeCommand(frame[...], dialect, jobs: .midstates)
                == .frame(.midstateJob(job), length: frame.count))
    }
}

/// A frame whose body is `body`, with its check.
private func job(_ body: [UInt8]) -> [UInt8] {
    let check = crc16(body)
    return hex("55AA") + body + [UInt8(check >> 8), UInt8(check & 0xFF)]
}

@Test func `room for four midstates with one in use is one midstate, as ESP-Miner sends it`() {
    let one = MidstateJob(
        jobByte: 4, bits: 1, time: 2, merkleTail: [1, 2, 3, 4], midstates: [midstate(9)])
    let data = ChipCommand.midstateJob(one).wireBytes()[4..<54]
    let stale = [UInt8](repeating: 0xEE, count: 96)
    let frame = job([0x21, 0x96] + data + stale)
    #expect(decodeCommand(frame[...], jobs: .midstates) == .frame(.midstateJob(one), length: 152))
    // More than there is room for, or a number nobody sends, is no job.
    for count: UInt8 in [0, 2, 3, 4, 255] {
        var body: [UInt8] = [0x21, 0x36] + data
        body[3] = count
        #expect(decodeCommand(job(body)[...], jobs: .midstates) == .skip(1))
    }
}

@Test func `length 36 is a header or a midstate, as the chip takes it`() {
    let job = FullHeaderJob(
        jobByte: 8, bits: 1, time: 2, merkleRoot: .init(repeating: 3), previousBlock: .init(repeating: 4),
        version: 5)
    var body = Array(ChipCommand.job(job).wireBytes()[2..<86])
    body[1] = 0x36
    let frame = Array([0x55, 0xAA] + body + [UInt8(crc16(body) >> 8), UInt8(crc16(body) & 0xFF)])
    #expect(decodeCommand(frame[...]) == .frame(.job(job), length: 88))
    #expect(decodeCommand(frame[...], jobs: .midstates) == .skip(1))
    #expect(decodeCommand(frame[..<60], jobs: .fullHeader) == .needMore)
}
