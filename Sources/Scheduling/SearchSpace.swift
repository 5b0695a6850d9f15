/// The headers of one job, handed out in parts that have none in common.
///
/// Four things vary: extranonce × time × version bits × nonce. A part fixes the first two, and those version bits that
/// its worker does not roll; the worker walks the rest. The extranonce is used first, because its parts are whole;
/// where it is scarce (a job of 0 or 1 byte, as header-only devices get) parts of one extranonce and time differ in
/// version bits: see `laneMask(_:workers:)`. The time never runs ahead of the seconds that have passed, because
/// servers may refuse more (SV2 §5.3, ntime).
public struct SearchSpace: Sendable {
    /// What no other part of the same job has.
    public struct Part: Hashable, Sendable {
        /// The rolled part only, most significant byte first.
        public var extranonce: [UInt8]
        public var time: UInt32
        /// With the bits of `versionMask` clear and all others fixed.
        public var version: UInt32
        public var versionMask: UInt32
    }

    /// One extranonce at one time, shared out by the version bits that its takers do not roll.
    private struct Cell {
        var extranonce: UInt64
        var nextLane: UInt64
    }

    /// From so many extranonces on they never run out before the job does, and version bits stay whole.
    static let plenty: UInt64 = 1 << 24

    private let extranonceSize: Int
    private let version: UInt32
    private let versionMask: UInt32
    private let minimumTime: UInt32
    /// Extranonces that there are.
    private let extranonces: UInt64
    /// Seconds after `minimumTime` of the parts that are handed out now.
    private var elapsed: UInt32 = 0
    private var nextExtranonce: UInt64
    /// Extranonces used at this time.
    private var used: UInt64 = 0
    /// The cell that workers of each mask are in. As many as there are different masks.
    private var open: [UInt32: Cell] = [:]

    /// - Parameters:
    ///   - version: of the job; its bits under `versionMask` do not count.
    ///   - firstExtranonce: where to begin, so that the next job need not begin with what the last one had.
    public init(
        extranonceSize: Int, version: UInt32, versionMask: UInt32, minimumTime: UInt32,
        firstExtranonce: UInt64 = 0
    ) {
        precondition(extranonceSize >= 0, "a size")
        self.extranonceSize = extranonceSize
        self.version = version & ~versionMask
        self.versionMask = versionMask
        self.minimumTime = minimumTime
        extranonces = extranonceSize < 8 ? 1 << UInt64(8 * extranonceSize) : .max
        nextExtranonce = firstExtranonce
    }

    /// The next extranonce, to begin the next job's space with.
    public var following: UInt64 { nextExtranonce }

    /// A part for a worker that rolls the version bits of `mask` (as far as the job allows them).
    ///
    /// - Parameter elapsed: whole seconds since the job's tip is known; never less than at an earlier call.
    /// - Returns: `nil` when everything there is at this time has been handed out.
    public mutating func take(rolling mask: UInt32, elapsed now: UInt32) -> Part? {
        if now > elapsed {
            elapsed = now
            used = 0
            open = [:]
        }
        let rolled = mask & versionMask
        let fixed = versionMask & ~rolled
        let lanes: UInt64 = extranonces >= Self.plenty ? 1 : 1 << UInt64(fixed.nonzeroBitCount)
        var cell: Cell
        if let begun = open[rolled], begun.nextLane < lanes {
            cell = begun
        } else {
            guard used < extranonces else { return nil }
            cell = Cell(extranonce: nextExtranonce, nextLane: 0)
            nextExtranonce &+= 1
            used += 1
        }
        let lane = cell.nextLane
        cell.nextLane += 1
        open[rolled] = cell
        return Part(
            extranonce: (0..<extranonceSize).map { index in
                let shift = 8 * (extranonceSize - 1 - index)
                return shift < 64 ? UInt8(truncatingIfNeeded: cell.extranonce >> UInt64(shift)) : 0
            },
            time: minimumTime &+ elapsed, version: version | deposited(lane, under: fixed),
            versionMask: rolled)
    }

    /// What each of `workers` workers should roll of `mask` when a job has no extranonce to tell them apart: the
    /// mask without its top bits, of which there are enough for every worker to take `partsPerSecond` parts a second.
    ///
    /// - Returns: 0 when the mask has too few bits for so many parts.
    public static func laneMask(_ mask: UInt32, workers: Int, partsPerSecond: Int = 4) -> UInt32 {
        precondition(workers > 0 && partsPerSecond > 0, "somebody hashes something")
        var rest = mask
        var parts = 1
        while parts < workers * partsPerSecond, rest != 0 {
            rest &= ~(0x8000_0000 >> UInt32(rest.leadingZeroBitCount))
            parts *= 2
        }
        return parts < workers * partsPerSecond ? 0 : rest
    }
}

/// The low bits of `index` put, in order, where `mask` has ones.
func deposited(_ index: UInt64, under mask: UInt32) -> UInt32 {
    var (rest, out) = (index, UInt32(0))
    for bit in UInt32(0)..<32 where mask >> bit & 1 == 1 {
        out |= UInt32(rest & 1) << bit
        rest >>= 1
    }
    return out
}
