import BitcoinPrimitives
import SV2Codec
import SV2Messages
import TestSupport
import Testing
import Units

@testable import SV2Roles

// protocol/vectors/jobs.json against the server's own reading of coinbases and shares.

private let jobs = Result { try VectorRow.file("jobs") }

private func rows(_ name: String) throws -> [VectorRow] { try jobs.get().rows(name) }

@Suite(.enabled(if: Shared.isPresent)) struct RolesServerJobs {
    @Test func `shares are blocks, valid or too low as the vectors say`() throws {
        let shares = try rows("shares")
        #expect(shares.count == 8)
        for row in shares {
            let (job, share) = try serverJob(row)
            let verdict = job.judge(share, clock: share.ntime)
            let hash = try #require(Hash256(displayHex: row.text("hash_be")))
            let header = try #require(Header(wireBytes: row.bytes("header")))
            switch try row.text("result") {
            case "block": #expect(verdict == .block(header, hash), "\(row.testDescription)")
            case "valid": #expect(verdict == .share(hash), "\(row.testDescription)")
            case "difficulty-too-low":
                #expect(verdict == .refused(.difficultyTooLow), "\(row.testDescription)")
            case let other: Issue.record("unknown result \(other)")
            }
        }
    }

    @Test func `the channel targets of the share vectors follow from rate and frequency`() throws {
        for row in try rows("shares") where try row.text("channel_target_be").contains(where: { $0 != "f" }) {
            var configuration = PoolConfiguration(
                payoutScript: [0x51], sharesPerMinute: try double(row, "shares_per_minute"), tokenSeed: 1)
            configuration.minimumHashRate = .zero
            let target = configuration.target(
                for: Double(Float(try double(row, "nominal_hash_rate"))), maximum: .max)
            #expect(target.displayHex == (try row.text("channel_target_be")))
        }
    }

    @Test func `the cuts in BIP 141 form are read, and strip to the other form`() throws {
        var count = 0
        for row in try rows("shares") + rows("coinbase_split") where row.has("coinbase_tx_prefix_bip141") {
            let parts = try DeclaredCoinbase.read(
                prefix: row.bytes("coinbase_tx_prefix_bip141"), suffix: row.bytes("coinbase_tx_suffix_bip141")
            )
            #expect(parts.strippedPrefix == (try row.bytes("coinbase_tx_prefix")))
            #expect(parts.strippedSuffix == (try row.bytes("coinbase_tx_suffix")))
            count += 1
        }
        #expect(count >= 8)
    }

    @Test func `a stripped coinbase is no declaration, one with its witness is`() throws {
        for row in try rows("bip141") {
            let (prefix, suffix) = (try row.bytes("prefix"), try row.bytes("suffix"))
            guard try row.flag("had_bip141") else {
                #expect(throws: DeclarationRefusal.self) {
                    try DeclaredCoinbase.read(prefix: prefix, suffix: suffix)
                }
                continue
            }
            let parts = try DeclaredCoinbase.read(prefix: prefix, suffix: suffix)
            #expect(parts.strippedPrefix == (try row.bytes("stripped_prefix")))
            #expect(parts.strippedSuffix == (try row.bytes("stripped_suffix")))
        }
    }

    @Test func `a custom job's fields make the coinbase of the vectors`() throws {
        let row = try #require(try rows("coinbase_split").first { $0.has("set_custom_mining_job") })
        let fields = try row.row("set_custom_mining_job")
        let parts = CoinbaseParts(
            version: UInt32(try fields.number("coinbase_tx_version")),
            scriptPrefix: try fields.bytes("coinbase_prefix"),
            extranonceSize: try row.number("full_extranonce_size"),
            sequence: UInt32(try fields.number("coinbase_tx_input_nSequence")),
            outputs: try TransactionOutput.list(wireBytes: fields.bytes("coinbase_tx_outputs")),
            lockTime: UInt32(try fields.number("coinbase_tx_locktime")))
        #expect(parts.strippedPrefix == (try row.bytes("coinbase_tx_prefix")))
        #expect(parts.strippedSuffix == (try row.bytes("coinbase_tx_suffix")))
        #expect(try DeclaredCoinbase.read(prefix: parts.fullPrefix, suffix: parts.fullSuffix) == parts)
    }

    @Test func `targets follow from hash rates as in the vectors`() throws {
        for row in try rows("targets") {
            let target = Target(
                hashesPerSecond: try double(row, "hash_rate"),
                sharesPerMinute: try double(row, "shares_per_minute"))
            #expect(target.displayHex == (try row.text("target_be")))
            #expect(target.onWire.wireBytes == (try row.bytes("target_wire_le")))
        }
    }

    @Test func `merkle paths and roots are those of the vectors`() throws {
        for row in try rows("merkle") {
            let path = try hashes(row, "merkle_path")
            let coinbase = try #require(Hash256(wireBytes: row.bytes("coinbase_txid")))
            // Long lists are given by a rule.
            let txids =
                row.has("txids")
                ? try hashes(row, "txids")
                : (0..<(try row.number("transactions"))).map { Hash256(hashing: Array("tx\($0)".utf8)) }
            #expect(MerkleTree.path(besides: txids) == path)
            #expect(MerkleTree.root(leaf: coinbase, path: path).wireBytes == (try row.bytes("merkle_root")))
        }
    }
}

/// The job of a share vector as the server keeps it. A standard channel's is one that leaves nothing to roll.
private func serverJob(_ row: VectorRow) throws -> (ServerJob, SubmittedShare) {
    let template = try row.row("template")
    let extranonce = try row.bytes("extranonce")
    let coinbase = try DeclaredCoinbase.read(
        prefix: row.bytes("coinbase_tx_prefix_bip141"), suffix: row.bytes("coinbase_tx_suffix_bip141"))
    let declared = DeclaredJob(
        version: UInt32(try template.number("version")),
        previousBlock: try #require(Hash256(wireBytes: row.bytes("prev_hash"))),
        height: 0, bits: CompactTarget(bits: UInt32(try row.number("nbits"))),
        minimumTime: UInt32(try row.number("min_ntime")),
        blockTarget: .max, coinbase: coinbase, merklePath: try hashes(template, "merkle_path"),
        body: BlockBody(
            coinbasePrefix: coinbase.fullPrefix, coinbaseSuffix: coinbase.fullSuffix, transactions: []))
    let job = ServerJob(
        jobId: 1, origin: .custom, work: SharedWork(declared), body: declared.body,
        minimumTime: declared.minimumTime, extranoncePrefix: try row.bytes("extranonce_prefix"),
        extranonceSize: extranonce.count,
        target: try target(row, "channel_target_be"), blockTarget: try target(row, "network_target_be"))
    let share = try row.row("share")
    return (
        job,
        SubmittedShare(
            SubmitSharesExtended(
                channelId: 2, sequenceNumber: 0, jobId: 1, nonce: UInt32(try share.number("nonce")),
                ntime: UInt32(try share.number("ntime")), version: UInt32(try share.number("version")),
                extranonce: extranonce))
    )
}

private func target(_ row: VectorRow, _ name: String) throws -> Target {
    try #require(Target(wireBytes: Array(row.bytes(name).reversed())))
}

private func double(_ row: VectorRow, _ name: String) throws -> Double {
    try #require(row.fields[name] as? Double, "\(name)")
}

private func hashes(_ row: VectorRow, _ name: String) throws -> [Hash256] {
    try #require(row.fields[name] as? [String]).map { try #require(Hash256(wireBytes: hex($0))) }
}
