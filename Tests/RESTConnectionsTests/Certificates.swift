import NIOSupport

/// Certificates made by the `openssl` command for one test run.
struct Certificates: Sendable {
    struct Identity: Sendable {
        let certificate: [UInt8]
        let key: [UInt8]
    }

    /// Each has signed itself: `here` is for `localhost` and 127.0.0.1, `elsewhere` for another name and address.
    let here: Identity
    let elsewhere: Identity

    /// Made once.
    static let shared = Result { try Certificates() }

    init() throws {
        let openssl = try OpenSSLFolder()
        func make(_ name: String, names: String) throws -> Identity {
            try openssl.run(
                ["req", "-x509"] + OpenSSLFolder.freshKey + [
                    "-days", "2", "-subj", "/CN=Test service", "-addext", "subjectAltName=\(names)",
                    "-keyout", "\(name).key", "-out", "\(name).pem",
                ])
            return Identity(
                certificate: try openssl.bytes("\(name).pem"), key: try openssl.bytes("\(name).key"))
        }
        here = try make("here", names: "DNS:localhost,IP:127.0.0.1")
        elsewhere = try make("elsewhere", names: "DNS:service.example,IP:192.0.2.1")
    }
}
