/// An electric power, in whole milliwatts.
public struct Watts: Hashable, Comparable, Sendable {
    public let milliwatts: Int64

    public init(milliwatts: Int64) { self.milliwatts = milliwatts }

    /// `watts` rounded to the nearest milliwatt; a value that is not finite is a wrong call.
    public static func watts(_ watts: Double) -> Watts {
        precondition(watts.isFinite && watts.magnitude < 1e9, "a power is finite")
        return Watts(milliwatts: Int64((watts * 1e3).rounded()))
    }

    public var watts: Double { Double(milliwatts) / 1e3 }

    public static func < (a: Watts, b: Watts) -> Bool { a.milliwatts < b.milliwatts }
}
