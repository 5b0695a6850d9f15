public import BitcoinPrimitives
public import Units

/// A job that the pool composed, with everything that a share of it needs. It never changes: target and prefix
/// are those it was made with. Source: sv2-notes §5.3, §5.4.
public struct PoolJob: Hashable, Sendable {
    public enum Work: Hashable, Sendable {
        /// Nothing but the header can be rolled.
        case merkleRoot(Hash256)
        /// The coinbase without BIP 141 bytes, up to and after the whole extranonce; the path has the leaf
        /// level first.
        case coinbase(prefix: [UInt8], suffix: [UInt8], path: [Hash256])
    }

    public var channelId: UInt32
    /// The pool's id, for `MiningClient.Event.submit`.
    public var jobId: UInt32
    /// What a share must meet.
    public var target: Target
    /// What consensus asks of a block.
    public var blockTarget: Target
    public var extranoncePrefix: [UInt8]
    /// Bytes that we roll behind the prefix; 0 on a standard channel.
    public var extranonceSize: Int
    public var work: Work
    public var previousBlock: Hash256
    public var version: UInt32
    /// Version bits that may be rolled: none, or those of BIP 323.
    public var versionMask: UInt32
    public var bits: CompactTarget
    /// The earliest header time, seconds since 1970.
    public var minimumTime: UInt32
    /// When `minimumTime` was heard.
    public var since: Instant

    /// The latest header time to use now: the earliest one and the seconds since it was heard. Source: SV2
    /// section 5.3.17, sv2-notes §5.5.
    public func latestTime(at now: Instant) -> UInt32 {
        let elapsed = UInt32(clamping: max(0, (now - since).wholeNanoseconds) / 1_000_000_000)
        let (time, overflow) = minimumTime.addingReportingOverflow(elapsed)
        return overflow ? .max : time
    }

    /// - Parameter extranonce: the rolled part, exactly `extranonceSize` bytes.
    public func merkleRoot(extranonce: [UInt8]) -> Hash256 {
        precondition(extranonce.count == extranonceSize, "the extranonce fills the hole exactly")
        switch work {
        case .merkleRoot(let root): return root
        case .coinbase(let prefix, let suffix, let path):
            return CoinbaseParts.merkleRoot(
                strippedPrefix: prefix, extranonce: extranoncePrefix + extranonce, strippedSuffix: suffix,
                path: path)
        }
    }
}
