@testable import Emulator
import Testing
import Units

/// What goes wrong, and what of it a host can see.
@Suite struct ThermalFaultTests {
    static func fault(_ kind: ThermalFault.Kind, from start: Int = 100, for length: Int = 100) -> ThermalFault
    {
        ThermalFault(kind, schedule: FaultSchedule(start: .seconds(start), length: .seconds(length)))
    }

    static func board(_ kind: ThermalFault.Kind) -> ThermalBoard {
        var board = ThermalTests.gamma(faults: [fault(kind)])
        board.advance(to: ThermalTests.instant(99))
        return board
    }

    static func diode(_ board: inout ThermalBoard) -> Double? {
        guard case .bytes(let high) = board.transfer([0x01], reading: 1, at: 0x4C),
            case .bytes(let low) = board.transfer([0x10], reading: 1, at: 0x4C)
        else { return nil }
        let word = Int16(bitPattern: UInt16(high[0]) << 8 | UInt16(low[0]))
        return Double(word >> 5) * 0.125
    }

    @Test func `a stuck sensor shows what it showed, while the chip goes its way`() {
        var board = Self.board(.sensorSticks(.diode))
        board.advance(to: ThermalTests.instant(101))
        let stuck = Self.diode(&board)
        _ = board.transfer([0x4C, 0], reading: 0, at: 0x4C)
        board.advance(to: ThermalTests.instant(190))
        #expect(Self.diode(&board) == stuck && board.model.chips[0] > (stuck ?? 0) + 10)
        board.advance(to: ThermalTests.instant(201))
        #expect(abs((Self.diode(&board) ?? 0) - board.model.chips[0]) < 0.5)
    }

    @Test(arguments: [(-1.0, -1.0), (255, 126.875)])
    func `a broken diode says its worst`(celsius: Double, shown: Double) {
        var board = Self.board(.sensorReads(.diode, celsius))
        board.advance(to: ThermalTests.instant(101))
        #expect(Self.diode(&board) == shown)
    }

    @Test func `a part may refuse, or say the same bit for ever, and the port may be silent`() {
        var refusing = Self.board(.refuses(address: 0x4C))
        #expect(Self.diode(&refusing) != nil)
        refusing.advance(to: ThermalTests.instant(101))
        #expect(refusing.transfer([0x01], reading: 1, at: 0x4C) == .refused)
        #expect(refusing.transfer([0x79], reading: 2, at: 0x24) != .refused)
        var ones = Self.board(.partReads(address: 0x24, ones: true))
        ones.advance(to: ThermalTests.instant(101))
        #expect(ones.transfer([0x79], reading: 2, at: 0x24) == .bytes([0xFF, 0xFF]))
        var silent = Self.board(.controlSilent)
        silent.advance(to: ThermalTests.instant(101))
        #expect(silent.transfer([0x01, 0x00], reading: 0, at: 0x24) == .silent)
        silent.advance(to: ThermalTests.instant(102))
        #expect(silent.isCorePowered && silent.model.megahertz > 0, "chips go on without their host")
    }

    @Test func `a part that refuses now and then does so by its seed`() {
        func refusals(_ seed: UInt64) -> [Bool] {
            var schedule = FaultSchedule()
            schedule.probability = 0.5
            var board = ThermalBoard.bitaxeGamma(
                seed: seed, faults: [ThermalFault(.refuses(address: 0x4C), schedule: schedule)])
            return (0..<200).map { _ in board.transfer([0xFD], reading: 1, at: 0x4C) == .refused }
        }
        #expect((60...140).contains(refusals(1).count { $0 }))
        #expect(refusals(1) == refusals(1) && refusals(1) != refusals(2))
    }

    @Test func `a fan stops or is slow, dust and a hot room make chips hotter`() {
        let usual = ThermalTests.settled(ThermalTests.gamma())
        for kind: ThermalFault.Kind in [.fan(0, share: 0.3), .clogged(share: 0.3), .room(50)] {
            let board = ThermalTests.gamma(faults: [ThermalFault(kind)])
            #expect(ThermalTests.settled(board) > usual + 10, "\(kind)")
        }
        var board = Self.board(.fan(0, share: 0))
        #expect(board.model.speeds[0] > 1_000)
        board.advance(to: ThermalTests.instant(110))
        #expect(board.model.speeds[0] == 0)
        #expect(board.transfer([0x46], reading: 2, at: 0x4C) == .bytes([0xFF, 0xFF]))
    }

    @Test func `a regulator's fault ends its output, and comes back while its cause is there`() {
        var board = Self.board(.regulatorFault(bits: 0x0010))
        board.advance(to: ThermalTests.instant(101))
        #expect(!board.isCorePowered)
        #expect(board.transfer([0x79], reading: 2, at: 0x24) == .bytes([0x50, 0x08]))
        #expect(board.transfer([0x7B], reading: 1, at: 0x24) == .bytes([0x80]))
        _ = board.transfer([0x03], reading: 0, at: 0x24)
        board.advance(to: ThermalTests.instant(102))
        #expect(!board.isCorePowered)
        board.advance(to: ThermalTests.instant(201))
        #expect(!board.isCorePowered, "nobody has cleared it")
        _ = board.transfer([0x03], reading: 0, at: 0x24)
        board.advance(to: ThermalTests.instant(202))
        #expect(board.isCorePowered)
    }

    @Test func `a droop and a weak supply show in what the regulator measures`() {
        var droop = Self.board(.droop(share: 0.2))
        droop.advance(to: ThermalTests.instant(101))
        guard case .bytes(let rail) = droop.transfer([0x8B], reading: 2, at: 0x24) else { return }
        #expect((Int(rail[0]) | Int(rail[1]) << 8) == Int(589 * 0.8))
        var sag = Self.board(.inputSag(0.5))
        sag.advance(to: ThermalTests.instant(101))
        #expect(sag.transfer([0x88], reading: 2, at: 0x24) == .bytes([0x90, 0xD8]), "4.5 V: 144 * 2^-5")
    }
}
