import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import Testing
import Units

private let now = ClientFixture.start

@Suite struct ClientTokens {
    @Test func `setup asks for full templates, then two tokens are fetched ahead`() {
        var client = JobDeclarationClient(ClientFixture.declarationConfiguration)
        let setup = SetupConnection(
            protocol: 1, minVersion: 2, maxVersion: 2, flags: 1, endpointHost: "pool.example",
            endpointPort: 3333,
            vendor: "Adit", hardwareVersion: "", firmware: "adit/1", deviceId: "")
        #expect(client.handle(.connected, at: now).first == .send(.common(.setupConnection(setup))))
        let success = JobDeclarationMessage.common(
            .setupConnectionSuccess(SetupConnectionSuccess(usedVersion: 2, flags: 0)))
        let requests = [1, 2].map {
            JobDeclarationClient.Action.send(
                .allocateMiningJobToken(AllocateMiningJobToken(userIdentifier: "miner", requestId: $0)))
        }
        #expect(client.handle(.received(success), at: now).besidesWakes == requests)
        #expect(!client.hasToken(at: now))
        #expect(client.handle(.received(ClientFixture.token(2)), at: now).besidesWakes == [.tokenReceived])
        #expect(client.payoutOutputs == [ClientFixture.payout])
    }

    @Test func `setup and token each have a deadline`() {
        var client = JobDeclarationClient(ClientFixture.declarationConfiguration)
        _ = client.handle(.connected, at: now)
        var other = client
        #expect(client.handle(.woke, at: now + .seconds(5)) == [.failed(.deadline(.setup))])
        let success = SetupConnectionSuccess(usedVersion: 2, flags: 0)
        _ = other.handle(.received(.common(.setupConnectionSuccess(success))), at: now)
        _ = other.handle(.received(ClientFixture.token(1)), at: now)
        #expect(other.handle(.woke, at: now + .seconds(10)) == [.failed(.deadline(.token))])
    }

    @Test func `one token is used for each declaration, and one more fetched`() throws {
        var client = ClientFixture.stockedClient()
        let job = ClientFixture.job()
        let wanted = client.handle(.declare(job, ticket: 1), at: now).besidesWakes
        #expect(
            wanted == [
                .send(.declareMiningJob(job.declareMiningJob(requestId: 3, token: [1]))),
                .send(.allocateMiningJobToken(AllocateMiningJobToken(userIdentifier: "miner", requestId: 4))),
            ])
        _ = client.handle(.declare(job, ticket: 2), at: now)
        #expect(!client.canDeclare(job.coinbase, at: now))
    }

    @Test func `old tokens are replaced unused`() {
        var client = ClientFixture.stockedClient()
        #expect(client.nextDeadline == now + .seconds(3600))
        let wanted = client.handle(.woke, at: now + .seconds(3600)).besidesWakes
        #expect(wanted.count == 2)
        #expect(client.payoutOutputs == nil)
    }

    @Test func `a token is used for a coinbase that pays its outputs only`() {
        var client = JobDeclarationClient(ClientFixture.declarationConfiguration)
        _ = client.handle(.connected, at: now)
        let success = SetupConnectionSuccess(usedVersion: 2, flags: 0)
        _ = client.handle(.received(.common(.setupConnectionSuccess(success))), at: now)
        let other = TransactionOutput(value: .zero, script: [0x52])
        _ = client.handle(.received(ClientFixture.token(1, outputs: [other])), at: now)
        #expect(!client.canDeclare(ClientFixture.job().coinbase, at: now))
        #expect(client.canDeclare(ClientFixture.job(payoutScript: [0x52]).coinbase, at: now))
        _ = client.handle(.received(ClientFixture.token(2)), at: now)
        let wanted = client.handle(.declare(ClientFixture.job(), ticket: 1), at: now)
        #expect(
            wanted.first
                == .send(.declareMiningJob(ClientFixture.job().declareMiningJob(requestId: 3, token: [2]))))
    }

    @Test func `a payout that gets nothing does not count as paid`() {
        var job = ClientFixture.job()
        job.coinbase.outputs[0].value = .zero
        #expect(!job.coinbase.pays([ClientFixture.payout]))
        #expect(!ClientFixture.job().coinbase.pays([]))
    }

    @Test func `outputs that do not parse, or none at all, end the connection`() {
        for (bytes, fault) in [
            ([0], .noPayoutOutput), ([1, 2], .payoutOutputs(.badCount(offset: 0))),
        ] as [([UInt8], JobDeclarationClientFault)] {
            var client = ClientFixture.stockedClient()
            _ = client.handle(.declare(ClientFixture.job(), ticket: 1), at: now)
            let answer = AllocateMiningJobTokenSuccess(
                requestId: 4, miningJobToken: [4], coinbaseTxOutputs: bytes)
            #expect(
                client.handle(.received(.allocateMiningJobTokenSuccess(answer)), at: now) == [.failed(fault)])
        }
    }
}

@Suite struct ClientDeclarations {
    private func ask(_ positions: [UInt16], requestId: UInt32 = 3) -> JobDeclarationClient.Event {
        .received(
            .provideMissingTransactions(
                ProvideMissingTransactions(requestId: requestId, unknownTxPositionList: positions)))
    }

    private func declaring() -> JobDeclarationClient {
        var client = ClientFixture.stockedClient()
        _ = client.handle(.declare(ClientFixture.job(), ticket: 50), at: now)
        return client
    }

    @Test func `missing transactions are handed over in the order asked`() {
        var client = declaring()
        let answer = ProvideMissingTransactionsSuccess(requestId: 3, transactionList: [[2], [0]])
        #expect(
            client.handle(ask([2, 0]), at: now).besidesWakes
                == [
                    .send(.provideMissingTransactionsSuccess(answer)),
                    .transactionsProvided(ticket: 50, count: 2),
                ])
    }

    @Test func `they are handed over once`() {
        var client = declaring()
        _ = client.handle(ask([1]), at: now)
        #expect(client.handle(ask([1]), at: now) == [.ignored("ProvideMissingTransactions")])
    }

    @Test func `a position twice or beyond the list ends the connection`() {
        var client = declaring()
        var other = client
        #expect(client.handle(ask([1, 1]), at: now) == [.failed(.impossiblePosition(1, of: 3))])
        #expect(other.handle(ask([3]), at: now) == [.failed(.impossiblePosition(3, of: 3))])
    }

    @Test func `a request for an unknown declaration is ignored`() {
        var client = declaring()
        #expect(client.handle(ask([0], requestId: 99), at: now) == [.ignored("ProvideMissingTransactions")])
    }

    @Test func `a declaration has a deadline, which missing transactions renew once`() {
        var client = declaring()
        var silent = client
        #expect(silent.handle(.woke, at: now + .seconds(10)).besidesWakes == [.failed(.deadline(.token))])
        _ = client.handle(.received(ClientFixture.token(4)), at: now)
        silent = client
        #expect(
            silent.handle(.woke, at: now + .seconds(10)).besidesWakes == [.failed(.deadline(.declaration))])
        _ = client.handle(ask([0]), at: now + .seconds(9))
        #expect(client.handle(.woke, at: now + .seconds(18)).besidesWakes == [])
        #expect(client.handle(.woke, at: now + .seconds(19)) == [.failed(.deadline(.declaration))])
    }

    @Test func `answers find their declaration, and the last accepted one is remembered`() {
        var client = declaring()
        _ = client.handle(.declare(ClientFixture.job(), ticket: 60), at: now)
        func accept(_ requestId: UInt32) -> [JobDeclarationClient.Action] {
            let answer = DeclareMiningJobSuccess(requestId: requestId, newMiningJobToken: [0xaa])
            return client.handle(.received(.declareMiningJobSuccess(answer)), at: now).besidesWakes
        }
        #expect(accept(5) == [.declared(ticket: 60, token: [0xaa])])
        #expect(client.lastDeclared == 60)
        #expect(accept(5) == [.ignored("DeclareMiningJob.Success")])
        let refusal = DeclareMiningJobError(requestId: 3, errorCode: "invalid-job", errorDetails: [1])
        #expect(
            client.handle(.received(.declareMiningJobError(refusal)), at: now).besidesWakes
                == [.refused(ticket: 50, errorCode: "invalid-job", details: [1])])
        #expect(client.lastDeclared == 60)
    }
}
