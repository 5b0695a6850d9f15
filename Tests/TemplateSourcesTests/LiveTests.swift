import BitcoinPrimitives
import Payouts
import Testing

@testable import TemplateSources

@Suite struct LiveTests {
    @Test(arguments: [
        ("main", BitcoinNetwork.main), ("test", .test), ("testnet4", .test), ("signet", .test),
        ("regtest", .regtest), ("namecoin", nil), ("", nil),
    ])
    func `a node's chain tells whose addresses are valid on it`(chain: String, network: BitcoinNetwork?) {
        #expect(BitcoinNetwork(chain: chain) == network)
    }

    @Test
    func `what a live node held is a source with transactions, and tells what its mempool spends of itself`()
        throws
    {
        let script = Script.payToWitnessScriptHash(Script.opTrue)
        func spending(_ point: OutPoint) -> Transaction {
            Transaction(
                version: 2,
                inputs: [
                    TransactionInput(
                        previousOutput: point, scriptSig: [], sequence: 0, witness: [Script.opTrue])
                ],
                outputs: [TransactionOutput(value: Satoshis(rawValue: 1_000), script: script)], lockTime: 0)
        }
        let coin = OutPoint(txid: Txid(Hash256(hashing: [1])), index: 0)
        let parent = spending(coin)
        let link = OutPoint(txid: parent.txid, index: 0)
        let child = spending(link)
        let entries = [(parent, [Txid]()), (child, [parent.txid])].map { transaction, parents in
            MempoolEntry(
                txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: 0,
                fee: Satoshis(rawValue: 5), parents: parents, wireBytes: transaction.wireBytes)
        }
        let next = NextBlock(
            previousBlock: .zero, height: 9, version: 4, bits: CompactTarget(bits: 0x207f_ffff),
            blockTarget: .max,
            minimumTime: 1, currentTime: 1, subsidy: Satoshis(rawValue: 50))
        let own = TemplateSource.Own(
            txids: [parent.txid],
            figures: TemplateFigures(transactions: 1, fees: Satoshis(rawValue: 5), weight: parent.weight))
        let source = TemplateSource(
            nodeAt: "http://h:1", entries: entries, next: next, network: nil, own: own, boundedSigops: 2)
        #expect(source.kind == .node && source.path == "http://h:1" && source.hasTransactions)
        #expect(source.boundedSigops == 2 && source.unknownSigops == 0 && !source.hasInventedIDs)
        #expect(source.own == own && source.own?.file == nil)
        #expect(source.spentScripts() == [link: script], "of the chain's outputs nothing is known")
    }
}
