import NIOSupport
import SV1Connections

/// Certificates made by the `openssl` command for one test run.
struct Certificates {
    /// The authority's, as a client's root.
    let root: [UInt8]
    let server: TLSServerIdentity
    let expired: TLSServerIdentity
    /// For `pool.example` and 192.0.2.1.
    let elsewhere: TLSServerIdentity

    /// Made once.
    static let shared = Result { try Certificates() }

    /// - The server's certificate is for `localhost` and 127.0.0.1.
    init() throws {
        let openssl = try OpenSSLFolder()
        let fresh = ["req"] + OpenSSLFolder.freshKey
        try openssl.run(
            fresh + [
                "-x509", "-days", "2", "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem",
            ])
        func issue(_ name: String, names: String, days: Int) throws -> TLSServerIdentity {
            try openssl.write("subjectAltName=\(names)", to: "names")
            try openssl.run(fresh + ["-subj", "/CN=pool", "-keyout", "\(name).key", "-out", "\(name).csr"])
            try openssl.run([
                "x509", "-req", "-in", "\(name).csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-extfile", "names", "-out", "\(name).pem", "-days", "\(days)",
            ])
            return TLSServerIdentity(
                certificatesPEM: try openssl.bytes("\(name).pem"), keyPEM: try openssl.bytes("\(name).key"))
        }
        let here = "DNS:localhost,IP:127.0.0.1"
        server = try issue("server", names: here, days: 1)
        expired = try issue("expired", names: here, days: -1)  // ended yesterday
        elsewhere = try issue("elsewhere", names: "DNS:pool.example,IP:192.0.2.1", days: 1)
        root = try openssl.bytes("ca.pem")
    }
}
