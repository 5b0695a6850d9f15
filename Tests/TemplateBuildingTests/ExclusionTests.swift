import BitcoinPrimitives
import TestSupport
import Testing

@testable import TemplateBuilding

private func build(_ entries: [MempoolEntry], next: NextBlock = regtestNext) throws -> TemplateBuilder.Build {
    var builder = TemplateBuilder()
    return try builder.build(next: next, mempool: MempoolView(entries), plan: plan, nodeFigures: nil)
}

private func reason(_ entry: MempoolEntry, beside others: [MempoolEntry] = []) throws -> Exclusion.Reason? {
    let result = try build([entry] + others)
    let isChosen = result.proposal.transactions.contains(entry)
    let reason = result.exclusions.first { $0.txid == entry.txid }?.reason
    #expect(isChosen == (reason == nil))
    return reason
}

@Test func `an ordinary transaction is chosen`() throws {
    #expect(try reason(entry(1, fee: 100)) == nil)
}

@Test func `a lock time that has not come keeps a transaction out`() throws {
    // BIP 113: the height itself is too late by one, and times are compared with the median, one below the
    // minimum.
    #expect(try reason(entry(1, fee: 9, lockTime: 200)) == .notFinal(lockTime: 200))
    #expect(try reason(entry(1, fee: 9, lockTime: 199)) == nil)
    #expect(try reason(entry(1, fee: 9, lockTime: 1_600_000_000)) == .notFinal(lockTime: 1_600_000_000))
    #expect(try reason(entry(1, fee: 9, lockTime: 1_599_999_999)) == nil)
    #expect(try reason(entry(1, fee: 9, lockTime: 200, sequence: .max)) == nil)
}

@Test func `64 bytes without witness are never mined`() throws {
    // Sizes around it: 10 bytes frame, 41 input, 9 and the script of the output.
    #expect(try reason(entry(1, fee: 9, padding: 4)) == .sixtyFourBytes)
    #expect(try reason(entry(1, fee: 9, padding: 3)) == nil)
    #expect(try reason(entry(1, fee: 9, padding: 5)) == nil)
}

@Test func `more than 2500 signature operations in the inputs are never mined`() throws {
    // OP_CHECKSIG 2,500 times, and once more.
    let many = [UInt8](repeating: 0xac, count: 2_500)
    #expect(try reason(entry(1, fee: 9, scriptSig: many)) == nil)
    #expect(try reason(entry(1, fee: 9, scriptSig: many + [0xac])) == .tooManySigops(2_501))
}

@Test func `what does not add up is left out with a reason, and nothing traps`() throws {
    var light = entry(1, fee: 9)
    light.weight = Weight(weightUnits: 5)
    #expect(try reason(light) == .weightDiffers(stated: light.weight, actual: entry(1, fee: 9).weight))
    #expect(try reason(entry(2, fee: .max)) == .outOfRange)
    #expect(try reason(entry(2, fee: 1, sigopCost: 80_001)) == .outOfRange)
    #expect(try reason(entry(2, fee: 1, sigopCost: -1)) == .outOfRange)
    #expect(try reason(entry(2, fee: 1, padding: 1_000_000)) == .outOfRange)
    var broken = entry(3, fee: 1)
    broken.wireBytes.removeLast()
    guard case .malformed(.truncated) = try reason(broken) else { return #expect(Bool(false)) }
}

@Test func `parents that are missing, circular or excluded take their children out`() throws {
    let stranger = Txid(Hash256(hashing: [1]))
    let orphan = entry(1, fee: 9, parents: [stranger])
    let grandchild = entry(2, fee: 9, parents: [orphan.txid])
    #expect(try reason(orphan, beside: [grandchild]) == .missingParent(stranger))
    #expect(try reason(grandchild, beside: [orphan]) == .parentExcluded(orphan.txid))
    var a = entry(3, fee: 9)
    var b = entry(4, fee: 9)
    a.parents = [b.txid]
    b.parents = [a.txid]
    #expect(try reason(a, beside: [b]) == .cyclic)
    var own = entry(5, fee: 9)
    own.parents = [own.txid]
    #expect(try reason(own) == .cyclic)
}

@Test func `fees beyond all money are not summed up`() throws {
    let half = Satoshis.max.rawValue / 2 + 1
    let entries = (0..<5).map { entry($0, fee: half) }
    #expect(try build(entries).proposal.transactions.count == 1)
    let parent = entry(10, fee: half)
    let child = entry(11, fee: half, parents: [parent.txid])
    #expect(try reason(child, beside: [parent]) == .ancestorsOutOfRange)
}

@Test func `a txid enters the view once`() throws {
    let one = entry(1, fee: 9)
    var view = MempoolView([one, one])
    #expect(view.count == 1)
    let taken = view.insert(one)
    #expect(!taken)
    #expect(try build([one, one, one]).proposal.transactions == [one])
}

@Test func `a long chain in any order is mined whole`() throws {
    var chain = [entry(0, fee: 1)]
    for i in 1..<1_100 { chain.append(entry(UInt32(i), fee: UInt64(i), parents: [chain[i - 1].txid])) }
    let result = try build(chain.reversed())
    #expect(result.proposal.transactions == chain)
    #expect(result.exclusions.isEmpty)
}

@Test func `a view follows what its node reports`() throws {
    let parent = entry(1, fee: 9)
    let child = entry(2, fee: 9, parents: [parent.txid])
    let doomed = entry(3, fee: 9)
    let new = entry(4, fee: 9)
    var view = MempoolView([parent, child, doomed])
    view.apply(MempoolChange(mined: [parent.txid], dropped: [doomed.txid], added: [new]))
    var builder = TemplateBuilder()
    let result = try builder.build(next: regtestNext, mempool: view, plan: plan, nodeFigures: nil)
    #expect(Set(result.proposal.transactions) == [child, new])
    #expect(result.exclusions.isEmpty)
}
