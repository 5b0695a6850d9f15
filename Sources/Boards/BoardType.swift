public import ASICChips
public import Peripherals
public import Units

/// Everything that is known of a type of board: the content of its file in `Hardware/boards/`, checked. Only some types
/// can be driven; what the others lack is part of what is known of them.
public struct BoardType: Hashable, Sendable {
    /// The file's name without its ending.
    public var name: String
    public var title: String
    /// Hardware versions that the file speaks of; empty where there is only one.
    public var versions: [String]
    public var provenance: BoardProfile.Provenance
    /// What the sources leave open, a sentence each.
    public var unproven: [String]
    public var sources: [String]
    public var chips: ChipPopulation
    public var transport: BoardTransport
    public var supply: CoreSupply
    /// Of its control firmware.
    public var pins: [BoardPin]
    /// What is known of the order of power, a sentence each; a board that is driven has steps instead.
    public var powerNotes: [String]
    public var care: BoardCare
    public var access: BoardAccess

    public init(
        name: String, title: String, versions: [String], provenance: BoardProfile.Provenance,
        unproven: [String], sources: [String], chips: ChipPopulation, transport: BoardTransport,
        supply: CoreSupply, pins: [BoardPin], powerNotes: [String], care: BoardCare, access: BoardAccess
    ) {
        self.name = name
        self.title = title
        self.versions = versions
        self.provenance = provenance
        self.unproven = unproven
        self.sources = sources
        self.chips = chips
        self.transport = transport
        self.supply = supply
        self.pins = pins
        self.powerNotes = powerNotes
        self.care = care
        self.access = access
    }

    /// Whether the regulator ends an over-current or over-temperature by itself, by limits that this program writes before
    /// it switches the chips on: all that protects a board that goes on hashing without its host.
    public var isArmedInRegulator: Bool {
        guard case .drivable = access, case .tps546 = supply else { return false }
        return true
    }
}

/// What this program can do with a type of board.
public enum BoardAccess: Hashable, Sendable {
    /// Everything, through `Board`.
    case drivable(BoardProfile)
    /// Nothing yet: what is missing, a sentence each.
    case known(missing: [String])
    /// Nothing but ask it over the network: it runs firmware of its own, which is its chips' host.
    case networkOnly
}

/// The chips of a type of board, as far as they are known.
public struct ChipPopulation: Hashable, Sendable {
    public var name: String
    /// `nil` where the program has no code for the chip.
    public var facts: ChipFacts?
    /// In one chain; a machine may have several boards, a board has one chain.
    public var chips: Int
    /// In series on the rail.
    public var domains: Int?
    public var frequency: Hertz?
    public var coreVoltage: Volts?
    public var addressRule: AddressRule?
    public var baud: BaudRate?

    public init(
        name: String, facts: ChipFacts?, chips: Int, domains: Int?, frequency: Hertz?, coreVoltage: Volts?,
        addressRule: AddressRule?, baud: BaudRate?
    ) {
        self.name = name
        self.facts = facts
        self.chips = chips
        self.domains = domains
        self.frequency = frequency
        self.coreVoltage = coreVoltage
        self.addressRule = addressRule
        self.baud = baud
    }
}

/// How a host reaches a board. Source: boards.md §1.
public enum BoardTransport: Hashable, Sendable {
    /// One USB device with two serial ports: control, and the chips' line.
    case usbPorts(USBIdentity, ControlFormats)
    /// A USB bridge chip, driven through its own requests.
    case usbBridge(USBBridge)
    /// A serial port of the owner's, with levels that fit: nothing on it names the board.
    case serialPort
    case network
}

/// A bridge from USB to the chips' line. Its ids are shared with all devices of its maker: the texts must match too.
public struct USBBridge: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable, CaseIterable { case ft231x, cp2105 }

    public var kind: Kind
    public var vendor: UInt16
    public var product: UInt16
    public var manufacturerText: String
    public var productText: String
    public var chipInterface: Int
    /// Of the board's own microcontroller, which measures and switches; `nil` where there is none.
    public var telemetryInterface: Int?

    public init(
        kind: Kind, vendor: UInt16, product: UInt16, manufacturerText: String, productText: String,
        chipInterface: Int, telemetryInterface: Int?
    ) {
        self.kind = kind
        self.vendor = vendor
        self.product = product
        self.manufacturerText = manufacturerText
        self.productText = productText
        self.chipInterface = chipInterface
        self.telemetryInterface = telemetryInterface
    }
}

/// What makes the core voltage.
public enum CoreSupply: Hashable, Sendable {
    case tps546(address: I2CAddress, TPS546.Settings)
    /// A TPS40305, set by a DS4432U, switched by a pin, with an INA260 that measures the board.
    case ds4432u(address: I2CAddress, monitor: I2CAddress, bounds: ClosedRange<Volts>)
    /// Known by name; there is no driver, or no way to it.
    case undriven(String)
    /// In no source at hand: the core voltage is neither set nor measured.
    case notInFacts
}
