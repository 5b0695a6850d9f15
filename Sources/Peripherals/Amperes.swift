/// An electric current, in whole milliamperes.
public struct Amperes: Hashable, Comparable, Sendable {
    public let milliamperes: Int64

    public init(milliamperes: Int64) { self.milliamperes = milliamperes }

    /// `amperes` rounded to the nearest milliampere; a value that is not finite is a wrong call.
    public static func amperes(_ amperes: Double) -> Amperes {
        precondition(amperes.isFinite && amperes.magnitude < 1e9, "a current is finite")
        return Amperes(milliamperes: Int64((amperes * 1e3).rounded()))
    }

    public var amperes: Double { Double(milliamperes) / 1e3 }

    public static func < (a: Amperes, b: Amperes) -> Bool { a.milliamperes < b.milliamperes }
}
