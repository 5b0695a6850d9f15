public import SV2Noise
public import Transports

/// Bounds and deadlines of a connection, for its owner to choose by role (`SV2LinkOptions+Roles.swift`).
public struct SV2LinkOptions: Sendable {
    /// Payload bytes that the peer may send, by message type.
    public var payloadLimits: PayloadLimits
    /// Bytes, encrypted, that may wait to be sent; one frame more closes the connection. While half of it waits,
    /// nothing is read from the peer. Source: sv2-notes §15.
    public var queueBytes = 1 << 20
    /// Messages that may wait to be sent.
    public var queueMessages = 256
    /// For name and TCP together.
    public var connectTimeout = Duration.seconds(5)
    /// From the open socket to the end of the handshake.
    public var handshakeTimeout = Duration.seconds(10)
    /// Behind the handshake. `first` is for a server only: clients open the talk.
    public var patience: LinkPatience

    public init(payloadLimits: PayloadLimits) {
        self.payloadLimits = payloadLimits
        patience = LinkPatience()
        patience.first = .seconds(10)
    }
}
