import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import TestSupport
import Testing
import Units

private let now = Instant(nanoseconds: 0)

private func connectedClient(size: UInt32) -> TemplateDistributionClient {
    let identity = ClientIdentity(
        endpointHost: "127.0.0.1", endpointPort: 18447, vendor: "Adit", hardwareVersion: "", firmware: "")
    let constraints = CoinbaseOutputConstraints(
        coinbaseOutputMaxAdditionalSize: size, coinbaseOutputMaxAdditionalSigops: 0)
    var client = TemplateDistributionClient(.init(identity: identity, constraints: constraints))
    _ = client.handle(.connected, at: now)
    let success = SetupConnectionSuccess(usedVersion: 2, flags: 0)
    _ = client.handle(.received(.common(.setupConnectionSuccess(success))), at: now)
    return client
}

private func message(_ type: UInt8, _ payload: [UInt8]) throws -> TemplateDistributionMessage {
    let header = FrameHeader(extensionType: 0, channelMsg: false, msgType: type, msgLength: payload.count)
    guard case .message(let message, _) = try TemplateDistributionMessage.read(header, payload) else {
        preconditionFailure("type \(type) is none of the protocol's")
    }
    return message
}

// MARK: protocol/vectors/solo-block.json

/// A block that a node accepted, with all that a template provider sent for it.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct TemplateProviderSoloBlock {
    private let row: VectorRow
    private let header: Header
    private let coinbase: [UInt8]

    init() throws {
        row = try VectorRow.file("solo-block")
        header = try #require(Header(wireBytes: row.bytes("header")))
        coinbase = try row.bytes("coinbase")
    }

    /// The template provider's message comes first where a name is there twice.
    private func payload(_ name: String) throws -> [UInt8] {
        try #require(row.rows("messages").first { try $0.text("name") == name }).bytes("payload")
    }

    @Test func `the client goes from the recorded template to the recorded solution and block`() throws {
        var client = connectedClient(size: 31)
        var actions = client.handle(.received(try message(0x71, payload("NewTemplate"))), at: now)
        actions += client.handle(.received(try message(0x72, payload("SetNewPrevHash"))), at: now)
        actions += client.handle(
            .received(try message(0x74, payload("RequestTransactionData.Success"))), at: now)
        #expect(actions.contains(.send(.requestTransactionData(RequestTransactionData(templateId: 26)))))
        let current = try #require(client.current)
        #expect(current.template.height == UInt32(try row.number("height")))
        #expect(
            current.transactions?.txids.map { $0.hash.wireBytes.hex } == (row.fields["txids"] as? [String]))
        #expect(
            current.transactions?.wtxids.map { $0.hash.wireBytes.hex } == (row.fields["wtxids"] as? [String]))
        #expect(current.template.merklePath.map(\.wireBytes.hex) == (row.fields["merkle_path"] as? [String]))

        let output = try #require((row.fields["client_outputs"] as? [String])?.first)
        let payout = try TransactionOutput.list(wireBytes: [1] + hex(output))
        let extranonce = try row.bytes("extranonce_prefix") + row.bytes("extranonce")
        let tag = try row.bytes("script_sig_before_extranonce").dropFirst(3)
        let parts = try #require(
            current.template.coinbase(paying: payout, tag: Array(tag), extranonceSize: extranonce.count))
        #expect(parts.fullPrefix == (try row.bytes("prefix_bip141")))
        #expect(parts.fullSuffix == (try row.bytes("suffix_bip141")))
        #expect(parts.transaction(extranonce: extranonce).wireBytes == coinbase)
        #expect(
            MerkleTree.root(
                leaf: parts.transaction(extranonce: extranonce).txid.hash, path: current.template.merklePath)
                == header.merkleRoot)
        #expect(current.tip.blockTarget.isMet(by: header.hash))

        let solution = TemplateSolution(templateId: 26, header: header, coinbaseTx: coinbase)
        #expect(client.block(of: solution) == (try row.bytes("block")))
        guard case .send(.submitSolution(let sent)) = client.handle(.solved(solution), at: now).first else {
            Issue.record("no solution was sent")
            return
        }
        #expect(try sent.encode() == payload("SubmitSolution"))
    }

    @Test func `the server offers the recorded template and makes the recorded block of its solution`() throws
    {
        let template = try DistributedTemplate(NewTemplate(decoding: payload("NewTemplate")))
        let recordedTip = try TemplateSetNewPrevHash(decoding: payload("SetNewPrevHash"))
        let target = try #require(Target(wireBytes: recordedTip.target.wireBytes))
        let tip = try #require(
            DistributedTip(
                previousBlock: header.previousBlock, headerTimestamp: recordedTip.headerTimestamp,
                bits: header.bits, blockTarget: target))
        let data = try RequestTransactionDataSuccess(decoding: payload("RequestTransactionData.Success"))
        let provided = ProvidedTemplate(template: template, tip: tip, transactions: data.transactionList)

        let client = ConnectionID(rawValue: 1)
        let constraints = CoinbaseOutputConstraints(
            coinbaseOutputMaxAdditionalSize: 31, coinbaseOutputMaxAdditionalSigops: 0)
        var configuration = TemplateDistributionServer.Configuration()
        configuration.firstTemplateId = 26
        var server = TemplateDistributionServer(configuration)
        var setup = SetupConnection()
        (setup.protocol, setup.minVersion, setup.maxVersion) = (2, 2, 2)
        _ = server.handle(.connected(client), at: now)
        _ = server.handle(.received(client, .common(.setupConnection(setup))), at: now)
        _ = server.handle(.received(client, .coinbaseOutputConstraints(constraints)), at: now)
        let offered = server.handle(.template(provided, for: client, constraints), at: now)
        #expect(
            offered == [
                .send(client, try message(0x71, payload("NewTemplate"))),
                .send(client, try message(0x72, payload("SetNewPrevHash"))),
            ])
        let asked = RequestTransactionData(templateId: 26)
        #expect(
            server.handle(.received(client, .requestTransactionData(asked)), at: now) == [
                .send(client, try message(0x74, payload("RequestTransactionData.Success")))
            ])
        let solution = try message(0x76, payload("SubmitSolution"))
        #expect(
            server.handle(.received(client, solution), at: now) == [
                .publish(block: try row.bytes("block"), hash: header.hash, by: client)
            ])
    }
}

// MARK: protocol/vectors/tp-missed-prevhash.json

/// Three clients of one provider: at each block one of them gets a pair, the others a template without its tip, and
/// now and then under a number that belongs to another client. Source: sv2-notes §7.3.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct TemplateProviderTrap {
    private struct Received {
        let client: String
        let messages: [TemplateDistributionMessage]
        let hasTip: Bool
        let transactions: [UInt8]?
        let transactionsMatch: Bool
    }

    private let connects: [(client: String, size: UInt32, messages: [TemplateDistributionMessage])]
    private let rounds: [[Received]]

    init() throws {
        func messages(_ rows: [VectorRow]) throws -> [TemplateDistributionMessage] {
            try rows.map {
                let type = try #require(UInt8($0.text("msg_type").dropFirst(2), radix: 16))
                return try message(type, $0.bytes("payload"))
            }
        }
        let file = try VectorRow.file("tp-missed-prevhash")
        connects = try file.rows("clients").map {
            (
                try $0.text("client"), UInt32(try $0.number("coinbase_output_max_additional_size")),
                try messages($0.rows("received_on_connect"))
            )
        }
        rounds = try file.rows("rounds").map { round in
            try round.rows("clients").map {
                let name = "RequestTransactionData.Success"
                return Received(
                    client: try $0.text("client"), messages: try messages($0.rows("received")),
                    hasTip: try $0.flag("set_new_prev_hash_received"),
                    transactions: $0.has(name) ? try $0.bytes(name) : nil,
                    transactionsMatch: try $0.flag("transaction_data_matches_merkle_path"))
            }
        }
        try #require(connects.count == 3 && rounds.count == 4)
    }

    /// The client as it was before a round: set up, with the pair of its connecting, whose transactions were asked for
    /// and are not recorded.
    private func client(_ name: String) throws -> TemplateDistributionClient {
        let connect = try #require(connects.first { $0.client == name })
        var client = connectedClient(size: connect.size)
        for message in connect.messages { _ = client.handle(.received(message), at: now) }
        #expect(client.current?.template.height == 516)
        return client
    }

    @Test func `a template with its tip is mined, one without is not, and the provider is asked anew`() throws
    {
        var missed = 0
        for received in rounds.flatMap({ $0 }) {
            var client = try client(received.client)
            let before = try #require(client.current)
            var actions = [TemplateDistributionClient.Action]()
            for message in received.messages { actions += client.handle(.received(message), at: now) }
            let isAsked = actions.contains {
                if case .send(.coinbaseOutputConstraints) = $0 { true } else { false }
            }
            if received.hasTip {
                #expect(!isAsked)
                #expect(client.current?.tip != before.tip)
                #expect(try #require(client.current).template.height > before.template.height)
            } else {
                missed += 1
                #expect(isAsked)
                #expect(client.current == before, "a next-height template was taken on the old tip")
            }
        }
        #expect(missed == 8)
    }

    @Test func `the pair that a provider answers with brings the client back`() throws {
        // The first round: the pair that the first client got is what the second one's constraints are answered with.
        let round = rounds[0]
        let pair = try #require(round.first { $0.hasTip }).messages
        var client = try client("c2")
        for message in try #require(round.first { $0.client == "c2" }).messages {
            _ = client.handle(.received(message), at: now)
        }
        #expect(client.current?.template.height == 516)
        for message in pair { _ = client.handle(.received(message), at: now) }
        #expect(client.current?.template.height == 517)
    }

    @Test func `transactions of another client's template are told by their merkle path`() throws {
        var foreign = 0
        for received in rounds.flatMap({ $0 }) {
            guard let payload = received.transactions else { continue }
            let data = try RequestTransactionDataSuccess(decoding: payload)
            guard case .newTemplate(let template)? = received.messages.first else { continue }
            #expect(template.templateId == data.templateId)
            let distributed = try DistributedTemplate(template)
            let result = Result { () throws(TransactionDataDefect) in
                try TemplateTransactions(data.transactionList, for: distributed)
            }
            #expect(!received.transactionsMatch)
            #expect(throws: TransactionDataDefect.otherMerklePath) { try result.get() }
            foreign += 1
        }
        #expect(foreign == 2)
    }

    @Test func `a client that was led to mine under a foreign number drops the template and asks anew`()
        throws
    {
        for received in rounds.flatMap({ $0 }) {
            guard let payload = received.transactions,
                case .newTemplate(var template)? = received.messages.first
            else { continue }
            // As if the tip had come: the number alone is foreign then.
            template.futureTemplate = true
            var client = connectedClient(size: 1)
            var tip = try #require(rounds[0].first { $0.hasTip }).messages[1]
            if case .setNewPrevHash(var message) = tip {
                message.templateId = template.templateId
                tip = .setNewPrevHash(message)
            }
            _ = client.handle(.received(.newTemplate(template)), at: now)
            _ = client.handle(.received(tip), at: now)
            #expect(client.current?.templateId == template.templateId)
            let actions = client.handle(.received(try message(0x74, payload)), at: now)
            #expect(actions.contains(.withdrawn(templateId: template.templateId)))
            #expect(
                actions.contains(.mistrusted(.transactionData(template.templateId, .otherMerklePath))))
            #expect(
                actions.contains { if case .send(.coinbaseOutputConstraints) = $0 { true } else { false } })
            #expect(client.current == nil)
        }
    }
}
