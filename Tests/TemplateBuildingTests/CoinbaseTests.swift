import BitcoinPrimitives
import TestSupport
import Testing

@testable import TemplateBuilding

@Test func `the coinbase has the form that node 31 gives it`() throws {
    let proposal = try propose([entry(1, fee: 700)])
    let coinbase = proposal.coinbase.transaction(extranonce: .init(repeating: 0xee, count: 16))
    #expect(coinbase.version == 2)
    #expect(coinbase.inputs[0].sequence == 0xffff_fffe)
    #expect(coinbase.lockTime == 199)
    // Height 200 is c8 00 (the second byte keeps the sign away); then one push of six tag bytes and the
    // extranonce.
    #expect(coinbase.inputs[0].scriptSig.starts(with: hex("02 c8 00 16 2f 41 64 69 74 2f ee ee")))
    #expect(coinbase.inputs[0].scriptSig.count == 26)
    #expect(
        coinbase.outputs[0]
            == TransactionOutput(value: Satoshis(rawValue: 2_500_000_700), script: anyoneCanSpend))
    let commitment = WitnessCommitment.script(wtxids: proposal.transactions.map(\.wtxid))
    #expect(coinbase.outputs.last == TransactionOutput(value: .zero, script: commitment))
    #expect(coinbase.inputs[0].witness == [[UInt8](repeating: 0, count: 32)])
}

@Test func `the pool's first output gets what its fixed ones leave`() throws {
    let sharing = CoinbasePlan(
        payouts: [
            TransactionOutput(value: Satoshis(rawValue: 77), script: anyoneCanSpend),
            TransactionOutput(value: Satoshis(rawValue: 1_000), script: [0x51]),
        ], tag: plan.tag, extranonceSize: 16)
    let parts = try sharing.coinbase(for: regtestNext, fees: Satoshis(rawValue: 5), commitment: [0x6a])
    #expect(parts.outputs.map(\.value.rawValue) == [2_499_999_005, 1_000, 0])
}

@Test func `a coinbase that cannot be is refused by type`() {
    func paying(_ outputs: [TransactionOutput], extranonceSize: Int = 16) -> CoinbasePlan {
        CoinbasePlan(payouts: outputs, tag: plan.tag, extranonceSize: extranonceSize)
    }
    let output = TransactionOutput(value: .zero, script: anyoneCanSpend)
    let greedy = paying([output, TransactionOutput(value: .max, script: [0x51])])
    let heavy = paying([TransactionOutput(value: .zero, script: .init(repeating: 0, count: 1_000_000))])
    func fault(_ plan: CoinbasePlan) -> TemplateFault? {
        do throws(TemplateFault) {
            _ = try propose([], plan: plan)
            return nil
        } catch {
            return error
        }
    }
    #expect(fault(paying([])) == .noPayout)
    #expect(fault(greedy) == .payoutsExceedReward)
    // Height 3, push 2, tag 6.
    #expect(fault(paying([output], extranonceSize: 90)) == .coinbaseScriptTooLong(101))
    #expect(fault(paying([output], extranonceSize: 89)) == nil)
    guard case .coinbaseTooLarge = fault(heavy) else { return #expect(Bool(false), "\(fault(heavy) as Any)") }
}

@Test func `a tag and an extranonce above 75 bytes get the longer push`() throws {
    var long = plan
    long.tag = .init(repeating: 0x41, count: 50)
    long.extranonceSize = 32
    let parts = try long.coinbase(for: regtestNext, fees: .zero, commitment: [0x6a])
    #expect(parts.scriptPrefix.starts(with: hex("02 c8 00 4c 52 41")))
    #expect(parts.transaction(extranonce: .init(repeating: 0xac, count: 32)).legacySigopCost == 0)
}
