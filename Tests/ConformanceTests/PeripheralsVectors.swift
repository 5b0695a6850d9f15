import Foundation
import Peripherals
import TestSupport
import Testing
import Units

private struct Derived: Decodable {
    struct Number: Decodable {
        let format: String
        let value: Double?
        let word: String
        let wire_le: String?
        let decodes_to: Double
    }
    let pmbus_number_formats: [Number]
}

@Test(.enabled(if: Shared.isPresent))
func `PMBus numbers encode and decode as the shared vectors say`() throws {
    let numbers = try Shared.json(Derived.self, "hardware/vectors/derived_values.json").pmbus_number_formats
    let format = try #require(OutputVoltageFormat(voutMode: 0x17))
    #expect(numbers.count >= 30)
    for number in numbers {
        let word = try #require(UInt16(number.word, radix: 16))
        let (encoded, decoded): (UInt16?, Double)
        if number.format.hasPrefix("ulinear16") {
            (encoded, decoded) = (
                number.value.flatMap { format.word(for: .volts($0)) }, format.volts(word).volts
            )
        } else {
            let whole = number.format.contains("integer")
            encoded = number.value.flatMap { value in
                whole ? Linear11(whole: Int(value))?.word : Linear11(finest: value)?.word
            }
            decoded = Linear11(word: word).value
        }
        #expect(number.value == nil || encoded == word, "\(number.format), \(number.word)")
        // Voltages are whole microvolts.
        #expect(abs(decoded - number.decodes_to) < 0.000_000_6, "\(number.word)")
        if let wire = number.wire_le { #expect(Linear11(word: word).wireBytes == hex(wire)) }
    }
}
