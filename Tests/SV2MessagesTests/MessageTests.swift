import SV2Codec
import SV2Messages
import TestSupport
import Testing

// The SetupConnection of sv2-tp's unit test Sv2SetupConnection_test.
private let setupPayload = hex(
    """
    02 0200 0200 01000000 07302e302e302e30 6121 074269746d61696e 085339692031332e35
    1c62726169696e732d6f732d323031382d30392d32322d312d68617368 10736f6d652d6465766963652d75756964
    """)

private let setup = SetupConnection(
    protocol: 2, minVersion: 2, maxVersion: 2, flags: 1, endpointHost: "0.0.0.0", endpointPort: 8_545,
    vendor: "Bitmain", hardwareVersion: "S9i 13.5", firmware: "braiins-os-2018-09-22-1-hash",
    deviceId: "some-device-uuid")

// The template SetNewPrevHash of sv2-tp's unit test Sv2SetNewPrevHash_test.
private let prevHashPayload = hex(
    """
    0200000000000000 e59a2ef8d4826b89fe637f3b5322c0f167fd2d3dc88ec568a7c2c8ffd8eb8873 973c0e63 ffff7f03
    ffff7f0000000000000000000000000000000000000000000000000000000000
    """)

@Test func `a message another program made is read field by field`() throws {
    #expect(try SetupConnection(decoding: setupPayload) == setup)
    #expect(try setup.encode() == setupPayload)
    #expect(try setup.frame() == hex("000000520000") + setupPayload)

    let message = try TemplateSetNewPrevHash(decoding: prevHashPayload)
    #expect(message.templateId == 2)
    #expect(message.headerTimestamp == 1_661_877_399)
    #expect(message.nBits == 58_720_255)
    #expect(message.prevHash.displayHex == "7388ebd8ffc8c2a768c58ec83d2dfd67f1c022533b7f63fe896b82d4f82e9ae5")
    #expect(try message.encode() == prevHashPayload)
}

@Test func `a shorter payload is refused at every length, and the field is named`() {
    for count in 0..<setupPayload.count {
        #expect(throws: CodecError.self, "\(count) bytes") {
            try SetupConnection(decoding: Array(setupPayload.prefix(count)))
        }
    }
    #expect(throws: CodecError.truncated(field: "endpoint_host", needed: 7, left: 3)) {
        try SetupConnection(decoding: Array(setupPayload.prefix(13)))
    }
}

@Test func `bytes behind the last field are ignored and reported`() throws {
    let (message, trailing) = try SetupConnection.decode(setupPayload + [1, 2, 3])
    #expect(message == setup)
    #expect(Array(trailing) == [1, 2, 3])
}

@Test func `the same number names two messages on two sub-protocols`() throws {
    let header = FrameHeader(
        extensionType: 0, channelMsg: false, msgType: 0x72, msgLength: prevHashPayload.count)
    let message = try TemplateSetNewPrevHash(decoding: prevHashPayload)
    #expect(
        try TemplateDistributionMessage.read(header, prevHashPayload)
            == .message(.setNewPrevHash(message), trailing: []))
    #expect(try MiningMessage.read(header, prevHashPayload) == .unknown(header))
}

@Test func `setup is known on every sub-protocol`() throws {
    let header = FrameHeader(extensionType: 0, channelMsg: false, msgType: 0, msgLength: setupPayload.count)
    let common = CommonMessage.setupConnection(setup)
    #expect(try MiningMessage.read(header, setupPayload) == .message(.common(common), trailing: []))
    #expect(try JobDeclarationMessage.read(header, setupPayload) == .message(.common(common), trailing: []))
    #expect(
        try TemplateDistributionMessage.read(header, setupPayload) == .message(.common(common), trailing: []))
    #expect(try MiningMessage.common(common).frame() == hex("000000520000") + setupPayload)
}

@Test func `the channel bit plays no part in reading, and the current one is sent`() throws {
    let job = NewMiningJob(channelId: 1, jobId: 2, minNtime: nil, version: 0x2000_0000, merkleRoot: .max)
    let payload = try job.encode()
    for channelMsg in [false, true] {
        let header = FrameHeader(
            extensionType: 0, channelMsg: channelMsg, msgType: 0x15, msgLength: payload.count)
        #expect(try MiningMessage.read(header, payload) == .message(.newMiningJob(job), trailing: []))
    }
    #expect(try Array(job.frame().prefix(3)) == hex("008015"))
    #expect(try Array(PushSolution().frame().prefix(3)) == hex("000060"))
}

@Test func `an extension's message is not the core message of the same number`() throws {
    let request = RequestExtensions(requestId: 1, requestedExtensions: [2])
    let frame = try request.frame()
    #expect(frame == hex("0100 00 060000 0100 0100 0200"))
    let header = try #require(FrameHeader(frontOf: frame))
    #expect(
        try MiningMessage.read(header, Array(frame.dropFirst(6)))
            == .message(.common(.requestExtensions(request)), trailing: []))
    let other = FrameHeader(extensionType: 2, channelMsg: false, msgType: 0, msgLength: 6)
    #expect(try MiningMessage.read(other, Array(frame.dropFirst(6))) == .unknown(other))
}

@Test func `a value the wire cannot carry is refused, never cut`() {
    let long = WireText(bytes: [UInt8](repeating: 0x78, count: 256))
    #expect(throws: CodecError.aboveLimit(field: "error_code", count: 256, limit: 255)) {
        try OpenMiningChannelError(requestId: 1, errorCode: long).frame()
    }
    let transaction = [UInt8](repeating: 0, count: 9_000_000)
    let answer = ProvideMissingTransactionsSuccess(requestId: 1, transactionList: [transaction, transaction])
    #expect(throws: CodecError.payloadTooLong(18_000_012)) { try answer.frame() }
}

@Test func `no two messages share a number, and there are 44`() {
    let kinds = [
        CommonMessage.readers.kinds, MiningMessage.readers.kinds, JobDeclarationMessage.readers.kinds,
        TemplateDistributionMessage.readers.kinds,
    ]
    #expect(kinds.map(\.count) == [8, 21 + 8, 8 + 8, 7 + 8])
    let all = Set(kinds.joined())
    #expect(all.count == 44)
    #expect(Set(all.map { [UInt16($0.msgType), $0.extensionType] }).count == 44)
}
