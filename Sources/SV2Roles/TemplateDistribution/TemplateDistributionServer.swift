import BitcoinPrimitives
import SV2Codec
import SV2Messages
public import Units

/// The server side of template distribution, for many connections at once: gives each its templates, hands over
/// transactions, and turns solutions into blocks. Where templates come from is its owner's business.
///
/// Whether a template is for a new tip is decided for each connection by what that connection was sent, and a
/// template's number belongs to one connection only, so that clients cannot get into each other's way.
///
/// Nothing that one connection sends can trap, or make the server remember more than its configuration says.
/// Source: SV2 section 7, sv2-notes §7.
public struct TemplateDistributionServer: Sendable {
    private struct Served: Sendable {
        let templateId: UInt64
        let provided: ProvidedTemplate
        var answers = 0
    }

    private struct Retired: Sendable {
        var served: Served
        let until: Instant
    }

    private struct Session: Sendable {
        var constraints: CoinbaseOutputConstraints?
        /// What a template is being made for; others may be wanted by now.
        var wish: CoinbaseOutputConstraints?
        var served: [Served] = []  // all of one tip, newest last
        var retired: [Retired] = []  // of tips before, oldest first
        var stale: [UInt64] = []
        var ignored = IgnoredMessages()
    }

    private enum Link: Sendable {
        case waiting(until: Instant)
        case ready(Session)
    }

    public let configuration: Configuration
    private var links: [ConnectionID: Link] = [:]
    private var nextTemplateId: UInt64
    private var published: PublishedBlocks
    private var wakeAt: Instant?

    public init(_ configuration: Configuration = Configuration()) {
        precondition(configuration.maximumTemplates > 0, "a client keeps what it is hashing")
        self.configuration = configuration
        nextTemplateId = configuration.firstTemplateId
        published = PublishedBlocks(limit: configuration.maximumPublished)
    }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions: [Action]
        switch event {
        case .connected(let connection): actions = connect(connection, at: now)
        case .received(let connection, let message): actions = receive(message, on: connection, at: now)
        case .closed(let connection):
            links[connection] = nil
            actions = []
        case .template(let provided, let connection, let constraints):
            actions = take(provided, for: connection, constraints, at: now)
        case .woke:
            wakeAt = nil
            actions = overdue(at: now)
        }
        if let next = nextDeadline, wakeAt.map({ next < $0 }) ?? true {
            wakeAt = next
            actions.append(.wake(at: next))
        }
        return actions
    }

    /// When `woke` is wanted next. Looks at every connection; there are few.
    public var nextDeadline: Instant? {
        links.values.compactMap {
            switch $0 {
            case .waiting(let until): until
            case .ready(let session): session.retired.first?.until
            }
        }.min()
    }

    private mutating func connect(_ connection: ConnectionID, at now: Instant) -> [Action] {
        precondition(links[connection] == nil, "a connection's number is used once")
        guard links.count < configuration.maximumConnections else {
            return [.close(connection, .tooManyConnections(limit: configuration.maximumConnections))]
        }
        links[connection] = .waiting(until: now + configuration.setupDeadline)
        return []
    }

    private mutating func close(_ connection: ConnectionID, _ fault: TemplateConnectionFault) -> [Action] {
        links[connection] = nil
        return [.close(connection, fault)]
    }

    private mutating func receive(
        _ message: TemplateDistributionMessage, on connection: ConnectionID, at now: Instant
    ) -> [Action] {
        switch (links[connection], message) {
        case (nil, _): return []  // it was closed while this was on its way
        case (.waiting, .common(.setupConnection(let setup))): return setUp(setup, connection)
        case (.waiting, _): return close(connection, .beforeSetup(message.name))
        case (.ready, .common(.setupConnection)): return close(connection, .setupTwice)
        case (.ready(var session), _):
            links[connection] = nil  // gives up the other reference, so that lists change in place
            let (actions, fault) = handle(message, of: &session, on: connection, at: now)
            if let fault { return actions + close(connection, fault) }
            links[connection] = .ready(session)
            return actions
        }
    }

    private mutating func setUp(_ setup: SetupConnection, _ connection: ConnectionID) -> [Action] {
        let refusal: TemplateSetupRefusal?
        if setup.protocol != 2 {
            refusal = .unsupportedProtocol
        } else if !(setup.minVersion <= protocolVersion && protocolVersion <= setup.maxVersion) {
            refusal = .protocolVersionMismatch
        } else {
            refusal = nil
        }
        if let refusal {  // this protocol has no flags, so none of them is the reason
            let error = SetupConnectionError(flags: 0, errorCode: WireText(refusal.rawValue))
            return [.send(connection, .common(.setupConnectionError(error)))]
                + close(connection, .setupRefused(refusal))
        }
        links[connection] = .ready(Session())
        let success = SetupConnectionSuccess(usedVersion: protocolVersion, flags: 0)
        return [.send(connection, .common(.setupConnectionSuccess(success)))]
    }

    private mutating func handle(
        _ message: TemplateDistributionMessage, of session: inout Session, on connection: ConnectionID,
        at now: Instant
    ) -> ([Action], TemplateConnectionFault?) {
        switch message {
        case .coinbaseOutputConstraints(let constraints):
            guard constraints.coinbaseOutputMaxAdditionalSize <= CoinbaseOutputConstraints.maximumSize else {
                return ([], .constraints(size: constraints.coinbaseOutputMaxAdditionalSize))
            }
            return (constrain(constraints, &session, connection), nil)
        case .requestTransactionData(let request):
            return answer(request.templateId, &session, connection)
        case .submitSolution(let solution):
            return (submit(solution, session, connection), nil)
        case .common, .newTemplate, .setNewPrevHash, .requestTransactionDataSuccess,
            .requestTransactionDataError:
            return (session.ignored.count(message.name) ? [.ignored(connection, message.name)] : [], nil)
        }
    }

    private mutating func overdue(at now: Instant) -> [Action] {
        var actions = [Action]()
        for connection in links.keys.sorted() {
            switch links[connection] {
            case .waiting(let until) where until <= now: actions += close(connection, .setupDeadline)
            case .ready(var session):
                while let oldest = session.retired.first, oldest.until <= now {
                    session.retired.removeFirst()
                    forget(oldest.served, &session)
                }
                links[connection] = .ready(session)
            case nil, .waiting: break
            }
        }
        return actions
    }
}

// MARK: Templates

extension TemplateDistributionServer {
    /// The same constraints again get the newest template again, with its tip, under a new number; others need a
    /// new one.
    private mutating func constrain(
        _ constraints: CoinbaseOutputConstraints, _ session: inout Session, _ connection: ConnectionID
    ) -> [Action] {
        let isRepeated = session.constraints == constraints
        session.constraints = constraints
        if isRepeated, let newest = session.served.last {
            return serve(newest.provided, isNewTip: true, &session, connection)
        }
        // When the wish comes true, it is looked at what is wanted then.
        guard session.wish == nil else { return [] }
        session.wish = constraints
        return [.wanted(connection, constraints)]
    }

    private mutating func take(
        _ provided: ProvidedTemplate, for connection: ConnectionID,
        _ constraints: CoinbaseOutputConstraints,
        at now: Instant
    ) -> [Action] {
        guard case .ready(var session) = links[connection], let wanted = session.constraints else {
            return []
        }
        links[connection] = nil
        defer { links[connection] = .ready(session) }
        let grantsWish = session.wish == constraints
        if grantsWish { session.wish = nil }
        guard constraints == wanted else {
            guard grantsWish else { return [] }
            session.wish = wanted
            return [.wanted(connection, wanted)]
        }
        let newest = session.served.last?.provided
        let isNewTip = newest?.tip.previousBlock != provided.tip.previousBlock
        if !grantsWish, newest == provided { return [] }
        if isNewTip { retire(&session, at: now) }
        return serve(provided, isNewTip: isNewTip || grantsWish, &session, connection)
    }

    private mutating func serve(
        _ provided: ProvidedTemplate, isNewTip: Bool, _ session: inout Session, _ connection: ConnectionID
    ) -> [Action] {
        let templateId = nextTemplateId
        nextTemplateId += 1
        if session.served.count == configuration.maximumTemplates {
            forget(session.served.removeFirst(), &session)
        }
        session.served.append(Served(templateId: templateId, provided: provided))
        let template = provided.template.newTemplate(templateId: templateId, future: isNewTip)
        let actions = [Action.send(connection, .newTemplate(template))]
        guard isNewTip else { return actions }
        return actions
            + [.send(connection, .setNewPrevHash(provided.tip.setNewPrevHash(templateId: templateId)))]
    }

    private func retire(_ session: inout Session, at now: Instant) {
        let until = now + configuration.staleGrace
        session.retired += session.served.map { Retired(served: $0, until: until) }
        session.served = []
        while session.retired.count > configuration.maximumTemplates {
            forget(session.retired.removeFirst().served, &session)
        }
    }

    private func forget(_ served: Served, _ session: inout Session) {
        if session.stale.count == configuration.maximumStale { session.stale.removeFirst() }
        session.stale.append(served.templateId)
    }
}

// MARK: Requests and solutions

extension TemplateDistributionServer {
    private func answer(
        _ templateId: UInt64, _ session: inout Session, _ connection: ConnectionID
    ) -> ([Action], TemplateConnectionFault?) {
        let wanted: ProvidedTemplate
        let answers: Int
        if let index = session.served.firstIndex(where: { $0.templateId == templateId }) {
            session.served[index].answers += 1
            (wanted, answers) = (session.served[index].provided, session.served[index].answers)
        } else if let index = session.retired.firstIndex(where: { $0.served.templateId == templateId }) {
            session.retired[index].served.answers += 1
            (wanted, answers) = (
                session.retired[index].served.provided, session.retired[index].served.answers
            )
        } else {
            let refusal: TransactionDataRefusal =
                session.stale.contains(templateId) ? .staleTemplate : .unknownTemplate
            let error = RequestTransactionDataError(
                templateId: templateId, errorCode: WireText(refusal.rawValue))
            return ([.send(connection, .requestTransactionDataError(error))], nil)
        }
        guard answers <= configuration.maximumAnswers else {
            return ([], .transactionDataTooOften(templateId: templateId))
        }
        let success = RequestTransactionDataSuccess(
            templateId: templateId, excessData: WitnessCommitment.reservedValue,
            transactionList: wanted.transactions)
        return ([.send(connection, .requestTransactionDataSuccess(success))], nil)
    }

    private mutating func submit(
        _ solution: SubmitSolution, _ session: Session, _ connection: ConnectionID
    ) -> [Action] {
        let known =
            session.served.last { $0.templateId == solution.templateId }
            ?? session.retired.last { $0.served.templateId == solution.templateId }?.served
        do throws(SolutionRefusal) {
            guard let known else { throw .unknownTemplate }
            let (block, hash) = try known.provided.block(solving: solution)
            return published.insert(hash) ? [.publish(block: block, hash: hash, by: connection)] : []
        } catch {
            return [.solutionRefused(connection, templateId: solution.templateId, error)]
        }
    }
}
