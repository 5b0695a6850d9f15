/// A clock frequency, in whole hertz.
public struct Hertz: Hashable, Comparable, Sendable {
    public let hertz: UInt64

    public init(hertz: UInt64) { self.hertz = hertz }

    /// `megahertz` rounded to the nearest hertz; negative or not finite values are a wrong call.
    public static func megahertz(_ megahertz: Double) -> Hertz {
        precondition(megahertz >= 0 && megahertz < 1e12, "a frequency is finite and not negative")
        return Hertz(hertz: UInt64((megahertz * 1e6).rounded()))
    }

    public var megahertz: Double { Double(hertz) / 1e6 }

    public static func < (a: Hertz, b: Hertz) -> Bool { a.hertz < b.hertz }
    public static func + (a: Hertz, b: Hertz) -> Hertz { Hertz(hertz: a.hertz + b.hertz) }
}

/// An electric potential, in whole microvolts.
public struct Volts: Hashable, Comparable, Sendable {
    public let microvolts: Int64

    public init(microvolts: Int64) { self.microvolts = microvolts }

    /// `volts` rounded to the nearest microvolt; a value that is not finite is a wrong call.
    public static func volts(_ volts: Double) -> Volts {
        precondition(volts.isFinite && volts.magnitude < 1e9, "a voltage is finite")
        return Volts(microvolts: Int64((volts * 1e6).rounded()))
    }

    public static func millivolts(_ millivolts: Int64) -> Volts { Volts(microvolts: millivolts * 1000) }

    public var volts: Double { Double(microvolts) / 1e6 }

    public static func < (a: Volts, b: Volts) -> Bool { a.microvolts < b.microvolts }
}

/// Symbols a second on a serial line with 8 data bits, no parity, 1 stop bit: ten symbols carry a byte.
public struct BaudRate: Hashable, Comparable, Sendable {
    public let symbolsPerSecond: UInt32

    public init(_ symbolsPerSecond: UInt32) { self.symbolsPerSecond = symbolsPerSecond }

    /// How long `bytes` bytes take on the wire, rounded up to a nanosecond.
    public func time(forBytes bytes: Int) -> Duration {
        let nanoseconds = Double(bytes) * 10 / Double(symbolsPerSecond) * 1e9
        return .nanoseconds(Int64(nanoseconds.rounded(.up)))
    }

    public static func < (a: BaudRate, b: BaudRate) -> Bool { a.symbolsPerSecond < b.symbolsPerSecond }
}
