import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import Testing
import Units

private typealias Fixture = TemplateFixture

/// A peer that sends everything its protocol knows, in any order, with few numbers so that they meet.
private struct AnythingSayer {
    var generator: SplitMix64
    private let offers = (1...3).flatMap { tip in
        (0...2).map { Fixture.provided(onTip: UInt8(tip), transactions: UInt8($0)) }
    }

    mutating func number(below limit: UInt64) -> UInt64 { UInt64.random(in: 0..<limit, using: &generator) }

    mutating func offer() -> ProvidedTemplate { offers[Int(number(below: UInt64(offers.count)))] }

    /// What a provider may say.
    mutating func providerMessage() -> TemplateDistributionMessage {
        let templateId = number(below: 12)
        let offer = offer()
        switch number(below: 12) {
        case 0...2: return offer.newTemplate(templateId, future: true)
        case 3: return offer.newTemplate(templateId, future: false)
        case 4...6: return offer.setNewPrevHash(templateId)
        case 7, 8: return offer.data(templateId)
        case 9:
            return .requestTransactionDataError(
                RequestTransactionDataError(
                    templateId: templateId, errorCode: WireText(bytes: [0, 27, 0xFF])))
        case 10:
            var message = offer.template.newTemplate(templateId: templateId, future: true)
            message.coinbaseTxOutputsCount = UInt32(truncatingIfNeeded: generator.next())
            message.coinbasePrefix = (0..<number(below: 120)).map { _ in
                UInt8(truncatingIfNeeded: generator.next())
            }
            return .newTemplate(message)
        case _: return Fixture.setupSuccess
        }
    }

    /// What a client may say.
    mutating func clientMessage() -> TemplateDistributionMessage {
        let templateId = number(below: 24)
        switch number(below: 10) {
        case 0...2:
            return .coinbaseOutputConstraints(
                CoinbaseOutputConstraints(
                    coinbaseOutputMaxAdditionalSize: UInt32(number(below: 3)),
                    coinbaseOutputMaxAdditionalSigops: 0))
        case 3...5: return .requestTransactionData(RequestTransactionData(templateId: templateId))
        case 6: return Fixture.setup()
        case 7: return offer().newTemplate(templateId, future: true)
        case _:
            let solved = Fixture.solve(offer(), templateId: templateId)
            var coinbase = solved.coinbaseTx
            if number(below: 2) == 0 {
                coinbase[Int(number(below: UInt64(coinbase.count)))] ^= UInt8(
                    truncatingIfNeeded: generator.next())
            }
            return .submitSolution(
                SubmitSolution(
                    templateId: templateId, version: solved.header.version,
                    headerTimestamp: solved.header.time, headerNonce: solved.header.nonce,
                    coinbaseTx: coinbase))
        }
    }
}

@Test(arguments: UInt64(1)...60)
func `whatever a provider sends, the client hashes only what fits its tip, and asks in bounds`(seed: UInt64) {
    var peer = AnythingSayer(generator: SplitMix64(seed: seed))
    var client = Fixture.readyClient(requestsTransactions: seed % 2 == 0)
    var now = Fixture.start
    var last: ActiveTemplate?
    var requests = 0
    for _ in 0..<600 {
        let actions: [TemplateDistributionClient.Action]
        if let due = client.nextDeadline, peer.number(below: 20) == 0 {
            now = max(now, due)
            actions = client.handle(.woke, at: now)
        } else {
            actions = client.receive(peer.providerMessage(), at: now)
        }
        requests += actions.requestedIds.count
        #expect(actions.count { if case .send(.coinbaseOutputConstraints) = $0 { true } else { false } } <= 1)
        #expect(actions.requestedIds.count <= 1)
        for action in actions {
            if case .tipWithoutTemplate = action { last = nil }
            guard case .active(let template) = action else { continue }
            // The whole point: one tip has one height, in whatever order the messages came.
            if let last, last.tip.previousBlock == template.tip.previousBlock {
                #expect(last.template.height == template.template.height)
            }
            last = template
            #expect(client.current == template)
        }
        if let current = client.current, let transactions = current.transactions {
            #expect(MerkleTree.path(besides: transactions.txids.map(\.hash)) == current.template.merklePath)
        }
        if actions.fault != nil { break }
    }
    #expect(seed % 2 == 0 || requests == 0)
}

@Test(arguments: UInt64(1)...40)
func `whatever clients send, the server answers each alone and publishes nothing but blocks`(seed: UInt64)
    throws
{
    var peer = AnythingSayer(generator: SplitMix64(seed: seed))
    var server = TemplateDistributionServer()
    var next: UInt64 = 0
    var open: [ConnectionID] = []
    var owners: [UInt64: ConnectionID] = [:]
    var now = Fixture.start
    for _ in 0..<800 {
        let actions: [TemplateDistributionServer.Action]
        let speaker = open.isEmpty ? nil : open[Int(peer.number(below: UInt64(open.count)))]
        switch (peer.number(below: 20), speaker) {
        case (0, _), (_, nil):
            next += 1
            open.append(ConnectionID(rawValue: next))
            actions =
                server.handle(.connected(ConnectionID(rawValue: next)), at: now)
                + server.handle(.received(ConnectionID(rawValue: next), Fixture.setup()), at: now)
        case (1, let speaker?): actions = server.handle(.closed(speaker), at: now)
        case (2...7, let speaker?):
            let size = UInt32(peer.number(below: 3))
            let constraints = CoinbaseOutputConstraints(
                coinbaseOutputMaxAdditionalSize: size, coinbaseOutputMaxAdditionalSigops: 0)
            actions = server.handle(.template(peer.offer(), for: speaker, constraints), at: now)
        case (8, _):
            now = server.nextDeadline ?? now
            actions = server.handle(.woke, at: now)
        case (_, let speaker?): actions = server.handle(.received(speaker, peer.clientMessage()), at: now)
        }
        for action in actions {
            switch action {
            case .send(let connection, .newTemplate(let message)):
                #expect(owners[message.templateId] == nil, "a number is used once")
                owners[message.templateId] = connection
            case .send(let connection, .setNewPrevHash(let message)):
                #expect(owners[message.templateId] == connection)
            case .send(let connection, .requestTransactionDataSuccess(let message)):
                #expect(owners[message.templateId] == connection, "another client's transactions")
            case .publish(let bytes, let hash, _):
                let block = try Block(wireBytes: bytes)
                #expect(block.header.hash == hash)
                #expect(block.header.bits.target?.isMet(by: hash) == true)
                #expect(MerkleTree.root(of: block.transactions.map(\.txid.hash)) == block.header.merkleRoot)
            case .close(let connection, _): open.removeAll { $0 == connection }
            case .send, .wanted, .solutionRefused, .ignored, .wake: break
            }
        }
    }
    #expect(owners.count > 3, "the run came to something")
}
