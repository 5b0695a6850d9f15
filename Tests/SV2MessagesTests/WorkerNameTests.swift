import SV2Codec
import SV2Messages
import TestSupport
import Testing

private let littleEndian = hex("0200 01 0a00 576f726b65725f303031")  // what the Rust implementation sends
private let bigEndian = hex("0002 01 000a 576f726b65725f303031")  // the example of the extension's text

@Test(arguments: [littleEndian, bigEndian])
func `a worker name is read in either byte order`(bytes: [UInt8]) throws {
    #expect(try WorkerName.find(in: bytes[...])?.text == "Worker_001")
    for count in 1..<bytes.count {
        #expect(throws: CodecError.self) { try WorkerName.find(in: bytes.prefix(count)) }
    }
}

@Test func `a worker name is sent little-endian behind the share and counts in its length`() throws {
    let name = try #require(WorkerName("Worker_001"))
    #expect(name.wireBytes == littleEndian)
    let share = SubmitSharesExtended(
        channelId: 1, sequenceNumber: 2, jobId: 3, nonce: 4, ntime: 5, version: 6, extranonce: [7, 8])
    let frame = try share.frame(trailing: name.wireBytes)
    let header = try #require(FrameHeader(frontOf: frame))
    #expect(header.msgLength == 27 + 15)
    let (back, trailing) = try SubmitSharesExtended.decode(Array(frame.dropFirst(6)))
    #expect(back == share)
    #expect(try WorkerName.find(in: trailing) == name)
}

@Test func `fields of other extensions are stepped over`() throws {
    let other = hex("0340 01 0300 aabbcc")
    #expect(try WorkerName.find(in: (other + littleEndian)[...])?.text == "Worker_001")
    #expect(try WorkerName.find(in: other[...]) == nil)
    #expect(try WorkerName.find(in: []) == nil)
}

@Test func `a worker name has at most 32 bytes`() throws {
    #expect(WorkerName(WireText(bytes: [UInt8](repeating: 0x61, count: 32))) != nil)
    #expect(WorkerName(WireText(bytes: [UInt8](repeating: 0x61, count: 33))) == nil)
    let long = hex("0200 01 2100") + [UInt8](repeating: 0x61, count: 33)
    #expect(throws: CodecError.aboveLimit(field: "user_identity", count: 33, limit: 32)) {
        try WorkerName.find(in: long[...])
    }
}
