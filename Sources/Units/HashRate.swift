/// Hashes a second. One hash is one trial of a header, which is two SHA-256 runs.
public struct HashRate: Hashable, Comparable, Sendable {
    public let hashesPerSecond: Double

    /// - Parameter hashesPerSecond: finite and not negative; anything else is a wrong call.
    public init(hashesPerSecond: Double) {
        precondition(
            hashesPerSecond.isFinite && hashesPerSecond >= 0, "a hash rate is finite and not negative")
        self.hashesPerSecond = hashesPerSecond
    }

    public static let zero = HashRate(hashesPerSecond: 0)

    public static func < (a: HashRate, b: HashRate) -> Bool { a.hashesPerSecond < b.hashesPerSecond }
    public static func + (a: HashRate, b: HashRate) -> HashRate {
        HashRate(hashesPerSecond: a.hashesPerSecond + b.hashesPerSecond)
    }

    /// The rate with an SI prefix and three to four significant digits, as people read it: `1.03 MH/s`.
    public var displayText: String {
        let prefixes = ["", "k", "M", "G", "T", "P", "E"]
        var value = hashesPerSecond
        var index = 0
        while value >= 1000, index < prefixes.count - 1 {
            value /= 1000
            index += 1
        }
        let hundredths = Int((value * 100).rounded())
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) \(prefixes[index])H/s"
    }
}
