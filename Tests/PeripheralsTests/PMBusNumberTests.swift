import Peripherals
import Testing
import Units

/// Source: words that shipping firmware writes to the TPS546 (boards.md §4.2).
private let fineWords: [(value: Double, word: UInt16)] = [
    (4.8, 0xCA66), (4.5, 0xCA40), (6.5, 0xCB40), (11.0, 0xD2C0), (14.8, 0xD3B3), (0.25, 0xAA00),
    (0.125, 0xA200),
    (25, 0xDB20), (30, 0xDBC0), (55, 0xE370),
]
private let wholeWords: [(value: Int, word: UInt16)] = [
    (0, 0x0000), (3, 0x0003), (105, 0x0069), (145, 0x0091), (650, 0x028A),
]
private let outputWords: [(millivolts: Int64, word: UInt16)] = [
    (1000, 0x0200), (1150, 0x024C), (1200, 0x0266), (1250, 0x0280), (750, 0x0180), (2000, 0x0400),
    (3600, 0x0733),
]

@Test(arguments: fineWords)
func `a LINEAR11 word is the finest that does not exceed the value`(value: Double, word: UInt16) throws {
    let encoded = try #require(Linear11(finest: value))
    #expect(encoded.word == word)
    #expect(encoded.value <= value && value - encoded.value < 1.0 / 32)
}

@Test(arguments: wholeWords)
func `a whole number keeps an exponent of zero while it can`(value: Int, word: UInt16) throws {
    let encoded = try #require(Linear11(whole: value))
    #expect(encoded.word == word)
    #expect(encoded.value == Double(value))
}

@Test func `LINEAR11 reads signed mantissas and exponents`() {
    #expect(Linear11(word: 0xD2E6).value == 11.59375)
    #expect(Linear11(word: 0x07FF).value == -1)
    #expect(Linear11(word: 0x7BFF).value == 1023 * 32_768)
    #expect(Linear11(word: 0x8401).value == -1023.0 / 65_536)
}

@Test func `LINEAR11 refuses what it cannot hold`() {
    #expect(Linear11(finest: -1) == nil)
    #expect(Linear11(finest: .infinity) == nil)
    #expect(Linear11(finest: .nan) == nil)
    #expect(Linear11(finest: 1024 * 32_768) == nil)
    #expect(Linear11(whole: -1) == nil)
    #expect(Linear11(whole: 1024 << 15) == nil)
    #expect(Linear11(whole: 1023 << 15)?.value == 33_521_664.0)
}

@Test func `every LINEAR11 word that is not negative encodes back to its value`() {
    for word in UInt16.min...UInt16.max where word & 0x0400 == 0 {
        let value = Linear11(word: word).value
        #expect(Linear11(finest: value)?.value == value)
    }
}

@Test(arguments: outputWords)
func `output voltages round down to the part's step`(millivolts: Int64, word: UInt16) throws {
    let format = try #require(OutputVoltageFormat(voutMode: 0x17))
    #expect(format.exponent == -9)
    #expect(format.word(for: .millivolts(millivolts)) == word)
    #expect(format.volts(word) <= .millivolts(millivolts))
}

@Test func `every output word decodes to a voltage that encodes to it again`() throws {
    for mode in [0x17, 0x97, 0x10, 0x00, 0x1F] as [UInt8] {
        let format = try #require(OutputVoltageFormat(voutMode: mode))
        for word in stride(from: UInt16.min, through: 65_520, by: 13) {
            // The voltage is rounded to a microvolt, which may lie just below the word.
            let above = Volts(microvolts: format.volts(word).microvolts + 1)
            let encoded = try #require(format.word(for: above))
            #expect(encoded == word || mode == 0x10 && encoded - word <= 1)
        }
    }
}

@Test func `voltages that the format cannot hold, and other formats, are refused`() throws {
    let format = try #require(OutputVoltageFormat(voutMode: 0x17))
    #expect(format.word(for: .millivolts(-1)) == nil)
    #expect(format.word(for: .volts(128)) == nil)
    #expect(format.word(for: Volts(microvolts: .max)) == nil)
    #expect(OutputVoltageFormat(voutMode: 0x20) == nil)  // VID
    #expect(OutputVoltageFormat(voutMode: 0x40) == nil)  // direct
}
