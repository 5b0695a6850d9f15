import ASICChips
import Boards
import Foundation
import HardwareData
import Peripherals
import TestSupport
import Testing
import Units

private let library = HardwareLibrary()

/// The text of a board's file, with pieces of it replaced.
private func file(_ name: String, _ changes: [(String, String)] = []) throws -> String {
    let url = Shared.packageRoot.appendingPathComponent("Hardware/boards/\(name).toml")
    var text = try String(contentsOf: url, encoding: .utf8)
    for (old, new) in changes {
        try #require(text.contains(old), "the file no longer says \(old)")
        text = text.replacingOccurrences(of: old, with: new)
    }
    return text
}

private func problems(_ text: String) -> [ProfileError.Problem] {
    switch library.checkBoardProfile(text, file: "test.toml").outcome {
    case .right: []
    case .wrong(let problems): problems
    }
}

/// Chips and domains of boards.md §3.
private let shapes: [(name: String, chip: String, chips: Int, domains: Int?)] = [
    ("bitaxe-max", "BM1397", 1, 1), ("bitaxe-ultra", "BM1366", 1, 1), ("bitaxe-ultra-207", "BM1366", 1, 1),
    ("bitaxe-supra", "BM1368", 1, 1), ("bitaxe-supra-402", "BM1368", 1, 1), ("bitaxe-gamma", "BM1370", 1, 1),
    ("bitaxe-gamma-duo", "BM1370", 2, 1), ("bitaxe-gt", "BM1370", 2, 1), ("bitaxe-hex", "BM1366", 6, 3),
    ("bitaxe-suprahex", "BM1368", 6, 3), ("emberone00", "BM1362", 12, 1),
    ("gekko-compac-f", "BM1397", 1, nil),
    ("gekko-r909", "BM1397", 6, nil), ("gekko-compac-a1", "BM1362", 1, nil),
    ("gekko-compac-a2", "BM1370", 1, nil), ("antminer-s9", "BM1387", 63, nil),
    ("antminer-s19-pro", "BM1398", 114, 38), ("antminer-s19j-pro", "BM1362", 126, 42),
    ("antminer-s19k-pro", "BM1366", 77, nil), ("antminer-s19-xp", "BM1366", 110, 11),
    ("antminer-s21", "BM1368", 108, 12), ("antminer-s21-pro", "BM1370", 65, 13),
    ("antminer-s21-xp", "BM1370", 91, 13), ("nerdaxe", "BM1366", 1, nil), ("nerdaxe-gamma", "BM1370", 1, nil),
    ("nerdqaxe-plus", "BM1368", 4, nil), ("nerdqaxe-plusplus", "BM1370", 4, nil),
    ("nerdoctaxe-plus", "BM1368", 8, nil), ("nerdoctaxe-gamma", "BM1370", 8, nil),
    ("nerdhaxe-gamma", "BM1370", 6, nil), ("nerdeko", "BM1370", 12, nil), ("nerdqx", "BM1370", 4, nil),
    ("q1370", "BM1370", 4, nil), ("q1373", "BM1372/73", 1, nil),
]

@Test(arguments: shapes)
func `every board has the chips of the facts`(name: String, chip: String, chips: Int, domains: Int?) throws {
    let type = try library.boardType(named: name)
    #expect(type.chips.name == chip && type.chips.chips == chips && type.chips.domains == domains)
    #expect(!type.unproven.isEmpty && !type.sources.isEmpty && !type.title.isEmpty)
    #expect((type.chips.facts == nil) == (chip == "BM1398"))
}

@Test func `the table above names every file`() {
    #expect(shapes.map(\.name).sorted() == library.boardTypeNames)
}

@Test func `boards that can be driven are few, and the others say why not`() throws {
    #expect(
        library.boardNames == [
            "bitaxe-gamma", "bitaxe-gamma-duo", "bitaxe-gt", "bitaxe-hex", "bitaxe-supra-402",
            "bitaxe-suprahex", "bitaxe-ultra-207", "emberone00",
        ])
    let max = #expect(throws: ProfileError.self) { try library.board(named: "bitaxe-max") }
    guard case .notDrivable("bitaxe-max", let missing) = try #require(max).problem else {
        Issue.record("a Max was driven")
        return
    }
    #expect(missing.contains { $0.contains("DS4432U") })
    let nerd = #expect(throws: ProfileError.self) { try library.board(named: "nerdqaxe-plus") }
    #expect(try #require(nerd).description.contains("over the network only"))
}

@Test func `who goes on without a host is told, and whether its regulator is armed`() throws {
    for name in library.boardTypeNames {
        let type = try library.boardType(named: name)
        switch type.transport {
        case .usbPorts: #expect(type.care.hostLoss == .keepsHashing)
        case .network: #expect(type.care.hostLoss == .isItsOwn && type.access == .networkOnly)
        case .usbBridge, .serialPort: #expect(type.care.hostLoss == .notTold)
        }
    }
    #expect(try library.boardType(named: "bitaxe-gt").isArmedInRegulator)
    #expect(try !library.boardType(named: "emberone00").isArmedInRegulator)
    #expect(try !library.boardType(named: "bitaxe-max").isArmedInRegulator)
}

@Test func `a Gamma's parts are told its diode's constants, whoever names them`() throws {
    let care = try library.board(named: "bitaxe-gamma").care
    let part = EMC2101(
        address: try #require(I2CAddress(0x4C)), diode: EMC2101.Diode(ideality: 0x24, beta: 0x00))
    #expect(care.sensors.map(\.part).prefix(2) == [.emc2101Diode(part), .emc2101Own(part)])
    #expect(care.fans.map(\.part) == [.emc2101(part)])
    #expect(care.limits?.trip == [.chip: .degrees(75), .board: .degrees(80), .regulator: .degrees(105)])
    #expect(care.limits?.frequency == .megahertz(100)...Hertz.megahertz(625))
    #expect(care.limits?.coreVoltage == .millivolts(1000)...Volts.millivolts(1250))
    #expect(care.limits?.power == .watts(40) && care.limits?.powerOffset == .watts(5))
    #expect(care.sensor("chip")?.part.needsChipPower == true)
    #expect(care.sensor("controller")?.reading == part.readOwn(sensible: TemperatureFormat.usuallySensible))
}

@Test func `the GT's regulators, diodes and fan are what the facts say`() throws {
    let board = try library.board(named: "bitaxe-gt")
    guard case .tps546(let address, let settings)? = board.regulator else {
        Issue.record("the GT has a TPS546")
        return
    }
    #expect(address.sevenBits == 0x24 && settings.stackConfig == 1 && settings.syncConfig == 0xD0)
    #expect(settings.phase == 0xFF && settings.compensation == hex("12 34 42 21 04"))
    #expect(settings.inputUnderVoltageWarning == .volts(11) && settings.inputOn == .volts(11))
    #expect(
        settings.outputBounds == .volts(1)...Volts.volts(3) && settings.outputCurrentFault == .amperes(55))
    let part = EMC2103(address: try #require(I2CAddress(0x2E)))
    #expect(board.care.sensor("chip 1")?.part == .emc2103Diode(part, .second))
    #expect(board.care.fans.map(\.part) == [.emc2103(part)])
}

@Test func `the Hex's rail is three times its chips' voltage, inside the regulator's bounds`() throws {
    let type = try library.boardType(named: "bitaxe-hex")
    guard case .tps546(_, let settings) = type.supply else {
        Issue.record("the Hex has a TPS546")
        return
    }
    #expect(settings.outputBounds == .volts(2.5)...Volts.volts(4.5) && settings.feedbackRatio == 0.125)
    #expect(type.chips.coreVoltage == .millivolts(1200) && type.chips.domains == 3)
    #expect(type.care.fans.count == 2 && type.care.sensors.count == 3)
    #expect(type.care.sensor("board 1")?.offset == 10)
    #expect(try library.board(named: "bitaxe-hex").isToldBySensors)
    #expect(try library.board(named: "bitaxe-hex").powerOn.contains(.ask("board 1")))
    guard case .usbBridge(let bridge) = try library.boardType(named: "gekko-compac-a2").transport else {
        Issue.record("an A2 has a bridge")
        return
    }
    #expect(bridge.kind == .cp2105 && bridge.vendor == 0x10C4 && bridge.product == 0xEA70)
    #expect(bridge.productText == "GekkoScience Compac A2" && bridge.telemetryInterface == 1)
}

private let gammaMistakes: [(changes: [(String, String)], says: String)] = [
    (
        [("    { ask = \"controller\" },", "    # {"), ("    { ask = \"regulator\" },", "    # {")],
        "power.on needs the step { ask = \"controller\" } before power.on[7]"
    ),
    (
        [("{ ask = \"controller\" }", "{ ask = \"chip\" }"), ("    { ask = \"regulator\" },", "    # {")],
        "a diode in a chip does not count"
    ),
    (
        [("{ ask = \"controller\" }", "{ ask = \"water\" }")],
        "power.on[3].ask = \"water\" is not known; use one of: chip, controller, regulator"
    ),
    (
        [("    { fans_percent = 100 },", "    # {")],
        "power.on needs the step { fans_percent = 100 } before power.on[8]"
    ),
    (
        [("{ fans_percent = 100 }", "{ fans_percent = 10 }")],
        "power.on[5].fans_percent = 10 is outside 25 to 100, the bounds of the board's own limits"
    ),
    (
        [("{ fans_percent = 100 }", "{ fans_percent = 101 }")],
        "power.on[5].fans_percent = 101 is outside 0 to 100"
    ),
    (
        [("frequency_maximum_mhz = 625", "frequency_maximum_mhz = 900")],
        "limits.frequency_maximum_mhz = 900.0 is outside 100.0 to 800.0, the bounds of the chip BM1370"
    ),
    (
        [("frequency_maximum_mhz = 625", "frequency_maximum_mhz = 500")],
        "chain.frequency_mhz = 525.0 is outside 100.0 to 500.0, the bounds of the board's own limits"
    ),
    (
        [("frequency_maximum_mhz = 625", "frequency_maximum_mhz = 90")],
        "limits.frequency_maximum_mhz = 90.0 is outside 100.0 to"
    ),
    (
        [("core_maximum_millivolts = 1250", "core_maximum_millivolts = 1300")],
        "limits.core_maximum_millivolts = 1300.0 is outside 1000.0 to 1250.0, the bounds of the chip"
    ),
    (
        [("core_maximum_millivolts = 1250", "core_maximum_millivolts = 1100")],
        "chain.core_millivolts = 1150.0 is outside 1000.0 to 1100.0, the bounds of the board's own"
    ),
    (
        [("output_maximum_volts = 2.0", "output_maximum_volts = 1.2")],
        "limits.core_maximum_millivolts × chain.domains = 1250.0 is outside 1000.0 to 1200.0, the bounds of the regulator"
    ),
    ([("chip_celsius = 75", "chip_celsius = 100")], "limits.chip_celsius = 100.0 is outside 40.0 to 90.0"),
    (
        [("chip_celsius = 75", "# 75")],
        "limits.chip_celsius is missing; give it the temperature to switch off at, which sensors[0]"
    ),
    (
        [("regulator_celsius = 105", "regulator_celsius = 150")],
        "limits.regulator_celsius = 150.0 is outside 40.0 to 125.0"
    ),
    ([("[limits]", "[bounds]")], "limits is missing"),
    (
        [
            (
                "part = \"emc2101\"\ni2c_address = 0x4c\nminimum",
                "part = \"emc2103\"\ni2c_address = 0x4c\nminimum"
            )
        ], "sensors[0].i2c_address and fans[0].i2c_address have the same value"
    ),
    (
        [
            (
                "part = \"emc2101\"\ni2c_address = 0x4c\nmeasures",
                "part = \"tmp1075\"\ni2c_address = 0x24\nmeasures"
            )
        ], "regulator.i2c_address and sensors[1].i2c_address have the same value"
    ),
    (
        [("part = \"emc2101 diode\"", "part = \"emc2202\"")],
        "sensors[0].part = \"emc2202\" is not known; use one of: emc2101 diode, "
    ),
    (
        [("i2c_address = 0x4c\nideality", "i2c_address = 0x4cc\nideality")],
        "sensors[0].i2c_address = 1228 is outside 8 to 119"
    ),
    ([("beta = 0x00\n", "")], "sensors[0].ideality and sensors[0].beta belong together"),
    (
        [("name = \"controller\"", "name = \"chip\"")],
        "sensors[0].name and sensors[1].name have the same value"
    ),
    (
        [("beta = 0x00\n", "beta = 0x00\nsensible_celsius = [120, 0]\n")],
        "sensors[0].sensible_celsius = [120.0, 0.0] is outside two ascending numbers"
    ),
    (
        [("without_host = \"keeps hashing\"", "without_host = \"explodes\"")],
        "without_host = \"explodes\" is not known; use one of: keeps hashing, switches off"
    ),
    ([("without_host = \"keeps hashing\"", "# none")], "without_host is missing"),
    ([("access = \"drivable\"", "access = \"known\"")], "missing is missing; give it an array"),
    (
        [("transport = \"usb ports\"", "transport = \"network\"")],
        "access = \"drivable\" is not known; use one of: known, network only"
    ),
    (
        [("input_off_volts = 4.5", "input_off_volts = 4.9")],
        "regulator.input_off_volts = 4.9 is outside less than input_on_volts"
    ),
    (
        [("output_warning_amperes = 25", "output_warning_amperes = 35")],
        "regulator.output_warning_amperes = 35.0 is outside 1.0 to 30.0"
    ),
    (
        [
            (
                "    { regulator = \"disable\" },\n",
                "    { regulator = \"disable\" },\n    { fans_percent = 50 },\n"
            )
        ], "power.off[1] must not be there: power-off leaves the fans"
    ),
    (
        [
            (
                "    { regulator = \"disable\" },\n",
                "    { regulator = \"disable\" },\n    { ask = \"chip\" },\n"
            )
        ], "power.off[1] must not be there: power-off neither waits nor asks"
    ),
]

@Test(arguments: gammaMistakes)
private func `a wrong board is refused with the path of the key`(changes: [(String, String)], says: String)
    throws
{
    let found = problems(try file("bitaxe-gamma", changes)).map(\.description)
    #expect(found.contains { $0.contains(says) }, "\(found)")
    #expect(found.first?.contains(says) == true, "the first thing said is another: \(found)")
}

private let otherMistakes: [(name: String, changes: [(String, String)], says: String)] = [
    (
        "emberone00", [("    { ask = \"left\" },", "    # {"), ("    { ask = \"right\" },", "    # {")],
        "before power.on[5], which powers the chips"
    ),
    (
        "emberone00", [("number = 2", "number = 1")],
        "pins.core_power.number and pins.io_power.number have the same value"
    ),
    (
        "bitaxe-max", [("number = 2", "number = 0")],
        "pins.reset.number and pins.core_power.number have the same value"
    ),
    (
        "bitaxe-max", [("monitor_i2c_address = 0x40", "monitor_i2c_address = 0x48")],
        "regulator.i2c_address and regulator.monitor_i2c_address"
    ),
    (
        "bitaxe-max", [("frequency_mhz = 425 ", "frequency_mhz = 700 ")],
        "chain.frequency_mhz = 700.0 is outside 100.0 to 600.0, the bounds of the chip BM1397"
    ),
    (
        "bitaxe-max", [("core_millivolts = 1400", "core_millivolts = 1600")],
        "chain.core_millivolts = 1600.0 is outside 1100.0 to 1500.0, the bounds of the chip BM1397"
    ),
    ("bitaxe-hex", [("domains = 3", "domains = 4")], "chain.domains = 4 does not divide chain.chips = 6"),
    (
        "bitaxe-hex", [("output_maximum_volts = 4.5", "output_maximum_volts = 3.8")],
        "limits.core_maximum_millivolts × chain.domains = 3900.0 is outside"
    ),
    (
        "bitaxe-hex", [("told_by_sensors = true", "told_by_sensors = false")],
        "told_by_sensors is missing; give it true"
    ),
    ("bitaxe-hex", [("output 2", "output 1")], "fans[0].part and fans[1].part have the same value"),
    (
        "bitaxe-gt", [("compensation = [0x12, ", "compensation = [")],
        "regulator.compensation = 4 bytes is outside 5 bytes"
    ),
    (
        "bitaxe-gt", [("compensation = [0x12, ", "compensation = [0x112, ")],
        "regulator.compensation[0] is a whole number; give it a byte"
    ),
    (
        "antminer-s9", [("chips = 63", "chips = 65")],
        "chain.chips = 65 is outside 1 to 64, the bounds of the chip BM1387"
    ),
    ("antminer-s9", [("chip = \"bm1387\"", "chip = \"bm1398\"")], "chain.chip: there is no chip \"bm1398\""),
    ("antminer-s19-pro", [("access = \"known\"", "access = \"drivable\"")], "chain.chip is missing"),
    (
        "nerdqx", [("core_millivolts = 1200", "core_millivolts = 1300")],
        "chain.core_millivolts = 1300.0 is outside 1000.0 to 1250.0"
    ),
    ("gekko-r909", [("kind = \"ft231x\"", "kind = \"ch340\"")], "bridge.kind = \"ch340\" is not known"),
    (
        "gekko-r909", [("access = \"known\"", "access = \"maybe\"")],
        "access = \"maybe\" is not known; use one of: drivable, known, network only"
    ),
]

@Test(arguments: otherMistakes)
private func `boards that are only known are checked too`(
    name: String, changes: [(String, String)], says: String
)
    throws
{
    let found = problems(try file(name, changes)).map(\.description)
    #expect(found.first?.contains(says) == true, "\(found)")
}

@Test func `the check of a file says all that is wrong, and names the line where it is no TOML`() throws {
    let text = try file(
        "bitaxe-gamma",
        [
            ("frequency_maximum_mhz = 625", "frequency_maximum_mhz = 900"),
            ("name = \"controller\"", "name = \"chip\""),
        ])
    let check = library.checkBoardProfile(text, file: "boards/my.toml")
    #expect(!check.isRight && check.lines.count == 3, "\(check.lines)")
    #expect(check.lines.allSatisfy { $0.hasPrefix("boards/my.toml: ") })
    let broken = library.checkBoardProfile("title = \"x\"\nchips = \n", file: "x.toml")
    #expect(broken.lines.count == 1 && broken.lines[0].hasPrefix("x.toml: line 2, column"), "\(broken.lines)")
}

@Test func `the check of a good file says what the board is`() throws {
    let check = library.checkBoardProfile(try file("emberone00"), file: "mine.toml")
    #expect(check.isRight)
    for line in [
        "mine.toml: EmberOne00 is well formed", "12 × BM1362, untested", "can be driven", "USB 1209:256f",
        "core voltage: what makes it is in no source", "sensor left: TMP1075 at 0x4a",
        "without its host it keeps hashing", "unproven: regulator: unknown",
    ] {
        #expect(check.lines.contains { $0.contains(line) }, "\(line): \(check.lines)")
    }
    for name in library.boardTypeNames {
        #expect(library.checkBoardProfile(try file(name), file: name).isRight)
    }
}

@Test func `a file that cannot be read is wrong, with the reason`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("adit-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("board.toml").path
    #expect(!library.checkBoardProfile(at: path).isRight)
    try Data([0xFF, 0xFE]).write(to: URL(fileURLWithPath: path))
    #expect(library.checkBoardProfile(at: path).outcome == .wrong([.notText]))
    try Data(file("bitaxe-gt").utf8).write(to: URL(fileURLWithPath: path))
    #expect(library.checkBoardProfile(at: path).isRight)
}

@Test func `no text makes the check trap`() throws {
    let text = try file("bitaxe-gt")
    for cut in stride(from: 0, to: text.utf8.count, by: 61) {
        let part = String(decoding: text.utf8.prefix(cut), as: UTF8.self)
        #expect(!library.checkBoardProfile(part, file: "cut.toml").isRight || cut > 3_000)
    }
    for (index, line) in text.split(separator: "\n").enumerated() where line.contains(" = ") {
        for value in ["-1", "1e300", "nan", "\"\"", "[]", "{}", "true", "9223372036854775807"] {
            let key = line.prefix { $0 != "=" }
            var lines = text.split(separator: "\n").map(String.init)
            lines[index] = "\(key)= \(value)"
            _ = library.checkBoardProfile(lines.joined(separator: "\n"), file: "odd.toml").lines
        }
    }
}
