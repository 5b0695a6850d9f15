import BitcoinPrimitives
import ProviderTemplates
import SV2Messages
import SV2Roles
import TemplateBuilding
import Units

/// Several provider worlds in step, and the choice between what they give.
struct ChoiceWorld {
    private(set) var providers: [ProviderWorld]
    private(set) var choice: ProviderChoice
    private(set) var now = ProviderFixture.start
    private var wake: Instant?
    private var heard: [Int]
    private var timeline: [(at: Instant, event: ProviderChoice.Event)] = []

    // What came of it.
    private(set) var offers: [(at: Double, offer: ProviderProposal)] = []
    private(set) var using: [Int?] = []
    private(set) var aside: [(provider: Int, offence: ProviderOffence, rest: Duration)] = []
    private(set) var refused: [(provider: Int, refusal: ProviderRefusal)] = []
    private(set) var constraints: [CoinbaseOutputConstraints] = []

    /// - Parameter first: what each provider offers at first.
    init(
        _ first: [ProvidedTemplate], schedule: SubsidySchedule? = .regtest, seed: UInt64 = 1,
        plan: CoinbasePlan? = ProviderFixture.plan,
        _ adjust: (inout ProviderChoice.Configuration) -> Void = { _ in }
    ) {
        providers = first.enumerated().map { index, provided in
            var own = ProviderFixture.configuration(seed: seed &+ UInt64(index))
            own.schedule = schedule
            return ProviderWorld(first: provided, configuration: own)
        }
        heard = first.map { _ in 0 }
        var configuration = ProviderChoice.Configuration(
            providers: first.count, schedule: schedule, seed: seed)
        adjust(&configuration)
        choice = ProviderChoice(configuration)
        if let plan { tell(.plan(plan)) }
    }

    mutating func plan(_ change: ProviderWorld.Change, of provider: Int, at seconds: Double) {
        providers[provider].plan(change, at: seconds)
    }
    mutating func plan(_ event: ProviderChoice.Event, at seconds: Double) {
        timeline.append((ProviderFixture.start + .seconds(seconds), event))
    }
    mutating func tamper(
        _ provider: Int, _ body: @escaping (TemplateDistributionMessage) -> TemplateDistributionMessage?
    ) { providers[provider].tamper = body }

    mutating func run(for duration: Duration) {
        let end = now + duration
        while true {
            let times = providers.compactMap(\.nextAt) + timeline.map(\.at) + [wake].compactMap { $0 }
            guard let next = times.min(), next <= end else { break }
            now = max(now, next)
            for index in providers.indices {
                providers[index].run(for: now - providers[index].now)
                listen(to: index)
            }
            while let place = timeline.firstIndex(where: { $0.at <= now }) {
                tell(timeline.remove(at: place).event)
            }
            if let wake, wake <= now {
                self.wake = nil
                tell(.woke)
            }
        }
        now = end
        for index in providers.indices {
            providers[index].run(for: now - providers[index].now)
            listen(to: index)
        }
    }

    private mutating func listen(to index: Int) {
        while heard[index] < providers[index].news.count {
            let news = providers[index].news[heard[index]]
            heard[index] += 1
            switch news {
            case .change(let change): tell(.change(change, provider: index))
            case .health(let health): tell(.health(health, provider: index))
            }
        }
    }

    private mutating func tell(_ event: ProviderChoice.Event) {
        for action in choice.handle(event, at: now) {
            switch action {
            case .offer(let offer): offers.append(((now - ProviderFixture.start).inSeconds, offer))
            case .using(let provider): using.append(provider)
            case .constrain(let room):
                constraints.append(room)
                for index in providers.indices {
                    providers[index].plan(
                        ProviderFollower.Event.constrain(room), at: (now - ProviderFixture.start).inSeconds)
                }
            case .setAside(let provider, let offence, let rest): aside.append((provider, offence, rest))
            case .refused(let provider, _, let refusal): refused.append((provider, refusal))
            case .wake(let at): wake = at
            }
        }
    }

    /// Hands a block of an offer to the provider that it is of.
    mutating func solve(_ offer: ProviderProposal) throws -> Hash256 {
        guard let id = offer.template else { throw NothingFinished(health: []) }
        let solution = ProviderFixture.solve(offer.proposal, id)
        providers[offer.provider].plan(
            ProviderFollower.Event.solved(solution), at: (now - ProviderFixture.start).inSeconds)
        run(for: .milliseconds(20))
        return solution.header.hash
    }

    var last: ProviderProposal? { offers.last?.offer }
    /// Those that are not stopgaps.
    var checked: [ProviderProposal] { offers.map(\.offer).filter { $0.template != nil } }
}
