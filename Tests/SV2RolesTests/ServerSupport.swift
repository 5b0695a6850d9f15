import BitcoinPrimitives
import SV2Codec
import SV2Messages
import TestSupport
import Units

@testable import SV2Roles

/// A pool with a tip, a clock, and clients played message by message. A class, for the sake of
/// `#expect(bench.…)`.
final class PoolBench {
    static let payoutScript = [0x00, 0x14] + [UInt8](repeating: 7, count: 20)
    static let miner = ConnectionID(rawValue: 1)
    static let declarator = ConnectionID(rawValue: 2)

    var pool: Pool
    var now = Instant(nanoseconds: 5_000_000_000)
    var unixTime: UInt32 = 1_700_000_000
    private(set) var next: NextBlock
    var lastRequestId: UInt32 = 0

    /// 10 hashes a share and 256 a block: found in no time, and clearly not the same.
    init(_ change: (inout PoolConfiguration) -> Void = { _ in }) {
        var configuration = PoolConfiguration(
            payoutScript: Self.payoutScript, sharesPerMinute: 6, tokenSeed: 4411)
        configuration.firstExtranoncePrefix = 0x0001_0203
        change(&configuration)
        pool = Pool(configuration)
        next = Self.nextBlock(previous: 1)
        _ = send(.tip(next))
    }

    static func nextBlock(previous: UInt8, height: UInt32 = 300) -> NextBlock {
        NextBlock(
            previousBlock: Hash256(hashing: [previous]), height: height, version: 0x2000_0000,
            bits: CompactTarget(bits: 0x207f_ffff), blockTarget: Target(leadingZeroBits: 8),
            minimumTime: 1_699_999_000, currentTime: 1_700_000_000, subsidy: Satoshis(rawValue: 1_250_000_000)
        )
    }

    func send(_ event: PoolEvent) -> [PoolAction] { pool.handle(event, at: now, unixTime: unixTime) }

    func mining(
        _ message: MiningMessage, on connection: ConnectionID = miner, trailing: [UInt8] = []
    ) -> [PoolAction] {
        send(.mining(connection, message, trailing: trailing[...]))
    }

    func declaration(
        _ message: JobDeclarationMessage, on connection: ConnectionID = declarator
    ) -> [PoolAction] {
        send(.declaration(connection, message))
    }

    func newTip(_ previous: UInt8, height: UInt32 = 301) -> [PoolAction] {
        next = Self.nextBlock(previous: previous, height: height)
        return send(.tip(next))
    }

    /// The tip becomes this block.
    func newTip(_ hash: Hash256) -> [PoolAction] {
        next.previousBlock = hash
        next.height += 1
        return send(.tip(next))
    }

    func wait(_ duration: Duration) -> [PoolAction] {
        now = now + duration
        return send(.woke)
    }

    // MARK: Setup

    static func setup(
        protocol number: UInt8, flags: UInt32, versions: ClosedRange<UInt16> = 2...2
    ) -> SetupConnection {
        SetupConnection(
            protocol: number, minVersion: versions.lowerBound, maxVersion: versions.upperBound, flags: flags,
            endpointHost: "pool.example", endpointPort: 3333, vendor: "test", hardwareVersion: "",
            firmware: "",
            deviceId: "")
    }

    func connectMiner(_ connection: ConnectionID = miner) {
        _ = send(.miningConnected(connection))
        _ = mining(.common(.setupConnection(Self.setup(protocol: 0, flags: 0b110))), on: connection)
    }

    func connectDeclarator(_ connection: ConnectionID = declarator) {
        _ = send(.declarationConnected(connection))
        _ = declaration(.common(.setupConnection(Self.setup(protocol: 1, flags: 1))), on: connection)
    }

    // MARK: Mining

    func open(
        _ connection: ConnectionID = miner, user: WireText = "alice", rate: Float = 1, maximum: U256 = .max,
        size: UInt16 = 8
    ) -> OpenExtendedMiningChannelSuccess? {
        mining(
            .openExtendedMiningChannel(
                OpenExtendedMiningChannel(
                    requestId: 9, userIdentity: user, nominalHashRate: rate, maxTarget: maximum,
                    minExtranonceSize: size)), on: connection
        ).opened
    }

    // MARK: Declaring

    func token(_ connection: ConnectionID = declarator) -> [UInt8] {
        let request = AllocateMiningJobToken(userIdentifier: "alice", requestId: 1)
        return declaration(.allocateMiningJobToken(request), on: connection).token ?? []
    }

    /// Declares a work and lets the node agree. Returns the token for the custom job.
    func declare(_ work: Work, requestId: UInt32 = 1, on connection: ConnectionID = declarator) -> [UInt8]? {
        let message = work.declaration(token: token(connection), requestId: requestId)
        var actions = declaration(.declareMiningJob(message), on: connection)
        if let positions = actions.asked {
            let list = positions.map { work.entries[Int($0)].wireBytes }
            actions = declaration(
                .provideMissingTransactionsSuccess(
                    ProvideMissingTransactionsSuccess(requestId: requestId, transactionList: list)),
                on: connection)
        }
        guard let check = actions.check else { return nil }
        return send(.checked(check.id, refusal: nil)).declaredToken
    }

    /// Both links up, a channel, a declared job and its custom job.
    func startMining(_ work: Work? = nil) -> RunningJob? {
        connectMiner()
        connectDeclarator()
        guard let channel = open() else { return nil }
        return runJob(work ?? self.work(), on: channel)
    }

    func runJob(
        _ work: Work, on channel: OpenExtendedMiningChannelSuccess, _ connection: ConnectionID = miner
    ) -> RunningJob? {
        guard let token = declare(work) else { return nil }
        let message = work.customJob(token: token, channelId: channel.channelId)
        guard let jobId = mining(.setCustomMiningJob(message), on: connection).customJobId else { return nil }
        return RunningJob(
            work: work, channelId: channel.channelId, jobId: jobId, prefix: channel.extranoncePrefix,
            target: Target(wire: channel.target), blockTarget: next.blockTarget)
    }

    /// A work on the bench's tip that pays all there is to the pool.
    func work(_ entries: [MempoolEntry] = [], fees: UInt64? = nil) -> Work {
        let due = next.subsidy.rawValue + (fees ?? entries.reduce(0) { $0 + $1.fee.rawValue })
        let commitment = TransactionOutput(
            value: .zero, script: WitnessCommitment.script(wtxids: entries.map(\.wtxid)))
        let coinbase = CoinbaseParts(
            version: 2, scriptPrefix: Script.heightPush(next.height) + [5] + Array("/adt/".utf8) + [12],
            extranonceSize: 12, sequence: 0xffff_fffe,
            outputs: [
                TransactionOutput(value: Satoshis(rawValue: due), script: Self.payoutScript), commitment,
            ], lockTime: next.height - 1)
        return Work(next: next, coinbase: coinbase, entries: entries)
    }
}

/// What a client composed.
struct Work {
    var next: NextBlock
    var coinbase: CoinbaseParts
    var entries: [MempoolEntry]

    var path: [Hash256] { MerkleTree.path(besides: entries.map(\.txid.hash)) }

    func declaration(token: [UInt8], requestId: UInt32 = 1) -> DeclareMiningJob {
        DeclareMiningJob(
            requestId: requestId, miningJobToken: token, version: next.version,
            coinbaseTxPrefix: coinbase.fullPrefix, coinbaseTxSuffix: coinbase.fullSuffix,
            wtxidList: entries.map(\.wtxid.hash.onWire), excessData: [UInt8](repeating: 0, count: 32))
    }

    func customJob(token: [UInt8], channelId: UInt32, requestId: UInt32 = 1) -> SetCustomMiningJob {
        SetCustomMiningJob(
            channelId: channelId, requestId: requestId, miningJobToken: token, version: next.version,
            prevHash: next.previousBlock.onWire, minNtime: next.minimumTime, nbits: next.bits.bits,
            coinbaseTxVersion: coinbase.version, coinbasePrefix: coinbase.scriptPrefix,
            coinbaseTxInputNSequence: coinbase.sequence,
            coinbaseTxOutputs: TransactionOutput.wireBytes(of: coinbase.outputs),
            coinbaseTxLocktime: coinbase.lockTime, merklePath: path.map(\.onWire))
    }
}

/// A transaction that pays `fee`, by the name of `number`: one input, one output, a witness.
func mempoolEntry(_ number: UInt8, fee: UInt64, spending parent: MempoolEntry? = nil) -> MempoolEntry {
    let previous = OutPoint(txid: parent?.txid ?? Txid(Hash256(hashing: [99, number])), index: 0)
    // Every first output holds 10,000 sat less than the generation before, whatever `fee` claims of outside
    // coins.
    let value = parent == nil ? 100_000 : 100_000 - fee
    let transaction = Transaction(
        version: 2,
        inputs: [
            TransactionInput(
                previousOutput: previous, scriptSig: [], sequence: 0xffff_fffd, witness: [[0x51], [number]])
        ],
        outputs: [
            TransactionOutput(
                value: Satoshis(rawValue: value), script: Script.payToWitnessScriptHash(Script.opTrue))
        ], lockTime: 0)
    return MempoolEntry(
        txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: 0,
        fee: Satoshis(rawValue: fee), parents: parent.map { [$0.txid] } ?? [],
        wireBytes: transaction.wireBytes)
}

/// An accepted custom job, and a miner that finds what is wanted.
struct RunningJob {
    enum Luck { case tooLow, share, block }

    var work: Work
    var channelId: UInt32
    var jobId: UInt32
    var prefix: [UInt8]
    var target: Target
    var blockTarget: Target
    var version: UInt32?

    func header(_ share: SubmitSharesExtended) -> Header {
        let root = CoinbaseParts.merkleRoot(
            strippedPrefix: work.coinbase.strippedPrefix, extranonce: prefix + share.extranonce,
            strippedSuffix: work.coinbase.strippedSuffix, path: work.path)
        return Header(
            version: share.version, previousBlock: work.next.previousBlock, merkleRoot: root,
            time: share.ntime,
            bits: work.next.bits, nonce: share.nonce)
    }

    /// The first share of that kind from `nonce` on.
    func find(
        _ luck: Luck, sequence: UInt32 = 1, nonce: UInt32 = 0, time: UInt32 = 1_700_000_000,
        version: UInt32? = nil,
        extranonce: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1]
    ) -> SubmitSharesExtended {
        var share = SubmitSharesExtended(
            channelId: channelId, sequenceNumber: sequence, jobId: jobId, nonce: nonce, ntime: time,
            version: version ?? work.next.version, extranonce: extranonce)
        let midstate = HeaderMidstate(header(share))
        while true {
            let hash = midstate.hash(time: time, nonce: share.nonce)
            let isBlock = blockTarget.isMet(by: hash)
            let isShare = target.isMet(by: hash) && !isBlock
            switch luck {
            case .block where isBlock, .share where isShare, .tooLow where !isBlock && !isShare: return share
            case .block, .share, .tooLow: share.nonce += 1
            }
        }
    }

    /// So many different shares, in order.
    func findShares(_ count: Int) -> [SubmitSharesExtended] {
        var shares = [SubmitSharesExtended]()
        for number in 0..<count {
            shares.append(
                find(.share, sequence: UInt32(number + 1), nonce: shares.last.map { $0.nonce + 1 } ?? 0))
        }
        return shares
    }

    func push(_ share: SubmitSharesExtended) -> PushSolution {
        PushSolution(
            extranonce: prefix + share.extranonce, prevHash: work.next.previousBlock.onWire,
            nonce: share.nonce,
            ntime: share.ntime, nbits: work.next.bits.bits, version: share.version)
    }
}

/// What a test looks for among the actions: the first of each kind.
extension [PoolAction] {
    private func first<Found>(_ find: (PoolAction) -> Found?) -> Found? { lazy.compactMap(find).first }

    var miningMessages: [MiningMessage] {
        compactMap { if case .sendMining(_, let message) = $0 { message } else { nil } }
    }
    var declarationMessages: [JobDeclarationMessage] {
        compactMap { if case .sendDeclaration(_, let message) = $0 { message } else { nil } }
    }
    var opened: OpenExtendedMiningChannelSuccess? {
        miningMessages.lazy.compactMap {
            if case .openExtendedMiningChannelSuccess(let message) = $0 { message } else { nil }
        }.first
    }
    var channelRefusal: String? {
        miningMessages.lazy.compactMap {
            if case .openMiningChannelError(let message) = $0 { message.errorCode.description } else { nil }
        }.first
    }
    var newTarget: SetTarget? {
        miningMessages.lazy.compactMap { if case .setTarget(let message) = $0 { message } else { nil } }.first
    }
    var token: [UInt8]? {
        declarationMessages.lazy.compactMap {
            if case .allocateMiningJobTokenSuccess(let message) = $0 { message.miningJobToken } else { nil }
        }.first
    }
    var declaredToken: [UInt8]? {
        declarationMessages.lazy.compactMap {
            if case .declareMiningJobSuccess(let message) = $0 { message.newMiningJobToken } else { nil }
        }.first
    }
    var asked: [UInt16]? {
        declarationMessages.lazy.compactMap {
            if case .provideMissingTransactions(let message) = $0 {
                message.unknownTxPositionList
            } else {
                nil
            }
        }.first
    }
    /// Code of a refused declaration, and the words with it.
    var declarationError: (code: String, details: String)? {
        declarationMessages.lazy.compactMap {
            guard case .declareMiningJobError(let message) = $0 else { return nil }
            return (message.errorCode.description, String(decoding: message.errorDetails, as: UTF8.self))
        }.first
    }
    var customJobId: UInt32? {
        miningMessages.lazy.compactMap {
            if case .setCustomMiningJobSuccess(let message) = $0 { message.jobId } else { nil }
        }.first
    }
    var customJobError: String? {
        miningMessages.lazy.compactMap {
            if case .setCustomMiningJobError(let message) = $0 { message.errorCode.description } else { nil }
        }.first
    }
    var acknowledgement: SubmitSharesSuccess? {
        miningMessages.lazy.compactMap {
            if case .submitSharesSuccess(let message) = $0 { message } else { nil }
        }.first
    }
    var shareError: String? {
        miningMessages.lazy.compactMap {
            if case .submitSharesError(let message) = $0 { message.errorCode.description } else { nil }
        }.first
    }
    var accepted: (hash: Hash256, isBlock: Bool, difficulty: Double)? {
        first {
            guard case .shareAccepted(_, _, let difficulty, let hash, let isBlock) = $0 else { return nil }
            return (hash, isBlock, difficulty)
        }
    }
    var check: (id: CheckID, block: [UInt8])? {
        first { if case .check(let id, let block) = $0 { (id, block) } else { nil } }
    }
    var publishedBlocks: [[UInt8]] {
        compactMap { if case .publish(let block, _) = $0 { block } else { nil } }
    }
    var closed: PoolConnectionFault? {
        first { if case .close(_, let fault) = $0 { fault } else { nil } }
    }
    var refusedCode: String? {
        first { if case .refused(_, _, let code, _) = $0 { code } else { nil } }
    }
    var besidesWakes: Self { filter { if case .wake = $0 { false } else { true } } }
    var wakeTime: Instant? {
        first { if case .wake(let instant) = $0 { instant } else { nil } }
    }
}
