import BitcoinPrimitives
import SV2Codec
import SV2Messages

/// What jobs of several channels have in common. Kept once, however many jobs refer to it.
final class SharedWork: Sendable {
    let previousBlock: Hash256
    /// Of the block that is mined for.
    let height: UInt32
    let version: UInt32
    let bits: CompactTarget
    /// Leaf level first.
    let merklePath: [Hash256]
    /// Coinbase as it is hashed, up to and after the whole extranonce.
    let strippedPrefix: [UInt8]
    let strippedSuffix: [UInt8]

    init(
        previousBlock: Hash256, height: UInt32, version: UInt32, bits: CompactTarget,
        merklePath: [Hash256], coinbase: CoinbaseParts
    ) {
        self.previousBlock = previousBlock
        self.height = height
        self.version = version
        self.bits = bits
        self.merklePath = merklePath
        strippedPrefix = coinbase.strippedPrefix
        strippedSuffix = coinbase.strippedSuffix
    }

    convenience init(_ declared: DeclaredJob) {
        self.init(
            previousBlock: declared.previousBlock, height: declared.height, version: declared.version,
            bits: declared.bits, merklePath: declared.merklePath, coinbase: declared.coinbase)
    }

    /// - Parameter extranonce: the whole of it, the pool's part first.
    func merkleRoot(extranonce: [UInt8]) -> Hash256 {
        CoinbaseParts.merkleRoot(
            strippedPrefix: strippedPrefix, extranonce: extranonce, strippedSuffix: strippedSuffix,
            path: merklePath)
    }
}

/// A job as one channel has it, with all that its shares are held against. Nothing of it changes any more,
/// whatever becomes of the channel: target and prefix are the job's. Source: sv2-notes §5.4, §5.5.
struct ServerJob: Sendable {
    enum Origin: Sendable { case custom, own }

    let jobId: UInt32
    let origin: Origin
    let work: SharedWork
    let minimumTime: UInt32
    let extranoncePrefix: [UInt8]
    /// Bytes that shares bring; 0 on a standard channel.
    let extranonceSize: Int
    let target: Target
    let blockTarget: Target
    /// Known where nothing is rolled but the header.
    let merkleRoot: Hash256?
    /// `nil` once its tip is gone, and where the pool never knew the transactions.
    var body: BlockBody?

    init(
        jobId: UInt32, origin: Origin, work: SharedWork, body: BlockBody?, minimumTime: UInt32,
        extranoncePrefix: [UInt8], extranonceSize: Int, target: Target, blockTarget: Target
    ) {
        self.jobId = jobId
        self.origin = origin
        self.work = work
        self.body = body
        self.minimumTime = minimumTime
        self.extranoncePrefix = extranoncePrefix
        self.extranonceSize = extranonceSize
        self.target = target
        self.blockTarget = blockTarget
        merkleRoot = extranonceSize == 0 ? work.merkleRoot(extranonce: extranoncePrefix) : nil
    }

    enum Verdict: Hashable {
        case block(Header, Hash256)
        case share(Hash256)
        case refused(ShareRefusal)
    }

    /// Everything about a share that the job alone can tell; whether it is a repetition is for the caller.
    func judge(_ share: SubmittedShare, clock: UInt32) -> Verdict {
        guard share.extranonce.count == extranonceSize else { return .refused(.extranonceSize) }
        guard RollingRules.allowsTime(share.ntime, minimum: minimumTime, clock: clock) else {
            return .refused(.invalid)
        }
        guard RollingRules.allowsVersion(share.version, from: work.version) else {
            return .refused(.nonRollableVersionBit)
        }
        let root = merkleRoot ?? work.merkleRoot(extranonce: extranoncePrefix + share.extranonce)
        let header = Header(
            version: share.version, previousBlock: work.previousBlock, merkleRoot: root, time: share.ntime,
            bits: work.bits, nonce: share.nonce)
        let hash = header.hash
        if blockTarget.isMet(by: hash) { return .block(header, hash) }
        return target.isMet(by: hash) ? .share(hash) : .refused(.difficultyTooLow)
    }

    /// The whole block of a share that was judged to be one; `nil` without a body.
    func blockBytes(_ header: Header, rolled: [UInt8]) -> [UInt8]? {
        body?.blockBytes(header: header, extranonce: extranoncePrefix + rolled)
    }
}

/// A share of either kind of channel.
struct SubmittedShare: Hashable, Sendable {
    let kind: Channel.Kind
    let channelId: UInt32
    let sequenceNumber: UInt32
    let jobId: UInt32
    let nonce: UInt32
    let ntime: UInt32
    let version: UInt32
    /// Empty on a standard channel, whose shares bring none.
    let extranonce: [UInt8]

    init(_ share: SubmitSharesExtended) {
        kind = .extended
        channelId = share.channelId
        sequenceNumber = share.sequenceNumber
        jobId = share.jobId
        nonce = share.nonce
        ntime = share.ntime
        version = share.version
        extranonce = share.extranonce
    }

    init(_ share: SubmitSharesStandard) {
        kind = .standard
        channelId = share.channelId
        sequenceNumber = share.sequenceNumber
        jobId = share.jobId
        nonce = share.nonce
        ntime = share.ntime
        version = share.version
        extranonce = []
    }
}
