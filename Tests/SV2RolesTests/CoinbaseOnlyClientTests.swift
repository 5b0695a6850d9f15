import SV2Codec
import SV2Messages
import SV2Roles
import Testing
import Units

// A declarator's client that declares nothing. Source: sv2-notes §8.1, §11.3.

private let now = ClientFixture.start

private func stockedClient() -> JobDeclarationClient {
    var configuration = ClientFixture.declarationConfiguration
    configuration.declaresTransactions = false
    var client = JobDeclarationClient(configuration)
    _ = client.handle(.connected, at: now)
    _ = client.handle(
        .received(.common(.setupConnectionSuccess(SetupConnectionSuccess(usedVersion: 2, flags: 0)))), at: now
    )
    for requestId in 1...2 as ClosedRange<UInt32> {
        _ = client.handle(.received(ClientFixture.token(requestId)), at: now)
    }
    return client
}

private func flags(_ actions: [JobDeclarationClient.Action]) -> UInt32? {
    for case .send(.common(.setupConnection(let setup))) in actions { return setup.flags }
    return nil
}

@Suite struct CoinbaseOnlyClient {
    @Test func `the setup flag says whether transactions will be declared`() {
        var configuration = ClientFixture.declarationConfiguration
        var full = JobDeclarationClient(configuration)
        #expect(flags(full.handle(.connected, at: now)) == SetupFlags.JobDeclaration.declareTxData)
        configuration.declaresTransactions = false
        var quiet = JobDeclarationClient(configuration)
        #expect(flags(quiet.handle(.connected, at: now)) == 0)
    }

    @Test func `a token is handed out once, the oldest first, and another one asked for`() {
        var client = stockedClient()
        let coinbase = ClientFixture.job().coinbase
        let refill = AllocateMiningJobToken(userIdentifier: "miner", requestId: 3)
        #expect(
            client.handle(.takeToken(coinbase, ticket: 7), at: now).besidesWakes
                == [.token(ticket: 7, token: [1]), .send(.allocateMiningJobToken(refill))])
        #expect(
            client.handle(.takeToken(coinbase, ticket: 8), at: now).besidesWakes.first
                == .token(ticket: 8, token: [2]))
        #expect(!client.canDeclare(coinbase, at: now))
        #expect(client.lastDeclared == nil)
    }

    @Test func `answers to declarations that there are none of are ignored`() {
        var client = stockedClient()
        let success = DeclareMiningJobSuccess(requestId: 1, newMiningJobToken: [9])
        #expect(
            client.handle(.received(.declareMiningJobSuccess(success)), at: now).besidesWakes
                == [.ignored(DeclareMiningJobSuccess.name)])
        let missing = ProvideMissingTransactions(requestId: 1, unknownTxPositionList: [0])
        #expect(
            client.handle(.received(.provideMissingTransactions(missing)), at: now).besidesWakes
                == [.ignored(ProvideMissingTransactions.name)])
    }

    @Test func `a stock that is mistrusted is thrown away and filled anew`() {
        var client = stockedClient()
        let asked = client.handle(.discardTokens, at: now).besidesWakes
        #expect(asked.count == 2)
        #expect(!client.hasToken(at: now))
        _ = client.handle(.received(ClientFixture.token(4)), at: now)
        #expect(
            client.handle(.takeToken(ClientFixture.job().coinbase, ticket: 1), at: now).besidesWakes.first
                == .token(ticket: 1, token: [4]))
    }
}
