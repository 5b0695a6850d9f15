public import Units

/// What is known of a chip model as numbers: the content of its file in `Hardware/chips/`.
///
/// Procedures and encodings are code, in the model's folder of this module; they take their numbers from
/// here.
public struct ChipFacts: Hashable, Sendable {
    public var name: String
    /// Bits 31 to 16 of register 0x00: one, or several where chips differ in nothing else that is known.
    public var chipIDs: [UInt16]
    public var cores: Int
    /// Sub-cores of a core test the same nonces with different versions.
    public var subCores: Int
    /// Hashes a clock: what the clock frequency is multiplied with for the hash rate. Below cores × sub-cores
    /// where some are never live.
    public var hashUnits: Int
    public var minimumFrequency: Hertz
    public var maximumFrequency: Hertz
    public var defaultFrequency: Hertz
    /// `nil` where no open source tells.
    public var coreVoltage: CoreVoltageWindow?
    /// Chips that one chain can address.
    public var maximumChips: Int
    /// Why not more: a sentence for the operator.
    public var maximumChipsReason: String
    /// Jobs that a chip's replies can tell apart.
    public var jobSlots: Int
    /// Bytes of a reply after reset, until version rolling is enabled: 7 (BM1387), 9 or 11.
    public var initialResponseBytes: Int
    /// Bytes of a reply once version rolling is enabled, where chips have it.
    public var responseBytes: Int
    /// What the sources leave open, a sentence each; shown to the operator.
    public var unproven: [String]
    public var source: String

    public init(
        name: String, chipIDs: [UInt16], cores: Int, subCores: Int, hashUnits: Int, minimumFrequency: Hertz,
        maximumFrequency: Hertz, defaultFrequency: Hertz, coreVoltage: CoreVoltageWindow?, maximumChips: Int,
        maximumChipsReason: String, jobSlots: Int, initialResponseBytes: Int, responseBytes: Int,
        unproven: [String], source: String
    ) {
        self.name = name
        self.chipIDs = chipIDs
        self.cores = cores
        self.subCores = subCores
        self.hashUnits = hashUnits
        self.minimumFrequency = minimumFrequency
        self.maximumFrequency = maximumFrequency
        self.defaultFrequency = defaultFrequency
        self.coreVoltage = coreVoltage
        self.maximumChips = maximumChips
        self.maximumChipsReason = maximumChipsReason
        self.jobSlots = jobSlots
        self.initialResponseBytes = initialResponseBytes
        self.responseBytes = responseBytes
        self.unproven = unproven
        self.source = source
    }
}

/// Core voltages of one chip domain; a board with domains in series sets its regulator to a multiple.
public struct CoreVoltageWindow: Hashable, Sendable {
    public var minimum: Volts
    public var maximum: Volts
    /// What goes with the default frequency.
    public var standard: Volts

    public init(minimum: Volts, maximum: Volts, standard: Volts) {
        self.minimum = minimum
        self.maximum = maximum
        self.standard = standard
    }
}
