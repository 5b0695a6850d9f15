import ASICChips
import Boards
import Peripherals
import TOMLNodes
import Units

/// Reads a file of `Hardware/boards/`. What it says is checked key by key here, and as a whole in `checked`.
///
/// - Parameters:
///   - name: of the profile: the file's name without its ending.
///   - chip: finds a chip by the name that the board's file gives, or explains why not.
func boardProfile(
    _ root: TOMLNode, name: String, chip: (String) throws(ProfileError) -> ChipFacts?, knownChips: [String]
) throws(ProfileError.Problem) -> BoardProfile {
    try TableReader.read(root) { (file) throws(ProfileError.Problem) -> BoardProfile in
        let emulatedBits = try file.table("emulated") { (table) throws(ProfileError.Problem) in
            try table.integer("report_zero_bits", in: 1...32)
        }
        let shape = try file.table("chain") { (table) throws(ProfileError.Problem) in
            try chainShape(&table, emulatedBits: emulatedBits, chip: chip, knownChips: knownChips)
        }
        let hasRegulator = file.has("regulator")
        let regulator = hasRegulator ? try file.table("regulator", regulatorFacts) : nil
        let (on, off) = try file.table("power") { (table) throws(ProfileError.Problem) in
            (try powerSteps(&table, "on"), try powerSteps(&table, "off"))
        }
        return BoardProfile(
            name: name, title: try file.text("title"),
            provenance: try file.choice(
                "provenance", ["captured": .captured, "from source": .fromSource, "untested": .untested]),
            unproven: try file.texts("unproven"), sources: try file.texts("sources"), chain: shape,
            usb: try file.table("usb", usbIdentity), control: try file.table("control", controlFormats),
            regulator: regulator, pins: try file.table("pins", boardPins), powerOn: on, powerOff: off)
    }
}

private func chainShape(
    _ table: inout TableReader, emulatedBits: Int, chip: (String) throws(ProfileError) -> ChipFacts?,
    knownChips: [String]
) throws(ProfileError.Problem) -> ChainShape {
    let chipName = try table.text("chip")
    let facts: ChipFacts?
    do throws(ProfileError) { facts = try chip(chipName) } catch { throw error.problem }
    guard let facts else { throw .unknownChip(path: table.path(of: "chip"), chipName, known: knownChips) }
    let hasVoltage = table.has("core_millivolts")
    let hasTicket = table.has("ticket_difficulty")
    return ChainShape(
        chip: facts, chips: try table.integer("chips", in: 1...256),
        domains: try table.integer("domains", in: 1...256),
        frequency: .megahertz(try table.number("frequency_mhz", in: 1...10_000)),
        coreVoltage: hasVoltage ? .volts(try table.number("core_millivolts", in: 1...5_000) / 1000) : nil,
        addressRule: try table.choice(
            "addresses",
            [
                "power-of-two share": .powerOfTwoShare, "stride 2": .stride(2), "stride 4": .stride(4),
            ]),
        baud: BaudRate(UInt32(try table.integer("baud", in: 9_600...12_000_000))),
        reportZeroBits: try table.integer("report_zero_bits", in: 1...32),
        emulatedReportZeroBits: emulatedBits,
        ticketDifficulty: hasTicket ? UInt32(try table.integer("ticket_difficulty", in: 1...1 << 31)) : nil)
}

private func usbIdentity(_ table: inout TableReader) throws(ProfileError.Problem) -> USBIdentity {
    USBIdentity(
        vendor: UInt16(try table.integer("vendor", in: 0...0xFFFF)),
        product: UInt16(try table.integer("product", in: 0...0xFFFF)),
        manufacturerText: try table.text("manufacturer_text"), productText: try table.text("product_text"),
        controlInterface: try table.integer("control_interface", in: 0...31),
        dataInterface: try table.integer("data_interface", in: 0...31))
}

private func controlFormats(_ table: inout TableReader) throws(ProfileError.Problem) -> ControlFormats {
    let words: KeyValuePairs<String, ControlFormat> = [
        "v0": .payloadLength, "v1": .status, "total length": .totalLength,
    ]
    let format = try table.choice("format", words)
    let differs = table.has("format_from_minor_1")
    return ControlFormats(
        format: format, formatFromMinor1: differs ? try table.choice("format_from_minor_1", words) : nil)
}

private func regulatorFacts(_ table: inout TableReader) throws(ProfileError.Problem) -> RegulatorFacts {
    try table.choice("part", ["tps546": ()])
    let minimum = Volts.volts(try table.number("output_minimum_volts", in: 0...10))
    let maximum = Volts.volts(try table.number("output_maximum_volts", in: minimum.volts...10))
    // 0x08...0x77 are what the I²C specification leaves for devices.
    guard let address = I2CAddress(try table.integer("i2c_address", in: 0x08...0x77)) else {
        preconditionFailure("those bounds have seven bits")
    }
    let settings = TPS546.Settings(
        stackConfig: UInt16(try table.integer("stack_config", in: 0...0xFFFF)),
        syncConfig: UInt8(try table.integer("sync_config", in: 0...0xFF)),
        phase: UInt8(try table.integer("phase", in: 0...0xFF)),
        inputOn: .volts(try table.number("input_on_volts", in: 0...20)),
        inputOff: .volts(try table.number("input_off_volts", in: 0...20)),
        inputOverVoltage: .volts(try table.number("input_over_volts", in: 0...20)),
        feedbackRatio: try table.number("feedback_ratio", in: 0.125...1), outputBounds: minimum...maximum,
        outputCurrentWarning: .amperes(try table.number("output_warning_amperes", in: 1...200)),
        outputCurrentFault: .amperes(try table.number("output_fault_amperes", in: 1...200)))
    return .tps546(address: address, settings)
}

private func boardPins(_ table: inout TableReader) throws(ProfileError.Problem) -> [BoardPin] {
    var pins: [BoardPin] = []
    for role in PinRole.allCases where table.has(role.rawValue) {
        pins.append(
            try table.table(role.rawValue) { (pin) throws(ProfileError.Problem) in
                BoardPin(
                    role: role, number: UInt8(try pin.integer("number", in: 0...255)),
                    isActiveHigh: try pin.choice("active", ["low": false, "high": true]))
            })
    }
    return pins
}

/// A list of steps, one small table each: `{ pin, active }`, `{ confirm, active }`, `{ bus_clock_khz }`, `{ wait_ms }`
/// or `{ regulator }`.
private func powerSteps(_ table: inout TableReader, _ key: String) throws(ProfileError.Problem) -> [PowerStep]
{
    let path = table.path(of: key)
    let nodes = try table.array(key)
    guard nodes.count <= 64 else {
        throw .outOfBounds(path, value: "\(nodes.count) steps", allowed: "0 to 64 steps", why: .format)
    }
    return try nodes.enumerated().map { (item) throws(ProfileError.Problem) in
        try TableReader.read(item.element, path: "\(path)[\(item.offset)]", powerStep)
    }
}

private func powerStep(_ step: inout TableReader) throws(ProfileError.Problem) -> PowerStep {
    if step.has("pin") { return .drive(try pinRole(&step, "pin"), active: try step.flag("active")) }
    if step.has("confirm") { return .confirm(try pinRole(&step, "confirm"), active: try step.flag("active")) }
    if step.has("bus_clock_khz") {
        return .busClock(Hertz(hertz: UInt64(try step.integer("bus_clock_khz", in: 10...1_000)) * 1000))
    }
    if step.has("wait_ms") { return .settle(.milliseconds(try step.integer("wait_ms", in: 1...10_000))) }
    if step.has("regulator") {
        let word = try step.text("regulator")
        guard let stage = RegulatorStage(rawValue: word) else {
            throw .notOneOf(
                step.path(of: "regulator"), value: word, allowed: RegulatorStage.allCases.map(\.rawValue))
        }
        return .regulator(stage)
    }
    throw .missingKey(step.path, expected: "one of: pin, confirm, bus_clock_khz, wait_ms, regulator")
}

private func pinRole(_ step: inout TableReader, _ key: String) throws(ProfileError.Problem) -> PinRole {
    let word = try step.text(key)
    guard let role = PinRole(rawValue: word) else {
        throw .notOneOf(step.path(of: key), value: word, allowed: PinRole.allCases.map(\.rawValue))
    }
    return role
}
