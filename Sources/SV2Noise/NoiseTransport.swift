/// Why the encrypted stream of a connection has ended. None of these can be repaired: close.
public enum TransportError: Error, Equatable, Sendable {
    /// A block that the other side did not encrypt, or not at this place in the stream.
    case notAuthentic
    /// The peer announces more payload than this connection allows for that message. Nothing was buffered.
    case payloadAboveLimit(msgType: UInt8, length: Int, limit: Int)
    /// 2^64 - 1 blocks went one way.
    case noncesUsedUp
    /// An error was thrown before, and bytes still came.
    case endedBefore
}

/// How much payload a connection takes, by message type: the protocol's own limit of 16 MiB is far above what
/// most of them need.
public struct PayloadLimits: Hashable, Sendable {
    /// The most a header can announce.
    public static let greatest = 0xFF_FFFF

    private let usual: Int
    private let exceptions: [UInt8: Int]

    /// - Parameters:
    ///   - usual: payload bytes in plaintext for every message type that is not in `exceptions`.
    ///   - exceptions: by msg_type.
    public init(_ usual: Int, exceptions: [UInt8: Int] = [:]) {
        self.usual = usual
        self.exceptions = exceptions
    }

    public func limit(for msgType: UInt8) -> Int { exceptions[msgType] ?? usual }
}

/// An encrypted connection after its handshake: one half for each direction. Cannot be copied, because a
/// nonce must not be used twice; its halves may be moved out and live apart.
@frozen
public struct NoiseTransport: ~Copyable, Sendable {
    public var sending: FrameEncryptor
    public var receiving: FrameDecryptor

    init(sending: consuming CipherState, receiving: consuming CipherState, limits: PayloadLimits) {
        self.sending = FrameEncryptor(cipher: sending)
        self.receiving = FrameDecryptor(cipher: receiving, limits: limits)
    }
}

/// Numbers of the encrypted stream. Source: SV2 section 4.6.
enum NoiseFraming {
    static let headerByteCount = 6
    static let encryptedHeaderByteCount = headerByteCount + CipherState.tagByteCount
    /// Plaintext in a block: 65,535 less the tag. A payload that is a multiple of it has no empty last block.
    static let chunkByteCount = 65_519

    /// The payload length that a header announces: its last three bytes, little-endian.
    static func payloadLength(_ header: ArraySlice<UInt8>) -> Int {
        header.dropFirst(3).prefix(3).reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    /// Encrypted bytes of a payload, without its header.
    static func encryptedByteCount(ofPayload count: Int) -> Int {
        count + (count + chunkByteCount - 1) / chunkByteCount * CipherState.tagByteCount
    }
}

/// The sending half.
public struct FrameEncryptor: ~Copyable, Sendable {
    private var cipher: CipherState

    init(cipher: consuming CipherState) { self.cipher = cipher }

    /// Encrypts a frame into one buffer, to be written at once and in the order of the calls.
    ///
    /// - Parameter frame: six bytes of header and the payload whose length they give. Traps otherwise: the
    ///   frame is ours.
    public mutating func encrypt(_ frame: [UInt8]) throws(TransportError) -> [UInt8] {
        let header = frame.prefix(NoiseFraming.headerByteCount)
        let payload = frame.dropFirst(NoiseFraming.headerByteCount)
        precondition(header.count == NoiseFraming.headerByteCount, "a frame begins with six bytes of header")
        precondition(NoiseFraming.payloadLength(header) == payload.count, "the header announces the payload")

        var output = [UInt8]()
        output.reserveCapacity(
            NoiseFraming.encryptedHeaderByteCount + NoiseFraming.encryptedByteCount(ofPayload: payload.count))
        try cipher.encrypt(header, appendingTo: &output)
        var start = payload.startIndex
        while start < payload.endIndex {
            let end = min(start + NoiseFraming.chunkByteCount, payload.endIndex)
            try cipher.encrypt(payload[start..<end], appendingTo: &output)
            start = end
        }
        return output
    }
}
