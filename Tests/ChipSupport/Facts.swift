public import ASICChips
import Units

// The numbers of Hardware/chips/*.toml, typed in; the tests of ASICChips compare them with the files.

private let even = "chips have even addresses, 00 to FE: no capture settles what an odd one does"
private let nonceBits = "six bits of a nonce name the chip, so that addresses must be 4 apart"

private func facts(
    _ name: String, _ ids: [UInt16], cores: Int, subCores: Int, units: Int, _ megahertz: [Double],
    millivolts: [Int64]?, chips: Int = 128, _ reason: String = even, slots: Int = 16,
    _ bytes: (Int, Int) = (9, 11)
) -> ChipFacts {
    ChipFacts(
        name: name, chipIDs: ids, cores: cores, subCores: subCores, hashUnits: units,
        minimumFrequency: .megahertz(megahertz[0]), maximumFrequency: .megahertz(megahertz[1]),
        defaultFrequency: .megahertz(megahertz[2]),
        coreVoltage: millivolts.map {
            CoreVoltageWindow(
                minimum: .millivolts($0[0]), maximum: .millivolts($0[1]), standard: .millivolts($0[2]))
        },
        maximumChips: chips, maximumChipsReason: reason, jobSlots: slots, initialResponseBytes: bytes.0,
        responseBytes: bytes.1, unproven: [], source: "test")
}

public let bm1387 = BM1387(
    facts: facts(
        "BM1387", [0x1387], cores: 114, subCores: 1, units: 114, [100, 900, 650], millivolts: nil, chips: 64,
        nonceBits, slots: 32, (7, 7)))
public let bm1397 = BM1397(
    facts: facts(
        "BM1397", [0x1397], cores: 168, subCores: 4, units: 672, [100, 600, 425],
        millivolts: [1100, 1500, 1400], chips: 64, nonceBits, slots: 32, (9, 9)))
public let bm1362 = BM1362(
    facts: facts(
        "BM1362", [0x1362], cores: 65, subCores: 8, units: 514, [100, 800, 525], millivolts: nil))
public let bm1366 = BM1366(
    facts: facts(
        "BM1366", [0x1366], cores: 112, subCores: 8, units: 894, [100, 575, 485],
        millivolts: [1100, 1300, 1200]))
public let bm1368 = BM1368(
    facts: facts(
        "BM1368", [0x1368], cores: 80, subCores: 16, units: 1276, [100, 575, 490],
        millivolts: [1100, 1300, 1166]))
public let bm1370 = BM1370(
    facts: facts(
        "BM1370", [0x1370], cores: 128, subCores: 16, units: 2040, [100, 800, 525],
        millivolts: [1000, 1250, 1150]))
public let bm1372 = BM1372(
    facts: facts(
        "BM1372/73", [0x1372, 0x1373], cores: 128, subCores: 16, units: 6725, [100, 410, 327],
        millivolts: [1000, 1250, 1000], chips: 16,
        "ESP-Miner gives addresses 16 apart; no other way is known for this model"))

public let everyModel: [any ChipModel] = [bm1387, bm1397, bm1362, bm1366, bm1368, bm1370, bm1372]

/// A plan for so many chips, with all versions for the chips to roll.
public func planned(
    _ model: any ChipModel, chips: Int, domains: Int = 1, rule: AddressRule = .powerOfTwoShare,
    megahertz: Double? = nil, ticket: UInt32 = 256, baud: BaudStep? = nil
) -> BringUpPlan? {
    let target = megahertz.map(Hertz.megahertz) ?? model.facts.defaultFrequency
    guard let layout = model.layout(chips: chips, rule: rule, domains: domains),
        let ramp = model.clockLimits.ramp(from: ClockLimits.resetFrequency, to: target),
        let clock = ramp.last, let mask = TicketMask(difficulty: ticket)
    else { return nil }
    return BringUpPlan(
        layout: layout, ramp: ramp,
        counting: model.hashCounting(layout, clock: clock, versionMask: VersionRolling.bits), ticket: mask,
        versionMask: VersionRolling.bits, baud: baud)
}
