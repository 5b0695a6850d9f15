import ASICChips
import ChipSupport
import Testing
import Units

@Test func `twelve chips share the addresses evenly, and every address leads back to its chip`() throws {
    let layout = try #require(ChainLayout(chips: 12, rule: .powerOfTwoShare))
    #expect(layout.addressInterval == 16)
    #expect(layout.addresses == (0..<12).map { UInt8($0 * 16) })
    #expect(layout.addresses.map { layout.index(of: $0) } == Array(0..<12))
    #expect(layout.index(of: 0x08) == nil)
    #expect(layout.index(of: 0xC0) == nil)  // where a thirteenth would be
    #expect((0..<12).map { layout.commandAddress(of: $0) } == layout.addresses)
}

@Test(arguments: 1...128) func `addresses are even and fit into a byte`(chips: Int) throws {
    for rule in [AddressRule.powerOfTwoShare, .stride(2)] {
        let layout = try #require(ChainLayout(chips: chips, rule: rule))
        #expect(layout.addresses.allSatisfy { $0 % 2 == 0 })
        #expect(Set(layout.addresses).count == chips)
        #expect((layout.chips - 1) * layout.addressInterval <= 255)
    }
}

@Test func `a chain that addresses do not reach has no layout`() {
    #expect(ChainLayout(chips: 0, rule: .powerOfTwoShare) == nil)
    #expect(ChainLayout(chips: -1, rule: .powerOfTwoShare) == nil)
    #expect(ChainLayout(chips: 257, rule: .powerOfTwoShare) == nil)
    #expect(ChainLayout(chips: 129, rule: .stride(2)) == nil)
    #expect(ChainLayout(chips: 1, rule: .stride(0)) == nil)
    #expect(ChainLayout(chips: 17, rule: .spread(assigned: 0x10, commanded: 4)) == nil)
}

@Test func `domains hold the same number of chips each, domain 0 nearest the host`() throws {
    #expect(ChainLayout(chips: 12, rule: .powerOfTwoShare, domains: 5) == nil)
    #expect(ChainLayout(chips: 12, rule: .powerOfTwoShare, domains: 0) == nil)
    let layout = try #require(ChainLayout(chips: 65, rule: .stride(2), domains: 13))
    #expect(layout.chipsPerDomain == 5)
    #expect(layout.ends(ofDomain: 0) == (0, 4) && layout.ends(ofDomain: 12) == (60, 64))
    #expect(UARTRelay.registerValue(domain: 0, of: layout) == 0x004F_0003)
    #expect(UARTRelay.registerValue(domain: 12, of: layout) == 0x0013_0003)
}

@Test func `a BM1373 answers from index × 16 and takes commands at index × 4, whatever the board asks for`()
    throws
{
    let layout = try #require(bm1372.layout(chips: 3, rule: .powerOfTwoShare, domains: 1))
    #expect(layout.addresses == [0x00, 0x10, 0x20])
    #expect((0..<3).map { layout.commandAddress(of: $0) } == [0x00, 0x04, 0x08])
    #expect(layout.index(of: 0x20) == 2 && layout.index(of: 0x08) == nil)
}

@Test(arguments: [bm1387, bm1397] as [any ChipModel])
func `chips whose nonces hold six address bits are four addresses apart`(model: any ChipModel) {
    #expect(model.layout(chips: 2, rule: .stride(2), domains: 1) == nil)
    #expect(model.layout(chips: 64, rule: .stride(4), domains: 1) != nil)
    #expect(model.layout(chips: 64, rule: .powerOfTwoShare, domains: 1) != nil)
    #expect(model.layout(chips: 65, rule: .powerOfTwoShare, domains: 1) == nil)
}

/// Nonces that the counter of one core can hold: what the core's bits leave of 32, and on a BM1397 the sub-core's.
private func counterSize(_ model: any ChipModel) -> UInt64 { model is BM1397 ? 1 << 22 : 1 << 25 }

@Test(arguments: everyModel)
func `no two chips of a chain share a nonce, at any length and any clock`(model: any ChipModel) throws {
    let clocks = [model.facts.minimumFrequency, model.facts.defaultFrequency, model.facts.maximumFrequency]
        .compactMap { model.clockLimits.setting(for: $0) }
    #expect(clocks.count == 3)
    var layouts = 0
    for chips in 1...model.facts.maximumChips {
        for rule in [AddressRule.powerOfTwoShare, .stride(2), .stride(4)] {
            guard let layout = model.layout(chips: chips, rule: rule, domains: 1) else { continue }
            layouts += 1
            let slice = UInt64(model.nonceSlice(layout))
            let starts =
                (0..<chips).map { UInt64(model.nonceStart(of: $0, on: layout)) } + [counterSize(model)]
            for (start, next) in zip(starts, starts.dropFirst()) { #expect(start + slice <= next) }
            // Shared by powers of two, more than half of the counter is used; evenly, nearly all of it. A BM1373's
            // chips stand 16 apart whatever their number, but share evenly.
            if rule == .powerOfTwoShare { #expect(slice * UInt64(chips) * 2 > counterSize(model)) }
            guard case .fullHeader = model.work else { continue }
            for clock in clocks {
                // Two nonces a hash clock, and up to 134 ticks too many (§10).
                let counting = model.hashCounting(layout, clock: clock, versionMask: VersionRolling.bits)
                let swept = 2 * Double(counting.registerValue + 134) * clock.frequency.megahertz / 25
                #expect(swept <= Double(slice), "\(chips) chips at \(clock.frequency)")
            }
        }
    }
    #expect(layouts >= 2 * model.facts.maximumChips)
}
