public import ASICWire
import Units

/// One step of a chain's bring-up. A whole bring-up is a list of them, which can be printed, compared with a
/// capture and stopped after any step.
public enum BringUpStep: Hashable, Sendable {
    case write(Register, UInt32, to: Recipient)
    /// All chips stop passing commands on, until each has an address.
    case chainInactive
    case setAddress(UInt8)
    /// All chips change their hash clock.
    case setClock(ClockSetting)
    /// Reads the clock register of the chip that takes commands at this address: a chip that is gone, or not at this
    /// clock, ends the bring-up. See `ClockSetting.isConfirmed(by:)`.
    case confirmClock(ClockSetting, of: UInt8)
    /// Work for nothing: BM1387 cores open with it (bm13xx.md §17).
    case job(MidstateJob)
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
            .write(register: setting.register.address, value: setting.registerValue, to: .everyChip)
        case .confirmClock(let setting, let address):
            .read(register: setting.register.address, from: .chip(address))
        case .job(let job): .midstateJob(job)
        case .countChips, .confirmChips: .read(register: Register.chipID.address, from: .everyChip)
        case .settle, .switchLink: nil
        }
    }
}

/// What a bring-up shall arrive at.
public struct BringUpPlan: Hashable, Sendable {
    public var layout: ChainLayout
    /// Stops of the hash clock from its reset value to the working one, which is the last.
    public var ramp: [ClockSetting]
    public var counting: HashCounting
    public var ticket: TicketMask
    /// Header version bits that may be rolled by the chips.
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

/// The parts that bring-ups are made of.
extension [BringUpStep] {
    mutating func write(
        _ register: Register, _ value: UInt32, to recipient: Recipient = .everyChip,
        then pause: Duration = .zero
    ) {
        append(.write(register, value, to: recipient))
        wait(pause)
    }

    mutating func wait(_ pause: Duration) { if pause > .zero { append(.settle(pause)) } }

    /// Writes a register of every core (bm13xx.md §6.3, BM1362 and later).
    mutating func writeCores(
        _ register: UInt8, _ value: UInt8, to recipient: Recipient = .everyChip, then pause: Duration = .zero
    ) {
        write(.coreRegisterControl, coreWrite(register: register, value: value), to: recipient, then: pause)
    }

    mutating func setAddresses(_ layout: ChainLayout, then pause: Duration = .zero) {
        for address in layout.addresses {
            append(.setAddress(address))
            wait(pause)
        }
    }

    /// Brings the link to another rate: told to the chips at the old rate, given 60 ms to drain as factory
    /// firmware does (bm13xx.md §7.3), then the host follows.
    mutating func changeLink(_ step: BaudStep?) {
        guard let step else { return }
        for one in step.writes { write(one.register, one.value) }
        append(.settle(.milliseconds(60)))
        append(.switchLink(step))
    }
}
