import ASICChips
import ASICWire
import Foundation
import TestSupport
import Testing
import Units

/// Clock dividers against `hardware/vectors/pll.json`.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct ASICClockVectors {
    struct PLLFile: Decodable {
        struct Captured: Decodable {
            var register: String, fbdiv: Int, refdiv: Int, postdiv1: Int, postdiv2: Int, mhz: Double,
                vco_mhz: Double, chip: String, postdiv_encoding: String, register_address: String?
        }
        struct Solution: Decodable {
            var chip: String, target_mhz: Double, fbdiv: Int, refdiv: Int, postdiv1: Int, postdiv2: Int
            var actual_mhz: Double, register: String, frame: String
        }
        struct Gekko: Decodable {
            var chip: String, target_mhz: Double, actual_mhz: Double, register: String, frame: String
        }
        var captured: [Captured]
        var esp_miner_solutions: [Solution]
        var gekko_solutions: [Gekko]
    }

    private static func pll() throws -> PLLFile { try Shared.json(PLLFile.self, "hardware/vectors/pll.json") }

    @Test func `no item is left out`() throws {
        let file = try Self.pll()
        let items = file.captured.count + file.esp_miner_solutions.count + file.gekko_solutions.count
        #expect(items == (try VectorIndex.items("pll.json")))
    }

    /// Two entries of a list in ESP-Miner's source, with the oscillator at 2800 MHz and bit 28 clear. The
    /// captures of an S21 Pro (2400 MHz) and a Bitaxe (2625 MHz) have it set, and so do all other entries of
    /// that list.
    private static let unflagged = ["40e00260", "40e00263"]

    @Test func `the dividers of every captured clock encode to its register, and back`() throws {
        for one in try Self.pll().captured {
            let model = try #require(ChipsUnderTest.model(one.chip))
            let encoding = model.clockLimits.encoding
            #expect((one.postdiv_encoding == "raw") == (encoding != .minusOne))
            let setting = ClockSetting(
                feedback: one.fbdiv, reference: one.refdiv, postDivider1: one.postdiv1,
                postDivider2: one.postdiv2, encoding: encoding)
            #expect(setting.frequency == .megahertz(one.mhz))
            #expect(setting.oscillatorMegahertz == one.vco_mhz)
            #expect(setting.register.address == UInt8(one.register_address ?? "08", radix: 16))
            // Bit 31 is the lock, which some drivers write too.
            let value = try #require(UInt32(one.register, radix: 16))
            let flag: UInt32 = Self.unflagged.contains(one.register) ? 0x1000_0000 : 0
            #expect(setting.registerValue ^ flag == value & 0x7FFF_FFFF, "\(one.register)")
            #expect(ClockSetting(registerValue: value, encoding: encoding) == setting)
            #expect(setting.isConfirmed(by: value | 0x8000_0000))
        }
    }

    @Test func `the search equals ESP-Miner's solutions`() throws {
        var different = [String]()
        for one in try Self.pll().esp_miner_solutions {
            let limits = try #require(ChipsUnderTest.model(one.chip)).clockLimits
            let theirs = ClockSetting(
                feedback: one.fbdiv, reference: one.refdiv, postDivider1: one.postdiv1,
                postDivider2: one.postdiv2, encoding: limits.encoding)
            #expect((theirs.frequency.megahertz - one.actual_mhz).magnitude < 1e-5)
            #expect(BringUpStep.setClock(theirs).command?.wireBytes() == hex(one.frame))
            #expect(theirs.registerValue == UInt32(one.register, radix: 16))
            let ours = try #require(limits.setting(for: .megahertz(one.target_mhz)))
            if ours != theirs { different.append("\(one.chip) \(one.target_mhz) \(one.register)") }
        }
        // An undivided reference makes an oscillator of 5700 MHz there, far above the model's 3200 (bm13xx.md §7.1).
        #expect(different == ["BM1373 380.0 50e40142"])
        let ours = try #require(ChipsUnderTest.bm1372.clockLimits.setting(for: .megahertz(380)))
        #expect((ours.frequency.megahertz - 380).magnitude < 0.4 && ours.reference == 2)
    }

    @Test func `the search finds the clocks that gekko's formula finds, by other dividers`() throws {
        for one in try Self.pll().gekko_solutions {
            for name in one.chip.split(separator: "/") {
                let limits = try #require(ChipsUnderTest.model(String(name))).clockLimits
                let value = try #require(UInt32(one.register, radix: 16))
                let theirs = try #require(ClockSetting(registerValue: value, encoding: limits.encoding))
                #expect(theirs.frequency == .megahertz(one.actual_mhz))
                #expect(
                    ChipCommand.write(register: 0x08, value: value, to: .everyChip).wireBytes()
                        == hex(one.frame))
                let found = limits.setting(for: .megahertz(one.target_mhz))
                #expect(found?.frequency == .megahertz(one.actual_mhz), "\(name) \(one.target_mhz)")
            }
        }
    }
}
