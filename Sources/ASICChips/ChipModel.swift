public import ASICWire
public import Units

/// What the chain needs to know of a chip model, beyond its facts. One folder a model implements it.
public protocol ChipModel: Sendable {
    static var chipID: UInt16 { get }

    var facts: ChipFacts { get }

    init(facts: ChipFacts)

    /// What the hash clock's dividers may be.
    var clockLimits: ClockLimits { get }

    /// Link rates known to work, besides the one after reset.
    var baudSteps: [BaudStep] { get }

    /// How often to send a job where the search space of a job lasts longer.
    var jobInterval: Duration { get }

    /// Header nonces that each core of one chip may sweep a version batch without meeting the next chip's.
    func nonceSlice(_ layout: ChainLayout) -> UInt32

    /// Ticks by which a chip overruns its HASH_COUNTING_NUMBER, and by which that is therefore lowered.
    var countingGuard: UInt32 { get }

    /// Everything from the released reset to a hashing chain, but for jobs.
    func bringUp(_ plan: BringUpPlan) -> [BringUpStep]

    /// Job bytes in the order in which they are sent, starting over at the end; one for each job slot.
    var jobBytes: [UInt8] { get }

    /// The fields of a nonce reply in the form that comes with version rolling.
    func decode(_ reply: NonceResponse, on layout: ChainLayout) -> DecodedNonce
}

/// The models this module implements. A new model adds its line here and touches no other.
private let models: [any ChipModel.Type] = [BM1362.self, BM1370.self]

/// Chip ids (register 0x00, upper half) of the models this module implements, ascending.
public let supportedChipIDs: [UInt16] = models.map { $0.chipID }.sorted()

/// The code that goes with `facts`, found by their chip id.
///
/// - Returns: `nil` when no model has that id, when its replies would have a size that no chip's have, or
///   when its job slots are not a power of two up to 16, which is what a job byte with a clear top bit can
///   tell apart.
public func chipModel(for facts: ChipFacts) -> (any ChipModel)? {
    guard let model = models.first(where: { $0.chipID == facts.chipID }),
        ResponseFormat(bytes: facts.initialResponseBytes) != nil,
        ResponseFormat(bytes: facts.responseBytes) != nil,
        [2, 4, 8, 16].contains(facts.jobSlots)
    else { return nil }
    return model.init(facts: facts)
}

extension ResponseFormat {
    fileprivate init?(bytes: Int) {
        switch bytes {
        case ResponseFormat.short.length: self = .short
        case ResponseFormat.long.length: self = .long
        default: return nil
        }
    }
}

extension ChipModel {
    /// The form of replies after reset.
    public var initialFormat: ResponseFormat { ResponseFormat(bytes: facts.initialResponseBytes) ?? .short }

    /// The form of replies once a command has been carried out: writing VERSION_ROLLING with its enable bit
    /// changes it.
    public func format(after command: ChipCommand, was format: ResponseFormat) -> ResponseFormat {
        guard case .write(Register.versionRolling.address, let value, _) = command,
            value & VersionRolling.enable != 0
        else { return format }
        return ResponseFormat(bytes: facts.responseBytes) ?? format
    }

    /// Hashes a second of one chip at this clock. Source: bm13xx.md §1.
    public func hashRate(at frequency: Hertz) -> HashRate {
        HashRate(hashesPerSecond: Double(frequency.hertz) * Double(facts.hashUnits))
    }
}

/// What a nonce reply says, field by field. Source: bm13xx.md §11.1.
public struct DecodedNonce: Hashable, Sendable {
    /// As it was sent with the job.
    public var jobByte: UInt8
    public var core: Int
    public var subCore: Int
    /// At their place in the header's version.
    public var versionBits: UInt32
    public var chip: ChipAttribution

    public init(jobByte: UInt8, core: Int, subCore: Int, versionBits: UInt32, chip: ChipAttribution) {
        self.jobByte = jobByte
        self.core = core
        self.subCore = subCore
        self.versionBits = versionBits
        self.chip = chip
    }
}

/// Which chip found a nonce.
public enum ChipAttribution: Hashable, Sendable {
    /// Position on the chain, 0 nearest the host.
    case chip(Int)
    /// The model's nonces do not tell.
    case unknown
    /// The nonce lies in the range of a chip that the chain does not have, at this position.
    case beyondChain(Int)
}
