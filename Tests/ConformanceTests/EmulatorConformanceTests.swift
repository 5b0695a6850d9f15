import ASICWire
@testable import Emulator
import TestSupport
import Testing
import Units

/// The emulator against what was recorded of real chips and boards. Facts: `hardware/vectors`.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct EmulatorConformanceTests {
    private static func parameters(_ chip: String, chips: Int, seed: UInt64 = 1) -> EmulatedChainParameters? {
        switch chip {
        case "BM1370": .bm1370(chips: chips, reportZeroBits: 32, seed: seed)
        case "BM1362": .bm1362(chips: chips, reportZeroBits: 32, seed: seed)
        case _: nil
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

    @Test(arguments: [
        ("init_transcripts", "bm1370_gamma"), ("init_transcripts", "bm1370_gammaturbo"),
        ("init_transcripts", "bm1362_compac_a1"), ("init_transcripts_factory", "bm1370_s21pro_factory"),
        ("init_transcripts_factory", "bm1362_s19jpro_factory"),
    ])
    func `a start-up sequence is understood frame by frame, and answered as recorded`(
        file: String, name: String
    ) throws {
        let all = try Shared.json(Transcripts.self, "hardware/vectors/\(file).json").transcripts
        let transcript = try #require(all.first { $0.name == name })
        var chain = EmulatedChain(try #require(Self.parameters(transcript.chip, chips: transcript.chips)))
        var now = Instant(nanoseconds: 0)
        var answers = [[UInt8]]()
        var recorded = [[UInt8]]()
        var written = 0
        for step in transcript.steps {
            if step.action?.contains("switch host to 1000000") == true {
                chain.setHostBaud(BaudRate(1_000_000))
            }
            if step.action?.contains("3125000") == true { chain.setHostBaud(BaudRate(3_125_000)) }
            if let frame = step.frame, step.dir == "rx" { recorded.append(hex(frame)) }
            if let frame = step.frame, step.dir == "tx" {
                answers += chain.receive(hex(frame), at: now).map(\.bytes)
                written += try Self.expectWritten(hex(frame), chain)
            }
            now = now + .milliseconds(Int64(step.wait_ms ?? 0) + 200)
        }
        #expect(written > 10)
        if name == "bm1362_compac_a1" {
            // The list has a read of the PLL but not its answer: 25 MHz * 0x78 / (2 * 5 * 1) = 300 MHz,
            // locked, and still in the 9-byte form.
            #expect(answers.map { Array($0[2..<8]) } == [hex("C0780240 00 08"), hex("C0780240 80 08")])
        } else {
            #expect(!recorded.isEmpty && answers == recorded)
        }
    }

    /// A write must be found in the registers of the chips it was for. Gives the number of writes seen.
    private static func expectWritten(_ frame: [UInt8], _ chain: EmulatedChain) throws -> Int {
        guard case .frame(let command, let length) = decodeCommand(frame[...]) else {
            Issue.record("not a command: \(frame)")
            return 0
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
            guard let parameters = Self.parameters(response.chip, chips: 126) else { continue }
            let address = try #require(response.decoded.chip_address)
            var chain = EmulatedChain(parameters)
            var now = Instant(nanoseconds: 0)
            func send(_ command: ChipCommand) -> [[UInt8]] {
                now = now + .milliseconds(200)
                return chain.receive(command.wireBytes, at: now).map(\.bytes)
            }
            let recorded = hex(response.frame)
            if recorded.count == 11 { _ = send(.write(register: 0xA4, value: 0x9000_FFFF, to: .everyChip)) }
            if address != 0 {
                _ = send(.chainInactive)
                for index in 0..<126 { _ = send(.setAddress(UInt8(2 * index))) }
            }
            let replies = send(.read(register: try #require(response.decoded.register), from: .chip(address)))
            #expect(replies == Array(repeating: recorded, count: address == 0 ? 126 : 1))
            compared += 1
        }
        #expect(compared == 11)
    }

    // MARK: Jobs and their answers

    struct Answers: Decodable {
        struct Vector: Decodable {
            var id: String
            var chip: String
            var frames: String
            var job_frame: String?
            var response: String?
            var ticket_difficulty: UInt32?
            var header: String?
        }
        var vectors: [Vector]
    }

    private static func vectors() throws -> [Answers.Vector] {
        try Shared.json(Answers.self, "hardware/vectors/nonce_end_to_end.json").vectors
    }

    /// The frames that one chip, reporting from 32 zero bits as real ones do, sends for the hundred rows
    /// around a known answer.
    private static func search(
        _ parameters: EmulatedChainParameters, job: [UInt8], ticket: UInt32, version: UInt16, nonce: UInt32
    ) -> [[UInt8]] {
        var chain = EmulatedChain(parameters)
        var now = Instant(nanoseconds: 0)
        let writes: [(UInt8, UInt32)] = [
            (0xA4, 0x9000_FFFF), (0x18, 0xF000_C100), (0x3C, 0x8000_82AA), (0x14, ticket),
            (0x08, 0x40A8_0230),
            (0x10, parameters.model == .bm1370 ? 0x000C_2FB7 : 0),
        ]
        for (register, value) in writes {
            _ = chain.receive(
                ChipCommand.write(register: register, value: value, to: .everyChip).wireBytes, at: now)
        }
        _ = chain.receive(job, at: now)
        // Fifty rows before the answer; the counter is in the low 25 bits of the nonce's other byte order.
        let early = (nonce.byteSwapped & 0xfe00_0000) | ((nonce.byteSwapped &- 50) & 0x01ff_ffff)
        chain.seek(version: version, nonce: early.byteSwapped)
        var frames = [[UInt8]]()
        var hashes: UInt64 = 0
        while hashes < 100 * 256, let unit = chain.nextSearch(budget: 4096) {
            now = now + .milliseconds(100)
            frames += chain.finished(unit, hits: run(unit), at: now).map(\.bytes)
            hashes += unit.hashes
        }
        return frames
    }

    /// The register for a power of two (bm13xx.md §8).
    private static func ticketRegister(_ difficulty: UInt32) -> UInt32 { difficulty == 256 ? 0xFF : 0 }

    @Test func `a BM1370 with a real job finds the captured nonce, and answers with the captured bytes`()
        throws
    {
        let vector = try #require(try Self.vectors().first { $0.id == "bm1370-gamma-share" })
        let response = hex(try #require(vector.response))
        for seed: UInt64 in 1...3 {
            let frames = Self.search(
                .bm1370(chips: 1, reportZeroBits: 32, seed: seed), job: hex(try #require(vector.job_frame)),
                ticket: Self.ticketRegister(try #require(vector.ticket_difficulty)), version: 0x05A2,
                nonce: 0x7552_034C)
            #expect(frames == [response])
        }
    }

    /// No answer of a BM1362 was recorded together with its job. The BM1366's were, and the two share all
    /// that matters here: the id byte, the excess byte, eight sub-cores, and the counter (bm13xx.md §10,
    /// §11.1).
    @Test func `a BM1362 finds the nonces captured of its sister, and answers with their bytes`() throws {
        var found = 0
        for vector in try Self.vectors() where vector.id.hasPrefix("bm1366-testnet") {
            let response = hex(try #require(vector.response))
            guard case .frame(.nonce(let nonce), 11) = decodeResponse(response[...], .long) else {
                Issue.record("\(vector.id) is not a nonce")
                continue
            }
            let frames = Self.search(
                .bm1362(chips: 1, reportZeroBits: 32, seed: 1), job: hex(try #require(vector.job_frame)),
                ticket: Self.ticketRegister(try #require(vector.ticket_difficulty)),
                version: nonce.versionCounter,
                nonce: nonce.nonce)
            #expect(frames == [response])
            found += 1
        }
        #expect(found == 4)
    }

    @Test(arguments: ["BM1370", "BM1362"])
    func `given the genesis block as a job, a chip finds its nonce`(chip: String) throws {
        let vector = try #require(try Self.vectors().first { $0.id == "genesis" })
        let frames = Self.search(
            try #require(Self.parameters(chip, chips: 1)), job: hex(try #require(vector.job_frame)),
            ticket: 0xFF,
            version: 0, nonce: 0x7C2B_AC1D)
        #expect(frames.map { Array($0[2..<6]) } == [Array(hex(try #require(vector.header))[76...])])
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
