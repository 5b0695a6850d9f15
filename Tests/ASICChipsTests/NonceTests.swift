import ASICChips
import ASICWire
import ChipSupport
import TestSupport
import Testing

private func nonce(_ frame: String, _ format: ResponseFormat = .long) throws -> NonceResponse {
    guard case .frame(.nonce(let reply), format.length) = decodeResponse(hex(frame)[...], format) else {
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

@Test func `a Bitaxe Supra's nonce decodes as a BM1370's does`() throws {
    let layout = try #require(ChainLayout(chips: 1, rule: .powerOfTwoShare))
    let found = bm1368.decode(try nonce("AA 55 66 00 CB 32 02 F9 23 39 91"), on: layout)
    #expect(
        found == DecodedNonce(jobByte: 0x78, core: 51, subCore: 9, versionBits: 0x0467_2000, chip: .chip(0)))
}

@Test(arguments: [bm1368, bm1370, bm1372] as [any ChipModel])
func `on a longer chain a nonce without an address does not tell the chip`(model: any ChipModel) throws {
    let layout = try #require(model.layout(chips: 2, rule: .powerOfTwoShare, domains: 1))
    #expect(model.decode(try nonce("AA 55 4C 03 52 75 0C D2 05 A2 9C"), on: layout).chip == .unknown)
}

@Test func `an S19j Pro's nonce decodes to the chip at address DC`() throws {
    let layout = try #require(ChainLayout(chips: 126, rule: .stride(2)))
    let found = bm1362.decode(try nonce("AA 55 6D B8 8E E1 01 04 03 54 94"), on: layout)
    #expect(
        found == DecodedNonce(jobByte: 0, core: 54, subCore: 4, versionBits: 0x006A_8000, chip: .chip(0x6E)))
}

@Test func `a BM1397's nonce decodes to job, midstate and half of the core array`() throws {
    let layout = try #require(ChainLayout(chips: 64, rule: .stride(4)))
    let found = bm1397.decode(try nonce("AA 55 97 C3 28 B6 01 63 9C", .short), on: layout)
    #expect(
        found
            == DecodedNonce(
                jobByte: 0x60, core: 107, subCore: 3, versionBits: 0, midstate: 3, chip: .chip(3)))
}

@Test func `a BM1387's nonce decodes to work, midstate, core and chip`() throws {
    let layout = try #require(ChainLayout(chips: 63, rule: .stride(4)))
    let found = bm1387.decode(try nonce("72 03 EA 83 00 71 8D", .bare), on: layout)
    #expect(
        found
            == DecodedNonce(jobByte: 0x70, core: 3, subCore: 0, versionBits: 0, midstate: 1, chip: .chip(28)))
}

/// A reply whose nonce, read big-endian, has this counter below the core.
private func reply(_ counter: UInt32) -> NonceResponse {
    NonceResponse(nonce: (7 << 25 | counter).byteSwapped, excess: 0, jobByte: 8, versionCounter: 0)
}

@Test(arguments: [bm1362, bm1366] as [any ChipModel])
func `the chip follows from the counter's range, not from equality with an address`(model: any ChipModel)
    throws
{
    let layout = try #require(ChainLayout(chips: 12, rule: .powerOfTwoShare))
    func chip(_ counter: UInt32) -> ChipAttribution { model.decode(reply(counter), on: layout).chip }
    #expect(chip(0) == .chip(0))
    #expect(chip(16 << 17 - 1) == .chip(0))
    #expect(chip(16 << 17) == .chip(1))
    #expect(chip(11 * 16 << 17 + 12345) == .chip(11))
    #expect(chip(12 * 16 << 17) == .beyondChain(12))
    #expect(chip(1 << 25 - 1) == .beyondChain(15))
}

@Test func `a testnet chip alone owns its whole counter`() throws {
    // bm13xx.md §10: the replies of one BM1366 at address 00.
    let layout = try #require(ChainLayout(chips: 1, rule: .powerOfTwoShare))
    for counter: UInt32 in [0x0039_28A9, 0x0070_1A0A, 0x00B3_5F2B, 0x0191_701E] {
        #expect(bm1366.decode(reply(counter), on: layout).chip == .chip(0))
    }
}

@Test(arguments: everyModel)
func `every nonce of a chip's slice is attributed to that chip, or to nobody`(model: any ChipModel) throws {
    for chips in [2, 3, 12, 64, 126] where chips <= model.facts.maximumChips {
        let layout = try #require(model.layout(chips: chips, rule: .powerOfTwoShare, domains: 1))
        for index in 0..<chips {
            let start = model.nonceStart(of: index, on: layout)
            let slice = model.nonceSlice(layout)
            for counter in [start, start + slice / 2, start + slice - 1] {
                let reply =
                    switch model {
                    case is BM1387:  // bits 7 to 2 of the nonce hold the counter's upper six
                        NonceResponse(nonce: (counter >> 19) << 2, excess: 0, jobByte: 0, versionCounter: 0)
                    default: reply(counter)
                    }
                let found = model.decode(reply, on: layout).chip
                #expect(found == .chip(index) || found == .unknown)
                if model is BM1387 || model is BM1397 || model is BM1362 || model is BM1366 {
                    #expect(found == .chip(index))
                }
            }
        }
    }
}

@Test(arguments: everyModel)
func `job bytes name every slot once and come back from the chip as they were sent`(model: any ChipModel)
    throws
{
    let bytes = model.jobBytes
    #expect(Set(bytes).count == model.facts.jobSlots)
    let layout = try #require(ChainLayout(chips: 1, rule: .powerOfTwoShare))
    for byte in bytes {
        // bm13xx.md §11: BM1368 and later answer with the job id four bits up, the others with the job byte itself;
        // below it stand sub-core or midstate.
        let shifted = model is BM1368 || model is BM1370 || model is BM1372
        let low: UInt8 = shifted ? 16 : model.work == .fullHeader ? 8 : 4
        for below in 0..<low {
            let reply = NonceResponse(
                nonce: 0, excess: 0, jobByte: (shifted ? byte << 1 : byte) | below, versionCounter: 0)
            let found = model.decode(reply, on: layout)
            #expect(found.jobByte == byte)
            switch model.work {
            case .fullHeader: #expect(found.subCore == Int(below) && found.midstate == nil)
            case .midstates: #expect(found.midstate == Int(below) && found.versionBits == 0)
            }
        }
    }
}

@Test func `job bytes step as drivers step them`() {
    for model in [bm1368, bm1370, bm1372] as [any ChipModel] {
        #expect(model.jobBytes.prefix(6) == [0x18, 0x30, 0x48, 0x60, 0x78, 0x10])
    }
    for model in [bm1362, bm1366] as [any ChipModel] {
        #expect(model.jobBytes.prefix(4) == [0x08, 0x10, 0x18, 0x20])
        #expect(model.jobBytes.last == 0)
    }
    for model in [bm1387, bm1397] as [any ChipModel] {
        #expect(model.jobBytes.prefix(3) == [0x04, 0x08, 0x0C])
        #expect(model.jobBytes.suffix(2) == [0x7C, 0x00])
    }
}

@Test func `a chip's address stands in the reply or, from a BM1387, in the id itself`() {
    let long = RegisterValue(value: 0x1362_03CA, chipAddress: 0xCA, register: 0)
    #expect(bm1362.answeringAddress(long) == 0xCA)
    #expect(bm1387.answeringAddress(RegisterValue(value: 0x1387_90F4, chipAddress: 0, register: 0)) == 0xF4)
}
