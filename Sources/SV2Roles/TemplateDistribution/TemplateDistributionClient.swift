import BitcoinPrimitives
import SV2Codec
import SV2Messages
public import Units

/// The client of one template distribution connection: turns a provider's messages into templates that can be
/// mined, and asks it to begin anew when they do not hold together.
///
/// A provider that serves several clients may leave a SetNewPrevHash out, or send a template under another
/// client's number (sv2-notes §7.3). So nothing is mined whose height does not belong to the tip, transactions are
/// compared with the merkle path, and at the first doubt the constraints are sent again, which providers answer
/// with a template and its tip.
///
/// A value for one connection; the next connection gets a new one, because providers count templates from 1
/// again when they restart. Source: SV2 section 7, sv2-notes §7.
public struct TemplateDistributionClient: Sendable {
    /// Templates kept, transactions included: the newest two of the tip, and two future ones. Source: sv2-notes
    /// §15.
    public static let maximumActive = 2
    public static let maximumFuture = 2
    /// Templates of a connection for which a solution is still sent; then the oldest is forgotten.
    static let maximumSubmittable = 128
    /// How often the provider is asked to begin anew, without anything good in between, before the connection is
    /// given up; from the second time on after a pause, which doubles from one second.
    public static let maximumRestarts = 6
    /// Payload bytes that a provider's messages may have, and RequestTransactionData.Success alone. Source:
    /// sv2-notes §15.
    public static let payloadLimit = 128 << 10
    public static let transactionDataLimit = FrameHeader.maxPayload

    private enum State: Sendable {
        case idle
        case settingUp(until: Instant)
        case ready
        case failed
    }

    /// Where the exchange of constraints for a template with its tip stands.
    private enum Agreement: Sendable {
        /// The first one was never reached. Somebody is told at `tellAt`, once.
        case first(tellAt: Instant?)
        case reached
        /// Asked to begin anew.
        case asked(until: Instant)
        /// Will ask then.
        case pausing(until: Instant)
    }

    private struct Future: Sendable {
        let templateId: UInt64
        let template: DistributedTemplate
        var transactions: TemplateTransactions?
    }

    public let configuration: Configuration
    private var state = State.idle
    private var constraints: CoinbaseOutputConstraints
    private var agreement = Agreement.first(tellAt: nil)
    /// Restarts since the last time that all was well.
    private var restarts = 0
    /// What was activated last, also when its template is not known or was withdrawn.
    private var tip: DistributedTip?
    /// Height of the blocks that build on `tip`; missing when it came without a template.
    private var height: UInt32?
    private var active: [ActiveTemplate] = []  // all of `tip`, newest last
    private var futures: [Future] = []  // newest last
    private var submittable: [UInt64] = []
    /// The one request for transactions under way.
    private var request: (templateId: UInt64, until: Instant)?
    private var ignored = IgnoredMessages()
    private var announcedWake: Instant?

    public init(_ configuration: Configuration) {
        self.configuration = configuration
        constraints = configuration.constraints
    }

    /// Whether the server has accepted the connection.
    public var isReady: Bool {
        if case .ready = state { true } else { false }
    }

    /// What is to be hashed now; `nil` while the provider's word is not to be trusted, or there is none.
    public var current: ActiveTemplate? { active.last }

    /// One of the templates that may be hashed: the newest two of the tip.
    public func activeTemplate(_ templateId: UInt64) -> ActiveTemplate? {
        active.first { $0.templateId == templateId }
    }

    /// Messages that were of no use, since the connection began.
    public var ignoredMessages: Int { ignored.total }

    /// A found block, to be kept before it is sent and for another way to the node.
    ///
    /// - Returns: `nil` when the template is none of the newest two, or its transactions did not arrive.
    public func block(of solution: TemplateSolution) -> [UInt8]? {
        guard let solved = active.first(where: { $0.templateId == solution.templateId }),
            solved.tip.previousBlock == solution.header.previousBlock, let others = solved.transactions
        else { return nil }
        return blockBytes(solution.header, coinbase: solution.coinbaseTx, others.wireBytes)
    }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions: [Action]
        switch event {
        case .connected: actions = begin(at: now)
        case .received(let message): actions = receive(message, at: now)
        case .constrain(let wanted): actions = constrain(wanted, at: now)
        case .solved(let solution): actions = submit(solution)
        case .woke:
            announcedWake = nil
            actions = overdue(at: now)
        }
        actions += requestTransactions(at: now)
        if let next = nextDeadline, next != announcedWake {
            announcedWake = next
            actions.append(.wake(at: next))
        }
        return actions
    }

    /// When `woke` is wanted next.
    public var nextDeadline: Instant? {
        switch state {
        case .idle, .failed: return nil
        case .settingUp(let until): return until
        case .ready:
            let agreementDeadline: Instant? =
                switch agreement {
                case .first(let tellAt): tellAt
                case .reached: nil
                case .asked(let until), .pausing(let until): until
                }
            return [agreementDeadline, request?.until].compactMap { $0 }.min()
        }
    }

    private mutating func begin(at now: Instant) -> [Action] {
        guard case .idle = state else { preconditionFailure("a connection begins once") }
        state = .settingUp(until: now + configuration.setupDeadline)
        return [
            .send(.common(.setupConnection(configuration.identity.setupConnection(protocol: 2, flags: 0))))
        ]
    }

    private mutating func receive(_ message: TemplateDistributionMessage, at now: Instant) -> [Action] {
        switch (state, message) {
        case (.settingUp, .common(.setupConnectionError(let error))):
            return fail(.setupRefused(flags: error.flags, errorCode: error.errorCode))
        case (.settingUp, .common(.setupConnectionSuccess(let success))):
            guard success.usedVersion == protocolVersion else { return fail(.version(success.usedVersion)) }
            state = .ready
            agreement = .first(tellAt: now + configuration.patience)
            return [.send(.coinbaseOutputConstraints(constraints))]
        case (.ready, .newTemplate(let message)): return receive(message, at: now)
        case (.ready, .setNewPrevHash(let message)): return receive(message, at: now)
        case (.ready, .requestTransactionDataSuccess(let answer)): return receive(answer, at: now)
        case (.ready, .requestTransactionDataError(let answer)): return receive(answer, at: now)
        case (.ready, .common(.reconnect(let asked))):
            return [.reconnectAsked(host: asked.newHost, port: asked.newPort)]
        case (.idle, _), (.settingUp, _), (.failed, _), (.ready, .common),
            (.ready, .coinbaseOutputConstraints), (.ready, .requestTransactionData),
            (.ready, .submitSolution):
            return ignore(message.name)
        }
    }

    private mutating func overdue(at now: Instant) -> [Action] {
        switch state {
        case .settingUp(let until) where now >= until: return fail(.deadline(.setup))
        case .idle, .settingUp, .failed: return []
        case .ready: break
        }
        if let request, now >= request.until { return fail(.deadline(.transactionData)) }
        switch agreement {
        case .first(let tellAt?) where now >= tellAt:
            agreement = .first(tellAt: nil)
            return [.stillWaiting]
        case .asked(let until) where now >= until: return restart(.noAnswer, at: now)
        case .pausing(let until) where now >= until: return ask(at: now)
        case .first, .reached, .asked, .pausing: return []
        }
    }

    private mutating func fail(_ fault: TemplateDistributionFault) -> [Action] {
        state = .failed
        (active, futures, submittable, request) = ([], [], [], nil)
        return [.failed(fault)]
    }

    private mutating func ignore(_ name: String) -> [Action] { ignored.count(name) ? [.ignored(name)] : [] }
}

// MARK: Templates and tips

extension TemplateDistributionClient {
    private mutating func receive(_ message: NewTemplate, at now: Instant) -> [Action] {
        let templateId = message.templateId
        let template: DistributedTemplate
        do throws(TemplateDefect) { template = try DistributedTemplate(message) } catch {
            return [.refused(templateId: templateId, error)]
        }
        if let other = known(templateId) {
            guard other != template else { return ignore(NewTemplate.name) }
            return withdraw(templateId) + mistrust(.numberTwice(templateId), at: now)
        }
        if message.futureTemplate { return prepare(templateId, template) }
        guard let tip, template.height == height else {
            return [.refused(templateId: templateId, nil)]
                + mistrust(.otherHeight(template: template.height, tip: height), at: now)
        }
        return activate(ActiveTemplate(templateId: templateId, template: template, tip: tip))
    }

    private mutating func prepare(_ templateId: UInt64, _ template: DistributedTemplate) -> [Action] {
        var actions = [Action]()
        if futures.count == Self.maximumFuture {
            actions.append(.withdrawn(templateId: futures.removeFirst().templateId))
        }
        futures.append(Future(templateId: templateId, template: template))
        return actions + [.future(templateId: templateId, template)]
    }

    private mutating func activate(_ template: ActiveTemplate) -> [Action] {
        if active.count == Self.maximumActive { active.removeFirst() }
        active.append(template)
        if submittable.count == Self.maximumSubmittable { submittable.removeFirst() }
        submittable.append(template.templateId)
        return [.active(template)]
    }

    private mutating func receive(_ message: TemplateSetNewPrevHash, at now: Instant) -> [Action] {
        guard let newTip = DistributedTip(message) else { return fail(.badTip(nBits: message.nBits)) }
        let isSameTip = newTip.previousBlock == tip?.previousBlock
        guard let future = futures.first(where: { $0.templateId == message.templateId }) else {
            if isSameTip, active.contains(where: { $0.templateId == message.templateId }) {
                return ignore(TemplateSetNewPrevHash.name)
            }
            let doubt = TemplateMistrust.unknownTemplate(message.templateId)
            return (isSameTip ? [] : leaveTip(for: newTip)) + mistrust(doubt, at: now)
        }
        if isSameTip, let height, future.template.height != height {
            let doubt = TemplateMistrust.otherHeight(template: future.template.height, tip: height)
            return withdraw(message.templateId) + mistrust(doubt, at: now)
        }
        if !isSameTip { active = [] }
        futures = []  // the other ones were for a tip that did not come
        tip = newTip
        height = future.template.height
        agreement = .reached
        if !configuration.requestsTransactions || future.transactions != nil { restarts = 0 }
        return activate(
            ActiveTemplate(
                templateId: future.templateId, template: future.template, tip: newTip,
                transactions: future.transactions))
    }

    private mutating func leaveTip(for newTip: DistributedTip) -> [Action] {
        tip = newTip
        height = nil
        (active, futures) = ([], [])
        return [.tipWithoutTemplate(newTip)]
    }

    private func known(_ templateId: UInt64) -> DistributedTemplate? {
        active.first { $0.templateId == templateId }?.template
            ?? futures.first { $0.templateId == templateId }?.template
    }

    /// Forgets a template, of which a solution may still be sent: that costs nothing, and may be a block.
    private mutating func withdraw(_ templateId: UInt64) -> [Action] {
        active.removeAll { $0.templateId == templateId }
        futures.removeAll { $0.templateId == templateId }
        return [.withdrawn(templateId: templateId)]
    }

    private mutating func submit(_ solution: TemplateSolution) -> [Action] {
        guard case .ready = state, submittable.contains(solution.templateId) else {
            return [.solutionNotSent(solution)]
        }
        return [.send(.submitSolution(solution.message))]
    }
}

// MARK: Beginning anew

extension TemplateDistributionClient {
    private mutating func constrain(_ wanted: CoinbaseOutputConstraints, at now: Instant) -> [Action] {
        guard wanted != constraints else { return [] }
        constraints = wanted
        guard case .ready = state else { return [] }
        switch agreement {
        case .first: return [.send(.coinbaseOutputConstraints(constraints))]
        case .reached, .asked, .pausing: return ask(at: now)
        }
    }

    /// One restart at a time: while one is under way, further doubts wait for what it brings.
    private mutating func mistrust(_ doubt: TemplateMistrust, at now: Instant) -> [Action] {
        switch agreement {
        case .first, .reached: restart(doubt, at: now)
        case .asked, .pausing: []
        }
    }

    private mutating func restart(_ doubt: TemplateMistrust, at now: Instant) -> [Action] {
        guard restarts < Self.maximumRestarts else { return fail(.outOfSync(doubt)) }
        restarts += 1
        if restarts == 1 { return [.mistrusted(doubt)] + ask(at: now) }
        agreement = .pausing(until: now + .seconds(1 << (restarts - 2)))
        return [.mistrusted(doubt)]
    }

    private mutating func ask(at now: Instant) -> [Action] {
        agreement = .asked(until: now + configuration.answerDeadline)
        return [.send(.coinbaseOutputConstraints(constraints))]
    }
}

// MARK: Transactions

extension TemplateDistributionClient {
    /// Asks for the newest template that still lacks them, one at a time, what is being hashed first.
    private mutating func requestTransactions(at now: Instant) -> [Action] {
        guard case .ready = state, configuration.requestsTransactions, request == nil else { return [] }
        let wanting =
            active.last { $0.transactions == nil }?.templateId
            ?? futures.last { $0.transactions == nil }?.templateId
        guard let templateId = wanting else { return [] }
        request = (templateId, now + configuration.transactionDataDeadline)
        return [.send(.requestTransactionData(RequestTransactionData(templateId: templateId)))]
    }

    private mutating func receive(_ answer: RequestTransactionDataSuccess, at now: Instant) -> [Action] {
        guard answer.templateId == request?.templateId else {
            return ignore(RequestTransactionDataSuccess.name)
        }
        request = nil
        guard let template = known(answer.templateId) else { return [] }  // it went while this was on its way
        do throws(TransactionDataDefect) {
            let transactions = try TemplateTransactions(answer.transactionList, for: template)
            if let index = futures.firstIndex(where: { $0.templateId == answer.templateId }) {
                futures[index].transactions = transactions
            }
            if let index = active.firstIndex(where: { $0.templateId == answer.templateId }) {
                active[index].transactions = transactions
                restarts = 0
            }
            return [.transactions(templateId: answer.templateId, transactions)]
        } catch {
            return withdraw(answer.templateId) + mistrust(.transactionData(answer.templateId, error), at: now)
        }
    }

    private mutating func receive(_ answer: RequestTransactionDataError, at now: Instant) -> [Action] {
        guard answer.templateId == request?.templateId else {
            return ignore(RequestTransactionDataError.name)
        }
        request = nil
        guard known(answer.templateId) != nil else { return [] }
        return withdraw(answer.templateId)
            + mistrust(.noTransactionData(answer.templateId, errorCode: answer.errorCode), at: now)
    }
}

/// A serialized block. - Parameter coinbase: with witness.
func blockBytes(_ header: Header, coinbase: [UInt8], _ transactions: [[UInt8]]) -> [UInt8] {
    var out = header.wireBytes
    out.reserveCapacity(out.count + 9 + coinbase.count + transactions.reduce(0) { $0 + $1.count })
    out.appendCompactSize(transactions.count + 1)
    out += coinbase
    for transaction in transactions { out += transaction }
    return out
}
