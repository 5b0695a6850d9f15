public import ASICWire
public import Units

/// What a job gives the chips. Source: bm13xx.md §12.
public enum WorkForm: Hashable, Sendable {
    /// A header without its nonce; the chips roll versions themselves.
    case fullHeader
    /// So many midstates at a time, one for each version that the host wants tried.
    case midstates(Int)
}

/// What the chain needs to know of a chip model, beyond its facts. One folder a model implements it.
public protocol ChipModel: Sendable {
    /// Bits 31 to 16 of register 0x00. More than one where chips differ in nothing else that is known.
    static var chipIDs: [UInt16] { get }

    /// Jobs that the model's replies can tell apart at most; facts may say fewer, a power of two.
    static var maximumJobSlots: Int { get }

    var facts: ChipFacts { get }

    init(facts: ChipFacts)

    /// Default: preambled.
    var dialect: WireDialect { get }

    /// Default: full headers.
    var work: WorkForm { get }

    /// What the hash clock's dividers may be.
    var clockLimits: ClockLimits { get }

    /// Link rates known to work, besides the one after reset.
    var baudSteps: [BaudStep] { get }

    /// How often to send a job where the search space of a job lasts longer.
    var jobInterval: Duration { get }

    /// Where the chips of a chain are; `nil` where the model cannot address so many, or so.
    func layout(chips: Int, rule: AddressRule, domains: Int) -> ChainLayout?

    /// Where in its cores' nonce counter the chip at `index` starts a sweep.
    func nonceStart(of index: Int, on layout: ChainLayout) -> UInt32

    /// Header nonces that each core of one chip may sweep from there without meeting the next chip's.
    func nonceSlice(_ layout: ChainLayout) -> UInt32

    /// Ticks by which a chip overruns its HASH_COUNTING_NUMBER, and by which that is therefore lowered.
    var countingGuard: UInt32 { get }

    /// - Parameter versionMask: header version bits that the chips may roll.
    func hashCounting(_ layout: ChainLayout, clock: ClockSetting, versionMask: UInt32) -> HashCounting

    /// Everything from the released reset to a hashing chain, but for jobs.
    func bringUp(_ plan: BringUpPlan) -> [BringUpStep]

    /// From stop to stop of the hash clock, each confirmed by the last chip of the chain. Up or down, in a bring-up or
    /// at work.
    func rampSteps(_ stops: [ClockSetting], on layout: ChainLayout) -> [BringUpStep]

    /// What follows a ramp at work: everything that depends on the clock or the report rate. Of the plan, ramp and link
    /// are of no concern.
    func retune(_ plan: BringUpPlan) -> [BringUpStep]

    /// Job bytes in the order in which they are sent, starting over at the end; one for each job slot.
    var jobBytes: [UInt8] { get }

    /// The fields of a nonce reply in the form that comes at work.
    func decode(_ reply: NonceResponse, on layout: ChainLayout) -> DecodedNonce

    /// Which address answered a read of CHIP_ID.
    func answeringAddress(_ identity: RegisterValue) -> UInt8

    /// Where the chip counts its own work; `nil` where no source tells.
    var counters: HashCounters? { get }
}

/// The models this module implements. A new model adds its line here and touches no other.
private let models: [any ChipModel.Type] = [
    BM1387.self,
    BM1397.self,
    BM1362.self,
    BM1366.self,
    BM1368.self,
    BM1370.self,
    BM1372.self,
]

/// Chip ids (register 0x00, upper half) of the models this module implements, ascending.
public let supportedChipIDs: [UInt16] = models.flatMap { $0.chipIDs }.sorted()

/// Numbers of job slots with which `chipModel(for:)` accepts a chip of this id: powers of two, ascending. Empty for an
/// id nobody knows.
public func jobSlotChoices(chipID: UInt16) -> [Int] {
    guard let model = models.first(where: { $0.chipIDs.contains(chipID) }) else { return [] }
    return [2, 4, 8, 16, 32].filter { $0 <= model.maximumJobSlots }
}

/// Whether one model goes by all these ids.
public func isOneModel(_ chipIDs: [UInt16]) -> Bool {
    models.contains { Set(chipIDs).isSubset(of: $0.chipIDs) }
}

/// The code that goes with `facts`, found by their chip ids.
///
/// - Returns: `nil` when no model has all those ids, when its replies would have a size that no chip's have, or when its
///   job slots are not among `jobSlotChoices`.
public func chipModel(for facts: ChipFacts) -> (any ChipModel)? {
    guard let id = facts.chipIDs.first, let type = models.first(where: { $0.chipIDs.contains(id) }),
        isOneModel(facts.chipIDs), jobSlotChoices(chipID: id).contains(facts.jobSlots)
    else { return nil }
    let model = type.init(facts: facts)
    let forms = [facts.initialResponseBytes, facts.responseBytes].map(ResponseFormat.init(bytes:))
    switch model.dialect {
    case .bare: return forms.allSatisfy { $0 == .bare } ? model : nil
    case .preambled: return forms.allSatisfy { $0 == .short || $0 == .long } ? model : nil
    }
}

extension ResponseFormat {
    fileprivate init?(bytes: Int) {
        switch bytes {
        case ResponseFormat.bare.length: self = .bare
        case ResponseFormat.short.length: self = .short
        case ResponseFormat.long.length: self = .long
        default: return nil
        }
    }
}

extension ChipModel {
    public var dialect: WireDialect { .preambled }

    public var work: WorkForm { .fullHeader }

    public var counters: HashCounters? { nil }

    public func layout(chips: Int, rule: AddressRule, domains: Int) -> ChainLayout? {
        chips <= facts.maximumChips ? ChainLayout(chips: chips, rule: rule, domains: domains) : nil
    }

    public func answeringAddress(_ identity: RegisterValue) -> UInt8 { identity.chipAddress }

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

    /// Sub-cores share the versions that a mask makes; HASH_COUNTING_NUMBER keeps each batch inside the chip's slice.
    public func hashCounting(_ layout: ChainLayout, clock: ClockSetting, versionMask: UInt32) -> HashCounting
    {
        HashCounting(
            slice: nonceSlice(layout), clock: clock, countingGuard: countingGuard,
            versions: 1 << (versionMask & VersionRolling.bits).nonzeroBitCount, subCores: facts.subCores)
    }

    /// One broadcast a stop, 100 ms to settle (bm13xx.md §7.2), then the last chip is asked.
    public func rampSteps(_ stops: [ClockSetting], on layout: ChainLayout) -> [BringUpStep] {
        stops.flatMap { [.setClock($0), .settle(.milliseconds(100)), .confirm($0, on: layout)] }
    }

    /// HASH_COUNTING_NUMBER follows every change of the clock, and VERSION_ROLLING is written again after every ramp of
    /// the factory's (bm13xx.md §7.2, §9).
    public func retune(_ plan: BringUpPlan) -> [BringUpStep] {
        [
            .write(.ticketMask, plan.ticket.registerValue, to: .everyChip),
            .write(.hashCountingNumber, plan.counting.registerValue, to: .everyChip),
            .write(.versionRolling, VersionRolling.registerValue(mask: plan.versionMask), to: .everyChip),
        ]
    }
}

extension BringUpStep {
    /// The chip that a lost or unplugged board loses first, the last one, is the one to ask.
    static func confirm(_ setting: ClockSetting, on layout: ChainLayout) -> BringUpStep {
        .confirmClock(setting, of: layout.commandAddress(of: layout.chips - 1))
    }
}
