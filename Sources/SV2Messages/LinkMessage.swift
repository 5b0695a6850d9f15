public import SV2Codec

/// The messages of one sub-protocol, one case each: what a role's `switch` goes over.
public protocol LinkMessage: Hashable, Sendable {
    /// How each known message is read.
    static var readers: MessageReaders<Self> { get }
    /// The message inside the case.
    var message: any SV2Message { get }
}

/// What a frame held.
public enum Incoming<Link: LinkMessage>: Hashable, Sendable {
    /// A known message, and the bytes behind its last field: fields of extensions, or a peer's mistake.
    case message(Link, trailing: ArraySlice<UInt8>)
    /// No message of this sub-protocol. The specification does not say what to do; ignore it and say so once.
    case unknown(FrameHeader)
}

extension LinkMessage {
    /// Reads a frame's payload as the message its header names. The channel bit is not looked at: older peers
    /// send another one for five messages.
    public static func read(_ header: FrameHeader, _ payload: [UInt8]) throws(CodecError) -> Incoming<Self> {
        guard let reader = readers.reader(for: header) else { return .unknown(header) }
        let (message, trailing) = try reader.read(payload)
        return .message(message, trailing: trailing)
    }

    /// Header and payload, as they go into the cipher.
    public func frame() throws(CodecError) -> [UInt8] { try message.frame() }
}

/// The table by which the messages of a sub-protocol are found.
public struct MessageReaders<Link: LinkMessage>: Sendable {
    /// One entry: a message's place in the specification, and how its payload becomes a case.
    struct Reader: Sendable {
        let kind: MessageKind
        let read: @Sendable ([UInt8]) throws(CodecError) -> (Link, ArraySlice<UInt8>)

        static func reading<Message: SV2Message>(_ make: @escaping @Sendable (Message) -> Link) -> Reader {
            Reader(kind: Message.kind) { payload throws(CodecError) in
                let (message, trailing) = try Message.decode(payload)
                return (make(message), trailing)
            }
        }
    }

    private struct Key: Hashable {
        let extensionType: UInt16
        let msgType: UInt8
    }

    private let byKey: [Key: Reader]

    init(_ readers: [Reader]) {
        byKey = Dictionary(
            uniqueKeysWithValues: readers.map {
                (Key(extensionType: $0.kind.extensionType, msgType: $0.kind.msgType), $0)
            })
    }

    /// The messages in the table, in no particular order.
    public var kinds: [MessageKind] { byKey.values.map(\.kind) }

    func reader(for header: FrameHeader) -> Reader? {
        byKey[Key(extensionType: header.extensionType, msgType: header.msgType)]
    }

    /// The same messages as entries of a table that wraps them.
    func map<Outer>(_ wrap: @escaping @Sendable (Link) -> Outer) -> [MessageReaders<Outer>.Reader] {
        byKey.values.map { reader in
            MessageReaders<Outer>.Reader(kind: reader.kind) { payload throws(CodecError) in
                let (message, trailing) = try reader.read(payload)
                return (wrap(message), trailing)
            }
        }
    }
}
