import ASICWire
@testable import Emulator
import TestSupport
import Testing
import Units

/// The emulator against what was recorded of real chips and boards. Facts: `hardware/vectors`.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct EmulatorConformanceTests {
    static func parameters(_ chip: String, chips: Int, seed: UInt64 = 1) -> EmulatedChainParameters? {
        let name = chip == "BM1372/BM1373" ? "BM1372" : chip
        return EmulatedModel(named: name).map {
            EmulatedChainParameters($0, chips: chips, reportZeroBits: 32, seed: seed)
        }
    }

    // MARK: Start-up transcripts

    struct Transcripts: Decodable {
        struct Transcript: Decodable {
            struct Step: Decodable {
                var dir: String
                var frame: String?
                var action: String?
                var wait_ms: Int?
            }
            var name: String
            var chip: String
            var chips: Int
            var steps: [Step]
        }
        var transcripts: [Transcript]
    }

    /// Every list of both files, whoever wrote it down.
    private static func transcripts() throws -> [Transcripts.Transcript] {
        try ["init_transcripts", "init_transcripts_factory"].flatMap {
            try Shared.json(Transcripts.self, "hardware/vectors/\($0).json").transcripts
        }
    }

    /// What the emulated chip answers where a list has a read but not its answer: PLLs read back, locked, in the
    /// 9-byte form. 25 MHz * 0x78 / (2 * 5 * 1) = 300 MHz on the Compac A1, and so on.
    private static let unrecorded: [String: [String]] = [
        "bm1362_compac_a1": ["C0780240 00 08", "C0780240 80 08"],
        "bm1397_compacf": ["C0A00225 00 08"],
        "bm1397_r909": [
            "C0A00225 00 08", "C0A00225 2A 08", "C0A00225 54 08", "C0A00225 7E 08", "C0A00225 A8 08",
            "C0A00225 D2 08",
        ],
        "bm1370_compac_a2": [
            "00011111 00 58", "00011111 80 58", "0001F111 80 58", "0001F111 00 58", "C0780240 00 08",
            "C0780240 80 08", "00130007 00 2C", "00130007 00 2C", "F000C100 00 18", "F000C100 80 18",
        ],
    ]

    @Test func `every start-up sequence is understood frame by frame, and answered as recorded`() throws {
        let all = try Self.transcripts()
        #expect(all.count == 18)
        var answered = 0
        for transcript in all { answered += try Self.replay(transcript) }
        #expect(answered == 213)
    }

    /// - Returns: how many recorded answers were compared.
    private static func replay(_ transcript: Transcripts.Transcript) throws -> Int {
        var chain = EmulatedChain(try #require(Self.parameters(transcript.chip, chips: transcript.chips)))
        var now = Instant(nanoseconds: 0)
        var answers = [[UInt8]]()
        var recorded = [[UInt8]]()
        var written = 0
        for step in transcript.steps {
            if let rate = hostRate(step.action ?? "") { chain.setHostBaud(rate) }
            if let frame = step.frame, step.dir == "rx" { recorded.append(hex(frame)) }
            if let frame = step.frame, step.dir == "tx" {
                answers += chain.receive(hex(frame), at: now).map(\.bytes)
                written += try Self.expectWritten(hex(frame), chain)
            }
            now = now + .milliseconds(Int64(step.wait_ms ?? 0) + 200)
        }
        #expect(written >= 5, "\(transcript.name)")
        if let expected = unrecorded[transcript.name] {
            #expect(answers.map { Array($0[2..<8]) } == expected.map(hex), "\(transcript.name)")
        } else {
            #expect(answers == recorded, "\(transcript.name)")
        }
        return recorded.count
    }

    /// What the lists say of the host's own rate.
    private static func hostRate(_ action: String) -> BaudRate? {
        for (text, rate) in [("1000000", 1_000_000), ("3125000", 3_125_000), ("3000000", 3_000_000)]
        where action.contains(text) {
            return BaudRate(UInt32(rate))
        }
        return action.contains("divisor 2") ? BaudRate(1_500_000) : nil
    }

    /// A write must be found in the registers of the chips it was for. Gives the number of writes seen.
    private static func expectWritten(_ frame: [UInt8], _ chain: EmulatedChain) throws -> Int {
        let model = chain.parameters.model
        guard
            case .frame(let command, let length) = decodeCommand(frame[...], model.dialect, jobs: model.jobs)
        else {
            return 0  // one list has a malformed frame on purpose, and says so
        }
        #expect(length == frame.count)
        guard case .write(let register, let value, let recipient) = command else { return 0 }
        let chips = chain.chips.filter { $0.answers(to: recipient) }
        for chip in chips { #expect(chip.value(of: register) & 0x7fff_ffff == value & 0x7fff_ffff) }
        return chips.count
    }

    // MARK: Register replies

    struct Responses: Decodable {
        struct Response: Decodable {
            struct Fields: Decodable {
                var kind: String
                var value_hex: String?
                var chip_address: UInt8?
                var register: UInt8?
            }
            var frame: String
            var chip: String
            var decoded: Fields
        }
        var responses: [Response]
    }

    @Test func `register replies are the recorded ones, byte for byte`() throws {
        let all = try Shared.json(Responses.self, "hardware/vectors/responses.json").responses
        var compared = 0
        for response in all where response.decoded.kind == "register" {
            let recorded = hex(response.frame)
            let address = try #require(response.decoded.chip_address)
            var parameters = try #require(Self.parameters(response.chip, chips: 126))
            // The one captured temperature is 53.45 degrees.
            parameters.faults = [Fault(.stuckTemperature(53.45))]
            var chain = EmulatedChain(parameters)
            var now = Instant(nanoseconds: 0)
            func send(_ command: ChipCommand) -> [[UInt8]] {
                now = now + .milliseconds(200)
                return chain.receive(command.wireBytes(), at: now).map(\.bytes)
            }
            if recorded.count == 11 { _ = send(.write(register: 0xA4, value: 0x9000_FFFF, to: .everyChip)) }
            if address != 0 {
                _ = send(.chainInactive)
                for index in 0..<126 { _ = send(.setAddress(UInt8(2 * index))) }
            }
            for value: UInt32 in [0x0002_0000, 0x0102_0000, 0x1002_0000] where response.chip == "BM1368" {
                _ = send(.write(register: 0xB0, value: value, to: .everyChip))
            }
            let replies = send(.read(register: try #require(response.decoded.register), from: .chip(address)))
            #expect(replies == Array(repeating: recorded, count: address == 0 ? 126 : 1))
            compared += 1
        }
        #expect(compared == 15)
    }

    struct OldResponses: Decodable {
        struct Vector: Decodable {
            var kind: String
            var chip: String
            var bytes: String
            var is_nonce: Bool?
            var value: String?
        }
        var vectors: [Vector]
    }

    @Test func `a BM1387 answers as recorded, in its own form`() throws {
        let all = try Shared.json(OldResponses.self, "hardware/vectors/bm1387_bm1391.json").vectors
        let recorded = all.filter { $0.chip == "BM1387" && $0.kind == "response" && $0.is_nonce == false }
        #expect(recorded.count == 8)
        var chain = EmulatedChain(try #require(Self.parameters("BM1387", chips: 63)))
        var now = Instant(nanoseconds: 0)
        func send(_ bytes: [UInt8]) -> [[UInt8]] {
            now = now + .milliseconds(200)
            return chain.receive(bytes, at: now).map(\.bytes)
        }
        // The commands of the same file, addresses and all, are taken.
        for vector in all where vector.chip == "BM1387" && vector.kind == "command" {
            #expect(send(hex(vector.bytes)).count == (vector.bytes == "5405000019" ? 63 : 0))
        }
        #expect(send(ChipCommand.chainInactive.wireBytes(.bare)).isEmpty)
        for index in 0..<63 { _ = send(ChipCommand.setAddress(UInt8(4 * index)).wireBytes(.bare)) }
        let identities = send(hex("5405000019"))
        #expect(identities.count == 63)
        for vector in recorded { #expect(identities.contains(hex(vector.bytes)), "\(vector.bytes)") }
    }

    // MARK: Control port

    struct ControlPackets: Decodable {
        struct Entry: Decodable {
            var description: String
            var request: String?
            var response_v0: String?
            var response_v1: String?
        }
        var entries: [Entry]
    }

    /// What the answers of the file call illustrative: devices that give those bytes.
    private static func board(_ format: ControlResponseFormat) -> EmulatedBoard {
        let bus = I2CBus([
            0x24: .tps546(TPS546(input: .volts(5))), 0x4C: .registers(RegisterFile([0: 0x19, 0xFD: 0x16])),
            0x4F: .registers(RegisterFile([:])), 0x32: .registers(RegisterFile([0xFE: 0x12, 0xFF: 0x34])),
        ])
        return EmulatedBoard(
            .emberOne00, format: format, bus: bus, pins: [0: true, 1: false, 2: false],
            analog: [0x50: 0x0ABC, 0x51: 0x0555], chain: .bm1362(chips: 12, reportZeroBits: 32, seed: 1))
    }

    /// Entries that another firmware answers, or that show a made-up text.
    private static let elsewhere: Set<String> = [
        "fan duty 50 of 255 (bitaxe-raw build with page 08 fan)",
        "fan RPM (same build; answer takes about 1 s)",
        "V1 custom error bad",
    ]

    @Test(arguments: [ControlResponseFormat.v0, .v1])
    func `control requests are answered as recorded`(format: ControlResponseFormat) throws {
        let entries = try Shared.json(ControlPackets.self, "hardware/vectors/bitaxe_raw.json").entries
        var board = Self.board(format)
        var compared = 0
        for (index, entry) in entries.enumerated() where !Self.elsewhere.contains(entry.description) {
            guard let request = entry.request,
                let response = format == .v0 ? entry.response_v0 : entry.response_v1
            else { continue }
            let now = Instant(nanoseconds: Int64(index) * 100_000_000)
            #expect(
                board.receiveControl(hex(request), at: now).map(\.bytes) == [hex(response)],
                "\(entry.description)")
            compared += 1
        }
        #expect(compared == (format == .v0 ? 20 : 19))
    }
}
