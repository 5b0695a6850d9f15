/// How chips of a chain get their addresses. Sources: bm13xx.md §5.
public enum AddressRule: Hashable, Sendable {
    /// 256 shared by the next power of two of the number of chips: addresses are even up to 128 chips, and
    /// each chip's share of the nonce counter is as large as it can be.
    case powerOfTwoShare
    /// So far apart, whatever the number of chips: 2 in factory firmware, 4 in an S9's.
    case stride(UInt8)
    /// Assigned so far apart, and so do replies name the chips; but commands to one chip count in another distance.
    /// 0x10 and 4 in ESP-Miner's driver of the BM1372/73.
    case spread(assigned: UInt8, commanded: UInt8)
}

/// Number, addresses and voltage domains of a chain's chips.
public struct ChainLayout: Hashable, Sendable {
    public let chips: Int
    /// From one chip's address to the next; 256 for a single chip.
    public let addressInterval: Int
    /// From the address at which one chip takes commands to the next one's.
    private let commandInterval: Int
    /// Voltage domains in series, each of equally many chips; domain 0 is nearest the host.
    public let domains: Int

    /// - Returns: `nil` when there is no chip, the addresses do not fit into a byte, or the chips do not share out
    ///   evenly among the domains.
    public init?(chips: Int, rule: AddressRule, domains: Int = 1) {
        guard (1...256).contains(chips) else { return nil }
        let (interval, command) =
            switch rule {
            case .powerOfTwoShare: (256 / nextPowerOfTwo(chips), 256 / nextPowerOfTwo(chips))
            case .stride(let stride): (Int(stride), Int(stride))
            case .spread(let assigned, let commanded): (Int(assigned), Int(commanded))
            }
        guard interval > 0, command > 0, (chips - 1) * max(interval, command) <= 255 else { return nil }
        guard domains > 0, chips % domains == 0 else { return nil }
        self.chips = chips
        self.addressInterval = interval
        self.commandInterval = command
        self.domains = domains
    }

    public var addresses: [UInt8] { (0..<chips).map(address) }

    /// The address that a chip is given, and that its replies carry.
    ///
    /// - Parameter index: position on the chain, 0 nearest the host.
    public func address(of index: Int) -> UInt8 {
        precondition((0..<chips).contains(index), "chip \(index) of \(chips)")
        return UInt8(index * addressInterval)
    }

    /// The address at which a chip takes commands meant for it alone: but for the BM1372/73 its address.
    public func commandAddress(of index: Int) -> UInt8 {
        precondition((0..<chips).contains(index), "chip \(index) of \(chips)")
        return UInt8(index * commandInterval)
    }

    var commandAddresses: [UInt8] { (0..<chips).map(commandAddress) }

    /// Position of the chip with this address; `nil` where the chain has none.
    public func index(of address: UInt8) -> Int? {
        let (index, rest) = Int(address).quotientAndRemainder(dividingBy: addressInterval)
        return rest == 0 && index < chips ? index : nil
    }

    public var chipsPerDomain: Int { chips / domains }

    /// Positions of the first and last chip of a domain, 0 nearest the host.
    public func ends(ofDomain domain: Int) -> (first: Int, last: Int) {
        precondition((0..<domains).contains(domain), "domain \(domain) of \(domains)")
        return (domain * chipsPerDomain, (domain + 1) * chipsPerDomain - 1)
    }

    /// Between writes of a bring-up: the factory's 10 ms on hashboards (several domains), none on boards of one domain,
    /// where ESP-Miner writes back to back (bm13xx.md §15).
    var writePause: Duration { domains > 1 ? .milliseconds(10) : .zero }

    /// Where a position that follows from a nonce points.
    func attribution(_ index: Int) -> ChipAttribution { index < chips ? .chip(index) : .beyondChain(index) }
}

/// The smallest power of two that is not below `number`, which is positive.
func nextPowerOfTwo(_ number: Int) -> Int {
    precondition(number > 0 && number <= 1 << 32, "a small positive number")
    return number == 1 ? 1 : 1 << (Int.bitWidth - (number - 1).leadingZeroBitCount)
}
