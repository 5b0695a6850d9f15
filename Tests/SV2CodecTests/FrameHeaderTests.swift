import SV2Codec
import TestSupport
import Testing

// Headers of SetupConnection and SubmitSharesStandard as the C++ provider's and the Rust implementation's
// unit tests have them; the last is made up to fill every field.
private let headers:
    [(hex: String, extensionType: UInt16, channelMsg: Bool, msgType: UInt8, msgLength: Int)] = [
        ("000000520000", 0, false, 0x00, 82),
        ("00801a180000", 0, true, 0x1A, 24),
        ("bc8a7fffffff", 0x0ABC, true, 0x7F, 16_777_215),
    ]

@Test(arguments: headers)
func `the channel bit is the top bit of the extension type`(
    bytes: String, extensionType: UInt16, channelMsg: Bool, msgType: UInt8, msgLength: Int
) throws {
    let header = try #require(FrameHeader(frontOf: hex(bytes)))
    #expect(header.extensionType == extensionType)
    #expect(header.channelMsg == channelMsg)
    #expect(header.msgType == msgType)
    #expect(header.msgLength == msgLength)
    let wire = FrameHeader(
        extensionType: extensionType, channelMsg: channelMsg, msgType: msgType, msgLength: msgLength
    ).wireBytes
    #expect(wire.indices.map { wire[$0] } == hex(bytes))
}

@Test func `five bytes are no header`() {
    #expect(FrameHeader(frontOf: hex("0000005200")) == nil)
}
