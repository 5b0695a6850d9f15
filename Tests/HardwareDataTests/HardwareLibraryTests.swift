import ASICChips
import Boards
import CResources
import Foundation
import Peripherals
import TestSupport
import Testing
import Units

@testable import HardwareData

private let library = HardwareLibrary()

/// The text of an embedded file, with pieces of it replaced.
private func file(_ name: String, _ changes: (String, String)...) throws -> [UInt8] {
    var text = try String(
        contentsOf: Shared.packageRoot.appendingPathComponent("Hardware/\(name)"), encoding: .utf8)
    for (old, new) in changes {
        try #require(text.contains(old), "the file no longer says \(old)")
        text = text.replacingOccurrences(of: old, with: new)
    }
    return Array(text.utf8)
}

private func problem(_ bytes: [UInt8]) throws -> ProfileError.Problem {
    try #require(
        #expect(throws: ProfileError.self) { try library.board(bytes, name: "test", file: "test.toml") }
    )
    .problem
}

@Test func `the embedded files are those of the checkout, byte for byte`() throws {
    #expect(adit_resource_at(adit_resource_count()) == nil)
    #expect(adit_resource_named("boards/none.toml") == nil)
    for index in 0..<adit_resource_count() {
        let resource = try #require(adit_resource_at(index)).pointee
        let name = String(cString: resource.name)
        let disk = try Data(contentsOf: Shared.packageRoot.appendingPathComponent("Hardware/\(name)"))
        #expect(Data(bytes: resource.bytes, count: resource.count) == disk, "\(name) needs a rebuild")
        #expect(adit_resource_named(name) == adit_resource_at(index))
    }
}

@Test func `every board and chip file of the checkout is embedded and passes its checks`() throws {
    for (folder, names) in [("boards", library.boardTypeNames), ("chips", library.chipNames)] {
        let disk = try FileManager.default.contentsOfDirectory(
            atPath: Shared.packageRoot.appendingPathComponent("Hardware/\(folder)").path)
        #expect(
            disk.filter { $0.hasSuffix(".toml") }.map { $0.replacing(".toml", with: "") }.sorted() == names)
    }
    for name in library.boardTypeNames { #expect(try library.boardType(named: name).name == name) }
    for name in library.boardNames { #expect(try library.board(named: name).name == name) }
    for name in library.chipNames {
        #expect(try library.chip(named: name)?.name.hasPrefix(name.uppercased()) == true)
    }
}

@Test func `the Bitaxe Gamma is what the facts say`() throws {
    let board = try library.board(named: "bitaxe-gamma")
    #expect(board.title == "Bitaxe Gamma" && board.provenance == .fromSource)
    #expect(board.chain.chip.chipIDs == [0x1370] && board.chain.chips == 1)
    #expect(board.chain.frequency == .megahertz(525) && board.chain.rail == .millivolts(1150))
    #expect(board.chain.baud == BaudRate(1_000_000))
    #expect(board.chain.reportZeroBits == 32 && board.chain.emulatedReportZeroBits == 8)
    #expect(board.usb.vendor == 0xC0DE && board.usb.product == 0xCAFE && board.usb.manufacturerText == "OSMU")
    #expect(board.control.format(for: nil) == .payloadLength)
    #expect(board.pins == [BoardPin(role: .reset, number: 0, isActiveHigh: false)])
    guard case .tps546(let address, let settings)? = board.regulator else {
        Issue.record("the Gamma has a TPS546")
        return
    }
    #expect(address.sevenBits == 0x24)
    #expect(settings.outputBounds == .volts(1)...Volts.volts(2) && settings.inputOn == .volts(4.8))
    #expect(settings.outputCurrentWarning == .amperes(25) && settings.outputCurrentFault == .amperes(30))
    let off = try board.expand(board.powerOff)
    #expect(off.first == .regulator(.write(.operation, .byte(0))))
}

@Test func `the EmberOne00 is twelve chips behind three pins, and says what is unproven`() throws {
    let board = try library.board(named: "emberone00")
    #expect(
        board.chain.chip.chipIDs == [0x1362] && board.chain.chips == 12
            && board.chain.addressRule == .stride(2))
    #expect(board.regulator == nil && board.chain.rail == nil && board.provenance == .untested)
    #expect(board.unproven.contains { $0.contains("regulator") })
    #expect(board.pin(.corePower) == BoardPin(role: .corePower, number: 1, isActiveHigh: true))
    #expect(board.control.format(for: DeviceRelease(bcdDevice: 0x0510)) == .status)
    #expect(board.usb.vendor == 0x1209 && board.usb.product == 0x256F)
}

@Test func `an unknown board is answered with the known ones`() throws {
    let error = #expect(throws: ProfileError.self) { try library.board(named: "bitaxe-gama") }
    #expect(try #require(error).problem == .unknownBoard("bitaxe-gama", known: library.boardNames))
    #expect(try #require(error).description.contains("bitaxe-gamma, "))
}

@Test func `a syntax error names line and column`() throws {
    let bytes = try file(
        "boards/bitaxe-gamma.toml", ("provenance = \"from source\"", "provenance = from source"))
    guard case .syntax(_, let line, let column) = try problem(bytes) else {
        Issue.record("not a syntax error")
        return
    }
    #expect(line == 5 && column > 12)
}

private let gammaMistakes: [(old: String, new: String, problem: ProfileError.Problem)] = [
    ("chips = 1\n", "chips = 1\nchip_count = 2\n", .unknownKey("chain.chip_count", known: [])),
    (
        "baud = 1_000_000", "baud = \"fast\"",
        .wrongType("chain.baud", expected: "a whole number", found: "text")
    ),
    ("baud = 1_000_000", "", .missingKey("chain.baud", expected: "a whole number")),
    ("baud = 1_000_000", "baud = 921_600", .notOneOf("chain.baud", value: "921600", allowed: [])),
    (
        "chip = \"bm1370\"", "chip = \"bm9999\"",
        .unknownChip(path: "chain.chip", "bm9999", known: library.chipNames)
    ),
    (
        "frequency_mhz = 525", "frequency_mhz = 900",
        .outOfBounds("chain.frequency_mhz", value: "900.0", allowed: "100.0 to 800.0", why: .chip("BM1370"))
    ),
    (
        "core_millivolts = 1150", "core_millivolts = 1300",
        .outOfBounds(
            "chain.core_millivolts", value: "1300.0", allowed: "1000.0 to 1250.0", why: .chip("BM1370"))
    ),
    (
        "output_minimum_volts = 1.0", "output_minimum_volts = 1.2",
        .outOfBounds(
            "chain.core_millivolts × chain.domains", value: "1150.0", allowed: "1200.0 to 2000.0",
            why: .regulator)
    ),
    ("core_millivolts = 1150", "", .goesWith("chain.core_millivolts", "regulator")),
    ("domains = 1 ", "domains = 2 ", .unevenDomains(chips: 1, domains: 2)),
    (
        "chips = 1\n", "chips = 0\n",
        .outOfBounds("chain.chips", value: "0", allowed: "1 to 256", why: .format)
    ),
    (
        "part = \"tps546\"", "part = \"tps53647\"",
        .notOneOf(
            "regulator.part", value: "tps53647", allowed: ["tps546", "ds4432u", "other", "not in the facts"])
    ),
    ("data_interface = 2", "data_interface = 0", .sameValue("usb.control_interface", "usb.data_interface")),
    (
        "active = \"low\"", "active = \"sometimes\"",
        .notOneOf("pins.reset.active", value: "sometimes", allowed: ["low", "high"])
    ),
    (
        "{ wait_ms = 15 }", "{ wait_ms = -15 }",
        .outOfBounds("power.on[2].wait_ms", value: "-15", allowed: "1 to 10000", why: .format)
    ),
    (
        "{ wait_ms = 15 }", "{ sleep_ms = 15 }",
        .missingKey(
            "power.on[2]",
            expected: "one of: pin, confirm, bus_clock_khz, wait_ms, regulator, ask, fans_percent")
    ),
    (
        "    { regulator = \"disable\" },\n", "",
        .missingStep("power.off", step: "{ regulator = \"disable\" }", place: "somewhere")
    ),
    (
        "    { regulator = \"disable\" },\n",
        "    { regulator = \"disable\" },\n    { pin = \"reset\", active = false },\n",
        .unwantedStep("power.off[1]", why: "power-off switches nothing on")
    ),
    (
        "    { regulator = \"configure\" },\n", "",
        .missingStep(
            "power.on", step: "{ regulator = \"configure\" }",
            place: "once, before reset is released: prepare, configure, enable, check")
    ),
    (
        "    { bus_clock_khz = 100 },\n", "    { pin = \"core_power\", active = true },\n",
        .impossible(.noPin(.corePower), list: "power.on")
    ),
    (
        "emulated]\nreport_zero_bits = 8", "emulated]\nreport_zero_bits = 33",
        .outOfBounds("emulated.report_zero_bits", value: "33", allowed: "1 to 32", why: .format)
    ),
]

@Test(arguments: gammaMistakes)
func `a wrong profile is refused with the path of the key`(
    old: String, new: String, expected: ProfileError.Problem
) throws {
    let found = try problem(try file("boards/bitaxe-gamma.toml", (old, new)))
    switch (found, expected) {
    case (.unknownKey(let path, let known), .unknownKey(let wanted, _)):
        #expect(path == wanted && known.contains("chips"))
    case (.notOneOf(let path, let value, let allowed), .notOneOf("chain.baud", let wanted, _)):
        #expect(path == "chain.baud" && value == wanted && allowed.contains("1000000"))
    case (_, _): #expect(found == expected)
    }
    #expect(!found.description.isEmpty)
}

@Test func `a core voltage is refused for a chip whose window nobody knows`() throws {
    let bytes = try file("boards/bitaxe-gamma.toml", ("chip = \"bm1370\"", "chip = \"bm1362\""))
    guard case .missingKey(let path, _) = try problem(bytes) else {
        Issue.record("a voltage without a window passed")
        return
    }
    #expect(path.contains("core_millivolts") && path.contains("BM1362"))
}

@Test func `limits beyond the chip's are refused on a board of many chips too`() throws {
    let file = try file("boards/emberone00.toml", ("chips = 12", "chips = 129"))
    #expect(
        try problem(file)
            == .outOfBounds("chain.chips", value: "129", allowed: "1 to 128", why: .chip("BM1362")))
}

private let chipMistakes: [(old: String, new: String, path: String)] = [
    ("chip_ids = [0x1370]", "chip_ids = [0x1399]", "chip_ids"), ("cores = 128", "cores = \"many\"", "cores"),
    ("initial = 9", "initial = 10", "response_bytes"),
    ("maximum = 800", "maximum = 50", "frequency_mhz.maximum"),
    ("default = 525", "default = 900", "frequency_mhz.default"),
    ("job_slots = 16", "slots = 16", "job_slots"),
    ("default = 1150", "default = 1300", "core_millivolts.default"),
]

@Test(arguments: chipMistakes)
func `a wrong chip file is refused with the path of the key`(old: String, new: String, path: String) throws {
    let bytes = try file("chips/bm1370.toml", (old, new))
    let error = #expect(throws: ProfileError.self) { try library.chip(bytes, file: "bm1370.toml") }
    #expect(try #require(error).description.hasPrefix("bm1370.toml: \(path)"))
}

@Test func `a board file of the operator's own is read from its path`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("adit-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("my-board.toml")
    try Data(file("boards/bitaxe-gamma.toml", ("frequency_mhz = 525", "frequency_mhz = 400"))).write(to: path)
    let board = try library.board(file: path.path)
    #expect(board.name == "my-board" && board.chain.frequency == .megahertz(400))
    try Data([0xFF, 0xFE]).write(to: path)
    #expect(throws: ProfileError(file: path.path, problem: .notText)) { try library.board(file: path.path) }
    let missing = #expect(throws: ProfileError.self) { try library.board(file: folder.path + "/none.toml") }
    guard case .unreadable = try #require(missing).problem else {
        Issue.record("a missing file was read")
        return
    }
}

@Test func `a file far too large for a profile is refused unread`() throws {
    let bytes = [UInt8](repeating: UInt8(ascii: "#"), count: HardwareLibrary.fileLimit + 1)
    #expect(try problem(bytes) == .tooLarge(bytes: bytes.count, limit: HardwareLibrary.fileLimit))
}
