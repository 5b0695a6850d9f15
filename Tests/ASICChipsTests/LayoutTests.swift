import ASICChips
import Testing

@Test func `twelve chips share the addresses evenly, and every address leads back to its chip`() throws {
    let layout = try #require(ChainLayout(chips: 12, rule: .powerOfTwoShare))
    #expect(layout.addressInterval == 16)
    #expect(layout.addresses == (0..<12).map { UInt8($0 * 16) })
    #expect(layout.addresses.map { layout.index(of: $0) } == Array(0..<12))
    #expect(layout.index(of: 0x08) == nil)
    #expect(layout.index(of: 0xC0) == nil)  // where a thirteenth would be
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
}
