import ASICChips
import ASICWire
import Foundation
import TestSupport
import Testing
import Units

/// Register values and numbers of chains against `hardware/vectors/derived_values.json`. The lists of regulators and
/// sensors in it belong to other suites.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct ASICChipsVectors {
    struct File: Decodable {
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
        struct Baud: Decodable {
            var chip: String, register_address: String, register: String?, divider: Int?, baud: Double
        }
        struct Interval: Decodable {
            var chips: Int, rule: String, interval: Int, addresses_first_last: [UInt8]
        }
        struct Relay: Decodable {
            struct Value: Decodable {
                var machine: String, domain: Int, first_address: UInt8, last_address: UInt8, register: String
                var frames: [String]
            }
            var values: [Value]
        }
        struct Timeouts: Decodable {
            struct Value: Decodable {
                var mhz: Double, chips: Int, small_cores: Int, cores: Int, version_size: Int,
                    fraction: Double,
                    expected_ms: Double
            }
            var values: [Value]
        }
        struct Increment: Decodable { var value: String, mask: String, next: String }
        struct Counter: Decodable { var counter_delta: UInt32, duration_us: Int, ghs: Double }
        struct Other: Decodable {}
        var ticket_mask: [Ticket], version_mask: [Mask], hash_counting_number: Counting
        var chip_nonce_offset_s21pro: Offsets, baud_divider: [Baud], address_interval: [Interval]
        var uart_relay: Relay, job_timeout_ms: Timeouts, increment_bitmask: [Increment]
        var hash_counter_rate: [Counter]
        /// Other suites' lists, counted here.
        var ds4432u: [Other], pmbus_number_formats: [Other], sensor_conversions: [Other]
    }

    private let file: File

    init() throws { file = try Shared.json(File.self, "hardware/vectors/derived_values.json") }

    @Test func `no list is left out`() throws {
        let others = file.ds4432u.count + file.pmbus_number_formats.count + file.sensor_conversions.count
        let counting = file.hash_counting_number.factory.count + file.hash_counting_number.computed.count
        let chips = file.ticket_mask.count + file.version_mask.count + counting + file.baud_divider.count
        let chains = file.chip_nonce_offset_s21pro.values.count + file.address_interval.count
        let work =
            file.job_timeout_ms.values.count + file.increment_bitmask.count + file.hash_counter_rate.count
        let relays = file.uart_relay.values.count
        #expect(try others + chips + chains + work + relays == VectorIndex.items("derived_values.json"))
        #expect(others == 72)
    }

    @Test func `every ticket mask`() throws {
        for one in file.ticket_mask {
            let mask = try #require(TicketMask(difficulty: one.requested_difficulty))
            #expect(mask.registerValue == (try number(one.register)))
            #expect(1 << mask.zeroBits == one.effective_difficulty)
            #expect(frame(.ticketMask, mask.registerValue) == hex(one.frame))
        }
    }

    @Test func `every version mask`() throws {
        for one in file.version_mask {
            let value = VersionRolling.registerValue(mask: try number(one.pool_mask))
            #expect(value == (try number(one.register)))
            #expect(frame(.versionRolling, value) == hex(one.frame))
        }
    }

    /// Both methods share the counter by the next power of two; ESP-Miner takes 268 ticks off for the BM1370 alone.
    @Test func `every computed counting number`() throws {
        var own = 0
        for one in file.hash_counting_number.computed {
            let model = try #require(ChipsUnderTest.model(one.chip))
            let clock = try #require(model.clockLimits.setting(for: .megahertz(one.mhz)))
            #expect(clock.frequency == .megahertz(one.mhz))
            let ticks: UInt32 = one.method != "ESP-Miner" ? 200 : one.chip == "BM1370" ? 268 : 0
            let counting = HashCounting(
                slice: (1 << 25) / UInt32(nextPowerOfTwo(one.chips)), clock: clock, countingGuard: ticks,
                versions: 65_536, subCores: model.facts.subCores)
            #expect(counting.registerValue == one.hcn, "\(one.chip) \(one.mhz) \(one.chips)")
            if let text = one.frame {
                #expect(frame(.hashCountingNumber, counting.registerValue) == hex(text))
            }
            // And what the models themselves ask for: the same slice where chips share by powers of two, their own guard.
            let layout = try #require(ChainLayout(chips: one.chips, rule: .powerOfTwoShare))
            let ours = model.hashCounting(layout, clock: clock, versionMask: VersionRolling.bits)
            if nextPowerOfTwo(one.chips) == one.chips || one.chip != "BM1370" {
                #expect(ours.registerValue + model.countingGuard == one.hcn + ticks)
                own += 1
            } else {
                #expect(ours.registerValue > one.hcn)  // shared by their number, which is less
            }
        }
        #expect(own == 43)
    }

    @Test func `the epoch of every factory's counting number`() throws {
        for one in file.hash_counting_number.factory {
            let model = try #require(ChipsUnderTest.model(one.chip))
            let counting = HashCounting(
                registerValue: try number(one.register), versions: 65_536, subCores: model.facts.subCores)
            #expect((counting.epoch.inSeconds - one.epoch_s).magnitude < 0.001)
        }
    }

    /// ESP-Miner counts one nonce a clock for chips that test two, and halves (`fraction`) instead.
    @Test func `every job time of ESP-Miner's is the time in which its nonces are used up`() throws {
        for one in file.job_timeout_ms.values {
            guard one.chips > 0 else {
                #expect(ChainLayout(chips: one.chips, rule: .powerOfTwoShare) == nil)
                continue
            }
            let slice = UInt32((1 << 32) / nextPowerOfTwo(one.cores) / nextPowerOfTwo(one.chips))
            let subCores = nextPowerOfTwo(one.small_cores) / nextPowerOfTwo(one.cores)
            let seconds: Double
            if one.version_size == 4 {
                let model = ChipsUnderTest.bm1397
                let clock = try #require(model.clockLimits.setting(for: .megahertz(one.mhz)))
                let layout = try #require(model.layout(chips: one.chips, rule: .powerOfTwoShare, domains: 1))
                // A sub-core has a quarter of its core's nonces, for each of four midstates.
                #expect(model.nonceSlice(layout) == slice / UInt32(subCores))
                seconds = model.hashCounting(layout, clock: clock, versionMask: 0).epoch.inSeconds
            } else {
                let clock = try #require(ChipsUnderTest.bm1370.clockLimits.setting(for: .megahertz(one.mhz)))
                let counting = HashCounting(
                    slice: slice, clock: clock, countingGuard: 0, versions: one.version_size,
                    subCores: subCores)
                seconds = counting.epoch.inSeconds * 2
            }
            #expect((seconds * 1000 * one.fraction / one.expected_ms - 1).magnitude < 1e-4)
        }
    }

    @Test func `every nonce offset of an S21 Pro's chain`() throws {
        for one in file.chip_nonce_offset_s21pro.values {
            let layout = try #require(ChainLayout(chips: one.chips, rule: .stride(2)))
            #expect(layout.address(of: one.index) == one.address)
            let start = ChipsUnderTest.bm1370.nonceStart(of: one.index, on: layout)
            #expect(start / 512 == (try number(one.offset)))
            let value = 0x8000_0000 | start / 512
            let step = BringUpStep.write(.chipNonceOffset, value, to: .chip(one.address))
            #expect(step.command?.wireBytes() == hex(one.frame))
        }
    }

    /// Known values that no model here writes, with the reason.
    private static let unusedRates: Set<String> = [
        "18 00003a01",  // reset value of a BM1397: its rate is `BaudStep.reset`
        "18 00007a31",  // the same rate; written in the bring-up
        "18 00002001",  // T17: as 00006031 but for pin functions
        "1c 40209a80",  // the rate after reset; written in the bring-up
        "28 01301a00",  // reset value
    ]

    @Test func `every baud divider`() throws {
        for one in file.baud_divider {
            let rate = BaudRate(UInt32(one.baud))
            if one.register_address == "18" || one.register_address == "28", let divider = one.divider,
                divider != 7
            {
                #expect(rate == BaudRate(25_000_000 / (8 * (UInt32(divider) + 1))))
            }
            let key = one.register_address + " " + (one.register ?? "")
            if Self.unusedRates.contains(key) {
                #expect(rate == BaudStep.reset.chips || key == "18 00002001")
                continue
            }
            let model = try #require(ChipsUnderTest.model(one.chip))
            let step = try #require(model.baudSteps.first { $0.chips == rate }, "\(one.chip) \(one.baud)")
            #expect(step.writes.last?.register.address == UInt8(one.register_address, radix: 16))
            if let value = one.register { #expect(step.writes.last?.value == (try number(value)), "\(key)") }
        }
    }

    @Test func `every address interval`() throws {
        for one in file.address_interval {
            let rule: AddressRule
            if one.rule.contains("next_pow2") || one.interval == 256 {
                rule = .powerOfTwoShare
            } else {
                // 256 ÷ chips, odd for some chains and not ours, but a stride like any other.
                rule = .stride(UInt8(one.interval))
            }
            let layout = try #require(ChainLayout(chips: one.chips, rule: rule))
            #expect(layout.addressInterval == one.interval)
            #expect([layout.addresses.first, layout.addresses.last] == one.addresses_first_last)
        }
    }

    @Test func `every relay value of three machines`() throws {
        let machines = ["S19 XP": (110, 11), "S21 XP": (91, 13), "S21 Pro": (65, 13)]
        for one in file.uart_relay.values {
            let (chips, domains) = try #require(machines[one.machine])
            let layout = try #require(ChainLayout(chips: chips, rule: .stride(2), domains: domains))
            let ends = layout.ends(ofDomain: one.domain)
            #expect(layout.address(of: ends.first) == one.first_address)
            #expect(layout.address(of: ends.last) == one.last_address)
            let value = UARTRelay.registerValue(domain: one.domain, of: layout)
            #expect(value == (try number(one.register)))
            let frames = [one.first_address, one.last_address].map {
                ChipCommand.write(register: 0x2C, value: value, to: .chip($0)).wireBytes()
            }
            #expect(frames == one.frames.map(hex))
        }
    }

    @Test func `every version after another, but for the one that leaves its mask`() throws {
        var left = 0
        for one in file.increment_bitmask {
            let (value, mask) = (try number(one.value), try number(one.mask))
            guard let next = VersionRolling.next(after: value, mask: mask) else {
                // ESP-Miner carries out of the mask, into bit 30 here; we have no version then.
                #expect(value & mask == mask)
                #expect(try number(one.next) & ~mask != value & ~mask)
                left += 1
                continue
            }
            #expect(next == (try number(one.next)))
        }
        #expect(left == 1)
    }

    @Test func `every rate of a hash counter`() throws {
        let counters = try #require(ChipsUnderTest.bm1370.counters)
        for one in file.hash_counter_rate {
            let rate = try #require(
                counters.hashRate(from: 7, to: 7 + one.counter_delta, over: .microseconds(one.duration_us)))
            #expect((rate.hashesPerSecond / 1e9 - one.ghs).magnitude < 0.0001)
        }
    }

    // MARK: helpers

    private func number(_ text: String) throws -> UInt32 { try #require(UInt32(text, radix: 16)) }

    private func frame(_ register: Register, _ value: UInt32) -> [UInt8]? {
        BringUpStep.write(register, value, to: .everyChip).command?.wireBytes()
    }

    private func nextPowerOfTwo(_ number: Int) -> Int {
        var power = 1
        while power < number { power *= 2 }
        return power
    }
}
