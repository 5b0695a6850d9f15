import BitcoinPrimitives
import NIOCore
import SV1
import SV1Connections
import Transports
import Units

/// A visit over Stratum V1. Sendable by confinement to its loop.
final class SV1Visit: @unchecked Sendable {
    private let check: PoolCheck
    private let tls: Bool
    private let loop: any EventLoop
    private var log: VisitLog
    private var client: SV1Client
    private var connection: LineConnection?
    private var timer: Scheduled<Void>?
    private var hasLeft = false
    /// Why the connection ended: the core knows only that it did.
    private var closure: LineClosure?

    init(_ check: PoolCheck, tls: Bool, on loop: any EventLoop) {
        self.check = check
        self.tls = tls
        self.loop = loop
        log = VisitLog(check, on: loop)
        var configuration = SV1Client.Configuration(
            url: check.url, user: check.user, password: check.password, userAgent: "Adit/0.1")
        configuration.firstJobDeadline = check.timeout
        client = SV1Client(configuration: configuration, seed: 0)
    }

    func begin() -> EventLoopFuture<PoolCheckReport> {
        log.end(
            by: loop.scheduleTask(in: TimeAmount(check.timeout)) {
                self.leave(problem: "\(self.log.awaited) did not come within \(self.check.timeout)")
            })
        carryOut(client.handle(.start, at: .now))
        return log.future
    }

    private func carryOut(_ actions: [SV1Client.Action]) {
        for action in actions where !hasLeft {
            switch action {
            case .connect(let host, let port, _): connect(host, port)
            case .disconnect: connection?.close()
            case .send(let line): connection?.send(line)
            case .working: log.note(.welcomed, "subscribed, and authorized as '\(check.user)'")
            case .job(let job): heard(of: job)
            case .down(let fault, _): leave(problem: sentence(fault))
            case .wake(let instant):
                timer?.cancel()
                timer = loop.scheduleTask(deadline: instant.deadline) {
                    self.carryOut(self.client.handle(.woke, at: .now))
                }
            case .shareAccepted, .shareRejected, .shareWithheld, .shareUnanswered, .message,
                .reconnectRefused,
                .ignored:
                continue  // nothing that a visitor has asked for
            }
        }
    }

    private func connect(_ host: String, _ port: Int) {
        LineConnection.connect(
            to: host, port: port, security: tls ? .tls(.system) : .plain, on: loop, options: .toPool
        ).whenComplete { result in
            switch result {
            case .success(let connection):
                guard !self.hasLeft else { return connection.close() }
                self.connected(connection)
            case .failure(let error): self.leave(problem: "\(error)")
            }
        }
    }

    private func connected(_ connection: LineConnection) {
        self.connection = connection
        log.note(
            .connected,
            "connected to \(connection.peer)"
                + (tls ? ", encrypted" : ", without encryption: use it in your own network only"))
        connection.start(
            onLine: { line in
                if !self.hasLeft { self.carryOut(self.client.handle(.received(line), at: .now)) }
            },
            onClosed: { closure in
                self.closure = closure
                if !self.hasLeft { self.carryOut(self.client.handle(.disconnected, at: .now)) }
            })
        carryOut(client.handle(.connected, at: .now))
    }

    private func heard(of job: SV1Job) {
        let bits =
            job.versionMask == 0 ? "are fixed" : "may be rolled (mask \(String(job.versionMask, radix: 16)))"
        log.note(
            .channel,
            "\(job.grant.extranonce1.count) bytes of extranonce are the pool's, \(job.grant.extranonce2Size) ours; "
                + "version bits \(bits); shares from difficulty \(PoolCheckText.short(job.target.difficulty)) on"
        )
        let height =
            PoolCheckText.height(ofCoinbase: job.work.coinbase1 + job.grant.extranonce1).map {
                ", height \($0)"
            } ?? ""
        log.note(.job, "job \(job.work.jobID) on \(job.work.previousBlock.displayHex)\(height)")
        leave(problem: nil)
    }

    private func sentence(_ fault: SV1ClientFault) -> String {
        switch fault {
        case .disconnected: closure.map { "\($0)" } ?? "\(fault)"
        case .authorizationRefused: "\(fault); give the user that the pool knows with --user"
        case .deadline, .subscriptionRefused, .extranonceTooShort, .badLine, .sentAway, .stopped: "\(fault)"
        }
    }

    private func leave(problem: String?) {
        hasLeft = true
        timer?.cancel()
        connection?.close()
        connection = nil
        log.finish(problem: problem)
    }
}
