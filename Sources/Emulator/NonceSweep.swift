import Units

/// Where in the search space of one job a chip is.
///
/// All cores of a chip test the same counter value at once, and several versions (or midstates) side by side: a
/// *batch*. So a sweep goes through all counter values for one batch of versions, then for the next; its smallest
/// step, a *row*, is one version and one value of the counter on all cores. Source: bm13xx.md §10.
struct NonceSweep: Hashable, Sendable {
    struct Row: Hashable, Sendable {
        /// Counts the versions under the mask, or the midstates of the job.
        var versionIndex: UInt32
        var counter: UInt32
    }

    /// What decides how long a sweep is.
    struct Shape: Hashable, Sendable {
        /// Counter values of a sweep, up to all of them.
        var length: UInt32
        /// A power of two.
        var counterValues: UInt32
        var versions: UInt32
        /// Versions side by side.
        var lanes: UInt32

        var batches: UInt32 { (versions + lanes - 1) / lanes }
    }

    /// The counter at which each batch begins.
    let start: UInt32
    private var batch: UInt32 = 0
    /// Distance from `start`, and version within the batch, of the next row to look at.
    private var nextOffset: UInt32 = 0
    private var nextLane: UInt32 = 0

    init(start: UInt32) { self.start = start }

    /// The next row in order: all of a batch, counter by counter, then the next batch; after the last one (an
    /// epoch) it all begins again, as chips do.
    ///
    /// - Returns: `nil` when the sieve leaves nothing of a whole epoch.
    mutating func next(_ shape: Shape, sieve: Sieve) -> Row? {
        for _ in 0...(2 * UInt64(shape.batches) + 1) {
            if batch >= shape.batches { (batch, nextOffset, nextLane) = (0, 0, 0) }
            guard let offset = sieve.offset(from: nextOffset, start: start, batch: batch),
                offset < shape.length
            else {
                (batch, nextOffset, nextLane) = (batch + 1, 0, 0)
                continue
            }
            if offset > nextOffset { (nextOffset, nextLane) = (offset, 0) }
            while nextLane < shape.lanes {
                let lane = nextLane
                nextLane += 1
                let index = batch * shape.lanes + lane
                if index < shape.versions, sieve.keeps(batch: batch, lane: lane, of: shape.lanes) {
                    return Row(versionIndex: index, counter: (start &+ offset) % shape.counterValues)
                }
            }
            (nextOffset, nextLane) = (offset + 1, 0)
        }
        return nil
    }

    /// Goes to the row of this version and counter value, if the sweep reaches it.
    mutating func seek(versionIndex: UInt32, counter: UInt32, _ shape: Shape) {
        let offset = (counter &- start) % shape.counterValues
        guard offset < shape.length, versionIndex < shape.versions else { return }
        (batch, nextLane) = versionIndex.quotientAndRemainder(dividingBy: shape.lanes)
        nextOffset = offset
    }
}

/// Which rows a chip that is 2^n times slower than the real one tries: one in 2^n of those that the real one
/// would.
///
/// All chips of a chain agree about which, so two chips try the same header just where real ones would, the
/// sweep takes as long as a real one, and its nonces come from all over the slice. For n = 0 nothing is left
/// out.
struct Sieve: Hashable, Sendable {
    private let seed: UInt64
    private let counterBits: UInt32
    private let versionBits: UInt64

    /// - Parameters:
    ///   - slowdown: n, 0 to 31. What the counter has no bits for leaves out versions.
    ///   - counterBits: of the model.
    init(seed: UInt64, slowdown: Int, counterBits: UInt32) {
        self.seed = seed
        self.counterBits = min(UInt32(slowdown), counterBits)
        versionBits = UInt64(slowdown) - UInt64(self.counterBits)
    }

    /// The first offset at or after `offset` from `start`.
    func offset(from offset: UInt32, start: UInt32, batch: UInt32) -> UInt32? {
        let step: UInt32 = 1 << counterBits
        let phase = UInt32(truncatingIfNeeded: chance(batch)) % step
        let (next, overflow) = offset.addingReportingOverflow((phase &- (start &+ offset)) % step)
        return overflow ? nil : next
    }

    /// Whether this version of a batch is tried at all: every 2^nth of the batch, as long as it has so many, so that
    /// a job with one batch only is not empty by chance; beyond that one in 2^n batches.
    ///
    /// - Parameter lanes: versions in the batch, a power of two.
    func keeps(batch: UInt32, lane: UInt32, of lanes: UInt32) -> Bool {
        guard versionBits > 0 else { return true }
        let laneBits = min(versionBits, UInt64(lanes.trailingZeroBitCount))
        let random = SplitMix64.mix(chance(batch))
        let isLane = (random ^ UInt64(lane)) & ((1 << laneBits) - 1) == 0
        return isLane && random >> 32 & ((1 << (versionBits - laneBits)) - 1) == 0
    }

    private func chance(_ batch: UInt32) -> UInt64 {
        SplitMix64.mix(seed ^ UInt64(batch) &* 0x9e37_79b9_7f4a_7c15)
    }
}

/// The low bits of `index` put, in order, where `mask` has ones.
func deposited(_ index: UInt32, under mask: UInt16) -> UInt16 {
    if mask == 0xffff { return UInt16(truncatingIfNeeded: index) }
    var (rest, out) = (index, UInt16(0))
    for bit in 0..<16 where mask >> UInt16(bit) & 1 == 1 {
        out |= UInt16(rest & 1) << UInt16(bit)
        rest >>= 1
    }
    return out
}

/// The inverse of `deposited`; bits of `value` outside the mask do not count.
func extracted(_ value: UInt16, under mask: UInt16) -> UInt32 {
    var (out, place) = (UInt32(0), UInt32(0))
    for bit in 0..<16 where mask >> UInt16(bit) & 1 == 1 {
        out |= UInt32(value >> UInt16(bit) & 1) << place
        place += 1
    }
    return out
}
