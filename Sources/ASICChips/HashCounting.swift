/// How long chips work on one version batch, and on one job. Source: bm13xx.md §10.
public struct HashCounting: Hashable, Sendable {
    /// HASH_COUNTING_NUMBER: the deadline of a version batch, in ticks of the 25 MHz reference.
    public let registerValue: UInt32
    /// How long a job lasts before the chips repeat themselves.
    public let epoch: Duration

    /// The longest deadline at which cores stay inside `slice` nonces a batch: each tests two nonces a hash
    /// clock.
    ///
    /// ⌊slice × reference × post-dividers ÷ (2 × feedback)⌋ less the model's guard, and 1 at least.
    ///
    /// - Parameters:
    ///   - clock: as it is set, which may differ from what was asked for.
    ///   - versions: how many versions a job offers, 1 at least; sub-cores share them.
    public init(slice: UInt32, clock: ClockSetting, countingGuard: UInt32, versions: Int, subCores: Int) {
        precondition(versions > 0 && subCores > 0, "a job has a version, a core a sub-core")
        let divider = UInt64(clock.reference * clock.postDivider1 * clock.postDivider2)
        let ticks = UInt64(slice) * divider / (2 * UInt64(clock.feedback))
        let limited = UInt32(clamping: ticks)
        registerValue = limited > countingGuard ? limited - countingGuard : 1
        let batches = (versions + subCores - 1) / subCores
        epoch = .nanoseconds(Int64(batches) * Int64(registerValue) * 40)
    }
}

extension ChipModel {
    /// - Parameter versionMask: header version bits that may be rolled.
    public func hashCounting(_ layout: ChainLayout, clock: ClockSetting, versionMask: UInt32) -> HashCounting
    {
        HashCounting(
            slice: nonceSlice(layout), clock: clock, countingGuard: countingGuard,
            versions: 1 << (versionMask & VersionRolling.bits).nonzeroBitCount, subCores: facts.subCores)
    }
}
