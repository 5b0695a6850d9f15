import ASICWire

/// What chips at the ends of voltage domains are told. Sources: bm13xx.md §6.4, §6.6.
extension [BringUpStep] {
    /// The last chip of each domain drives clock and commands across the boundary; from the far end, as the S19 XP's and
    /// S21 XP's firmware does. Nothing where all chips are in one domain.
    mutating func strengthenDomainEnds(_ layout: ChainLayout, _ value: UInt32) {
        guard layout.domains > 1 else { return }
        for domain in (0..<layout.domains).reversed() {
            let last = layout.ends(ofDomain: domain).last
            write(
                .ioDriverStrength, value, to: .chip(layout.commandAddress(of: last)), then: layout.writePause)
        }
    }

    /// The first and last chip of each domain relay, from the far end. Factory firmware leaves it out for nine domains
    /// or fewer.
    mutating func relayAcrossDomains(_ layout: ChainLayout) {
        guard layout.domains > 9 else { return }
        for domain in (0..<layout.domains).reversed() {
            let value = UARTRelay.registerValue(domain: domain, of: layout)
            let (first, last) = layout.ends(ofDomain: domain)
            for index in first == last ? [first] : [first, last] {
                write(.uartRelay, value, to: .chip(layout.commandAddress(of: index)), then: layout.writePause)
            }
        }
    }
}

/// UART_RELAY.
public enum UARTRelay {
    /// Both relay bits, and a gap that grows towards the host. Its unit is not known; the rule is that of the S19 XP's
    /// and S21 XP's values.
    public static func registerValue(domain: Int, of layout: ChainLayout) -> UInt32 {
        precondition((0..<layout.domains).contains(domain), "domain \(domain) of \(layout.domains)")
        return UInt32(layout.chipsPerDomain * (layout.domains - domain) + 14) << 16 | 0b11
    }
}
