import ASICWire
@testable import Emulator
import TestSupport
import Testing
import Units

/// Every nonce of `nonce_end_to_end.json`: the emulated chip, given the job and a search window around the known
/// version and nonce, reports the bytes of the file, and nothing else.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct EmulatorAnswerTests {
    struct Answers: Decodable {
        struct Vector: Decodable {
            var id: String
            var chip: String
            var captured: Bool
            var frames: String
            var job_frame: String?
            var derived_job_frame: String?
            var response: String?
            var derived_response: String?
            var expected_nonce_bytes: String?
            var ticket_difficulty: UInt32?
            var header: String?
        }
        var vectors: [Vector]
    }

    private static func vectors() throws -> [Answers.Vector] {
        try Shared.json(Answers.self, "hardware/vectors/nonce_end_to_end.json").vectors
    }

    /// Counter values before the answer at which the search begins, and after it at which it ends.
    private static let window: UInt32 = 12

    /// The frames that one chip, reporting from 32 zero bits as real ones do, sends for the rows around an answer.
    ///
    /// - Parameters:
    ///   - version: counter of the version, or index of the midstate.
    ///   - nonce: as a number in the header's little-endian field.
    private static func search(
        _ model: EmulatedModel, job: [UInt8], ticket: UInt32, version: UInt16, nonce: UInt32, seed: UInt64 = 1
    ) -> [[UInt8]] {
        var chain = EmulatedChain(EmulatedChainParameters(model, chips: 1, reportZeroBits: 32, seed: seed))
        var now = Instant(nanoseconds: 0)
        func send(_ bytes: [UInt8]) { _ = chain.receive(bytes, at: now) }
        let registers = model.registers
        // PLL words for 525, 425 and 650 MHz.
        let pll: UInt32
        switch model.clock {
        case .minusOne: pll = 0x40A8_0230
        case .rawDivided: pll = 0x4044_0141
        case .rawBare: pll = 0x0068_0221
        }
        var writes: [(UInt8, UInt32)] = [(registers.ticketMask, ticket), (registers.pll0, pll)]
        if model.rollsVersions {
            writes += [(0xA4, 0x9000_FFFF), (0x18, 0xF000_C100), (0x3C, 0x8000_82AA), (0x10, 0x000C_2FB7)]
        } else {
            writes += model == .bm1387 ? [(0x1C, 0x4020_9A80)] : [(0x3C, 0x8000_8074)]
        }
        for (register, value) in writes {
            send(ChipCommand.write(register: register, value: value, to: .everyChip).wireBytes(model.dialect))
        }
        if model == .bm1387 {
            let dummy = MidstateJob(
                jobByte: 0, bits: .max, time: .max, merkleTail: .init(repeating: 0xff),
                midstates: [.init(repeating: 0)])
            for _ in 0..<114 { send(ChipCommand.midstateJob(dummy).wireBytes(.bare)) }
        }
        send(job)
        let counter = (model.layout.counter(of: nonce) &- window) % model.layout.counterValues
        chain.seek(version: version, nonce: model.layout.nonce(core: 0, smallCore: 0, counter: counter))
        var frames = [[UInt8]]()
        var hashes: UInt64 = 0
        guard let work = chain.chips[0].work else { return [] }
        let rows = UInt64(2 * window * work.shape.lanes)
        while hashes < rows * work.plan.hashesPerRow, let unit = chain.nextSearch(budget: 4096) {
            now = now + .milliseconds(100)
            frames += chain.finished(unit, hits: run(unit), at: now).map(\.bytes)
            hashes += unit.hashes
        }
        return frames
    }

    /// The register for a power of two (bm13xx.md §8).
    private static func ticketRegister(_ difficulty: UInt32) -> UInt32 { difficulty == 256 ? 0xFF : 0 }

    @Test func `a chip with a real job finds the captured nonce, and answers with the captured bytes`() throws
    {
        var found: [String: Int] = [:]
        for vector in try Self.vectors() where vector.frames == "captured" {
            let model = try #require(EmulatedModel(named: vector.chip))
            let response = hex(try #require(vector.response))
            guard case .frame(.nonce(let nonce), 11) = decodeResponse(response[...], .long) else {
                Issue.record("\(vector.id) is not a nonce")
                continue
            }
            for seed: UInt64 in 1...3 {
                let frames = Self.search(
                    model, job: hex(try #require(vector.job_frame)),
                    ticket: Self.ticketRegister(try #require(vector.ticket_difficulty)),
                    version: nonce.versionCounter, nonce: nonce.nonce, seed: seed)
                #expect(frames == [response], "\(vector.id)")
            }
            found[vector.chip, default: 0] += 1
        }
        #expect(found == ["BM1370": 1, "BM1368": 1, "BM1366": 4])
    }

    /// Nonces seen on hardware, with frames that the file has built around them: 14 shares of a mainnet block on a
    /// BM1366, 20 that a BM1397 had accepted by a pool.
    @Test func `a chip finds every other nonce that was seen on hardware`() throws {
        var found: [String: Int] = [:]
        for vector in try Self.vectors() where vector.captured && vector.frames == "constructed" {
            let model = try #require(EmulatedModel(named: vector.chip))
            let response = hex(try #require(vector.derived_response))
            let (version, ticket): (UInt16, UInt32)
            guard
                case .frame(.nonce(let nonce), _) = decodeResponse(
                    response[...], model.rollsVersions ? .long : .short)
            else {
                Issue.record("\(vector.id) is not a nonce")
                continue
            }
            (version, ticket) =
                model.rollsVersions ? (nonce.versionCounter, 256) : (UInt16(nonce.jobByte & 3), 1)
            let frames = Self.search(
                model, job: hex(try #require(vector.derived_job_frame)), ticket: Self.ticketRegister(ticket),
                version: version, nonce: nonce.nonce)
            #expect(frames == [response], "\(vector.id)")
            found[vector.chip, default: 0] += 1
        }
        #expect(found == ["BM1366": 14, "BM1397": 20])
    }

    @Test func `a BM1397 with a known job answers with the expected bytes`() throws {
        let vector = try #require(try Self.vectors().first { $0.id == "bm1397-work1" })
        // Midstate 2 of four, the other three being zero.
        let frames = Self.search(
            .bm1397, job: hex(try #require(vector.job_frame)), ticket: 0xFF, version: 2, nonce: 0x0A4C_049B)
        #expect(frames == [hex(try #require(vector.derived_response))])
    }

    /// Midstate jobs of three blocks; core 117, which found one of them, is more than a BM1387 has.
    @Test(arguments: ["BM1397", "BM1387"])
    func `a midstate chip finds the nonce of a known block, if one of its cores reaches it`(chip: String)
        throws
    {
        let model = try #require(EmulatedModel(named: chip))
        var found = 0
        for vector in try Self.vectors() where vector.chip == "midstate chips" {
            let preambled = hex(try #require(vector.derived_job_frame))
            let job = model.dialect == .bare ? Array(preambled[2...]) : preambled
            let bytes = hex(try #require(vector.expected_nonce_bytes))
            let nonce = bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let again = model.layout.nonce(
                core: model.layout.core(of: nonce),
                smallCore: Int(nonce.byteSwapped >> 22 & 3), counter: model.layout.counter(of: nonce))
            let isReached = model.layout.core(of: nonce) < model.cores && again == nonce
            let frames = Self.search(model, job: job, ticket: 0xFF, version: 0, nonce: nonce)
            let place = model.dialect == .bare ? 0..<4 : 2..<6
            #expect(frames.map { Array($0[place]) } == (isReached ? [bytes] : []), "\(vector.id)")
            found += isReached ? 1 : 0
        }
        #expect(found == (chip == "BM1397" ? 3 : 2))
    }

    @Test(arguments: ["BM1362", "BM1366", "BM1368", "BM1370", "BM1372", "BM1373"])
    func `given the genesis block as a job, a chip finds its nonce`(chip: String) throws {
        let vector = try #require(try Self.vectors().first { $0.id == "genesis" })
        let frames = Self.search(
            try #require(EmulatedModel(named: chip)), job: hex(try #require(vector.job_frame)), ticket: 0xFF,
            version: 0, nonce: 0x7C2B_AC1D)
        #expect(frames.map { Array($0[2..<6]) } == [Array(hex(try #require(vector.header))[76...])])
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
                .bm1362, job: hex(try #require(vector.job_frame)), ticket: 0, version: nonce.versionCounter,
                nonce: nonce.nonce)
            #expect(frames == [response])
            found += 1
        }
        #expect(found == 4)
    }
}
