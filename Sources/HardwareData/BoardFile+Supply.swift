import Boards
import Peripherals
import TOMLNodes
import Units

/// The table `regulator`, which every file has: that a regulator is in no source is a fact too.
func coreSupply(_ table: inout TableReader) throws(ProfileError.Problem) -> CoreSupply {
    enum Word { case tps546, ds4432u, other, none }
    let words: KeyValuePairs<String, Word> = [
        "tps546": .tps546, "ds4432u": .ds4432u, "other": .other, "not in the facts": .none,
    ]
    switch try table.choice("part", words) {
    case .tps546:
        return .tps546(address: try i2cAddress(&table, "i2c_address"), try tps546Settings(&table))
    case .ds4432u:
        return .ds4432u(
            address: try i2cAddress(&table, "i2c_address"),
            monitor: try i2cAddress(&table, "monitor_i2c_address"), bounds: try outputBounds(&table))
    case .other: return .undriven(try table.text("name"))
    case .none: return .notInFacts
    }
}

/// 0x08...0x77 are what the I²C specification leaves for devices.
func i2cAddress(_ table: inout TableReader, _ key: String) throws(ProfileError.Problem) -> I2CAddress {
    guard let address = I2CAddress(try table.integer(key, in: 0x08...0x77)) else {
        preconditionFailure("those bounds have seven bits")
    }
    return address
}

private func outputBounds(_ table: inout TableReader) throws(ProfileError.Problem) -> ClosedRange<Volts> {
    let minimum = Volts.volts(try table.number("output_minimum_volts", in: 0...10))
    return minimum...Volts.volts(try table.number("output_maximum_volts", in: minimum.volts...10))
}

private func tps546Settings(_ table: inout TableReader) throws(ProfileError.Problem) -> TPS546.Settings {
    let hasWarning = table.has("input_warning_volts")
    let hasCompensation = table.has("compensation")
    let over = try table.number("output_fault_amperes", in: 1...200)
    return TPS546.Settings(
        stackConfig: UInt16(try table.integer("stack_config", in: 0...0xFFFF)),
        syncConfig: UInt8(try table.integer("sync_config", in: 0...0xFF)),
        phase: UInt8(try table.integer("phase", in: 0...0xFF)),
        inputOn: .volts(try table.number("input_on_volts", in: 0...20)),
        inputOff: .volts(try table.number("input_off_volts", in: 0...20)),
        inputOverVoltage: .volts(try table.number("input_over_volts", in: 0...20)),
        feedbackRatio: try table.number("feedback_ratio", in: 0.125...1),
        outputBounds: try outputBounds(&table),
        outputCurrentWarning: .amperes(try table.number("output_warning_amperes", in: 1...over)),
        outputCurrentFault: .amperes(over),
        inputUnderVoltageWarning: hasWarning
            ? .volts(try table.number("input_warning_volts", in: 6...20)) : nil,
        compensation: hasCompensation ? try compensation(&table) : nil)
}

/// Five bytes.
private func compensation(_ table: inout TableReader) throws(ProfileError.Problem) -> [UInt8] {
    let path = table.path(of: "compensation")
    var bytes: [UInt8] = []
    for (index, node) in try table.array("compensation").enumerated() {
        guard case .integer(let number) = node, let byte = UInt8(exactly: number) else {
            throw .wrongType("\(path)[\(index)]", expected: "a byte", found: node.kind)
        }
        bytes.append(byte)
    }
    guard bytes.count == 5 else {
        throw .outOfBounds(path, value: "\(bytes.count) bytes", allowed: "5 bytes", why: .format)
    }
    return bytes
}
