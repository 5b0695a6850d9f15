import BitcoinPrimitives
import Scheduling
public import TemplateBuilding
import Units

/// How a rung is set up.
public enum RungConfiguration: Sendable {
    /// `UpstreamConfiguration.mode` says how.
    case composed(UpstreamConfiguration)
    case poolJob(GivenConfiguration)
    case lineJob(LineConfiguration)
    case solo(SoloConfiguration, reward: CoinbasePlan.Reward)

    public var kind: RungKind {
        switch self {
        case .composed(let configuration):
            switch configuration.mode {
            case .fullTemplate: .fullTemplate
            case .coinbaseOnly: .coinbaseOnly
            case .light: .light
            }
        case .poolJob: .poolJob
        case .lineJob: .lineJob
        case .solo: .solo
        }
    }
}

/// A rung's state machine, whatever its kind. It does not know whether its jobs are the ones that are hashed.
protocol UpstreamMachine: Sendable {
    mutating func handle(_ event: UpstreamEvent, at now: Instant) -> [UpstreamAction]
    var state: UpstreamState { get }
    /// What it would have the chips hash.
    var currentJob: Job? { get }
    /// Nobody will take a share of it.
    var isCurrentJobVoid: Bool { get }
}

extension PoolUpstream: UpstreamMachine {}
extension GivenUpstream: UpstreamMachine {}
extension LineUpstream: UpstreamMachine {}
extension SoloUpstream: UpstreamMachine {}

extension RungConfiguration {
    func makeMachine() -> any UpstreamMachine {
        switch self {
        case .composed(let configuration): PoolUpstream(configuration)
        case .poolJob(let configuration): GivenUpstream(configuration)
        case .lineJob(let configuration): LineUpstream(configuration)
        case .solo(let configuration, _): SoloUpstream(configuration)
        }
    }
}

/// A rung and how the ladder sees it.
struct Rung: Sendable {
    enum Phase: Hashable, Sendable {
        case resting
        case running
        /// What the chips still report of it, and what its pool says of that, is waited for.
        case leaving(since: Instant)
    }

    let kind: RungKind
    let soloReward: CoinbasePlan.Reward?
    var machine: any UpstreamMachine
    var phase = Phase.resting
    /// It has not failed since it earned last.
    var isTrusted = true
    /// Earning without a break.
    var earningSince: Instant?
    /// Not earning although it has a job, without a break.
    var waitingSince: Instant?
    var constraints: CoinbaseConstraints?
    /// Shares that it was given and has not settled.
    var unsettled = 0
    var wakeAt: Instant?

    init(_ configuration: RungConfiguration) {
        kind = configuration.kind
        machine = configuration.makeMachine()
        if case .solo(_, let reward) = configuration { soloReward = reward } else { soloReward = nil }
    }

    var isRunning: Bool {
        switch phase {
        case .running: true
        case .resting, .leaving: false
        }
    }

    /// A job that its pool may pay for.
    var hasWork: Bool { isRunning && machine.currentJob != nil && !machine.isCurrentJobVoid }

    /// What our templates have to be for it; `nil` for one that needs none, or has not said.
    func plan(tag: [UInt8]) -> CoinbasePlan? {
        guard kind.needsOwnTemplates, isRunning, let constraints else { return nil }
        return CoinbasePlan(
            reward: soloReward ?? .pool(constraints.outputs), tag: tag,
            extranonceSize: constraints.fullExtranonceSize)
    }
}
