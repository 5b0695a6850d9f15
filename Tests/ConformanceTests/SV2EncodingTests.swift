import Foundation
import SV2Codec
import SV2Messages
import TestSupport
import Testing

@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct SV2EncodingVectors {
    let file: VectorRow

    init() throws { file = try VectorRow.file("encoding") }

    @Test func `primitives encode to their bytes and back`() throws {
        let rows = try file.rows("primitives")
        #expect(rows.count == 31)
        for row in rows {
            let json = try #require(row.fields["value"])
            let expected = try row.bytes("hex")
            let type = try row.text("type")
            switch type {
            case "BOOL": try check(Bool.self, json, expected)
            case "U8": try check(UInt8.self, json, expected)
            case "U16": try check(UInt16.self, json, expected)
            case "U32": try check(UInt32.self, json, expected)
            case "U64": try check(UInt64.self, json, expected)
            case "U256": try check(U256.self, json, expected)
            case "STR0_255": try check(WireText.self, json, expected)
            case "F32": try checkHashRate(json, expected)
            case "U24": try checkLength(json, expected)
            case "B0_32": try check(json, expected, .b0_32)
            case "B0_255": try check(json, expected, .b0_255)
            case "B0_64K": try check(json, expected, .b0_64K)
            case "B0_16M": try check(json, expected, .b0_16M)
            case "OPTION[U32]":
                let value = json is NSNull ? nil : FieldFiller.value(json, as: UInt32.self)
                try roundTrip(value, nil, expected) { coder, value throws(CodecError) in
                    try coder.option("x", &value)
                } decode: { coder, value throws(CodecError) in
                    try coder.option("x", &value)
                }
            case "SEQ0_255[U256]": try check([U256].self, json, expected, .seq0_255)
            case "SEQ0_64K[U16]": try check([UInt16].self, json, expected, .seq0_64K)
            case "SEQ0_64K[U32]": try check([UInt32].self, json, expected, .seq0_64K)
            case "SEQ0_64K[B0_16M]":
                try roundTrip(FieldFiller.list(json).map(FieldFiller.bytes), [], expected) {
                    coder, value throws(CodecError) in
                    try coder.byteStrings("x", &value)
                } decode: { coder, value throws(CodecError) in
                    try coder.byteStrings("x", &value)
                }
            default: Issue.record("unknown type \(type)")
            }
        }
    }

    private func roundTrip<Value: Equatable>(
        _ value: Value, _ blank: Value, _ expected: [UInt8],
        encode: (inout PayloadEncoder, inout Value) throws(CodecError) -> Void,
        decode: (inout PayloadDecoder, inout Value) throws(CodecError) -> Void
    ) throws {
        var encoder = PayloadEncoder()
        var input = value
        try encode(&encoder, &input)
        #expect(encoder.bytes == expected)
        var decoder = PayloadDecoder(expected)
        var output = blank
        try decode(&decoder, &output)
        #expect(output == value && decoder.trailing.isEmpty)
        for count in 0..<expected.count {
            var short = PayloadDecoder(Array(expected.prefix(count)))
            #expect(throws: CodecError.self) { try decode(&short, &output) }
        }
    }

    private func check<Value: WireValue>(_ type: Value.Type, _ json: Any, _ expected: [UInt8]) throws {
        let value = FieldFiller.value(json, as: type)
        try roundTrip(value, value, expected) { coder, value throws(CodecError) in
            try coder.field("x", &value)
        } decode: { coder, value throws(CodecError) in
            try coder.field("x", &value)
        }
    }

    private func check(_ json: Any, _ expected: [UInt8], _ type: ByteStringType) throws {
        try roundTrip(FieldFiller.bytes(json), [], expected) { coder, value throws(CodecError) in
            try coder.bytes("x", &value, type)
        } decode: { coder, value throws(CodecError) in
            try coder.bytes("x", &value, type)
        }
    }

    private func check<Value: WireValue>(
        _ element: [Value].Type, _ json: Any, _ expected: [UInt8], _ type: SequenceType
    ) throws {
        let values = FieldFiller.list(json).map { FieldFiller.value($0, as: Value.self) }
        try roundTrip(values, [], expected) { coder, value throws(CodecError) in
            try coder.sequence("x", &value, type)
        } decode: { coder, value throws(CodecError) in
            try coder.sequence("x", &value, type)
        }
    }

    /// A negative number is a valid binary32 but no hash rate.
    private func checkHashRate(_ json: Any, _ expected: [UInt8]) throws {
        let value = FieldFiller.value(json, as: Float.self)
        guard value < 0 else { return try check(Float.self, json, expected) }
        let error = CodecError.notAHashRate(field: "x", bits: value.bitPattern)
        var decoder = PayloadDecoder(expected)
        var encoder = PayloadEncoder()
        var output = value
        #expect(throws: error) { try decoder.field("x", &output) }
        #expect(throws: error) { try encoder.field("x", &output) }
    }

    /// The only U24 on its own is the length in a header.
    private func checkLength(_ json: Any, _ expected: [UInt8]) throws {
        let length = try #require(json as? Int)
        let wire = FrameHeader(extensionType: 0, channelMsg: false, msgType: 0, msgLength: length).wireBytes
        #expect([wire[3], wire[4], wire[5]] == expected)
        #expect(FrameHeader(wireBytes: wire).msgLength == length)
    }

    @Test func `length prefixes`() throws {
        let rows = try file.rows("length_prefixes")
        #expect(rows.count == 8)
        for row in rows {
            let type: ByteStringType = try row.text("type") == "B0_64K" ? .b0_64K : .b0_16M
            var bytes = [UInt8](repeating: 0xCD, count: try row.number("length"))
            var encoder = PayloadEncoder()
            try encoder.bytes("x", &bytes, type)
            #expect(Array(encoder.bytes.prefix(type.lengthBytes)) == (try row.bytes("prefix")))
            #expect(encoder.bytes.count == type.lengthBytes + bytes.count)
        }
    }

    @Test func `headers`() throws {
        let rows = try file.rows("headers")
        #expect(rows.count == 5)
        for row in rows {
            let header = try #require(FrameHeader(frontOf: row.bytes("hex")))
            #expect(header.extensionType == UInt16(try row.text("extension_id").dropFirst(2), radix: 16))
            #expect(header.channelMsg == (try row.flag("channel_msg")))
            #expect(header.msgType == UInt8(try row.text("msg_type").dropFirst(2), radix: 16))
            #expect(header.msgLength == (try row.number("msg_length")))
            let wire = header.wireBytes
            #expect(wire.indices.map { wire[$0] } == (try row.bytes("hex")))
        }
    }

    @Test func `malformed payloads are refused, odd ones accepted`() throws {
        let rows = try file.rows("malformed")
        #expect(rows.count == 9)
        for row in rows {
            let name = try row.text("name")
            let label = "\(name): \(try row.text("why"))"
            let payload = try row.bytes("payload")
            let type = try #require(allMessageTypes.first { $0.kind.name == name })
            // The short CoinbaseOutputConstraints of 2025 is refused, as the Rust implementation does.
            if try row.text("expect").hasPrefix("error") {
                #expect(throws: CodecError.self, "\(label)") { try trailingCount(type, payload) }
            } else {
                let left = try row.text("expect") == "accept, one byte left" ? 1 : 0
                let trailing = try #require(try? trailingCount(type, payload), "\(label)")
                #expect(trailing == left)
            }
        }
    }

    private func trailingCount<Message: SV2Message>(
        _ type: Message.Type, _ payload: [UInt8]
    ) throws(CodecError) -> Int {
        try Message.decode(payload).trailing.count
    }

    @Test func `worker names in both byte orders`() throws {
        let rows = try file.rows("tlv")
        #expect(rows.count == 3)
        for row in rows {
            let bytes = try row.bytes("hex")
            let name = try #require(try WorkerName.find(in: bytes[...]), "\(row.testDescription)")
            #expect(name.text.utf8 == (try row.text("value")))
            if try !row.text("label").contains("specification") { #expect(name.wireBytes == bytes) }
        }
    }
}
