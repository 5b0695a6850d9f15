import ASICChips
import ASICWire
import BitcoinPrimitives
import Foundation
import TestSupport
import Testing
import Units

/// The models as their data files describe them; ASICChipsTests compares the numbers with those files.
enum ChipsUnderTest {
    static let bm1370 = BM1370(facts: facts("BM1370", 0x1370, cores: 128, subCores: 16, hashUnits: 2040))
    static let bm1362 = BM1362(facts: facts("BM1362", 0x1362, cores: 65, subCores: 8, hashUnits: 514))

    private static func facts(_ name: String, _ id: UInt16, cores: Int, subCores: Int, hashUnits: Int)
        -> ChipFacts
    {
        ChipFacts(
            name: name, chipID: id, cores: cores, subCores: subCores, hashUnits: hashUnits,
            minimumFrequency: .megahertz(100), maximumFrequency: .megahertz(800),
            defaultFrequency: .megahertz(525), coreVoltage: nil, maximumChips: 128, jobSlots: 16,
            initialResponseBytes: 9, responseBytes: 11, unproven: [], source: "test")
    }

    static func model(_ name: String) -> (any ChipModel)? {
        name == "BM1370" ? bm1370 : name == "BM1362" ? bm1362 : nil
    }
}

/// Encodings and decodings of the BM1370 and BM1362 against `hardware/vectors`.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct ASICChipsVectors {
    // MARK: pll.json

    struct PLLFile: Decodable {
        struct Captured: Decodable {
            var register: String, fbdiv: Int, refdiv: Int, postdiv1: Int, postdiv2: Int, mhz: Double,
                chip: String
        }
        struct Solution: Decodable {
            var chip: String, target_mhz: Double, fbdiv: Int, refdiv: Int, postdiv1: Int, postdiv2: Int
            var actual_mhz: Double, register: String, frame: String
        }
        struct Gekko: Decodable { var chip: String, target_mhz: Double, actual_mhz: Double }
        var captured: [Captured]
        var esp_miner_solutions: [Solution]
        var gekko_solutions: [Gekko]
    }

    private static func pll() throws -> PLLFile { try Shared.json(PLLFile.self, "hardware/vectors/pll.json") }

    /// Two entries of a list in ESP-Miner's source, with the oscillator at 2800 MHz and bit 28 clear. The
    /// captures of an S21 Pro (2400 MHz) and a Bitaxe (2625 MHz) have it set, and so do all other entries of
    /// that list.
    private static let unflagged = ["40e00260", "40e00263"]

    @Test func `the dividers of every captured clock encode to its register`() throws {
        let captured = try Self.pll().captured.filter { ChipsUnderTest.model($0.chip) != nil }
        #expect(captured.count >= 10)
        for one in captured {
            let setting = ClockSetting(
                feedback: one.fbdiv, reference: one.refdiv, postDivider1: one.postdiv1,
                postDivider2: one.postdiv2)
            #expect(setting.frequency == .megahertz(one.mhz))
            if Self.unflagged.contains(one.register) {
                #expect(setting.registerValue ^ 0x1000_0000 == number(one.register), "\(one.register)")
            } else {
                #expect(setting.registerValue == number(one.register), "\(one.register)")
            }
        }
    }

    @Test func `the BM1370's search equals ESP-Miner's solutions`() throws {
        let solutions = try Self.pll().esp_miner_solutions.filter { $0.chip == "BM1370" }
        #expect(solutions.count >= 15)
        for one in solutions {
            let found = ChipsUnderTest.bm1370.clockLimits.setting(for: .megahertz(one.target_mhz))
            #expect(
                found
                    == ClockSetting(
                        feedback: one.fbdiv, reference: one.refdiv, postDivider1: one.postdiv1,
                        postDivider2: one.postdiv2), "\(one.target_mhz)")
            #expect(found?.frequency == .megahertz(one.actual_mhz))
            let step = try #require(found.map { BringUpStep.setClock($0) })
            #expect(step.command?.wireBytes == hex(one.frame))
        }
    }

    @Test func `the BM1362's search finds the clocks that gekko's formula finds, by other dividers`() throws {
        let solutions = try Self.pll().gekko_solutions.filter { $0.chip.contains("BM1362") }
        #expect(solutions.count >= 9)
        for one in solutions {
            let found = ChipsUnderTest.bm1362.clockLimits.setting(for: .megahertz(one.target_mhz))
            #expect(found?.frequency == .megahertz(one.actual_mhz), "\(one.target_mhz)")
        }
    }

    // MARK: derived_values.json

    struct DerivedFile: Decodable {
        struct Ticket: Decodable {
            var requested_difficulty: UInt32, effective_difficulty: UInt32, register: String, frame: String
        }
        struct Mask: Decodable { var pool_mask: String, register: String, frame: String }
        struct Counting: Decodable {
            struct Factory: Decodable { var chip: String, register: String, epoch_s: Double }
            struct Computed: Decodable {
                var method: String, chip: String, mhz: Double, chips: Int, hcn: UInt32, frame: String?
            }
            var factory: [Factory]
            var computed: [Computed]
        }
        struct Offsets: Decodable {
            struct Value: Decodable {
                var chips: Int, index: Int, address: UInt8, offset: String, frame: String
            }
            var values: [Value]
        }
        struct Baud: Decodable { var chip: String, register: String?, baud: Double }
        struct Interval: Decodable {
            var chips: Int, rule: String, interval: Int, addresses_first_last: [UInt8]
        }
        var ticket_mask: [Ticket]
        var version_mask: [Mask]
        var hash_counting_number: Counting
        var chip_nonce_offset_s21pro: Offsets
        var baud_divider: [Baud]
        var address_interval: [Interval]
    }

    private static func derived() throws -> DerivedFile {
        try Shared.json(DerivedFile.self, "hardware/vectors/derived_values.json")
    }

    @Test func `every ticket mask`() throws {
        let cases = try Self.derived().ticket_mask
        #expect(cases.count >= 18)
        for one in cases {
            let mask = try #require(TicketMask(difficulty: one.requested_difficulty))
            #expect(mask.registerValue == number(one.register))
            #expect(1 << mask.zeroBits == one.effective_difficulty)
            #expect(frame(.ticketMask, mask.registerValue) == hex(one.frame))
        }
    }

    @Test func `every version mask`() throws {
        let cases = try Self.derived().version_mask
        #expect(cases.count >= 6)
        for one in cases {
            let value = VersionRolling.registerValue(mask: try #require(number(one.pool_mask)))
            #expect(value == number(one.register))
            #expect(frame(.versionRolling, value) == hex(one.frame))
        }
    }

    @Test func `every computed counting number of these models, and the epochs of the factory's`() throws {
        let file = try Self.derived().hash_counting_number
        var checked = 0
        for one in file.computed {
            guard let model = ChipsUnderTest.model(one.chip) else { continue }
            let clock = try #require(model.clockLimits.setting(for: .megahertz(one.mhz)))
            // Both methods share the counter by the next power of two; where we do not, the slice says so.
            let shared = (1 << 25) / UInt32(nextPowerOfTwo(one.chips))
            let counts = one.method == "ESP-Miner" ? 268 as UInt32 : 200
            let counting = HashCounting(
                slice: shared, clock: clock, countingGuard: counts, versions: 65_536,
                subCores: model.facts.subCores)
            #expect(counting.registerValue == one.hcn, "\(one.chip) \(one.mhz) \(one.chips)")
            if let text = one.frame {
                #expect(frame(.hashCountingNumber, counting.registerValue) == hex(text))
            }
            // And what the models themselves ask for, where the rule is the same.
            let layout = try #require(ChainLayout(chips: one.chips, rule: .powerOfTwoShare))
            let ours = model.hashCounting(layout, clock: clock, versionMask: VersionRolling.bits)
            if nextPowerOfTwo(one.chips) == one.chips || one.chip == "BM1362", model.countingGuard == counts {
                #expect(ours.registerValue == one.hcn)
                checked += 1
            }
        }
        #expect(checked >= 12)
        for one in file.factory {
            guard let model = ChipsUnderTest.model(one.chip), let ticks = number(one.register) else {
                continue
            }
            let batches = 65_536 / model.facts.subCores
            #expect((Double(batches) * Double(ticks) / 25e6 - one.epoch_s).magnitude < 0.001)
        }
    }

    @Test func `every nonce offset of an S21 Pro's chain`() throws {
        let cases = try Self.derived().chip_nonce_offset_s21pro.values
        #expect(cases.count >= 7)
        for one in cases {
            let layout = try #require(ChainLayout(chips: one.chips, rule: .stride(2)))
            #expect(layout.address(of: one.index) == one.address)
            let value = ChipsUnderTest.bm1370.nonceOffset(of: one.index, on: layout)
            #expect(value & 0xffff == number(one.offset))
            let step = BringUpStep.write(.chipNonceOffset, value, to: .chip(one.address))
            #expect(step.command?.wireBytes == hex(one.frame))
        }
    }

    @Test func `the baud steps are among the known dividers`() throws {
        let known = try Self.derived().baud_divider
        for (name, model) in [("BM1370", ChipsUnderTest.bm1370), ("BM1362", ChipsUnderTest.bm1362)]
            as [(String, any ChipModel)]
        {
            for step in model.baudSteps + [.reset] {
                let match = known.first {
                    number($0.register ?? "") == step.registerValue
                        && ($0.chip == name || $0.chip == "BM1362/66/68/70")
                }
                let baud = try #require(match, "\(name) \(step)").baud
                #expect((Double(step.chips.symbolsPerSecond) - baud).magnitude < 1)
            }
        }
    }

    @Test func `address intervals of the two rules in use`() throws {
        var checked = 0
        for one in try Self.derived().address_interval {
            let rule: AddressRule
            if one.rule.contains("next_pow2") {
                rule = .powerOfTwoShare
            } else if one.rule.contains("stride 2") {
                rule = .stride(2)
            } else {
                continue  // 256 ÷ chips, which gives odd addresses: not ours
            }
            let layout = try #require(ChainLayout(chips: one.chips, rule: rule))
            #expect(layout.addressInterval == one.interval)
            #expect([layout.addresses.first, layout.addresses.last] == one.addresses_first_last)
            checked += 1
        }
        #expect(checked >= 8)
    }

    // MARK: nonce_end_to_end.json, responses.json

    struct EndToEndFile: Decodable {
        struct Vector: Decodable {
            var id: String, chip: String, job_frame: String?, response: String?, header: String?,
                hash_display: String?
            var response_decoded: ASICChipsVectors.Fields?
        }
        var vectors: [Vector]
    }
    struct Fields: Decodable {
        var kind: String, version_bits: UInt32?, core: Int?, job_header_byte: UInt8?, sub_core: Int?
        var bits_24_17: Int?
    }
    struct ResponseFile: Decodable {
        struct Response: Decodable { var frame: String, chip: String, decoded: Fields }
        var responses: [Response]
    }

    @Test func `a captured job and its answer make the header whose hash is known`() throws {
        let vectors = try Shared.json(EndToEndFile.self, "hardware/vectors/nonce_end_to_end.json").vectors
        var checked = 0
        for one in vectors {
            guard let model = ChipsUnderTest.model(one.chip), let fields = one.response_decoded,
                let jobFrame = one.job_frame, let response = one.response
            else { continue }
            let (found, nonce) = try decode(response, model, chips: 1)
            expect(found, fields)
            guard case .frame(.job(let job), _) = decodeCommand(hex(jobFrame)[...]) else {
                Issue.record("\(one.id): not a job")
                continue
            }
            #expect(job.jobByte == found.jobByte)
            let header = Header(
                version: job.version & ~VersionRolling.bits | found.versionBits,
                previousBlock: try #require(Hash256(wireBytes: bytes(job.previousBlock))),
                merkleRoot: try #require(Hash256(wireBytes: bytes(job.merkleRoot))), time: job.time,
                bits: CompactTarget(bits: job.bits), nonce: nonce.nonce)
            #expect(header.wireBytes == one.header.map(hex))
            #expect(header.hash.displayHex == one.hash_display)
            checked += 1
        }
        #expect(checked >= 1)
    }

    @Test func `every captured nonce of the two models decodes to its fields`() throws {
        let responses = try Shared.json(ResponseFile.self, "hardware/vectors/responses.json").responses
        var checked = 0
        for one in responses where one.decoded.kind == "nonce" {
            guard let model = ChipsUnderTest.model(one.chip) else { continue }
            expect(try decode(one.frame, model, chips: 1).0, one.decoded)
            // An S19j Pro's chain has stride 2, so that its chip follows from bits 24 to 17.
            if let counter = one.decoded.bits_24_17, one.chip == "BM1362" {
                let layout = try #require(ChainLayout(chips: 126, rule: .stride(2)))
                guard case .frame(.nonce(let reply), _) = decodeResponse(hex(one.frame)[...], .long) else {
                    continue
                }
                #expect(model.decode(reply, on: layout).chip == .chip(counter / 2))
            }
            checked += 1
        }
        #expect(checked >= 8)
    }

    private func decode(
        _ frame: String, _ model: any ChipModel, chips: Int
    ) throws -> (DecodedNonce, NonceResponse) {
        var reply: NonceResponse?
        if case .frame(.nonce(let found), _) = decodeResponse(hex(frame)[...], .long) { reply = found }
        let nonce = try #require(reply, "\(frame)")
        let layout = try #require(ChainLayout(chips: chips, rule: .powerOfTwoShare))
        return (model.decode(nonce, on: layout), nonce)
    }

    private func expect(_ found: DecodedNonce, _ fields: Fields) {
        #expect(found.jobByte == fields.job_header_byte)
        #expect(found.core == fields.core)
        #expect(found.subCore == fields.sub_core)
        #expect(found.versionBits == fields.version_bits)
    }

    // MARK: helpers

    private func number(_ text: String) -> UInt32? { UInt32(text, radix: 16) }

    private func frame(_ register: Register, _ value: UInt32) -> [UInt8]? {
        BringUpStep.write(register, value, to: .everyChip).command?.wireBytes
    }

    private func bytes(_ hash: [32 of UInt8]) -> [UInt8] { (0..<32).map { hash[$0] } }

    private func nextPowerOfTwo(_ number: Int) -> Int {
        var power = 1
        while power < number { power *= 2 }
        return power
    }
}
