import ASICChips
import Boards
import Peripherals
import TOMLNodes
import Units

/// Finds chips by the names that board files give, or explains why one cannot be used.
struct ChipFinder {
    let find: (String) throws(ProfileError) -> ChipFacts?
    let known: [String]

    func chip(_ name: String, at path: String) throws(ProfileError.Problem) -> ChipFacts {
        let facts: ChipFacts?
        do throws(ProfileError) { facts = try find(name) } catch { throw error.problem }
        guard let facts else { throw .unknownChip(path: path, name, known: known) }
        return facts
    }
}

/// Reads a file of `Hardware/boards/`. What it says is checked key by key here, and as a whole by `problems`.
///
/// - Parameter name: of the type: the file's name without its ending.
func boardType(_ root: TOMLNode, name: String, chips: ChipFinder) throws(ProfileError.Problem) -> BoardType {
    try TableReader.read(root) { (file) throws(ProfileError.Problem) -> BoardType in
        let transport = try readTransport(&file)
        let access = try readAccess(&file)
        let missing = access == .known ? try readMissing(&file) : []
        let population = try file.table("chain") { (table) throws(ProfileError.Problem) in
            try chipPopulation(&table, strict: access == .drivable, chips: chips)
        }
        let supply = try file.table("regulator", coreSupply)
        let care = try boardCare(&file, strict: access == .drivable)
        var type = BoardType(
            name: name, title: try file.text("title"),
            versions: file.has("versions") ? try file.texts("versions") : [],
            provenance: try file.choice(
                "provenance", ["captured": .captured, "from source": .fromSource, "untested": .untested]),
            unproven: try file.texts("unproven"), sources: try file.texts("sources"),
            chips: population.chips, transport: transport, supply: supply,
            pins: file.has("pins") ? try file.table("pins", boardPins) : [],
            powerNotes: file.has("power_notes") ? try file.texts("power_notes") : [], care: care,
            access: .networkOnly)
        switch access {
        case .network: break
        case .known: type.access = .known(missing: missing)
        case .drivable: type.access = .drivable(try profile(&file, of: type, population))
        }
        return type
    }
}

private enum AccessWord { case drivable, known, network }

private func readAccess(_ file: inout TableReader) throws(ProfileError.Problem) -> AccessWord {
    try file.choice("access", ["drivable": .drivable, "known": .known, "network only": .network])
}

/// A type that is only known says what keeps it from more.
private func readMissing(_ file: inout TableReader) throws(ProfileError.Problem) -> [String] {
    let sentences = try file.texts("missing")
    guard !sentences.isEmpty else {
        throw .wrongType("missing", expected: "a sentence for each thing that is missing", found: "empty")
    }
    return sentences
}

private func readTransport(_ file: inout TableReader) throws(ProfileError.Problem) -> BoardTransport {
    enum Word { case ports, bridge, serial, network }
    let words: KeyValuePairs<String, Word> = [
        "usb ports": .ports, "usb bridge": .bridge, "serial port": .serial, "network": .network,
    ]
    switch try file.choice("transport", words) {
    case .ports:
        return .usbPorts(try file.table("usb", usbIdentity), try file.table("control", controlFormats))
    case .bridge: return .usbBridge(try file.table("bridge", usbBridge))
    case .serial: return .serialPort
    case .network: return .network
    }
}

/// What `Board` needs beyond the facts of the type.
private func profile(_ file: inout TableReader, of type: BoardType, _ population: Population)
    throws(ProfileError.Problem) -> BoardProfile
{
    guard case .usbPorts(let usb, let control) = type.transport else {
        throw .notOneOf("access", value: "drivable", allowed: ["known", "network only"])
    }
    guard var shape = population.shape else {
        preconditionFailure("the chain of a drivable board is read whole")
    }
    shape.emulatedReportZeroBits = try file.table("emulated") { (table) throws(ProfileError.Problem) in
        try table.integer("report_zero_bits", in: 1...32)
    }
    let regulator: RegulatorFacts?
    switch type.supply {
    case .tps546(let address, let settings): regulator = .tps546(address: address, settings)
    case .notInFacts: regulator = nil
    case .ds4432u, .undriven:
        throw .notOneOf("access", value: "drivable", allowed: ["known", "network only"])
    }
    let (on, off) = try file.table("power") { (table) throws(ProfileError.Problem) in
        (try powerSteps(&table, "on"), try powerSteps(&table, "off"))
    }
    let isTold = file.has("told_by_sensors") ? try file.flag("told_by_sensors") : false
    return BoardProfile(
        name: type.name, title: type.title, provenance: type.provenance, unproven: type.unproven,
        sources: type.sources, chain: shape, usb: usb, control: control, regulator: regulator,
        pins: try file.table("pins", boardPins), powerOn: on, powerOff: off, care: type.care,
        isToldBySensors: isTold)
}

private func usbIdentity(_ table: inout TableReader) throws(ProfileError.Problem) -> USBIdentity {
    USBIdentity(
        vendor: UInt16(try table.integer("vendor", in: 0...0xFFFF)),
        product: UInt16(try table.integer("product", in: 0...0xFFFF)),
        manufacturerText: try table.text("manufacturer_text"), productText: try table.text("product_text"),
        controlInterface: try table.integer("control_interface", in: 0...31),
        dataInterface: try table.integer("data_interface", in: 0...31))
}

private func usbBridge(_ table: inout TableReader) throws(ProfileError.Problem) -> USBBridge {
    let hasTelemetry = table.has("telemetry_interface")
    return USBBridge(
        kind: try table.choice("kind", ["ft231x": .ft231x, "cp2105": .cp2105]),
        vendor: UInt16(try table.integer("vendor", in: 0...0xFFFF)),
        product: UInt16(try table.integer("product", in: 0...0xFFFF)),
        manufacturerText: try table.text("manufacturer_text"), productText: try table.text("product_text"),
        chipInterface: try table.integer("chip_interface", in: 0...31),
        telemetryInterface: hasTelemetry ? try table.integer("telemetry_interface", in: 0...31) : nil)
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
