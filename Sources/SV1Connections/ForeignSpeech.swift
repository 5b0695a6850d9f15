/// What a peer speaks that does not speak lines of JSON, told by its first bytes.
public enum ForeignSpeech: Hashable, Sendable {
    case http, tls
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
        case .binary:
            "the peer speaks no lines of text: it may speak Stratum V2, whose address is "
                + "stratum2+tcp://host:port/KEY"
        case .text: "the peer speaks lines of text, but no JSON; is the port the one the pool publishes?"
        }
    }
}
