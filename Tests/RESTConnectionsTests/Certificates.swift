import Foundation

/// Certificates made by the `openssl` command for one test run, in a folder that is removed with it.
struct Certificates: Sendable {
    struct Identity: Sendable {
        let certificate: [UInt8]
        let key: [UInt8]
    }

    struct Failure: Error { let text: String }

    /// Each has signed itself: `here` is for `localhost` and 127.0.0.1, `elsewhere` for another name and address.
    let here: Identity
    let elsewhere: Identity

    /// Made once.
    static let shared = Result { try Certificates() }

    init() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "rest-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func make(_ name: String, names: String) throws -> Identity {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days", "2", "-subj", "/CN=Test service", "-addext", "subjectAltName=\(names)", "-keyout",
                "\(name).key", "-out", "\(name).pem",
            ]
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
            func bytes(_ file: String) throws -> [UInt8] {
                [UInt8](try Data(contentsOf: folder.appendingPathComponent(file)))
            }
            return Identity(certificate: try bytes("\(name).pem"), key: try bytes("\(name).key"))
        }
        here = try make("here", names: "DNS:localhost,IP:127.0.0.1")
        elsewhere = try make("elsewhere", names: "DNS:service.example,IP:192.0.2.1")
    }
}
