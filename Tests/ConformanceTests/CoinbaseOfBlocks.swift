import BitcoinPrimitives
import Foundation
import TestSupport
import Testing

@testable import TemplateBuilding

private struct ManifestEntry: Decodable {
    var file: String
    var height: UInt32?
    var coinbase_txid: String?
    var coinbase_weight: UInt64?
    var coinbase_out_total: UInt64?
    var subsidy: UInt64?
    var fees_claimed: UInt64?
}

private struct CoinbaseChain: Decodable {
    var block_chain: [String]
    var valid: Bool
    var comment: String
}

private struct MerkleVectors: Decodable {
    struct Real: Decodable {
        var block: String
        var coinbase_path_internal_hex: [String]
        var commitment_script: String?
    }
    var real_blocks: [Real]
}

private func block(_ file: String) throws -> Block {
    try Block(wireBytes: [UInt8](try Shared.data("data/\(file)")))
}

@Suite(.enabled(if: Shared.isPresent || ProcessInfo.processInfo.environment["CI"] == "true"))
struct CoinbaseConformance {
    @Test func `recorded coinbases have the published id, weight and total, and come back from their parts`()
        throws
    {
        let manifest = try Shared.json([ManifestEntry].self, "data/blocks/manifest.json")
        var judged = 0
        for entry in manifest where entry.file.hasSuffix(".raw") {
            let coinbase = try block(entry.file).transactions[0]
            #expect(coinbase.isCoinbase)
            #expect(coinbase.txid.displayHex == entry.coinbase_txid)
            let total = coinbase.outputs.reduce(0) { $0 + $1.value.rawValue }
            #expect(total == entry.coinbase_out_total)
            if let subsidy = entry.subsidy, let fees = entry.fees_claimed {
                #expect(total == subsidy + fees)
                #expect(SubsidySchedule.mainnet.subsidy(at: try #require(entry.height)).rawValue == subsidy)
            }
            // Cut before the last eight bytes of its script, as if those were an extranonce.
            let script = coinbase.inputs[0].scriptSig
            let parts = CoinbaseParts(
                version: coinbase.version, scriptPrefix: Array(script.dropLast(8)), extranonceSize: 8,
                sequence: coinbase.inputs[0].sequence, outputs: coinbase.outputs,
                lockTime: coinbase.lockTime)
            let extranonce = Array(script.suffix(8))
            #expect(parts.strippedPrefix + extranonce + parts.strippedSuffix == coinbase.strippedBytes)
            if coinbase.hasWitness {
                #expect(parts.transaction(extranonce: extranonce) == coinbase)
                #expect(parts.fullPrefix + extranonce + parts.fullSuffix == coinbase.wireBytes)
                #expect(parts.weight.weightUnits == entry.coinbase_weight)
                judged += 1
            }
        }
        #expect(judged >= 8)
    }

    @Test func `trees kept from block to block have each block's path and commitment`() throws {
        var trees = BlockTrees()
        let vectors = try Shared.json(MerkleVectors.self, "data/vectors/merkle.json").real_blocks
        #expect(vectors.count >= 10)
        for vector in vectors {
            let block = try block(vector.block)
            let txids = block.transactions.dropFirst().map(\.txid)
            let wtxids = block.transactions.dropFirst().map(\.wtxid)
            func check() {
                #expect(trees.merklePath.map(\.wireBytes.hex) == vector.coinbase_path_internal_hex)
                if let script = vector.commitment_script { #expect(trees.commitmentScript.hex == script) }
            }
            trees.update(txids: txids, wtxids: wtxids)
            check()
            // Another tail and back again: both times only the right edge is hashed.
            let kept = txids.count * 99 / 100
            let lost = txids.count - kept
            let bound = 2 * (lost + 2 * 13)
            #expect(trees.update(txids: Array(txids[..<kept]), wtxids: Array(wtxids[..<kept])) <= bound)
            #expect(trees.update(txids: txids, wtxids: wtxids) <= bound)
            check()
        }
    }

    @Test func `BIP 54's coinbases are judged as published, and ours are of the valid kind`() throws {
        func isTimelocked(_ coinbase: Transaction, height: Int) -> Bool {
            coinbase.lockTime == UInt32(height) - 1 && coinbase.inputs[0].sequence != .max
        }
        let chains = try JSONDecoder().decode(
            [CoinbaseChain].self, from: Shared.unzipped("data/vectors/bip54/coinbases.json.gz"))
        #expect(chains.count == 7)
        for chain in chains {
            let blocks = try chain.block_chain.map { try Block(wireBytes: hex($0)) }
            let height = blocks.count - 1
            let coinbase = blocks[height].transactions[0]
            #expect(isTimelocked(coinbase, height: height) == chain.valid, "\(chain.comment)")
            // Ours at the same height, with the same payout.
            let next = NextBlock(
                previousBlock: blocks[height].header.previousBlock, height: UInt32(height),
                version: 0x2000_0000, bits: blocks[height].header.bits, blockTarget: .max,
                minimumTime: blocks[height].header.time, currentTime: blocks[height].header.time,
                subsidy: SubsidySchedule.mainnet.subsidy(at: UInt32(height)))
            let plan = CoinbasePlan(payouts: coinbase.outputs, tag: [], extranonceSize: 8)
            let parts = try plan.parts(for: next, fees: .zero, commitment: nil)
            let ours = parts.transaction(extranonce: .init(repeating: 0, count: 8))
            #expect(isTimelocked(ours, height: height))
            #expect(ours.outputs == coinbase.outputs)
            #expect(ours.inputs[0].scriptSig.starts(with: Script.heightPush(UInt32(height))))
        }
    }
}
