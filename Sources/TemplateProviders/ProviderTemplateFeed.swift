public import BitcoinPrimitives
public import NIOCore
public import ProviderTemplates
import SV2Messages
import SV2Roles
public import TemplateBuilding
public import TemplatePolicies
import Transports
import Units

/// Templates from several providers at once, the best checked one in use: owns a ``ProviderTemplates/ProviderChoice`` and a
/// ``TemplateProviderService`` for each.
///
/// Every provider's templates are fetched and checked, whether it is in use or not, so that the next one takes over with a
/// full block. That costs the traffic and the memory of one block for each.
///
/// Sendable by confinement: every method must be called on `loop` and traps elsewhere; the observer is called there.
public final class ProviderTemplateFeed: @unchecked Sendable {
    public enum News: Sendable {
        /// To be mined from now on.
        case offer(ProviderProposal)
        /// Where templates come from now; `nil` when no provider can be used. The last offer stays good for its tip.
        case using(Int?)
        /// What a provider builds on, whether it is in use or not.
        case tip(Hash256, height: UInt32, provider: Int)
        /// With a sentence for people.
        case health(ProviderHealth, provider: Int, sentence: String)
        case setAside(ProviderOffence, provider: Int, sentence: String)
        case refused(ProviderTemplateID, ProviderRefusal, provider: Int, sentence: String)
    }

    public let loop: any EventLoop
    /// In the order of trust; solutions go to them.
    public let services: [TemplateProviderService]
    public var current: Int? { choice.current }

    private var choice: ProviderChoice
    private var observer: ((News) -> Void)?
    private var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - endpoints: 1 to `ProviderChoice.maximumProviders`, the one trusted most first.
    ///   - configuration: of each provider's follower, but for the seed. Its schedule is the choice's too.
    ///   - adjust: changes what the choice is configured with.
    ///   - firstProposal: the number of the first proposal; they count on from it, and no other source may use them.
    public init(
        _ endpoints: [TemplateProviderEndpoint], configuration: ProviderFollower.Configuration,
        adjust: (inout ProviderChoice.Configuration) -> Void = { _ in }, firstProposal: UInt64 = 1,
        on loop: any EventLoop
    ) {
        self.loop = loop
        services = endpoints.enumerated().map { index, endpoint in
            var own = configuration
            own.seed = configuration.seed &+ UInt64(index)
            return TemplateProviderService(endpoint, configuration: own, on: loop)
        }
        var wanted = ProviderChoice.Configuration(
            providers: endpoints.count, schedule: configuration.schedule, seed: configuration.seed)
        adjust(&wanted)
        choice = ProviderChoice(wanted, firstProposal: firstProposal)
    }

    /// Begins to follow all of them. There are no offers before a plan.
    public func start(observer: @escaping (News) -> Void) {
        loop.preconditionInEventLoop()
        precondition(self.observer == nil, "start comes once")
        self.observer = observer
        for (index, service) in services.enumerated() {
            service.start(onChange: { self.heard($0, from: index) }, onHealth: { self.heard($0, of: index) })
        }
    }

    /// Ends everything; solutions that were handed over are still sent. The observer is dropped.
    public func stop() {
        loop.preconditionInEventLoop()
        observer = nil
        timer?.cancel()
        timer = nil
        for service in services { service.stop() }
    }

    /// Whom to pay from now on.
    public func use(_ plan: CoinbasePlan) {
        loop.preconditionInEventLoop()
        tell(.plan(plan))
    }

    public func use(_ rules: PolicyRules?) {
        loop.preconditionInEventLoop()
        tell(.policy(rules))
    }

    // MARK: The core

    private func heard(_ change: ProviderChange, from index: Int) {
        if case .tip(let offer) = change, offer.template.height > 0 {
            observer?(
                .tip(offer.tip.previousBlock, height: offer.template.height - 1, provider: index))
        }
        tell(.change(change, provider: index))
    }

    private func heard(_ health: ProviderHealth, of index: Int) {
        observer?(.health(health, provider: index, sentence: services[index].endpoint.sentence(for: health)))
        tell(.health(health, provider: index))
    }

    private func tell(_ event: ProviderChoice.Event) {
        for action in choice.handle(event, at: .now) {
            switch action {
            case .offer(let proposal): observer?(.offer(proposal))
            case .using(let index): observer?(.using(index))
            case .constrain(let constraints): for service in services { service.constrain(constraints) }
            case .setAside(let index, let offence, let rest):
                let sentence = services[index].endpoint.sentence(
                    for: offence, rest, places: services.map(\.endpoint.place))
                observer?(.setAside(offence, provider: index, sentence: sentence))
            case .refused(let index, let id, let refusal):
                let sentence = services[index].endpoint.sentence(for: refusal, of: id)
                observer?(.refused(id, refusal, provider: index, sentence: sentence))
            case .wake(let at):
                timer?.cancel()
                timer = loop.scheduleTask(deadline: at.deadline) { self.tell(.woke) }
            }
        }
    }
}
