import ASICChips
import Units

// The numbers of Hardware/chips/*.toml, typed in; the tests of ASICChips compare them with the files.

let bm1370 = BM1370(
    facts: ChipFacts(
        name: "BM1370", chipID: 0x1370, cores: 128, subCores: 16, hashUnits: 2040,
        minimumFrequency: .megahertz(100), maximumFrequency: .megahertz(800),
        defaultFrequency: .megahertz(525),
        coreVoltage: CoreVoltageWindow(
            minimum: .millivolts(1000), maximum: .millivolts(1250), standard: .millivolts(1150)),
        maximumChips: 128, jobSlots: 16, initialResponseBytes: 9, responseBytes: 11, unproven: [],
        source: "test"))

let bm1362 = BM1362(
    facts: ChipFacts(
        name: "BM1362", chipID: 0x1362, cores: 65, subCores: 8, hashUnits: 514,
        minimumFrequency: .megahertz(100),
        maximumFrequency: .megahertz(800), defaultFrequency: .megahertz(525), coreVoltage: nil,
        maximumChips: 128,
        jobSlots: 16, initialResponseBytes: 9, responseBytes: 11, unproven: [], source: "test"))
