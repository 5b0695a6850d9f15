/// Some of a chip's cores, by number.
struct CoreSet: Hashable, Sendable {
    static let capacity = 256

    private var low: UInt128 = 0
    private var high: UInt128 = 0

    /// The cores 0 to `count` - 1.
    init(first count: Int = 0) {
        for core in 0..<min(count, Self.capacity) { insert(core) }
    }

    var count: Int { low.nonzeroBitCount + high.nonzeroBitCount }
    var isEmpty: Bool { low | high == 0 }

    /// One above the last core.
    var bound: Int { high != 0 ? 256 - high.leadingZeroBitCount : 128 - low.leadingZeroBitCount }

    func contains(_ core: Int) -> Bool {
        core < 128 ? low >> UInt128(core) & 1 == 1 : high >> UInt128(core - 128) & 1 == 1
    }

    mutating func insert(_ core: Int) {
        if core < 128 { low |= 1 << UInt128(core) } else { high |= 1 << UInt128(core - 128) }
    }

    mutating func formUnion(_ other: CoreSet) { (low, high) = (low | other.low, high | other.high) }

    mutating func subtract(_ other: CoreSet) { (low, high) = (low & ~other.low, high & ~other.high) }

    func intersection(_ other: CoreSet) -> CoreSet {
        var both = self
        (both.low, both.high) = (low & other.low, high & other.high)
        return both
    }
}
