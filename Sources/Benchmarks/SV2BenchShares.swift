import BitcoinPrimitives
import CSHA256d
import SV2Codec
import SV2Messages
import SV2Roles
import Units

extension SV2Bench {
    /// Shares of an extended channel through the server core, each good and each another one, with their
    /// acknowledgements. Beside it SHA-256d alone of what a share makes the server hash: the coinbase, twelve pairs of
    /// the merkle path, the header; and of the header only.
    func shares() -> [Contest] {
        let pool = ShareScene()
        return [
            Contest(
                subject: "shares validated", byteCount: nil, ours: pool.validate,
                bareName: "SHA-256d of coinbase, 12 pairs and header alone", bare: pool.hashShares),
            Contest(
                subject: "shares validated", byteCount: nil, ours: pool.validate,
                bareName: "SHA-256d of the header alone", bare: pool.hashHeaders),
        ]
    }
}

/// A pool with work of its own, one extended channel on it, and its newest job.
private final class ShareScene {
    private static let connection = ConnectionID(rawValue: 1)
    private static let now = Instant(nanoseconds: 0)
    private static let start: UInt32 = 1_750_000_000
    /// Shares before the pool begins anew: below what a channel may have accepted at one tip.
    private static let sharesPerPool: UInt32 = 1 << 18
    private let prepared: Pool
    private var pool: Pool
    private var submitted: UInt32 = 0
    private let channelId: UInt32
    private let jobId: UInt32
    private let version: UInt32
    private let extranonceSize: Int
    /// Of the stripped coinbase.
    private let coinbaseSize: Int

    init() {
        var configuration = PoolConfiguration(
            // So many shares a minute are wanted of so slow a miner that every hash is one.
            payoutScript: [0x00, 0x14] + [UInt8](repeating: 7, count: 20), sharesPerMinute: 100_000,
            tokenSeed: 1)
        configuration.ownJobs = OwnJobs(tag: Array("bench".utf8))
        pool = Pool(configuration)
        var sent = [MiningMessage]()
        for event in Self.events() {
            for action in pool.handle(event, at: Self.now, unixTime: Self.start) {
                if case .sendMining(_, let message) = action { sent.append(message) }
            }
        }
        var opened: OpenExtendedMiningChannelSuccess?
        var job: NewExtendedMiningJob?
        for message in sent {
            if case .openExtendedMiningChannelSuccess(let message) = message { opened = message }
            if case .newExtendedMiningJob(let message) = message { job = message }
        }
        guard let opened, let job, job.merklePath.count == 12 else {
            preconditionFailure("the pool gave a channel and a job: \(sent)")
        }
        (channelId, jobId, version) = (opened.channelId, job.jobId, job.version)
        extranonceSize = Int(opened.extranonceSize)
        coinbaseSize =
            job.coinbaseTxPrefix.count + opened.extranoncePrefix.count + extranonceSize
            + job.coinbaseTxSuffix.count
        prepared = pool
    }

    /// A tip, 4,095 transactions of the node's, and a miner.
    private static func events() -> [PoolEvent] {
        let height: UInt32 = 920_896
        let bits = CompactTarget(bits: 0x1702_0000)
        guard let target = bits.target else { preconditionFailure("bits of a block") }
        let next = NextBlock(
            previousBlock: Hash256(hashing: [1]), height: height, version: 0x2000_0000, bits: bits,
            blockTarget: target, minimumTime: start - 600, currentTime: start,
            subsidy: SubsidySchedule.mainnet.subsidy(at: height))
        let entries = (0..<4_095 as Range<UInt32>).map { number in
            let hash = Hash256(hashing: withUnsafeBytes(of: number) { Array($0) })
            return MempoolEntry(
                txid: Txid(hash), wtxid: Wtxid(hash), weight: Weight(weightUnits: 600), sigopCost: 1,
                fee: Satoshis(rawValue: 300), parents: [], wireBytes: [])
        }
        var setup = SetupConnection()
        (setup.minVersion, setup.maxVersion) = (2, 2)
        let open = OpenExtendedMiningChannel(
            requestId: 1, userIdentity: "bench", nominalHashRate: 1, maxTarget: .max, minExtranonceSize: 8)
        return [
            .tip(next), .knownTransactions(entries), .miningConnected(connection),
            .mining(connection, .common(.setupConnection(setup))),
            .mining(connection, .openExtendedMiningChannel(open)),
        ]
    }

    func validate(_ count: Int) -> Duration {
        var elapsed = Duration.zero
        var left = count
        while left > 0 {
            if submitted == Self.sharesPerPool { (pool, submitted) = (prepared, 0) }
            let now = min(left, Int(Self.sharesPerPool - submitted))
            elapsed += time(now, submit)
            left -= now
        }
        return elapsed
    }

    private func submit() {
        let share = SubmitSharesExtended(
            channelId: channelId, sequenceNumber: submitted, jobId: jobId, nonce: submitted,
            ntime: Self.start,
            version: version, extranonce: [UInt8](repeating: 1, count: extranonceSize))
        submitted += 1
        let actions = pool.handle(
            .mining(Self.connection, .submitSharesExtended(share)), at: Self.now, unixTime: Self.start)
        guard case .shareAccepted? = actions.first else {
            preconditionFailure("every hash is a share: \(actions)")
        }
    }

    func hashShares(_ count: Int) -> Duration {
        var bytes = [UInt8](repeating: 5, count: coinbaseSize)
        let elapsed = bytes.withUnsafeMutableBufferPointer { bytes in
            time(count) {
                adit_sha256d(bytes.baseAddress, bytes.count, bytes.baseAddress)
                for _ in 0..<12 { adit_sha256d(bytes.baseAddress, 64, bytes.baseAddress) }
                adit_sha256d(bytes.baseAddress, Header.size, bytes.baseAddress)
            }
        }
        keep(bytes)
        return elapsed
    }

    func hashHeaders(_ count: Int) -> Duration {
        var header = [UInt8](repeating: 5, count: Header.size)
        let elapsed = header.withUnsafeMutableBufferPointer { header in
            time(count) { adit_sha256d(header.baseAddress, Header.size, header.baseAddress) }
        }
        keep(header)
        return elapsed
    }
}
