import ASICWire
@testable import Emulator
import TestSupport
import Testing
import Units

/// Registers that count and measure. Sources: bm13xx.md §6, §13, §14.
@Suite struct RegisterTests {
    private static func value(_ bench: inout Bench, _ register: UInt8, _ chip: UInt8? = nil) -> UInt32 {
        let frames = bench.send(.read(register: register, from: chip.map { .chip($0) } ?? .everyChip))
        return frames[0][2..<6].reduce(0) { $0 << 8 | UInt32($1) }
    }

    @Test func `the total counts what a chip has hashed, its domains a quarter each, and a write clears it`()
    {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 8, seed: 1))
        bench.bringUp(addresses: [0], hashCountingNumber: 800_000)
        _ = bench.send(.job(someJob(1)))
        _ = bench.mine(hashes: 100_000)
        // A chip that reports from 8 zero bits stands for one that makes 2^24 times as many hashes.
        let units = UInt32(bench.hashed / 256)
        #expect(Self.value(&bench, 0x8C) == units)
        #expect((0x88...0x8B).allSatisfy { Self.value(&bench, $0) == units / 4 })
        bench.write(0, to: 0x8C)
        #expect(Self.value(&bench, 0x8C) == 0 && Self.value(&bench, 0x89) == units / 4)
    }

    @Test func `a drawn chip's total grows with time, at its rate`() {
        var parameters = EmulatedChainParameters.bm1370(chips: 1, reportZeroBits: 1, seed: 1)
        parameters.search = .drawn
        var bench = Bench(parameters)
        bench.bringUp(addresses: [0], hashCountingNumber: 800_000, ticket: 0xFF)
        _ = bench.send(.job(someJob(1)))
        bench.now = bench.now + .seconds(100)
        let hashes = 525e6 * 2040 * 100.0
        let first = Double(Self.value(&bench, 0x8C))
        #expect(abs(first / (hashes / 0x1p32) - 1) < 0.001)
        bench.write(0x40A8_0270, to: 8)  // 262.5 MHz
        let before = Double(Self.value(&bench, 0x8C))
        bench.now = bench.now + .seconds(100)
        let grown = Double(Self.value(&bench, 0x8C)) - before
        #expect(abs(grown / (hashes / 0x1p33) - 1) < 0.001)
    }

    // §14: 2^20 hashes a second in ESP-Miner; 2^24.
    @Test func `a BM1397 and a BM1387 give a rate`() {
        var newer = Bench(EmulatedChainParameters(.bm1397, chips: 1, reportZeroBits: 12, seed: 1))
        newer.bringUpMidstates(addresses: [0])
        #expect(Self.value(&newer, 0x04) == 0x8000_0000, "the long flag: no value yet")
        _ = newer.send(.midstateJob(someMidstateJob(1)))
        #expect(Self.value(&newer, 0x04) == UInt32(425e6 * 672 / 0x1p20))
        var older = Bench(EmulatedChainParameters(.bm1387, chips: 1, reportZeroBits: 12, seed: 1))
        older.bringUpBM1387(addresses: [0])
        _ = older.send(.midstateJob(someMidstateJob(1)))
        let frame = older.send(.read(register: 0x08, from: .everyChip))[0]
        #expect(frame[0..<4].reduce(0) { $0 << 8 | UInt32($1) } == UInt32(650e6 * 114 / 0x1p24))
    }

    @Test func `frames with a wrong check are counted by kind`() {
        var bench = Bench(.bm1366(chips: 2))
        bench.write(0x9000_FFFF, to: 0xA4)
        for _ in 0..<3 { _ = bench.send(hex("55AA 5205 0000 0B")) }
        var job = ChipCommand.job(someJob(1)).wireBytes()
        job[40] ^= 1
        _ = bench.send(job)
        _ = bench.send(hex("00 FF 55 00"))
        #expect(Self.value(&bench, 0x48) == 0x0301_0000)
    }

    @Test func `core registers are read through two registers of the chip`() {
        var bench = Bench(.bm1366(chips: 1))
        // Reset value of core register 5, then what was written to one core, and to all.
        bench.write(0x0007_0500, to: 0x3C)
        #expect(Self.value(&bench, 0x40) == 0x0007_0140)
        #expect(Self.value(&bench, 0x3C) == 0x0007_4500, "the read is done")
        bench.write(0x8000_8520, to: 0x3C)
        bench.write(0x0009_8533, to: 0x3C)
        bench.write(0x0009_0500, to: 0x3C)
        #expect(Self.value(&bench, 0x40) == 0x0009_0133)
        bench.write(0x0008_0500, to: 0x3C)
        #expect(Self.value(&bench, 0x40) == 0x0008_0120)
        bench.write(0x8000_8544, to: 0x3C)
        bench.write(0x0009_0500, to: 0x3C)
        #expect(Self.value(&bench, 0x40) == 0x0009_0144)
    }

    @Test func `a BM1368 measures its temperature when it is told to, and warms up while it hashes`() {
        var parameters = EmulatedChainParameters(.bm1368, chips: 1, reportZeroBits: 8, seed: 1)
        parameters.ambientCelsius = 30
        var bench = Bench(parameters)
        func measured() -> Double? {
            for value: UInt32 in [0x0002_0000, 0x0102_0000, 0x1002_0000] { bench.write(value, to: 0xB0) }
            bench.now = bench.now + .milliseconds(20)
            let word = Self.value(&bench, 0xB4)
            return word & 0x8000_0000 == 0 ? nil : Double(word & 0xffff) * 0.171342 - 299.5144
        }
        #expect(Self.value(&bench, 0xB4) == 0, "nothing measured yet")
        #expect(abs((measured() ?? 0) - 30) < 0.2)
        bench.bringUp(addresses: [0], hashCountingNumber: 100_000)
        _ = bench.send(.job(someJob(1)))
        bench.now = bench.now + .seconds(20)
        // 60 degrees at 500 MHz, one time constant.
        let warm = 30 + 60 * 1.05 * (1 - 0.3679)
        #expect(abs((measured() ?? 0) - warm) < 1)
        var other = Bench(.bm1370(chips: 1, reportZeroBits: 8, seed: 1))
        for value: UInt32 in [0x0002_0000, 0x0102_0000, 0x1002_0000] { other.write(value, to: 0xB0) }
        #expect(Self.value(&other, 0xB4) == 0, "not wired up on a BM1370")
    }

    @Test func `the voltage ADC is ready 50 ms after its start`() {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 8, seed: 1))
        for (register, value): (UInt8, UInt32) in [
            (0xB9, 0x3F01_4381), (0xBA, 0x0004_0010), (0xBB, 0x0334_0E80), (0xB8, 0x230C_030D),
            (0xB8, 0x232C_030D),
        ] { bench.write(value, to: register) }
        #expect(Self.value(&bench, 0xBD) == 0)
        bench.now = bench.now + .milliseconds(50)
        func volts(_ word: UInt32) -> Double { Double(word & 0x7fff) / 16384 - 1 }
        let word = Self.value(&bench, 0xBD)
        let eighth = 1.15 / 8
        #expect(word >> 31 == 1)
        #expect(abs(volts(word) - eighth) < 0.0001)
        bench.write(0x232C_030D | 3 << 13, to: 0xB8)
        bench.now = bench.now + .milliseconds(60)
        let half = Self.value(&bench, 0xBD)
        #expect(abs(volts(half) - 4 * eighth) < 0.0001)
    }

    @Test(arguments: EmulatedModel.all)
    func `every model has a name by which it is found`(model: EmulatedModel) {
        #expect(EmulatedModel(named: model.name.lowercased()) == model)
        #expect(EmulatedModel(named: model.name + "0") == nil)
    }

    // bm13xx.md §16: the reset value of every listed register is what a read gives.
    @Test(arguments: EmulatedModel.all)
    func `registers begin with their reset values`(model: EmulatedModel) {
        var bench = Bench(EmulatedChainParameters(model, chips: 1, reportZeroBits: 8, seed: 1))
        for (register, value) in model.resetValues {
            let frame = bench.send(.read(register: register, from: .everyChip))[0]
            let start = model.dialect == .bare ? 0 : 2
            #expect(frame[start..<(start + 4)].reduce(0) { $0 << 8 | UInt32($1) } == value, "\(register)")
        }
    }

    @Test func `exponential and logarithm are those of the school`() {
        #expect(abs(exponential(-1) - 0.367_879_441_171_442_3) < 1e-13)
        #expect(exponential(0) == 1)
        #expect(abs(exponential(-30) / 9.357_622_968_840_175e-14 - 1) < 1e-11)
        #expect(exponential(-800) == 0)
        #expect(abs(logarithm(0.5) + 0.693_147_180_559_945_3) < 1e-15 && logarithm(1) == 0)
        #expect(abs(logarithm(0.3) + 1.203_972_804_325_936) < 1e-15)
        #expect(abs(logarithm(1e-9) + 20.723_265_836_946_41) < 1e-13)
    }
}

extension EmulatedChainParameters {
    static func bm1366(chips: Int) -> Self { Self(.bm1366, chips: chips, reportZeroBits: 8, seed: 1) }
}
