/// TPS546D24A with measurements and faults: what `TPS546` is without. Source: boards.md §4.2; bits of OPERATION,
/// ON_OFF_CONFIG and the status registers from the PMBus specification, part II.
///
/// It obeys the limits that were written into it: its own over-temperature and over-current limits end the output, as
/// does an injected fault, and the output stays off until the faults are cleared and OPERATION is written again.
struct EmulatedTPS546: Sendable {
    private enum Command {
        static let operation: UInt8 = 0x01
        static let onOffConfig: UInt8 = 0x02
        static let clearFaults: UInt8 = 0x03
        static let storeDefaultAll: UInt8 = 0x11
        static let storeUserAll: UInt8 = 0x15
        static let voutMode: UInt8 = 0x20
        static let voutCommand: UInt8 = 0x21
        static let voutMax: UInt8 = 0x24
        static let voutMin: UInt8 = 0x2B
        static let overCurrent: UInt8 = 0x46
        static let overTemperature: UInt8 = 0x4F
        static let statusWord: UInt8 = 0x79
        static let statusVout: UInt8 = 0x7A
        static let statusIout: UInt8 = 0x7B
        static let statusInput: UInt8 = 0x7C
        static let statusTemperature: UInt8 = 0x7D
        static let readVin: UInt8 = 0x88
        static let readVout: UInt8 = 0x8B
        static let readIout: UInt8 = 0x8C
        static let readTemperature: UInt8 = 0x8D
        static let deviceID: UInt8 = 0xAD
    }

    /// What it measures; set by its board before every read.
    struct Measured {
        var inputVolts = 0.0
        var outputVolts = 0.0
        var outputAmperes = 0.0
        var celsius = 25.0
    }

    /// STATUS_WORD bits of boards.md §4.2.
    enum Status {
        static let temperature: UInt16 = 0x0004
        static let outputOverCurrent: UInt16 = 0x0010
        static let off: UInt16 = 0x0040
        static let powerNotGood: UInt16 = 0x0800
    }

    private var data: [UInt8: [UInt8]] = [
        Command.operation: [0x00], Command.onOffConfig: [0x16], Command.voutMode: [0x17],
        Command.deviceID: [6, 0x54, 0x49, 0x54, 0x6D, 0x24, 0x41],
    ]
    private var selected: UInt8 = 0
    private var isDead = false
    /// Faults that have ended the output.
    private var latched: UInt16 = 0
    var measured = Measured()

    /// What the output is set to, in volts: 0 unless it is on. Limits as `TPS546.output`.
    var setVolts: Double {
        let isOn = byte(Command.onOffConfig) & 0x08 != 0 && byte(Command.operation) & 0x80 != 0
        guard isOn, !isDead, latched == 0 else { return 0 }
        let highest = word(Command.voutMax)
        let steps = min(max(word(Command.voutCommand), word(Command.voutMin)), highest == 0 ? .max : highest)
        return Double(steps) / 512
    }

    /// An injected fault, or one of its own.
    mutating func fail(_ bits: UInt16) { latched |= bits }

    /// Compares what it measures with its limits, those that were written.
    mutating func protect() {
        if let limit = data[Command.overTemperature], limit.count >= 2, setVolts > 0,
            measured.celsius >= linear11Value(Self.word(limit))
        {
            latched |= Status.temperature
        }
        if let limit = data[Command.overCurrent], limit.count >= 2, setVolts > 0,
            measured.outputAmperes >= linear11Value(Self.word(limit))
        {
            latched |= Status.outputOverCurrent
        }
    }

    /// - Returns: whether the part acknowledged.
    mutating func write(_ bytes: [UInt8]) -> Bool {
        guard !isDead else { return false }
        guard let command = bytes.first else { return true }
        selected = command
        switch command {
        case Command.storeDefaultAll, Command.storeUserAll: isDead = true
        case Command.clearFaults:
            if setVolts == 0 { latched = 0 }
        case Command.voutMode, 0x79...0x80, 0x88...0x8D, Command.deviceID: break  // read-only here
        case _: if bytes.count > 1 { data[command] = Array(bytes[1...].prefix(32)) }
        }
        return true
    }

    /// So many bytes of the register that was named last, low byte first; what lies beyond it reads as ones.
    func read(_ count: Int) -> [UInt8]? {
        guard !isDead else { return nil }
        let value = value(of: selected)
        return (0..<count).map { $0 < value.count ? value[$0] : 0xff }
    }

    private func value(of command: UInt8) -> [UInt8] {
        switch command {
        case Command.statusWord:
            let off = setVolts == 0 ? Status.off | Status.powerNotGood : 0
            return Self.bytes(latched | off)
        case Command.statusVout: return [latched & 0x0020 != 0 ? 0x80 : 0]
        case Command.statusIout: return [latched & Status.outputOverCurrent != 0 ? 0x80 : 0]
        case Command.statusInput: return [latched & 0x0008 != 0 ? 0x10 : 0]
        case Command.statusTemperature: return [latched & Status.temperature != 0 ? 0x80 : 0]
        case 0x7E...0x80: return [0]
        case Command.readVin: return Self.bytes(linear11(measured.inputVolts, exponent: -5))
        case Command.readVout:
            return Self.bytes(UInt16(min(max(measured.outputVolts * 512, 0), 65_535).rounded()))
        case Command.readIout:
            let exponent = measured.outputAmperes < 60 ? -4 : -2
            return Self.bytes(linear11(measured.outputAmperes, exponent: exponent))
        case Command.readTemperature: return Self.bytes(linear11(measured.celsius, exponent: -1))
        case _: return data[command] ?? [0, 0]
        }
    }

    private func byte(_ command: UInt8) -> UInt8 { data[command]?.first ?? 0 }

    private func word(_ command: UInt8) -> UInt16 { data[command].map(Self.word) ?? 0 }

    private static func word(_ bytes: [UInt8]) -> UInt16 {
        bytes.count >= 2 ? UInt16(bytes[0]) | UInt16(bytes[1]) << 8 : 0
    }

    private static func bytes(_ word: UInt16) -> [UInt8] { [UInt8(word & 0xff), UInt8(word >> 8)] }
}
