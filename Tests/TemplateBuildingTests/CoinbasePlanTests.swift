import BitcoinPrimitives
import TestSupport
import Testing

@testable import TemplateBuilding

private let commitment = WitnessCommitment.script(wtxids: [])
private let segwit = [UInt8](hex: "0014751e76e8199196d454941c45d1b3a323f1433bd6") ?? []
private let legacy = [UInt8](hex: "76a914751e76e8199196d454941c45d1b3a323f1433bd688ac") ?? []
private let taproot = [0x51, 0x20] + [UInt8](repeating: 7, count: 32)

private func next(height: UInt32, subsidy: UInt64 = 2_500_000_000) -> NextBlock {
    var next = regtestNext
    next.height = height
    next.subsidy = Satoshis(rawValue: subsidy)
    return next
}

private func fault<T>(_ body: () throws(CoinbaseFault) -> T) -> CoinbaseFault? {
    do throws(CoinbaseFault) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}

private func split(_ parts: (script: [UInt8], share: UInt64)...) throws -> PayoutSplit {
    try PayoutSplit(parts.map { .init(script: $0.script, share: $0.share) })
}

@Test(arguments: [0, 1, 2, 16, 17, 127, 128, 255, 256, 32_767, 32_768, 840_000, 8_388_608] as [UInt32])
func `the script begins with the height, and the lock time is the height before`(height: UInt32) throws {
    for size in [0, 1, 16, 75, 90] {
        var bare = plan
        bare.tag = []
        bare.extranonceSize = size
        let parts = try bare.parts(for: next(height: height), fees: .zero, commitment: nil)
        let coinbase = parts.transaction(extranonce: .init(repeating: 0xac, count: size))
        let script = coinbase.inputs[0].scriptSig
        #expect(script.starts(with: Script.heightPush(height)))
        #expect((2...100).contains(script.count))
        #expect(script.count == Script.heightPush(height).count + (size <= 75 ? 1 : 2) + size)
        #expect(coinbase.lockTime == (height == 0 ? 0 : height - 1))
        #expect(coinbase.inputs[0].sequence != .max)
        #expect(coinbase.outputs.count == 1)
        #expect(coinbase.legacySigopCost == 0)
        #expect(try Transaction(wireBytes: coinbase.wireBytes) == coinbase)
    }
}

@Test(arguments: [0, 16, 17, 128, 32_768, 8_388_608] as [UInt32])
func `tag and extranonce fill the hundred bytes and not one more`(height: UInt32) throws {
    let room = CoinbasePlan.room(atHeight: height)
    #expect(height != 32_768 || room == 94)
    var full = plan
    full.extranonceSize = 32
    full.tag = .init(repeating: 0x41, count: room - 32)
    let parts = try full.parts(for: next(height: height), fees: .zero, commitment: commitment)
    #expect(parts.scriptPrefix.count + 32 == 100)
    full.tag.append(0x41)
    #expect(
        fault { () throws(CoinbaseFault) in
            try full.parts(for: next(height: height), fees: .zero, commitment: nil)
        }
            == .tagTooLong(room - 31, room: room - 32))
    full.tag = []
    full.extranonceSize = room + 1
    #expect(
        fault { () throws(CoinbaseFault) in try full.reservation(for: next(height: height)) }
            == .extranonceTooLong(room + 1, room: room))
}

@Test func `rewards and outputs beyond all money are refused`() throws {
    let output = TransactionOutput(value: .zero, script: segwit)
    func refusal(_ plan: CoinbasePlan, subsidy: UInt64, fees: UInt64) -> CoinbaseFault? {
        fault { () throws(CoinbaseFault) in
            try plan.parts(
                for: next(height: 200, subsidy: subsidy), fees: Satoshis(rawValue: fees), commitment: nil)
        }
    }
    let most = Satoshis.max.rawValue
    #expect(refusal(plan, subsidy: most, fees: 0) == nil)
    for (subsidy, fees) in [(most, 1), (most + 1, 0), (0, most + 1), (.max, .max)] as [(UInt64, UInt64)] {
        #expect(
            refusal(plan, subsidy: subsidy, fees: fees)
                == .rewardOutOfRange(subsidy: Satoshis(rawValue: subsidy), fees: Satoshis(rawValue: fees)))
    }
    #expect(
        refusal(CoinbasePlan(payouts: [], tag: [], extranonceSize: 8), subsidy: 5, fees: 0) == .noOutput)
    let fixed = [60, 30, 20].map { TransactionOutput(value: Satoshis(rawValue: $0), script: legacy) }
    let refused = CoinbaseFault.exceedsReward(
        fixed: 2, Satoshis(rawValue: 20), left: Satoshis(rawValue: 10))
    let pool = CoinbasePlan(payouts: [output] + fixed, tag: [], extranonceSize: 8)
    #expect(refusal(pool, subsidy: 90, fees: 10) == refused)
    #expect(refusal(pool, subsidy: 90, fees: 20) == nil)
    let own = CoinbasePlan(
        reward: .split(try split((segwit, 1)), fixed: fixed), tag: [], extranonceSize: 8)
    #expect(refusal(own, subsidy: 90, fees: 10) == refused)
    #expect(refusal(own, subsidy: 90, fees: 20) == nil)
}

@Test func `several payouts divide subsidy and fees to the last satoshi`() throws {
    let shares = try PayoutSplit(hundredthsOfPercent: [
        .init(script: segwit, share: 3_333), .init(script: legacy, share: 3_333),
        .init(script: taproot, share: 3_334),
    ])
    let data = TransactionOutput(value: .zero, script: [0x6a, 0x01, 0x00])
    let own = CoinbasePlan(reward: .split(shares, fixed: [data]), tag: plan.tag, extranonceSize: 16)
    let parts = try own.parts(
        for: regtestNext, fees: Satoshis(rawValue: 1_001), commitment: commitment)
    #expect(parts.outputs.map(\.script) == [segwit, legacy, taproot, data.script, commitment])
    // 2,500,001,001 × 0.3333 = 833,250,333.63 and × 0.3334 = 833,500,333.73: two satoshis are left over, and the
    // largest remainders get them.
    #expect(parts.outputs.map(\.value.rawValue) == [833_250_334, 833_250_333, 833_500_334, 0, 0])
}

@Test(arguments: 1...200)
func `a split adds up, is fair to a satoshi, and is the same each time`(seed: Int) throws {
    var dice = Dice(state: UInt64(seed))
    let count = Int.random(in: 1...12, using: &dice)
    let most: UInt64 = [3, 100, 10_000, .max / 12][seed % 4]
    let parts = (0..<count).map { _ in
        PayoutSplit.Part(
            script: [segwit, legacy, taproot].randomElement(using: &dice) ?? segwit,
            share: UInt64.random(in: 1...most, using: &dice))
    }
    let split = try PayoutSplit(parts)
    let amount = Satoshis(
        rawValue: UInt64.random(
            in: 0...[10, 5_000, 312_500_000, Satoshis.max.rawValue][seed / 4 % 4], using: &dice))
    let assured = Satoshis(rawValue: UInt64.random(in: 0...amount.rawValue, using: &dice))
    let outputs = split.outputs(of: amount, assured: assured)
    #expect(outputs == split.outputs(of: amount, assured: assured))
    #expect(outputs.reduce(0) { $0 + $1.value.rawValue } == amount.rawValue)
    let folded = split.folded(assured: assured)
    #expect(outputs.count == count - folded.count)
    let kept = parts.indices.filter { index in !folded.contains { $0.part == index } }
    #expect(outputs.map(\.script) == kept.map { parts[$0].script })
    let largest = parts.indices.first { index in parts.allSatisfy { $0.share <= parts[index].share } }
    let total = parts.reduce(0.0) { $0 + Double($1.share) }
    for (output, index) in zip(outputs, kept) {
        let share = folded.filter { $0.into == index }.reduce(parts[index].share) {
            $0 + parts[$1.part].share
        }
        let exact = Double(amount.rawValue) * Double(share) / total
        // A double has 53 bits, an amount up to 51.
        #expect(abs(Double(output.value.rawValue) - exact) <= 1.5, "seed \(seed)")
        #expect(
            index == largest || output.value >= PayoutSplit.dustLimit(of: output.script), "seed \(seed)")
    }
}

@Test func `dust goes to the largest payout, and is said`() throws {
    // Of 1,000,000 for certain: 546 is the limit of the second, 294 of the third, 330 of the fourth.
    let shares = try split((segwit, 998_831), (legacy, 545), (segwit, 294), (taproot, 330))
    let assured = Satoshis(rawValue: 1_000_000)
    #expect(
        shares.folded(assured: assured) == [
            .init(part: 1, into: 0, worth: Satoshis(rawValue: 545), limit: Satoshis(rawValue: 546))
        ])
    #expect(shares.outputs(of: assured, assured: assured).map(\.value.rawValue) == [999_376, 294, 330])
    // Everything but the largest, which is always paid; the first of two.
    let tiny = try split((legacy, 1), (segwit, 2), (taproot, 2))
    let little = Satoshis(rawValue: 10)
    #expect(tiny.folded(assured: little).map(\.part) == [0, 2])
    #expect(
        tiny.outputs(of: little, assured: little) == [TransactionOutput(value: little, script: segwit)])
    #expect(
        PayoutSplit.dustLimit(of: [0xa9, 20] + [UInt8](repeating: 1, count: 20) + [0x87]).rawValue == 540)
    #expect(PayoutSplit.dustLimit(of: [0, 32] + [UInt8](repeating: 1, count: 32)).rawValue == 330)
    #expect(PayoutSplit.dustLimit(of: [0x6a]) == .zero)
}

@Test func `what is reserved before fees are known is what the coinbase takes, whatever they are`() throws {
    let shares = try split((segwit, 998_831), (legacy, 545), (legacy, 546), (taproot, 330))
    let fixed = TransactionOutput(value: Satoshis(rawValue: 7), script: legacy)
    let own = CoinbasePlan(
        reward: .split(shares, fixed: [fixed]), tag: plan.tag, extranonceSize: 16)
    let pool = CoinbasePlan(payouts: [fixed, fixed], tag: plan.tag, extranonceSize: 20)
    for plan in [own, pool] {
        for subsidy in [7, 1_000_000, 1_000_259, 312_500_000] as [UInt64] {
            let tip = next(height: 200, subsidy: subsidy)
            let reserved = try plan.reservation(for: tip)
            for fees in [0, 1, 100_000, 2_000_000_000_000_000] as [UInt64] {
                let parts = try plan.parts(
                    for: tip, fees: Satoshis(rawValue: fees), commitment: commitment)
                let coinbase = parts.transaction(
                    extranonce: .init(repeating: 0xac, count: plan.extranonceSize))
                #expect(coinbase.weight == reserved.weight)
                #expect(coinbase.legacySigopCost == reserved.sigopCost)
                #expect(coinbase.outputs.reduce(0) { $0 + $1.value.rawValue } == subsidy + fees)
            }
        }
    }
    // Two legacy outputs of a pool, at four each.
    #expect(try pool.reservation(for: next(height: 200)).sigopCost == 8)
    #expect(try own.folded(for: next(height: 200, subsidy: 1_000_259)).map(\.part) == [1])
    #expect(try own.folded(for: next(height: 200)).isEmpty)
}

@Test func `parts that are no split are refused by type`() {
    func refusal(_ shares: [UInt64], percent: Bool = false) -> PayoutSplit.Fault? {
        let parts = shares.map { PayoutSplit.Part(script: segwit, share: $0) }
        do throws(PayoutSplit.Fault) {
            _ = percent ? try PayoutSplit(hundredthsOfPercent: parts) : try PayoutSplit(parts)
            return nil
        } catch {
            return error
        }
    }
    #expect(refusal([]) == .noPart)
    #expect(refusal([1, 0]) == .zeroShare(index: 1))
    #expect(refusal([.max, 1]) == .totalOverflows)
    #expect(refusal([.max - 1, 1]) == nil)
    #expect(refusal(.init(repeating: 1, count: 101)) == .tooManyParts(101))
    #expect(refusal(.init(repeating: 1, count: 100)) == nil)
    #expect(refusal([5_000, 4_999], percent: true) == .percentTotal(hundredths: 9_999))
    #expect(refusal([5_000, 5_000], percent: true) == nil)
}

@Test func `a template with several payouts fills the block as exactly as one with a single one`() throws {
    let shares = try split((segwit, 60), (legacy, 30), (taproot, 10))
    let own = CoinbasePlan(reward: .split(shares), tag: plan.tag, extranonceSize: 16)
    // 40 heavy transactions of about 100,000 weight units: one of them does not fit.
    let entries = (1...40).map { entry(UInt32($0), fee: 1_000 + UInt64($0), padding: 25_000) }
    let proposal = try propose(entries, plan: own)
    let block = try Block(wireBytes: grind(proposal))
    #expect(block.weight == proposal.weight && proposal.weight <= .block)
    let coinbase = block.transactions[0]
    #expect(coinbase.outputs.reduce(0) { $0 + $1.value.rawValue } == 2_500_000_000 + proposal.fees.rawValue)
    #expect(coinbase.outputs.map(\.script).dropLast() == [segwit, legacy, taproot])
    #expect(proposal.sigopCost == 4)
}
