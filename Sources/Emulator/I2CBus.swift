import Units

/// The devices on a board's I²C bus, by 7-bit address. An address without a device does not acknowledge.
struct I2CBus: Sendable {
    private var devices: [UInt8: I2CDevice]
    private(set) var clock = Hertz(hertz: 100_000)

    init(_ devices: [UInt8: I2CDevice]) { self.devices = devices }

    /// What the board's own regulator gives, if it has one on the bus.
    var regulatorOutput: Volts? {
        for case .tps546(let regulator) in devices.values { return regulator.output }
        return nil
    }

    /// How long so many bytes take, nine bits each.
    func time(forBytes count: Int) -> Duration {
        .nanoseconds(Int64(count) * 9 * 1_000_000_000 / Int64(clamping: max(clock.hertz, 1)))
    }

    /// - Returns: false for a clock that is none.
    mutating func setClock(_ clock: Hertz) -> Bool {
        guard clock.hertz > 0 else { return false }
        self.clock = clock
        return true
    }

    /// - Returns: whether a device acknowledged.
    mutating func write(_ bytes: [UInt8], to address: UInt8) -> Bool {
        devices[address]?.write(bytes) ?? false
    }

    /// - Returns: `nil` when no device acknowledged.
    mutating func read(_ count: Int, from address: UInt8) -> [UInt8]? { devices[address]?.read(count) }
}

enum I2CDevice: Sendable {
    case tps546(TPS546)
    case registers(RegisterFile)

    mutating func write(_ bytes: [UInt8]) -> Bool {
        switch self {
        case .tps546(var regulator):
            let acknowledged = regulator.write(bytes)
            self = .tps546(regulator)
            return acknowledged
        case .registers(var file):
            file.write(bytes)
            self = .registers(file)
            return true
        }
    }

    mutating func read(_ count: Int) -> [UInt8]? {
        switch self {
        case .tps546(let regulator): return regulator.read(count)
        case .registers(var file):
            let bytes = file.read(count)
            self = .registers(file)
            return bytes
        }
    }
}

/// A part with 256 registers of a byte: the first byte written is a pointer, which moves on with each byte.
struct RegisterFile: Sendable {
    private var bytes: [UInt8]
    private var pointer: UInt8 = 0

    init(_ values: [UInt8: UInt8]) {
        bytes = [UInt8](repeating: 0, count: 256)
        for (register, value) in values { bytes[Int(register)] = value }
    }

    /// EMC2101 fan controller: product and maker identity (boards.md §5); it stores what it is told and
    /// measures nothing yet.
    static let emc2101 = RegisterFile([0xFD: 0x16, 0xFE: 0x5D])

    mutating func write(_ data: [UInt8]) {
        guard let first = data.first else { return }
        pointer = first
        for byte in data.dropFirst() {
            bytes[Int(pointer)] = byte
            pointer &+= 1
        }
    }

    mutating func read(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in
            defer { pointer &+= 1 }
            return bytes[Int(pointer)]
        }
    }
}

/// TPS546D24A voltage regulator, by its PMBus commands. Source: boards.md §4.2; bits of OPERATION and
/// ON_OFF_CONFIG from the PMBus specification, part II.
struct TPS546: Sendable {
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
        static let statusWord: UInt8 = 0x79
        static let readVin: UInt8 = 0x88
        static let readVout: UInt8 = 0x8B
        static let deviceID: UInt8 = 0xAD
    }

    /// Voltages count in 2^-9 V (VOUT_MODE 0x17).
    private static let microvoltsPerStep = 1_000_000.0 / 512

    private var data: [UInt8: [UInt8]]
    private var selected: UInt8 = 0
    /// Storing to its memory is reported to end the part; the emulated one never answers again.
    private var isDead = false

    /// - Parameter input: what feeds it, for READ_VIN.
    init(input: Volts) {
        data = [
            Command.operation: [0x00], Command.onOffConfig: [0x16], Command.voutMode: [0x17],
            Command.deviceID: [6, 0x54, 0x49, 0x54, 0x6D, 0x24, 0x41],
            Command.readVin: Self.bytes(linear11(input.volts)),
        ]
    }

    /// Core voltage: 0 unless ON_OFF_CONFIG listens to OPERATION (bit 3) and OPERATION says on (bit 7). A
    /// command beyond VOUT_MIN or VOUT_MAX, once those are set, gives that limit.
    var output: Volts { Volts(microvolts: Int64((Double(outputSteps) * Self.microvoltsPerStep).rounded())) }

    private var outputSteps: UInt16 {
        let isOn = byte(Command.onOffConfig) & 0x08 != 0 && byte(Command.operation) & 0x80 != 0
        guard isOn, !isDead else { return 0 }
        let (lowest, highest) = (word(Command.voutMin), word(Command.voutMax))
        return min(max(word(Command.voutCommand), lowest), highest == 0 ? .max : highest)
    }

    /// - Returns: whether the part acknowledged.
    mutating func write(_ bytes: [UInt8]) -> Bool {
        guard !isDead else { return false }
        guard let command = bytes.first else { return true }
        selected = command
        switch command {
        case Command.storeDefaultAll, Command.storeUserAll: isDead = true
        case Command.clearFaults, Command.voutMode, Command.statusWord, Command.readVin, Command.readVout,
            Command.deviceID:
            break  // nothing to store: no fault is modelled yet, and the rest is read-only here
        case _:
            if bytes.count > 1 { data[command] = Array(bytes[1...].prefix(32)) }
        }
        return true
    }

    /// So many bytes of the register that was named last, low byte first; what lies beyond it reads as ones.
    func read(_ count: Int) -> [UInt8]? {
        guard !isDead else { return nil }
        let value: [UInt8] =
            switch selected {
            case Command.readVout: Self.bytes(outputSteps)
            // OFF (bit 6) and power not good (bit 11) together while there is no output.
            case Command.statusWord: Self.bytes(outputSteps == 0 ? 0x0840 : 0x0000)
            case _: data[selected] ?? [0, 0]
            }
        return (0..<count).map { $0 < value.count ? value[$0] : 0xff }
    }

    private func byte(_ command: UInt8) -> UInt8 { data[command]?.first ?? 0 }

    private func word(_ command: UInt8) -> UInt16 {
        guard let bytes = data[command], bytes.count >= 2 else { return 0 }
        return UInt16(bytes[0]) | UInt16(bytes[1]) << 8
    }

    private static func bytes(_ word: UInt16) -> [UInt8] { [UInt8(word & 0xff), UInt8(word >> 8)] }
}

/// PMBus LINEAR11 for a value of 0 to 15.98: five bits of exponent, here always -6, and eleven of mantissa.
func linear11(_ value: Double) -> UInt16 {
    precondition((0..<15.98).contains(value), "the emulated supplies are below 16 V")
    return UInt16(0b11010) << 11 | UInt16((value * 64).rounded())
}
