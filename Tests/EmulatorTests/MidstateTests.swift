import ASICWire
@testable import Emulator
import TestSupport
import Testing
import Units

/// Chips whose versions the host rolls. Sources: bm13xx.md §11.2, §12.2, §17.
@Suite struct MidstateTests {
    /// Different reports of 100 jobs, each swept for about as long as a driver lets it be. (A whole sweep of a
    /// midstate job has one report in it for each midstate.)
    private static func mine(_ bench: inout Bench, jobByte: UInt8, count: Int) -> [(
        number: UInt8, frame: [UInt8]
    )] {
        var found = [(number: UInt8, frame: [UInt8])]()
        for number: UInt8 in 0..<100 {
            _ = bench.send(.midstateJob(someMidstateJob(number, jobByte: jobByte, count: count)))
            found += Set(bench.mineFrames(hashes: 700)).map { (number, $0) }
        }
        return found
    }

    @Test func `a BM1397 finds true nonces of all four midstates, and says which`() {
        var bench = Bench(EmulatedChainParameters(.bm1397, chips: 2, reportZeroBits: 8, seed: 3))
        bench.bringUpMidstates(addresses: [0, 0x80])
        let found = Self.mine(&bench, jobByte: 0x24, count: 4)
        var answers = [NonceResponse]()
        for (number, frame) in found {
            guard case .frame(.nonce(let answer), 9) = decodeResponse(frame[...], .short) else {
                Issue.record("not a nonce: \(frame)")
                continue
            }
            #expect(answer.jobByte & 0xFC == 0x24)
            #expect(zeroBits(someHeaders(number)[Int(answer.jobByte & 3)], answer.nonce) >= 8)
            answers.append(answer)
        }
        #expect(answers.count > 200)
        #expect(Set(answers.map { $0.jobByte & 3 }) == [0, 1, 2, 3])
        #expect(Set(answers.map { $0.bigEndianNonce >> 22 & 3 }) == [0, 1, 2, 3], "all small cores")
        #expect(Set(answers.map { $0.bigEndianNonce >> 31 }) == [0, 1], "both halves")
        #expect(answers.allSatisfy { $0.bigEndianNonce >> 24 & 0x7F < 84 })
    }

    @Test func `without its multi-midstate bit a BM1397 tries the first midstate only`() {
        var bench = Bench(EmulatedChainParameters(.bm1397, chips: 1, reportZeroBits: 10, seed: 3))
        bench.bringUpMidstates(addresses: [0], core: 0x70)
        _ = bench.send(.midstateJob(someMidstateJob(1)))
        #expect(Set(bench.rows(60).map(\.lane)) == [0])
        bench.write(0x8000_8074, to: 0x3C)
        _ = bench.send(.midstateJob(someMidstateJob(1)))
        #expect(Set(bench.rows(60).map(\.lane)) == [0, 1, 2, 3])
        _ = bench.send(.midstateJob(someMidstateJob(1, count: 1)))
        #expect(Set(bench.rows(60).map(\.lane)) == [0], "a job of one midstate has no more")
    }

    // §7.1: raw post-dividers, and register 0x70 below: 400 MHz / 8 after reset.
    @Test func `a BM1397 begins at 50 MHz, and its user divider divides on`() {
        var bench = Bench(EmulatedChainParameters(.bm1397, chips: 1, reportZeroBits: 12, seed: 1))
        _ = bench.send(.midstateJob(someMidstateJob(1)))
        func megahertz() -> Double { bench.chain.hashRate.hashesPerSecond * 0x1p20 / 672e6 }
        #expect(abs(megahertz() - 50) < 1e-6)
        bench.write(0x0F0F_0F00, to: 0x70)
        #expect(abs(megahertz() - 400) < 1e-6)
        bench.write(0x4044_0141, to: 0x08)
        #expect(abs(megahertz() - 425) < 1e-6)
        #expect(
            bench.send(.read(register: 8, from: .everyChip)).map { Array($0[2..<6]) } == [hex("C0440141")])
    }

    // §7.3 and derived_values.json: CLKI / (8 * (d + 1)), and PLL3 / 7 / (8 * (7 + 1)).
    @Test(
        arguments: [
            (0x0000_7A31, 115_740), (0x0000_6131, 1_562_500), (0x0000_6031, 3_125_000),
            (0x0001_6731, 6_250_000),
        ] as [(UInt32, UInt32)])
    func `a BM1397 sets its baud in MISC_CONTROL`(misc: UInt32, baud: UInt32) {
        var chip = EmulatedChip(
            ChipDesign(EmulatedChainParameters(.bm1397, chips: 1, reportZeroBits: 32, seed: 1)), position: 0)
        #expect(chip.baud?.symbolsPerSecond == 115_740)
        chip.write(0xC070_0111, to: 0x68, at: Instant(nanoseconds: 0))
        chip.write(misc, to: 0x18, at: Instant(nanoseconds: 0))
        #expect(chip.baud?.symbolsPerSecond == baud)
    }

    @Test func `a BM1397 answers in nine bytes whatever is written to register A4`() {
        var bench = Bench(EmulatedChainParameters(.bm1397, chips: 1, reportZeroBits: 32, seed: 1))
        bench.write(0x9000_FFFF, to: 0xA4)
        #expect(bench.send(hex("55AA 5205 0000 0A")) == [hex("AA55 13971800 00 00 06")])
    }

    @Test func `a BM1387 hashes with the cores that dummy jobs have opened`() {
        var bench = Bench(EmulatedChainParameters(.bm1387, chips: 1, reportZeroBits: 10, seed: 1))
        bench.bringUpBM1387(addresses: [0], cores: 0)
        _ = bench.send(.midstateJob(someMidstateJob(1, count: 2)))
        #expect(bench.chain.hashRate == .zero, "no core is open")
        bench.bringUpBM1387(addresses: [0], cores: 57)
        _ = bench.send(.midstateJob(someMidstateJob(1, count: 2)))
        #expect(abs(bench.chain.hashRate.hashesPerSecond * 0x1p22 - 650e6 * 57) < 1)
        bench.bringUpBM1387(addresses: [0], cores: 100)
        #expect(abs(bench.chain.hashRate.hashesPerSecond * 0x1p22 - 650e6 * 114) < 1, "it has 114")
    }

    @Test func `BM1387 nonces name chip and core, and the work id counts midstates`() {
        var bench = Bench(EmulatedChainParameters(.bm1387, chips: 3, reportZeroBits: 8, seed: 1))
        bench.bringUpBM1387(addresses: [0, 80, 160])
        #expect(
            bench.send(hex("5405000019")).map { Array($0[0..<6]) } == [
                hex("13879000 0000"), hex("13879050 0000"), hex("138790A0 0000"),
            ])
        var workIDs = Set<UInt8>()
        for (number, frame) in Self.mine(&bench, jobByte: 0x11, count: 2) {
            guard case .frame(.nonce(let answer), 7) = decodeResponse(frame[...], .bare) else {
                Issue.record("not a nonce: \(frame)")
                continue
            }
            workIDs.insert(answer.jobByte)
            #expect(zeroBits(someHeaders(number)[Int(answer.jobByte) - 0x11], answer.nonce) >= 8)
            #expect(answer.nonce >> 24 & 0x7F < 114)
        }
        #expect(workIDs == [0x11, 0x12])
    }

    // §17: the first write has bit 30 clear and sets the rate, the second has it set and must not.
    @Test func `a BM1387 leaves its baud alone when it is told to`() {
        var chip = EmulatedChip(
            ChipDesign(EmulatedChainParameters(.bm1387, chips: 1, reportZeroBits: 32, seed: 1)), position: 0)
        let now = Instant(nanoseconds: 0)
        chip.write(0x0020_0180, to: 0x1C, at: now)
        #expect(chip.baud?.symbolsPerSecond == 1_562_500)
        chip.write(0x4020_9A80, to: 0x1C, at: now)
        #expect(chip.baud?.symbolsPerSecond == 1_562_500)
    }

    @Test func `a BM1373 is reached at a quarter of its address, and answers with all of it`() {
        var bench = Bench(EmulatedChainParameters(.bm1373, chips: 3, reportZeroBits: 32, seed: 1))
        _ = bench.send(.chainInactive)
        for address: UInt8 in [0, 0x10, 0x20] { _ = bench.send(.setAddress(address)) }
        #expect(
            bench.send(.read(register: 0, from: .chip(4))).map { Array($0[2..<8]) } == [hex("13730010 10 00")]
        )
        #expect(bench.send(.read(register: 0, from: .chip(0x10))).isEmpty)
        // §7.3: 0x28 = 80000000 is 3 Mbaud.
        bench.write(0x8000_0000, to: 0x28)
        #expect(bench.send(.read(register: 0, from: .everyChip)).isEmpty)
        bench.chain.setHostBaud(BaudRate(3_000_000))
        #expect(bench.send(.read(register: 0, from: .everyChip)).count == 3)
    }
}
