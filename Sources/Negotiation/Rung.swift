import BitcoinPrimitives
public import Scheduling
public import TemplateBuilding
public import Units

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

/// A rung's state machine, whatever its kind.
enum RungMachine: Sendable {
    case composed(PoolUpstream)
    case poolJob(GivenUpstream)
    case lineJob(LineUpstream)
    case solo(SoloUpstream)

    init(_ configuration: RungConfiguration) {
        switch configuration {
        case .composed(let configuration): self = .composed(PoolUpstream(configuration))
        case .poolJob(let configuration): self = .poolJob(GivenUpstream(configuration))
        case .lineJob(let configuration): self = .lineJob(LineUpstream(configuration))
        case .solo(let configuration, _): self = .solo(SoloUpstream(configuration))
        }
    }

    mutating func handle(_ event: UpstreamEvent, at now: Instant) -> [UpstreamAction] {
        switch consume self {
        case .composed(var machine):
            let actions = machine.handle(event, at: now)
            self = .composed(machine)
            return actions
        case .poolJob(var machine):
            let actions = machine.handle(event, at: now)
            self = .poolJob(machine)
            return actions
        case .lineJob(var machine):
            let actions = machine.handle(event, at: now)
            self = .lineJob(machine)
            return actions
        case .solo(var machine):
            let actions = machine.handle(event, at: now)
            self = .solo(machine)
            return actions
        }
    }

    var state: UpstreamState {
        switch self {
        case .composed(let machine): machine.state
        case .poolJob(let machine): machine.state
        case .lineJob(let machine): machine.state
        case .solo(let machine): machine.state
        }
    }

    var currentJob: Job? {
        switch self {
        case .composed(let machine): machine.currentJob
        case .poolJob(let machine): machine.currentJob
        case .lineJob(let machine): machine.currentJob
        case .solo(let machine): machine.currentJob
        }
    }

    var isCurrentJobVoid: Bool {
        switch self {
        case .composed(let machine): machine.isCurrentJobVoid
        case .poolJob(let machine): machine.isCurrentJobVoid
        case .lineJob(let machine): machine.isCurrentJobVoid
        case .solo(let machine): machine.isCurrentJobVoid
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
    var machine: RungMachine
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
        machine = RungMachine(configuration)
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
