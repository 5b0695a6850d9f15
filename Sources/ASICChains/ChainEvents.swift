public import ASICWire
public import Units

public enum ChainEvent: Hashable, Sendable {
    /// Reset was just released, and the host's end of the link runs at 115,200. Comes once.
    case begin
    /// Bytes from the chips, in chunks of any size.
    case received([UInt8])
    /// What the port really runs at after `.setBaudRate`, as the kernel says.
    case baudRate(BaudRate)
    /// The next job, for all chips, at once. Ignored while the chain is not at work.
    case work(ChainWork)
    /// The instant of `.wake` has come. One that comes early or twice does no harm.
    case woke
    /// Stop asking for work and bring the hash clock down. Core power may be cut at any time without it.
    case quiesce
}

public enum ChainAction: Hashable, Sendable {
    /// One whole frame.
    case send([UInt8])
    /// Of the host's end, once all that was sent has left; answered by `.baudRate`.
    case setBaudRate(BaudRate)
    /// Drop what has been received and not yet delivered.
    case discardInput
    /// Send `.woke` then. Replaces an earlier one.
    case wake(at: Instant)
    case ready(ChainSummary)
    /// The chips' work is about to run out, or they have none yet: answered by `.work`.
    case needWork
    case report(NonceReport)
    case notice(ChainNotice)
    /// After `.quiesce`: the hash clock is down, or never came up.
    case quiet
    /// The chain has given up; nothing more will come.
    case fail(ChainFault)
}

/// What an operator or a counter may want to know, and the chain can live with.
public enum ChainNotice: Hashable, Sendable {
    /// The hash clock was changed, on its way to another.
    case ramp(at: Hertz, target: Hertz)
    /// So many chips answered; they are asked once more.
    case askingAgain(answered: Int, expected: Int)
    /// A nonce for a job slot that has had no work.
    case unknownSlot(jobByte: UInt8)
    /// A nonce for work that was replaced too many jobs ago to be believed.
    case retiredSlot(jobByte: UInt8, workID: UInt64)
    case duplicateNonce(workID: UInt64, nonce: UInt32)
    /// A nonce with rolled version bits that the upstream does not allow; dropped.
    case versionOutsideMask(workID: UInt64, versionBits: UInt32)
    /// A nonce from the range of a chip that the chain does not have, at this position; reported without a
    /// chip.
    case nonceBeyondChain(workID: UInt64, index: Int)
    /// A register value from an address that no chip has been given.
    case unknownAddress(RegisterValue)
    /// A register value that nobody has asked for.
    case unsolicitedRegister(RegisterValue)
    /// Bytes that belong to no frame.
    case bytesSkipped(Int)
    /// `.needWork` has had no answer for so long; it is repeated.
    case workLate(Duration)
}

/// Why a chain cannot go on.
public enum ChainFault: Error, Hashable, Sendable {
    /// More chips than the model, or the rule for addresses, allows; or none.
    case addressesExhausted(chips: Int, maximum: Int)
    case frequency(Hertz, allowed: ClosedRange<Hertz>)
    /// The model's dividers do not give this clock, or one on the way to it.
    case noClockSetting(Hertz)
    case baudRateUnsupported(BaudRate, supported: [BaudRate])
    /// No chip was recognised; `unreadableBytes` tells silence (0) from garbage.
    case noChips(expected: Int, unreadableBytes: Int)
    case chipCount(Int, expected: Int)
    /// A chip answered with the id of another model than the board has.
    case unsupportedChip(id: UInt16, expected: UInt16, supported: [UInt16])
    /// The host's end runs too far from the chips' rate.
    case baudRateMismatch(actual: BaudRate, chips: BaudRate)
    case baudRateNotReported(BaudRate)
    /// Brought up, but these did not answer at their addresses.
    case chipsMissing(addresses: [UInt8], at: BaudRate)

    /// Whether the same bring-up may succeed when tried again after a reset.
    public var isTransient: Bool {
        switch self {
        case .noChips, .chipCount, .baudRateNotReported, .chipsMissing: true
        case .addressesExhausted, .frequency, .noClockSetting, .baudRateUnsupported, .unsupportedChip,
            .baudRateMismatch:
            false
        }
    }
}

extension ChainFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .addressesExhausted(let chips, let maximum):
            return "\(chips) chips cannot be addressed on one chain; 1 to \(maximum) can"
        case .frequency(let wanted, let allowed):
            return "\(wanted.megahertz) MHz is outside the chip's limits of "
                + "\(allowed.lowerBound.megahertz) to \(allowed.upperBound.megahertz) MHz"
        case .noClockSetting(let wanted):
            return "the chip's clock dividers do not give \(wanted.megahertz) MHz"
        case .baudRateUnsupported(let wanted, let supported):
            let list = supported.map { "\($0.symbolsPerSecond)" }.joined(separator: ", ")
            return "no known register value sets the chips to \(wanted.symbolsPerSecond) baud; known: \(list)"
        case .noChips(let expected, 0): return "no chip answered; \(expected) expected"
        case .noChips(let expected, let bytes):
            return "no chip was recognised in \(bytes) bytes of noise; \(expected) expected"
        case .chipCount(let count, let expected): return "\(count) chips answered; \(expected) expected"
        case .unsupportedChip(let id, let expected, let supported):
            let list = supported.map(chipText).joined(separator: ", ")
            return
                "a chip says it is a \(chipText(id)), the board has \(chipText(expected)); supported: \(list)"
        case .baudRateMismatch(let actual, let chips):
            return "the port runs at \(actual.symbolsPerSecond) baud, the chips at \(chips.symbolsPerSecond)"
        case .baudRateNotReported(let wanted):
            return "the port did not confirm \(wanted.symbolsPerSecond) baud"
        case .chipsMissing(let addresses, let baud):
            let list = addresses.map { String($0, radix: 16) }.joined(separator: " ")
            return "no answer at \(baud.symbolsPerSecond) baud from the chips at (hexadecimal) \(list)"
        }
    }
}

private func chipText(_ id: UInt16) -> String { "BM" + String(id, radix: 16) }
