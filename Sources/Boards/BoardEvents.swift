public import ASICChains
public import Peripherals
public import Units

public enum BoardEvent: Sendable {
    /// Both ports are open. Comes once; whatever state the board is in, it is switched off first.
    case begin
    case controlReceived([UInt8])
    case dataReceived([UInt8])
    /// What the data port really runs at after `.setBaudRate`, as the kernel says.
    case baudRate(BaudRate)
    /// The next job for the board's chain. Refused, with a notice, while the chain is not at work.
    case work(ChainWork)
    /// What the verifier found of a nonce that was reported.
    case judged(chip: Int?, good: Bool)
    /// Another hash clock, while at work: answered by `.retuned`, or refused with a notice.
    case retune(Hertz)
    /// The instant of `.wake` has come. One that comes early or twice does no harm.
    case woke
    /// Make the board safe, whatever it is doing.
    case shutDown
    case portLost(BoardPort)
    /// A port has not taken a byte for so long, though it has some to take: the device has stopped reading.
    case writeBlocked(BoardPort, for: Duration)
}

public enum BoardAction: Hashable, Sendable {
    /// One whole request, to be written at once; a lost port may drop it.
    case sendControl([UInt8])
    case sendData([UInt8])
    /// Of the data port, once all that was sent has left; answered by `.baudRate`.
    case setBaudRate(BaudRate)
    /// Drop what the data port has received and not yet delivered.
    case discardData
    /// Send `.woke` then. Replaces an earlier one.
    case wake(at: Instant)
    /// Powered, brought up, at work. Again after a recovery.
    case ready(ChainSummary)
    /// The clock asked for by `.retune` is reached.
    case retuned(ChainSummary)
    /// Answered by `.work`.
    case needWork
    case report(NonceReport)
    case notice(BoardNotice)
    /// The board cannot go on; power-off has already begun.
    case fail(BoardFault)
    /// Power-off has ended, `confirmed` if the board itself said so. Nothing more follows, but notices of work that comes
    /// nevertheless.
    case safe(confirmed: Bool)
}

public enum BoardPort: String, Hashable, Sendable { case control, data }

/// What an operator may want to know, and the board can live with.
public enum BoardNotice: Hashable, Sendable {
    case regulator(TPS546.Part)
    /// The rail, measured by its regulator after it was switched on.
    case rail(Volts)
    case retrying(BoardStep, ControlFault)
    /// A step of power-off failed; the others are still carried out.
    case notConfirmed(BoardFault)
    /// The chips are being brought back: the how-manieth time within the last hour, and why.
    case recovering(Recovery, attempt: Int, RecoveryCause)
    case chain(ChainNotice)
}

/// Why chips that were at work have to be brought back.
public enum RecoveryCause: Hashable, Sendable {
    case silence(Silence)
    /// At work, or in the bring-up of a recovery.
    case fault(ChainFault)
}

/// Why a board cannot go on.
public enum BoardFault: Error, Hashable, Sendable {
    case control(ControlFault, at: BoardStep)
    /// `at` is missing where the plan itself is impossible.
    case regulator(RegulatorFault, at: BoardStep?)
    /// A pin reads otherwise than it was driven.
    case pin(BoardPin, active: Bool)
    /// The profile's lists name a pin or a regulator that it does not have.
    case noPin(PinRole)
    case noRegulator(RegulatorStage)
    case noSensor(String)
    /// The board may only be switched on by someone who asks its sensors first.
    case sensorsLeftOut
    /// A sensor gave nothing that can be believed, or a fan controller did not do as it was told.
    case peripheral(PeripheralFault, at: BoardStep)
    /// No code for the profile's chip.
    case unsupportedChip(id: UInt16)
    case chain(ChainFault)
    case portLost(BoardPort)
    case writeBlocked(BoardPort, for: Duration)
    /// So many times the board was switched off and on within an hour, and it did not help.
    case recoveriesExhausted(powerCycles: Int, RecoveryCause)
    /// A power cycle did not get beyond switching off, which the board did not confirm.
    case notSwitchedOff(RecoveryCause)
}
