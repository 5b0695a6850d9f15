import ASICWire
@testable import Emulator
import TestSupport
import Testing
import Units

/// Boards by their control port. Sources: boards.md §2 to §4.
@Suite struct BoardTests {
    static let readID = hex("55AA 5205 0000 0A")

    /// Sends requests one by one, 10 ms apart, and gives the replies.
    static func control(_ board: inout EmulatedBoard, _ requests: [String], from start: Int64 = 0)
        -> [[UInt8]]
    {
        requests.enumerated().flatMap { index, request in
            board.receiveControl(hex(request), at: Instant(nanoseconds: start + Int64(index) * 10_000_000))
                .map(\.bytes)
        }
    }

    /// boards.md §4.2, what decides the output: off, listen to OPERATION, limits 2 V and 1 V, 1.15 V, on.
    static let powerOn = [
        "0900 01 00 05 20 24 01 00", "0900 02 00 05 20 24 02 1B", "0A00 03 00 05 20 24 24 00 04",
        "0A00 04 00 05 20 24 2B 00 02", "0A00 05 00 05 20 24 21 4D 02", "0900 06 00 05 20 24 01 80",
    ]

    @Test func `a Gamma's chip speaks when its regulator is on and its reset is released`() {
        var board = EmulatedBoard.bitaxeGamma(reportZeroBits: 20, seed: 1)
        let now = Instant(nanoseconds: 0)
        #expect(board.receiveData(Self.readID, at: now).isEmpty)
        let replies = Self.control(&board, Self.powerOn)
        #expect(
            replies
                == ["0100 01 02", "0100 02 02", "0100 03 03", "0100 04 03", "0100 05 03", "0100 06 02"].map(
                    hex))
        #expect(board.isCorePowered)
        #expect(board.receiveData(Self.readID, at: now).map(\.bytes) == [hex("AA55 13700000 00 00 06")])
        #expect(Self.control(&board, ["0700 07 00 06 00 00"]) == [hex("0100 07 00")])
        #expect(board.receiveData(Self.readID, at: now).isEmpty, "held in reset")
        _ = Self.control(&board, ["0700 08 00 06 00 01"])
        #expect(board.receiveData(Self.readID, at: now).count == 1)
        _ = Self.control(&board, ["0900 09 00 05 20 24 01 00"])
        #expect(!board.isCorePowered && board.receiveData(Self.readID, at: now).isEmpty)
    }

    @Test func `the regulator reads back what it does`() {
        var board = EmulatedBoard.bitaxeGamma(reportZeroBits: 20, seed: 1)
        let voltage = "0900 11 00 05 40 24 8B 02"
        let status = "0900 12 00 05 40 24 79 02"
        #expect(Self.control(&board, [voltage, status]) == [hex("0200 11 0000"), hex("0200 12 4008")])
        _ = Self.control(&board, Self.powerOn)
        // 0x024D steps of 2^-9 V are 1.150 V.
        #expect(Self.control(&board, [voltage, status]) == [hex("0200 11 4D02"), hex("0200 12 0000")])
        #expect(board.coreVoltage.map { abs($0.volts - 1.15) < 0.001 } == true)
        // 2.5 V is beyond VOUT_MAX.
        _ = Self.control(&board, ["0A00 13 00 05 20 24 21 00 05"])
        #expect(board.coreVoltage == .volts(2))
        // READ_VIN, LINEAR11: 0xD140 is 320 * 2^-6 V.
        #expect(Self.control(&board, ["0900 14 00 05 40 24 88 02"]) == [hex("0200 14 40D1")])
        #expect(Self.control(&board, ["0900 15 00 05 40 24 20 01"]) == [hex("0100 15 17")])
    }

    @Test func `without listening to OPERATION the regulator stays off`() {
        var board = EmulatedBoard.bitaxeGamma(reportZeroBits: 20, seed: 1)
        _ = Self.control(&board, Self.powerOn.enumerated().filter { $0.offset != 1 }.map(\.element))
        #expect(board.coreVoltage == .volts(0))
    }

    @Test func `storing to the regulator's memory is its end`() {
        var board = EmulatedBoard.bitaxeGamma(reportZeroBits: 20, seed: 1)
        _ = Self.control(&board, Self.powerOn)
        _ = Self.control(&board, ["0800 16 00 05 20 24 15"])
        #expect(board.coreVoltage == .volts(0))
        #expect(
            Self.control(&board, ["0900 17 00 05 40 24 AD 07"])[0].dropFirst(2).starts(with: [0x17, 0xFF]))
    }

    @Test(arguments: [ControlResponseFormat.v0, .v1])
    func `an EmberOne00 needs both of its power pins`(format: ControlResponseFormat) {
        var board = EmulatedBoard.emberOne00(format: format, reportZeroBits: 20, seed: 1)
        let now = Instant(nanoseconds: 0)
        func high(_ pin: String) -> [[UInt8]] { Self.control(&board, ["0700 21 00 06 \(pin) 01"]) }
        #expect(board.receiveData(Self.readID, at: now).isEmpty)
        #expect(high("02") == [format == .v0 ? hex("0100 21 01") : hex("0500 21 00 01")])
        #expect(board.receiveData(Self.readID, at: now).isEmpty)
        _ = high("01")
        #expect(
            board.receiveData(Self.readID, at: now).map(\.bytes)
                == Array(repeating: hex("AA55 13620300 00 00 0D"), count: 12))
        _ = Self.control(&board, ["0700 22 00 06 00 00"])
        #expect(board.receiveData(Self.readID, at: now).isEmpty)
        #expect(
            Self.control(&board, ["0700 23 00 06 07 01"]) == [
                format == .v0 ? hex("0400 FF 11") : hex("0400 23 11")
            ])
    }

    @Test func `a packet in pieces is thrown away after 4 ms without a byte`() {
        var board = EmulatedBoard.bitaxeGamma(reportZeroBits: 20, seed: 1)
        func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }
        #expect(board.receiveControl(hex("0600 01 00"), at: at(0)).isEmpty)
        #expect(board.receiveControl(hex("06 00"), at: at(4)).count == 1)
        #expect(board.receiveControl(hex("0600 02 00"), at: at(100)).isEmpty)
        #expect(board.receiveControl(hex("06 00"), at: at(105)).isEmpty)
        #expect(
            board.receiveControl(hex("0600 03 00 06 00"), at: at(200)).map(\.bytes) == [hex("0100 03 01")])
    }

    @Test func `of two requests in one transfer the second waits for more bytes`() {
        var board = EmulatedBoard.bitaxeGamma(reportZeroBits: 20, seed: 1)
        let two = hex("0600 01 00 06 00 0600 02 00 06 00")
        #expect(board.receiveControl(two, at: Instant(nanoseconds: 0)).map(\.bytes) == [hex("0100 01 01")])
        #expect(
            board.receiveControl([6], at: Instant(nanoseconds: 1_000_000)).map(\.bytes) == [hex("0100 02 01")]
        )
    }

    @Test func `any bytes on the control port are answered or ignored`() {
        var chance = SplitMix64(seed: 4)
        var board = EmulatedBoard.emberOne00(format: .v1, reportZeroBits: 20, seed: 1)
        for round in 0..<3000 {
            var packet = chance.bytes(Int.random(in: 1...40, using: &chance))
            if round % 2 == 0, packet.count > 5 {
                packet[0] = UInt8(packet.count)
                packet[1] = 0
                packet[4] = UInt8.random(in: 4...9, using: &chance)
            }
            let now = Instant(nanoseconds: Int64(round) * 10_000_000)
            for output in board.receiveControl(packet, at: now) {
                #expect(output.bytes.count >= 4 && output.at >= now)
            }
            _ = board.receiveData(packet, at: now)
        }
    }

    @Test func `a Gamma mines from a cold start through its ports alone`() {
        var board = EmulatedBoard.bitaxeGamma(reportZeroBits: 8, seed: 2)
        _ = Self.control(&board, Self.powerOn)
        var now = Instant(nanoseconds: 1_000_000_000)
        let job = someJob(3)
        let commands: [ChipCommand] = [
            .write(register: 0xA4, value: 0x9000_FFFF, to: .everyChip), .chainInactive, .setAddress(0),
            .write(register: 0x18, value: 0xF000_C100, to: .everyChip),
            .write(register: 0x3C, value: 0x8000_82AA, to: .everyChip),
            .write(register: 0x10, value: 0x000C_2FB7, to: .everyChip), .job(job),
        ]
        for command in commands { #expect(board.receiveData(command.wireBytes(), at: now).isEmpty) }
        var nonces = [NonceResponse]()
        while nonces.count < 20, let unit = board.nextSearch(budget: 2000) {
            now = now + .milliseconds(10)
            nonces += board.finished(unit, hits: run(unit), at: now).compactMap { nonce($0.bytes) }
        }
        #expect(nonces.count >= 20 && nonces.allSatisfy { zeroBits(job, $0) >= 8 })
        #expect(board.hashRate > .zero)
        _ = Self.control(&board, ["0900 09 00 05 20 24 01 00"], from: 9_000_000_000)
        #expect(board.hashRate == .zero && board.nextSearch(budget: 1) == nil)
    }
}

@Suite struct FaultyPortTests {
    private static func replies(_ fault: PortFault) -> (sent: [EmulatedOutput], got: [EmulatedOutput]) {
        var chain = EmulatedChain(.bm1370(chips: 5, reportZeroBits: 20, seed: 1))
        var port = FaultyPort(fault, seed: 3)
        let sent = chain.receive(BoardTests.readID, at: Instant(nanoseconds: 0))
        return (sent, port.pass(sent))
    }

    @Test func `garbage has the right length and no frame in it`() {
        let (sent, got) = Self.replies(.garbage)
        #expect(got.map(\.bytes.count) == sent.map(\.bytes.count) && got.map(\.at) == sent.map(\.at))
        #expect(got.allSatisfy { decodeResponse($0.bytes[...], .short) == .skip(1) })
    }

    @Test func `half a frame is the start of one`() {
        let (sent, got) = Self.replies(.halfFrames)
        #expect(
            zip(sent, got).allSatisfy {
                $0.bytes.starts(with: $1.bytes) && $1.bytes.count < 9 && !$1.bytes.isEmpty
            })
        #expect(got.count == 5)
    }

    @Test func `another chip's frames are good frames`() {
        let (_, got) = Self.replies(.otherChip(0x1366))
        #expect(got.map(\.bytes) == Array(repeating: got[0].bytes, count: 5))
        let expected = RegisterValue(value: 0x1366_0000, chipAddress: 0, register: 0)
        #expect(decodeResponse(got[0].bytes[...], .short) == .frame(.register(expected), length: 9))
    }

    @Test func `silence is silence`() { #expect(Self.replies(.silent).got.isEmpty) }
}
