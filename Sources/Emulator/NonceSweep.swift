import Units

/// Where in the search space of one job a chip is.
///
/// A nonce read most significant byte first is the core in bits 31-25 and a 25-bit counter below (bm13xx.md
/// §10). All cores test the same counter value at once, so a *row* is one version and one value of the
/// counter's low 24 bits, and covers every core with bit 24 clear, set, or both, as far as the sweep reaches.
struct NonceSweep: Hashable, Sendable {
    struct Row: Hashable, Sendable {
        var version: UInt16
        /// Which of the versions that are tried side by side: the sub-core that finds it.
        var subCore: UInt8
        /// The counter's low 24 bits.
        var counter: UInt32
        /// Whether the row covers the counter with bit 24 clear, and with it set.
        var lowerHalf: Bool
        var upperHalf: Bool
    }

    static let counterValues: UInt32 = 1 << 25
    static let rowValues: UInt32 = 1 << 24

    /// The counter at which each version's sweep begins.
    let start: UInt32
    /// Counts the versions under the mask, from 0 at each job.
    private var versionIndex: UInt32 = 0
    /// Distance from `start` of the next row to look at.
    private var nextOffset: UInt32 = 0

    init(start: UInt32) { self.start = start % Self.counterValues }

    /// The next row in order: all of a version's rows, then the next version; after the last version (an
    /// epoch) it all begins again, as chips do.
    ///
    /// - Parameters:
    ///   - length: counter values of a sweep, up to 2^25.
    ///   - versionMask: which of the header's version bits 28-13 are rolled.
    ///   - subCores: a power of two.
    /// - Returns: `nil` when the sieve leaves nothing of a whole epoch.
    mutating func next(length: UInt32, versionMask: UInt16, subCores: UInt32, sieve: Sieve) -> Row? {
        let versions: UInt32 = 1 << UInt32(versionMask.nonzeroBitCount)
        for _ in 0...versions {
            if versionIndex >= versions { (versionIndex, nextOffset) = (0, 0) }
            let version = deposited(versionIndex, under: versionMask)
            if let offset = sieve.offset(from: nextOffset, start: start, version: version),
                offset < min(length, Self.rowValues)
            {
                nextOffset = offset + 1
                return row(at: offset, length: length, version: version, subCores: subCores)
            }
            (versionIndex, nextOffset) = (versionIndex + 1, 0)
        }
        return nil
    }

    /// Goes to the row of this version and counter value, if the sweep reaches it.
    mutating func seek(version: UInt16, counter: UInt32, length: UInt32, versionMask: UInt16) {
        let offset = (counter &- start) % Self.counterValues
        guard offset < length else { return }
        versionIndex = extracted(version, under: versionMask)
        nextOffset = offset % Self.rowValues
    }

    private func row(at offset: UInt32, length: UInt32, version: UInt16, subCores: UInt32) -> Row {
        let value = (start + offset) % Self.counterValues
        let isUpper = value >= Self.rowValues
        let both = offset + Self.rowValues < length
        return Row(
            version: version, subCore: UInt8(versionIndex % subCores), counter: value % Self.rowValues,
            lowerHalf: both || !isUpper, upperHalf: both || isUpper)
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
    private let counterBits: UInt64
    private let versionBits: UInt64

    /// - Parameter slowdown: n, 0 to 31. Beyond 24 it leaves out versions as well.
    init(seed: UInt64, slowdown: Int) {
        self.seed = seed
        counterBits = UInt64(min(slowdown, 24))
        versionBits = UInt64(max(slowdown - 24, 0))
    }

    /// The first row at or after `offset` from `start`; `nil` when this version is left out.
    func offset(from offset: UInt32, start: UInt32, version: UInt16) -> UInt32? {
        let chance = SplitMix64.mix(seed ^ UInt64(version) &* 0x9e37_79b9_7f4a_7c15)
        guard (chance >> 32) & ((1 << versionBits) - 1) == 0 else { return nil }
        let step: UInt32 = 1 << UInt32(counterBits)
        let phase = UInt32(truncatingIfNeeded: chance) % step
        let distance = (phase &- (start &+ offset)) % step
        return offset + distance
    }
}

/// The low bits of `index` put, in order, where `mask` has ones.
func deposited(_ index: UInt32, under mask: UInt16) -> UInt16 {
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
