public import BitcoinPrimitives
import SV2Messages
import SV2Roles
import TemplateBuilding
import TemplatePolicies
public import Units

/// Several template providers at once: the best of what they offer, checked, is mined.
///
/// **The tip** is the highest that providers in good standing tell, as soon as the first one tells it; of two at one height
/// the one that was first. Providers whose heights are far apart follow different chains, or lost their place: then the
/// larger group counts, and of equal ones that of the provider trusted most. A tip's hash has to show work, which nobody can
/// make up.
///
/// **The template** is that which pays most of those that are checked and stand on the tip; of about equal ones that of the
/// provider trusted most. Another provider takes over when it has paid clearly more for a while, or at once when the one in
/// use has nothing for the tip, is lost or lied. At a new tip an empty block of ours bridges the moment until the first
/// transactions are checked.
///
/// **Bad providers** are set aside: after a loss for seconds, after a lie for a minute, twice as long each time. Who is set
/// aside is used only when nobody else is there: one bad provider is better than none, for what it says is still checked.
///
/// Of each provider the newest template is kept, and nothing else. Sources: sv2-notes §7.3, §9.
public struct ProviderChoice: Sendable {
    public static let maximumProviders = 8

    /// One provider.
    struct Seat: Sendable {
        var health = ProviderHealth.starting
        var offer: ProviderOffer?
        /// The newest that was checked, on any tip.
        var finished: FinishedTemplate?
        /// Why that is of no use.
        var refusal: ProviderRefusal?
        var asideUntil: Instant?
        var losses = 0
        var lies = 0
        var troubledAt: Instant?

        // Not inlined: the optimiser of Swift 6.3.1 ends with an ownership error where these are.
        var tip: Hash256? { @inline(never) get { offer?.tip.previousBlock } }
        var bits: CompactTarget? { @inline(never) get { offer?.tip.bits } }
        var height: UInt32? { @inline(never) get { offer?.template.height } }
        func isAside(_ now: Instant) -> Bool { asideUntil.map { now < $0 } ?? false }
    }

    /// What was offered last.
    struct Offered: Sendable {
        var provider: Int
        /// `nil` for a stopgap.
        var template: ProviderTemplateID?
        var tip: Hash256
        var value: Satoshis
        var at: Instant
        /// Why it is to be replaced, whatever it pays.
        var void: ProviderProposal.Reason?
    }

    let configuration: Configuration
    var seats: [Seat]
    var plan: CoinbasePlan?
    var rules: PolicyRules?
    var offered: Offered?
    /// Who pays clearly more than the one in use, and since when.
    var challenger: (provider: Int, since: Instant)?
    /// What blocks are built on, by the providers that count.
    public internal(set) var tip: Hash256?
    /// What that chain asked of the last tip that was believed.
    var bits: CompactTarget?
    /// Whose templates are used.
    public internal(set) var current: Int?
    var lastProposal: UInt64
    var chance: SplitMix64
    private var constraints: CoinbaseOutputConstraints?
    private var wakeAt: Instant?

    /// - Parameter firstProposal: the number of the first proposal; they count on from it.
    public init(_ configuration: Configuration, firstProposal: UInt64 = 1) {
        precondition((1...Self.maximumProviders).contains(configuration.providers), "one to eight providers")
        self.configuration = configuration
        seats = .init(repeating: Seat(), count: configuration.providers)
        chance = SplitMix64(seed: configuration.seed)
        lastProposal = firstProposal - 1
    }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions = [Action]()
        switch event {
        case .change(let change, let provider): take(change, from: provider, now, &actions)
        case .health(let health, let provider): note(health, of: provider, now, &actions)
        case .plan(let plan):
            guard plan != self.plan else { break }
            self.plan = plan
            constrain(for: plan, &actions)
            offered?.void = .planChanged
            for index in seats.indices { judge(index, &actions) }
        case .policy(let rules):
            guard rules != self.rules else { break }
            self.rules = rules
            for index in seats.indices { judge(index, &actions) }
            // What is being mined may be against a rule now.
            if let offered, offered.template != nil, !isMinable(offered) { self.offered?.void = .withdrawn }
        case .woke: wakeAt = nil
        }
        findTip(now)
        choose(now, &actions)
        scheduleWake(now, &actions)
        return actions
    }

    /// When the choice may have to be thought over.
    private mutating func scheduleWake(_ now: Instant, _ actions: inout [Action]) {
        var times = seats.compactMap(\.asideUntil)
        if let challenger { times.append(challenger.since + configuration.changeProof) }
        if let offered, let current, let newest = seats[current].finished, newest.id != offered.template,
            offered.template != nil
        {
            times += [offered.at + configuration.pace, offered.at + configuration.refresh]
        }
        guard let next = times.filter({ $0 > now }).min(), next != wakeAt else { return }
        wakeAt = next
        actions.append(.wake(at: next))
    }

    // MARK: News

    private mutating func take(
        _ change: ProviderChange, from index: Int, _ now: Instant, _ actions: inout [Action]
    ) {
        switch change {
        case .tip(let offer):
            (seats[index].offer, seats[index].finished, seats[index].refusal) = (offer, nil, nil)
            guard !showsWork(offer) else { return }
            seats[index].offer = nil
            setAside(index, .tipWithoutWork(offer.tip.previousBlock), now, &actions)
        case .template(let template):
            // Of a tip that was not believed.
            guard seats[index].tip == template.offer.tip.previousBlock else { return }
            seats[index].finished = template
            judge(index, &actions)
            compare(index, now, &actions)
        case .tipWithoutTemplate:
            (seats[index].offer, seats[index].finished, seats[index].refusal) = (nil, nil, nil)
        case .withdrawn(let id):
            if seats[index].finished?.id == id { (seats[index].finished, seats[index].refusal) = (nil, nil) }
            if let offered, offered.provider == index, offered.template == id {
                self.offered?.void = .withdrawn
            }
        }
    }

    private mutating func note(
        _ health: ProviderHealth, of index: Int, _ now: Instant, _ actions: inout [Action]
    ) {
        let before = seats[index].health
        seats[index].health = health
        guard case .down(let trouble) = health else { return }
        if trouble.isLie {
            if case .down(let known) = before, known.isLie { return }  // of the same trouble
            setAside(index, .lied(trouble), now, &actions)
        } else if before.isUsable {
            setAside(index, .lost(trouble), now, &actions)
        }
    }

    mutating func setAside(
        _ index: Int, _ offence: ProviderOffence, _ now: Instant, _ actions: inout [Action]
    ) {
        if let last = seats[index].troubledAt, now >= last + configuration.forgiveness {
            (seats[index].losses, seats[index].lies) = (0, 0)
        }
        seats[index].troubledAt = now
        let rest: Duration
        if offence.isLoss {
            seats[index].losses += 1
            rest = configuration.lossRest.delay(failures: seats[index].losses, using: &chance)
        } else {
            seats[index].lies += 1
            rest = configuration.lieRest.delay(failures: seats[index].lies, using: &chance)
            // What it says of the transactions is not to be believed.
            seats[index].finished = nil
        }
        seats[index].asideUntil = max(seats[index].asideUntil ?? now, now + rest)
        if challenger?.provider == index { challenger = nil }
        actions.append(.setAside(provider: index, offence, for: rest))
    }

    /// Room for our outputs, which only ever grows: a smaller plan needs no new templates.
    private mutating func constrain(for plan: CoinbasePlan, _ actions: inout [Action]) {
        let wanted = plan.room
        let new = CoinbaseOutputConstraints(
            coinbaseOutputMaxAdditionalSize: max(
                wanted.coinbaseOutputMaxAdditionalSize, constraints?.coinbaseOutputMaxAdditionalSize ?? 0),
            coinbaseOutputMaxAdditionalSigops: max(
                wanted.coinbaseOutputMaxAdditionalSigops, constraints?.coinbaseOutputMaxAdditionalSigops ?? 0)
        )
        guard new != constraints else { return }
        constraints = new
        actions.append(.constrain(new))
    }
}

extension CoinbasePlan {
    /// What a provider is to leave for its outputs, and for those of its ``alternatives``, at the largest reward that there
    /// ever was: then no part of a split is too small to be paid.
    var room: CoinbaseOutputConstraints {
        let next = NextBlock(
            previousBlock: .zero, height: 8_000_000, version: 0x2000_0000,
            bits: CompactTarget(bits: 0x207f_ffff),
            blockTarget: .max, minimumTime: 0, currentTime: 0, subsidy: Satoshis(rawValue: 5_000_000_000))
        var room = CoinbaseOutputConstraints()
        for plan in [self] + alternatives {
            guard
                let parts = try? plan.parts(
                    for: next, fees: Satoshis(rawValue: 5_000_000_000), commitment: nil)
            else { continue }
            let wanted = CoinbaseOutputConstraints(for: parts.outputs)
            room.coinbaseOutputMaxAdditionalSize = max(
                room.coinbaseOutputMaxAdditionalSize, wanted.coinbaseOutputMaxAdditionalSize)
            room.coinbaseOutputMaxAdditionalSigops = max(
                room.coinbaseOutputMaxAdditionalSigops, wanted.coinbaseOutputMaxAdditionalSigops)
        }
        return room
    }
}
