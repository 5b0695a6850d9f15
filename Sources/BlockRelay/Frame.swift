import BitcoinPrimitives

/// One message as it goes over the wire (v1 transport). Source: compact-blocks.md, section 1.
public struct Frame: Hashable, Sendable {
    /// At most 12 printable ASCII characters.
    public let command: String
    public let payload: [UInt8]

    /// Magic, command, length and checksum.
    public static let headerSize = 24
    /// The most that Bitcoin's nodes accept.
    public static let maximumPayload = 4_000_000

    public init(command: String, payload: [UInt8]) {
        self.command = command
        self.payload = payload
    }

    /// Header and payload.
    public func wireBytes(on network: PeerNetwork) -> [UInt8] {
        Frame.header(command: command, payload: payload, on: network) + payload
    }

    static func header(command: String, payload: [UInt8], on network: PeerNetwork) -> [UInt8] {
        precondition(command.utf8.count <= 12, "a command has at most 12 characters")
        precondition(payload.count <= maximumPayload, "a payload has at most 4,000,000 bytes")
        var out = network.magic
        out += command.utf8
        out += [UInt8](repeating: 0, count: 12 - command.utf8.count)
        out.appendLittleEndian(UInt32(payload.count))
        out += checksum(of: payload)
        return out
    }

    static func checksum(of payload: [UInt8]) -> ArraySlice<UInt8> {
        Hash256(hashing: payload).wireBytes.prefix(4)
    }
}

/// Why what a peer sends is no stream of messages. There is no way back into step after any of these.
public enum FrameFault: Error, Hashable, Sendable {
    /// A node, but of another network.
    case otherNetwork(PeerNetwork)
    /// Not this protocol: its first four bytes.
    case foreign([UInt8])
    /// A command that is not printable ASCII, padded with zeros.
    case badCommand([UInt8])
    case tooLong(command: String, Int)
    case badChecksum(command: String)
}

extension FrameFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .otherNetwork(let network): "this node is on \(network)"
        case .foreign(let bytes):
            "it does not speak Bitcoin's peer-to-peer protocol (began with \(bytes.hex))"
        case .badCommand(let bytes): "it sent a message with the unreadable name \(bytes.hex)"
        case .tooLong(let command, let count):
            "it announced a `\(command)` message of \(count) bytes; \(Frame.maximumPayload) are allowed"
        case .badChecksum(let command): "the checksum of a `\(command)` message is wrong"
        }
    }
}

/// Cuts a stream of bytes into messages. Keeps at most one message and what came with its end.
public struct FrameReader: Sendable {
    public let network: PeerNetwork
    private var buffer: [UInt8] = []
    private var offset = 0
    private var fault: FrameFault?

    public init(network: PeerNetwork) { self.network = network }

    /// Bytes of a message that has not ended.
    public var held: Int { buffer.count - offset }

    /// Adds what has come. All messages must be taken with `next` before more is added.
    public mutating func receive(_ bytes: [UInt8]) {
        guard fault == nil else { return }
        if offset > 0 {
            buffer.removeFirst(offset)
            offset = 0
        }
        buffer += bytes
    }

    /// The next whole message; nil when more must come first. Once it has thrown, it throws the same for
    /// ever.
    public mutating func next() throws(FrameFault) -> Frame? {
        if let fault { throw fault }
        do throws(FrameFault) {
            return try cut()
        } catch {
            fault = error
            buffer = []
            offset = 0
            throw error
        }
    }

    private mutating func cut() throws(FrameFault) -> Frame? {
        guard held >= 4 else { return nil }
        // As soon as it can be known, since a peer on another network waits for us to go on.
        let magic = buffer[offset..<offset + 4]
        guard magic.elementsEqual(network.magic) else {
            if let other = PeerNetwork(magic: magic) { throw .otherNetwork(other) }
            throw .foreign(Array(magic))
        }
        guard held >= Frame.headerSize else { return nil }
        let command = try FrameReader.command(buffer[offset + 4..<offset + 16])
        let length = buffer[offset + 16..<offset + 20].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= Frame.maximumPayload else { throw .tooLong(command: command, length) }
        guard held >= Frame.headerSize + length else { return nil }
        let start = offset + Frame.headerSize
        let payload = Array(buffer[start..<start + length])
        guard Frame.checksum(of: payload) == buffer[offset + 20..<start] else {
            throw .badChecksum(command: command)
        }
        offset = start + length
        if offset == buffer.count {
            // A buffer that was grown for a large message is given back.
            buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 16)
            offset = 0
        }
        return Frame(command: command, payload: payload)
    }

    private static func command(_ bytes: ArraySlice<UInt8>) throws(FrameFault) -> String {
        let text = bytes.prefix { $0 != 0 }
        guard !text.isEmpty, text.allSatisfy({ (0x20...0x7e).contains($0) }),
            bytes.dropFirst(text.count).allSatisfy({ $0 == 0 })
        else { throw .badCommand(Array(bytes)) }
        return String(decoding: text, as: UTF8.self)
    }
}
