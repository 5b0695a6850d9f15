import BitcoinPrimitives
import Testing

@testable import TemplateBuilding

private func script(_ byte: UInt8, _ count: Int) -> [UInt8] {
    [0x51, 0x20] + [UInt8](repeating: byte, count: count)
}

private func plan(_ scripts: [[UInt8]], extranonceSize: Int = 12) -> CoinbasePlan {
    CoinbasePlan(
        payouts: scripts.map { TransactionOutput(value: .zero, script: $0) }, tag: [1, 2],
        extranonceSize: extranonceSize)
}

@Suite struct `One choice of transactions serves several coinbases` {
    @Test func `a proposal is remade for another coinbase: the same transactions, a valid block, exact sums`()
        throws
    {
        let small = plan([script(1, 32)])
        let large = plan([script(2, 32), script(3, 32), script(4, 32)], extranonceSize: 20)
        var both = small
        both.alternatives = [large]
        let original = try propose([entry(1, fee: 900), entry(2, fee: 500)], plan: both)
        let other = try original.remade(for: large)
        #expect(other.transactions.map(\.txid) == original.transactions.map(\.txid))
        #expect(other.fees == original.fees && other.merklePath == original.merklePath)
        #expect(other.coinbase.extranonceSize == 20 && other.coinbase.outputs.count == 4)
        for proposal in [original, other] {
            let block = try Block(wireBytes: grind(proposal))
            #expect(block.weight == proposal.weight)
            let (coinbase, rest) = (block.transactions[0], block.transactions.dropFirst())
            try checkCommitments(
                header: block.header, coinbase: coinbase, txids: block.transactions.map(\.txid),
                wtxids: rest.map(\.wtxid))
            let paid = block.transactions[0].outputs.reduce(Satoshis.zero) { $0 + $1.value }
            #expect(paid == proposal.next.subsidy + proposal.fees)
        }
        // And back again.
        let again = try other.remade(for: small)
        #expect(again.coinbase == original.coinbase && again.weight == original.weight)
        #expect(again.sigopCost == original.sigopCost)
    }

    @Test func `the room that is reserved is that of the largest, in weight and in signature operations`()
        throws
    {
        let heavy = plan([script(1, 32), script(2, 32)])
        let payToKeyHash: [UInt8] = [0x76, 0xa9, 20] + [UInt8](repeating: 7, count: 20) + [0x88, 0xac]
        let costly = plan([payToKeyHash])
        var first = plan([script(3, 32)])
        first.alternatives = [heavy, costly]
        let tip = regtestNext
        let reserved = try first.reservation(for: tip)
        #expect(reserved.weight == (try heavy.reservation(for: tip)).weight)
        #expect(reserved.sigopCost == (try costly.reservation(for: tip)).sigopCost)
        #expect(reserved.sigopCost > 0)
    }

    @Test func `an alternative that makes no coinbase takes no room and keeps nobody from a template`() throws
    {
        var first = plan([script(3, 32)])
        let alone = try first.reservation(for: regtestNext)
        first.alternatives = [CoinbasePlan(payouts: [], tag: [], extranonceSize: 8)]
        let reserved = try first.reservation(for: regtestNext)
        #expect(reserved.weight == alone.weight)
        #expect(throws: TemplateFault.noPayout) {
            try propose([], plan: first).remade(for: first.alternatives[0])
        }
    }

    @Test func `a coinbase for which there is no room is refused`() throws {
        let small = plan([script(1, 32)])
        let original = try propose([entry(1, fee: 900)], plan: small)
        let huge = plan((0..<130).map { script(UInt8($0), 8_000) })
        #expect(throws: TemplateFault.self) { try original.remade(for: huge) }
    }
}
