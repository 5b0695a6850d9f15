import Foundation
import SV1Connections

/// Certificates made by the `openssl` command for one test run, in a folder that is removed with it.
struct Certificates {
    /// The authority's, as a client's root.
    let root: [UInt8]
    let server: TLSServerIdentity
    let expired: TLSServerIdentity
    /// For `pool.example` and 192.0.2.1.
    let elsewhere: TLSServerIdentity

    struct Failure: Error { let text: String }

    /// Made once.
    static let shared = Result { try Certificates() }

    /// - The server's certificate is for `localhost` and 127.0.0.1.
    init() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "sv1-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func openssl(_ arguments: [String]) throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = ["openssl"] + arguments
            process.currentDirectoryURL = folder
            let output = Pipe()
            process.standardError = output
            process.standardOutput = output
            try process.run()
            let text = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            guard process.terminationStatus == 0 else {
                throw Failure(text: String(decoding: text, as: UTF8.self))
            }
        }
        func bytes(_ name: String) throws -> [UInt8] {
            [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
        }
        let fresh = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try openssl(
            fresh + [
                "-x509", "-days", "2", "-subj", "/CN=Test authority", "-keyout", "ca.key", "-out", "ca.pem",
            ])
        func issue(_ name: String, names: String, days: Int) throws -> TLSServerIdentity {
            try Data("subjectAltName=\(names)".utf8).write(to: folder.appendingPathComponent("names"))
            try openssl(fresh + ["-subj", "/CN=pool", "-keyout", "\(name).key", "-out", "\(name).csr"])
            try openssl(
                [
                    "x509", "-req", "-in", "\(name).csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                    "-CAcreateserial",
                ]
                    + ["-extfile", "names", "-out", "\(name).pem", "-days", "\(days)"])
            return TLSServerIdentity(
                certificatesPEM: try bytes("\(name).pem"), keyPEM: try bytes("\(name).key"))
        }
        let here = "DNS:localhost,IP:127.0.0.1"
        server = try issue("server", names: here, days: 1)
        expired = try issue("expired", names: here, days: -1)  // ended yesterday
        elsewhere = try issue("elsewhere", names: "DNS:pool.example,IP:192.0.2.1", days: 1)
        root = try bytes("ca.pem")
    }
}
