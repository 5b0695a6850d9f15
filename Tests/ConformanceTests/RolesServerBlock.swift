import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import TestSupport
import Testing
import Units

// protocol/vectors/solo-block.json: a block that a node accepted, and the same work as messages of mining and
// job declaration. Recorded messages go to the pool as they are, but for what the pool itself names: token,
// channel, job.

private let miner = ConnectionID(rawValue: 1)
private let declarator = ConnectionID(rawValue: 2)

@Suite(.enabled(if: Shared.isPresent)) struct RolesServerBlock {
    @Test func `the recorded declaration, custom job and share lead to the recorded block`() throws {
        var run = try Run()
        try run.declare()
        try run.setCustomJob()
        let actions = try run.submit()
        #expect(actions.first == .publish(block: run.block, hash: run.hash))
        #expect(
            actions.contains { if case .shareAccepted(_, _, _, run.hash, true) = $0 { true } else { false } })
        #expect(run.send(.declaration(declarator, .pushSolution(try run.recorded("PushSolution")))).isEmpty)
    }

    @Test func `the recorded pushed solution alone leads to it too`() throws {
        var run = try Run()
        try run.declare()
        let push: PushSolution = try run.recorded("PushSolution")
        #expect(
            run.send(.declaration(declarator, .pushSolution(push))) == [
                .publish(block: run.block, hash: run.hash)
            ])
    }

    @Test func `the node is asked about the recorded block, but for extranonce, time and nonce`() throws {
        var run = try Run()
        let asked = try Block(wireBytes: run.declare())
        let found = try Block(wireBytes: run.block)
        #expect(asked.transactions.dropFirst() == found.transactions.dropFirst())
        #expect(asked.transactions[0].outputs == found.transactions[0].outputs)
        #expect(asked.header.version == found.header.version)
        #expect(asked.header.previousBlock == found.header.previousBlock)
    }
}

private struct Run {
    let file: VectorRow
    let block: [UInt8]
    let hash: Hash256
    private var pool: Pool
    private let transactions: [[UInt8]]
    private let payout: [UInt8]
    private var declaredToken: [UInt8] = []
    private var channelId: UInt32 = 0
    private var jobId: UInt32 = 0

    init() throws {
        file = try VectorRow.file("solo-block")
        block = try file.bytes("block")
        hash = try #require(Hash256(wireBytes: file.bytes("block_hash")))
        let allocated: AllocateMiningJobTokenSuccess = try recordedMessage(
            file, "AllocateMiningJobToken.Success")
        payout = allocated.coinbaseTxOutputs
        let data: RequestTransactionDataSuccess = try recordedMessage(file, "RequestTransactionData.Success")
        transactions = data.transactionList
        let tip: TemplateSetNewPrevHash = try recordedMessage(file, "SetNewPrevHash")
        let height = UInt32(try file.number("height"))
        var configuration = PoolConfiguration(
            payoutScript: try #require(TransactionOutput.list(wireBytes: payout).first).script,
            sharesPerMinute: 6,
            tokenSeed: 1)
        configuration.firstExtranoncePrefix = 0x0001_0203
        pool = Pool(configuration)
        let next = NextBlock(
            previousBlock: try #require(Hash256(wireBytes: tip.prevHash.wireBytes)), height: height,
            version: 0x0001_0004, bits: CompactTarget(bits: tip.nBits),
            blockTarget: try #require(Target(wireBytes: tip.target.wireBytes)),
            minimumTime: tip.headerTimestamp,
            currentTime: tip.headerTimestamp, subsidy: SubsidySchedule.regtest.subsidy(at: height))
        _ = send(.tip(next))
        try connect()
    }

    mutating func send(_ event: PoolEvent) -> [PoolAction] {
        pool.handle(event, at: Instant(nanoseconds: 0), unixTime: 1_795_347_166)
    }

    func recorded<Message: SV2Message>(_ name: String) throws -> Message { try recordedMessage(file, name) }

    private mutating func connect() throws {
        func setup(_ number: UInt8, _ flags: UInt32) -> CommonMessage {
            var message = SetupConnection()
            (message.protocol, message.flags) = (number, flags)
            (message.minVersion, message.maxVersion) = (2, 2)
            return .setupConnection(message)
        }
        _ = send(.miningConnected(miner))
        _ = send(.declarationConnected(declarator))
        _ = send(.mining(miner, .common(setup(0, 0b010))))
        _ = send(.declaration(declarator, .common(setup(1, 1))))
        let open = OpenExtendedMiningChannel(
            requestId: 1, userIdentity: "miner", nominalHashRate: 1, maxTarget: .max, minExtranonceSize: 8)
        let actions = send(.mining(miner, .openExtendedMiningChannel(open)))
        let success: OpenExtendedMiningChannelSuccess = try sent(actions)
        channelId = success.channelId
        #expect(success.extranoncePrefix == (try file.bytes("extranonce_prefix")))
        #expect(Int(success.extranonceSize) == (try file.bytes("extranonce")).count)
    }

    /// Up to the pool's Success. Returns the block that the node was asked about.
    @discardableResult
    mutating func declare() throws -> [UInt8] {
        let request = AllocateMiningJobToken(userIdentifier: "miner", requestId: 1)
        let token: AllocateMiningJobTokenSuccess = try sent(
            send(.declaration(declarator, .allocateMiningJobToken(request))))
        #expect(token.coinbaseTxOutputs == payout)
        var message: DeclareMiningJob = try recorded("DeclareMiningJob")
        message.miningJobToken = token.miningJobToken
        let missing: ProvideMissingTransactions = try sent(
            send(.declaration(declarator, .declareMiningJob(message))))
        let provided = ProvideMissingTransactionsSuccess(
            requestId: message.requestId,
            transactionList: missing.unknownTxPositionList.map { transactions[Int($0)] })
        let actions = send(.declaration(declarator, .provideMissingTransactionsSuccess(provided)))
        let check = try #require(
            actions.lazy.compactMap {
                if case .check(let id, let block) = $0 { (id: id, block: block) } else { nil }
            }
            .first)
        let success: DeclareMiningJobSuccess = try sent(send(.checked(check.id, refusal: nil)))
        declaredToken = success.newMiningJobToken
        return check.block
    }

    mutating func setCustomJob() throws {
        var message: SetCustomMiningJob = try recorded("SetCustomMiningJob")
        message.channelId = channelId
        message.miningJobToken = declaredToken
        let success: SetCustomMiningJobSuccess = try sent(send(.mining(miner, .setCustomMiningJob(message))))
        jobId = success.jobId
    }

    mutating func submit() throws -> [PoolAction] {
        var share: SubmitSharesExtended = try recorded("SubmitSharesExtended")
        share.channelId = channelId
        share.jobId = jobId
        return send(.mining(miner, .submitSharesExtended(share)))
    }
}

private func recordedMessage<Message: SV2Message>(_ file: VectorRow, _ name: String) throws -> Message {
    let rows = try file.rows("messages").filter { try $0.text("name") == name }
    // SetNewPrevHash is in the file twice: the template provider's comes first.
    return try Message(decoding: #require(rows.first).bytes("payload"))
}

/// The one message of that kind among the actions.
private func sent<Message: SV2Message>(_ actions: [PoolAction]) throws -> Message {
    let messages: [any SV2Message] = actions.compactMap {
        switch $0 {
        case .sendMining(_, let message): message.message
        case .sendDeclaration(_, let message): message.message
        case .close, .check, .publish, .shareAccepted, .shareRejected, .declared, .customJobAccepted,
            .refused,
            .ignored, .wake:
            nil
        }
    }
    return try #require(messages.lazy.compactMap { $0 as? Message }.first, "\(actions)")
}
