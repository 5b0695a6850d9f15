import BitcoinPrimitives
public import Units

/// Follows the mempool of a third party over REST: a live source of candidates, never of a template by itself.
///
/// It tells the tip, and transactions as ``Candidate``s: checked as far as they can be without a chain, to be looked
/// at, compared, and offered to a node. None may be mined before a node of ours has accepted it (templates.md §10).
///
/// One question at a time, at a stated rate at most; the service's wish to be left alone is followed, and after
/// repeated refusals it is left alone for longer. What is followed and held is bounded: the ids of the whole mempool,
/// and of its transactions the most recent and the best-paying ones.
public struct CandidateFollower: Sendable {
    enum State: Sendable { case idle, following, stopped }

    struct Asked: Sendable {
        let request: RESTRequest
        let deadline: Instant
    }

    /// Looking at the tip: hash, height, and the hash again, so that the two belong together.
    enum TipStep: Hashable, Sendable {
        case look(at: Instant?)
        case height(of: Hash256)
        case again(CandidateTip)
    }

    /// Looking at the list: only if its figures have changed.
    enum ListStep: Hashable, Sendable {
        case look(at: Instant?)
        case list(ServedMempool)
    }

    /// What is wrong, by what shows that it is right again.
    struct Troubles: Sendable {
        /// Any answer.
        var link: ServiceTrouble?
        /// A good answer to that question.
        var answer: (question: RESTQuestion, trouble: ServiceTrouble)?
        /// A true transaction.
        var truth: ServiceTrouble?

        var first: ServiceTrouble? { link ?? answer?.trouble ?? truth }
    }

    let configuration: Configuration
    var state = State.idle
    var asked: Asked?
    var lastID: UInt64 = 0
    var budget: RequestBudget
    var chance: SplitMix64
    var troubles = Troubles()
    /// In a row, of any kind, and refusals alone.
    var failures = 0
    var refusals = 0
    var untruths = 0
    /// The last question was asked again, because the connection that was kept had ended.
    var hasAskedAgain = false
    /// Nothing is asked before.
    var pausedUntil: Instant?

    var book: CandidateBook
    public internal(set) var tip: CandidateTip?
    var tipStep = TipStep.look(at: nil)
    var listStep = ListStep.look(at: nil)
    /// Figures and tag of the list that is held.
    var listFigures: ServedMempool?
    var listTag: String?
    /// The tip moved after the list was asked for the last time.
    var isListBehind = true
    var recentAt: Instant?
    var floorAt: Instant?
    /// Whether the service tells what the next blocks would pay.
    var projects = true
    /// Of a transaction whose bytes are to be asked for.
    var incomplete: ServedTransaction?
    /// All that was wanted at the start was fetched, or there is no room for more.
    var hasGathered = false

    public private(set) var health = ServiceHealth.starting
    private var wakeAt: Instant?

    public init(configuration: Configuration = Configuration()) {
        precondition(configuration.maximumCandidates > 0 && configuration.maximumListed > 0)
        precondition(configuration.refusals > 0 && configuration.untruths > 0)
        self.configuration = configuration
        budget = RequestBudget(interval: configuration.interval, burst: configuration.burst)
        chance = SplitMix64(seed: configuration.seed)
        book = CandidateBook(
            maximumCount: configuration.maximumCandidates, maximumBytes: configuration.maximumBytes)
    }

    /// Everything at this moment; takes time in proportion to the service's list.
    public func snapshot() -> CandidateSnapshot {
        CandidateSnapshot(
            candidates: book.published, tip: tip, isCurrent: tip != nil && !isListBehind,
            listed: book.listed?.count, notFetched: book.notFetched, refusals: book.refusals,
            floor: book.floor)
    }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions = [Action]()
        switch (state, event) {
        case (.idle, .start): state = .following
        case (.following, .start), (.stopped, .start): preconditionFailure("start comes once")
        case (.idle, .stop), (.following, .stop):
            if let asked { actions.append(.abandon(asked.request.id)) }
            asked = nil
            state = .stopped
            return actions
        case (.idle, _), (.stopped, _): return []
        case (.following, .answered(let id, let answer)):
            if let request = finish(id) { answered(request, answer, now, &actions) }
        case (.following, .failed(let id, let failure)):
            if let request = finish(id) { failed(request, failure, now, &actions) }
        case (.following, .woke): break
        }
        checkDeadline(now, &actions)
        let next = pump(now, &actions)
        report(&actions)
        scheduleWake(next, now, &actions)
        return actions
    }

    /// The request that this is the end of; nil for one that was given up.
    private mutating func finish(_ id: UInt64) -> RESTRequest? {
        guard let asked, asked.request.id == id else { return nil }
        self.asked = nil
        return asked.request
    }

    // MARK: Asking

    /// What to ask, or when to look again.
    private enum Next { case ask(RESTQuestion), wait(until: Instant) }

    /// Asks the most urgent question, if it may.
    ///
    /// - Returns: when to look again.
    private mutating func pump(_ now: Instant, _ actions: inout [Action]) -> Instant {
        if let asked { return asked.deadline }
        let earliest = [pausedUntil, budget.ready].compactMap(\.self).max() ?? now
        switch nextQuestion(now) {
        case .wait(let until): return max(until, earliest)
        case .ask where earliest > now: return earliest
        case .ask(let question):
            budget.take(at: now)
            lastID += 1
            let request = RESTRequest(
                id: lastID, question: question, limit: limit(of: question),
                unlessTag: question == .txids && book.listed != nil ? listTag : nil)
            let patience = question == .txids ? configuration.listDeadline : configuration.deadline
            asked = Asked(request: request, deadline: now + patience)
            actions.append(.get(request))
            return now + patience
        }
    }

    private mutating func nextQuestion(_ now: Instant) -> Next {
        // In the order of their urgency.
        var dues: [(at: Instant?, question: RESTQuestion)] = []
        switch tipStep {
        case .look(let at): dues.append((at, .tipHash))
        case .height: dues.append((nil, .tipHeight))
        case .again: dues.append((nil, .tipHash))
        }
        switch listStep {
        case .look(let at): dues.append((at, .mempool))
        case .list: dues.append((nil, .txids))
        }
        if projects { dues.append((floorAt, .projectedBlocks)) }
        dues.append((recentAt, .recent))
        if let due = dues.first(where: { $0.at.map { now >= $0 } ?? true }) { return .ask(due.question) }
        if let incomplete { return .ask(.bytes(incomplete.txid)) }
        if let txid = book.next() { return .ask(.transaction(txid)) }
        if book.listed != nil { hasGathered = true }
        return .wait(until: dues.compactMap(\.at).min() ?? now)
    }

    private func limit(of question: RESTQuestion) -> Int {
        switch question {
        case .tipHash, .tipHeight: 256
        case .mempool, .recent, .projectedBlocks: 256 << 10
        // 64 digits, quotes and a comma, with some white space perhaps.
        case .txids: 72 * configuration.maximumListed + 16
        case .transaction: configuration.maximumAnswer
        case .bytes: min(configuration.maximumAnswer, 2 * 4_000_000 + 16)
        }
    }

    private mutating func checkDeadline(_ now: Instant, _ actions: inout [Action]) {
        guard let asked, now >= asked.deadline else { return }
        self.asked = nil
        actions.append(.abandon(asked.request.id))
        let patience =
            asked.request.question == .txids ? configuration.listDeadline : configuration.deadline
        troubles.link = .stalled(asked.request.question, after: patience)
        backOff(now)
    }

    // MARK: Reporting

    private mutating func report(_ actions: inout [Action]) {
        let now: ServiceHealth
        if let trouble = troubles.first {
            now = .down(trouble)
        } else if tip == nil || book.listed == nil {
            now = .starting
        } else {
            now = hasGathered ? .following : .gathering
        }
        guard now != health else { return }
        health = now
        actions.append(.health(now))
    }

    private mutating func scheduleWake(_ next: Instant, _ now: Instant, _ actions: inout [Action]) {
        guard next > now, next != wakeAt else { return }
        wakeAt = next
        actions.append(.wake(at: next))
    }
}
