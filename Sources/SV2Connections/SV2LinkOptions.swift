public import SV2Noise

/// Bounds and deadlines of a connection, for its owner to choose by sub-protocol (sv2-notes.md §15).
public struct SV2LinkOptions: Sendable {
    /// Payload bytes that the peer may send, by message type.
    public var payloadLimits: PayloadLimits
    /// Bytes, encrypted, that may wait to be sent; one frame more closes the connection.
    public var queueBytes = 1 << 20
    /// Messages that may wait to be sent.
    public var queueMessages = 256
    /// For name and TCP together.
    public var connectTimeout = Duration.seconds(5)
    /// From the open socket to the end of the handshake.
    public var handshakeTimeout = Duration.seconds(10)

    public init(payloadLimits: PayloadLimits) { self.payloadLimits = payloadLimits }

    /// A job declaration link, either side: a message may carry every transaction of a block.
    public static var jobDeclaration: SV2LinkOptions {
        var options = SV2LinkOptions(payloadLimits: PayloadLimits(PayloadLimits.greatest))
        options.queueBytes = 32 << 20
        return options
    }
}
