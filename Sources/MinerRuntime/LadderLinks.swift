import BaseTemplates
import NIOCore
import Negotiation
import SV1Connections
import SV2Codec
import SV2Connections
import SV2Messages
import SV2Noise
import Transports

/// Where the two links of a Stratum V2 pool lead.
struct PoolAddress: Sendable {
    var host: String
    var miningPort: Int
    var declarationPort: Int
    var authority: AuthorityPublicKey
}

/// What a rung's links lead to.
enum RungEndpoint: Sendable {
    case pool(PoolAddress)
    /// Host and port come with each wish; what TLS is made with, where it is wanted.
    case lines(TLSTrust)
    /// A rung that talks to nobody.
    case none
}

/// The connections of all rungs, each to its pool: frames and lines in, events for the ladder out.
///
/// Sendable by confinement: everything happens on `loop`.
final class LadderLinks: @unchecked Sendable {
    private struct Place: Hashable {
        let rung: RungIndex
        let link: Link
    }

    private enum Connection {
        case frames(SV2Connection)
        case lines(LineConnection)

        func close() {
            switch self {
            case .frames(let connection): connection.close()
            case .lines(let connection): connection.close()
            }
        }
    }

    private let loop: any EventLoop
    private let endpoints: [RungEndpoint]
    private let deliver: (RungIndex, UpstreamEvent) -> Void
    private let trouble: (String) -> Void
    private var connections: [Place: Connection] = [:]
    /// Counts attempts, so that what is left of an abandoned one is told from the present one.
    private var attempts: [Place: UInt64] = [:]

    /// - Parameters:
    ///   - endpoints: of each rung.
    ///   - deliver: called on `loop`, never from within `carryOut`.
    ///   - trouble: a sentence about something that is lived with.
    init(
        _ endpoints: [RungEndpoint], on loop: any EventLoop,
        deliver: @escaping (RungIndex, UpstreamEvent) -> Void, trouble: @escaping (String) -> Void
    ) {
        self.endpoints = endpoints
        self.loop = loop
        self.deliver = deliver
        self.trouble = trouble
    }

    /// What `LadderAction.upstream` asks for.
    func carryOut(_ action: UpstreamAction, of rung: RungIndex) {
        loop.preconditionInEventLoop()
        switch action {
        case .connect(let link): connect(Place(rung: rung, link: link))
        case .connectLine(let host, let port, let tls):
            connectLine(Place(rung: rung, link: .mining), host, port, tls: tls)
        case .disconnect(let link): disconnect(Place(rung: rung, link: link))
        case .send(let message): send(message, at: Place(rung: rung, link: message.link))
        case .coinbaseConstraints, .activate, .acknowledged, .refused, .shareSettled, .block,
            .blockWithoutTransactions, .audited, .upstreamFailed, .notice, .wake:
            preconditionFailure("the ladder keeps these for itself")
        }
    }

    func closeAll() {
        for connection in connections.values { connection.close() }
        connections = [:]
        for place in attempts.keys { attempts[place, default: 0] += 1 }
    }

    // MARK: connecting

    private func begin(_ place: Place) -> UInt64 {
        let attempt = attempts[place, default: 0] + 1
        attempts[place] = attempt
        return attempt
    }

    private func connect(_ place: Place) {
        let attempt = begin(place)
        guard case .pool(let pool) = endpoints[place.rung.number] else {
            preconditionFailure("a rung with a pool has its address")
        }
        let (port, options): (Int, SV2LinkOptions) =
            switch place.link {
            case .mining: (pool.miningPort, .miningClient)
            case .jobDeclaration: (pool.declarationPort, .declarationClient)
            }
        SV2Connection.connect(
            to: pool.host, port: port, authority: pool.authority, on: loop, options: options
        )
        .whenComplete { result in
            switch result {
            case .success(let connection): self.connected(connection, place, attempt)
            case .failure(let error): self.failed(place, attempt, "\(error)")
            }
        }
    }

    private func connectLine(_ place: Place, _ host: String, _ port: Int, tls: Bool) {
        let attempt = begin(place)
        guard case .lines(let trust) = endpoints[place.rung.number] else {
            preconditionFailure("a rung of Stratum V1 has settings for it")
        }
        LineConnection.connect(
            to: host, port: port, security: tls ? .tls(trust) : .plain, on: loop, options: .toPool
        ).whenComplete { result in
            switch result {
            case .success(let connection): self.connected(connection, place, attempt)
            case .failure(let error): self.failed(place, attempt, "\(error)")
            }
        }
    }

    private func failed(_ place: Place, _ attempt: UInt64, _ reason: String) {
        guard attempts[place] == attempt else { return }
        deliver(place.rung, .failed(place.link, reason))
    }

    private func connected(_ connection: SV2Connection, _ place: Place, _ attempt: UInt64) {
        guard attempts[place] == attempt else {
            connection.start(onFrame: { _, _ in }, onClosed: { _ in })
            connection.close()
            return
        }
        connections[place] = .frames(connection)
        connection.start(
            onFrame: { header, payload in
                guard self.attempts[place] == attempt else { return }
                self.received(header, payload, at: place)
            }, onClosed: { self.closed(place, attempt, "\($0)") })
        deliver(place.rung, .connected(place.link))
    }

    private func connected(_ connection: LineConnection, _ place: Place, _ attempt: UInt64) {
        guard attempts[place] == attempt else {
            connection.start(onLine: { _ in }, onClosed: { _ in })
            connection.close()
            return
        }
        connections[place] = .lines(connection)
        connection.start(
            onLine: { line in
                guard self.attempts[place] == attempt else { return }
                self.deliver(place.rung, .received(.line(line)))
            }, onClosed: { self.closed(place, attempt, "\($0)") })
        deliver(place.rung, .connected(place.link))
    }

    private func closed(_ place: Place, _ attempt: UInt64, _ reason: String) {
        guard attempts[place] == attempt else { return }
        connections[place] = nil
        deliver(place.rung, .closed(place.link, reason))
    }

    private func disconnect(_ place: Place) {
        attempts[place, default: 0] += 1
        connections.removeValue(forKey: place)?.close()
    }

    // MARK: messages

    private func received(_ header: FrameHeader, _ payload: [UInt8], at place: Place) {
        do throws(CodecError) {
            switch place.link {
            case .mining:
                guard case .message(let message, _) = try MiningMessage.read(header, payload) else { return }
                deliver(place.rung, .received(.mining(message)))
            case .jobDeclaration:
                if BaseTemplateMessage.owns(header) {
                    return deliver(place.rung, .received(.baseTemplate(header, payload)))
                }
                guard case .message(let message, _) = try JobDeclarationMessage.read(header, payload) else {
                    return
                }
                deliver(place.rung, .received(.jobDeclaration(message)))
            }
        } catch {
            disconnect(place)
            deliver(
                place.rung,
                .closed(place.link, "the pool sent a message that does not decode: \(error)"))
        }
    }

    private func send(_ message: UpstreamMessage, at place: Place) {
        switch (message, connections[place]) {
        case (.line(let bytes), .lines(let connection)?): connection.send(bytes)
        case (.mining(let message), .frames(let connection)?): send(message, on: connection)
        case (.jobDeclaration(let message), .frames(let connection)?): send(message, on: connection)
        case (.baseTemplate(let header, let payload), .frames(let connection)?):
            let front = header.wireBytes
            connection.send(front.indices.map { front[$0] } + payload)
        case (_, nil): break  // it has gone, and says so next
        case (.line, .frames), (.mining, .lines), (.jobDeclaration, .lines), (.baseTemplate, .lines):
            preconditionFailure("a rung has connections of one kind")
        }
    }

    private func send(_ message: some LinkMessage, on connection: SV2Connection) {
        do throws(CodecError) {
            connection.send(try message.frame())
        } catch {
            trouble("a message for the pool does not fit its own format, and was not sent: \(error)")
        }
    }
}
