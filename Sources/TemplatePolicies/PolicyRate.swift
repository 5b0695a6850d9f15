/// A fee rate as a policy states it.
public struct PolicyRate: Hashable, Comparable, Sendable {
    /// Thousandths of a satoshi per virtual byte.
    public let millisatoshisPerVirtualByte: UInt64

    public init(millisatoshisPerVirtualByte: UInt64) {
        self.millisatoshisPerVirtualByte = millisatoshisPerVirtualByte
    }

    /// Satoshis per 1,000 weight units, which is what choosing counts in: 1 sat/vB is 250. Rounded up, so that
    /// nothing gets in that pays less than was asked for; what pays up to 0.003 sat/vB more may stay out.
    public var satoshisPerKiloWeight: UInt64 {
        millisatoshisPerVirtualByte / 4 + (millisatoshisPerVirtualByte % 4 == 0 ? 0 : 1)
    }

    /// Whether the rate counts exactly as it is written.
    public var isExact: Bool { millisatoshisPerVirtualByte % 4 == 0 }

    public static func < (a: Self, b: Self) -> Bool {
        a.millisatoshisPerVirtualByte < b.millisatoshisPerVirtualByte
    }
}
