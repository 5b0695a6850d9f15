import ASICWire
@testable import Emulator
import TestSupport
import Testing
import Units

/// Each fault alone, from its seed.
@Suite struct FaultTests {
    private static let readID = hex("55AA 5205 0000 0A")

    /// A chain of five with a fault, addressed 0x10 apart; the first byte has been sent.
    private static func bench(_ faults: Fault...) -> Bench {
        var parameters = EmulatedChainParameters.bm1370(chips: 5, reportZeroBits: 4, seed: 1)
        parameters.faults = faults
        return Bench(parameters)
    }

    private static func addresses(_ bench: inout Bench) -> [UInt8] {
        bench.send(readID).compactMap { frame in
            guard case .frame(.register(let reply), _) = decodeResponse(frame[...], .short) else {
                return nil
            }
            return reply.chipAddress
        }
    }

    private static func address(_ bench: inout Bench) {
        _ = bench.send(.chainInactive)
        for address: UInt8 in [0x10, 0x20, 0x30, 0x40, 0x50] { _ = bench.send(.setAddress(address)) }
    }

    // MARK: The line

    /// How a fault on the line changes 200 replies of nine bytes.
    private static func line(_ kind: Fault.Kind, probability: Double, seed: UInt64 = 5) -> [[UInt8]] {
        var bench = bench(Fault(kind, schedule: FaultSchedule(probability: probability), seed: seed))
        return (0..<40).flatMap { _ in bench.send(readID) }
    }

    private static let plain = hex("AA55 13700000 00 00 06")

    @Test func `a flipped bit is one bit`() {
        let frames = Self.line(.flippedBits, probability: 0.02)
        #expect(frames.count == 200 && frames.allSatisfy { $0.count == 9 })
        let flipped = frames.reduce(0) { sum, frame in
            sum + zip(frame, Self.plain).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
        }
        #expect((20...56).contains(flipped), "1800 bytes, one in fifty: \(flipped)")
        #expect(frames == Self.line(.flippedBits, probability: 0.02), "the seed replays it")
        #expect(frames != Self.line(.flippedBits, probability: 0.02, seed: 6))
    }

    @Test func `lost bytes are missing, repeated ones come twice, stray ones are new`() {
        let (lost, repeated, stray) = (
            Self.line(.lostBytes, probability: 0.02), Self.line(.repeatedBytes, probability: 0.02),
            Self.line(.strayBytes, probability: 0.02)
        )
        func bytes(_ frames: [[UInt8]]) -> Int { frames.reduce(0) { $0 + $1.count } }
        #expect((1744...1780).contains(bytes(lost)))
        #expect((1820...1856).contains(bytes(repeated)) && (1820...1856).contains(bytes(stray)))
        for frame in repeated where frame.count == 10 {
            let doubled = (0..<9).contains { index in
                Array(frame[...index]) + Array(frame[(index + 2)...]) == Self.plain
                    && frame[index] == frame[index + 1]
            }
            #expect(doubled)
        }
        for frame in stray where frame.count == 10 {
            #expect((0..<10).contains { Array(frame[..<$0]) + Array(frame[($0 + 1)...]) == Self.plain })
        }
        #expect(stray.contains { $0.count == 10 && !Set($0).isSubset(of: Self.plain) })
    }

    @Test func `bytes to the chips are hit only by a fault that goes that way`() {
        var bench = Self.bench(
            Fault(.flippedBits, direction: .toChips, schedule: FaultSchedule(probability: 1)))
        #expect(bench.send(Self.readID).isEmpty)
        var other = Self.bench(Fault(.flippedBits, schedule: FaultSchedule(probability: 1)))
        #expect(other.send(Self.readID).count == 5)
    }

    @Test func `a slow link delays both ways`() {
        var slow = Self.bench(Fault(.slowLink(.milliseconds(30))))
        var plain = Self.bench()
        let now = Instant(nanoseconds: 0)
        let (late, usual) = (
            slow.chain.receive(Self.readID, at: now), plain.chain.receive(Self.readID, at: now)
        )
        #expect(late.map(\.bytes) == usual.map(\.bytes))
        #expect(zip(late, usual).allSatisfy { $0.at - $1.at == .milliseconds(60) })
    }

    @Test func `faults of a port are there for a time`() {
        var bench = Self.bench(
            Fault(.port(.silent), schedule: FaultSchedule(start: .seconds(1), length: .seconds(2))))
        #expect(Self.addresses(&bench).count == 5)
        bench.now = Instant(nanoseconds: 1_500_000_000)
        #expect(Self.addresses(&bench).isEmpty)
        bench.now = Instant(nanoseconds: 3_000_000_000)
        #expect(Self.addresses(&bench).count == 5)
    }

    // MARK: Chips

    @Test func `a dead chip cuts the chain: what is behind it hears and says nothing`() {
        var bench = Self.bench(Fault(.deadChip, chip: 2))
        Self.address(&bench)
        #expect(Self.addresses(&bench) == [0x10, 0x20])
        #expect(bench.chain.chips[3].address == 0)
    }

    @Test func `a deaf chip passes everything on and does nothing itself`() {
        var bench = Self.bench(Fault(.deafChip, chip: 2))
        Self.address(&bench)
        #expect(Self.addresses(&bench) == [0x10, 0x20, 0x30, 0x40])
        #expect(bench.chain.chips[2].address == 0 && bench.chain.chips[4].address == 0x40)
    }

    @Test func `a silent chip works and says nothing`() {
        var bench = Self.bench(Fault(.silentChip, chip: 2, schedule: FaultSchedule(start: .seconds(60))))
        bench.bringUp(
            addresses: [0x10, 0x20, 0x30, 0x40, 0x50], hashCountingNumber: 100_000,
            offsets: [0, 0x3000, 0x6000, 0x9000, 0xC000])
        _ = bench.send(.job(someJob(1)))
        func chips(_ answers: [NonceResponse]) -> Set<UInt32> {
            Set(answers.map { ($0.bigEndianNonce >> 9 & 0xFFFF) / 0x3000 })
        }
        #expect(chips(bench.mine(hashes: 40_000)) == [0, 1, 2, 3, 4])
        bench.now = Instant(nanoseconds: 70_000_000_000)
        #expect(chips(bench.mine(hashes: 40_000)) == [0, 1, 3, 4])
        #expect(bench.send(.read(register: 0, from: .chip(0x30))).isEmpty)
        #expect(bench.chain.chips[2].work != nil)
    }

    @Test func `wrong nonces come at their rate, and are wrong`() {
        var bench = Self.bench(Fault(.wrongNonces, schedule: FaultSchedule(probability: 0.25)))
        bench.bringUp(addresses: [0, 0x20, 0x40, 0x60, 0x80], hashCountingNumber: 100_000)
        let job = someJob(1)
        _ = bench.send(.job(job))
        let answers = bench.mine(hashes: 400 << 4)
        let wrong = answers.count { zeroBits(job, $0) < 4 }
        let count = Double(answers.count)
        let deviation = abs(Double(wrong) - count / 4)
        #expect(deviation < 4.5 * (count * 0.1875).squareRoot())
        let errors = bench.send(.read(register: 0x4C, from: .everyChip)).map { Int($0[5]) }.reduce(0, +)
        #expect(errors == wrong && wrong > 50)
    }

    @Test func `a duplicate is the same frame again`() {
        var bench = Self.bench(Fault(.duplicateNonces, schedule: FaultSchedule(probability: 0.5)))
        bench.bringUp(
            addresses: [0, 0x20, 0x40, 0x60, 0x80], hashCountingNumber: 100_000,
            offsets: [0, 0x3000, 0x6000, 0x9000, 0xC000])
        _ = bench.send(.job(someJob(1)))
        let answers = bench.mine(hashes: 400 << 4)
        let doubled = zip(answers, answers.dropFirst()).count { $0 == $1 }
        #expect((80...320).contains(doubled))
        #expect(Set(answers.map { "\($0)" }).count == answers.count - doubled)
    }

    @Test func `a stuck temperature stays, and goes when the fault is over`() {
        var parameters = EmulatedChainParameters(.bm1368, chips: 2, reportZeroBits: 8, seed: 1)
        parameters.faults = [
            Fault(.stuckTemperature(91), chip: 1, schedule: FaultSchedule(length: .seconds(5)))
        ]
        var bench = Bench(parameters)
        func celsius() -> [Double] {
            bench.write(0x1002_0000, to: 0xB0)
            return bench.send(.read(register: 0xB4, from: .everyChip)).map { frame in
                Double(UInt32(frame[4]) << 8 | UInt32(frame[5])) * 0.171342 - 299.5144
            }
        }
        let stuck = celsius()
        #expect(abs(stuck[0] - 25) < 0.2)
        #expect(abs(stuck[1] - 91) < 0.2)
        bench.now = Instant(nanoseconds: 6_000_000_000)
        #expect(celsius().allSatisfy { abs($0 - 25) < 0.2 })
    }

    @Test func `registers come unasked as often as they are told to`() {
        var bench = Self.bench(
            Fault(
                .unaskedRegister(0x40), chip: 3,
                schedule: FaultSchedule(start: .seconds(1), period: .seconds(2))))
        #expect(bench.chain.nextFaultAt == nil, "time begins with the host's first byte")
        Self.address(&bench)
        var frames = [[UInt8]]()
        while let at = bench.chain.nextFaultAt, at < Instant(nanoseconds: 8_000_000_000) {
            frames += bench.chain.advance(to: at).map(\.bytes)
        }
        let expected = ChipResponse.register(
            RegisterValue(value: 0x0802_0100, chipAddress: 0x40, register: 0x40))
        #expect(frames == Array(repeating: expected.wireBytes(.short), count: 4))
    }

    // MARK: Supply and plug

    @Test(arguments: [Fault.Kind.brownOut, .unplugged])
    func `without supply chips are silent, and forgetful afterwards`(kind: Fault.Kind) {
        var bench = Self.bench(
            Fault(
                kind, schedule: FaultSchedule(start: .seconds(10), length: .seconds(1), period: .seconds(10)))
        )
        for round: Int64 in 1...2 {
            Self.address(&bench)
            bench.now = Instant(nanoseconds: (10 * round - 1) * 1_000_000_000)
            #expect(Self.addresses(&bench) == [0x10, 0x20, 0x30, 0x40, 0x50])
            bench.now = Instant(nanoseconds: 10 * round * 1_000_000_000)
            #expect(Self.addresses(&bench).isEmpty)
            #expect(bench.chain.isUnplugged == (kind == .unplugged) && !bench.chain.isRunning)
            bench.now = Instant(nanoseconds: (10 * round + 2) * 1_000_000_000)
            #expect(Self.addresses(&bench) == [0, 0, 0, 0, 0])
            #expect(!bench.chain.isUnplugged)
        }
    }

    @Test func `an unplugged board answers on no port`() {
        var board = EmulatedBoard.bitaxeGamma(
            reportZeroBits: 20, seed: 1,
            faults: [Fault(.unplugged, schedule: FaultSchedule(start: .seconds(1), length: .seconds(1)))])
        let readPin = hex("0600 01 00 06 00")
        #expect(board.receiveControl(readPin, at: Instant(nanoseconds: 0)).count == 1)
        _ = board.receiveData([0], at: Instant(nanoseconds: 0))
        _ = board.advance(to: Instant(nanoseconds: 1_000_000_000))
        #expect(
            board.isUnplugged
                && board.receiveControl(readPin, at: Instant(nanoseconds: 1_100_000_000)).isEmpty)
        _ = board.advance(to: Instant(nanoseconds: 2_000_000_000))
        #expect(board.receiveControl(readPin, at: Instant(nanoseconds: 2_100_000_000)).count == 1)
    }

    // MARK: Schedules

    @Test func `a schedule knows when it begins and ends`() {
        let once = FaultSchedule(start: .seconds(5), length: .seconds(2))
        let active: (FaultSchedule, [Int]) -> [Bool] = { schedule, seconds in
            seconds.map { schedule.isActive(at: .seconds($0)) }
        }
        #expect(active(once, [4, 5, 6, 7]) == [false, true, true, false])
        #expect(
            once.nextChange(after: .zero) == .seconds(5) && once.nextChange(after: .seconds(5)) == .seconds(7)
        )
        #expect(once.nextChange(after: .seconds(7)) == nil)
        let often = FaultSchedule(start: .seconds(1), length: .seconds(1), period: .seconds(3))
        #expect(active(often, [0, 1, 2, 3, 4, 5]) == [false, true, false, false, true, false])
        #expect(often.nextChange(after: .seconds(2)) == .seconds(4))
        let forever = FaultSchedule()
        #expect(forever.isActive(at: .seconds(1_000_000)) && forever.nextChange(after: .zero) == nil)
    }

    @Test func `a fault of one board leaves the same chips alone as none would`() {
        var plain = Self.bench()
        var later = Self.bench(Fault(.flippedBits, schedule: FaultSchedule(start: .seconds(1_000))))
        for bench in [0, 1] {
            bench == 0 ? Self.address(&plain) : Self.address(&later)
        }
        #expect(plain.send(Self.readID) == later.send(Self.readID))
    }
}
