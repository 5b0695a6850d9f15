import ASICChips
import Foundation
import TestSupport
import Testing
import Units

/// `key = value` lines of a TOML file by "table.key", comments and quotes removed: enough for these two
/// files.
private func values(_ file: String) throws -> [String: String] {
    let url = Shared.packageRoot.appendingPathComponent("Hardware/chips/\(file)")
    var table = ""
    var values = [String: String]()
    for line in try String(contentsOf: url, encoding: .utf8).split(separator: "\n") {
        let text = line.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)[0]
            .trimmingCharacters(in: .whitespaces)
        if text.hasPrefix("[") {
            table = text.dropFirst().dropLast() + "."
        } else if let equals = text.firstIndex(of: "=") {
            let key = text[..<equals].trimmingCharacters(in: .whitespaces)
            values[table + key] = text[text.index(after: equals)...].trimmingCharacters(
                in: CharacterSet(charactersIn: " \""))
        }
    }
    return values
}

@Test(arguments: [("bm1370.toml", bm1370.facts), ("bm1362.toml", bm1362.facts)])
func `the chip's data file says what these tests assume`(file: String, facts: ChipFacts) throws {
    let values = try values(file)
    #expect(values["name"] == facts.name)
    #expect(values["chip_id"] == "0x" + String(facts.chipID, radix: 16))
    #expect(values["cores"] == "\(facts.cores)")
    #expect(values["sub_cores"] == "\(facts.subCores)")
    #expect(values["hash_units"] == "\(facts.hashUnits)")
    #expect(values["job_slots"] == "\(facts.jobSlots)")
    #expect(values["maximum_chips"] == "\(facts.maximumChips)")
    #expect(values["frequency_mhz.minimum"] == "\(Int(facts.minimumFrequency.megahertz))")
    #expect(values["frequency_mhz.maximum"] == "\(Int(facts.maximumFrequency.megahertz))")
    #expect(values["frequency_mhz.default"] == "\(Int(facts.defaultFrequency.megahertz))")
    #expect(values["core_millivolts.minimum"] == facts.coreVoltage.map { "\($0.minimum.microvolts / 1000)" })
    #expect(values["core_millivolts.maximum"] == facts.coreVoltage.map { "\($0.maximum.microvolts / 1000)" })
    #expect(values["core_millivolts.default"] == facts.coreVoltage.map { "\($0.standard.microvolts / 1000)" })
    #expect(values["response_bytes.initial"] == "\(facts.initialResponseBytes)")
    #expect(values["response_bytes.rolling"] == "\(facts.responseBytes)")
}
