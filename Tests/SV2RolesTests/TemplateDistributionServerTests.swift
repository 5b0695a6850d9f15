import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import Testing
import Units

private typealias Fixture = TemplateFixture
private let one = ConnectionID(rawValue: 1)
private let two = ConnectionID(rawValue: 2)

extension TemplateDistributionServer {
    fileprivate mutating func receive(
        _ message: TemplateDistributionMessage, on connection: ConnectionID = one,
        at now: Instant = Fixture.start
    ) -> [Action] { handle(.received(connection, message), at: now) }

    fileprivate mutating func offer(
        _ provided: ProvidedTemplate, to connection: ConnectionID = one,
        _ constraints: CoinbaseOutputConstraints = Fixture.constraints, at now: Instant = Fixture.start
    ) -> [Action] { handle(.template(provided, for: connection, constraints), at: now) }

    /// Lets a client in, up to its constraints.
    fileprivate mutating func letIn(_ connection: ConnectionID = one) {
        _ = handle(.connected(connection), at: Fixture.start)
        _ = receive(Fixture.setup(), on: connection)
        #expect(
            receive(.coinbaseOutputConstraints(Fixture.constraints), on: connection)
                == [.wanted(connection, Fixture.constraints)])
    }

    fileprivate static func ready(_ configuration: Configuration = Configuration()) -> Self {
        var server = TemplateDistributionServer(configuration)
        server.letIn()
        return server
    }
}

private func numbers(_ actions: [TemplateDistributionServer.Action]) -> [String] {
    actions.compactMap {
        switch $0 {
        case .send(_, .newTemplate(let message)):
            "\(message.templateId)\(message.futureTemplate ? " future" : "")"
        case .send(_, .setNewPrevHash(let message)): "tip \(message.templateId)"
        case .send, .close, .wanted, .publish, .solutionRefused, .ignored, .wake: nil
        }
    }
}

@Test func `a template server takes what speaks its protocol and version, whatever the flags`() {
    func answer(_ setup: TemplateDistributionMessage) -> [TemplateDistributionServer.Action] {
        var server = TemplateDistributionServer()
        _ = server.handle(.connected(one), at: Fixture.start)
        return server.receive(setup)
    }
    let success = SetupConnectionSuccess(usedVersion: 2, flags: 0)
    let welcome = [TemplateDistributionServer.Action.send(one, .common(.setupConnectionSuccess(success)))]
    #expect(answer(Fixture.setup()) == welcome)
    #expect(answer(Fixture.setup(versions: 1...9, flags: .max)) == welcome)
    func refused(_ refusal: TemplateSetupRefusal) -> [TemplateDistributionServer.Action] {
        let error = SetupConnectionError(flags: 0, errorCode: WireText(refusal.rawValue))
        return [.send(one, .common(.setupConnectionError(error))), .close(one, .setupRefused(refusal))]
    }
    #expect(answer(Fixture.setup(protocol: 1)) == refused(.unsupportedProtocol))
    #expect(answer(Fixture.setup(versions: 3...4)) == refused(.protocolVersionMismatch))
    #expect(
        answer(.requestTransactionData(RequestTransactionData(templateId: 1)))
            == [.close(one, .beforeSetup("RequestTransactionData"))])
}

@Test func `who says nothing is closed, and a second setup too`() {
    var server = TemplateDistributionServer()
    #expect(server.handle(.connected(one), at: Fixture.start) == [.wake(at: Fixture.start + .seconds(10))])
    #expect(server.handle(.woke, at: Fixture.start + .seconds(10)) == [.close(one, .setupDeadline)])
    server.letIn(two)
    #expect(server.receive(Fixture.setup(), on: two) == [.close(two, .setupTwice)])
    #expect(server.receive(Fixture.setup(), on: two) == [])
}

@Test func `connections beyond the limit are closed, and the old ones stay`() {
    var configuration = TemplateDistributionServer.Configuration()
    configuration.maximumConnections = 1
    var server = TemplateDistributionServer.ready(configuration)
    #expect(
        server.handle(.connected(two), at: Fixture.start) == [.close(two, .tooManyConnections(limit: 1))])
    #expect(numbers(server.offer(Fixture.provided(onTip: 1))) == ["1 future", "tip 1"])
}

@Test func `the first template of a tip comes as a pair, the next ones alone`() {
    var server = TemplateDistributionServer.ready()
    #expect(numbers(server.offer(Fixture.provided(onTip: 1))) == ["1 future", "tip 1"])
    #expect(numbers(server.offer(Fixture.provided(onTip: 1, transactions: 4))) == ["2"])
    #expect(numbers(server.offer(Fixture.provided(onTip: 1, transactions: 4))) == [], "nothing new in it")
    #expect(numbers(server.offer(Fixture.provided(onTip: 2))) == ["3 future", "tip 3"])
}

@Test func `every one of two clients gets the pair at a new tip, with numbers of its own`() {
    var server = TemplateDistributionServer.ready()
    server.letIn(two)
    for tip: UInt8 in 1...4 {
        let first = numbers(server.offer(Fixture.provided(onTip: tip), to: one))
        let second = numbers(server.offer(Fixture.provided(onTip: tip), to: two))
        #expect(first.count == 2 && second.count == 2)
        #expect(Set(first).isDisjoint(with: second))
    }
    // And neither can do anything with the other's number.
    let asked = RequestTransactionData(templateId: 8)
    let error = RequestTransactionDataError(templateId: 8, errorCode: "template-id-not-found")
    #expect(
        server.receive(.requestTransactionData(asked), on: one) == [
            .send(one, .requestTransactionDataError(error))
        ])
}

@Test func `the same constraints again bring the pair again, without a new template being made`() {
    var server = TemplateDistributionServer.ready()
    _ = server.offer(Fixture.provided(onTip: 1))
    let again = server.receive(.coinbaseOutputConstraints(Fixture.constraints))
    #expect(numbers(again) == ["2 future", "tip 2"])
    #expect(again.count == 2)
}

@Test func `other constraints want another template, one at a time, and the last ones count`() {
    var server = TemplateDistributionServer.ready()
    func wanting(_ size: UInt32) -> CoinbaseOutputConstraints {
        CoinbaseOutputConstraints(coinbaseOutputMaxAdditionalSize: size, coinbaseOutputMaxAdditionalSigops: 0)
    }
    #expect(server.receive(.coinbaseOutputConstraints(wanting(100))) == [])
    #expect(server.receive(.coinbaseOutputConstraints(wanting(200))) == [])
    // What was wanted first is of no use any more.
    #expect(server.offer(Fixture.provided(onTip: 1)) == [.wanted(one, wanting(200))])
    #expect(numbers(server.offer(Fixture.provided(onTip: 1), wanting(200))) == ["1 future", "tip 1"])
    #expect(
        server.receive(.coinbaseOutputConstraints(wanting(4_000_001))) == [
            .close(one, .constraints(size: 4_000_001))
        ])
}

@Test func `transactions are handed over for a known template, a few times`() {
    var server = TemplateDistributionServer.ready()
    let provided = Fixture.provided(onTip: 1)
    _ = server.offer(provided)
    let asked = TemplateDistributionMessage.requestTransactionData(RequestTransactionData(templateId: 1))
    for _ in 0..<4 { #expect(server.receive(asked) == [.send(one, provided.data(1))]) }
    #expect(server.receive(asked) == [.close(one, .transactionDataTooOften(templateId: 1))])
}

@Test func `templates of the tip before are there for ten seconds, then they are stale, then forgotten`() {
    var configuration = TemplateDistributionServer.Configuration()
    configuration.maximumStale = 2
    var server = TemplateDistributionServer.ready(configuration)
    let old = Fixture.provided(onTip: 1)
    _ = server.offer(old)
    let until = Fixture.start + .seconds(10)
    _ = server.offer(Fixture.provided(onTip: 2))
    #expect(server.nextDeadline == until)
    let asked = TemplateDistributionMessage.requestTransactionData(RequestTransactionData(templateId: 1))
    #expect(server.receive(asked) == [.send(one, old.data(1))])
    _ = server.handle(.woke, at: until)
    func error(_ code: WireText) -> [TemplateDistributionServer.Action] {
        [
            .send(
                one,
                .requestTransactionDataError(RequestTransactionDataError(templateId: 1, errorCode: code)))
        ]
    }
    #expect(server.receive(asked, at: until) == error("stale-template-id"))
    for tip: UInt8 in 3...5 {
        _ = server.offer(Fixture.provided(onTip: tip), at: until)
        _ = server.handle(.woke, at: until + .seconds(10))
    }
    #expect(server.receive(asked, at: until) == error("template-id-not-found"))
}

@Test func `of too many templates of one tip the oldest goes`() {
    var configuration = TemplateDistributionServer.Configuration()
    configuration.maximumTemplates = 3
    var server = TemplateDistributionServer.ready(configuration)
    for count: UInt8 in 1...4 { _ = server.offer(Fixture.provided(onTip: 1, transactions: count)) }
    let error = RequestTransactionDataError(templateId: 1, errorCode: "stale-template-id")
    #expect(
        server.receive(.requestTransactionData(RequestTransactionData(templateId: 1))) == [
            .send(one, .requestTransactionDataError(error))
        ])
}

// MARK: Solutions

private func solution(
    _ provided: ProvidedTemplate, templateId: UInt64 = 1, _ change: (inout SubmitSolution) -> Void = { _ in }
) -> TemplateDistributionMessage {
    let solved = Fixture.solve(provided, templateId: templateId)
    var message = SubmitSolution(
        templateId: templateId, version: solved.header.version, headerTimestamp: solved.header.time,
        headerNonce: solved.header.nonce, coinbaseTx: solved.coinbaseTx)
    change(&message)
    return .submitSolution(message)
}

@Test func `a solution is published as a whole block, once`() throws {
    var server = TemplateDistributionServer.ready()
    let provided = Fixture.provided(onTip: 1)
    _ = server.offer(provided)
    let actions = server.receive(solution(provided))
    guard case .publish(let bytes, let hash, one) = actions.first, actions.count == 1 else {
        Issue.record("\(actions)")
        return
    }
    let block = try Block(wireBytes: bytes)
    #expect(block.header.hash == hash)
    #expect(block.header == Fixture.solve(provided, templateId: 1).header)
    #expect(block.transactions.dropFirst().map(\.wireBytes) == provided.transactions)
    #expect(server.receive(solution(provided)) == [])
}

@Test func `a solution of the tip before is published for a while`() {
    var server = TemplateDistributionServer.ready()
    let provided = Fixture.provided(onTip: 1)
    _ = server.offer(provided)
    _ = server.offer(Fixture.provided(onTip: 2))
    #expect(server.receive(solution(provided)).count == 1)
    _ = server.handle(.woke, at: Fixture.start + .seconds(10))
    #expect(
        server.receive(solution(provided)) == [
            .solutionRefused(one, templateId: 1, .unknownTemplate)
        ])
}

private func changedCoinbase(_ change: @escaping (inout Transaction) -> Void) -> (inout SubmitSolution) ->
    Void
{
    { message in
        guard var coinbase = try? Transaction(wireBytes: message.coinbaseTx) else { return }
        change(&coinbase)
        message.coinbaseTx = coinbase.wireBytes
    }
}

@Test func `what consensus would refuse is refused with its cause, and nothing traps`() {
    var server = TemplateDistributionServer.ready()
    let provided = Fixture.provided(onTip: 1)
    _ = server.offer(provided)
    let cases: [(SolutionRefusal, (inout SubmitSolution) -> Void)] = [
        (.unknownTemplate, { $0.templateId = 2 }),
        (.coinbase(.truncated(offset: 0, needed: 4)), { $0.coinbaseTx = [] }),
        (.coinbase(.trailing(count: 1)), { $0.coinbaseTx.append(0) }),
        (.notACoinbase, changedCoinbase { $0.inputs[0].previousOutput.index = 0 }),
        (.notACoinbase, changedCoinbase { $0.inputs.append($0.inputs[0]) }),
        (.script, changedCoinbase { $0.inputs[0].scriptSig[1] ^= 1 }),
        (.script, changedCoinbase { $0.inputs[0].scriptSig += [UInt8](repeating: 0, count: 94) }),
        (.outputs, changedCoinbase { $0.outputs.swapAt(0, 1) }),
        (.outputs, changedCoinbase { $0.outputs.removeLast() }),
        (.witness, changedCoinbase { $0.inputs[0].witness = [] }),
        (.witness, changedCoinbase { $0.inputs[0].witness = [[UInt8](repeating: 1, count: 32)] }),
        (.value, changedCoinbase { $0.outputs[0].value = Satoshis(rawValue: .max) }),
        (
            .value,
            changedCoinbase {
                $0.outputs[0].value = provided.template.coinbaseTxValueRemaining + Satoshis(rawValue: 1)
            }
        ),
    ]
    for (refusal, change) in cases {
        #expect(
            server.receive(solution(provided, change)) == [
                .solutionRefused(
                    one, templateId: refusal == .unknownTemplate ? 2 : 1, refusal)
            ], "\(refusal)")
    }
}

@Test func `a hash above the target is no block`() {
    var server = TemplateDistributionServer.ready()
    let provided = Fixture.provided(onTip: 1)
    _ = server.offer(provided)
    // At the easiest bits every other hash is above: one of a few nonces is.
    let refused = (0..<64 as Range<UInt32>).contains { nonce in
        let actions = server.receive(solution(provided) { $0.headerNonce = nonce })
        return actions.contains { if case .solutionRefused(_, 1, .target) = $0 { true } else { false } }
    }
    #expect(refused)
}

@Test func `messages of the other side are told once and dropped`() {
    var server = TemplateDistributionServer.ready()
    let message = Fixture.provided(onTip: 1).newTemplate(1, future: true)
    #expect(server.receive(message) == [.ignored(one, "NewTemplate")])
    #expect(server.receive(message) == [])
}

// MARK: Both together

@Test func `client and server go through tips, better templates and a block together`() throws {
    var server = TemplateDistributionServer()
    var client = TemplateDistributionClient(
        .init(identity: Fixture.identity, constraints: Fixture.constraints))
    var toServer: [TemplateDistributionMessage] = []
    var published: [Hash256] = []
    var offer = Fixture.provided(onTip: 1)

    func take(_ actions: [TemplateDistributionClient.Action]) {
        for action in actions {
            switch action {
            case .send(let message): toServer.append(message)
            case .future, .active, .transactions, .wake: break
            case .tipWithoutTemplate, .withdrawn, .refused, .mistrusted, .stillWaiting, .solutionNotSent,
                .reconnectAsked, .ignored, .failed:
                Issue.record("\(action)")
            }
        }
    }
    func take(_ actions: [TemplateDistributionServer.Action]) {
        for action in actions {
            switch action {
            case .send(_, let message): take(client.handle(.received(message), at: Fixture.start))
            case .wanted(_, let constraints): take(server.offer(offer, constraints))
            case .publish(_, let hash, _): published.append(hash)
            case .wake: break
            case .close, .solutionRefused, .ignored: Issue.record("\(action)")
            }
        }
    }
    func settle() {
        while !toServer.isEmpty { take(server.receive(toServer.removeFirst())) }
    }

    _ = server.handle(.connected(one), at: Fixture.start)
    take(client.handle(.connected, at: Fixture.start))
    settle()
    for tip: UInt8 in 1...9 {
        for count: UInt8 in 3...6 {
            offer = Fixture.provided(onTip: tip, transactions: count)
            take(server.offer(offer))
            settle()
            #expect(client.current?.template == offer.template)
            #expect(client.current?.tip == offer.tip)
            #expect(client.current?.transactions?.wireBytes == offer.transactions)
        }
        let templateId = try #require(client.current).templateId
        take(client.handle(.solved(Fixture.solve(offer, templateId: templateId)), at: Fixture.start))
        settle()
    }
    #expect(published.count == 9)
}
