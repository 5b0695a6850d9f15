import ASICChips
import Foundation
import HardwareData
import TestSupport
import Testing

/// The chip files as they are in the checkout, whether the program carries them or not.
private func chipFile(_ name: String, _ change: (old: String, new: String)? = nil) throws -> [UInt8] {
    let url = Shared.packageRoot.appendingPathComponent("Hardware/chips/\(name).toml")
    var text = try String(contentsOf: url, encoding: .utf8)
    if let change {
        try #require(text.contains(change.old), "\(change.old)")
        text = text.replacingOccurrences(of: change.old, with: change.new)
    }
    return Array(text.utf8)
}

private let names = ["bm1362", "bm1366", "bm1368", "bm1370", "bm1372", "bm1387", "bm1397"]

@Test(arguments: names)
func `every chip file is read, has code, and says what is unproven and why a chain ends`(name: String) throws
{
    let facts = try HardwareLibrary().chip(try chipFile(name), file: name)
    #expect(facts.name.lowercased().hasPrefix(name))
    #expect(chipModel(for: facts) != nil)
    #expect(!facts.unproven.isEmpty && facts.maximumChipsReason.count > 20)
    #expect(
        facts.minimumFrequency <= facts.defaultFrequency && facts.defaultFrequency <= facts.maximumFrequency)
}

private let mistakes: [(name: String, old: String, new: String, says: String)] = [
    ("bm1370", "chip_ids = [0x1370]", "chip_ids = []", "chip_ids = 0 ids is outside 1 to 8 ids"),
    (
        "bm1370", "[0x1370]", "[0x1399]",
        "chip_ids[0] = 0x1399 names a chip without code; supported: 0x1362, 0x1366"
    ),
    ("bm1370", "[0x1370]", "[0x1370, 0x1368]", "chip_ids[1] = 0x1368 is another model's than 0x1370"),
    ("bm1372", "[0x1372, 0x1373]", "[0x1372, 0x1372]", "chip_ids[0] and chip_ids[1] have the same value"),
    ("bm1370", "[0x1370]", "[\"BM1370\"]", "chip_ids[0] is"),
    ("bm1370", "[0x1370]", "[65536]", "chip_ids[0] = 65536 is outside 1 to 65535"),
    (
        "bm1370", "job_slots = 16", "job_slots = 32",
        "job_slots = 32 is outside 2, 4, 8, 16, the bounds of the chip BM1370"
    ),
    ("bm1366", "job_slots = 16", "job_slots = 12", "job_slots = 12 is outside 2, 4, 8, 16, 32"),
    ("bm1387", "working = 7", "working = 9", "response_bytes = 7, 9 is outside"),
    ("bm1397", "initial = 9", "initial = 7", "response_bytes = 7, 9 is outside"),
    ("bm1397", "initial = 9", "initial = 12", "response_bytes.initial = 12 is outside 7 to 11"),
    ("bm1397", "maximum_chips_reason", "reason", "maximum_chips_reason is missing"),
]

@Test(arguments: mistakes)
func `a wrong chip file is refused with its key path`(name: String, old: String, new: String, says: String)
    throws
{
    let bytes = try chipFile(name, (old, new))
    let error = #expect(throws: ProfileError.self) { try HardwareLibrary().chip(bytes, file: "x.toml") }
    #expect(try #require(error).description.hasPrefix("x.toml: \(says)"), "\(error?.description ?? "")")
}

@Test(arguments: names, [1, 2, 3, 4, 8, 12, 16, 24, 32, 64])
func `the file accepts the job slots that the code accepts, and no others`(name: String, slots: Int) throws {
    let old = try HardwareLibrary().chip(try chipFile(name), file: name)
    var facts = old
    facts.jobSlots = slots
    let bytes = try chipFile(name, ("job_slots = \(old.jobSlots)", "job_slots = \(slots)"))
    let isRead = (try? HardwareLibrary().chip(bytes, file: name)) != nil
    #expect(isRead == (chipModel(for: facts) != nil))
}
