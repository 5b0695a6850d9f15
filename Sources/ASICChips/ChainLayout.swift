/// How chips of a chain get their addresses. Sources for both: bm13xx.md §5.
public enum AddressRule: Hashable, Sendable {
    /// 256 shared by the next power of two of the number of chips: addresses are even up to 128 chips, and
    /// each chip's share of the nonce counter is as large as it can be.
    case powerOfTwoShare
    /// So far apart, whatever the number of chips: 2 in factory firmware.
    case stride(UInt8)
}

/// Number and addresses of a chain's chips.
public struct ChainLayout: Hashable, Sendable {
    public let chips: Int
    /// From one chip's address to the next; 256 for a single chip.
    public let addressInterval: Int

    /// - Returns: `nil` when there is no chip, or the addresses do not fit into a byte.
    public init?(chips: Int, rule: AddressRule) {
        guard (1...256).contains(chips) else { return nil }
        let interval =
            switch rule {
            case .powerOfTwoShare: 256 / nextPowerOfTwo(chips)
            case .stride(let stride): Int(stride)
            }
        guard interval > 0, (chips - 1) * interval <= 255 else { return nil }
        self.chips = chips
        self.addressInterval = interval
    }

    public var addresses: [UInt8] { (0..<chips).map(address) }

    /// - Parameter index: position on the chain, 0 nearest the host.
    public func address(of index: Int) -> UInt8 {
        precondition((0..<chips).contains(index), "chip \(index) of \(chips)")
        return UInt8(index * addressInterval)
    }

    /// Position of the chip with this address; `nil` where the chain has none.
    public func index(of address: UInt8) -> Int? {
        let (index, rest) = Int(address).quotientAndRemainder(dividingBy: addressInterval)
        return rest == 0 && index < chips ? index : nil
    }
}

/// The smallest power of two that is not below `number`, which is positive.
func nextPowerOfTwo(_ number: Int) -> Int {
    precondition(number > 0 && number <= 1 << 32, "a small positive number")
    return number == 1 ? 1 : 1 << (Int.bitWidth - (number - 1).leadingZeroBitCount)
}
