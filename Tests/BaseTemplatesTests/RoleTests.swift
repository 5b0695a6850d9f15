import BaseTemplates
import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import TemplateBuilding
import Testing
import Units

/// The extension beside the roles that it belongs to: a pool and a declarator on one connection.
struct RoleTests {
    /// Frames of both kinds go over one connection, as bytes.
    private struct Household {
        var pool: Pool
        var declarator: JobDeclarationClient
        var rig = Rig()
        let connection = ConnectionID(rawValue: 1)
        var declared: [[UInt8]] = []
        var refused: [(code: WireText, details: [UInt8])] = []
        var now = instant(0)

        init(poolSpeaks: Bool, clientAsks: Bool) {
            var configuration = PoolConfiguration(
                payoutScript: payoutScript, sharesPerMinute: 6, tokenSeed: 5)
            if poolSpeaks { configuration.declarationExtensions = [BaseTemplateExtension.extensionType] }
            pool = Pool(configuration)
            let identity = ClientIdentity(
                endpointHost: "pool", endpointPort: 1, vendor: "Adit", hardwareVersion: "", firmware: "")
            var client = JobDeclarationClient.Configuration(identity: identity, userIdentifier: "user")
            if clientAsks { client.extensions = [BaseTemplateExtension.extensionType] }
            declarator = JobDeclarationClient(client)
        }

        mutating func connect() {
            perform(pool.handle(.declarationConnected(connection), at: now, unixTime: clock))
            perform(declarator.handle(.connected, at: now))
        }

        mutating func perform(_ actions: [PoolAction]) {
            for action in actions {
                switch action {
                case .sendDeclaration(_, let message):
                    perform(declarator.handle(.received(message), at: now))
                case .check(let id, _):
                    perform(pool.handle(.checked(id, refusal: nil), at: now, unixTime: clock))
                case _: break
                }
            }
        }

        mutating func perform(_ actions: [JobDeclarationClient.Action]) {
            for action in actions {
                switch action {
                case .send(let message):
                    perform(pool.handle(.declaration(connection, message), at: now, unixTime: clock))
                case .declared(_, let token): declared.append(token)
                case .refused(_, let code, let details): refused.append((code, details))
                case _: break
                }
            }
        }

        mutating func declare(ticket: UInt64) throws {
            let plan = CoinbasePlan(
                payouts: try #require(declarator.payoutOutputs), tag: [], extranonceSize: 12)
            let proposal = try #require(try rig.light.build(plan: plan)).proposal
            let job = ComposedJob(
                version: proposal.next.version, previousBlock: proposal.next.previousBlock,
                minimumTime: proposal.next.minimumTime, bits: proposal.next.bits,
                coinbase: proposal.coinbase,
                merklePath: proposal.merklePath,
                transactions: proposal.transactions.map { .init(wtxid: $0.wtxid, wireBytes: $0.wireBytes) })
            #expect(declarator.canDeclare(job.coinbase, at: now))
            perform(declarator.handle(.declare(job, ticket: ticket), at: now))
        }
    }

    /// Whole transactions, as the pool's node has them; the last spends from the first.
    private func transactions() -> [MempoolEntry] {
        var first: Txid?
        return (1...4).map { number in
            let parent = number == 4 ? first : nil
            let input = TransactionInput(
                previousOutput: OutPoint(txid: parent ?? txid(number), index: 0), scriptSig: [],
                sequence: 0xFFFF_FFFF, witness: [[UInt8(number)]])
            let transaction = Transaction(
                version: 2, inputs: [input],
                outputs: [
                    TransactionOutput(value: Satoshis(rawValue: 10_000 - UInt64(number)), script: [0x51])
                ], lockTime: 0)
            if number == 1 { first = transaction.txid }
            return MempoolEntry(
                txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: 0,
                fee: Satoshis(rawValue: UInt64(number) * 100), parents: parent.map { [$0] } ?? [],
                wireBytes: transaction.wireBytes)
        }
    }

    @Test
    func `a job chosen without a single transaction is declared, and the pool takes it`() throws {
        var house = Household(poolSpeaks: true, clientAsks: true)
        let entries = transactions()
        house.perform(house.pool.handle(.tip(next(1)), at: house.now, unixTime: clock))
        house.perform(house.pool.handle(.knownTransactions(entries), at: house.now, unixTime: clock))
        house.rig.offer(.block(next(1), entries))
        house.connect()
        #expect(house.declarator.grantedExtensions == [BaseTemplateExtension.extensionType])
        #expect(house.pool.extensions(of: house.connection) == [BaseTemplateExtension.extensionType])
        house.rig.tell(.negotiated(house.declarator.grantedExtensions))
        house.rig.settle()
        #expect(house.rig.light.mempool.count == 4)
        try house.declare(ticket: 1)
        #expect(house.declared.count == 1 && house.refused.isEmpty)
    }

    @Test
    func `a pool that lacks what it listed is told nothing, and the transaction is kept out of the next job`()
        throws
    {
        var house = Household(poolSpeaks: true, clientAsks: true)
        let entries = transactions()
        house.perform(house.pool.handle(.tip(next(1)), at: house.now, unixTime: clock))
        let known = Array(entries.dropFirst().dropLast())
        house.perform(house.pool.handle(.knownTransactions(known), at: house.now, unixTime: clock))
        house.rig.offer(.block(next(1), entries))
        house.connect()
        house.rig.tell(.negotiated(house.declarator.grantedExtensions))
        house.rig.settle()
        try house.declare(ticket: 1)
        let refusal = try #require(house.refused.first)
        #expect(refusal.code == JobDeclarationClient.withoutBytes && house.declared.isEmpty)
        let unknown = Set([entries[0].wtxid, entries[3].wtxid])
        let named = stride(from: 0, to: refusal.details.count, by: 32).compactMap {
            Hash256(wireBytes: refusal.details[$0..<$0 + 32]).map { Wtxid($0) }
        }
        #expect(Set(named) == unknown)
        house.rig.now = instant(10_000)
        house.rig.tell(.unknownTransactions(named))
        house.rig.settle()
        #expect(house.rig.client.withheld == unknown)
        try house.declare(ticket: 2)
        #expect(house.declared.count == 1)
    }

    @Test
    func `a pool that does not speak the extension leaves the declarator as it was`() {
        var house = Household(poolSpeaks: false, clientAsks: true)
        house.connect()
        #expect(house.declarator.isReady && house.declarator.grantedExtensions.isEmpty)
        house.rig.tell(.negotiated(house.declarator.grantedExtensions))
        #expect(house.rig.fault == .notGranted)
    }

    @Test
    func `a server that stays silent about extensions costs one second`() {
        var house = Household(poolSpeaks: true, clientAsks: true)
        _ = house.declarator.handle(.connected, at: house.now)
        let success = SetupConnectionSuccess(usedVersion: 2, flags: 0)
        _ = house.declarator.handle(.received(.common(.setupConnectionSuccess(success))), at: house.now)
        #expect(!house.declarator.isReady)
        #expect(house.declarator.nextDeadline == instant(1_000))
        _ = house.declarator.handle(.woke, at: instant(1_000))
        #expect(house.declarator.isReady && house.declarator.grantedExtensions.isEmpty)
    }
}
