import Boards
import Peripherals
import TOMLNodes
import Units

/// Fans, sensors, limits, and what a board does without its host.
///
/// - Parameter strict: a board that is driven has limits.
func boardCare(_ file: inout TableReader, strict: Bool) throws(ProfileError.Problem) -> BoardCare {
    let words = HostLoss.allCases.map(\.rawValue)
    let word = try file.text("without_host")
    guard let hostLoss = HostLoss(rawValue: word) else {
        throw .notOneOf("without_host", value: word, allowed: words)
    }
    let sensors = try list(&file, "sensors", sensor)
    let constants = PartConstants(sensors)
    let fans = try list(&file, "fans") { (table) throws(ProfileError.Problem) in try fan(&table, constants) }
    let hasLimits = strict || file.has("limits")
    return BoardCare(
        fans: fans, sensors: sensors.map { $0.facts(constants) },
        limits: hasLimits ? try file.table("limits", boardLimits) : nil, hostLoss: hostLoss)
}

/// At most sixteen tables; none where the key is missing.
private func list<Value>(
    _ file: inout TableReader, _ key: String,
    _ body: (inout TableReader) throws(ProfileError.Problem) -> Value
) throws(ProfileError.Problem) -> [Value] {
    guard file.has(key) else { return [] }
    let nodes = try file.array(key)
    guard nodes.count <= 16 else {
        throw .outOfBounds(key, value: "\(nodes.count) tables", allowed: "0 to 16 tables", why: .format)
    }
    return try nodes.enumerated().map { (item) throws(ProfileError.Problem) in
        try TableReader.read(item.element, path: "\(key)[\(item.offset)]", body)
    }
}

/// A sensor as the file gives it: a part of which two sensors are read has its constants at one of them.
private struct SensorTable {
    enum Part { case emc2101Diode, emc2101Own, first, second, tmp1075, tmp451Own, tmp451Diode, tps546 }

    enum Where {
        case bus(Part, I2CAddress)
        case chip
        case telemetry(Int)
    }

    var name: String
    var location: Where
    var measures: SensorFacts.Measures
    var offset: Double
    var sensible: ClosedRange<Celsius>
    var diode: EMC2101.Diode?
    var diodeOffset: Int8?

    func facts(_ constants: PartConstants) -> SensorFacts {
        SensorFacts(
            name: name, part: part(constants), measures: measures, offset: offset, sensible: sensible)
    }

    private func part(_ constants: PartConstants) -> SensorPart {
        switch location {
        case .chip: .chipRegister
        case .telemetry(let number): .telemetry(number)
        case .bus(let part, let address):
            switch part {
            case .emc2101Diode: .emc2101Diode(constants.emc2101(address))
            case .emc2101Own: .emc2101Own(constants.emc2101(address))
            case .first: .emc2103Diode(EMC2103(address: address), .first)
            case .second: .emc2103Diode(EMC2103(address: address), .second)
            case .tmp1075: .tmp1075(TMP1075(address: address))
            case .tmp451Own: .tmp451Own(constants.tmp451(address))
            case .tmp451Diode: .tmp451Diode(constants.tmp451(address))
            case .tps546: .tps546(address: address)
            }
        }
    }
}

private struct PartConstants {
    private var diodes: [I2CAddress: EMC2101.Diode] = [:]
    private var offsets: [I2CAddress: Int8] = [:]

    init(_ sensors: [SensorTable]) {
        for sensor in sensors {
            guard case .bus(_, let address) = sensor.location else { continue }
            if let diode = sensor.diode { diodes[address] = diode }
            if let offset = sensor.diodeOffset { offsets[address] = offset }
        }
    }

    func emc2101(_ address: I2CAddress) -> EMC2101 { EMC2101(address: address, diode: diodes[address]) }
    func tmp451(_ address: I2CAddress) -> TMP451 {
        TMP451(address: address, diodeOffset: offsets[address] ?? 0)
    }
}

private func sensor(_ table: inout TableReader) throws(ProfileError.Problem) -> SensorTable {
    enum Word { case bus(SensorTable.Part), chip, telemetry(Int) }
    let words: KeyValuePairs<String, Word> = [
        "emc2101 diode": .bus(.emc2101Diode), "emc2101": .bus(.emc2101Own), "emc2103 diode 1": .bus(.first),
        "emc2103 diode 2": .bus(.second), "tmp1075": .bus(.tmp1075), "tmp451": .bus(.tmp451Own),
        "tmp451 diode": .bus(.tmp451Diode), "tps546": .bus(.tps546), "chip register": .chip,
        "telemetry 1": .telemetry(1), "telemetry 2": .telemetry(2),
    ]
    var usual = TemperatureFormat.usuallySensible
    let location: SensorTable.Where
    var diode: EMC2101.Diode?
    var diodeOffset: Int8?
    switch try table.choice("part", words) {
    case .chip: location = .chip
    case .telemetry(let number): location = .telemetry(number)
    case .bus(let part):
        location = .bus(part, try i2cAddress(&table, "i2c_address"))
        switch part {
        case .emc2101Diode: diode = try emc2101Diode(&table)
        case .tmp451Diode where table.has("diode_offset_celsius"):
            diodeOffset = Int8(try table.integer("diode_offset_celsius", in: -64...63))
        case .tps546: usual = TPS546.sensibleTemperature
        case .emc2101Own, .first, .second, .tmp1075, .tmp451Own, .tmp451Diode: break
        }
    }
    let hasOffset = table.has("offset_celsius")
    let hasSensible = table.has("sensible_celsius")
    return SensorTable(
        name: try table.text("name"), location: location,
        measures: try table.choice("measures", ["chip": .chip, "board": .board, "regulator": .regulator]),
        offset: hasOffset ? try table.number("offset_celsius", in: -40...40) : 0,
        sensible: hasSensible ? try sensibleRange(&table) : usual, diode: diode, diodeOffset: diodeOffset)
}

/// Both constants or neither.
private func emc2101Diode(_ table: inout TableReader) throws(ProfileError.Problem) -> EMC2101.Diode? {
    let (hasIdeality, hasBeta) = (table.has("ideality"), table.has("beta"))
    guard hasIdeality || hasBeta else { return nil }
    guard hasIdeality, hasBeta else {
        throw .goesWith(table.path(of: "ideality"), table.path(of: "beta"))
    }
    return EMC2101.Diode(
        ideality: UInt8(try table.integer("ideality", in: 0...0xFF)),
        beta: UInt8(try table.integer("beta", in: 0...0xFF)))
}

/// `[lowest, highest]`
private func sensibleRange(_ table: inout TableReader) throws(ProfileError.Problem) -> ClosedRange<Celsius> {
    let path = table.path(of: "sensible_celsius")
    let numbers = try table.array("sensible_celsius").compactMap { node -> Double? in
        switch node {
        case .integer(let whole): Double(whole)
        case .number(let number): number
        case .table, .array, .text, .flag, .time: nil
        }
    }
    guard numbers.count == 2, numbers[0] >= -55, numbers[0] < numbers[1], numbers[1] <= 175 else {
        throw .outOfBounds(
            path, value: "\(numbers)", allowed: "two ascending numbers of -55 to 175", why: .format)
    }
    return Celsius.degrees(numbers[0])...Celsius.degrees(numbers[1])
}

private func fan(_ table: inout TableReader, _ constants: PartConstants) throws(ProfileError.Problem)
    -> FanFacts
{
    enum Word { case emc2101, emc2103, emc2302(EMC2302.Output) }
    let words: KeyValuePairs<String, Word> = [
        "emc2101": .emc2101, "emc2103": .emc2103, "emc2302 output 1": .emc2302(.first),
        "emc2302 output 2": .emc2302(.second),
    ]
    let word = try table.choice("part", words)
    let address = try i2cAddress(&table, "i2c_address")
    let part: FanPart =
        switch word {
        case .emc2101: .emc2101(constants.emc2101(address))
        case .emc2103: .emc2103(EMC2103(address: address))
        case .emc2302(let output): .emc2302(EMC2302(address: address), output)
        }
    guard let minimum = FanDuty(percent: try table.integer("minimum_percent", in: 0...100)) else {
        preconditionFailure("those bounds are a duty's")
    }
    return FanFacts(name: try table.text("name"), part: part, minimum: minimum)
}

/// Trip points reach up to where working firmware gives up: 90 °C for a chip (ESP-Miner's hard end), and for a regulator
/// what its own warning stands at or a little more, long before its own fault.
private func boardLimits(_ table: inout TableReader) throws(ProfileError.Problem) -> BoardLimits {
    let lowest = try megahertz(&table, "frequency_minimum_mhz")
    let highest = Hertz.megahertz(try table.number("frequency_maximum_mhz", in: lowest.megahertz...10_000))
    var voltage: ClosedRange<Volts>?
    if table.has("core_minimum_millivolts") || table.has("core_maximum_millivolts") {
        let minimum = try coreVoltage(&table, "core_minimum_millivolts")
        let maximum = try table.number("core_maximum_millivolts", in: (minimum.volts * 1000)...5_000)
        voltage = minimum...Volts.volts(maximum / 1000)
    }
    var trip: [SensorFacts.Measures: Celsius] = [:]
    for (measures, key, most) in [
        (.chip, "chip_celsius", 90), (.board, "board_celsius", 90), (.regulator, "regulator_celsius", 125),
    ] as [(SensorFacts.Measures, String, Double)] where table.has(key) {
        trip[measures] = .degrees(try table.number(key, in: 40...most))
    }
    let hasPower = table.has("power_watts")
    let hasOffset = table.has("power_offset_watts")
    var input: ClosedRange<Volts>?
    if table.has("input_minimum_volts") || table.has("input_maximum_volts") {
        let minimum = Volts.volts(try table.number("input_minimum_volts", in: 1...20))
        input = minimum...Volts.volts(try table.number("input_maximum_volts", in: minimum.volts...20))
    }
    return BoardLimits(
        frequency: lowest...highest, coreVoltage: voltage, trip: trip,
        power: hasPower ? .watts(try table.number("power_watts", in: 1...10_000)) : nil,
        powerOffset: hasOffset ? .watts(try table.number("power_offset_watts", in: 0...1_000)) : nil,
        inputVoltage: input)
}
