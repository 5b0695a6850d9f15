import ASICChips
import Testing
import Units

@Test func `versions of a mask count up inside it and leave the rest alone`() {
    // bm13xx.md §12.2.
    #expect(
        VersionRolling.versions(base: 0x2000_0000, mask: 0x1FFF_E000, from: 0, count: 4)
            == [0x2000_0000, 0x2000_2000, 0x2000_4000, 0x2000_6000])
    // Bits of the base inside the mask are replaced, not added.
    #expect(
        VersionRolling.versions(base: 0x3FFF_FFFF, mask: 0x00FF_FF00, from: 1, count: 2)
            == [0x3F00_01FF, 0x3F00_02FF])
}

@Test func `a mask with holes is filled from its lowest bit`() {
    let mask: UInt32 = 0x8010_4001
    #expect(VersionRolling.count(in: mask) == 16)
    #expect(
        VersionRolling.versions(base: 0, mask: mask, from: 0, count: 5)
            == [0, 0x0000_0001, 0x0000_4000, 0x0000_4001, 0x0010_0000])
    #expect(VersionRolling.bits(at: 15, in: mask) == mask)
}

@Test func `versions end with the mask`() {
    #expect(VersionRolling.versions(base: 7, mask: 0, from: 0, count: 4) == [7])
    #expect(VersionRolling.versions(base: 0, mask: 0x6000, from: 3, count: 4) == [0x6000])
    #expect(VersionRolling.versions(base: 0, mask: 0x6000, from: 4, count: 4) == [])
    #expect(VersionRolling.next(after: 0x6001, mask: 0x6000) == nil)
    #expect(VersionRolling.count(in: .max) == 1 << 32)
    #expect(VersionRolling.bits(at: 1 << 32 - 1, in: .max) == .max)
}

@Test func `the next version is the one at the next index, for any mask`() {
    var generator = SplitMix64(seed: 13)
    for _ in 0..<200 {
        let mask =
            UInt32.random(in: 1...(.max), using: &generator)
            & UInt32.random(in: 0...(.max), using: &generator)
        let base = UInt32.random(in: 0...(.max), using: &generator)
        let index = UInt64.random(in: 0..<VersionRolling.count(in: mask), using: &generator)
        let here = VersionRolling.versions(base: base, mask: mask, from: index, count: 2)
        #expect(
            VersionRolling.next(after: here[0], mask: mask) == here.dropFirst().first,
            "\(mask) \(base) \(index)")
        #expect(here.allSatisfy { $0 & ~mask == base & ~mask })
    }
}
