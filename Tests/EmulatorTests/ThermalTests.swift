@testable import Emulator
import Testing
import Units

/// Heat, and the parts that measure it. Sources: boards.md §4.2, §5 and §6.
@Suite struct ThermalTests {
    static func instant(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }

    /// What decides the output: listen to OPERATION, 1.15 V, on.
    static func power(_ board: inout ThermalBoard, rail steps: UInt16 = 0x024D) {
        for bytes: [UInt8] in [
            [0x02, 0x1B], [0x21, UInt8(steps & 0xFF), UInt8(steps >> 8)], [0x01, 0x80],
        ] {
            #expect(board.transfer(bytes, reading: 0, at: 0x24) == .bytes([]))
        }
    }

    /// A Gamma that hashes at 525 MHz and 1.15 V, its fan register at `fan` of 46.
    static func gamma(fan: UInt8 = 23, faults: [ThermalFault] = []) -> ThermalBoard {
        var board = ThermalBoard.bitaxeGamma(seed: 1, faults: faults)
        power(&board)
        _ = board.transfer([0x03, 0x04], reading: 0, at: 0x4C)
        _ = board.transfer([0x4C, fan], reading: 0, at: 0x4C)
        board.advance(to: instant(0.1))
        board.clock(megahertz: 525, activity: 1)
        return board
    }

    static func settled(_ board: ThermalBoard) -> Double {
        var board = board
        board.advance(to: instant(1_200))
        return board.model.chips[0]
    }

    @Test func `chips are warmer with more power, and cooler with more wind`() {
        let usual = Self.settled(Self.gamma())
        #expect((55...65).contains(usual), "about 60 °C at half duty")
        #expect(Self.settled(Self.gamma(fan: 46)) < usual - 5)
        #expect(Self.settled(Self.gamma(fan: 0)) > 120, "nobody cools it, and nobody stops it")
        var slow = Self.gamma()
        slow.clock(megahertz: 262, activity: 1)
        #expect(Self.settled(slow) < usual - 10)
        var idle = Self.gamma()
        idle.clock(megahertz: 525, activity: 0)
        #expect(Self.settled(idle) < 35)
        var low = Self.gamma()
        Self.power(&low, rail: 0x0200)  // 1.0 V: frequency the same, power by the square
        let expected = 25 + (usual - 25) / (1.15 * 1.15)
        #expect(abs(Self.settled(low) - expected) < 1)
    }

    @Test func `without power it is as warm as the room in the end`() {
        var board = Self.gamma()
        board.advance(to: Self.instant(300))
        _ = board.transfer([0x01, 0x00], reading: 0, at: 0x24)
        board.advance(to: Self.instant(310))
        #expect(board.model.chips[0] > 40, "not at once")
        board.advance(to: Self.instant(2_000))
        #expect(abs(board.model.chips[0] - 25) < 0.5 && abs(board.model.regulator - 25) < 1)
        Self.power(&board)
        board.advance(to: Self.instant(2_100))
        #expect(board.model.megahertz == 0, "chips forget their clock with their voltage")
    }

    @Test func `time in many pieces is time in one`() {
        var (whole, pieces) = (Self.gamma(), Self.gamma())
        whole.advance(to: Self.instant(100))
        var now = Self.instant(0)
        var chance = SplitMix64(seed: 7)
        while now < Self.instant(100) {
            now = min(now + .nanoseconds(Int64(chance.next() % 700_000_000)), Self.instant(100))
            pieces.advance(to: now)
        }
        #expect(whole.model.chips == pieces.model.chips && whole.model.speeds == pieces.model.speeds)
    }

    // MARK: parts

    @Test func `the fan controller says what it measures`() throws {
        var board = Self.gamma(fan: 46)
        board.advance(to: Self.instant(600))
        #expect(board.transfer([0xFD], reading: 1, at: 0x4C) == .bytes([0x16]))
        #expect(board.transfer([0xFE], reading: 1, at: 0x4C) == .bytes([0x5D]))
        guard case .bytes(let high) = board.transfer([0x01], reading: 1, at: 0x4C),
            case .bytes(let low) = board.transfer([0x10], reading: 1, at: 0x4C),
            case .bytes(let own) = board.transfer([0x00], reading: 1, at: 0x4C),
            case .bytes(let count) = board.transfer([0x46], reading: 2, at: 0x4C)
        else {
            Issue.record("no answer")
            return
        }
        let diode = Double(Int(high[0]) * 8 + Int(low[0] >> 5)) * 0.125
        #expect(abs(diode - board.model.chips[0]) < 0.4 && low[0] & 0x1F == 0)
        #expect(abs(Double(own[0]) - board.model.boards[0]) < 1.1)
        let speed = 5_400_000 / (Int(count[1]) * 256 + Int(count[0]))
        #expect(abs(Double(speed) - board.model.speeds[0]) < 20 && speed > 5_000)
        // The counter ends at 46: from there on everything is full speed (erratum).
        _ = board.transfer([0x4C, 63], reading: 0, at: 0x4C)
        board.advance(to: Self.instant(660))
        #expect(abs(Double(speed) - board.model.speeds[0]) < 20)
    }

    @Test func `a diode without power, and a fan without its input, say nothing of use`() {
        var board = ThermalBoard.bitaxeGamma(seed: 1)
        #expect(board.transfer([0x01], reading: 1, at: 0x4C) == .bytes([0xFF]), "-1 °C")
        _ = board.transfer([0x4C, 46], reading: 0, at: 0x4C)
        board.advance(to: Self.instant(10))
        #expect(board.transfer([0x46], reading: 2, at: 0x4C) == .bytes([0xFF, 0xFF]))
        _ = board.transfer([0x03, 0x04], reading: 0, at: 0x4C)
        #expect(board.transfer([0x46], reading: 2, at: 0x4C) != .bytes([0xFF, 0xFF]))
    }

    @Test func `the regulator says what it measures`() {
        var board = Self.gamma()
        board.advance(to: Self.instant(100))
        func word(_ register: UInt8) -> UInt16 {
            guard case .bytes(let bytes) = board.transfer([register], reading: 2, at: 0x24) else { return 0 }
            return UInt16(bytes[0]) | UInt16(bytes[1]) << 8
        }
        #expect(word(0x88) == 0xD8A0, "5 V: 160 * 2^-5")
        #expect(word(0x8B) == 0x024D, "1.150 V: 589 * 2^-9")
        #expect(abs(linear11Value(word(0x8C)) - 18 / 1.15) < 0.2, "18 W at 1.15 V")
        #expect(abs(linear11Value(word(0x8D)) - board.model.regulator) <= 0.25)
        #expect(word(0x79) == 0)
    }

    @Test func `a Hex has a sensor for each half of its chips and two fans`() {
        var board = ThermalBoard.hex(seed: 3)
        Self.power(&board, rail: 0x0733)  // 3.6 V, three domains
        for register: UInt8 in [0x30, 0x40] {
            _ = board.transfer([register, 0x80], reading: 0, at: 0x2F)
        }
        board.advance(to: Self.instant(0.1))
        board.clock(megahertz: 490, activity: 1)
        board.advance(to: Self.instant(900))
        #expect(board.isCorePowered && (50...70).contains(board.model.chips[0]))
        for (index, address) in [UInt8(0x4A), 0x4B].enumerated() {
            #expect(board.transfer([0x0F], reading: 2, at: address) == .bytes([0x75, 0x00]))
            guard case .bytes(let bytes) = board.transfer([0x00], reading: 2, at: address) else { continue }
            let celsius = Double(Int(bytes[0]) << 4 | Int(bytes[1] >> 4)) / 16
            #expect(abs(celsius - board.model.boards[index]) < 0.2 && bytes[1] & 0x0F == 0)
        }
        for (index, register) in [UInt8(0x3E), 0x4E].enumerated() {
            guard case .bytes(let bytes) = board.transfer([register], reading: 2, at: 0x2F) else { continue }
            let speed = 3_932_160 / (Int(bytes[0]) * 32 + Int(bytes[1] >> 3))
            #expect(abs(Double(speed) - board.model.speeds[index]) < 30)
        }
        #expect(board.transfer([0x00], reading: 1, at: 0x50) == .refused)
    }

    @Test func `the regulator obeys the limits that were written into it, whoever else is there`() {
        var board = Self.gamma(fan: 0)
        // OT_FAULT_LIMIT 90 °C, LINEAR11 with exponent 0.
        _ = board.transfer([0x4F, 0x5A, 0x00], reading: 0, at: 0x24)
        board.advance(to: Self.instant(1_000))
        #expect(!board.isCorePowered && board.model.chips[0] < 90)
        #expect(board.transfer([0x79], reading: 2, at: 0x24) == .bytes([0x44, 0x08]))
        Self.power(&board)
        #expect(!board.isCorePowered, "latched")
        _ = board.transfer([0x03], reading: 0, at: 0x24)
        board.advance(to: Self.instant(1_001))
        #expect(board.isCorePowered)
        _ = board.transfer([0x46, 0x05, 0x00], reading: 0, at: 0x24)  // 5 A
        board.clock(megahertz: 525, activity: 1)
        board.advance(to: Self.instant(1_002))
        #expect(!board.isCorePowered)
    }
}
