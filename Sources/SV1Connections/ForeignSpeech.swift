/// What a peer speaks that does not speak lines of JSON, told by its first bytes.
public enum ForeignSpeech: Hashable, Sendable {
    case http, tls
    /// A Stratum V2 server of ours, which says so (`ForeignProtocol.farewell`).
    case stratumV2
    /// Bytes that are no text. A server that answers so was handed our first line as a handshake: Stratum V2.
    case binary
    /// Lines of text that are neither HTTP nor JSON.
    case text

    /// Nil when it may still be JSON. Stratum V1 lines are objects, so behind white space there is a brace;
    /// 64 bytes of text settle it.
    init?(firstBytes bytes: [UInt8]) {
        let head = bytes.prefix(64)
        func begins(with text: String) -> Bool { head.starts(with: text.utf8) }

        if head.count >= 3, [0x14, 0x15, 0x16].contains(head[0]), head[1] == 0x03, head[2] <= 0x04 {
            self = .tls  // the head of a record
        } else if head.count < 3, head.first.map({ [0x15, 0x16].contains($0) }) == true {
            return nil  // perhaps one
        } else if ["HTTP/", "GET ", "POST ", "HEAD ", "PUT ", "OPTIONS "].contains(where: begins) {
            self = .http
        } else if begins(with: "{\"id\":null,\"result\":null,\"error\":[20,\"Stratum V2 port") {
            self = .stratumV2
        } else if head.contains(where: { $0 < 0x20 && !(0x09...0x0D).contains($0) || $0 == 0x7F }) {
            self = .binary
        } else if let first = head.first(where: { !(0x09...0x0D).contains($0) && $0 != 0x20 }) {
            if first == UInt8(ascii: "{") { return nil }
            // Text or not is known once there is some of it.
            guard head.count >= 8 || head.contains(0x0A) else { return nil }
            self = first < 0x80 ? .text : .binary
        } else {
            return nil
        }
    }
}

extension ForeignSpeech: CustomStringConvertible {
    /// The cause, and the fix.
    public var description: String {
        switch self {
        case .http: "the peer speaks HTTP, not Stratum V1; is the port the one the pool publishes?"
        case .tls:
            "the peer speaks TLS: this is the port for stratum+ssl://, not for stratum+tcp://"
        case .stratumV2:
            "this is a port of Stratum V2, whose address is stratum2+tcp://host:port/KEY, with the key that the pool "
                + "publishes"
        case .binary:
            "the peer speaks no lines of text: it may speak Stratum V2, whose address is "
                + "stratum2+tcp://host:port/KEY"
        case .text: "the peer speaks lines of text, but no JSON; is the port the one the pool publishes?"
        }
    }
}

extension ForeignSpeech {
    /// What a client of that protocol is told before it is turned away, in words that it can show; nil where there are
    /// none.
    var farewell: [UInt8]? {
        switch self {
        case .http:
            let text = "This is the port of a Stratum V1 server, not of a web site.\n"
            return Array(
                ("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
                    + "Content-Length: \(text.utf8.count)\r\n\r\n" + text).utf8)
        case .binary:
            // For a client of Stratum V2, which takes JSON for what it is.
            let text = "Stratum V1 port; its address is stratum+tcp://host:port"
            return Array("{\"id\":null,\"result\":null,\"error\":[20,\"\(text)\",null]}\n".utf8)
        case .tls, .stratumV2, .text: return nil
        }
    }
}
