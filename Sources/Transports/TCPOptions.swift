import Glibc
import NIOCore

/// Options of every TCP connection, given and taken: small frames leave at once; a peer that is gone without a word
/// (power cut, pulled cable, forgotten by a router) is found within about a minute, and routers are reminded that the
/// connection lives.
enum TCPOptions {
    static let all: [(ChannelOptions.Types.SocketOption, Int)] = [
        (option(.tcp, TCP_NODELAY), 1),
        (option(.socket, SO_KEEPALIVE), 1),
        (option(.tcp, TCP_KEEPIDLE), 30),
        (option(.tcp, TCP_KEEPINTVL), 10),
        (option(.tcp, TCP_KEEPCNT), 3),
        // Milliseconds: for sent bytes that nobody confirms, and for a peer that takes nothing.
        (option(.tcp, TCP_USER_TIMEOUT), 60_000),
    ]

    private static func option(
        _ level: NIOBSDSocket.OptionLevel, _ name: CInt
    ) -> ChannelOptions.Types.SocketOption {
        .init(level: level, name: NIOBSDSocket.Option(rawValue: name))
    }
}
