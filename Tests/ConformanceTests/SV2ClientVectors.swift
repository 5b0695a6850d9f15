import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import TestSupport
import Testing
import Units

/// A block that a node accepted, and the messages that a client would have mined it with through a pool.
/// Source: protocol/vectors/solo-block.json.
@Suite(.enabled(if: Shared.isPresent)) struct SV2ClientVectors {
    private let row: VectorRow
    private let job: ComposedJob
    private let block: Block

    init() throws {
        row = try VectorRow.file("solo-block")
        block = try Block(wireBytes: row.bytes("block"))
        let coinbase = block.transactions[0]
        let script = try row.bytes("script_sig_before_extranonce")
        let parts = CoinbaseParts(
            version: coinbase.version, scriptPrefix: script,
            extranonceSize: coinbase.inputs[0].scriptSig.count - script.count,
            sequence: coinbase.inputs[0].sequence,
            outputs: coinbase.outputs, lockTime: coinbase.lockTime)
        let others = block.transactions.dropFirst()
        job = ComposedJob(
            version: block.header.version, previousBlock: block.header.previousBlock,
            minimumTime: 0x6b02_d2dd,
            bits: block.header.bits, coinbase: parts,
            merklePath: MerkleTree.path(besides: others.map(\.txid.hash)),
            transactions: others.map { .init(wtxid: $0.wtxid, wireBytes: $0.wireBytes) })
    }

    private func payload(_ name: String) throws -> [UInt8] {
        try #require(row.rows("messages").first { try $0.text("name") == name }).bytes("payload")
    }

    @Test func `the declaration is built to the byte`() throws {
        let vector = try DeclareMiningJob(decoding: payload("DeclareMiningJob"))
        let built = job.declareMiningJob(requestId: vector.requestId, token: vector.miningJobToken)
        #expect(try built.encode() == payload("DeclareMiningJob"))
    }

    @Test func `the custom job is built to the byte`() throws {
        let vector = try SetCustomMiningJob(decoding: payload("SetCustomMiningJob"))
        let built = job.setCustomMiningJob(
            channelId: vector.channelId, requestId: vector.requestId, token: vector.miningJobToken)
        #expect(try built.encode() == payload("SetCustomMiningJob"))
    }

    @Test func `the solution is pushed with the whole extranonce, to the byte`() throws {
        let identity = ClientIdentity(
            endpointHost: "", endpointPort: 0, vendor: "Adit", hardwareVersion: "", firmware: "")
        var client = JobDeclarationClient(.init(identity: identity, userIdentifier: ""))
        let now = Instant(nanoseconds: 0)
        _ = client.handle(.connected, at: now)
        let success = SetupConnectionSuccess(usedVersion: 2, flags: 0)
        _ = client.handle(.received(.common(.setupConnectionSuccess(success))), at: now)
        let extranonce = try row.bytes("extranonce_prefix") + row.bytes("extranonce")
        guard
            case .send(.pushSolution(let built)) =
                client.handle(.pushSolution(block.header, extranonce: extranonce), at: now).first
        else { return #expect(Bool(false), "no solution was sent") }
        #expect(try built.encode() == payload("PushSolution"))
    }
}
