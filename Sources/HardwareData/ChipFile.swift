import ASICChips
import TOMLNodes
import Units

/// Reads a file of `Hardware/chips/`.
func chipFacts(_ root: TOMLNode) throws(ProfileError.Problem) -> ChipFacts {
    let facts = try TableReader.read(root) { (file) throws(ProfileError.Problem) -> ChipFacts in
        let name = try file.text("name")
        let ids = try chipIDs(&file)
        let frequency = try file.table("frequency_mhz") { (table) throws(ProfileError.Problem) in
            try threeNumbers(&table, in: 1...10_000).map(Hertz.megahertz)
        }
        let hasVoltage = file.has("core_millivolts")
        let voltage = hasVoltage ? try file.table("core_millivolts", coreVoltage) : nil
        let (initial, working) = try file.table("response_bytes") { (table) throws(ProfileError.Problem) in
            (try table.integer("initial", in: 7...11), try table.integer("working", in: 7...11))
        }
        return ChipFacts(
            name: name, chipIDs: ids, cores: try file.integer("cores", in: 1...65_536),
            subCores: try file.integer("sub_cores", in: 1...65_536),
            hashUnits: try file.integer("hash_units", in: 1...1_000_000), minimumFrequency: frequency[0],
            maximumFrequency: frequency[2], defaultFrequency: frequency[1], coreVoltage: voltage,
            maximumChips: try file.integer("maximum_chips", in: 1...256),
            maximumChipsReason: try file.text("maximum_chips_reason"),
            jobSlots: try jobSlots(&file, of: name, ids), initialResponseBytes: initial,
            responseBytes: working, unproven: try file.texts("unproven"), source: try file.text("source"))
    }
    // Ids and job slots were looked at above: what code refuses now is a size of replies.
    guard chipModel(for: facts) != nil else {
        throw .outOfBounds(
            "response_bytes", value: "\(facts.initialResponseBytes), \(facts.responseBytes)",
            allowed: "7 and 7 for a model without preambles, 9 or 11 for others", why: .chip(facts.name))
    }
    return facts
}

/// Ids that one model answers with, and that this program has code for.
private func chipIDs(_ file: inout TableReader) throws(ProfileError.Problem) -> [UInt16] {
    let nodes = try file.array("chip_ids")
    guard (1...8).contains(nodes.count) else {
        throw .outOfBounds("chip_ids", value: "\(nodes.count) ids", allowed: "1 to 8 ids", why: .format)
    }
    var ids = [UInt16]()
    for (index, node) in nodes.enumerated() {
        let path = "\(file.path(of: "chip_ids"))[\(index)]"
        guard case .integer(let number) = node else {
            throw .wrongType(path, expected: "a whole number", found: node.kind)
        }
        guard let id = UInt16(exactly: number), id > 0 else {
            throw .outOfBounds(path, value: "\(number)", allowed: "1 to 65535", why: .format)
        }
        guard supportedChipIDs.contains(id) else {
            throw .noCode(path, chipID: id, supported: supportedChipIDs)
        }
        guard !ids.contains(id) else { throw .sameValue("chip_ids[\(ids.firstIndex(of: id) ?? 0)]", path) }
        guard isOneModel(ids + [id]) else { throw .otherModel(path, chipID: id, than: ids[0]) }
        ids.append(id)
    }
    return ids
}

/// A power of two that the model's job byte can tell apart, the very ones that `chipModel(for:)` accepts.
private func jobSlots(_ file: inout TableReader, of name: String, _ ids: [UInt16])
    throws(ProfileError.Problem) -> Int
{
    let slots = try file.integer("job_slots", in: 1...65_536)
    let choices = jobSlotChoices(chipID: ids[0])
    guard choices.contains(slots) else {
        throw .outOfBounds(
            file.path(of: "job_slots"), value: "\(slots)",
            allowed: choices.map(String.init).joined(separator: ", "), why: .chip(name))
    }
    return slots
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
