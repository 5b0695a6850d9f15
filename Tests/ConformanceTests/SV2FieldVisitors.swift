import Foundation
import SV2Codec
import SV2Messages
import TestSupport
import Testing

/// Every message there is, by type. A test compares this list with the specification's table.
let allMessageTypes: [any SV2Message.Type] = [
    SetupConnection.self, SetupConnectionSuccess.self, SetupConnectionError.self, ChannelEndpointChanged.self,
    Reconnect.self, OpenStandardMiningChannel.self, OpenStandardMiningChannelSuccess.self,
    OpenMiningChannelError.self, OpenExtendedMiningChannel.self, OpenExtendedMiningChannelSuccess.self,
    NewMiningJob.self, UpdateChannel.self, UpdateChannelError.self, CloseChannel.self,
    SetExtranoncePrefix.self,
    SubmitSharesStandard.self, SubmitSharesExtended.self, SubmitSharesSuccess.self, SubmitSharesError.self,
    NewExtendedMiningJob.self, SetNewPrevHash.self, SetTarget.self, SetCustomMiningJob.self,
    SetCustomMiningJobSuccess.self, SetCustomMiningJobError.self, SetGroupChannel.self,
    AllocateMiningJobToken.self, AllocateMiningJobTokenSuccess.self, ProvideMissingTransactions.self,
    ProvideMissingTransactionsSuccess.self, DeclareMiningJob.self, DeclareMiningJobSuccess.self,
    DeclareMiningJobError.self, PushSolution.self, CoinbaseOutputConstraints.self, NewTemplate.self,
    TemplateSetNewPrevHash.self, RequestTransactionData.self, RequestTransactionDataSuccess.self,
    RequestTransactionDataError.self, SubmitSolution.self, RequestExtensions.self,
    RequestExtensionsSuccess.self,
    RequestExtensionsError.self,
]

/// Writes down a message's fields: the specification's names and types.
struct FieldTable: FieldCoder {
    struct Entry: Equatable { let name, type: String }

    private(set) var entries: [Entry] = []

    init(of type: any SV2Message.Type) throws {
        var message = type.init()
        try message.visitFields(&self)
    }

    private mutating func add(_ name: StaticString, _ type: String) {
        entries.append(Entry(name: "\(name)", type: type))
    }

    mutating func field<Value: WireValue>(_ name: StaticString, _ value: inout Value) {
        add(name, Value.wireType)
    }

    mutating func bytes(_ name: StaticString, _ value: inout [UInt8], _ type: ByteStringType) {
        switch type {
        case .b0_32: add(name, "B0_32")
        case .b0_255: add(name, "B0_255")
        case .b0_64K: add(name, "B0_64K")
        case .b0_16M: add(name, "B0_16M")
        }
    }

    mutating func option<Value: WireValue>(_ name: StaticString, _ value: inout Value?) {
        add(name, "OPTION[\(Value.wireType)]")
    }

    mutating func sequence<Value: WireValue>(
        _ name: StaticString, _ value: inout [Value], _ type: SequenceType
    ) {
        switch type {
        case .seq0_255: add(name, "SEQ0_255[\(Value.wireType)]")
        case .seq0_64K: add(name, "SEQ0_64K[\(Value.wireType)]")
        }
    }

    mutating func byteStrings(_ name: StaticString, _ value: inout [[UInt8]]) {
        add(name, "SEQ0_64K[B0_16M]")
    }
}

/// Fills a message from the `fields` object of a vector, so that encoder and decoder are compared with values
/// that neither of them made.
struct FieldFiller: FieldCoder {
    private let fields: VectorRow

    static func fill(_ type: any SV2Message.Type, from fields: VectorRow) throws -> any SV2Message {
        var filler = FieldFiller(fields: fields)
        var message = type.init()
        try message.visitFields(&filler)
        return message
    }

    private init(fields: VectorRow) { self.fields = fields }

    private func json(_ name: StaticString) -> Any {
        guard let value = fields.fields["\(name)"] else { preconditionFailure("the vector has no \(name)") }
        return value
    }

    /// A JSON value as the wire value it stands for.
    static func value<Value: WireValue>(_ json: Any, as type: Value.Type) -> Value {
        let result: Any? =
            switch Value.wireType {
            case "STR0_255": (json as? String).map { WireText($0) }
            case "U256": (json as? String).flatMap { U256(wireBytes: hex($0)) }
            case "BOOL": (json as? NSNumber)?.boolValue
            case "F32": (json as? NSNumber).map { Float($0.doubleValue) }
            case "U8": (json as? NSNumber)?.uint8Value
            case "U16": (json as? NSNumber)?.uint16Value
            case "U32": (json as? NSNumber)?.uint32Value
            case "U64": (json as? NSNumber)?.uint64Value
            default: nil
            }
        guard let value = result as? Value else { preconditionFailure("\(json) is no \(Value.wireType)") }
        return value
    }

    static func bytes(_ json: Any) -> [UInt8] {
        guard let text = json as? String else { preconditionFailure("\(json) is no hex") }
        return hex(text)
    }

    static func list(_ json: Any) -> [Any] {
        guard let list = json as? [Any] else { preconditionFailure("\(json) is no list") }
        return list
    }

    mutating func field<Value: WireValue>(_ name: StaticString, _ value: inout Value) {
        value = Self.value(json(name), as: Value.self)
    }

    mutating func bytes(_ name: StaticString, _ value: inout [UInt8], _ type: ByteStringType) {
        value = Self.bytes(json(name))
    }

    mutating func option<Value: WireValue>(_ name: StaticString, _ value: inout Value?) {
        let json = json(name)
        value = json is NSNull ? nil : Self.value(json, as: Value.self)
    }

    mutating func sequence<Value: WireValue>(
        _ name: StaticString, _ value: inout [Value], _ type: SequenceType
    ) {
        value = Self.list(json(name)).map { Self.value($0, as: Value.self) }
    }

    mutating func byteStrings(_ name: StaticString, _ value: inout [[UInt8]]) {
        value = Self.list(json(name)).map(Self.bytes)
    }
}
