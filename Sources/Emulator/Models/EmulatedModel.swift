import ASICWire

/// A chip model as the host sees it over the wire: a table of facts, one file a model. Sections named are of
/// bm13xx.md; what it leaves open is said in the model's file.
public struct EmulatedModel: Sendable {
    /// As it is printed on the chip.
    public let name: String
    /// Register 0x00 without the address in its low byte (§1, §6).
    let identity: UInt32

    // MARK: The wire
    var dialect = WireDialect.preambled
    /// What a job frame holds.
    var jobs = JobForm.fullHeader
    var replies = ReplyForm.elevenOnceRolling
    /// How far a command's address is shifted left before a chip compares it with its own (§5).
    var unicastShift: UInt8 = 0
    var registers = RegisterMap()
    /// Registers that are not zero after reset (§6).
    let resetValues: [UInt8: UInt32]
    /// Core registers that are not zero after reset (§6.3).
    var coreResetValues: [UInt8: UInt8] = [:]
    var baud = BaudRule.fastUART
    /// Whether the chip has the temperature sensor of §13.
    var hasTemperatureSensor = false
    /// Whether it has the voltage ADC of §13.
    var hasVoltageADC = false

    // MARK: Hashing
    var clock = ClockRule.minusOne
    public let cores: Int
    /// Hashes in one period of the hash clock (§1).
    public let hashUnits: Double
    let layout: NonceLayout
    /// Versions that a core tries side by side; a nonce names the one that found it. For chips that roll.
    var subCores: UInt32 = 1
    let opening: CoreOpening
    var reportEnables = ReportEnables.anyBit
    let sweepStart: SweepStart
    /// Whether a HASH_COUNTING_NUMBER of 0 means no hashing, rather than a sweep of the whole counter.
    var stopsWithoutCount = false
    /// What comes back for a job byte.
    let echo: JobEcho
    /// Unit of byte x of a nonce.
    let excess: ExcessUnit
    let counters: CounterRule

    /// Whether the chip rolls versions itself.
    var rollsVersions: Bool {
        switch jobs {
        case .fullHeader: true
        case .midstates: false
        }
    }
}

extension EmulatedModel: Hashable {
    /// Every model has its own name.
    public static func == (a: Self, b: Self) -> Bool { a.name == b.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

extension EmulatedModel {
    /// All of them, oldest first.
    public static let all: [EmulatedModel] = [
        .bm1387, .bm1397, .bm1362, .bm1366, .bm1368, .bm1370, .bm1372, .bm1373,
    ]

    /// The model of this name; upper and lower case are the same.
    public init?(named name: String) {
        guard let model = Self.all.first(where: { $0.name == name.uppercased() }) else { return nil }
        self = model
    }
}

/// Where registers with a meaning here stand; any other one is stored and returned. Source: bm13xx.md §6, §17.
struct RegisterMap: Sendable {
    var chipID: UInt8 = 0x00
    var pll0: UInt8 = 0x08
    var hashCountingNumber: UInt8 = 0x10
    var ticketMask: UInt8 = 0x14
    var miscControl: UInt8 = 0x18
    var errorFlag: UInt8? = 0x48
    var nonceOverflow: UInt8? = 0x50
    var coreControl: UInt8? = 0x3C
    var coreValue: UInt8 = 0x40
}

/// Registers that stand at the same place wherever they exist.
enum Register {
    static let chipID: UInt8 = 0x00
    static let nonceOffset: UInt8 = 0x0C
    static let fastUART: UInt8 = 0x28
    static let nonceErrors: UInt8 = 0x4C
    static let pll1: UInt8 = 0x60
    static let pll3: UInt8 = 0x68
    static let pll0Divider: UInt8 = 0x70
    static let domainCounters: ClosedRange<UInt8> = 0x88...0x8B
    static let hashTotal: UInt8 = 0x8C
    static let versionRolling: UInt8 = 0xA4
    static let temperatureControl: UInt8 = 0xB0
    static let temperatureResult: UInt8 = 0xB4
    static let adcConfiguration: UInt8 = 0xB8
    static let adcResult: UInt8 = 0xBD
}
