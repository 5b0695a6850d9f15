import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import Units

extension NegotiationBench {
    /// Shares of many connections in turn, each with an extended channel of its own, through the pool's core: each good,
    /// each another one, with their acknowledgements. Beside it SHA-256d alone of as many coinbases with the twelve
    /// pairs of their path and headers, and of as many headers.
    func shareContests() -> [SV2Bench.Contest] {
        let crowd = ShareCrowd(connections: scale.connections, transactions: scale.transactions)
        let subject = "shares of \(scale.connections) connections judged"
        return [
            SV2Bench.Contest(
                subject: subject, byteCount: nil, ours: crowd.validate,
                bareName: "SHA-256d of coinbase, path and header alone", bare: crowd.hashShares),
            SV2Bench.Contest(
                subject: subject, byteCount: nil, ours: crowd.validate,
                bareName: "SHA-256d of the header alone", bare: crowd.hashHeaders),
        ]
    }
}

/// A pool with work of its own, and miners that submit one after the other.
private final class ShareCrowd {
    private static let now = Instant(nanoseconds: 0)
    /// Shares before the pool begins anew: below what it remembers of one tip.
    private static let sharesPerPool = 1 << 18
    private struct Miner {
        var channelId: UInt32
        var jobId: UInt32
        var version: UInt32
        var extranonce: [UInt8]
    }

    private let prepared: Pool
    private var pool: Pool
    private var miners: [Miner] = []
    private var submitted = 0
    private var bare: BareHashes

    init(connections: Int, transactions: Int) {
        var configuration = PoolConfiguration(
            // So many shares a minute are wanted of so slow a miner that every hash is one.
            payoutScript: NegotiationScene.payoutScript, sharesPerMinute: 100_000, tokenSeed: 1)
        configuration.ownJobs = OwnJobs(tag: Array("bench".utf8))
        configuration.maximumConnections = connections
        pool = Pool(configuration)
        var coinbaseSize = 0
        Self.tell(&pool, .tip(NegotiationScene.next(1)))
        Self.tell(&pool, .knownTransactions(NegotiationScene.entries(transactions)))
        for number in 0..<connections {
            let (miner, size) = Self.join(&pool, ConnectionID(rawValue: UInt64(number)))
            miners.append(miner)
            coinbaseSize = size
        }
        prepared = pool
        bare = BareHashes(leaves: transactions + 1, coinbaseSize: coinbaseSize)
    }

    @discardableResult
    private static func tell(_ pool: inout Pool, _ event: PoolEvent) -> [PoolAction] {
        pool.handle(event, at: now, unixTime: NegotiationScene.start)
    }

    private static func join(
        _ pool: inout Pool, _ connection: ConnectionID
    ) -> (Miner, coinbaseSize: Int) {
        var setup = SetupConnection()
        (setup.minVersion, setup.maxVersion) = (2, 2)
        let open = OpenExtendedMiningChannel(
            requestId: 1, userIdentity: "bench", nominalHashRate: 1, maxTarget: .max, minExtranonceSize: 8)
        tell(&pool, .miningConnected(connection))
        tell(&pool, .mining(connection, .common(.setupConnection(setup))))
        var opened: OpenExtendedMiningChannelSuccess?
        var job: NewExtendedMiningJob?
        for case .sendMining(_, let message) in tell(
            &pool, .mining(connection, .openExtendedMiningChannel(open)))
        {
            if case .openExtendedMiningChannelSuccess(let message) = message { opened = message }
            if case .newExtendedMiningJob(let message) = message { job = message }
        }
        guard let opened, let job else { preconditionFailure("the pool gives a channel and a job") }
        let size = Int(opened.extranonceSize)
        let miner = Miner(
            channelId: opened.channelId, jobId: job.jobId, version: job.version,
            extranonce: [UInt8](repeating: 1, count: size))
        return (
            miner,
            job.coinbaseTxPrefix.count + opened.extranoncePrefix.count + size + job.coinbaseTxSuffix.count
        )
    }

    func validate(_ count: Int) -> Duration {
        var elapsed = Duration.zero
        var left = count
        while left > 0 {
            if submitted == Self.sharesPerPool { (pool, submitted) = (prepared, 0) }
            let now = min(left, Self.sharesPerPool - submitted)
            elapsed += time(now, submit)
            left -= now
        }
        return elapsed
    }

    private func submit() {
        let turn = submitted % miners.count
        let miner = miners[turn]
        let share = SubmitSharesExtended(
            channelId: miner.channelId, sequenceNumber: UInt32(submitted / miners.count),
            jobId: miner.jobId, nonce: UInt32(submitted), ntime: NegotiationScene.start,
            version: miner.version, extranonce: miner.extranonce)
        submitted += 1
        let actions = Self.tell(
            &pool, .mining(ConnectionID(rawValue: UInt64(turn)), .submitSharesExtended(share)))
        guard case .shareAccepted? = actions.first else {
            preconditionFailure("every hash is a share: \(actions)")
        }
    }

    func hashShares(_ count: Int) -> Duration {
        time(1) { bare.roots(count, withHeader: true) }
    }

    func hashHeaders(_ count: Int) -> Duration { time(1) { bare.headers(count) } }
}
