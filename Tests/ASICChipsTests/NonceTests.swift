import ASICChips
import ASICWire
import TestSupport
import Testing

private func nonce(_ frame: String) throws -> NonceResponse {
    guard case .frame(.nonce(let reply), 11) = decodeResponse(hex(frame)[...], .long) else {
        throw NotANonce()
    }
    return reply
}

private struct NotANonce: Error {}

@Test func `a Bitaxe Gamma's nonce decodes to the job, core and version bits that its pool accepted`() throws
{
    let layout = try #require(ChainLayout(chips: 1, rule: .powerOfTwoShare))
    let found = bm1370.decode(try nonce("AA 55 4C 03 52 75 0C D2 05 A2 9C"), on: layout)
    #expect(
        found == DecodedNonce(jobByte: 0x68, core: 38, subCore: 2, versionBits: 0x00B4_4000, chip: .chip(0)))
}

@Test func `on a longer chain a BM1370's nonce does not tell the chip`() throws {
    let layout = try #require(ChainLayout(chips: 2, rule: .powerOfTwoShare))
    #expect(bm1370.decode(try nonce("AA 55 4C 03 52 75 0C D2 05 A2 9C"), on: layout).chip == .unknown)
}

@Test func `an S19j Pro's nonce decodes to the chip at address DC`() throws {
    let layout = try #require(ChainLayout(chips: 126, rule: .stride(2)))
    let found = bm1362.decode(try nonce("AA 55 6D B8 8E E1 01 04 03 54 94"), on: layout)
    #expect(
        found == DecodedNonce(jobByte: 0, core: 54, subCore: 4, versionBits: 0x006A_8000, chip: .chip(0x6E)))
}

@Test func `a BM1362's chip follows from the counter's range`() throws {
    let layout = try #require(ChainLayout(chips: 12, rule: .powerOfTwoShare))
    func chip(counter: UInt32) -> ChipAttribution {
        let bigEndian = UInt32(7) << 25 | counter
        return bm1362.decode(
            NonceResponse(nonce: bigEndian.byteSwapped, excess: 0, jobByte: 8, versionCounter: 0), on: layout
        ).chip
    }
    #expect(chip(counter: 0) == .chip(0))
    #expect(chip(counter: 16 << 17 - 1) == .chip(0))
    #expect(chip(counter: 16 << 17) == .chip(1))
    #expect(chip(counter: 11 * 16 << 17 + 12345) == .chip(11))
    #expect(chip(counter: 12 * 16 << 17) == .beyondChain(12))
    #expect(chip(counter: 1 << 25 - 1) == .beyondChain(15))
}

@Test(arguments: [bm1370, bm1362] as [any ChipModel])
func `job bytes name every slot once and come back from the chip as they were sent`(model: any ChipModel)
    throws
{
    let bytes = model.jobBytes
    #expect(Set(bytes).count == model.facts.jobSlots)
    #expect(bytes.allSatisfy { $0 % 8 == 0 && $0 < 128 })
    let layout = try #require(ChainLayout(chips: 1, rule: .powerOfTwoShare))
    for byte in bytes {
        // bm13xx.md §11.1: BM1370 answers with the job id four bits up, BM1362 with the job byte itself.
        let echoed = model is BM1370 ? byte << 1 : byte
        for subCore in 0..<UInt8(model.facts.subCores) {
            let reply = NonceResponse(nonce: 0, excess: 0, jobByte: echoed | subCore, versionCounter: 0)
            #expect(model.decode(reply, on: layout).jobByte == byte)
            #expect(model.decode(reply, on: layout).subCore == Int(subCore))
        }
    }
}

@Test func `job bytes step as ESP-Miner steps them`() {
    #expect(bm1370.jobBytes.prefix(6) == [0x18, 0x30, 0x48, 0x60, 0x78, 0x10])
    #expect(bm1362.jobBytes.prefix(4) == [0x08, 0x10, 0x18, 0x20])
    #expect(bm1362.jobBytes.last == 0)
}
