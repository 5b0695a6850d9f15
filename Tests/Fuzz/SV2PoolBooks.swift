// The other half of the pool's fuzz entry: honest work for its clients, and what must hold of all that the pool does.

import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

@testable import SV2Roles

/// A work on one tip, with the first few of four transactions, as an honest client composes it.
struct FuzzWork {
    static let payout: [UInt8] = [0x51]
    static let firstHeight: UInt32 = 300
    /// The wall clock, which stands still.
    static let time: UInt32 = 1_700_000_000

    /// One hash in two is a share, one in eight a block.
    static func next(_ number: UInt32) -> NextBlock {
        NextBlock(
            previousBlock: Hash256(hashing: [
                UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8),
            ]),
            height: firstHeight + number, version: 0x2000_0000, bits: CompactTarget(bits: 0x207f_ffff),
            blockTarget: Target(leadingZeroBits: 3), minimumTime: time - 1_000, currentTime: time,
            subsidy: Satoshis(rawValue: 5_000))
    }

    static let entries: [MempoolEntry] = (0..<4).map { number in
        let input = TransactionInput(
            previousOutput: OutPoint(txid: Txid(.zero), index: UInt32(number)), scriptSig: [], sequence: 0,
            witness: [[UInt8](repeating: 1, count: 60)])
        let transaction = Transaction(
            version: 2, inputs: [input],
            outputs: [TransactionOutput(value: Satoshis(rawValue: 1), script: [0x51])], lockTime: 0)
        return MempoolEntry(
            txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: 0,
            fee: Satoshis(rawValue: 10), parents: [], wireBytes: transaction.wireBytes)
    }

    let next: NextBlock
    let entries: [MempoolEntry]
    private let coinbase: CoinbaseParts

    init(_ next: NextBlock, count: Int) {
        self.next = next
        entries = Array(Self.entries.prefix(count))
        let value = Satoshis(rawValue: next.subsidy.rawValue + 10 * UInt64(entries.count))
        coinbase = CoinbaseParts(
            version: 2, scriptPrefix: Script.heightPush(next.height) + [12], extranonceSize: 12, sequence: 0,
            outputs: [
                TransactionOutput(value: value, script: Self.payout),
                TransactionOutput(
                    value: .zero, script: WitnessCommitment.script(wtxids: entries.map(\.wtxid))),
            ], lockTime: 0)
    }

    func declaration(token: [UInt8], requestId: UInt32) -> DeclareMiningJob {
        DeclareMiningJob(
            requestId: requestId, miningJobToken: token, version: next.version,
            coinbaseTxPrefix: coinbase.fullPrefix,
            coinbaseTxSuffix: coinbase.fullSuffix, wtxidList: entries.map(\.wtxid.hash.onWire),
            excessData: [UInt8](repeating: 0, count: 32))
    }

    func customJob(token: [UInt8], channelId: UInt32) -> SetCustomMiningJob {
        SetCustomMiningJob(
            channelId: channelId, requestId: 1, miningJobToken: token, version: next.version,
            prevHash: next.previousBlock.onWire, minNtime: next.minimumTime, nbits: next.bits.bits,
            coinbaseTxVersion: coinbase.version, coinbasePrefix: coinbase.scriptPrefix,
            coinbaseTxInputNSequence: coinbase.sequence,
            coinbaseTxOutputs: TransactionOutput.wireBytes(of: coinbase.outputs),
            coinbaseTxLocktime: coinbase.lockTime,
            merklePath: MerkleTree.path(besides: entries.map(\.txid.hash)).map(\.onWire))
    }
}

/// What was seen of a pool from outside, and what must be true of it.
struct PoolBooks {
    private struct Client {
        let mines: Bool
        let since: Instant
        var isSetUp = false
    }

    /// Shares of one channel.
    private struct Account {
        var accepted: UInt64 = 0
        var acknowledged: UInt64 = 0
        var difficulty = 0.0
        var acknowledgedDifficulty = 0.0
        var lastAccepted: UInt32 = 0
        /// When the oldest share without acknowledgement was accepted.
        var waitingSince: Instant?
    }

    private let configuration: PoolConfiguration
    private var clients: [ConnectionID: Client] = [:]
    private var accounts: [Pool.ChannelKey: Account] = [:]
    private var counted: Set<Hash256> = []
    private var published: Set<Hash256> = []
    private var channelIds: Set<Pool.ChannelKey> = []
    private var lastJobId: [ConnectionID: UInt32] = [:]
    private(set) var lastCheck: UInt64 = 0
    var checks: [CheckID] = []
    var asked: [UInt32: [UInt16]] = [:]
    var timers = Timers()

    init(_ configuration: PoolConfiguration) { self.configuration = configuration }

    func connections(mining: Bool) -> [ConnectionID] {
        clients.filter { $0.value.mines == mining }.keys.sorted()
    }

    func isOpen(_ connection: ConnectionID) -> Bool { clients[connection] != nil }

    mutating func connected(_ connection: ConnectionID, mines: Bool, at now: Instant) {
        clients[connection] = Client(mines: mines, since: now)
    }

    mutating func forget(_ connection: ConnectionID) {
        clients[connection] = nil
        accounts = accounts.filter { $0.key.connection != connection }
    }

    // MARK: What the pool did

    mutating func take(_ actions: [PoolAction], of event: PoolEvent, at now: Instant) {
        var verdicts = 0
        for action in actions {
            switch action {
            case .sendMining(let connection, let message):
                precondition(clients[connection]?.mines == true, "nothing is sent on a closed link")
                checkSent(message, limit: 128 << 10)
                take(message, on: connection)
                if case .submitSharesError = message { verdicts += 1 }
            case .sendDeclaration(let connection, let message):
                precondition(clients[connection]?.mines == false, "nothing is sent on a closed link")
                checkSent(message, limit: 128 << 10)
                if case .common(.setupConnectionSuccess) = message { clients[connection]?.isSetUp = true }
            case .close(let connection, _):
                precondition(clients[connection] != nil, "a link is closed once")
                forget(connection)
            case .check(let check, let block):
                precondition(check.rawValue > lastCheck, "a question has a number of its own")
                lastCheck = check.rawValue
                checks = checks.suffix(7) + [check]
                expectWhole(block)
            case .publish(let block, let hash):
                precondition(published.insert(hash).inserted, "a block is published once")
                let header = expectWhole(block)
                precondition(
                    header.hash == hash && Target(leadingZeroBits: 3).isMet(by: hash), "it is a block")
            case .shareAccepted(let connection, _, let difficulty, let hash, _):
                precondition(counted.insert(hash).inserted, "a header counts once")
                count(event, connection, difficulty, at: now)
                verdicts += 1
            case .wake(let instant):
                if case .woke = event { precondition(instant > now, "no deadline stays in the past") }
                timers.want(max(instant, now))
            case .shareRejected, .declared, .customJobAccepted, .refused, .ignored: break
            }
        }
        precondition(verdicts <= 1 && actions.count < 64, "one event has few consequences")
        if event.isShare(for: self) { precondition(verdicts == 1, "every share has one verdict") }
    }

    private mutating func take(_ message: MiningMessage, on connection: ConnectionID) {
        switch message {
        case .common(.setupConnectionSuccess): clients[connection]?.isSetUp = true
        case .openExtendedMiningChannelSuccess(let open):
            opened(
                open.channelId, open.groupChannelId, open.extranoncePrefix.count + Int(open.extranonceSize),
                connection)
        case .openStandardMiningChannelSuccess(let open):
            opened(open.channelId, open.groupChannelId, open.extranoncePrefix.count, connection)
        case .submitSharesSuccess(let success): acknowledged(success, connection)
        case .setCustomMiningJobSuccess(let success): made(success.jobId, connection)
        case .newMiningJob(let job): made(job.jobId, connection)
        case .newExtendedMiningJob(let job): made(job.jobId, connection)
        case _: break
        }
    }

    private mutating func opened(
        _ channelId: UInt32, _ group: UInt32, _ size: Int, _ connection: ConnectionID
    ) {
        let key = Pool.ChannelKey(connection: connection, channelId: channelId)
        precondition(channelIds.insert(key).inserted && channelId != group, "a channel's id is used once")
        precondition(size <= 32, "an extranonce has at most 32 bytes")
        accounts[key] = Account()
    }

    private mutating func made(_ jobId: UInt32, _ connection: ConnectionID) {
        precondition(lastJobId[connection].map { $0 < jobId } ?? true, "a job's id is used once")
        lastJobId[connection] = jobId
    }

    // MARK: Shares

    private mutating func count(
        _ event: PoolEvent, _ connection: ConnectionID, _ difficulty: Double, at now: Instant
    ) {
        guard let (key, sequence) = event.share, key.connection == connection, var account = accounts[key]
        else {
            preconditionFailure("a share is accepted where it was submitted")
        }
        account.accepted += 1
        account.difficulty += difficulty
        account.lastAccepted = sequence
        account.waitingSince = account.waitingSince ?? now
        accounts[key] = account
    }

    private mutating func acknowledged(_ success: SubmitSharesSuccess, _ connection: ConnectionID) {
        let key = Pool.ChannelKey(connection: connection, channelId: success.channelId)
        guard var account = accounts[key] else { preconditionFailure("no channel, no acknowledgement") }
        account.acknowledged += UInt64(success.newSubmitsAcceptedCount)
        account.acknowledgedDifficulty += Double(success.newSharesSum)
        account.waitingSince = nil
        // The message for a share may be built before its action is seen here: both are of one turn.
        precondition(success.newSubmitsAcceptedCount > 0, "a batch is not empty")
        precondition(
            account.acknowledged == account.accepted, "what was accepted is acknowledged, and no more")
        precondition(success.lastSequenceNumber == account.lastAccepted, "a batch ends with the last share")
        precondition(
            account.acknowledgedDifficulty <= account.difficulty + 1e-6, "the sum is not more than there was")
        accounts[key] = account
    }

    /// After a wake nothing that was due is left.
    func expectPunctual(at now: Instant) {
        for client in clients.values where !client.isSetUp {
            precondition(now - client.since < configuration.setupDeadline, "who says nothing is closed")
        }
        for account in accounts.values {
            guard let since = account.waitingSince else { continue }
            precondition(now - since < configuration.acknowledgementDelay, "an acknowledgement comes in time")
        }
    }

    // MARK: Blocks and bounds

    @discardableResult private func expectWhole(_ block: [UInt8]) -> Header {
        guard let block = try? Block(wireBytes: block) else { preconditionFailure("a block can be read") }
        precondition(
            block.header.merkleRoot == MerkleTree.root(of: block.transactions.map(\.txid.hash)),
            "its root is its own")
        return block.header
    }

    func expectBounds(of pool: Pool) {
        let channels = pool.miningLinks.values.flatMap(\.channels.values)
        precondition(pool.miningLinks.count <= configuration.maximumConnections)
        precondition(pool.declarationLinks.count <= configuration.maximumConnections)
        precondition(
            Set(pool.miningLinks.keys).union(pool.declarationLinks.keys) == Set(clients.keys), "links agree")
        precondition(pool.channelCount == channels.count && channels.count <= configuration.maximumChannels)
        precondition(pool.jobCount == channels.reduce(0) { $0 + $1.customJobCount })
        precondition(pool.jobCount <= configuration.maximumJobs)
        precondition(channels.allSatisfy { $0.jobs.count <= configuration.maximumJobsPerChannel })
        let prefixes = channels.map { $0.extranoncePrefix.prefix(configuration.extranoncePrefixSize) }
        precondition(Set(prefixes).count == prefixes.count, "no two channels have one prefix")
        precondition(pool.openShares == channels.reduce(0) { $0 + $1.seen.count })
        precondition(pool.openShares + pool.spaces.releasedShares <= configuration.maximumSeenShares)
        precondition(pool.setupDues.count <= 4 * configuration.maximumConnections)
        let pending = pool.declarationLinks.values.map(\.pending.count)
        precondition(pending.allSatisfy { $0 <= configuration.maximumPendingPerConnection })
        precondition(pending.reduce(0, +) <= configuration.maximumPending)
        precondition(pool.checks.count <= pending.reduce(0, +))
        let tokens =
            configuration.maximumTokensPerConnection + configuration.maximumDeclarationsPerConnection
            + configuration.maximumPendingPerConnection
        precondition(pool.tokens.count <= tokens * pool.declarationLinks.count)
        precondition(pool.known.suppliedBytes <= configuration.maximumSuppliedBytes)
    }

    fileprivate func isSetUp(_ connection: ConnectionID) -> Bool { clients[connection]?.isSetUp == true }
}

extension PoolEvent {
    /// Where a share was submitted, and under which number.
    fileprivate var share: (key: Pool.ChannelKey, sequenceNumber: UInt32)? {
        switch self {
        case .mining(let connection, .submitSharesStandard(let share), _):
            (Pool.ChannelKey(connection: connection, channelId: share.channelId), share.sequenceNumber)
        case .mining(let connection, .submitSharesExtended(let share), _):
            (Pool.ChannelKey(connection: connection, channelId: share.channelId), share.sequenceNumber)
        case _: nil
        }
    }

    fileprivate func isShare(for books: PoolBooks) -> Bool {
        share.map { books.isSetUp($0.key.connection) } ?? false
    }
}
