import ASICChips
import Units

/// Reads a file of `Hardware/chips/`.
func chipFacts(_ root: TOMLNode) throws(ProfileError.Problem) -> ChipFacts {
    let facts = try TableReader.read(root) { (file) throws(ProfileError.Problem) -> ChipFacts in
        let frequency = try file.table("frequency_mhz") { (table) throws(ProfileError.Problem) in
            try threeNumbers(&table, in: 1...10_000).map(Hertz.megahertz)
        }
        let hasVoltage = file.has("core_millivolts")
        let voltage = hasVoltage ? try file.table("core_millivolts", coreVoltage) : nil
        let (initial, rolling) = try file.table("response_bytes") { (table) throws(ProfileError.Problem) in
            (try table.integer("initial", in: 9...11), try table.integer("rolling", in: 9...11))
        }
        return ChipFacts(
            name: try file.text("name"), chipID: UInt16(try file.integer("chip_id", in: 1...0xFFFF)),
            cores: try file.integer("cores", in: 1...65_536),
            subCores: try file.integer("sub_cores", in: 1...65_536),
            hashUnits: try file.integer("hash_units", in: 1...1_000_000), minimumFrequency: frequency[0],
            maximumFrequency: frequency[2], defaultFrequency: frequency[1], coreVoltage: voltage,
            maximumChips: try file.integer("maximum_chips", in: 1...256),
            jobSlots: try file.integer("job_slots", in: 1...128), initialResponseBytes: initial,
            responseBytes: rolling, unproven: try file.texts("unproven"), source: try file.text("source"))
    }
    guard chipModel(for: facts) != nil else {
        guard supportedChipIDs.contains(facts.chipID) else {
            throw .noCode(chipID: facts.chipID, supported: supportedChipIDs)
        }
        throw .outOfBounds(
            "response_bytes", value: "\(facts.initialResponseBytes), \(facts.responseBytes)",
            allowed: "9 or 11",
            why: .format)
    }
    return facts
}

private func coreVoltage(_ table: inout TableReader) throws(ProfileError.Problem) -> CoreVoltageWindow {
    let volts = try threeNumbers(&table, in: 1...5_000).map { Volts.volts($0 / 1000) }
    return CoreVoltageWindow(minimum: volts[0], maximum: volts[2], standard: volts[1])
}

/// `minimum`, `default` and `maximum`, in this order and not descending.
private func threeNumbers(_ table: inout TableReader, in bounds: ClosedRange<Double>)
    throws(ProfileError.Problem) -> [Double]
{
    let minimum = try table.number("minimum", in: bounds)
    let maximum = try table.number("maximum", in: minimum...max(minimum, bounds.upperBound))
    return [minimum, try table.number("default", in: minimum...maximum), maximum]
}
