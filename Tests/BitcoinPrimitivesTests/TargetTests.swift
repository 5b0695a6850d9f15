import BitcoinPrimitives
import TestSupport
import Testing

@Test func `a compact target expands and comes back`() throws {
    // Genesis, block 100,000, the easiest target of regtest. Source: the headers of those chains.
    for bits: UInt32 in [0x1d00_ffff, 0x1b04_864c, 0x207f_ffff] {
        let target = try #require(CompactTarget(bits: bits).target)
        #expect(CompactTarget(target).bits == bits)
    }
}
