import Foundation
import SV2Codec
import SV2Messages
import TestSupport
import Testing

/// Notes where a message's lengths and counts stand in its payload, and how many bytes each takes.
private struct LengthFinder: FieldCoder {
    struct Length: Equatable { let offset, byteCount: Int }

    private var encoder = PayloadEncoder()
    private(set) var lengths: [Length] = []

    init(in message: some SV2Message) throws {
        var copy = message
        try copy.visitFields(&self)
        #expect(encoder.bytes == (try message.encode()))
    }

    private mutating func note(_ byteCount: Int) {
        lengths.append(Length(offset: encoder.bytes.count, byteCount: byteCount))
    }

    mutating func field<Value: WireValue>(_ name: StaticString, _ value: inout Value) throws(CodecError) {
        if Value.wireType == "STR0_255" { note(1) }
        try encoder.field(name, &value)
    }

    mutating func bytes(
        _ name: StaticString, _ value: inout [UInt8], _ type: ByteStringType
    ) throws(CodecError) {
        note(type.lengthBytes)
        try encoder.bytes(name, &value, type)
    }

    mutating func option<Value: WireValue>(_ name: StaticString, _ value: inout Value?) throws(CodecError) {
        note(1)
        try encoder.option(name, &value)
    }

    mutating func sequence<Value: WireValue>(
        _ name: StaticString, _ value: inout [Value], _ type: SequenceType
    ) throws(CodecError) {
        note(type.countBytes)
        try encoder.sequence(name, &value, type)
    }

    mutating func byteStrings(_ name: StaticString, _ value: inout [[UInt8]]) throws(CodecError) {
        note(2)
        try encoder.byteStrings(name, &value)
    }
}

/// A message of the vectors, and how a link reads it: every decoder there is, behind its frame header.
private struct Sample {
    let name: String
    let header: FrameHeader
    let payload: [UInt8]
    let lengths: [LengthFinder.Length]
    /// How many bytes a link leaves behind the message; throws what the link throws.
    let read: (FrameHeader, [UInt8]) throws(CodecError) -> Reading

    enum Reading: Equatable { case unknown, message(again: [UInt8], trailing: Int) }

    init<Link: LinkMessage>(_ link: Link.Type, _ row: VectorRow) throws {
        name = row.testDescription
        let frame = try row.bytes("frame")
        header = try #require(FrameHeader(frontOf: frame))
        payload = Array(frame.dropFirst(FrameHeader.byteCount))
        read = { header, payload throws(CodecError) in
            switch try Link.read(header, payload) {
            case .unknown: .unknown
            case .message(let message, let trailing):
                .message(again: try message.frame(), trailing: trailing.count)
            }
        }
        guard case .message(let message, _) = try Link.read(header, payload) else {
            preconditionFailure("\(row.testDescription) is unknown to its own protocol")
        }
        lengths = try LengthFinder(in: message.message).lengths
    }

    func header(_ payload: [UInt8]) -> FrameHeader {
        FrameHeader(
            extensionType: header.extensionType, channelMsg: header.channelMsg, msgType: header.msgType,
            msgLength: payload.count)
    }

    /// The payload with `value` at a length's place, as much of it as fits there.
    func lying(_ length: LengthFinder.Length, _ value: Int) -> [UInt8] {
        var bytes = payload
        for index in 0..<length.byteCount {
            bytes[length.offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
        }
        return bytes
    }

    func value(of length: LengthFinder.Length) -> Int {
        (0..<length.byteCount).reduce(0) { $0 | Int(payload[length.offset + $1]) << (8 * $1) }
    }
}

@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct SV2HostileMessages {
    private let samples: [Sample]

    init() throws {
        let cases = try VectorRow.file("messages").rows("cases").filter { $0.has("frame") }
        samples = try cases.map { row in
            switch try row.text("protocol") {
            case "mining": try Sample(MiningMessage.self, row)
            case "job_declaration": try Sample(JobDeclarationMessage.self, row)
            case "template_distribution": try Sample(TemplateDistributionMessage.self, row)
            case _: try Sample(CommonMessage.self, row)
            }
        }
        let table = try VectorRow(Shared.json("protocol/sv2-messages.json")).rows("messages")
        let tableNames = try Set(table.map { "\(try $0.text("protocol")) \(try $0.text("name"))" })
        let sampleNames = try Set(cases.map { "\(try $0.text("protocol")) \(try $0.text("name"))" })
        try #require(table.count == 44 && tableNames == sampleNames, "three samples of each of the 44")
        try #require(samples.count == 132)
    }

    @Test func `no link reads any message from any of its truncations`() throws {
        var tried = 0
        for sample in samples {
            for count in sample.payload.indices {
                let cut = Array(sample.payload.prefix(count))
                do {
                    _ = try sample.read(sample.header(cut), cut)
                    Issue.record("\(sample.name) was read from \(count) of \(sample.payload.count) bytes")
                } catch CodecError.truncated(_, let needed, let left) {
                    if needed <= left || left > count {
                        Issue.record("\(sample.name) at \(count): \(needed), \(left)")
                    }
                } catch {
                    Issue.record("\(sample.name) at \(count): \(error)")
                }
                tried += 1
            }
        }
        #expect(tried > 10_000)
    }

    @Test func `a length that says more than is there is refused`() throws {
        var tried = 0
        for sample in samples {
            for length in sample.lengths {
                let left = sample.payload.count - length.offset - length.byteCount
                let most = (1 << (8 * length.byteCount)) - 1
                // Elements have at least one byte, so a count above the bytes left is as much a lie as a length.
                for lie in Set([most, left + 1, left + 0x80]) where lie > left && lie <= most {
                    let bytes = sample.lying(length, lie)
                    do {
                        _ = try sample.read(sample.header(bytes), bytes)
                        Issue.record("\(sample.name) was read with \(lie) at \(length.offset)")
                    } catch {
                        switch error {
                        case .truncated(_, let needed, let there): #expect(needed > there)
                        case .aboveLimit(_, let count, let limit): #expect(count > limit)
                        case .notAHashRate, .payloadTooLong: Issue.record("\(sample.name): \(error)")
                        }
                    }
                    tried += 1
                }
            }
        }
        #expect(tried > 300)
    }

    @Test func `a length that lies by a little is refused, or read as what it then says`() throws {
        var (refused, read) = (0, 0)
        for sample in samples {
            for length in sample.lengths {
                let truth = sample.value(of: length)
                for lie in [truth - 1, truth + 1, 0] where lie >= 0 && lie != truth {
                    let bytes = sample.lying(length, lie)
                    guard let reading = try? sample.read(sample.header(bytes), bytes) else {
                        refused += 1
                        continue
                    }
                    read += 1
                    guard case .message(let again, let trailing) = reading else {
                        Issue.record("\(sample.name) became unknown")
                        continue
                    }
                    // Every byte is in the message or behind it, and the message means what it is written as.
                    #expect(again.count - FrameHeader.byteCount + trailing == bytes.count, "\(sample.name)")
                    let payload = Array(again.dropFirst(FrameHeader.byteCount))
                    #expect(
                        try sample.read(sample.header(payload), payload)
                            == .message(again: again, trailing: 0))
                }
            }
        }
        #expect(refused > 50 && read > 50, "\(refused) refused, \(read) read")
    }

    @Test func `the channel bit is what nobody looks at`() throws {
        for sample in samples {
            let flipped = FrameHeader(
                extensionType: sample.header.extensionType, channelMsg: !sample.header.channelMsg,
                msgType: sample.header.msgType, msgLength: sample.payload.count)
            #expect(try sample.read(flipped, sample.payload) == sample.read(sample.header, sample.payload))
        }
    }

    @Test func `bytes behind a message are left over and counted`() throws {
        for sample in samples {
            for extra in [1, 5, 300] {
                let bytes = sample.payload + [UInt8](repeating: 0xA5, count: extra)
                guard
                    case .message(let again, let trailing) = try sample.read(sample.header(bytes), bytes)
                else {
                    Issue.record("\(sample.name) became unknown")
                    continue
                }
                #expect(trailing == extra, "\(sample.name)")
                #expect(Array(again.dropFirst(FrameHeader.byteCount)) == sample.payload, "\(sample.name)")
            }
        }
    }

    @Test func `everything that is in no table is unknown, whatever its payload`() throws {
        func check<Link: LinkMessage>(_ link: Link.Type) throws {
            let known = Set(link.readers.kinds.map { UInt32($0.extensionType) << 8 | UInt32($0.msgType) })
            var unknown = 0
            for extensionType: UInt16 in [0, 1, 2, 3, 0x0100, 0x7FFF] {
                for msgType in UInt8.min...UInt8.max {
                    guard !known.contains(UInt32(extensionType) << 8 | UInt32(msgType)) else { continue }
                    for channelMsg in [false, true] {
                        let header = FrameHeader(
                            extensionType: extensionType, channelMsg: channelMsg, msgType: msgType,
                            msgLength: 3)
                        #expect(try link.read(header, [1, 2, 3]) == .unknown(header))
                        unknown += 1
                    }
                }
            }
            #expect(unknown == 2 * (6 * 256 - known.count))
        }
        try check(MiningMessage.self)
        try check(JobDeclarationMessage.self)
        try check(TemplateDistributionMessage.self)
        try check(CommonMessage.self)
    }

    @Test func `three bytes that announce the most elements are refused at once`() throws {
        // 65,535 hashes are 2 MiB, 65,535 byte strings at least 192 KiB: neither is there, neither is made room for.
        let clock = ContinuousClock()
        let time = clock.measure {
            for _ in 0..<10_000 {
                #expect(throws: CodecError.self) {
                    _ = try ProvideMissingTransactions(decoding: [0, 0, 0, 0, 0xFF, 0xFF])
                }
                #expect(throws: CodecError.self) {
                    _ = try ProvideMissingTransactionsSuccess(decoding: [0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0])
                }
            }
        }
        #expect(time < .seconds(20), "allocating 2 MiB each time takes far longer: \(time)")
    }
}
