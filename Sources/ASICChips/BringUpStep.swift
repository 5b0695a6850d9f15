public import ASICWire
public import Units

/// One step of a chain's bring-up. A whole bring-up is a list of them, which can be printed, compared with a
/// capture and stopped after any step.
public enum BringUpStep: Hashable, Sendable {
    case write(Register, UInt32, to: Recipient)
    /// All chips stop passing commands on, until each has an address.
    case chainInactive
    case setAddress(UInt8)
    /// All chips change their hash clock.
    case setClock(ClockSetting)
    case settle(Duration)
    /// Reads CHIP_ID of all chips and counts the answers.
    case countChips
    /// The host's end of the link follows the chips, which were told by a write before.
    case switchLink(BaudStep)
    /// Reads CHIP_ID of all chips and compares their addresses with those given.
    case confirmChips

    /// What goes to the chips; `nil` for what concerns the host alone.
    public var command: ChipCommand? {
        switch self {
        case .write(let register, let value, let recipient):
            .write(register: register.address, value: value, to: recipient)
        case .chainInactive: .chainInactive
        case .setAddress(let address): .setAddress(address)
        case .setClock(let setting):
            .write(register: Register.pll0.address, value: setting.registerValue, to: .everyChip)
        case .countChips, .confirmChips: .read(register: Register.chipID.address, from: .everyChip)
        case .settle, .switchLink: nil
        }
    }
}

/// A link rate: what the host is set to, and what the chips are told. Source: bm13xx.md §6.2, §7.3.
public struct BaudStep: Hashable, Sendable {
    public let host: BaudRate
    /// The value of FAST_UART.
    public let registerValue: UInt32

    public init(host: BaudRate, registerValue: UInt32) {
        self.host = host
        self.registerValue = registerValue
    }

    /// What the chips really run at: 25 MHz ÷ (8 × (divider + 1)), the divider in bits 15 to 8.
    public var chips: BaudRate { BaudRate(25_000_000 / (8 * ((registerValue >> 8 & 0xff) + 1))) }

    /// The link after reset: chips at 115,740, hosts at 115,200.
    public static let reset = BaudStep(host: BaudRate(115_200), registerValue: 0x0130_1A00)
}

/// What a bring-up shall arrive at.
public struct BringUpPlan: Hashable, Sendable {
    public var layout: ChainLayout
    /// Stops of the hash clock from its reset value to the working one, which is the last.
    public var ramp: [ClockSetting]
    public var counting: HashCounting
    public var ticket: TicketMask
    /// Header version bits that may be rolled.
    public var versionMask: UInt32
    /// `nil` leaves the link as it is after reset.
    public var baud: BaudStep?

    public init(
        layout: ChainLayout, ramp: [ClockSetting], counting: HashCounting, ticket: TicketMask,
        versionMask: UInt32,
        baud: BaudStep?
    ) {
        self.layout = layout
        self.ramp = ramp
        self.counting = counting
        self.ticket = ticket
        self.versionMask = versionMask
        self.baud = baud
    }
}

/// The steps of a ramp: a stop, then 100 ms, each. Source: bm13xx.md §7.2.
public func rampSteps(_ stops: [ClockSetting]) -> [BringUpStep] {
    stops.flatMap { [.setClock($0), .settle(.milliseconds(100))] }
}

/// The steps that bring the link to another rate: told to the chips at the old rate, given 60 ms to drain as
/// factory firmware does (bm13xx.md §7.3), then the host follows.
func linkSteps(_ step: BaudStep?) -> [BringUpStep] {
    guard let step else { return [] }
    return [
        .write(.fastUART, step.registerValue, to: .everyChip), .settle(.milliseconds(60)), .switchLink(step),
    ]
}
