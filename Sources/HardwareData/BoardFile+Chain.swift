import ASICChips
import Boards
import Units

/// The chips of a board, and the whole shape of their chain where the board is driven.
struct Population {
    var chips: ChipPopulation
    var shape: ChainShape?
}

/// - Parameter strict: a board that is driven has code for its chip, and every number.
func chipPopulation(_ table: inout TableReader, strict: Bool, chips: ChipFinder) throws(ProfileError.Problem)
    -> Population
{
    let hasVoltage = table.has("core_millivolts")
    let voltage = hasVoltage ? try coreVoltage(&table, "core_millivolts") : nil
    let words: KeyValuePairs<String, AddressRule> = [
        "power-of-two share": .powerOfTwoShare, "stride 2": .stride(2), "stride 4": .stride(4),
    ]
    guard strict else {
        let isCoded = !table.has("uncoded_chip")
        let name = try table.text(isCoded ? "chip" : "uncoded_chip")
        let facts = isCoded ? try chips.chip(name, at: table.path(of: "chip")) : nil
        let hasDomains = table.has("domains")
        let hasFrequency = table.has("frequency_mhz")
        let hasAddresses = table.has("addresses")
        let hasBaud = table.has("baud")
        return Population(
            chips: ChipPopulation(
                name: facts?.name ?? name, facts: facts, chips: try table.integer("chips", in: 1...256),
                domains: hasDomains ? try table.integer("domains", in: 1...256) : nil,
                frequency: hasFrequency ? try megahertz(&table, "frequency_mhz") : nil, coreVoltage: voltage,
                addressRule: hasAddresses ? try table.choice("addresses", words) : nil,
                baud: hasBaud ? try baud(&table) : nil))
    }
    let facts = try chips.chip(try table.text("chip"), at: table.path(of: "chip"))
    let hasTicket = table.has("ticket_difficulty")
    let shape = ChainShape(
        chip: facts, chips: try table.integer("chips", in: 1...256),
        domains: try table.integer("domains", in: 1...256), frequency: try megahertz(&table, "frequency_mhz"),
        coreVoltage: voltage, addressRule: try table.choice("addresses", words), baud: try baud(&table),
        reportZeroBits: try table.integer("report_zero_bits", in: 1...32), emulatedReportZeroBits: 1,
        ticketDifficulty: hasTicket ? UInt32(try table.integer("ticket_difficulty", in: 1...1 << 31)) : nil)
    return Population(
        chips: ChipPopulation(
            name: facts.name, facts: facts, chips: shape.chips, domains: shape.domains,
            frequency: shape.frequency, coreVoltage: voltage, addressRule: shape.addressRule,
            baud: shape.baud), shape: shape)
}

func megahertz(_ table: inout TableReader, _ key: String) throws(ProfileError.Problem) -> Hertz {
    .megahertz(try table.number(key, in: 1...10_000))
}

func coreVoltage(_ table: inout TableReader, _ key: String) throws(ProfileError.Problem) -> Volts {
    .volts(try table.number(key, in: 1...5_000) / 1000)
}

private func baud(_ table: inout TableReader) throws(ProfileError.Problem) -> BaudRate {
    BaudRate(UInt32(try table.integer("baud", in: 9_600...12_000_000)))
}
