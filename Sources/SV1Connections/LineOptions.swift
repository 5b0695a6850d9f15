import SV1
public import Transports

/// Bounds and deadlines of a connection.
public struct LineOptions: Sendable {
    /// Bytes of a line that the peer may send.
    public var lineLimit: Int
    /// Bytes that may wait to be sent; one line more closes the connection. While half of it waits, nothing is read
    /// from the peer.
    public var queueBytes = 1 << 20
    public var queueLines = 256
    /// For name and TCP together.
    public var connectTimeout = Duration.seconds(5)
    /// From the open socket to the end of the TLS handshake.
    public var tlsTimeout = Duration.seconds(10)
    /// From the start on; units are lines. `first` is for a server only: clients open the talk.
    public var patience = LinkPatience()

    public init(lineLimit: Int) {
        self.lineLimit = lineLimit
        patience.first = .seconds(30)
        patience.silence = .seconds(1_800)
    }

    /// A miner's connection to its pool.
    public static var toPool: LineOptions { LineOptions(lineLimit: LineSplitter.fromPool) }

    /// A pool's connection with a miner.
    public static var toMiner: LineOptions {
        var options = LineOptions(lineLimit: LineSplitter.fromMiner)
        // Jobs are a few kilobytes; a miner that leaves a hundred of them unread is gone.
        options.queueBytes = 256 << 10
        return options
    }
}

/// How a client's connection is protected.
public enum LineSecurity: Hashable, Sendable {
    case plain
    case tls(TLSTrust)
}

/// What a server shows: certificates and their key in PEM form, the server's own certificate first.
public struct TLSServerIdentity: Hashable, Sendable {
    public var certificatesPEM: [UInt8]
    public var keyPEM: [UInt8]

    public init(certificatesPEM: [UInt8], keyPEM: [UInt8]) {
        self.certificatesPEM = certificatesPEM
        self.keyPEM = keyPEM
    }
}
