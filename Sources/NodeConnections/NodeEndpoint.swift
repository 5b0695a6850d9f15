import Glibc
public import NodeRPC

/// Where a node is asked, and as whom.
public struct NodeEndpoint: Hashable, Sendable {
    public enum Credentials: Hashable, Sendable {
        case password(user: String, password: String)
        /// The file that a node writes anew at each start, `.cookie` in its data folder.
        case cookie(path: String)
    }

    /// A name or an address.
    public var host: String
    public var port: Int
    public var credentials: Credentials
    /// Where it publishes, when it is to be asked elsewhere than it says itself; `nil` takes its word.
    public var publishers: [ZMQNotification]?

    public init(host: String, port: Int, credentials: Credentials, publishers: [ZMQNotification]? = nil) {
        self.host = host
        self.port = port
        self.credentials = credentials
        self.publishers = publishers
    }

    /// Without credentials: for people.
    public var place: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension NodeEndpoint.Credentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Without the password, which has no place in a log.
    public var description: String {
        switch self {
        case .password(let user, _): "user \(user)"
        case .cookie(let path): "cookie \(path)"
        }
    }

    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension NodeEndpoint.Credentials {
    /// Most bytes that a cookie file may have; nodes write 75.
    static let maximumCookie = 1_024

    /// The value of the header field `Authorization`. A cookie is read from its file each time.
    func authorization() throws(CredentialFault) -> String {
        switch self {
        case .password(let user, let password):
            return "Basic " + base64(Array("\(user):\(password)".utf8))
        case .cookie(let path):
            var cookie = try NodeEndpoint.Credentials.contents(of: path)
            while let last = cookie.last, last == 0x0a || last == 0x0d || last == 0x20 { cookie.removeLast() }
            guard cookie.contains(UInt8(ascii: ":")), cookie.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
                throw CredentialFault(failure: .cookieMalformed(path: path))
            }
            return "Basic " + base64(cookie)
        }
    }

    /// A file this small is read on the event loop: it takes some microseconds, once for each start of the node.
    private static func contents(of path: String) throws(CredentialFault) -> [UInt8] {
        // A pipe in the file's place must not hold up the loop.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw CredentialFault(failure: .cookieUnreadable(path: path, errno: errno))
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: maximumCookie + 1)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw CredentialFault(failure: .cookieUnreadable(path: path, errno: errno)) }
        guard count <= maximumCookie else { throw CredentialFault(failure: .cookieMalformed(path: path)) }
        return Array(bytes.prefix(count))
    }
}

struct CredentialFault: Error { var failure: CallFailure }

/// RFC 4648, with padding.
func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text = [UInt8]()
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        let number = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
        for index in 0...3 {
            text.append(index <= group.count ? digits[number >> (18 - 6 * index) & 63] : UInt8(ascii: "="))
        }
    }
    return String(decoding: text, as: UTF8.self)
}
