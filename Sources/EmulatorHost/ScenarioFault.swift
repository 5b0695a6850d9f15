public import Emulator

/// One `[[fault]]` of a scenario, before it is known on which chain it happens.
struct ScenarioFault: Hashable, Sendable {
    private let kind: Fault.Kind
    private let chip: Int?
    private let direction: Fault.Direction
    private let schedule: FaultSchedule
    private let seed: UInt64?

    /// A hundred years: longer than anybody waits.
    private static let longest = 3.2e9

    private static let kinds = [
        "flipped-bits", "lost-bytes", "repeated-bytes", "stray-bytes", "slow-link", "garbage", "half-frames",
        "other-chip", "silent-port", "dead-chip", "deaf-chip", "silent-chip", "wrong-nonces",
        "duplicate-nonces",
        "stuck-temperature", "unasked-register", "brown-out", "unplugged",
    ]

    init(_ reader: inout ScenarioReader) throws(ScenarioError.Problem) {
        let word = try reader.word("kind", Self.kinds)
        kind = try Self.kind(word, &reader)
        switch kind {
        case .deadChip: chip = try reader.integer("chip", 0...255)
        case .deafChip, .silentChip, .wrongNonces, .duplicateNonces, .stuckTemperature, .unaskedRegister:
            chip = reader.has("chip") ? try reader.integer("chip", 0...255) : nil
        case .flippedBits, .lostBytes, .repeatedBytes, .strayBytes, .slowLink, .port, .brownOut, .unplugged:
            chip = nil
        }
        switch kind {
        case .flippedBits, .lostBytes, .repeatedBytes, .strayBytes:
            direction = try Self.direction(&reader)
        case .slowLink, .port, .deadChip, .deafChip, .silentChip, .wrongNonces, .duplicateNonces,
            .stuckTemperature, .unaskedRegister, .brownOut, .unplugged:
            direction = .toHost
        }
        schedule = try Self.schedule(kind, &reader)
        seed = reader.has("seed") ? UInt64(try reader.integer("seed", 0...Int.max)) : nil
    }

    private static func kind(
        _ word: String, _ reader: inout ScenarioReader
    ) throws(ScenarioError.Problem) -> Fault.Kind {
        switch word {
        case "flipped-bits": return .flippedBits
        case "lost-bytes": return .lostBytes
        case "repeated-bytes": return .repeatedBytes
        case "stray-bytes": return .strayBytes
        case "slow-link": return .slowLink(.milliseconds(Int64(try reader.integer("delay_ms", 1...60_000))))
        case "garbage": return .port(.garbage)
        case "half-frames": return .port(.halfFrames)
        case "other-chip": return .port(.otherChip(UInt16(try reader.integer("identity", 0...0xffff))))
        case "silent-port": return .port(.silent)
        case "dead-chip": return .deadChip
        case "deaf-chip": return .deafChip
        case "silent-chip": return .silentChip
        case "wrong-nonces": return .wrongNonces
        case "duplicate-nonces": return .duplicateNonces
        case "stuck-temperature": return .stuckTemperature(try reader.number("celsius", -55...200))
        case "unasked-register": return .unaskedRegister(UInt8(try reader.integer("register", 0...255)))
        case "brown-out": return .brownOut
        case "unplugged": return .unplugged
        case _: preconditionFailure("the reader allows the words above only")
        }
    }

    private static func direction(_ reader: inout ScenarioReader) throws(ScenarioError.Problem)
        -> Fault.Direction
    {
        guard reader.has("direction") else { return .toHost }
        switch try reader.word("direction", ["to-host", "to-chips", "both"]) {
        case "to-chips": return .toChips
        case "both": return .both
        case _: return .toHost
        }
    }

    private static func schedule(
        _ kind: Fault.Kind, _ reader: inout ScenarioReader
    ) throws(ScenarioError.Problem) -> FaultSchedule {
        var schedule = FaultSchedule()
        if reader.has("at_s") { schedule.start = .seconds(try reader.number("at_s", 0...longest)) }
        if reader.has("for_s") { schedule.length = .seconds(try reader.number("for_s", 0...longest)) }
        if reader.has("every_s") { schedule.period = .seconds(try reader.number("every_s", 0.001...longest)) }
        switch kind {
        case .flippedBits, .lostBytes, .repeatedBytes, .strayBytes, .port, .wrongNonces, .duplicateNonces,
            .unaskedRegister:
            if reader.has("probability") {
                schedule.probability = try reader.number("probability", 1e-12...1)
            }
        case .slowLink, .deadChip, .deafChip, .silentChip, .stuckTemperature, .brownOut, .unplugged:
            break  // a state, which is there or not
        }
        return schedule
    }

    /// - Parameter defaultSeed: for a fault without a seed of its own.
    func fault(chips: Int, defaultSeed: UInt64) -> Fault? {
        if let chip, chip >= chips { return nil }
        return Fault(
            kind, chip: chip, direction: direction, schedule: schedule, seed: seed ?? defaultSeed)
    }

    var position: Int? { chip }
}

extension Scenario {
    /// The faults on a chain of so many chips.
    ///
    /// - Parameters:
    ///   - seed: for faults without a seed of their own, the first one as it is, the others counted up.
    ///   - file: for errors.
    public func faults(chips: Int, seed: UInt64, file: String) throws(ScenarioError) -> [Fault] {
        var faults = [Fault]()
        for (index, entry) in entries.enumerated() {
            guard let fault = entry.fault(chips: chips, defaultSeed: seed &+ UInt64(index)) else {
                throw ScenarioError(
                    file: file,
                    problem: .noSuchChip("fault[\(index)].chip", chip: entry.position ?? 0, chips: chips))
            }
            faults.append(fault)
        }
        return faults
    }
}
