import ASICChips
import ChipSupport
import Foundation
import TestSupport
import Testing
import Units

/// `key = value` lines of a TOML file by "table.key", comments and quotes removed: enough for these
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

@Test(arguments: everyModel)
func `the chip's data file says what these tests assume`(model: any ChipModel) throws {
    let facts = model.facts
    let values = try values(facts.name.prefix(6).lowercased() + ".toml")
    #expect(values["name"] == facts.name)
    #expect(
        values["chip_ids"] == "[" + facts.chipIDs.map { "0x" + String($0, radix: 16) }.joined(separator: ", ")
            + "]")
    #expect(values["cores"] == "\(facts.cores)")
    #expect(values["sub_cores"] == "\(facts.subCores)")
    #expect(values["hash_units"] == "\(facts.hashUnits)")
    #expect(values["job_slots"] == "\(facts.jobSlots)")
    #expect(values["maximum_chips"] == "\(facts.maximumChips)")
    #expect(values["maximum_chips_reason"] == facts.maximumChipsReason)
    #expect(values["frequency_mhz.minimum"] == "\(Int(facts.minimumFrequency.megahertz))")
    #expect(values["frequency_mhz.maximum"] == "\(Int(facts.maximumFrequency.megahertz))")
    #expect(values["frequency_mhz.default"] == "\(Int(facts.defaultFrequency.megahertz))")
    #expect(values["core_millivolts.minimum"] == facts.coreVoltage.map { "\($0.minimum.microvolts / 1000)" })
    #expect(values["core_millivolts.maximum"] == facts.coreVoltage.map { "\($0.maximum.microvolts / 1000)" })
    #expect(values["core_millivolts.default"] == facts.coreVoltage.map { "\($0.standard.microvolts / 1000)" })
    #expect(values["response_bytes.initial"] == "\(facts.initialResponseBytes)")
    #expect(values["response_bytes.working"] == "\(facts.responseBytes)")
}

@Test func `every chip file has a model, and every model a file`() throws {
    let folder = Shared.packageRoot.appendingPathComponent("Hardware/chips")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
        $0.hasSuffix(".toml")
    }
    #expect(Set(files) == Set(everyModel.map { $0.facts.name.prefix(6).lowercased() + ".toml" }))
    #expect(everyModel.flatMap(\.facts.chipIDs).sorted() == supportedChipIDs)
}
