import BitcoinPrimitives
import Foundation
import TestSupport
import Testing

private struct MerkleVectors: Decodable {
    struct Synthetic: Decodable {
        var n: Int
        var root_internal_hex: String
        var coinbase_path_internal_hex: [String]
    }
    struct Real: Decodable {
        var block: String
        var merkle_root: String
        var coinbase_path_internal_hex: [String]
        var witness_reserved_value: String?
        var commitment_script: String?
    }
    var synthetic: [Synthetic]
    var real_blocks: [Real]
}

private struct CompactVectors: Decodable {
    struct Compact: Decodable {
        var bits: String
        var target: String
        var negative: Bool
        var overflow: Bool
        var roundtrip: String?
        var difficulty: Double?
    }
    var compact: [Compact]
}

private struct HeightVectors: Decodable {
    struct Case: Decodable {
        var height: UInt32
        var script_hex: String
    }
    var cases: [Case]
}

private struct SubsidyVectors: Decodable {
    struct Era: Decodable {
        var height: UInt32
        var subsidy: UInt64
    }
    var eras: [Era]
    var max_money_sum: UInt64
}

private struct ManifestEntry: Decodable {
    var file: String
    var hash: String?
    var merkle_root: String?
    var tx_count: Int?
    var weight: UInt64?
    var coinbase_weight: UInt64?
    var has_witness_commitment: Bool?
    var total_sigop_cost: Int?
    var difficulty: Double?
}

private struct FamousHeader: Decodable {
    var header: String
    var hash: String
    var bits: String
    var target: String
    var difficulty: Double
    var hash_as_share_difficulty: Double
}

private func isNear(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-9 * abs(b) }

private func block(_ file: String) throws -> (bytes: [UInt8], block: Block) {
    let bytes = [UInt8](try Shared.data("data/\(file)"))
    return (bytes, try Block(wireBytes: bytes))
}

@Suite(.enabled(if: Shared.isPresent || ProcessInfo.processInfo.environment["CI"] == "true"))
struct PrimitivesConformance {
    @Test func `synthetic merkle trees have the published roots and paths`() throws {
        for vector in try Shared.json(MerkleVectors.self, "data/vectors/merkle.json").synthetic {
            let leaves = (0..<vector.n).map { Hash256(hashing: Array("adit-leaf-\($0)".utf8)) }
            #expect(MerkleTree.root(of: leaves)?.wireBytes.hex == vector.root_internal_hex)
            let path = MerkleTree.path(besides: Array(leaves.dropFirst()))
            #expect(path.map(\.wireBytes.hex) == vector.coinbase_path_internal_hex)
            #expect(MerkleTree.root(leaf: leaves[0], path: path).wireBytes.hex == vector.root_internal_hex)
            #expect(!MerkleTree.isMutated(leaves))
            if vector.n % 2 == 1, vector.n > 1 {
                let repeated = leaves + [leaves[vector.n - 1]]
                #expect(MerkleTree.root(of: repeated) == MerkleTree.root(of: leaves))
                #expect(MerkleTree.isMutated(repeated))
            }
        }
    }

    @Test func `real blocks have the published roots, paths and witness commitments`() throws {
        for vector in try Shared.json(MerkleVectors.self, "data/vectors/merkle.json").real_blocks {
            let (_, block) = try block(vector.block)
            let txids = block.transactions.map(\.txid.hash)
            #expect(MerkleTree.root(of: txids)?.displayHex == vector.merkle_root)
            #expect(block.header.merkleRoot.displayHex == vector.merkle_root)
            let path = MerkleTree.path(besides: Array(txids.dropFirst()))
            #expect(path.map(\.wireBytes.hex) == vector.coinbase_path_internal_hex)
            guard let commitment = vector.commitment_script, let reserved = vector.witness_reserved_value
            else { continue }
            let script = WitnessCommitment.script(
                wtxids: block.transactions.dropFirst().map(\.wtxid), reservedValue: hex(reserved))
            #expect(script.hex == commitment)
            let found = block.transactions[0].outputs.last { WitnessCommitment.isCommitment($0.script) }
            #expect(found?.script.hex.hasPrefix(commitment) == true)
        }
    }

    @Test func `compact targets expand, refuse and come back as published`() throws {
        for vector in try Shared.json(CompactVectors.self, "data/vectors/nbits.json").compact {
            let bits = try #require(UInt32(vector.bits, radix: 16))
            let target = CompactTarget(bits: bits).target
            guard !vector.negative, !vector.overflow, vector.target != "0" else {
                #expect(target == nil, "\(vector.bits)")
                continue
            }
            let expected = String(repeating: "0", count: 64 - vector.target.count) + vector.target
            #expect(target?.displayHex == expected, "\(vector.bits)")
            guard let target, let roundtrip = vector.roundtrip, let difficulty = vector.difficulty else {
                continue
            }
            #expect(CompactTarget(target).bits == UInt32(roundtrip, radix: 16), "\(vector.bits)")
            #expect(isNear(target.difficulty, difficulty), "\(vector.bits)")
        }
    }

    @Test func `heights are pushed as published`() throws {
        for vector in try Shared.json(HeightVectors.self, "data/vectors/bip34.json").cases {
            #expect(Script.heightPush(vector.height).hex == vector.script_hex)
        }
    }

    @Test func `the subsidy follows the published eras and sums up to all money`() throws {
        let vectors = try Shared.json(SubsidyVectors.self, "data/vectors/subsidy.json")
        for era in vectors.eras {
            #expect(SubsidySchedule.mainnet.subsidy(at: era.height).rawValue == era.subsidy)
            guard era.height > 0 else { continue }
            #expect(SubsidySchedule.mainnet.subsidy(at: era.height - 1).rawValue > era.subsidy)
        }
        let sum = (0..<70).reduce(UInt64(0)) {
            $0 + 210_000 * SubsidySchedule.mainnet.subsidy(at: $1 * 210_000).rawValue
        }
        #expect(sum == vectors.max_money_sum)
    }

    @Test func `recorded blocks come back byte for byte, with the published figures`() throws {
        let manifest = try Shared.json([ManifestEntry].self, "data/blocks/manifest.json")
        #expect(manifest.count >= 15)
        for entry in manifest where entry.file.hasSuffix(".raw") {
            let (bytes, block) = try block(entry.file)
            #expect(block.wireBytes == bytes, "\(entry.file)")
            #expect(block.header.hash.displayHex == entry.hash)
            #expect(block.transactions.count == entry.tx_count)
            #expect(block.weight.weightUnits == entry.weight)
            #expect(block.transactions[0].weight.weightUnits == entry.coinbase_weight)
            let commits = block.transactions[0].outputs.contains { WitnessCommitment.isCommitment($0.script) }
            #expect(commits == entry.has_witness_commitment)
            let target = try #require(block.header.bits.target)
            #expect(target.isMet(by: block.header.hash))
            if let difficulty = entry.difficulty { #expect(isNear(target.difficulty, difficulty)) }
            for transaction in block.transactions {
                let outline = try TransactionOutline(wireBytes: transaction.wireBytes)
                #expect(outline.weight == transaction.weight)
                #expect(outline.baseSize == transaction.strippedBytes.count)
                #expect(outline.lockTime == transaction.lockTime)
                #expect(outline.inputSigops <= 2_500)
            }
        }
    }

    @Test func `the first 255 blocks follow one another`() throws {
        let bytes = [UInt8](try Shared.data("data/blocks/mainnet-1-255.blk"))
        var offset = 0
        var previous = Hash256(displayHex: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f")
        var count = 0
        while offset < bytes.count {
            let length = (0..<4).reduce(0) { $0 | Int(bytes[offset + 4 + $1]) << (8 * $1) }
            let block = try Block(wireBytes: Array(bytes[(offset + 8)..<(offset + 8 + length)]))
            #expect(block.header.previousBlock == previous)
            #expect(MerkleTree.root(of: block.transactions.map(\.txid.hash)) == block.header.merkleRoot)
            previous = block.header.hash
            offset += 8 + length
            count += 1
        }
        #expect(count == 255)
    }

    @Test(arguments: ["mainnet-367891", "mainnet-866342"])
    func `ids, weights and sigop costs of every transaction are as published`(name: String) throws {
        let (_, block) = try block("blocks/\(name).raw")
        let lines = String(decoding: try Shared.unzipped("data/blocks/\(name).txs.csv.gz"), as: UTF8.self)
            .split(separator: "\n").filter { !$0.hasPrefix("#") }
        let prevouts = try Shared.unzipped("data/blocks/\(name).prevouts.jsonl.gz").split(
            separator: UInt8(ascii: "\n"))
        #expect(lines.count == block.transactions.count - 1)
        #expect(prevouts.count == lines.count)
        var total = block.transactions[0].legacySigopCost
        for (i, line) in lines.enumerated() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            let transaction = block.transactions[i + 1]
            let spent = try #require(try JSONSerialization.jsonObject(with: prevouts[i]) as? [[Any]])
            let scripts = spent.compactMap { ($0[1] as? String).map { hex($0) } }
            let value = spent.compactMap { ($0[0] as? NSNumber)?.uint64Value }.reduce(0, +)
            let fee = value - transaction.outputs.reduce(0) { $0 + $1.value.rawValue }
            let sigopCost = transaction.sigopCost(spentScripts: scripts)
            total += sigopCost
            let computed = [
                "\(i + 1)", transaction.txid.displayHex, transaction.wtxid.displayHex,
                "\(transaction.weight.weightUnits)", "\(sigopCost)", "\(fee)",
            ]
            #expect(fields.prefix(6).map(String.init) == computed)
        }
        let manifest = try Shared.json([ManifestEntry].self, "data/blocks/manifest.json")
        #expect(total == manifest.first { $0.file == "blocks/\(name).raw" }?.total_sigop_cost)
    }

    @Test func `ten thousand headers form a chain with proof of work`() throws {
        let bytes = [UInt8](try Shared.data("data/headers/mainnet-0-10236.bin"))
        #expect(bytes.count == 10_237 * Header.size)
        var previous = Hash256.zero
        for start in stride(from: 0, to: bytes.count, by: Header.size) {
            let raw = Array(bytes[start..<(start + Header.size)])
            let header = try #require(Header(wireBytes: raw))
            #expect(header.previousBlock == previous)
            previous = header.hash
            #expect(header.bits.target?.isMet(by: previous) == true)
            if start % (500 * Header.size) == 0 {
                #expect(header.wireBytes == raw)
                #expect(HeaderMidstate(header).hash(time: header.time, nonce: header.nonce) == previous)
            }
        }
    }

    @Test func `famous headers have the published hash, target and difficulty`() throws {
        let headers = try Shared.json([FamousHeader].self, "data/headers/famous.json")
        #expect(headers.count == 26)
        for vector in headers {
            let header = try #require(Header(wireBytes: hex(vector.header)))
            let target = try #require(header.bits.target)
            #expect(header.hash.displayHex == vector.hash)
            #expect(target.displayHex == vector.target)
            #expect(isNear(target.difficulty, vector.difficulty))
            let asShare = try #require(Target(wireBytes: header.hash.wireBytes)).difficulty
            #expect(isNear(asShare, vector.hash_as_share_difficulty))
        }
    }
}
