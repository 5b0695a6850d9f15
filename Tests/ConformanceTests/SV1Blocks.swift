import BitcoinPrimitives
import Foundation
import SV1
import TestSupport
import Testing

/// Real blocks as a pool would have handed them out, and real shares that pools have accepted.
@Suite(.enabled(if: Shared.isPresent)) struct SV1Blocks {
    /// From before witnesses, from after, and one with a single level of branch or none.
    static let blocks = ["413567", "481829", "574200", "866342", "227836", "300025"]

    @Test(arguments: blocks)
    func `a block's header comes out of the notify line that would have made it`(height: String) throws {
        let block = try Block(wireBytes: [UInt8](try Shared.data("data/blocks/mainnet-\(height).raw")))
        let coinbase = block.transactions[0].strippedBytes
        // The last eight bytes of the input's script stand for the extranonce: wherever the cut is, the
        // bytes are the same.
        let end = 4 + 1 + 36 + 1 + block.transactions[0].inputs[0].scriptSig.count
        let path = MerkleTree.path(besides: block.transactions.dropFirst().map(\.txid.hash))
        let notify = NotifyParameters(
            jobID: height, previousBlock: block.header.previousBlock,
            coinbase1: Array(coinbase[..<(end - 8)]),
            coinbase2: Array(coinbase[end...]), merkleBranch: path, version: block.header.version,
            bits: block.header.bits, time: block.header.time, cleanJobs: true)
        let line = PoolMessage.notify(notify).line
        guard case .notify(let read) = try PoolMessage(line: Array(line.dropLast())) else {
            Issue.record("no job")
            return
        }
        let job = SV1Job(
            serial: 1, work: read,
            grant: ExtranonceGrant(extranonce1: Array(coinbase[(end - 8)..<(end - 4)]), extranonce2Size: 4),
            versionMask: 0, difficulty: .one)
        let header = job.header(
            extranonce2: Array(coinbase[(end - 4)..<end]), version: block.header.version,
            time: block.header.time, nonce: block.header.nonce)
        #expect(header == block.header)
        #expect(job.networkTarget.isMet(by: header.hash))
        #expect(job.coinbase(extranonce2: Array(coinbase[(end - 4)..<end])) == coinbase)
    }

    /// Fields of `mining.notify` and `mining.submit` of shares found by real chips and accepted by a pool.
    struct Vector: Decodable {
        struct Stratum: Decodable {
            let extranonce1: String
            let extranonce2: String?
            let extranonce2_per_job: [String]?
            let prev_hash: String
            let coinbase1: String
            let coinbase2: String
            let merkle_branches: [String]
            let version: String
            let nbits: String
            let ntime: String
        }
        let id: String
        let stratum: Stratum?
        let header: String?
        let difficulty: Double?
        let prev_hash_stratum: String?
    }
    struct File: Decodable { let vectors: [Vector] }

    @Test func `shares of real chips are found again from the pool's own words`() throws {
        let file = try Shared.json(File.self, "hardware/vectors/nonce_end_to_end.json")
        var count = 0
        for vector in file.vectors {
            guard let stratum = vector.stratum, let wire = vector.header.map(hex),
                let expected = Header(wireBytes: wire)
            else { continue }
            let branch = stratum.merkle_branches.map { "\"\($0)\"" }.joined(separator: ",")
            let line =
                #"{"id":null,"method":"mining.notify","params":["j","\#(stratum.prev_hash)","\#(stratum.coinbase1)","\#(stratum.coinbase2)",[\#(branch)],"\#(stratum.version)","\#(stratum.nbits)","\#(stratum.ntime)",true]}"#
            guard case .notify(let work) = try PoolMessage(line: Array(line.utf8)) else { continue }
            let extranonce2s = stratum.extranonce2.map { [$0] } ?? stratum.extranonce2_per_job ?? []
            let grant = ExtranonceGrant(
                extranonce1: hex(stratum.extranonce1), extranonce2Size: hex(extranonce2s[0]).count)
            let job = SV1Job(serial: 1, work: work, grant: grant, versionMask: 0x1fff_e000, difficulty: .one)
            let headers = extranonce2s.map {
                job.header(
                    extranonce2: hex($0), version: expected.version, time: expected.time,
                    nonce: expected.nonce)
            }
            #expect(headers.contains(expected), "\(vector.id)")
            #expect((expected.version ^ work.version) & ~job.versionMask == 0)
            // The difficulty that the vector claims is met, and hardly more.
            let difficulty = try #require(vector.difficulty)
            let below = try #require(difficultyOf(difficulty * 0.9999))
            let above = try #require(difficultyOf(difficulty * 1.0001))
            #expect(below.target.isMet(by: expected.hash))
            #expect(!above.target.isMet(by: expected.hash))
            count += 1
        }
        #expect(count >= 2)
    }

    @Test func `previous blocks of real jobs are in the order of the header`() throws {
        let file = try Shared.json(File.self, "hardware/vectors/nonce_end_to_end.json")
        var count = 0
        for vector in file.vectors {
            guard let words = vector.prev_hash_stratum, let wire = vector.header.map(hex) else { continue }
            let line =
                #"{"id":null,"method":"mining.notify","params":["j","\#(words)","","",[],"20000000","1705c739","0",true]}"#
            guard case .notify(let work) = try PoolMessage(line: Array(line.utf8)) else { continue }
            #expect(work.previousBlock.wireBytes == Array(wire[4..<36]), "\(vector.id)")
            count += 1
        }
        #expect(count >= 5)
    }

    /// A difficulty from a number of the vectors, by its shortest text.
    private func difficultyOf(_ value: Double) -> ShareDifficulty? {
        (try? JSONValue(parsing: Array("\(value)".utf8)))?.number.flatMap { ShareDifficulty($0) }
    }
}
