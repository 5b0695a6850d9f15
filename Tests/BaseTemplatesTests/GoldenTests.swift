import BaseTemplates
import BitcoinPrimitives
import SV2Codec
import TestSupport
import Testing

// Vectors of our own, from the document's tables by hand and by a script that shares no code with this project: field by
// field, each with its name.

private func fill(_ byte: UInt8) -> Hash256 {
    Hash256(wireBytes: [UInt8](repeating: byte, count: 32)) ?? .zero
}

private func wide(_ byte: UInt8) -> U256 { U256(wireBytes: [UInt8](repeating: byte, count: 32)) ?? .zero }

private let candidates = [
    Candidate(
        index: 0, txid: Txid(fill(0x11)), wtxid: Wtxid(fill(0x11)), fee: Satoshis(rawValue: 0x1234),
        weight: 0x230, sigopCost: 4, parents: []),
    Candidate(
        index: 1, txid: Txid(fill(0x22)), wtxid: Wtxid(fill(0x23)), fee: Satoshis(rawValue: 0x01_2345),
        weight: 0x456, sigopCost: 0, parents: [0]),
    Candidate(
        index: 7, txid: Txid(fill(0x33)), wtxid: Wtxid(fill(0x34)), fee: Satoshis(rawValue: 0x0123_4567),
        weight: 0x01_2345, sigopCost: 0x123, parents: [0, 1]),
    Candidate(
        index: 9, txid: Txid(fill(0x44)), wtxid: Wtxid(fill(0x45)), fee: Satoshis(rawValue: 0x01_2345_6789),
        weight: 400, sigopCost: 1, parents: []),
]

private func times32(_ byte: String) -> String { String(repeating: byte, count: 32) }

private let records: [String] = [
    // flags: index, wtxid is the txid; index 0; txid; fee in 2 bytes; weight; sigop cost
    "03" + "0000" + times32("11") + "3412" + "3002" + "04",
    // flags: fee in 3 bytes, parents; index is the next; txid; wtxid; fee; weight; sigop cost; 1 parent; index 0
    "44" + times32("22") + times32("23") + "452301" + "5604" + "00" + "01" + "0000",
    // flags: index, fee in 4, weight in 3, sigop cost in 3, parents; index 7; ids; fee; weight; sigops; 2 parents
    "79" + "0700" + times32("33") + times32("34") + "67452301" + "452301" + "230100" + "02" + "0000" + "0100",
    // flags: index, fee in 8 bytes; index 9; ids; fee; weight; sigop cost
    "0d" + "0900" + times32("44") + times32("45") + "8967452301000000" + "9001" + "01",
]

private let tipBytes =
    times32("aa")  // prev_hash
    + "a1bb0d00"  // height 900,001
    + "00000020"  // version 0x20000000
    + "5b250317"  // nbits 0x1703255b
    + times32("01")  // target
    + "00e1496b"  // min_ntime 1,800,003,840
    + "01e1496b"  // header_timestamp
    + "20bca01200000000"  // subsidy 312,523,808
    + "04" + "03a1bb0d"  // coinbase_prefix: the height

private var tipFields: TipFields {
    var tip = TipFields()
    (tip.prevHash, tip.height, tip.version, tip.nbits) = (wide(0xAA), 900_001, 0x2000_0000, 0x1703_255B)
    (tip.target, tip.minNtime, tip.headerTimestamp) = (wide(0x01), 0x6B49_E100, 0x6B49_E101)
    (tip.subsidy, tip.coinbasePrefix) = (0x12A0_BC20, hex("03a1bb0d"))
    return tip
}

private let constraintBytes =
    "2500"  // coinbase_outputs: 37 bytes
    + "e803000000000000" + "40420f00" + "0300" + "51ac87"  // value 1,000; share 1,000,000; script of 3 bytes
    + "0000000000000000" + "00000000" + "0600" + "6a0401020304"  // value 0; share 0; script of 6 bytes
    + "c8000000"  // coinbase_output_max_additional_size 200
    + "5000"  // coinbase_output_max_additional_sigops 80

private var constraintFields: ConstraintFields {
    var fields = ConstraintFields()
    fields.coinbaseOutputs =
        hex("e803000000000000 40420f00 0300 51ac87") + hex("0000000000000000 00000000 0600 6a0401020304")
    fields.coinbaseOutputMaxAdditionalSize = 200
    fields.coinbaseOutputMaxAdditionalSigops = 80
    return fields
}

private let sum = "f8aec617897e4e04"

struct GoldenTests {
    static let messages: [(message: BaseTemplateMessage, msgType: UInt8, payload: String)] = [
        (
            .request(RequestBaseTemplate(requestId: 1, maxVersion: 1, reason: .outOfStep)), 0x00,
            "01000000" + "0100" + "02"  // request_id, max_version, reason
        ),
        (
            .success(
                {
                    var message = RequestBaseTemplateSuccess()
                    (message.requestId, message.usedVersion, message.sequence) = (1, 1, 0x0102)
                    (message.listIsCurrent, message.tip, message.constraints) = (
                        true, tipFields, constraintFields
                    )
                    (message.candidateCount, message.listBytes, message.segmentCount) = (4, 274, 1)
                    message.checksum = 0x044E_7E89_17C6_AEF8
                    return message
                }()), 0x01,
            // request_id, used_version, sequence, list_is_current
            "01000000" + "0100" + "0201000000000000" + "01"
                + tipBytes + constraintBytes
                + "0400" + "12010000" + "0100" + sum  // candidate_count, list_bytes, segment_count, checksum
        ),
        (
            .error(RequestBaseTemplateError(requestId: 1, errorCode: "no-template")), 0x02,
            "01000000" + "0b" + "6e6f2d74656d706c617465"  // request_id, error_code
        ),
        (
            .segment(
                BaseTemplateSegment(
                    sequence: 0x0102, segmentIndex: 0, candidates: records.flatMap { hex($0) })), 0x03,
            "0201000000000000" + "0000" + "1201" + records.joined()  // sequence, segment_index, candidates
        ),
        (
            .acknowledge(AcknowledgeBaseTemplate(sequence: 0x0102, segments: 1)), 0x04,
            "0201000000000000" + "0100"  // sequence, segments
        ),
        (
            .delta(
                {
                    var message = BaseTemplateDelta()
                    (message.sequence, message.listIsCurrent, message.headerTimestamp) = (
                        0x0103, true, 0x6B49_E102
                    )
                    (message.removed, message.added) = ([3, 5], hex(records[3]))
                    (message.candidateCount, message.checksum) = (4, 0x044E_7E89_17C6_AEF8)
                    return message
                }()), 0x05,
            "0301000000000000" + "01" + "02e1496b"  // sequence, list_is_current, header_timestamp
                + "0200" + "0300" + "0500"  // removed
                + "4e00" + records[3]  // added
                + "0400" + sum  // candidate_count, checksum
        ),
        (
            .newTip(
                {
                    var message = NewBaseTemplateTip()
                    (message.sequence, message.listIsCurrent, message.tip) = (0x0104, false, tipFields)
                    (message.removed, message.candidateCount) = ([0], 3)
                    message.checksum = 0xF995_24FF_2B53_1A10
                    return message
                }()), 0x06,
            "0401000000000000" + "00" + tipBytes  // sequence, list_is_current
                + "0100" + "0000" + "0300" + "101a532bff2495f9"  // removed, candidate_count, checksum
        ),
        (
            .constraints(SetBaseTemplateConstraints(sequence: 0x0105, constraints: constraintFields)), 0x07,
            "0501000000000000" + constraintBytes
        ),
        (.stop(StopBaseTemplate(requestId: 1)), 0x08, "01000000"),
    ]

    @Test(arguments: 0..<9)
    func `every message has the bytes that the document gives it, and is read back the same`(_ index: Int)
        throws
    {
        let (message, msgType, payload) = Self.messages[index]
        let bytes = hex(payload)
        let length = UInt32(bytes.count)
        // extension_type 0x4144, msg_type, msg_length
        let header: [UInt8] = [
            0x44, 0x41, msgType, UInt8(length & 255), UInt8(length >> 8 & 255), UInt8(length >> 16),
        ]
        let frame = try message.frame()
        #expect(frame == header + bytes)
        let parsed = try #require(FrameHeader(frontOf: frame))
        #expect(BaseTemplateMessage.owns(parsed) && !parsed.channelMsg)
        #expect(try BaseTemplateMessage.read(parsed, bytes) == message)
        #expect(BaseTemplateMessage.messageNames[Int(msgType)] == message.name)
        // Without its last byte it is no message.
        #expect(throws: CodecError.self) { try BaseTemplateMessage.read(parsed, Array(bytes.dropLast())) }
    }

    @Test
    func `records have one form each`() throws {
        var bytes = [UInt8]()
        var previous: UInt16?
        for (candidate, expected) in zip(candidates, records) {
            let start = bytes.count
            CandidateRecords.append(candidate, after: previous, to: &bytes)
            #expect(Array(bytes[start...]) == hex(expected))
            previous = candidate.index
        }
        #expect(bytes.count == 274)
        #expect(try CandidateRecords.read(bytes) == candidates)
    }

    @Test
    func `the sum of a list is the one that others compute, and follows what leaves`() {
        // The sums of this file's lists, out of that script.
        var rig = Rig()
        rig.begin()
        _ = rig.up.removeFirst()
        var success = RequestBaseTemplateSuccess()
        (success.requestId, success.usedVersion, success.sequence) = (1, 1, 0x0102)
        (success.listIsCurrent, success.tip, success.constraints) = (true, tipFields, constraintFields)
        success.tip.minNtime = clock
        success.tip.headerTimestamp = clock
        success.tip.target = wide(0)
        (success.candidateCount, success.listBytes, success.segmentCount) = (4, 274, 1)
        success.checksum = 0x044E_7E89_17C6_AEF8
        rig.say(.success(success))
        rig.say(
            .segment(
                BaseTemplateSegment(
                    sequence: 0x0102, segmentIndex: 0, candidates: records.flatMap { hex($0) })))
        #expect(rig.client.isCurrent && rig.client.checksum == 0x044E_7E89_17C6_AEF8)
        var delta = BaseTemplateDelta()
        (delta.sequence, delta.headerTimestamp, delta.removed) = (0x0103, clock, [0])
        (delta.candidateCount, delta.checksum, delta.listIsCurrent) = (3, 0xF995_24FF_2B53_1A10, true)
        rig.say(.delta(delta))
        #expect(rig.client.isCurrent && rig.client.count == 3 && rig.lost.isEmpty)
    }

    static let wrongRecords: [(String, RecordFault)] = [
        ("83" + "0000" + times32("11") + "3412" + "3002" + "04", .flags(0x83, record: 0)),
        // The first record names its index.
        ("02" + times32("11") + "3412" + "3002" + "04", .notShortest(record: 0)),
        // An index that follows is not written.
        (records[0] + "03" + "0100" + times32("12") + "3412" + "3002" + "04", .notShortest(record: 1)),
        ("03" + "0080" + times32("11") + "3412" + "3002" + "04", .index(0x8000, record: 0)),
        // Both ids, though they are one.
        ("01" + "0000" + times32("11") + times32("11") + "3412" + "3002" + "04", .notShortest(record: 0)),
        ("07" + "0000" + times32("11") + "341200" + "3002" + "04", .notShortest(record: 0)),
        (
            "0f" + "0000" + times32("11") + "0140075af0750700" + "3002" + "04",
            .fee(2_100_000_000_000_001, record: 0)
        ),
        ("0f" + "0000" + times32("11") + "ffffffffffffffff" + "3002" + "04", .fee(.max, record: 0)),
        ("03" + "0000" + times32("11") + "3412" + "0000" + "04", .weight(0, record: 0)),
        ("13" + "0000" + times32("11") + "3412" + "01093d" + "04", .weight(4_000_001, record: 0)),
        ("13" + "0000" + times32("11") + "3412" + "ff0000" + "04", .notShortest(record: 0)),
        ("23" + "0000" + times32("11") + "3412" + "3002" + "813801", .sigopCost(80_001, record: 0)),
        ("23" + "0000" + times32("11") + "3412" + "3002" + "040000", .notShortest(record: 0)),
        ("43" + "0000" + times32("11") + "3412" + "3002" + "04" + "00", .notShortest(record: 0)),
        ("43" + "0000" + times32("11") + "3412" + "3002" + "04" + "01" + "0000", .parents(record: 0)),
        ("43" + "0000" + times32("11") + "3412" + "3002" + "04" + "02" + "02000200", .parents(record: 0)),
        ("43" + "0000" + times32("11") + "3412" + "3002" + "04" + "02" + "03000200", .parents(record: 0)),
        (
            "43" + "0000" + times32("11") + "3412" + "3002" + "04" + "ff" + "0100",
            .truncated(record: 0)
        ),
        (records[0] + "01", .truncated(record: 1)),
    ]

    @Test(arguments: 0..<19)
    func `a record that is out of range, or not in its shortest form, is refused`(_ index: Int) {
        let (bytes, fault) = Self.wrongRecords[index]
        #expect(throws: fault) { try CandidateRecords.read(hex(bytes)) }
    }

    @Test
    func `nothing is read of a frame that is longer than any message may be`() {
        let header = FrameHeader(
            extensionType: 0x4144, channelMsg: false, msgType: 0x03, msgLength: 16_385)
        #expect(throws: CodecError.aboveLimit(field: "msg_length", count: 16_385, limit: 16_384)) {
            try BaseTemplateMessage.read(header, [UInt8](repeating: 0, count: 16_385))
        }
    }
}
