public import ASICChips
public import Units

/// What is asked of a chain: which chips, how many, how fast.
public struct ChainProfile: Sendable {
    public var model: any ChipModel
    /// So many must answer.
    public var chips: Int
    /// Working hash clock; the chain runs at the nearest setting of the model's dividers.
    public var frequency: Hertz
    /// Zero bits from which on a chip reports a nonce with an open ticket mask: 32 on a real chip, fewer on
    /// an emulated one. Hash rates in the summary are scaled by it, so that they stay true.
    public var reportZeroBits: Int
    /// The host's rate for work; `nil` stays at 115,200.
    public var workingBaudRate: BaudRate?
    public var addressRule: AddressRule
    /// Voltage domains in series, each of equally many chips.
    public var domains: Int
    /// Instead of the difficulty at which a chip reports about once a second; rounded down to a power of two.
    public var ticketDifficulty: UInt32?
    /// Header version bits that the upstream allows to be rolled; chips that roll themselves use those of bits 28 to 13.
    /// Work with other bits changes it (`ChainWork.versionMask`).
    public var versionMask: UInt32

    /// - Parameters:
    ///   - reportZeroBits: 1 to 32.
    ///   - ticketDifficulty: not 0.
    public init(
        model: any ChipModel, chips: Int, frequency: Hertz, reportZeroBits: Int = 32,
        workingBaudRate: BaudRate? = nil, addressRule: AddressRule = .powerOfTwoShare,
        domains: Int = 1, ticketDifficulty: UInt32? = nil, versionMask: UInt32 = VersionRolling.bits
    ) {
        precondition((1...32).contains(reportZeroBits), "chips report from 1 to 32 zero bits")
        precondition(ticketDifficulty != 0, "there is no difficulty 0")
        self.model = model
        self.chips = chips
        self.frequency = frequency
        self.reportZeroBits = reportZeroBits
        self.workingBaudRate = workingBaudRate
        self.addressRule = addressRule
        self.domains = domains
        self.ticketDifficulty = ticketDifficulty
        self.versionMask = versionMask
    }
}

/// What a chain came up as, or was retuned to.
public struct ChainSummary: Hashable, Sendable {
    public var chipName: String
    public var chips: Int
    /// As the dividers give it, which may differ from what was asked for.
    public var frequency: Hertz
    /// Of the whole chain at that clock, scaled by 2^(reportZeroBits − 32): what verified nonces will amount
    /// to.
    public var expected: HashRate
    /// Leading zero bits of every hash that is reported, ticket mask included.
    public var ticketZeroBits: Int
    /// How often the chain asks for work.
    public var jobInterval: Duration
    /// The host's end of the link.
    public var baudRate: BaudRate
    /// Version bits that the chain rolls: what its work should leave to it.
    public var versionMask: UInt32

    public init(
        chipName: String, chips: Int, frequency: Hertz, expected: HashRate, ticketZeroBits: Int,
        jobInterval: Duration, baudRate: BaudRate, versionMask: UInt32
    ) {
        self.chipName = chipName
        self.chips = chips
        self.frequency = frequency
        self.expected = expected
        self.ticketZeroBits = ticketZeroBits
        self.jobInterval = jobInterval
        self.baudRate = baudRate
        self.versionMask = versionMask
    }
}
