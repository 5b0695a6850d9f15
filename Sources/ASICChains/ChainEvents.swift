public import ASICWire
public import Units

public enum ChainEvent: Hashable, Sendable {
    /// Reset was just released, and the host's end of the link runs at 115,200. Comes once.
    case begin
    /// Bytes from the chips, in chunks of any size.
    case received([UInt8])
    /// What the port really runs at after `.setBaudRate`, as the kernel says.
    case baudRate(BaudRate)
    /// The next job, for all chips, at once. Refused, with a notice, while the chain is not at work.
    case work(ChainWork)
    /// What the verifier found of a nonce that was reported.
    case judged(chip: Int?, good: Bool)
    /// Another hash clock, while at work: answered by `.retuned`, or refused with a notice.
    case retune(Hertz)
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
    /// The clock asked for by `.retune` is reached; the ticket and the interval of jobs may have changed with it.
    case retuned(ChainSummary)
    /// The chips' work is about to run out, or they have none yet: answered by `.work`.
    case needWork
    case report(NonceReport)
    case notice(ChainNotice)
    /// After `.quiesce`: the hash clock is down, or never came up.
    case quiet
    /// Nothing short of this brings the chips back. Nothing more will come; the owner carries it out and begins a new
    /// chain, which it tells of this one's end (`Chain.init`).
    case recover(Recovery, Silence)
    /// The chain has given up; nothing more will come.
    case fail(ChainFault)
}

/// What an operator or a counter may want to know, and the chain can live with.
public enum ChainNotice: Hashable, Sendable {
    /// The hash clock was changed, on its way to another.
    case ramp(at: Hertz, target: Hertz)
    /// So many chips answered; they are asked once more.
    case askingAgain(answered: Int, expected: Int)
    /// The port cannot run at this rate: the kernel set another. The chips have not been told yet, and never will be:
    /// `instead` is tried next.
    case baudRateRefused(BaudRate, actual: BaudRate, instead: BaudRate)
    /// A nonce for a job slot that has had no work.
    case unknownSlot(jobByte: UInt8)
    /// A nonce for work that was replaced too many jobs ago to be believed.
    case retiredSlot(jobByte: UInt8, workID: UInt64)
    /// A nonce for a midstate that its job has not.
    case unknownMidstate(workID: UInt64, index: Int)
    case duplicateNonce(workID: UInt64, nonce: UInt32)
    /// A nonce with rolled version bits that its work does not allow; dropped.
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
    /// The chips were told to roll other version bits than before, because the work leaves them others.
    case versionMask(UInt32, was: UInt32)
    /// `.needWork` has had no answer for so long; it is repeated.
    case workLate(Duration)
    /// Work that the chain could not take; nothing was sent.
    case workRefused(workID: UInt64, WorkRefusal)
    case retuneRefused(Hertz, RetuneRefusal)
    /// Somebody is silent, and what is done about it.
    case silent(Silence, SilenceResponse)
}

/// Why work was not sent to the chips.
public enum WorkRefusal: Hashable, Sendable {
    /// Not at work yet; it asks once it is.
    case comingUp
    case goingDown
    /// Ended, by this fault if by one.
    case ended(ChainFault?)
}

public enum RetuneRefusal: Hashable, Sendable {
    case notAtWork
    case fault(ChainFault)
}

/// Why a chain cannot go on.
public enum ChainFault: Error, Hashable, Sendable {
    /// More chips than the model, or the rule for addresses, allows; or none.
    case addressesExhausted(chips: Int, maximum: Int, reason: String)
    case unevenDomains(chips: Int, domains: Int)
    case frequency(Hertz, allowed: ClosedRange<Hertz>)
    /// The model's dividers do not give this clock, or one on the way to it.
    case noClockSetting(Hertz)
    case baudRateUnsupported(BaudRate, supported: [BaudRate])
    /// No chip was recognised; `unreadableBytes` tells silence (0) from garbage.
    case noChips(expected: Int, unreadableBytes: Int)
    case chipCount(Int, expected: Int)
    /// A chip answered with the id of another model than the board has.
    case unsupportedChip(id: UInt16, expected: [UInt16], supported: [UInt16])
    /// The host's end was set to `asked`, runs at `actual`, and that is too far from the chips' rate.
    case baudRateMismatch(asked: BaudRate, actual: BaudRate, chips: BaudRate)
    case baudRateNotReported(BaudRate)
    /// Brought up, but these did not answer at their addresses.
    case chipsMissing(addresses: [UInt8], at: BaudRate)
    /// A chip was asked for its hash clock, and answered otherwise than it was told (`read`), or not at all.
    case clockNotConfirmed(address: UInt8, at: Hertz, wrote: UInt32, read: UInt32?)
    /// Every recovery was tried, and nothing comes.
    case silent(Silence)

    /// Whether the same bring-up may succeed when tried again after a reset.
    public var isTransient: Bool {
        switch self {
        case .noChips, .chipCount, .baudRateNotReported, .chipsMissing, .clockNotConfirmed, .silent: true
        // An id that no chip has is a garbled one, more likely than not.
        case .unsupportedChip(let id, _, let supported): !supported.contains(id)
        case .addressesExhausted, .unevenDomains, .frequency, .noClockSetting, .baudRateUnsupported,
            .baudRateMismatch:
            false
        }
    }
}
