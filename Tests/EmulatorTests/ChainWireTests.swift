import ASICWire
@testable import Emulator
import TestSupport
import Testing
import Units

/// A chain as a host sees it before it hashes. Sources: bm13xx.md, sections named.
@Suite struct ChainWireTests {
    // §3.2, captured replies (mujina, bm13xx-rs, DCENT_OS).
    @Test(arguments: [
        (
            EmulatedChainParameters.bm1370(chips: 1, reportZeroBits: 32, seed: 1), "AA55137000000000 06",
            "AA551370000000000000 10"
        ),
        (.bm1362(chips: 1, reportZeroBits: 32, seed: 1), "AA55136203000000 0D", "AA551362030000000000 1E"),
    ])
    func `an id has 9 bytes after reset and 11 once version rolling is on`(
        parameters: EmulatedChainParameters, short: String, long: String
    ) {
        var bench = Bench(parameters)
        #expect(bench.send(hex("55AA 5205 0000 0A")) == [hex(short)])
        #expect(bench.send(hex("55AA 5109 00A4 9000FFFF 1C")).isEmpty)
        #expect(bench.send(hex("55AA 5205 0000 0A")) == [hex(long)])
    }

    @Test func `126 chips answer nearest first, each for the time its bytes take`() {
        var bench = Bench(.bm1362(chips: 126, reportZeroBits: 32, seed: 1))
        bench.write(0x9000_FFFF, to: 0xA4)
        _ = bench.send(.chainInactive)
        for index in 0..<126 { _ = bench.send(.setAddress(UInt8(2 * index))) }
        let start = bench.now
        let replies = bench.chain.receive(hex("55AA 5205 0000 0A"), at: start)
        #expect(replies.map { $0.bytes[6] } == (0..<126).map { UInt8(2 * $0) })
        #expect(zip(replies, replies.dropFirst()).allSatisfy { ($1.at - $0.at) > .microseconds(949) })
        // 7 bytes there, 126 times 11 back: about 120 ms (§2).
        #expect(replies[125].at - start > .milliseconds(119) && replies[125].at - start < .milliseconds(122))
    }

    @Test func `a host that talks faster than the wire is answered when the wire has carried it`() {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 32, seed: 1))
        let read = hex("55AA 5205 0000 0A")
        let first = bench.chain.receive(read + read, at: bench.now)
        let third = bench.chain.receive(read, at: bench.now)
        // 21 bytes take 1.82 ms at 115,200; the last answer's 9 take another 0.78 ms.
        #expect(first.count == 2 && third.count == 1)
        #expect(third[0].at - bench.now > .microseconds(2_590))
    }

    @Test func `addresses go to the chips in order, and a surplus address to nobody`() {
        var bench = Bench(.bm1370(chips: 3, reportZeroBits: 32, seed: 1))
        _ = bench.send(.chainInactive)
        for address: UInt8 in [0x10, 0x20, 0x30, 0x40] { _ = bench.send(.setAddress(address)) }
        #expect(bench.send(.read(register: 0, from: .everyChip)).map { $0[6] } == [0x10, 0x20, 0x30])
        #expect(bench.send(.read(register: 0, from: .chip(0x20))).map { $0[5] } == [0x20])
        #expect(bench.send(.read(register: 0, from: .chip(0x40))).isEmpty)
    }

    @Test func `without chain inactive every chip takes the first address`() {
        var bench = Bench(.bm1370(chips: 3, reportZeroBits: 32, seed: 1))
        _ = bench.send(.setAddress(0x10))
        _ = bench.send(.setAddress(0x20))
        #expect(bench.send(.read(register: 0, from: .everyChip)).map { $0[6] } == [0x10, 0x10, 0x10])
    }

    @Test func `before addresses every chip answers to 0, and chain inactive takes addresses away again`() {
        var bench = Bench(.bm1362(chips: 2, reportZeroBits: 32, seed: 1))
        #expect(bench.send(.read(register: 0, from: .chip(0))).count == 2)
        _ = bench.send(.chainInactive)
        _ = bench.send(.setAddress(0x80))
        #expect(bench.send(.read(register: 0, from: .chip(0))).count == 1)
        _ = bench.send(.chainInactive)
        #expect(bench.send(.read(register: 0, from: .chip(0))).count == 2)
    }

    @Test func `registers keep what is written, for one chip or for all`() {
        var bench = Bench(.bm1370(chips: 2, reportZeroBits: 32, seed: 1))
        _ = bench.send(.chainInactive)
        _ = bench.send(.setAddress(0))
        _ = bench.send(.setAddress(0x80))
        bench.write(0x0001_1111, to: 0x58)
        bench.write(0x0001_F111, to: 0x58, .chip(0x80))
        bench.write(0xDEAD_BEEF, to: 0xE4)
        let values = bench.send(.read(register: 0x58, from: .everyChip)).map { Array($0[2..<8]) }
        #expect(values == [hex("00011111 00 58"), hex("0001F111 80 58")])
        #expect(
            bench.send(.read(register: 0xE4, from: .chip(0x80))).map { Array($0[2..<6]) } == [hex("DEADBEEF")]
        )
    }

    // §7.1; the reset value is the 50 MHz of §6.
    @Test func `the PLL reads back with its lock bit`() {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 32, seed: 1))
        func pll() -> [UInt8] { Array(bench.send(.read(register: 8, from: .everyChip))[0][2..<6]) }
        #expect(pll() == hex("C0540165"))
        bench.write(0x40A8_0230, to: 8)
        #expect(pll() == hex("C0A80230"))
        bench.write(0x00A8_0230, to: 8)
        #expect(pll() == hex("00A80230"), "not enabled, not locked")
        bench.write(0x40A8_0030, to: 8)
        #expect(pll() == hex("40A80030"), "a reference divider of 0 is no clock")
    }

    @Test func `a frame with a wrong check does nothing, and the frame behind it is found`() {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 32, seed: 1))
        #expect(bench.send(hex("55AA 5109 00A4 9000FFFF 1D")).isEmpty)
        #expect(bench.send(hex("00 55 55AA 52 55AA 5205 0000 0A")) == [hex("AA55 13700000 00 00 06")])
    }

    @Test func `a frame may come in pieces`() {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 32, seed: 1))
        #expect(bench.send(hex("55AA 52")).isEmpty)
        #expect(bench.send(hex("05 0000")).isEmpty)
        #expect(bench.send(hex("0A 55")).count == 1)
        #expect(bench.send(hex("AA 5205 0000 0A")).count == 1)
    }

    // §6.2, §7.3: 25 MHz / (8 * (2 + 1)) = 1,041,667, with a host at 1,000,000.
    @Test func `after a change of baud only a host at the new rate is heard`() {
        var bench = Bench(.bm1362(chips: 2, reportZeroBits: 32, seed: 1))
        let read = hex("55AA 5205 0000 0A")
        #expect(
            bench.send(hex("55AA 5109 0028 11300200 03") + read).isEmpty,
            "the change comes with the frame's end")
        bench.chain.setHostBaud(BaudRate(1_000_000))
        let replies = bench.chain.receive(read, at: bench.now)
        #expect(replies.count == 2)
        #expect(replies[1].at - replies[0].at < .microseconds(90))
        bench.chain.setHostBaud(BaudRate(115_200))
        #expect(bench.send(read).isEmpty)
    }

    // derived_values.json, baud_divider.
    @Test(
        arguments: [
            (0x0130_1A00, 115_740), (0x1130_0200, 1_041_666), (0x1130_0000, 3_125_000),
            (0x1560_0700, 6_250_000),
        ] as [(UInt32, UInt32)])
    func `baud follows the divider and its clock`(register: UInt32, baud: UInt32) {
        let now = Instant(nanoseconds: 0)
        var chip = EmulatedChip(ChipDesign(.bm1370(chips: 1, reportZeroBits: 32, seed: 1)), position: 0)
        chip.write(0xC070_0111, to: 0x60, at: now)
        chip.write(register, to: 0x28, at: now)
        #expect(chip.baud?.symbolsPerSecond == baud)
    }

    @Test func `reset and loss of power make a chain silent and forgetful`() {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 32, seed: 1))
        for isReset in [true, false] {
            bench.bringUp(addresses: [0x40], hashCountingNumber: 1000)
            #expect(bench.send(.read(register: 0, from: .everyChip))[0][6] == 0x40)
            isReset ? bench.chain.setReset(asserted: true) : bench.chain.setPower(on: false)
            #expect(bench.send(.read(register: 0, from: .everyChip)).isEmpty)
            isReset ? bench.chain.setReset(asserted: false) : bench.chain.setPower(on: true)
            #expect(bench.send(.read(register: 0, from: .everyChip)) == [hex("AA55 13700000 00 00 06")])
            #expect(bench.send(.read(register: 0x18, from: .everyChip)) == [hex("AA55 0000C100 00 18 02")])
        }
    }
}
