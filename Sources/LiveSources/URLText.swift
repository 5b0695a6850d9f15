/// The parts of a URL behind its scheme: `[user[:password]@]host[:port][/path][?query]`. Source: RFC 3986.
struct URLText {
    var user: String?
    var password: String?
    /// Without brackets.
    var host: String
    var port: Int?
    /// With the slash that it begins with, without one at its end; empty for none.
    var path: String
    var query: String?

    init(_ rest: String) throws(SourceAddressFault.Reason) {
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        var authority = String(rest[..<end])
        var tail = String(rest[end...])
        if let mark = tail.firstIndex(of: "#") { tail = String(tail[..<mark]) }
        if let at = authority.lastIndex(of: "@") {
            if let (name, secret) = split(authority[..<at], at: ":") {
                user = try URLText.decoded(name)
                password = try URLText.decoded(secret)
            } else {
                user = try URLText.decoded(String(authority[..<at]))
            }
            authority = String(authority[authority.index(after: at)...])
        }
        do throws(SourceAddressFault.Reason) {
            (host, port) = try URLText.place(authority)
        } catch {
            // user:pass/word@host: the host seems to be "user", and "pass" its port.
            if rest[end...].contains("@") { throw .unescapedCredentials }
            throw error
        }
        path = tail
        if let (way, question) = split(tail, at: "?") { (path, query) = (way, question) }
        while path.hasSuffix("/") { path.removeLast() }
        // user:12345/word@host.
        if user == nil, path.contains("@") { throw .unescapedCredentials }
    }

    /// The file of a query `cookie=PATH`, the only one there is.
    func cookie() throws(SourceAddressFault.Reason) -> String? {
        guard let query else { return nil }
        guard let (name, value) = split(query, at: "="), name == "cookie" else { throw .unknownQuery }
        guard !value.isEmpty else { throw .emptyCookie }
        return try URLText.decoded(value)
    }

    private static func place(_ text: String) throws(SourceAddressFault.Reason) -> (String, Int?) {
        let name: String
        var rest = ""
        if text.hasPrefix("[") {
            guard let (inner, behind) = split(text.dropFirst(), at: "]"), inner.contains(":"),
                inner.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." || $0 == "%" })
            else { throw .badHost }
            (name, rest) = (inner, behind)
        } else {
            let colon = text.firstIndex(of: ":") ?? text.endIndex
            name = String(text[..<colon])
            rest = String(text[colon...])
            guard !name.isEmpty else { throw .hostMissing }
            guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-._".contains($0)) }),
                name.utf8.count <= 253
            else { throw .badHost }
        }
        guard !rest.isEmpty else { return (name, nil) }
        guard rest.first == ":", rest.dropFirst().allSatisfy({ $0.isASCII && $0.isNumber }),
            let port = Int(rest.dropFirst()), (1...65_535).contains(port)
        else { throw .badPort }
        return (name, port)
    }

    /// With `%41` and the like replaced by what they stand for.
    static func decoded(_ text: String) throws(SourceAddressFault.Reason) -> String {
        var bytes = [UInt8]()
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
                value != 0
            else { throw .badEscape }
            rest = rest.dropFirst(2)
            bytes.append(value)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw .badEscape }
        return decoded
    }
}
