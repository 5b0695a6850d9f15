import Foundation
import Peripherals
import TestSupport
import Testing
import Units

private struct Derived: Decodable {
    struct Code: Decodable {
        let vout: Double
        let register_f8: String
    }
    struct Conversion: Decodable {
        let sensor: String
        let raw: String?
        let high: String?
        let low: String?
        let code: Code?
        let count: Int?
        let celsius: Double?
        let fault: String?
        let rpm: Int?
        let volts: Double?

        /// Hexadecimal text for temperatures, a number for voltages.
        enum Code: Decodable {
            case text(String), number(Int)

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let text = try? container.decode(String.self) {
                    self = .text(text)
                } else {
                    self = .number(try container.decode(Int.self))
                }
            }
        }
    }
    let ds4432u: [Code]
    let sensor_conversions: [Conversion]
}

private let file = "hardware/vectors/derived_values.json"

@Test(.enabled(if: Shared.isPresent))
func `a DS4432U is told the codes of the shared vectors`() throws {
    let codes = try Shared.json(Derived.self, file).ds4432u
    #expect(codes.count >= 10)
    for code in codes {
        #expect(DS4432U.code(for: .volts(code.vout)) == hex(code.register_f8)[0], "\(code.vout) V")
    }
}

@Test(.enabled(if: Shared.isPresent))
func `sensors and tachometers are read as the shared vectors say`() throws {
    let conversions = try Shared.json(Derived.self, file).sensor_conversions
    let formats: [String: TemperatureFormat] = [
        "TMP1075": .tmp1075, "TMP451 standard range": .tmp451, "EMC2101 external": .emc2101External,
        "BM1368 0xB4": .bm1368,
    ]
    var (temperatures, faults, speeds, voltages) = (0, 0, 0, 0)
    for entry in conversions {
        if let count = entry.count {
            let speed = TachometerFormat.emc2101.speed(UInt8(count & 0xFF), UInt8(count >> 8))
            #expect(speed?.revolutionsPerMinute == entry.rpm)
            speeds += 1
            continue
        }
        if let volts = entry.volts, case .number(let code) = entry.code {
            let read = try DieVoltage.volts(register: 1 << 31 | UInt32(code))
            #expect(abs(read.volts - volts) < 0.000_01)
            voltages += 1
            continue
        }
        let format = try #require(formats[entry.sensor], "\(entry.sensor)")
        let bytes: [UInt8]
        if case .text(let code) = entry.code {
            bytes = [0x80, 0x00] + hex(code)
        } else {
            bytes = hex(entry.raw ?? "\(entry.high ?? "")\(entry.low ?? "")")
        }
        if let celsius = entry.celsius {
            #expect(abs(try format.celsius(bytes).degrees - celsius) < 0.000_6, "\(entry.sensor), \(bytes)")
            temperatures += 1
        } else {
            let flaw: TemperatureFormat.Flaw = entry.fault == "open" ? .open : .shorted
            #expect(throws: flaw) { try format.celsius(bytes) }
            faults += 1
        }
    }
    #expect(temperatures >= 21 && faults == 2 && speeds >= 4 && voltages >= 3)
}
