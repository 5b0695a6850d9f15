public import BitcoinPrimitives

/// What a nonce report turned out to be, once its header was hashed in software.
public enum Verdict: Hashable, Sendable {
    /// The hash does not even meet what the chip was told to report from: the chip is wrong.
    case hardwareError(Hash256)
    /// An honest report whose hash is not good enough for the upstream. It still counts as work done.
    case belowTarget(Hash256)
    case share(Hash256)
    case block(Hash256)
}

/// What a hash is held against.
public struct Bounds: Hashable, Sendable {
    /// Leading zero bits from which the chip reports: its own minimum plus its ticket mask.
    public var ticketZeroBits: Int
    /// The job's target.
    public var target: Target
    /// The job's block target; a hash that meets it is a block even where `target` is harder.
    public var blockTarget: Target

    public init(ticketZeroBits: Int, target: Target, blockTarget: Target) {
        self.ticketZeroBits = ticketZeroBits
        self.target = target
        self.blockTarget = blockTarget
    }
}

/// Hashes `header` and judges it. Nothing else in Adit decides what is an error, a share or a block.
public func verify(_ header: Header, against bounds: Bounds) -> Verdict {
    let hash = header.hash
    if bounds.blockTarget.isMet(by: hash) { return .block(hash) }
    guard Target(leadingZeroBits: bounds.ticketZeroBits).isMet(by: hash) else { return .hardwareError(hash) }
    return bounds.target.isMet(by: hash) ? .share(hash) : .belowTarget(hash)
}
