public import BitcoinPrimitives
public import NodeRPC
public import TemplateBuilding
public import TemplatePolicies
public import Units

/// Keeps a template up to date from what a source reports: at once for a new tip, for more fees at most once in an
/// interval, and never below the source's own template without saying so.
///
/// **The tip rule.** Transactions are chosen from the mempool only while it is that of the tip. On a tip before that,
/// miners get the source's own template if all of it is held, and an empty block otherwise, at once; then the full one
/// as soon as the mempool has caught up. A chip never waits for a mempool (templates.md §14).
///
/// Memory: one ``Mempool`` and its bound; a note for each transaction in it that a rule keeps out; the source's own list
/// and that of the last offer, each no longer than a block. There is no queue.
public struct TemplateMaker: Sendable {
    public struct Settings: Hashable, Sendable {
        /// When miners at work get a new job within a tip.
        public var cadence = JobCadence.Settings()
        /// From an offer to the moment at which it is found out what the policy costs. It takes a second choice from
        /// nothing, a tenth of a second with a large mempool, for which a tip that comes meanwhile waits.
        public var pricing = Duration.milliseconds(500)
        /// Between two such moments.
        public var pricingInterval = Duration.seconds(10)
        /// Any number that a sender of transactions cannot know.
        public var seed: UInt64 = 0x5eed

        public init() {}
    }

    public enum Event: Sendable {
        /// From the source.
        case news(NodeChange)
        /// Whom to pay from now on. Asked for again, an offer comes again.
        case plan(CoinbasePlan)
        case policy(PolicyRules?)
        /// The source is gone. Nothing is offered until it names its tip again; what was offered stays valid for its
        /// own.
        case lost
        /// Another source takes over, whose reports begin with everything it has.
        case replaced
        /// The time asked for last has come.
        case woke
    }

    public enum Action: Sendable {
        case publish(TemplateOffer)
        /// No template as it should be can be built, and why; once for each reason. Where an empty block can, it is
        /// published all the same.
        case failed(TemplateFault)
        /// What the policy costs now.
        case policyCost(PolicyCost)
        case warn(TemplateWarning)
        /// Replaces the time asked for before.
        case wake(at: Instant)
    }

    /// What is being built on.
    struct Tip: Sendable {
        var next: NextBlock
        /// What the source itself would mine on it.
        var own: Own?
        /// What was offered for it last.
        var offered: Offered?
    }

    struct Own: Sendable {
        var figures: TemplateFigures?
        /// In block order; empty when they are not known.
        var txids: [Txid]
        /// What its list orders at beside our coinbase, until an offer has been held against it.
        var orderingFees: Int64?
    }

    struct Offered: Sendable {
        var transactions: [MempoolEntry]
        var fees: Satoshis
        var orderingFees: Int64
        /// Made without the mempool, and to be replaced as soon as that is there.
        var isStopgap: Bool
    }

    /// The most transactions that a block can hold: each weighs 240 weight units at least.
    static let maximumList = 16_666

    public let settings: Settings
    public internal(set) var mempool: Mempool
    /// The block that the mempool is that of; `nil` when that is not known.
    public internal(set) var mempoolTip: Hash256?
    var builder = TemplateBuilder()
    var ledger: PolicyLedger?
    var cadence: JobCadence
    var plan: CoinbasePlan?
    var tip: Tip?
    /// The source's own template for a tip that it has not named yet; the last one.
    private var early: OwnTemplate?
    /// What the plan leaves of a block at the tip.
    var room: BlockRoom?
    var isLost = false
    /// Something to be offered as soon as the source is back.
    var owed: TemplateOffer.Reason?
    var policyCost: PolicyCost?
    var fault: TemplateFault?
    var warned: Set<TemplateWarning.Kind> = []
    private var refused = 0
    var cadenceWake: Instant?
    var pricingWake: Instant?
    var pricedAt: Instant?
    private var askedWake: Instant?

    public init(_ settings: Settings = Settings()) {
        self.settings = settings
        cadence = JobCadence(settings.cadence)
        mempool = Mempool(seed: settings.seed)
        precondition(settings.cadence.interval > .zero, "there is time between two jobs")
    }

    /// Whether the mempool is that of the tip.
    public var isCaughtUp: Bool { tip.map { $0.next.previousBlock == mempoolTip } ?? false }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions = [Action]()
        switch event {
        case .news(let change): heard(change, now, &actions)
        case .plan(let plan):
            let isNew = plan != self.plan
            self.plan = plan
            offer(isNew ? .planChanged : .refreshed, now, &actions)
        case .policy(let rules):
            guard rules != ledger?.rules else { break }
            setPolicy(rules)
            offer(.policyChanged, now, &actions)
        case .lost:
            isLost = true
            mempoolTip = nil
        case .replaced:
            isLost = true
            mempool = Mempool(seed: settings.seed)
            mempoolTip = nil
            tip?.own = nil
            early = nil
            setPolicy(ledger?.rules)
        case .woke:
            askedWake = nil
            guard !isLost else { break }
            if let due = cadenceWake, now >= due {
                cadenceWake = nil
                perform(cadence.handle(.woke, at: now), now, &actions)
            }
            if let due = pricingWake, now >= due { price(now, &actions) }
        }
        if !isLost, let due = [cadenceWake, pricingWake].compactMap({ $0 }).min(), due != askedWake {
            askedWake = due
            actions.append(.wake(at: due))
        }
        return actions
    }

    // MARK: News

    private mutating func heard(_ change: NodeChange, _ now: Instant, _ actions: inout [Action]) {
        switch change {
        case .identified: break
        case .tip(let next): entered(next, now, &actions)
        case .ownTemplate(let own): heard(own, now, &actions)
        case .mempool(let change, let block):
            let refusedBefore = refused
            apply(change)
            if refused > refusedBefore { warn(.mempoolFull(refused: refused), &actions) }
            mempoolTip = block
            mempoolChanged(now, &actions)
        case .sigopCosts(let costs):
            for (txid, cost) in costs { mempool.setSigopCost(cost, of: txid) }
            mempoolChanged(now, &actions)
        }
    }

    private mutating func entered(_ next: NextBlock, _ now: Instant, _ actions: inout [Action]) {
        if tip?.next.previousBlock == next.previousBlock {
            renew(next, now, &actions)
        } else {
            tip = Tip(next: next)
            room = nil
            warned = []
            if let early, early.next.previousBlock == next.previousBlock {
                tip?.own = Own(figures: early.figures, txids: early.txids ?? [])
            }
            early = nil
            isLost = false
            owed = nil
            guard plan != nil else { return }
            perform(cadence.handle(.tipChanged, at: now), now, &actions)
        }
    }

    /// The tip is the one before. Its time goes on, but not the earliest one that a header may have; whatever else has
    /// changed makes the jobs of before worthless.
    private mutating func renew(_ next: NextBlock, _ now: Instant, _ actions: inout [Action]) {
        guard var tip else { return }
        var renewed = next
        renewed.minimumTime = tip.next.minimumTime
        renewed.currentTime = Swift.max(next.currentTime, tip.next.currentTime)
        var sameTime = tip.next
        sameTime.currentTime = renewed.currentTime
        let isOther = renewed != sameTime
        tip.next = renewed
        self.tip = tip
        if isOther { room = nil }
        let wasLost = isLost
        isLost = false
        if let reason = owed ?? (isOther ? .refreshed : nil) {
            offer(reason, now, &actions)
        } else if wasLost {
            // What came due while it was away.
            cadenceWake = nil
            perform(cadence.handle(.woke, at: now), now, &actions)
        }
    }

    private mutating func heard(_ own: OwnTemplate, _ now: Instant, _ actions: inout [Action]) {
        var own = own
        if let count = own.txids?.count, count > Self.maximumList {
            warn(.ownTemplateTooLong(count), &actions)
            own.txids = nil
        }
        guard own.next.previousBlock == tip?.next.previousBlock else {
            early = own
            return
        }
        let txids = own.txids ?? []
        tip?.own = Own(figures: own.figures, txids: txids)
        renew(own.next, now, &actions)
        checkFees(own.figures, txids, &actions)
        if isCaughtUp {
            compareWithOwn(&actions)
            mempoolChanged(now, &actions)
        } else if tip?.offered?.isStopgap == true {
            improve(now, &actions)
        }
    }

    private mutating func checkFees(
        _ figures: TemplateFigures?, _ txids: [Txid], _ actions: inout [Action]
    ) {
        guard let figures, !txids.isEmpty, figures.transactions == txids.count else { return }
        var counted: UInt64 = 0
        for txid in txids {
            guard let fee = mempool.fee(of: txid) else { return }
            counted += fee.rawValue
        }
        guard counted != figures.fees.rawValue else { return }
        warn(.feesDiffer(stated: figures.fees, counted: Satoshis(rawValue: counted)), &actions)
    }

    private mutating func apply(_ change: MempoolChange) {
        if !change.mined.isEmpty {
            mempool.connect(mined: change.mined)
            for txid in change.mined { forget(txid) }
        }
        for txid in change.dropped {
            for gone in mempool.removeFamily(of: txid) { forget(gone) }
        }
        for entry in change.added {
            let isExcluded = judge(entry)
            if isExcluded { mempool.setExcluded(true, entry.txid) }
            var admission = mempool.add(entry)
            // What the source reports is newer than what is here. Each turn takes one away.
            while case .refused(.conflict(let other)) = admission {
                for gone in mempool.removeFamily(of: other) { forget(gone) }
                admission = mempool.add(entry)
            }
            if case .refused(let reason) = admission {
                if reason == .full { refused += 1 }
                if isExcluded, reason != .duplicate { forget(entry.txid) }
            }
        }
    }

    mutating func warn(_ warning: TemplateWarning, _ actions: inout [Action]) {
        guard warned.insert(warning.kind).inserted else { return }
        actions.append(.warn(warning))
    }
}
