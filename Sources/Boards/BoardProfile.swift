public import ASICChips
public import Peripherals
public import Units

/// What a type of board is: the content of its file in `Hardware/boards/`, checked.
public struct BoardProfile: Hashable, Sendable {
    /// What `--boards` and configuration files call it: the file's name without its ending.
    public var name: String
    /// What people call it.
    public var title: String
    public var provenance: Provenance
    /// What the sources leave open, a sentence each; shown to the operator.
    public var unproven: [String]
    public var sources: [String]

    public var chain: ChainShape
    public var usb: USBIdentity
    public var control: ControlFormats
    /// `nil` where the core supply is switched by pins alone, as far as is known.
    public var regulator: RegulatorFacts?
    public var pins: [BoardPin]
    public var care: BoardCare
    /// Nothing but its sensors and fan controllers tells the board from another whose chips its rail would destroy: it
    /// is never switched on without having asked them.
    public var isToldBySensors: Bool
    /// From any state to chips that may be spoken to, reset released last.
    public var powerOn: [PowerStep]
    /// From any state to no core power and chips in reset. The commands come first, then what confirms them.
    public var powerOff: [PowerStep]

    public init(
        name: String, title: String, provenance: Provenance, unproven: [String], sources: [String],
        chain: ChainShape, usb: USBIdentity, control: ControlFormats, regulator: RegulatorFacts?,
        pins: [BoardPin], powerOn: [PowerStep], powerOff: [PowerStep], care: BoardCare = .unknown,
        isToldBySensors: Bool = false
    ) {
        self.name = name
        self.title = title
        self.provenance = provenance
        self.unproven = unproven
        self.sources = sources
        self.chain = chain
        self.usb = usb
        self.control = control
        self.regulator = regulator
        self.pins = pins
        self.powerOn = powerOn
        self.powerOff = powerOff
        self.care = care
        self.isToldBySensors = isToldBySensors
    }

    /// How far a profile has been proven.
    public enum Provenance: String, Hashable, Sendable, CaseIterable {
        /// Its bytes were compared with a recording of a real board.
        case captured
        /// Taken from firmware that runs on it.
        case fromSource = "from source"
        case untested
    }

    public func pin(_ role: PinRole) -> BoardPin? { pins.first { $0.role == role } }
}

/// The chips of a board, in one chain.
public struct ChainShape: Hashable, Sendable {
    public var chip: ChipFacts
    public var chips: Int
    /// Voltage domains in series: the rail is the core voltage times this.
    public var domains: Int
    public var frequency: Hertz
    /// Of one domain; `nil` where nothing on the board lets the host set it.
    public var coreVoltage: Volts?
    public var addressRule: AddressRule
    /// The link after bring-up.
    public var baud: BaudRate
    /// Zero bits from which a chip reports a hash at the easiest ticket mask.
    public var reportZeroBits: Int
    /// The same of the emulated board, whose hash rate is smaller by the same power of two: a CPU finds 32 zero bits
    /// about once in a hundred seconds.
    public var emulatedReportZeroBits: Int
    /// Instead of the difficulty at which a chip reports about once a second.
    public var ticketDifficulty: UInt32?
    /// Header version bits that the chips roll until their work says otherwise.
    public var versionMask: UInt32

    public init(
        chip: ChipFacts, chips: Int, domains: Int, frequency: Hertz, coreVoltage: Volts?,
        addressRule: AddressRule,
        baud: BaudRate, reportZeroBits: Int, emulatedReportZeroBits: Int, ticketDifficulty: UInt32? = nil,
        versionMask: UInt32 = VersionRolling.bits
    ) {
        self.chip = chip
        self.chips = chips
        self.domains = domains
        self.frequency = frequency
        self.coreVoltage = coreVoltage
        self.addressRule = addressRule
        self.baud = baud
        self.reportZeroBits = reportZeroBits
        self.emulatedReportZeroBits = emulatedReportZeroBits
        self.ticketDifficulty = ticketDifficulty
        self.versionMask = versionMask
    }

    /// What the regulator is set to: all domains in series.
    public var rail: Volts? {
        coreVoltage.map { Volts(microvolts: $0.microvolts * Int64(domains)) }
    }
}

/// How a board shows itself on USB, and which of its interfaces is what. Source: boards.md §1.
public struct USBIdentity: Hashable, Sendable {
    public var vendor: UInt16
    public var product: UInt16
    /// Checked too: vendor and product ids of such boards are shared with other devices.
    public var manufacturerText: String
    public var productText: String
    public var controlInterface: Int
    public var dataInterface: Int

    public init(
        vendor: UInt16, product: UInt16, manufacturerText: String, productText: String, controlInterface: Int,
        dataInterface: Int
    ) {
        self.vendor = vendor
        self.product = product
        self.manufacturerText = manufacturerText
        self.productText = productText
        self.controlInterface = controlInterface
        self.dataInterface = dataInterface
    }
}

/// Which answer format a board's control firmware speaks. Source: boards.md §2.2.
public struct ControlFormats: Hashable, Sendable {
    public var format: ControlFormat
    /// What firmware with a minor version of 1 or more speaks, where that differs.
    public var formatFromMinor1: ControlFormat?

    public init(format: ControlFormat, formatFromMinor1: ControlFormat?) {
        self.format = format
        self.formatFromMinor1 = formatFromMinor1
    }

    /// - Parameter release: `nil` where the device does not say, such as behind a pty.
    public func format(for release: DeviceRelease?) -> ControlFormat {
        guard let release, release.minor >= 1, let formatFromMinor1 else { return format }
        return formatFromMinor1
    }
}

/// USB bcdDevice as EmberOne00 uses it: 0xJJMN is hardware JJ, firmware M.N. Source: boards.md §1.
public struct DeviceRelease: Hashable, Sendable {
    public let bcdDevice: UInt16

    public init(bcdDevice: UInt16) { self.bcdDevice = bcdDevice }

    public var hardware: Int { Int(bcdDevice >> 8) }
    public var minor: Int { Int(bcdDevice >> 4 & 0xF) }
    public var patch: Int { Int(bcdDevice & 0xF) }
}

/// The part that makes the core voltage. Further parts become further cases.
public enum RegulatorFacts: Hashable, Sendable {
    case tps546(address: I2CAddress, TPS546.Settings)
}

/// A pin of the control firmware that switches something. Source: boards.md §2.4.
public struct BoardPin: Hashable, Sendable {
    public var role: PinRole
    public var number: UInt8
    public var isActiveHigh: Bool

    public init(role: PinRole, number: UInt8, isActiveHigh: Bool) {
        self.role = role
        self.number = number
        self.isActiveHigh = isActiveHigh
    }

    /// The level that makes the pin do what its role says.
    public func level(active: Bool) -> Bool { active == isActiveHigh }
}

public enum PinRole: String, Hashable, Sendable, CaseIterable {
    /// Active: the chips are held in reset.
    case reset
    /// Active: the chips' core supply is on.
    case corePower = "core_power"
    /// Active: the chips' input/output supply is on.
    case ioPower = "io_power"
}
