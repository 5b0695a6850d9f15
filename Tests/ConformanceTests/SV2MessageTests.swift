import SV2Codec
import SV2Messages
import TestSupport
import Testing

/// Needs no recorded facts: our own list of fields against our own properties.
@Test func `properties are named after the fields, letter for letter`() throws {
    for type in allMessageTypes {
        let names = try FieldTable(of: type).entries.map { entry in
            let parts = entry.name.split(separator: "_")
            return String(parts[0])
                + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        }
        #expect(Mirror(reflecting: type.init()).children.map(\.label) == names, "\(type)")
    }
}

@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct SV2MessageVectors {
    let table: [VectorRow]
    let cases: [VectorRow]
    let extra: [VectorRow]

    init() throws {
        table = try VectorRow(Shared.json("protocol/sv2-messages.json")).rows("messages")
        let file = try VectorRow.file("messages")
        cases = try file.rows("cases")
        extra = try file.rows("extra")
        try #require(table.count == 44 && cases.count == 132 && extra.count == 7)
    }

    /// Our type for a row that has `protocol` and `name`.
    private func type(of row: VectorRow) throws -> any SV2Message.Type {
        let name = try row.text("name")
        if name == "SetNewPrevHash" {
            return try row.text("protocol") == "mining" ? SetNewPrevHash.self : TemplateSetNewPrevHash.self
        }
        return try #require(allMessageTypes.first { $0.kind.name == name }, "\(name)")
    }

    @Test func `numbers, channel bits, fields and their types are the specification's`() throws {
        #expect(allMessageTypes.count == 44)
        for row in table {
            let type = try type(of: row)
            let name = try row.text("name")
            #expect(
                type.kind.extensionType == UInt16(try row.text("extension_type").dropFirst(2), radix: 16),
                "\(name)")
            #expect(type.kind.msgType == UInt8(try row.text("msg_type").dropFirst(2), radix: 16), "\(name)")
            #expect(type.kind.channelMsg == (try row.flag("channel_msg")), "\(name)")
            let fields = try row.rows("fields").map {
                FieldTable.Entry(name: try $0.text("name"), type: try $0.text("type"))
            }
            #expect(try FieldTable(of: type).entries == fields, "\(name)")
        }
    }

    /// Two rows have the name SetNewPrevHash, so that a row's place names it.
    private func place(_ extensionType: UInt16, _ msgType: UInt8) -> String {
        String(extensionType, radix: 16) + "/" + String(msgType, radix: 16)
    }

    @Test func `no message of the specification is without a type of ours, and the reverse`() throws {
        func rowPlace(_ row: VectorRow) throws -> String {
            let extensionType = try #require(UInt16(try row.text("extension_type").dropFirst(2), radix: 16))
            let msgType = try #require(UInt8(try row.text("msg_type").dropFirst(2), radix: 16))
            return try place(extensionType, msgType) + " " + row.text("name")
        }
        func typePlace(_ kind: MessageKind) -> String {
            place(kind.extensionType, kind.msgType) + " " + kind.name
        }
        let theirs = try Set(table.map(rowPlace))
        let ours = Set(allMessageTypes.map { typePlace($0.kind) })
        #expect(theirs.subtracting(ours) == [], "the specification has these, we do not")
        #expect(ours.subtracting(theirs) == [], "we have these, the specification does not")
        #expect(theirs.count == table.count && ours.count == allMessageTypes.count)
        // What a role can be told is among them: no link reads a type that is not compared.
        let read =
            MiningMessage.readers.kinds + JobDeclarationMessage.readers.kinds
            + TemplateDistributionMessage.readers.kinds + CommonMessage.readers.kinds
        #expect(Set(read.map(typePlace)) == ours)
        let counts = try VectorRow(Shared.json("protocol/sv2-messages.json")).row("counts")
        #expect(try counts.number("total") == allMessageTypes.count)
    }

    @Test func `types and cases are named after the messages, letter for letter`() throws {
        for row in table {
            let type = try type(of: row)
            let plain = try row.text("name").filter { $0 != "." }
            let isOther = type == TemplateSetNewPrevHash.self  // one of two with that name
            #expect("\(type)" == (isOther ? "Template" + plain : plain))
        }
        func cases<Link: LinkMessage>(_ link: Link.Type) throws {
            for kind in link.readers.kinds {
                // An empty payload is no message, so each type's own bytes are read.
                let type = try #require(allMessageTypes.first { $0.kind == kind })
                let header = FrameHeader(
                    extensionType: kind.extensionType, channelMsg: kind.channelMsg, msgType: kind.msgType,
                    msgLength: 0)
                guard case .message(let message, _) = try link.read(header, type.init().encode()) else {
                    Issue.record("\(kind.name) is unknown to \(link)")
                    continue
                }
                #expect(Swift.type(of: message.message) == type)
                var label = Mirror(reflecting: message).children.first?.label
                if label == "common", let inner = Mirror(reflecting: message).children.first?.value {
                    label = Mirror(reflecting: inner).children.first?.label
                }
                let plain = kind.name.filter { $0 != "." }
                #expect(label == plain.prefix(1).lowercased() + plain.dropFirst(), "\(link)")
            }
        }
        try cases(CommonMessage.self)
        try cases(MiningMessage.self)
        try cases(JobDeclarationMessage.self)
        try cases(TemplateDistributionMessage.self)
    }

    /// The bits of SetupConnection and its answer, by the specification's names.
    @Test func `setup flags stand at the specification's bits, and there are no others`() throws {
        let flags = try VectorRow(Shared.json("protocol/sv2-messages.json")).row("setup_flags")
        func bits(_ link: String, _ message: String) throws -> [String: UInt32] {
            try Dictionary(
                uniqueKeysWithValues: flags.row(link).rows(message).map {
                    (try $0.text("name"), UInt32(1) << UInt32(try $0.number("bit")))
                })
        }
        typealias Mining = SetupFlags.Mining
        typealias MiningSuccess = SetupFlags.MiningSuccess
        #expect(
            try bits("mining", "SetupConnection.flags") == [
                "REQUIRES_STANDARD_JOBS": Mining.requiresStandardJobs,
                "REQUIRES_WORK_SELECTION": Mining.requiresWorkSelection,
                "REQUIRES_VERSION_ROLLING": Mining.requiresVersionRolling,
            ])
        #expect(
            try bits("mining", "SetupConnection.Success.flags") == [
                "REQUIRES_FIXED_VERSION": MiningSuccess.requiresFixedVersion,
                "REQUIRES_EXTENDED_CHANNELS": MiningSuccess.requiresExtendedChannels,
            ])
        #expect(
            try bits("job_declaration", "SetupConnection.flags")
                == ["DECLARE_TX_DATA": SetupFlags.JobDeclaration.declareTxData])
        for (link, message) in [
            ("job_declaration", "SetupConnection.Success.flags"),
            ("template_distribution", "SetupConnection.flags"),
            ("template_distribution", "SetupConnection.Success.flags"),
        ] { #expect(try bits(link, message).isEmpty) }
    }

    @Test func `the fields that extensions put behind messages are the specification's`() throws {
        let extensions = try VectorRow(Shared.json("protocol/sv2-messages.json")).rows("tlv_extensions")
        #expect(extensions.count == 1)
        let names = try #require(extensions.first)
        #expect(UInt16(try names.text("extension_type").dropFirst(2), radix: 16) == WorkerName.extensionType)
        let fields = try names.rows("tlv_fields")
        #expect(try fields.map { try $0.text("extends") } == [SubmitSharesExtended.name])
        #expect(
            try fields.map { UInt8(try $0.text("field_type").dropFirst(2), radix: 16) }
                == [WorkerName.fieldType])
        #expect(
            try fields.map { try $0.text("value").contains("at most \(WorkerName.limit) bytes") } == [true])
    }

    @Test func `each sub-protocol's table knows its messages and no others`() throws {
        func names(_ protocols: String...) throws -> Set<String> {
            try Set(table.filter { protocols.contains(try $0.text("protocol")) }.map { try $0.text("name") })
        }
        let common = try names("common", "extensions_negotiation")
        #expect(Set(CommonMessage.readers.kinds.map(\.name)) == common)
        #expect(Set(MiningMessage.readers.kinds.map(\.name)) == (try names("mining").union(common)))
        let declaration = try names("job_declaration").union(common)
        #expect(Set(JobDeclarationMessage.readers.kinds.map(\.name)) == declaration)
        let distribution = try names("template_distribution").union(common)
        #expect(Set(TemplateDistributionMessage.readers.kinds.map(\.name)) == distribution)
    }

    /// How much of the payload is the message. One payload of the C++ tests has bytes behind it.
    private func messageByteCount(_ row: VectorRow) throws -> Int {
        try row.has("consumed") ? row.number("consumed") : row.bytes("payload").count
    }

    @Test func `every message encodes to the recorded bytes and decodes from them`() throws {
        for row in cases + extra {
            let type = try type(of: row)
            let payload = try row.bytes("payload")
            let count = try messageByteCount(row)
            let message = try FieldFiller.fill(type, from: row.row("fields"))
            #expect(try message.encode() == Array(payload.prefix(count)), "\(row.testDescription)")
            let (decoded, trailing) = try decode(type, payload)
            #expect(decoded == AnyHashable(message), "\(row.testDescription)")
            #expect(trailing == payload.count - count, "\(row.testDescription)")
            if row.has("frame") {
                #expect(try message.frame() == row.bytes("frame"), "\(row.testDescription)")
            }
        }
    }

    @Test func `every frame finds its way through its sub-protocol`() throws {
        let rows = (cases + extra).filter { $0.has("frame") }
        #expect(rows.count >= 138)
        for row in rows {
            switch try row.text("protocol") {
            case "mining": try passThrough(MiningMessage.self, row)
            case "job_declaration": try passThrough(JobDeclarationMessage.self, row)
            case "template_distribution": try passThrough(TemplateDistributionMessage.self, row)
            case "common", "extensions_negotiation":
                try passThrough(CommonMessage.self, row)
                try passThrough(MiningMessage.self, row)
                try passThrough(JobDeclarationMessage.self, row)
                try passThrough(TemplateDistributionMessage.self, row)
            case let other: Issue.record("unknown protocol \(other)")
            }
        }
    }

    private func passThrough<Link: LinkMessage>(_ link: Link.Type, _ row: VectorRow) throws {
        let frame = try row.bytes("frame")
        let header = try #require(FrameHeader(frontOf: frame))
        let payload = Array(frame.dropFirst(FrameHeader.byteCount))
        #expect(header.msgLength == payload.count)
        guard case .message(let message, let trailing) = try Link.read(header, payload) else {
            Issue.record("\(row.testDescription) is unknown to \(link)")
            return
        }
        #expect(trailing.isEmpty)
        #expect(Swift.type(of: message.message) == (try type(of: row)))
        #expect(try message.frame() == frame, "\(row.testDescription)")
    }

    @Test func `every truncation of every payload is refused`() throws {
        var tried = 0
        for row in cases + extra {
            let type = try type(of: row)
            let payload = try row.bytes("payload")
            for count in 0..<(try messageByteCount(row)) {
                if (try? decode(type, Array(payload.prefix(count)))) != nil {
                    Issue.record("\(row.testDescription) was read from \(count) bytes")
                }
                tried += 1
            }
        }
        #expect(tried > 10_000)
    }

    private func decode<Message: SV2Message>(
        _ type: Message.Type, _ payload: [UInt8]
    ) throws(CodecError) -> (message: AnyHashable, trailing: Int) {
        let (message, trailing) = try Message.decode(payload)
        return (AnyHashable(message), trailing.count)
    }
}
