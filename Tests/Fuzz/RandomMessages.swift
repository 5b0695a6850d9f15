// What the fuzz entries of the Stratum V2 cores have in common: messages that are honest but for what the input changes in
// them, and what must hold of every message that a core sends.

import SV2Codec
import SV2Messages

// MARK: What arrives

extension FuzzInput {
    /// The message as it arrives: mostly as it was meant, else with one field changed, a byte overwritten, cut short, or
    /// with bytes behind it. Always through the codec; `nil` when that refuses it.
    mutating func arriving<Link: LinkMessage>(_ message: Link) -> (
        message: Link, trailing: ArraySlice<UInt8>
    )? {
        let choice = byte()
        var frame: [UInt8]
        switch choice {
        case 0xA0...0xCF:
            guard let changed = twisted(message.message, field: Int(choice - 0xA0) % 16) else { return nil }
            frame = changed
        case _:
            guard let plain = try? message.frame() else { return nil }
            frame = plain
        }
        switch choice {
        case 0xD0...0xDF where frame.count > FrameHeader.byteCount:
            let place = FrameHeader.byteCount + Int(byte()) % (frame.count - FrameHeader.byteCount)
            frame[place] = byte()
        case 0xE0...0xE7: frame.removeLast(min(Int(choice - 0xDF), frame.count - FrameHeader.byteCount))
        case 0xE8...0xFF: frame += bytes(Int(choice - 0xE7) * 2)
        case _: break
        }
        guard let header = FrameHeader(frontOf: frame) else { return nil }
        return reading(header, Array(frame[FrameHeader.byteCount...]))
    }

    /// A message of any type and content: its payload comes from the input as it is.
    mutating func anything<Link: LinkMessage>(_ kinds: [MessageKind], as link: Link.Type) -> (
        message: Link, trailing: ArraySlice<UInt8>
    )? {
        let kind = kinds[Int(byte()) % kinds.count]
        let payload = bytes(Int(byte()))
        let header = FrameHeader(
            extensionType: kind.extensionType, channelMsg: kind.channelMsg, msgType: kind.msgType,
            msgLength: payload.count)
        return reading(header, payload)
    }

    private func reading<Link: LinkMessage>(_ header: FrameHeader, _ payload: [UInt8]) -> (
        message: Link, trailing: ArraySlice<UInt8>
    )? {
        guard case .message(let message, let trailing)? = try? Link.read(header, payload) else { return nil }
        return (message, trailing)
    }

    private mutating func twisted(_ message: some SV2Message, field: Int) -> [UInt8]? {
        var twist = FieldTwist(field: field, input: self)
        var copy = message
        try? copy.visitFields(&twist)
        self = twist.input
        return try? copy.frame()
    }
}

/// In a fixed order, so that the corpus keeps its meaning.
func kindsInOrder<Link: LinkMessage>(of link: Link.Type) -> [MessageKind] {
    link.readers.kinds.sorted {
        ($0.extensionType, $0.msgType, $0.name) < ($1.extensionType, $1.msgType, $1.name)
    }
}

/// Gives one field of a message a value of the input's.
private struct FieldTwist: FieldCoder {
    private var left: Int
    private(set) var input: FuzzInput

    init(field: Int, input: FuzzInput) { (left, self.input) = (field, input) }

    private mutating func isMeant() -> Bool {
        left -= 1
        return left == -1
    }

    private mutating func value<Value: WireValue>(_ type: Value.Type) -> Value? {
        // A length in front, where there is one, is below 32.
        let choice = input.byte()
        let head: [UInt8] =
            switch choice % 4 {
            case 0: [choice / 4 % 32]
            case 1: [UInt8](repeating: 0xFF, count: 32)
            case 2: [choice / 4 % 32] + input.bytes(31)
            case _: [UInt8](repeating: 0, count: choice % 8 < 4 ? 0 : 31) + [choice]
            }
        var decoder = PayloadDecoder(head + [UInt8](repeating: 0, count: 288))
        return try? Value.read(from: &decoder)
    }

    mutating func field<Value: WireValue>(_ name: StaticString, _ value: inout Value) {
        if isMeant(), let other = self.value(Value.self) { value = other }
    }

    mutating func bytes(_ name: StaticString, _ value: inout [UInt8], _ type: ByteStringType) {
        guard isMeant() else { return }
        switch input.below(4) {
        case 0: value = []
        case 1: value = Array(value.dropLast())
        case 2: value += input.bytes(input.below(8))
        case _: value = input.bytes(input.below(64))
        }
    }

    mutating func option<Value: WireValue>(_ name: StaticString, _ value: inout Value?) {
        if isMeant() { value = value == nil ? self.value(Value.self) : nil }
    }

    mutating func sequence<Value: WireValue>(
        _ name: StaticString, _ value: inout [Value], _ type: SequenceType
    ) {
        if isMeant() { change(&value) { $0.value(Value.self) } }
    }

    mutating func byteStrings(_ name: StaticString, _ value: inout [[UInt8]]) {
        if isMeant() { change(&value) { $0.input.bytes($0.input.below(64)) } }
    }

    private mutating func change<Element>(
        _ list: inout [Element], _ make: (inout FieldTwist) -> Element?
    ) {
        switch input.below(4) {
        case 0: if !list.isEmpty { list.removeLast() }
        case 1: if let first = list.first { list.append(first) }
        case 2: list.reverse()
        case _: if let new = make(&self) { list.append(new) }
        }
    }
}

// MARK: What is sent

/// What a core sends can be written, has no more payload than the other side need take, and is read there as the same.
func checkSent<Link: LinkMessage>(_ message: Link, trailing: [UInt8] = [], limit: Int) {
    guard let plain = try? message.frame() else {
        preconditionFailure("what is sent can be written: \(message)")
    }
    var frame = plain + trailing
    guard let written = FrameHeader(frontOf: frame) else { preconditionFailure("a frame has a header") }
    frame.removeFirst(FrameHeader.byteCount)
    precondition(frame.count <= limit, "\(frame.count) bytes are more than the other side takes")
    guard case .message(let again, let rest)? = try? Link.read(written, frame) else {
        preconditionFailure("what is sent is known to the other side")
    }
    precondition(again == message && Array(rest) == trailing, "what is sent is read as the same")
}
