public import BitcoinPrimitives
public import SV2Messages
public import TemplateBuilding
public import TemplatePolicies
public import Units

extension ProviderChoice {
    /// Bounds and times.
    public struct Configuration: Hashable, Sendable {
        /// By their numbers: 0 is trusted most.
        public var providers: Int
        /// By which subsidies halve; without it there is no proposal before a template's transactions are checked.
        public var schedule: SubsidySchedule?
        /// A template that pays so much more than the one offered is offered too, at most once in ``pace``.
        public var leastGain = Satoshis(rawValue: 1_000)
        public var pace = Duration.seconds(1)
        /// A newer template that pays no more is offered when the one offered is so old.
        public var refresh = Duration.seconds(30)
        /// In thousandths of the fees: what another provider has to pay more to be worth a change, ``leastGain`` at
        /// least.
        public var changeGain: UInt64 = 10
        /// And for how long without a break.
        public var changeProof = Duration.seconds(10)
        /// After a loss: other providers are preferred for so long.
        public var lossRest = ProviderBackoff(first: .seconds(5), cap: .seconds(300))
        /// After a lie.
        public var lieRest = ProviderBackoff(first: .seconds(60), cap: .seconds(1_800))
        /// Without trouble for so long, it is as if there had been none.
        public var forgiveness = Duration.seconds(1_800)
        /// Heights that far apart are providers of one chain, some of them quicker; farther apart they are not.
        public var nearTips: UInt32 = 2
        /// Whether a tip's own hash has to show the work that the chain asks for. Not on chains that allow easy blocks in
        /// between (testnets).
        public var checksWork = true
        /// For the jitter of rests.
        public var seed: UInt64

        public init(providers: Int, schedule: SubsidySchedule?, seed: UInt64) {
            self.providers = providers
            self.schedule = schedule
            self.seed = seed
        }
    }

    public enum Event: Sendable {
        case change(ProviderChange, provider: Int)
        case health(ProviderHealth, provider: Int)
        /// Whom the coinbase pays from now on. There are no offers before.
        case plan(CoinbasePlan)
        case policy(PolicyRules?)
        case woke
    }

    public enum Action: Hashable, Sendable {
        /// To be mined from now on.
        case offer(ProviderProposal)
        /// Where templates come from; `nil` when no provider can be used. The last offer stays good for its tip.
        case using(Int?)
        /// All providers are to leave this much room.
        case constrain(CoinbaseOutputConstraints)
        /// Others are preferred for so long; it is used when there is no other.
        case setAside(provider: Int, ProviderOffence, for: Duration)
        /// A template that is right, and of no use to us.
        case refused(provider: Int, ProviderTemplateID, ProviderRefusal)
        /// Replaces the wake-up before.
        case wake(at: Instant)
    }
}

/// A block to mine, of one of several providers.
public struct ProviderProposal: Hashable, Sendable {
    public enum Reason: Hashable, Sendable {
        /// The first of all, or the first after none was usable.
        case began
        case newTip
        /// It pays so much more than the one before.
        case betterFees(Satoshis)
        /// The one before is of a provider that is lost, set aside, or pays less.
        case otherProvider(before: Int)
        /// A newer one that pays no more.
        case refreshed
        /// The one before cannot become a block.
        case withdrawn
        case planChanged
        /// A stopgap has done its duty.
        case checked
    }

    public var proposal: Proposal
    public var provider: Int
    /// For SubmitSolution; `nil` for a stopgap, which the provider knows nothing of: its block goes to nodes and peers.
    public var template: ProviderTemplateID?
    public var reason: Reason
}

/// Why a provider is set aside.
public enum ProviderOffence: Hashable, Sendable {
    /// It was in use, or could have been, and is not there.
    case lost(ProviderTrouble)
    /// It contradicted itself, or consensus.
    case lied(ProviderTrouble)
    /// A tip whose hash shows too little work for any block of the chain.
    case tipWithoutWork(Hash256)
    /// So much more than another provider says of the very same transactions.
    case promisesMore(Satoshis, than: Int)

    /// Whether it may have been the line's fault.
    public var isLoss: Bool {
        switch self {
        case .lost: true
        case .lied, .tipWithoutWork, .promisesMore: false
        }
    }
}

/// Why a checked template is not used.
public enum ProviderRefusal: Hashable, Sendable {
    /// Our coinbase does not fit, or pays nobody.
    case plan(FinishedTemplateFault)
    /// It is against the operator's rules.
    case policy(TemplatePolicyRefusal)
    /// Its outputs do not end with the witness commitment, which our other coinbases of the same block rely on.
    case strangeOutputs
}

extension ProviderTrouble {
    /// Whether the provider itself contradicted what it, or consensus, says; else the line or its node may be the cause.
    var isLie: Bool {
        switch self {
        case .garbage, .badTemplate, .badTip, .mistrusted, .outOfSync, .contradiction: true
        case .link, .stalled, .refused, .version, .noTemplate, .oldTip: false
        }
    }
}
