import BitcoinPrimitives
import TestSupport
import Testing

@testable import TemplateBuilding

/// Why a transaction is in no template; `nil` if it is in.
private enum Outcome: Equatable {
    case refused(Mempool.Refusal)
    case flaw(TransactionFlaw)
    case parent(Txid)
}

private func outcome(_ entry: MempoolEntry, beside others: [MempoolEntry] = []) throws -> Outcome? {
    var mempool = Mempool()
    for other in others { mempool.add(other) }
    let admission = mempool.add(entry)
    var builder = TemplateBuilder()
    let offer = try builder.build(next: regtestNext, mempool: &mempool, plan: plan, nodeFigures: nil)
    let outcome: Outcome? =
        if case .refused(let refusal) = admission {
            .refused(refusal)
        } else {
            switch mempool.keptOutReason(of: entry.txid) {
            case .flaw(let reason): .flaw(reason)
            case .parent(let txid): .parent(txid)
            case .rule, nil: nil
            }
        }
    #expect(offer.proposal.transactions.contains(entry) == (outcome == nil))
    return outcome
}

@Test func `an ordinary transaction is chosen`() throws {
    #expect(try outcome(entry(1, fee: 100)) == nil)
}

@Test func `a lock time that has not come keeps a transaction out`() throws {
    // BIP 113: the height itself is too late by one, and times are compared with the median, one below the
    // minimum.
    #expect(try outcome(entry(1, fee: 9, lockTime: 200)) == .flaw(.notFinal(lockTime: 200)))
    #expect(try outcome(entry(1, fee: 9, lockTime: 199)) == nil)
    #expect(
        try outcome(entry(1, fee: 9, lockTime: 1_600_000_000)) == .flaw(.notFinal(lockTime: 1_600_000_000)))
    #expect(try outcome(entry(1, fee: 9, lockTime: 1_599_999_999)) == nil)
    #expect(try outcome(entry(1, fee: 9, lockTime: 200, sequence: .max)) == nil)
}

@Test func `64 bytes without witness are never mined`() throws {
    // Sizes around it: 10 bytes frame, 41 input, 9 and the script of the output.
    #expect(try outcome(entry(1, fee: 9, padding: 4)) == .flaw(.sixtyFourBytes))
    #expect(try outcome(entry(1, fee: 9, padding: 3)) == nil)
    #expect(try outcome(entry(1, fee: 9, padding: 5)) == nil)
}

@Test func `more than 2500 signature operations in the inputs are never mined`() throws {
    // OP_CHECKSIG 2,500 times, and once more.
    let many = [UInt8](repeating: 0xac, count: 2_500)
    #expect(try outcome(entry(1, fee: 9, scriptSig: many)) == nil)
    #expect(try outcome(entry(1, fee: 9, scriptSig: many + [0xac])) == .flaw(.tooManySigops(2_501)))
}

@Test func `what does not add up is left out with a reason, and nothing traps`() throws {
    var light = entry(1, fee: 9)
    light.weight = Weight(weightUnits: 5)
    #expect(
        try outcome(light) == .flaw(.weightDiffers(stated: light.weight, actual: entry(1, fee: 9).weight)))
    #expect(try outcome(entry(2, fee: .max)) == .refused(.outOfRange))
    #expect(try outcome(entry(2, fee: 1, sigopCost: 80_001)) == .refused(.outOfRange))
    #expect(try outcome(entry(2, fee: 1, sigopCost: -1)) == .refused(.outOfRange))
    #expect(try outcome(entry(2, fee: 1, padding: 1_000_000)) == .refused(.outOfRange))
    var broken = entry(3, fee: 1)
    broken.wireBytes.removeLast()
    guard case .flaw(.malformed(.truncated)) = try outcome(broken) else { return #expect(Bool(false)) }
}

@Test func `parents that are missing, circular or excluded take their children out`() throws {
    let stranger = Txid(Hash256(hashing: [1]))
    let orphan = entry(1, fee: 9, parents: [stranger])
    let grandchild = entry(2, fee: 9, parents: [orphan.txid])
    #expect(try outcome(orphan, beside: [grandchild]) == .flaw(.missingParent(stranger)))
    #expect(try outcome(grandchild, beside: [orphan]) == .parent(orphan.txid))
    var a = entry(3, fee: 9)
    var b = entry(4, fee: 9)
    a.parents = [b.txid]
    b.parents = [a.txid]
    #expect(try outcome(a, beside: [b]) == .refused(.cyclic))
    var own = entry(5, fee: 9)
    own.parents = [own.txid]
    #expect(try outcome(own) == .refused(.cyclic))
}

@Test func `fees beyond all money are not summed up`() throws {
    let half = Satoshis.max.rawValue / 2 + 1
    let rich = entry(10, fee: half)
    #expect(try outcome(entry(11, fee: half), beside: [rich]) == .refused(.moreFeesThanMoney))
    // One alone is money, but with the subsidy there would be more than there is.
    #expect(throws: TemplateFault.valuesOutOfRange) { try propose([entry(1, fee: Satoshis.max.rawValue)]) }
}

@Test func `a long chain in any order is mined whole`() throws {
    var chain = [entry(0, fee: 1)]
    for i in 1..<1_100 { chain.append(entry(UInt32(i), fee: UInt64(i), parents: [chain[i - 1].txid])) }
    #expect(try propose(chain.reversed()).transactions == chain)
}

@Test func `a mempool follows what its node reports`() throws {
    let parent = entry(1, fee: 9)
    let child = entry(2, fee: 9, parents: [parent.txid])
    let doomed = entry(3, fee: 9)
    let new = entry(4, fee: 9)
    var mempool = Mempool()
    for entry in [parent, child, doomed] { mempool.add(entry) }
    mempool.apply(MempoolChange(mined: [parent.txid], dropped: [doomed.txid], added: [new]))
    var builder = TemplateBuilder()
    let offer = try builder.build(next: regtestNext, mempool: &mempool, plan: plan, nodeFigures: nil)
    #expect(Set(offer.proposal.transactions) == [child, new])
    #expect(mempool.keptOut.isEmpty)
}
