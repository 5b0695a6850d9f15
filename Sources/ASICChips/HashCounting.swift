import Units

/// How long chips work on one version batch, and on one job. Source: bm13xx.md §10.
public struct HashCounting: Hashable, Sendable {
    /// HASH_COUNTING_NUMBER: the deadline of a version batch, in ticks of the 25 MHz reference. 0 for models that are
    /// never told one.
    public let registerValue: UInt32
    /// How long a job lasts before the chips repeat themselves, or one another.
    public let epoch: Duration

    /// A deadline that is given: each of `versions` ÷ `subCores` batches (rounded up) lasts so many ticks.
    ///
    /// - Parameters:
    ///   - versions: how many versions a job offers, 1 at least; sub-cores share them.
    public init(registerValue: UInt32, versions: Int, subCores: Int) {
        precondition(versions > 0 && subCores > 0, "a job has a version, a core a sub-core")
        self.registerValue = registerValue
        let batches = (versions + subCores - 1) / subCores
        epoch = .nanoseconds(Int64(batches) * Int64(registerValue) * 40)
    }

    /// The longest deadline at which cores stay inside `slice` nonces a batch: each tests two nonces a hash
    /// clock.
    ///
    /// ⌊slice × reference × post-dividers ÷ (2 × feedback)⌋ less the model's guard, and 1 at least.
    ///
    /// - Parameters:
    ///   - clock: as it is set, which may differ from what was asked for.
    ///   - versions: how many versions a job offers, 1 at least; sub-cores share them.
    public init(slice: UInt32, clock: ClockSetting, countingGuard: UInt32, versions: Int, subCores: Int) {
        let divider = UInt64(clock.reference * clock.postDivider1 * clock.postDivider2)
        let ticks = UInt64(slice) * divider / (2 * UInt64(clock.feedback))
        let limited = UInt32(clamping: ticks)
        self.init(
            registerValue: limited > countingGuard ? limited - countingGuard : 1, versions: versions,
            subCores: subCores)
    }

    /// Chips without a deadline, which sweep `slice` nonces for each midstate and then go on into the next chip's: each
    /// core (sub-core of a BM1397) tests one a hash clock. ESP-Miner times its BM1397 jobs so (bm13xx.md §12.4).
    public init(slice: UInt32, clock: ClockSetting, midstates: Int) {
        registerValue = 0
        let hashes = Double(slice) * Double(midstates)
        epoch = .nanoseconds(Int64(hashes / clock.frequency.megahertz * 1000))
    }
}
