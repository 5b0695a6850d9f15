import ASICChips
import Units

/// The models as their data files describe them; ASICChipsTests compares the numbers with those files.
enum ChipsUnderTest {
    static let bm1387 = BM1387(facts: facts([0x1387], 114, 1, 114, chips: 64, slots: 32, (7, 7)))
    static let bm1397 = BM1397(facts: facts([0x1397], 168, 4, 672, chips: 64, slots: 32, (9, 9)))
    static let bm1362 = BM1362(facts: facts([0x1362], 65, 8, 514))
    static let bm1366 = BM1366(facts: facts([0x1366], 112, 8, 894))
    static let bm1368 = BM1368(facts: facts([0x1368], 80, 16, 1276))
    static let bm1370 = BM1370(facts: facts([0x1370], 128, 16, 2040))
    static let bm1372 = BM1372(facts: facts([0x1372, 0x1373], 128, 16, 6725, chips: 16))

    private static func facts(
        _ ids: [UInt16], _ cores: Int, _ subCores: Int, _ units: Int, chips: Int = 128, slots: Int = 16,
        _ bytes: (Int, Int) = (9, 11)
    ) -> ChipFacts {
        ChipFacts(
            name: "BM" + String(ids[0], radix: 16), chipIDs: ids, cores: cores, subCores: subCores,
            hashUnits: units, minimumFrequency: .megahertz(50), maximumFrequency: .megahertz(900),
            defaultFrequency: .megahertz(525), coreVoltage: nil, maximumChips: chips,
            maximumChipsReason: "see the file", jobSlots: slots, initialResponseBytes: bytes.0,
            responseBytes: bytes.1, unproven: [], source: "test")
    }

    /// By a name as the vectors write it; the first of several.
    static func model(_ name: String) -> (any ChipModel)? {
        switch name.prefix(6) {
        case "BM1387": bm1387
        case "BM1397": bm1397
        case "BM1362": bm1362
        case "BM1366": bm1366
        case "BM1368": bm1368
        case "BM1370": bm1370
        case "BM1372", "BM1373": bm1372
        default: nil
        }
    }
}
