import BitcoinPrimitives
import Scheduling
import Testing

@testable import CPUHashing

private func unit(versionMask: UInt32) -> WorkUnit {
    WorkUnit(
        id: 7, version: 0x2000_0000, versionMask: versionMask, previousBlock: Hash256(hashing: [1]),
        merkleRoot: Hash256(hashing: [2]), time: 1_700_000_000, bits: CompactTarget(bits: 0x1d00_ffff))
}

@Test(arguments: [0, 0x2000, 0xe000, 0x1fff_e000] as [UInt32])
func `every hit is a header of the unit that hashes as well as it says, and none is missed`(mask: UInt32) {
    let unit = unit(versionMask: mask)
    var walk = CPUWalk(unit)
    var hits: Set<CPUWalk.Hit> = []
    var hashes: UInt64 = 0
    for _ in 0..<8 {
        let slice = walk.hash(nonces: 500, zeroBits: 8)
        hits.formUnion(slice.hits)
        hashes += slice.hashes
    }
    let versions = [0, 0x2000, 0x4000, 0x6000, 0x8000, 0xa000, 0xc000, 0xe000].filter { $0 & ~mask == 0 }
    #expect(hashes == UInt64(4_000 * versions.count))
    var expected: Set<CPUWalk.Hit> = []
    for version in versions as [UInt32] {
        for nonce in 0..<4_000 as Range<UInt32> {
            let hash = unit.header(nonce: nonce, versionBits: version).hash
            if Target(leadingZeroBits: 8).isMet(by: hash) {
                expected.insert(.init(nonce: nonce, versionBits: version))
            }
        }
    }
    #expect(hits == expected)
}

@Test func `after the last nonce come the next versions, and after the last of them nothing`() {
    var walk = CPUWalk(unit(versionMask: 0x1_e000), firstNonce: .max - 9)
    #expect(walk.hash(nonces: 100, zeroBits: 1).hashes == 80)
    let next = walk.hash(nonces: 100, zeroBits: 1)
    #expect(next.hashes == 800)
    #expect(next.hits.allSatisfy { $0.versionBits >= 0x1_0000 && $0.nonce < 100 })
    var last = CPUWalk(unit(versionMask: 0), firstNonce: .max - 9)
    #expect(last.hash(nonces: 100, zeroBits: 1).hashes == 10)
    #expect(last.hash(nonces: 100, zeroBits: 1).hashes == 0)
    #expect(last.hash(nonces: 100, zeroBits: 1).hashes == 0)
}
