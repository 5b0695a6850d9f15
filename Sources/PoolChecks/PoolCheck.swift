public import NIOCore
public import SV1
public import SV2Noise
import Transports
import Units

/// One visit to a pool, as a miner would make it: connect, encrypt, set up, open a channel, hear of a job, leave.
/// Nothing is mined.
public struct PoolCheck: Sendable {
    enum Speech {
        case stratumV1(tls: Bool)
        case stratumV2(AuthorityPublicKey)
    }

    public let url: PoolURL
    let speech: Speech
    /// The user that shares would be for.
    public var user: String
    public var password: String
    /// For the whole visit.
    public var timeout: Duration

    /// Fails when the address of a Stratum V2 pool ends with something that is no key.
    public init(
        url: PoolURL, user: String, password: String = "x", timeout: Duration = .seconds(20)
    ) throws(AuthorityKeyError) {
        self.url = url
        speech =
            switch url.speech {
            case .stratumV1(let tls): .stratumV1(tls: tls)
            case .stratumV2(let key): .stratumV2(try AuthorityPublicKey(key))
            }
        self.user = user
        self.password = password
        self.timeout = timeout
    }

    /// Never fails: what went wrong is the report's `problem`.
    public func run(on loop: any EventLoop) -> EventLoopFuture<PoolCheckReport> {
        loop.flatSubmit {
            switch speech {
            case .stratumV1(let tls): SV1Visit(self, tls: tls, on: loop).begin()
            case .stratumV2(let authority): SV2Visit(self, authority: authority, on: loop).begin()
            }
        }
    }
}

/// The report of a visit while it is being made, its deadline, and the promise of its end.
struct VisitLog {
    private(set) var report: PoolCheckReport
    private let began = Instant.now
    private let promise: EventLoopPromise<PoolCheckReport>
    private var deadline: Scheduled<Void>?

    init(_ check: PoolCheck, on loop: any EventLoop) {
        report = PoolCheckReport(url: "\(check.url)")
        promise = loop.makePromise()
    }

    var future: EventLoopFuture<PoolCheckReport> { promise.futureResult }

    mutating func end(by deadline: Scheduled<Void>) { self.deadline = deadline }

    mutating func note(_ name: PoolCheckReport.Step.Name, _ finding: String) {
        let milliseconds = Double((Instant.now - began).wholeNanoseconds) / 1e6
        report.steps.append(.init(name: name, milliseconds: milliseconds, finding: finding))
    }

    /// Ends the visit. Only the first end counts.
    mutating func finish(problem: String?) {
        guard let deadline else { return }
        self.deadline = nil
        deadline.cancel()
        report.problem = problem
        report.works = problem == nil
        promise.succeed(report)
    }

    /// What was to come next, for the sentence about a deadline.
    var awaited: String {
        switch report.steps.last?.name {
        case nil: "a connection"
        case .connected: "an answer to our first message"
        case .welcomed: "a channel"
        case .channel, .job: "a job"
        }
    }
}
