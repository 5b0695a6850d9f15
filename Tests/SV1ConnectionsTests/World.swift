import NIOCore
import NIOSupport
import Transports

@testable import SV1Connections

/// What one end of a connection has seen.
final class End: Sendable {
    let connection: LineConnection
    let lines = Recorder<String>()
    let closures = Recorder<LineClosure>()

    init(_ connection: LineConnection) { self.connection = connection }

    /// To be called on the loop.
    func start() {
        connection.start(
            onLine: { self.lines.append(String(decoding: $0, as: UTF8.self)) }, onClosed: closures.append)
    }

    func send(_ text: String) async throws {
        try await connection.loop.submit { self.connection.send(Array(text.utf8)) }.get()
    }

    func closure() async throws -> LineClosure {
        try await eventually { !self.closures.all.isEmpty }
        return closures.all[0]
    }
}

/// A listener, and what has come to it.
final class Server: Sendable {
    let ends = Recorder<End>()
    let refusals = Recorder<LineClosure>()
    private let listeners = Recorder<LineListener>()
    var listener: LineListener { listeners.all[0] }
    var port: Int { listener.port }

    static func open(
        on loop: any EventLoop, options: LineOptions = .toMiner,
        limits: AdmissionLimits = LineListener.usualLimits,
        identity: TLSServerIdentity? = nil, starting: Bool = true
    ) async throws -> Server {
        let server = Server()
        let listener = try await LineListener.bind(
            host: "127.0.0.1", port: 0, identity: identity, on: loop, options: options, limits: limits,
            onConnection: { connection in
                let end = End(connection)
                if starting { end.start() }
                server.ends.append(end)
            },
            onRefusal: { server.refusals.append($1) }
        ).get()
        server.listeners.append(listener)
        return server
    }

    func end() async throws -> End {
        try await eventually { !self.ends.all.isEmpty }
        return ends.all[0]
    }

    func connect(
        host: String = "127.0.0.1", security: LineSecurity = .plain, options: LineOptions = .toPool
    ) async throws -> End {
        try await Server.connect(
            to: port, host: host, on: listener.loop, security: security, options: options)
    }

    static func connect(
        to port: Int, host: String = "127.0.0.1", on loop: any EventLoop, security: LineSecurity = .plain,
        options: LineOptions = .toPool
    ) async throws -> End {
        try await LineConnection.connect(to: host, port: port, security: security, on: loop, options: options)
            .map { connection in
                let end = End(connection)
                end.start()
                return end
            }.get()
    }
}

/// Why connecting failed; nil when it did not.
func failure(_ connect: () async throws -> End) async throws -> LineClosure? {
    do {
        _ = try await connect()
        return nil
    } catch let closure as LineClosure {
        return closure
    }
}
