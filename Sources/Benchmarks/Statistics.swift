/// One slice of a contender's time.
public struct Sample: Hashable, Sendable {
    public let nanosecondsPerHash: Double
    /// Cycles a nanosecond, measured around the slice.
    public let gigahertz: Double

    public init(nanosecondsPerHash: Double, gigahertz: Double) {
        self.nanosecondsPerHash = nanosecondsPerHash
        self.gigahertz = gigahertz
    }
}

/// The middle value, or the mean of the two in the middle; `nil` for no values.
public func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// What one contender's slices say.
///
/// The best slice is the one that the rest of the machine disturbed least; the median is what to expect. A ratio is the
/// median over rounds of the baseline's time divided by the contender's in the same round, so that a round in which the
/// machine was slow counts for both.
public struct Figures: Hashable, Sendable, Codable {
    public let bestNanoseconds: Double
    public let medianNanoseconds: Double
    /// Of the best slice, at the clock's middle value: a clock mismeasured once does not count.
    public let bestCycles: Double
    public let gigahertz: Double
    /// How many times as fast as the baseline; `nil` without a baseline.
    public let timesBaseline: Double?

    /// - Parameters:
    ///   - samples: one a round, at least one.
    ///   - baseline: those of the same rounds.
    public init(_ samples: [Sample], against baseline: [Sample]?) {
        precondition(!samples.isEmpty, "figures need a round")
        precondition(baseline == nil || baseline?.count == samples.count, "a ratio pairs rounds")
        let times = samples.map(\.nanosecondsPerHash)
        bestNanoseconds = times.min() ?? 0
        medianNanoseconds = median(times) ?? 0
        gigahertz = median(samples.map(\.gigahertz)) ?? 0
        bestCycles = bestNanoseconds * gigahertz
        timesBaseline = baseline.flatMap { baseline in
            median(zip(samples, baseline).map { $1.nanosecondsPerHash / $0.nanosecondsPerHash })
        }
    }
}

/// What a scan costs at least: operations on sixteen lanes, for sixteen nonces, after all that is the same for every
/// nonce is worked out (rotations, shifts, three-input logic and sums; loads and stores run beside them).
public enum ScanBound {
    public static let operations = 2_852.0
    /// The same when eight versions share each nonce's message schedule.
    public static let operationsSharedByEight = 2_392.0

    /// The share of the bound that a scan reaches, 0 to 1.
    ///
    /// - Parameter operationsPerCycle: wide operations that this processor starts in a cycle.
    public static func share(cyclesPerNonce: Double, operations: Double, operationsPerCycle: Double) -> Double
    {
        precondition(cyclesPerNonce > 0 && operationsPerCycle > 0, "a pace is above zero")
        return operations / 16 / operationsPerCycle / cyclesPerNonce
    }
}
