public import BitcoinPrimitives
public import SV2Codec
import SV2Messages
public import Units

/// The client of one job declaration connection: keeps a stock of tokens, declares jobs, hands over the
/// transactions that the server lacks. In coinbase-only mode the tokens alone.
///
/// A value for one connection; the next connection gets a new one. Source: SV2 section 6, sv2-notes §8.
public struct JobDeclarationClient: Sendable {
    /// Declarations that wait for an answer, each with its transactions; beyond that the oldest is forgotten.
    public static let maximumDeclarations = 4
    /// How often the server may ask for transactions of one declaration.
    static let missingTransactionRounds = 1
    /// The code of a `refused` that is our own: the server asked for transactions of which there are no bytes here,
    /// because they came from its own base template. The details are their wtxids, 32 bytes each, as on the wire.
    public static let withoutBytes: WireText = "transactions-without-bytes"

    private enum State: Sendable {
        case idle
        case settingUp(until: Instant)
        case negotiating(ExtensionNegotiation)
        case ready
        case failed
    }

    private struct Token: Sendable {
        let bytes: [UInt8]
        let outputs: [TransactionOutput]
        let expires: Instant
    }

    private struct TokenRequest: Sendable {
        let requestId: UInt32
        let until: Instant
    }

    private struct Declaration: Sendable {
        let requestId: UInt32
        let ticket: UInt64
        let job: ComposedJob
        var rounds = 0
        var until: Instant
    }

    public let configuration: Configuration
    private var state = State.idle
    private var nextRequestId: UInt32 = 1
    // Both together hold at most `tokenStock`, oldest first.
    private var tokens: [Token] = []
    private var tokenRequests: [TokenRequest] = []
    private var declarations: [Declaration] = []
    private var ignored = IgnoredMessages()
    private var wakes = WakeRequest()
    /// Those of the configuration's extensions that the server speaks too.
    public private(set) var grantedExtensions: Set<UInt16> = []
    /// The job whose declaration was accepted last: the only one that a solution can be pushed for.
    public private(set) var lastDeclared: UInt64?

    public init(_ configuration: Configuration) { self.configuration = configuration }

    /// Whether the server has accepted the connection, and extensions are agreed on.
    public var isReady: Bool {
        if case .ready = state { true } else { false }
    }

    /// The outputs that came with the token to be used next, the pool's payout first; `nil` while there is no
    /// token.
    public var payoutOutputs: [TransactionOutput]? { tokens.first?.outputs }

    /// Whether there is any token that is not too old.
    public func hasToken(at now: Instant) -> Bool { tokens.contains { now < $0.expires } }

    /// Whether there is a token whose outputs this coinbase has.
    public func canDeclare(_ coinbase: CoinbaseParts, at now: Instant) -> Bool {
        token(for: coinbase, at: now) != nil
    }

    /// Messages that were of no use, since the connection began.
    public var ignoredMessages: Int { ignored.total }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions: [Action]
        switch event {
        case .connected: actions = begin(at: now)
        case .received(let message): actions = receive(message, at: now)
        case .declare(let job, let ticket): actions = declare(job, ticket: ticket, at: now)
        case .takeToken(let coinbase, let ticket): actions = take(for: coinbase, ticket: ticket, at: now)
        case .discardTokens:
            tokens = []
            actions = []
        case .pushSolution(let header, let extranonce): actions = push(header, extranonce: extranonce)
        case .woke:
            wakes.woke()
            actions = overdue(at: now)
        }
        actions += refill(at: now)
        if let next = wakes.news(nextDeadline) { actions.append(.wake(at: next)) }
        return actions
    }

    /// When `woke` is wanted next.
    public var nextDeadline: Instant? {
        switch state {
        case .idle, .failed: nil
        case .settingUp(let until): until
        case .negotiating(let negotiation): negotiation.until
        case .ready:
            [tokens.first?.expires, tokenRequests.first?.until, declarations.map(\.until).min()]
                .compactMap { $0 }.min()
        }
    }

    private mutating func begin(at now: Instant) -> [Action] {
        guard case .idle = state else { preconditionFailure("a connection begins once") }
        state = .settingUp(until: now + configuration.setupDeadline)
        let setup = configuration.identity.setupConnection(
            protocol: 1,
            flags: configuration.declaresTransactions ? SetupFlags.JobDeclaration.declareTxData : 0)
        return [.send(.common(.setupConnection(setup)))]
    }

    private mutating func overdue(at now: Instant) -> [Action] {
        switch state {
        case .settingUp(let until) where now >= until: return fail(.deadline(.setup))
        case .negotiating(let negotiation) where now >= negotiation.until: return begin(with: [])
        case .ready:
            tokens.removeAll { now >= $0.expires }
            if let request = tokenRequests.first, now >= request.until { return fail(.deadline(.token)) }
            if declarations.contains(where: { now >= $0.until }) { return fail(.deadline(.declaration)) }
            return []
        case .idle, .settingUp, .negotiating, .failed: return []
        }
    }

    private mutating func fail(_ fault: JobDeclarationClientFault) -> [Action] {
        state = .failed
        declarations = []
        return [.failed(fault)]
    }

    private mutating func ignore(_ name: String) -> [Action] { ignored.count(name) ? [.ignored(name)] : [] }
}

// MARK: Extensions. Source: sv2-notes §4.2.

extension JobDeclarationClient {
    private mutating func accepted(at now: Instant) -> [Action] {
        guard !configuration.extensions.isEmpty else { return begin(with: []) }
        return negotiate(
            ExtensionNegotiation(
                wanted: configuration.extensions, at: now, deadline: configuration.extensionsDeadline))
    }

    private mutating func negotiate(_ negotiation: ExtensionNegotiation) -> [Action] {
        state = .negotiating(negotiation)
        return [.send(.common(.requestExtensions(negotiation.request)))]
    }

    private mutating func begin(with extensions: Set<UInt16>) -> [Action] {
        (state, grantedExtensions) = (.ready, extensions)
        return []
    }
}

// MARK: Tokens

extension JobDeclarationClient {
    /// Asks for as many tokens as the stock lacks.
    private mutating func refill(at now: Instant) -> [Action] {
        guard case .ready = state else { return [] }
        var actions = [Action]()
        while tokens.count + tokenRequests.count < configuration.tokenStock {
            let requestId = takeRequestId()
            tokenRequests.append(TokenRequest(requestId: requestId, until: now + configuration.tokenDeadline))
            let request = AllocateMiningJobToken(
                userIdentifier: configuration.userIdentifier, requestId: requestId)
            actions.append(.send(.allocateMiningJobToken(request)))
        }
        return actions
    }

    private mutating func receive(_ answer: AllocateMiningJobTokenSuccess, at now: Instant) -> [Action] {
        guard let index = tokenRequests.firstIndex(where: { $0.requestId == answer.requestId }) else {
            return ignore(AllocateMiningJobTokenSuccess.name)
        }
        tokenRequests.remove(at: index)
        do throws(ParsingFault) {
            let outputs = try TransactionOutput.list(wireBytes: answer.coinbaseTxOutputs)
            guard !outputs.isEmpty else { return fail(.noPayoutOutput) }
            tokens.append(
                Token(
                    bytes: answer.miningJobToken, outputs: outputs, expires: now + configuration.tokenLifetime
                ))
            return [.tokenReceived]
        } catch {
            return fail(.payoutOutputs(error))
        }
    }

    private func token(for coinbase: CoinbaseParts, at now: Instant) -> Int? {
        tokens.firstIndex { now < $0.expires && coinbase.pays($0.outputs) }
    }

    /// Hands out a token without a declaration. It is used up, whatever comes of the job.
    private mutating func take(for coinbase: CoinbaseParts, ticket: UInt64, at now: Instant) -> [Action] {
        guard !configuration.declaresTransactions, let index = token(for: coinbase, at: now) else {
            preconditionFailure("tokens are for declarations, or for what canDeclare allows")
        }
        return [.token(ticket: ticket, token: tokens.remove(at: index).bytes)]
    }
}

// MARK: Declarations

extension JobDeclarationClient {
    private mutating func declare(_ job: ComposedJob, ticket: UInt64, at now: Instant) -> [Action] {
        guard configuration.declaresTransactions, let index = token(for: job.coinbase, at: now) else {
            preconditionFailure("only what canDeclare allows may be declared, and in full-template mode")
        }
        let token = tokens.remove(at: index)
        let requestId = takeRequestId()
        if declarations.count == Self.maximumDeclarations { declarations.removeFirst() }
        declarations.append(
            Declaration(
                requestId: requestId, ticket: ticket, job: job, until: now + configuration.declarationDeadline
            ))
        return [.send(.declareMiningJob(job.declareMiningJob(requestId: requestId, token: token.bytes)))]
    }

    private mutating func receive(_ message: JobDeclarationMessage, at now: Instant) -> [Action] {
        switch (state, message) {
        case (.settingUp, .common(let common)):
            switch SetupAnswer(common) {
            case .accepted: return accepted(at: now)
            case .refused(let flags, let code): return fail(.setupRefused(flags: flags, errorCode: code))
            case .version(let version): return fail(.version(version))
            case nil: return ignore(message.name)
            }
        case (.negotiating(let negotiation), .common(let common)):
            switch negotiation.receive(common, at: now) {
            case .granted(let extensions): return begin(with: extensions)
            case .askAgain(let again): return negotiate(again)
            case .impossible(let extensions): return fail(.extensionsRequired(extensions))
            case nil: return ignore(message.name)
            }
        case (.ready, .allocateMiningJobTokenSuccess(let answer)):
            return receive(answer, at: now)
        case (.ready, .declareMiningJobSuccess(let answer)):
            guard let declaration = settle(answer.requestId) else { return ignore(message.name) }
            lastDeclared = declaration.ticket
            return [.declared(ticket: declaration.ticket, token: answer.newMiningJobToken)]
        case (.ready, .declareMiningJobError(let answer)):
            guard let declaration = settle(answer.requestId) else { return ignore(message.name) }
            return [
                .refused(
                    ticket: declaration.ticket, errorCode: answer.errorCode, details: answer.errorDetails)
            ]
        case (.ready, .provideMissingTransactions(let request)):
            return provide(request, at: now)
        case (.ready, .common(.reconnect(let asked))):
            return [.reconnectAsked(host: asked.newHost, port: asked.newPort)]
        case (.idle, _), (.settingUp, _), (.negotiating, _), (.failed, _), (.ready, .common),
            (.ready, .allocateMiningJobToken), (.ready, .declareMiningJob),
            (.ready, .provideMissingTransactionsSuccess),
            (.ready, .pushSolution):
            return ignore(message.name)
        }
    }

    /// Hands over what the server lacks: in the order asked for, no more and no less. Source: sv2-notes §8.4.
    private mutating func provide(_ request: ProvideMissingTransactions, at now: Instant) -> [Action] {
        guard
            let index = declarations.firstIndex(where: { $0.requestId == request.requestId }),
            declarations[index].rounds < Self.missingTransactionRounds
        else { return ignore(ProvideMissingTransactions.name) }
        let declaration = declarations[index]
        var asked = Set<UInt16>()
        var transactions = [[UInt8]]()
        var lacking = [UInt8]()
        for position in request.unknownTxPositionList {
            let known = declaration.job.transactions
            // Asked for twice, a large transaction could fill our memory 65,535 times.
            guard Int(position) < known.count, asked.insert(position).inserted else {
                return fail(.impossiblePosition(position, of: known.count))
            }
            let entry = known[Int(position)]
            if entry.wireBytes.isEmpty { lacking += entry.wtxid.hash.wireBytes }
            transactions.append(entry.wireBytes)
        }
        guard lacking.isEmpty else {
            _ = settle(request.requestId)
            // An empty list ends the declaration there too, before its deadline.
            let nothing = ProvideMissingTransactionsSuccess(
                requestId: request.requestId, transactionList: [])
            return [
                .send(.provideMissingTransactionsSuccess(nothing)),
                .refused(ticket: declaration.ticket, errorCode: Self.withoutBytes, details: lacking),
            ]
        }
        declarations[index].rounds += 1
        declarations[index].until = now + configuration.declarationDeadline
        let answer = ProvideMissingTransactionsSuccess(
            requestId: request.requestId, transactionList: transactions)
        return [
            .send(.provideMissingTransactionsSuccess(answer)),
            .transactionsProvided(ticket: declaration.ticket, count: transactions.count),
        ]
    }

    private mutating func push(_ header: Header, extranonce: [UInt8]) -> [Action] {
        guard case .ready = state else { preconditionFailure("solutions need a connection that is set up") }
        let solution = PushSolution(
            extranonce: extranonce, prevHash: header.previousBlock.onWire, nonce: header.nonce,
            ntime: header.time,
            nbits: header.bits.bits, version: header.version)
        return [.send(.pushSolution(solution))]
    }

    private mutating func settle(_ requestId: UInt32) -> Declaration? {
        guard let index = declarations.firstIndex(where: { $0.requestId == requestId }) else { return nil }
        return declarations.remove(at: index)
    }

    private mutating func takeRequestId() -> UInt32 {
        defer { nextRequestId &+= 1 }
        return nextRequestId
    }
}
