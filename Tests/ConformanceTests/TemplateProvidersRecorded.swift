import BitcoinPrimitives
import Foundation
import ProviderTemplates
import SV2Codec
import SV2Messages
import SV2Roles
import TemplateBuilding
import TestSupport
import Testing
import Units

private let now = Instant(nanoseconds: 0)

/// A follower that is fed what a recorded C++ provider sent.
private struct Replay {
    private(set) var follower: ProviderFollower
    private(set) var sent: [TemplateDistributionMessage] = []
    private(set) var tips: [ProviderOffer] = []
    private(set) var templates: [FinishedTemplate] = []
    private(set) var others: [ProviderChange] = []
    private(set) var health: [ProviderHealth] = []
    private(set) var routes: [SolutionRoute] = []

    init(constraints: CoinbaseOutputConstraints) {
        let identity = ClientIdentity(
            endpointHost: "127.0.0.1", endpointPort: 18447, vendor: "Adit", hardwareVersion: "", firmware: "")
        var configuration = ProviderFollower.Configuration(
            identity: identity, constraints: constraints, seed: 1)
        configuration.schedule = .regtest
        follower = ProviderFollower(configuration)
        handle(.start)
        handle(.connected(1))
    }

    mutating func receive(_ type: UInt8, _ payload: [UInt8]) throws {
        let header = FrameHeader(extensionType: 0, channelMsg: false, msgType: type, msgLength: payload.count)
        guard case .message(let message, _) = try TemplateDistributionMessage.read(header, payload) else {
            Issue.record("type \(type) is none of the protocol's")
            return
        }
        handle(.received(1, message))
    }

    mutating func handle(_ event: ProviderFollower.Event) {
        for action in follower.handle(event, at: now) {
            switch action {
            case .connect, .wake: break
            case .disconnect: Issue.record("the provider was left: \(follower.health)")
            case .send(_, let message): sent.append(message)
            case .publish(.tip(let offer)): tips.append(offer)
            case .publish(.template(let template)): templates.append(template)
            case .publish(let other): others.append(other)
            case .health(let now): health.append(now)
            case .solution(_, let route): routes.append(route)
            }
        }
    }
}

private let plan = CoinbasePlan(
    payouts: [TransactionOutput(value: .zero, script: [0x00, 0x14] + (0..<20))], tag: Array("/Adit/".utf8),
    extranonceSize: 12)

// MARK: captures/template-provider-session.json.gz

/// A block and transactions arrive during the session; the recorded client asked for the transactions of three templates.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct TemplateProviderReplay {
    private var replay: Replay

    init() throws {
        let json = try JSONSerialization.jsonObject(
            with: Shared.unzipped("captures/template-provider-session.json.gz"))
        replay = Replay(
            constraints: CoinbaseOutputConstraints(
                coinbaseOutputMaxAdditionalSize: 1_000, coinbaseOutputMaxAdditionalSigops: 400))
        for row in try VectorRow(json).rows("frames") where try row.text("dir") == "server->client" {
            try replay.receive(UInt8(row.number("type")), row.bytes("payload"))
        }
    }

    @Test func `a miner knows every tip at once, and every template whose transactions were sent`() throws {
        #expect(replay.health == [.following])
        #expect(replay.others.isEmpty)
        #expect(replay.tips.map(\.id.templateId) == [2, 3, 4, 5, 6, 7, 8, 9])
        #expect(Set(replay.tips.map(\.tip.previousBlock)).count == 8)
        #expect(replay.tips.map(\.template.height) == Array(0x0123...0x012a))
        #expect(replay.follower.height == 0x012a)
        #expect(replay.templates.map(\.id.templateId) == [2, 3, 4])
        #expect(replay.templates.map(\.transactions.count) == [1_000, 0, 0])
        // Of empty blocks the value is known, and it is what the provider says.
        #expect(replay.templates.dropFirst().map(\.fees) == [.zero, .zero])
        // The next block is one of the provider's node, not of ours: the tips are a chain all the same.
        let last = try #require(replay.tips.last).nextBlock(subsidy: .zero)
        #expect(last.bits == CompactTarget(bits: 0x207f_ffff) && last.height == 0x012a)
    }

    @Test func `a thousand recorded transactions become a block of ours`() throws {
        let template = try #require(replay.templates.first)
        #expect(try #require(template.fees) > .zero)
        #expect(template.greatestSigopCost <= maximumBlockSigopCost)
        let proposal = try template.proposal(id: 1, plan: plan)
        let extranonce = [UInt8](0..<12)
        let leaf = proposal.coinbase.transaction(extranonce: extranonce).txid.hash
        let root = MerkleTree.root(leaf: leaf, path: proposal.merklePath)
        #expect(MerkleTree.root(of: [leaf] + template.txids.map(\.hash)) == root)
        let header = Header(
            version: proposal.next.version, previousBlock: proposal.next.previousBlock, merkleRoot: root,
            time: proposal.next.currentTime, bits: proposal.next.bits, nonce: 0)
        let block = try Block(wireBytes: proposal.blockBytes(header: header, extranonce: extranonce))
        #expect(block.transactions.count == 1_001)
        #expect(block.transactions.dropFirst().map(\.txid) == template.txids)
        #expect(block.weight == proposal.weight && proposal.weight <= .block)
        let paid = block.transactions[0].outputs.reduce(Satoshis.zero) { $0 + $1.value }
        #expect(paid == template.value)
        #expect(
            WitnessCommitment.script(wtxids: block.transactions.dropFirst().map(\.wtxid))
                == block.transactions[0].outputs.last?.script)
    }

    @Test func `a lie in the recorded transactions is noticed`() throws {
        let json = try JSONSerialization.jsonObject(
            with: Shared.unzipped("captures/template-provider-session.json.gz"))
        var lied = Replay(
            constraints: CoinbaseOutputConstraints(
                coinbaseOutputMaxAdditionalSize: 1_000, coinbaseOutputMaxAdditionalSigops: 400))
        for row in try VectorRow(json).rows("frames").prefix(7) where try row.text("dir") == "server->client"
        {
            var payload = try row.bytes("payload")
            // A byte of the last transaction's lock time.
            if try row.number("type") == 0x74 { payload[payload.count - 1] ^= 1 }
            try lied.receive(UInt8(row.number("type")), payload)
        }
        #expect(lied.health == [.down(.mistrusted(.transactionData(2, .otherMerklePath)))])
        #expect(lied.templates.isEmpty)
    }
}

// MARK: protocol/vectors/solo-block.json

/// A block that a node accepted, with all that a template provider sent for it.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct TemplateProviderSoloProposal {
    @Test func `what was recorded gives the recorded coinbase's end, path and solution`() throws {
        let row = try VectorRow.file("solo-block")
        func payload(_ name: String) throws -> [UInt8] {
            try #require(row.rows("messages").first { try $0.text("name") == name }).bytes("payload")
        }
        var replay = Replay(
            constraints: CoinbaseOutputConstraints(for: [
                TransactionOutput(value: .zero, script: [0x00, 0x14] + (0..<20))
            ]))
        try replay.receive(0x01, SetupConnectionSuccess(usedVersion: 2, flags: 0).encode())
        try replay.receive(0x71, payload("NewTemplate"))
        try replay.receive(0x72, payload("SetNewPrevHash"))
        try replay.receive(0x74, payload("RequestTransactionData.Success"))
        #expect(replay.health == [.following])
        let template = try #require(replay.templates.first)
        #expect(template.txids.map { $0.hash.wireBytes.hex } == (row.fields["txids"] as? [String]))
        #expect(template.offer.template.height == UInt32(try row.number("height")))

        let proposal = try template.proposal(id: 1, plan: plan)
        #expect(proposal.coinbase.fullSuffix == (try row.bytes("suffix_bip141")))
        #expect(proposal.merklePath.map(\.wireBytes.hex) == (row.fields["merkle_path"] as? [String]))
        // The recorded client pushes tag and extranonce apart; ours are one push.
        #expect(proposal.coinbase.scriptPrefix == [0x02, 0x7d, 0x01, 18] + Array("/Adit/".utf8))

        let solution = ProviderSolution(
            id: template.id, header: try #require(Header(wireBytes: row.bytes("header"))),
            coinbaseTx: try row.bytes("coinbase"))
        replay.handle(.solved(solution))
        #expect(replay.routes == [.handedOver])
        guard case .submitSolution(let sent)? = replay.sent.last else {
            Issue.record("no solution was sent")
            return
        }
        #expect(try sent.encode() == payload("SubmitSolution"))
    }
}
