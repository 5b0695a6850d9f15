import ASICChips
import ASICWire
import Units

/// Counts answers to a read of CHIP_ID before chips have addresses. Sources: bm13xx.md §5, and its survey of
/// how long drivers listen.
struct ChipCount: Sendable {
    /// No more answers are expected after such a silence.
    static let silence = Duration.milliseconds(500)
    /// Once the count is complete, one chip too many has this long to show itself.
    static let settle = Duration.milliseconds(50)
    /// However chatty the chain is.
    static let longest = Duration.seconds(2)
    /// Reading an id changes nothing, so that a lost or garbled answer is worth another try.
    static let attempts = 3

    let subject: StepRun.Subject
    private let latest: Instant
    private var attempt = 1
    private(set) var until: Instant
    private(set) var answered = 0
    private var stranger: UInt16?
    var unreadableBytes = 0

    init(_ subject: StepRun.Subject, at now: Instant) {
        self.subject = subject
        until = now + Self.silence
        latest = now + Self.longest
    }

    private var expected: Int { subject.layout.chips }

    /// - Parameter reply: a value of CHIP_ID.
    mutating func take(_ reply: RegisterValue, at now: Instant) {
        let id = UInt16(reply.value >> 16)
        if subject.chipIDs.contains(id) { answered += 1 } else { stranger = stranger ?? id }
        until = min(latest, now + (answered == expected ? Self.settle : Self.silence))
    }

    /// What is wrong with the count as it stands; `nil` when it is right.
    var fault: ChainFault? {
        if let id = stranger {
            return .unsupportedChip(id: id, expected: subject.chipIDs, supported: supportedChipIDs)
        }
        if answered == 0 { return .noChips(expected: expected, unreadableBytes: unreadableBytes) }
        return answered == expected ? nil : .chipCount(answered, expected: expected)
    }

    /// The next attempt; `nil` after the last.
    func again(at now: Instant) -> ChipCount? {
        guard attempt < Self.attempts else { return nil }
        var next = ChipCount(subject, at: now)
        next.attempt = attempt + 1
        next.unreadableBytes = unreadableBytes
        return next
    }
}

/// Checks that every chip answers at the address it was given.
struct ChipRollCall: Sendable {
    static let limit = Duration.milliseconds(500)
    static let attempts = 3

    private let subject: StepRun.Subject
    private var attempt = 1
    private(set) var until: Instant
    private var present: Set<Int> = []

    init(_ subject: StepRun.Subject, at now: Instant) {
        self.subject = subject
        until = now + Self.limit
    }

    private var layout: ChainLayout { subject.layout }

    var isComplete: Bool { present.count == layout.chips }

    var missing: [UInt8] { (0..<layout.chips).filter { !present.contains($0) }.map(layout.address) }

    /// - Parameter reply: a value of CHIP_ID.
    /// - Returns: `false` when no chip was given the address that it comes from.
    mutating func take(_ reply: RegisterValue) -> Bool {
        guard let index = layout.index(of: subject.model.answeringAddress(reply)) else { return false }
        if subject.chipIDs.contains(UInt16(reply.value >> 16)) { present.insert(index) }
        return true
    }

    /// The next attempt, which remembers who has answered; `nil` after the last.
    func again(at now: Instant) -> ChipRollCall? {
        guard attempt < Self.attempts else { return nil }
        var next = self
        next.attempt += 1
        next.until = now + Self.limit
        return next
    }
}

/// Checks that a chip's hash clock is what it was just set to, and locked: the last chip's answer comes through all
/// others, so that a board pulled out in the middle of a ramp is noticed at its next stop.
struct ClockCheck: Sendable {
    /// A stop lasts 100 ms: with two tries of this length nobody is missing for longer than 200 ms unnoticed. An answer
    /// takes 2 ms at 115,200 baud, and up to 16 ms more in a USB bridge.
    static let limit = Duration.milliseconds(45)
    static let attempts = 2

    private let setting: ClockSetting
    /// Where the chip takes commands.
    let address: UInt8
    private var attempt = 1
    private(set) var until: Instant
    private var read: UInt32?

    init(_ setting: ClockSetting, of address: UInt8, at now: Instant) {
        self.setting = setting
        self.address = address
        until = now + Self.limit
    }

    var register: Register { setting.register }

    /// - Returns: whether the clock is as it should be.
    mutating func take(_ reply: RegisterValue) -> Bool {
        read = reply.value
        return setting.isConfirmed(by: reply.value)
    }

    /// The next attempt; `nil` after the last.
    func again(at now: Instant) -> ClockCheck? {
        guard attempt < Self.attempts else { return nil }
        var next = self
        next.attempt += 1
        next.until = now + Self.limit
        return next
    }

    var fault: ChainFault {
        .clockNotConfirmed(address: address, at: setting.frequency, wrote: setting.registerValue, read: read)
    }
}
