import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import Testing
import Units

private typealias Fixture = TemplateFixture

@Test func `transactions are asked for one template at a time, what is hashed first`() {
    var client = Fixture.readyClient()
    let first = Fixture.provided(onTip: 1)
    let second = Fixture.provided(onTip: 1, transactions: 5)
    let third = Fixture.provided(onTip: 1, transactions: 6)
    #expect(client.receive(first.newTemplate(5, future: true)).requestedIds == [5])
    #expect(client.receive(first.setNewPrevHash(5), second.newTemplate(6, future: false)).requestedIds == [])
    #expect(client.receive(third.newTemplate(7, future: true)).requestedIds == [])
    let answer = client.receive(first.data(5))
    #expect(answer.requestedIds == [6])
    #expect(answer.contains { if case .transactions(5, _) = $0 { true } else { false } })
    #expect(client.receive(second.data(6)).requestedIds == [7])
}

@Test func `transactions that came for a future template are there when its tip comes`() {
    var client = Fixture.readyClient()
    let offered = Fixture.provided(onTip: 1)
    _ = client.receive(offered.newTemplate(5, future: true), offered.data(5), offered.setNewPrevHash(5))
    #expect(client.current?.transactions?.wireBytes == offered.transactions)
}

@Test func `transactions of another template withdraw it and ask anew`() {
    var client = Fixture.readyClient()
    let offered = Fixture.provided(onTip: 1)
    _ = client.receive(offered.newTemplate(5, future: true), offered.setNewPrevHash(5))
    let foreign = Fixture.provided(onTip: 1, seed: 9)
    let actions = client.receive(foreign.data(5))
    #expect(actions.contains(.withdrawn(templateId: 5)))
    #expect(actions.mistrust == [.transactionData(5, .otherMerklePath)])
    #expect(actions.asksAnew)
    #expect(client.current == nil)
}

@Test func `a provider that mixes up every template is given up`() {
    var client = Fixture.readyClient()
    let offered = Fixture.provided(onTip: 1)
    let foreign = Fixture.provided(onTip: 1, seed: 9)
    var now = Fixture.start
    var fault: TemplateDistributionFault?
    for templateId in UInt64(1)...20 where fault == nil {
        var actions = client.receive(
            offered.newTemplate(templateId, future: true), offered.setNewPrevHash(templateId),
            foreign.data(templateId), at: now)
        if !actions.asksAnew, let next = client.nextDeadline {  // a pause: wait it out
            now = next
            actions += client.handle(.woke, at: now)
        }
        fault = actions.fault
        #expect(templateId <= 7)
    }
    #expect(fault == .outOfSync(.transactionData(7, .otherMerklePath)))
}

@Test func `one good template lets the count of restarts begin again`() {
    var client = Fixture.readyClient()
    let offered = Fixture.provided(onTip: 1)
    let foreign = Fixture.provided(onTip: 1, seed: 9)
    for templateId in stride(from: UInt64(1), to: 41, by: 2) {
        let bad = client.receive(
            offered.newTemplate(templateId, future: true), offered.setNewPrevHash(templateId),
            foreign.data(templateId))
        #expect(bad.asksAnew, "without a pause: the last restart was long forgotten")
        let good = client.receive(
            offered.newTemplate(templateId + 1, future: true), offered.setNewPrevHash(templateId + 1),
            offered.data(templateId + 1))
        #expect(good.fault == nil)
    }
}

@Test func `a provider without the transactions of its template is asked anew`() {
    var client = Fixture.readyClient()
    let offered = Fixture.provided(onTip: 1)
    _ = client.receive(offered.newTemplate(5, future: true), offered.setNewPrevHash(5))
    let error = RequestTransactionDataError(templateId: 5, errorCode: "template-id-not-found")
    let actions = client.receive(.requestTransactionDataError(error))
    #expect(actions.contains(.withdrawn(templateId: 5)))
    #expect(actions.mistrust == [.noTransactionData(5, errorCode: "template-id-not-found")])
    #expect(actions.asksAnew)
}

@Test func `an answer for a template that has gone by is let pass`() {
    var client = Fixture.readyClient()
    let old = Fixture.provided(onTip: 1)
    let new = Fixture.provided(onTip: 2)
    _ = client.receive(old.newTemplate(5, future: true), old.setNewPrevHash(5))
    _ = client.receive(new.newTemplate(6, future: true), new.setNewPrevHash(6))
    let error = RequestTransactionDataError(templateId: 5, errorCode: "stale-template-id")
    let actions = client.receive(.requestTransactionDataError(error))
    #expect(actions.mistrust.isEmpty)
    #expect(actions.requestedIds == [6])
}

@Test func `answers that nobody asked for are counted and dropped`() {
    var client = Fixture.readyClient()
    let offered = Fixture.provided(onTip: 1)
    _ = client.receive(offered.newTemplate(5, future: true), offered.setNewPrevHash(5))
    #expect(client.receive(offered.data(4)) == [.ignored("RequestTransactionData.Success")])
    #expect(client.receive(offered.data(4)) == [])
    #expect(client.ignoredMessages == 2)
    #expect(client.current?.transactions == nil)
}

@Test func `no answer to a request for transactions ends the connection`() {
    var client = Fixture.readyClient()
    let offered = Fixture.provided(onTip: 1)
    _ = client.receive(offered.newTemplate(5, future: true), offered.setNewPrevHash(5))
    #expect(client.nextDeadline == Fixture.start + .seconds(30))
    #expect(client.handle(.woke, at: Fixture.start + .seconds(30)).fault == .deadline(.transactionData))
}

// MARK: Are these the template's?

private func defect(_ wireBytes: [[UInt8]], _ template: DistributedTemplate) -> TransactionDataDefect? {
    do throws(TransactionDataDefect) {
        _ = try TemplateTransactions(wireBytes, for: template)
        return nil
    } catch {
        return error
    }
}

@Test func `transactions are compared with path and commitment`() throws {
    let offered = Fixture.provided(onTip: 1, transactions: 5)
    let list = offered.transactions
    #expect(defect(list, offered.template) == nil)
    #expect(defect([], Fixture.provided(onTip: 1, transactions: 0).template) == nil)
    #expect(defect([], offered.template) == .otherMerklePath)
    #expect(defect(list.reversed(), offered.template) == .otherMerklePath)
    #expect(
        defect([list[0], [0x00]], offered.template) == .unreadable(index: 1, .truncated(offset: 0, needed: 3))
    )
    #expect(defect(list + [list[4]], offered.template) == .otherMerklePath)
    // A witness changed: the same txids, so the same path.
    var changed = try Transaction(wireBytes: list[1])
    changed.inputs[0].witness = [[0xff]]
    #expect(defect([list[0], changed.wireBytes] + list[2...], offered.template) == .otherWitnesses)
}

@Test func `a list whose tail is repeated is not taken for the list`() throws {
    // Coinbase and five: the last pair of the second level is paired with itself, so repeating it keeps the root.
    let offered = Fixture.provided(onTip: 1, transactions: 5)
    let repeated = offered.transactions + offered.transactions.suffix(2)
    #expect(defect(repeated, offered.template) == .repeated)
}

@Test func `witnesses that nothing commits to are no block`() throws {
    var message = Fixture.provided(onTip: 1).template.newTemplate(templateId: 1, future: true)
    (message.coinbaseTxOutputsCount, message.coinbaseTxOutputs) = (0, [])
    let bare = try DistributedTemplate(message)
    #expect(defect(Fixture.provided(onTip: 1).transactions, bare) == .noWitnessCommitment)
}

// MARK: A block is found

@Test func `a found block goes out as a solution, and is whole in our hands`() throws {
    var client = Fixture.readyClient()
    let offered = Fixture.provided(onTip: 1)
    _ = client.receive(offered.newTemplate(5, future: true), offered.setNewPrevHash(5))
    let solution = Fixture.solve(offered, templateId: 5)
    #expect(client.block(of: solution) == nil, "its transactions are not there yet")
    _ = client.receive(offered.data(5))
    let block = try Block(wireBytes: try #require(client.block(of: solution)))
    #expect(block.header == solution.header)
    #expect(block.transactions.dropFirst().map(\.wireBytes) == offered.transactions)
    #expect(MerkleTree.root(of: block.transactions.map(\.txid.hash)) == block.header.merkleRoot)
    let sent = SubmitSolution(
        templateId: 5, version: solution.header.version, headerTimestamp: solution.header.time,
        headerNonce: solution.header.nonce, coinbaseTx: solution.coinbaseTx)
    #expect(client.handle(.solved(solution), at: Fixture.start) == [.send(.submitSolution(sent))])
}

@Test func `a block of the tip before is still sent, one of another connection is not`() {
    var client = Fixture.readyClient(requestsTransactions: false)
    let old = Fixture.provided(onTip: 1)
    let new = Fixture.provided(onTip: 2)
    _ = client.receive(old.newTemplate(5, future: true), old.setNewPrevHash(5))
    _ = client.receive(new.newTemplate(6, future: true), new.setNewPrevHash(6))
    let late = Fixture.solve(old, templateId: 5)
    #expect(client.handle(.solved(late), at: Fixture.start).count == 1)
    var other = Fixture.readyClient()
    #expect(other.handle(.solved(late), at: Fixture.start) == [.solutionNotSent(late)])
}

@Test func `a template that was never active cannot be solved`() {
    var client = Fixture.readyClient()
    let offered = Fixture.provided(onTip: 1)
    _ = client.receive(offered.newTemplate(5, future: true))
    let solution = Fixture.solve(offered, templateId: 5)
    #expect(client.handle(.solved(solution), at: Fixture.start) == [.solutionNotSent(solution)])
}

@Test func `a coinbase keeps within the value and a hundred bytes of script`() {
    let template = Fixture.provided(onTip: 1).template
    func coinbase(_ value: UInt64, tag: Int) -> CoinbaseParts? {
        template.coinbase(
            paying: [TransactionOutput(value: Satoshis(rawValue: value), script: [0x51])],
            tag: [UInt8](repeating: 0x20, count: tag), extranonceSize: 8)
    }
    let all = template.coinbaseTxValueRemaining.rawValue
    #expect(coinbase(all, tag: 90) != nil)
    #expect(coinbase(all + 1, tag: 90) == nil)
    #expect(coinbase(.max, tag: 90) == nil)
    #expect(coinbase(all, tag: 91) == nil)
}
