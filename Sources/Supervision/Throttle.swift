import Units

/// How far chips are slowed down, beside what their owner wants: the lower of both is what they run at.
struct Throttle: Hashable, Sendable {
    enum Demand: Hashable, Sendable {
        /// So many steps, at least one.
        case less(steps: Int)
        case least
        case hold
        /// One step back, if it has been cool for long enough.
        case more
    }

    private let bounds: OperatingBounds
    private let timing: SafetyTiming
    /// `nil` while the owner's settings hold.
    private(set) var cap: OperatingPoint?
    /// Lower still, while a sensor is looked at.
    private(set) var probeCap: OperatingPoint?
    private var loweredAt: Instant?
    private var coolSince: Instant?

    init(_ bounds: OperatingBounds, _ timing: SafetyTiming) {
        self.bounds = bounds
        self.timing = timing
    }

    func effective(_ wished: OperatingPoint) -> OperatingPoint {
        let capped = cap.map { wished.lower(of: $0) } ?? wished
        return bounds.clamped(probeCap.map { capped.lower(of: $0) } ?? capped)
    }

    /// Three steps less than now, and back at once when it is over.
    mutating func probe(wished: OperatingPoint) { probeCap = moved(effective(wished), by: -3) }
    mutating func endProbe() { probeCap = nil }

    mutating func consider(_ demand: Demand, wished: OperatingPoint, at now: Instant) {
        switch demand {
        case .least:
            coolSince = nil
            cap = bounds.lowest
        case .less(let steps):
            coolSince = nil
            if let loweredAt, now - loweredAt < timing.throttleEvery { return }
            lower(by: steps, wished: wished, at: now)
        case .hold:
            coolSince = nil
        case .more:
            guard let current = cap else { return }
            let since = coolSince ?? now
            coolSince = since
            guard now - since >= timing.restoreEvery else { return }
            coolSince = now
            let next = moved(current, by: 1)
            cap = bounds.clamped(wished).isWithin(next) ? nil : next
        }
    }

    /// From what chips run at, without waiting: before a restart, too.
    mutating func lower(by steps: Int, wished: OperatingPoint, at now: Instant) {
        loweredAt = now
        coolSince = nil
        probeCap = nil
        cap = moved(effective(wished), by: -steps)
    }

    private func moved(_ point: OperatingPoint, by steps: Int) -> OperatingPoint {
        func moved(_ value: Int64, _ low: Int64, _ high: Int64) -> Int64 {
            let step = max((high - low) / Int64(timing.throttleSteps), 1)
            return min(max(value + Int64(steps) * step, low), high)
        }
        let frequency = moved(
            Int64(clamping: point.frequency.hertz), Int64(clamping: bounds.lowest.frequency.hertz),
            Int64(clamping: bounds.highest.frequency.hertz))
        let volts = point.coreVoltage.map { volts in
            bounds.coreVoltage.map {
                Volts(
                    microvolts: moved(
                        volts.microvolts, $0.lowerBound.microvolts, $0.upperBound.microvolts))
            } ?? volts
        }
        return OperatingPoint(frequency: Hertz(hertz: UInt64(frequency)), coreVoltage: volts)
    }
}
