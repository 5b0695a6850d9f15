import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import TemplateBuilding
import Units

extension NegotiationBench {
    /// Declarations through the pool's core, from the bytes of the message to the bytes of the answer, with a node that
    /// answers at once. Beside it SHA-256d alone of what a declaration makes a pool hash: the tree under the merkle path
    /// and that of the witness commitment, and both ids of each transaction that it had to ask for.
    func declarationContests() -> [SV2Bench.Contest] {
        [0, scale.missing].map { missing in
            let scene = DeclarationScene(transactions: scale.transactions, missing: missing)
            return SV2Bench.Contest(
                subject: "declarations of \(scale.transactions) transactions judged, \(missing) missing",
                byteCount: scene.byteCount, ours: scene.judge,
                bareName: "SHA-256d of two trees" + (missing > 0 ? " and \(missing) transactions" : "")
                    + " alone",
                bare: scene.hash)
        }
    }
}

/// A pool with a client that has a token, and what the client sends.
private final class DeclarationScene {
    private static let connection = ConnectionID(rawValue: 1)
    private static let now = Instant(nanoseconds: 0)
    private let prepared: Pool
    private let declaration, supply: [UInt8]
    private let missing: Int
    private var bare: BareHashes

    var byteCount: Int { declaration.count + (missing > 0 ? supply.count : 0) }

    init(transactions: Int, missing: Int) {
        let entries = NegotiationScene.entries(transactions)
        // Spread over the block.
        let asked = entries.indices.filter {
            $0 * missing / transactions != ($0 + 1) * missing / transactions
        }
        let isAsked = Set(asked)
        self.missing = missing
        bare = BareHashes(
            leaves: transactions + 1, coinbaseSize: 0, transactions: asked.map { entries[$0] })
        var pool = Pool(
            PoolConfiguration(
                payoutScript: NegotiationScene.payoutScript, sharesPerMinute: 30, tokenSeed: 1))
        var setup = SetupConnection()
        (setup.protocol, setup.minVersion, setup.maxVersion) = (1, 2, 2)
        setup.flags = SetupFlags.JobDeclaration.declareTxData
        let request = AllocateMiningJobToken(userIdentifier: "bench", requestId: 1)
        let events: [PoolEvent] = [
            .tip(NegotiationScene.next(1)),
            .knownTransactions(entries.indices.filter { !isAsked.contains($0) }.map { entries[$0] }),
            .declarationConnected(Self.connection),
            .declaration(Self.connection, .common(.setupConnection(setup))),
            .declaration(Self.connection, .allocateMiningJobToken(request)),
        ]
        let answers = events.flatMap { pool.handle($0, at: Self.now, unixTime: NegotiationScene.start) }
        guard
            case .sendDeclaration(_, .allocateMiningJobTokenSuccess(let success))? = answers.last(where: {
                if case .sendDeclaration = $0 { true } else { false }
            })
        else { preconditionFailure("the pool gave a token: \(answers)") }
        prepared = pool
        let message = ComposedJob(NegotiationScene.proposal(entries, tip: 1))
            .declareMiningJob(requestId: 1, token: success.miningJobToken)
        let provided = ProvideMissingTransactionsSuccess(
            requestId: 1, transactionList: asked.map { entries[$0].wireBytes })
        guard let declaration = try? message.frame(), let supply = try? provided.frame() else {
            preconditionFailure("a block's declaration fits in a frame")
        }
        (self.declaration, self.supply) = (declaration, supply)
    }

    func judge(_ count: Int) -> Duration { time(count, judge) }

    func hash(_ count: Int) -> Duration {
        time(count) {
            bare.bothTrees()
            bare.ids()
        }
    }

    private func judge() {
        var pool = prepared
        var actions = tell(&pool, declaration)
        if missing > 0 {
            guard case .sendDeclaration(_, .provideMissingTransactions(let asked))? = actions.first,
                asked.unknownTxPositionList.count == missing
            else { preconditionFailure("the pool asks for what it has not: \(actions)") }
            actions = tell(&pool, supply)
        }
        guard case .check(let check, _)? = actions.first else {
            preconditionFailure("the pool asks its node: \(actions)")
        }
        let answer = pool.handle(
            .checked(check, refusal: nil), at: Self.now, unixTime: NegotiationScene.start)
        guard case .sendDeclaration(_, let success)? = answer.first,
            case .declareMiningJobSuccess = success, let frame = try? success.frame()
        else { preconditionFailure("a good declaration is accepted: \(answer)") }
        keep(frame)
    }

    private func tell(_ pool: inout Pool, _ frame: [UInt8]) -> [PoolAction] {
        guard let header = FrameHeader(frontOf: frame),
            case .message(let message, _)? = try? JobDeclarationMessage.read(
                header, Array(frame.dropFirst(FrameHeader.byteCount)))
        else { preconditionFailure("our own frame is read") }
        return pool.handle(
            .declaration(Self.connection, message), at: Self.now, unixTime: NegotiationScene.start)
    }
}

extension ComposedJob {
    fileprivate init(_ proposal: Proposal) {
        let next = proposal.next
        self.init(
            version: next.version, previousBlock: next.previousBlock, minimumTime: next.currentTime,
            bits: next.bits, coinbase: proposal.coinbase, merklePath: proposal.merklePath,
            transactions: proposal.transactions.map { Entry(wtxid: $0.wtxid, wireBytes: $0.wireBytes) })
    }
}
