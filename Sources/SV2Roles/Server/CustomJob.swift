import BitcoinPrimitives
import SV2Messages

/// A job that a client composed and the pool took, with all that its shares are held against. Nothing of it
/// changes any more, whatever becomes of the channel. Source: sv2-notes §5.4, §5.5.
struct CustomJob: Sendable {
    let jobId: UInt32
    let previousBlock: Hash256
    let version: UInt32
    let bits: CompactTarget
    let minimumTime: UInt32
    let merklePath: [Hash256]
    /// Coinbase as it is hashed, the pool's part of the extranonce included.
    let strippedPrefix: [UInt8]
    let strippedSuffix: [UInt8]
    let extranoncePrefix: [UInt8]
    /// Bytes that shares bring.
    let extranonceSize: Int
    let target: Target
    let blockTarget: Target
    /// `nil` once its tip is gone.
    var body: BlockBody?

    /// - Parameter minimumTime: as the client wants it, not before the node's.
    init(
        jobId: UInt32, declared: DeclaredJob, minimumTime: UInt32, extranoncePrefix: [UInt8],
        extranonceSize: Int,
        target: Target, blockTarget: Target
    ) {
        self.jobId = jobId
        previousBlock = declared.previousBlock
        version = declared.version
        bits = declared.bits
        self.minimumTime = minimumTime
        merklePath = declared.merklePath
        strippedPrefix = declared.coinbase.strippedPrefix + extranoncePrefix
        strippedSuffix = declared.coinbase.strippedSuffix
        self.extranoncePrefix = extranoncePrefix
        self.extranonceSize = extranonceSize
        self.target = target
        self.blockTarget = blockTarget
        body = declared.body
    }

    enum Verdict: Hashable {
        case block(Header, Hash256)
        case share(Hash256)
        case refused(ShareRefusal)
    }

    /// Everything about a share that the job alone can tell; whether it is a repetition is for the caller.
    func judge(_ share: SubmitSharesExtended, clock: UInt32) -> Verdict {
        guard share.extranonce.count == extranonceSize else { return .refused(.extranonceSize) }
        guard RollingRules.allowsTime(share.ntime, minimum: minimumTime, clock: clock) else {
            return .refused(.invalid)
        }
        guard RollingRules.allowsVersion(share.version, from: version) else {
            return .refused(.nonRollableVersionBit)
        }
        let root = CoinbaseParts.merkleRoot(
            strippedPrefix: strippedPrefix, extranonce: share.extranonce, strippedSuffix: strippedSuffix,
            path: merklePath)
        let header = Header(
            version: share.version, previousBlock: previousBlock, merkleRoot: root, time: share.ntime,
            bits: bits,
            nonce: share.nonce)
        let hash = header.hash
        if blockTarget.isMet(by: hash) { return .block(header, hash) }
        return target.isMet(by: hash) ? .share(hash) : .refused(.difficultyTooLow)
    }

    /// The whole block of a share that was judged to be one; `nil` for a job of an old tip.
    func blockBytes(_ header: Header, rolled: [UInt8]) -> [UInt8]? {
        body?.blockBytes(header: header, extranonce: extranoncePrefix + rolled)
    }
}
