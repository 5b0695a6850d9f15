import BitcoinPrimitives
import NIOCore
import SV1
import SV2Codec
import SV2Connections
import SV2Messages
import SV2Noise
import SV2Roles
import Transports
import Units

/// A visit over Stratum V2. Sendable by confinement to its loop.
///
/// It asks for jobs of the pool's own first. A pool that has none and wants its miners to bring theirs refuses that;
/// then it comes again as such a miner, and an open channel is all there is to see.
final class SV2Visit: @unchecked Sendable {
    private let check: PoolCheck
    private let authority: AuthorityPublicKey
    private let loop: any EventLoop
    private var log: VisitLog
    private var client: MiningClient
    private var connection: SV2Connection?
    private var timer: Scheduled<Void>?
    /// Counts connections, so that nothing is heard of an earlier one.
    private var attempt = 0

    init(_ check: PoolCheck, authority: AuthorityPublicKey, on loop: any EventLoop) {
        self.check = check
        self.authority = authority
        self.loop = loop
        log = VisitLog(check, on: loop)
        client = Self.client(check, .pool)
    }

    func begin() -> EventLoopFuture<PoolCheckReport> {
        log.end(
            by: loop.scheduleTask(in: TimeAmount(check.timeout)) {
                self.leave(problem: "\(self.log.awaited) did not come within \(self.check.timeout)")
            })
        connect()
        return log.future
    }

    private static func client(_ check: PoolCheck, _ work: MiningClient.Work) -> MiningClient {
        let identity = ClientIdentity(
            endpointHost: WireText(check.url.host), endpointPort: UInt16(clamping: check.url.port),
            vendor: "Adit", hardwareVersion: "", firmware: "")
        var configuration = MiningClient.Configuration(
            identity: identity, userIdentity: WireText(check.user),
            nominalHashRate: HashRate(hashesPerSecond: 1e12), minimumExtranonceSize: 4)
        configuration.work = work
        return MiningClient(configuration)
    }

    private func connect() {
        attempt += 1
        let attempt = attempt
        SV2Connection.connect(
            to: check.url.host, port: check.url.port, authority: authority, on: loop,
            options: .miningClient
        ).whenComplete { result in
            guard self.attempt == attempt else {
                if case .success(let connection) = result { connection.close() }
                return
            }
            switch result {
            case .success(let connection): self.connected(connection, attempt)
            case .failure(let error): self.leave(problem: "\(error)")
            }
        }
    }

    private func connected(_ connection: SV2Connection, _ attempt: Int) {
        self.connection = connection
        if attempt == 1 {
            log.note(
                .connected,
                "connected to \(connection.peer), encrypted; its certificate is signed by the expected authority"
            )
        }
        connection.start(
            onFrame: { header, payload in
                if self.attempt == attempt { self.received(header, payload) }
            },
            onClosed: { closure in
                if self.attempt == attempt { self.leave(problem: "\(closure)") }
            })
        carryOut(client.handle(.connected, at: .now))
    }

    private func received(_ header: FrameHeader, _ payload: [UInt8]) {
        do throws(CodecError) {
            guard case .message(let message, _) = try MiningMessage.read(header, payload) else { return }
            if case .common(.setupConnectionSuccess(let success)) = message { welcomed(success.flags) }
            carryOut(client.handle(.received(message), at: .now))
        } catch {
            leave(problem: "the pool sent a message that does not decode: \(error)")
        }
    }

    private func welcomed(_ flags: UInt32) {
        let bits = flags & SetupFlags.MiningSuccess.requiresFixedVersion != 0 ? "are fixed" : "may be rolled"
        let work =
            client.configuration.work == .composed
            ? "the pool has no jobs of its own for us; miners bring theirs (job declaration)"
            : "the pool makes the jobs"
        log.note(.welcomed, "set up for mining; version bits \(bits); \(work)")
    }

    private func carryOut(_ actions: [MiningClient.Action]) {
        for action in actions {
            switch action {
            case .send(let message):
                // Our own messages fit their own fields.
                if let frame = try? message.frame() { connection?.send(frame) }
            case .channelOpened(let channel): opened(channel)
            case .job(let job):
                let height = PoolCheckText.height(of: job).map { ", height \($0)" } ?? ""
                log.note(.job, "job \(job.jobId) on \(job.previousBlock.displayHex)\(height)")
                leave(problem: nil)
            case .failed(let fault): failed(fault)
            case .wake(let instant):
                timer?.cancel()
                let attempt = attempt
                timer = loop.scheduleTask(deadline: instant.deadline) {
                    if self.attempt == attempt { self.carryOut(self.client.handle(.woke, at: .now)) }
                }
            case .reconnectAsked(let host, let port):
                leave(problem: "the pool sends its miners on to \(host) port \(port); check that address")
            case .reconnectRefused(_, let host, let port):
                leave(
                    problem: "the pool would send us to \(host) port \(port), where a miner does not follow")
            case .sendShare, .channelRefused, .channelChanged, .channelClosed, .customJobAccepted,
                .customJobRefused, .shareAccepted, .shareRejected, .shareUnanswered, .hashRateRefused,
                .ignored:
                continue  // nothing that a visitor has asked for, or that ends the visit
            }
        }
    }

    private func opened(_ channel: ClientChannel) {
        log.note(
            .channel,
            "channel \(channel.channelId): \(channel.extranoncePrefix.count) bytes of extranonce are the pool's, "
                + "\(channel.extranonceSize) ours; shares from difficulty "
                + "\(PoolCheckText.short(channel.target.difficulty)) on, for a miner of 1 TH/s")
        if client.configuration.work == .composed { leave(problem: nil) }
    }

    private func failed(_ fault: MiningClientFault) {
        if case .setupRefused = fault, client.configuration.work == .pool {
            client = Self.client(check, .composed)
            attempt += 1
            connection?.close()
            return connect()
        }
        leave(problem: PoolCheckText.sentence(fault, user: check.user))
    }

    private func leave(problem: String?) {
        attempt += 1
        timer?.cancel()
        connection?.close()
        connection = nil
        log.finish(problem: problem)
    }
}
