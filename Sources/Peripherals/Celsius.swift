/// A temperature, in whole millionths of a degree Celsius.
public struct Celsius: Hashable, Comparable, Sendable {
    public let microdegrees: Int64

    public init(microdegrees: Int64) { self.microdegrees = microdegrees }

    /// `degrees` rounded to the nearest millionth; a value that is not finite is a wrong call.
    public static func degrees(_ degrees: Double) -> Celsius {
        precondition(degrees.isFinite && degrees.magnitude < 1e9, "a temperature is finite")
        return Celsius(microdegrees: Int64((degrees * 1e6).rounded()))
    }

    /// `count` of a sensor's steps of 1/16 °C, exactly.
    static func sixteenths(_ count: Int) -> Celsius { Celsius(microdegrees: Int64(count) * 62_500) }

    public var degrees: Double { Double(microdegrees) / 1e6 }

    /// `difference` in degrees, such as the offset that a board's sensor has to its chips.
    public func raised(by difference: Double) -> Celsius { .degrees(degrees + difference) }

    public static func < (a: Celsius, b: Celsius) -> Bool { a.microdegrees < b.microdegrees }
}
