import ASICChips

/// The versions that one job stands for: `count` ways to set the bits of `mask`, from the way numbered `first` on; or,
/// with a count of 0, all of them, rolled by the chips.
struct VersionSet: Hashable, Sendable {
    let mask: UInt32
    var first: UInt64 = 0
    var count = 0

    /// The version bits of the job's `index`-th midstate; `nil` when it has none.
    func bits(_ index: Int) -> UInt32? {
        guard index >= 0, index < count else { return nil }
        return VersionRolling.bits(at: first + UInt64(index), in: mask)
    }
}
