public import Units

/// What chips run at, or are asked to run at.
public struct OperatingPoint: Hashable, Sendable {
    public var frequency: Hertz
    /// Of one voltage domain; `nil` where nothing on the board lets the host set it.
    public var coreVoltage: Volts?

    public init(frequency: Hertz, coreVoltage: Volts?) {
        self.frequency = frequency
        self.coreVoltage = coreVoltage
    }

    /// The lower of both, each quantity for itself.
    func lower(of other: OperatingPoint) -> OperatingPoint {
        OperatingPoint(
            frequency: min(frequency, other.frequency),
            coreVoltage: coreVoltage.map { min($0, other.coreVoltage ?? $0) })
    }

    /// Nothing of it is above the other.
    func isWithin(_ other: OperatingPoint) -> Bool { lower(of: other) == self }

    /// How much power it takes compared with `other`: frequency times voltage squared, 0 and more.
    func load(comparedWith other: OperatingPoint) -> Double {
        let frequencies = Double(frequency.hertz) / Double(max(other.frequency.hertz, 1))
        guard let mine = coreVoltage, let its = other.coreVoltage, its.microvolts > 0 else {
            return frequencies
        }
        let volts = mine.volts / its.volts
        return frequencies * volts * volts
    }
}

/// Between what the frequency and the core voltage of a board may be, whoever asks.
///
/// Every way to a chip leads through here: `check` refuses a request and names the bound, `clamped` is what the
/// supervisor gives out, so that not even a mistake of ours gets past.
public struct OperatingBounds: Hashable, Sendable {
    public let frequency: ClosedRange<Hertz>
    /// Of one domain; `nil` where the voltage cannot be set.
    public let coreVoltage: ClosedRange<Volts>?

    public init(frequency: ClosedRange<Hertz>, coreVoltage: ClosedRange<Volts>?) {
        self.frequency = frequency
        self.coreVoltage = coreVoltage
    }

    public var lowest: OperatingPoint {
        OperatingPoint(frequency: frequency.lowerBound, coreVoltage: coreVoltage?.lowerBound)
    }

    public var highest: OperatingPoint {
        OperatingPoint(frequency: frequency.upperBound, coreVoltage: coreVoltage?.upperBound)
    }

    /// - Throws: the first bound that is not kept, frequency before voltage.
    public func check(_ point: OperatingPoint) throws(OutOfBounds) {
        guard frequency.contains(point.frequency) else {
            throw .frequency(point.frequency, allowed: frequency)
        }
        switch (point.coreVoltage, coreVoltage) {
        case (let volts?, let allowed?):
            guard allowed.contains(volts) else { throw .coreVoltage(volts, allowed: allowed) }
        case (let volts?, nil): throw .coreVoltageNotSettable(volts)
        case (nil, let allowed?): throw .coreVoltageMissing(allowed: allowed)
        case (nil, nil): break
        }
    }

    /// The nearest point within the bounds. A voltage that is missing becomes the lowest one.
    public func clamped(_ point: OperatingPoint) -> OperatingPoint {
        OperatingPoint(
            frequency: min(max(point.frequency, frequency.lowerBound), frequency.upperBound),
            coreVoltage: coreVoltage.map { allowed in
                min(max(point.coreVoltage ?? allowed.lowerBound, allowed.lowerBound), allowed.upperBound)
            })
    }
}

/// Which bound a request does not keep.
public enum OutOfBounds: Error, Hashable, Sendable {
    case frequency(Hertz, allowed: ClosedRange<Hertz>)
    case coreVoltage(Volts, allowed: ClosedRange<Volts>)
    case coreVoltageNotSettable(Volts)
    case coreVoltageMissing(allowed: ClosedRange<Volts>)
}
