import Units

/// The faults of a chain, each with its own chance, and which of them are there now.
struct FaultBench: Sendable {
    private struct Entry: Sendable {
        let fault: Fault
        var chance: SplitMix64
        var isActive = false
        var beginnings: Int64 = 0
        var port: FaultyPort?
    }

    private var entries: [Entry]
    /// When the host's first byte came.
    private var origin: Instant?
    private var lastLook = Instant(nanoseconds: .min)
    /// Delay of everything on the line.
    private(set) var delay = Duration.zero

    var isEmpty: Bool { entries.isEmpty }

    init(_ faults: [Fault]) {
        entries = faults.map { fault in
            var entry = Entry(fault: fault, chance: SplitMix64(seed: fault.seed))
            if case .port(let kind) = fault.kind { entry.port = FaultyPort(kind, seed: fault.seed) }
            return entry
        }
    }

    mutating func begin(at now: Instant) { if origin == nil { origin = now } }

    /// When a fault comes or goes next.
    var nextChangeAt: Instant? {
        guard let origin else { return nil }
        let elapsed = max(lastLook, origin) - origin
        return entries.compactMap { $0.fault.schedule.nextChange(after: elapsed) }.min().map { origin + $0 }
    }

    /// What has happened up to `now` to chips and plug.
    enum Happening: Hashable, Sendable {
        case lostSupply
        /// A chip (all of them for `nil`) sends a register unasked.
        case unasked(register: UInt8, chip: Int?)
    }

    mutating func advance(to now: Instant) -> [Happening] {
        guard let origin, now >= origin, now > lastLook, !entries.isEmpty else { return [] }
        lastLook = now
        var happenings = [Happening]()
        delay = .zero
        for index in entries.indices {
            let (fault, schedule) = (entries[index].fault, entries[index].fault.schedule)
            let count = schedule.beginnings(by: now - origin)
            let begun = count > entries[index].beginnings
            entries[index].beginnings = count
            entries[index].isActive = schedule.isActive(at: now - origin)
            switch fault.kind {
            case .brownOut, .unplugged: if begun { happenings.append(.lostSupply) }
            case .unaskedRegister(let register):
                if begun, entries[index].chance.nextFraction() < schedule.probability {
                    happenings.append(.unasked(register: register, chip: fault.chip))
                }
            case .slowLink(let time): if entries[index].isActive { delay += time }
            case .flippedBits, .lostBytes, .repeatedBytes, .strayBytes, .port, .deadChip, .deafChip,
                .silentChip, .wrongNonces, .duplicateNonces, .stuckTemperature:
                break
            }
        }
        return happenings
    }

    // MARK: States

    /// Whether the supply is gone, or the plug is out.
    var hasSupply: Bool { !isThere { $0 == .brownOut || $0 == .unplugged } }
    var isUnplugged: Bool { isThere { $0 == .unplugged } }

    private func isThere(_ isMeant: (Fault.Kind) -> Bool) -> Bool {
        entries.contains { $0.isActive && isMeant($0.fault.kind) }
    }

    /// The first position that is cut off; chips before it are not.
    func cut(chips: Int) -> Int {
        entries.lazy.filter { $0.isActive && $0.fault.kind == .deadChip }.map { $0.fault.chip ?? 0 }.min()
            .map { min($0, chips) } ?? chips
    }

    func isDeaf(_ chip: Int) -> Bool { concerns(chip) { $0 == .deafChip } }
    func isSilent(_ chip: Int) -> Bool { concerns(chip) { $0 == .silentChip } }

    func stuckCelsius(_ chip: Int) -> Double? {
        for entry in entries where entry.isActive && (entry.fault.chip ?? chip) == chip {
            if case .stuckTemperature(let celsius) = entry.fault.kind { return celsius }
        }
        return nil
    }

    private func concerns(_ chip: Int, _ isMeant: (Fault.Kind) -> Bool) -> Bool {
        entries.contains { $0.isActive && isMeant($0.fault.kind) && ($0.fault.chip ?? chip) == chip }
    }

    // MARK: Events

    /// Chance to be used for a nonce of this chip that shall be wrong; `nil` when it shall not.
    mutating func wrongNonce(of chip: Int) -> UInt64? { event(of: chip, .wrongNonces) }
    mutating func duplicates(of chip: Int) -> Bool { event(of: chip, .duplicateNonces) != nil }

    private mutating func event(of chip: Int, _ kind: Fault.Kind) -> UInt64? {
        var found: UInt64?
        for index in entries.indices {
            let fault = entries[index].fault
            guard entries[index].isActive, fault.kind == kind, (fault.chip ?? chip) == chip else { continue }
            let happens = entries[index].chance.nextFraction() < fault.schedule.probability
            let number = entries[index].chance.next()
            if happens { found = number }
        }
        return found
    }

    /// What becomes of bytes on the line.
    mutating func disturb(_ bytes: [UInt8], toHost: Bool) -> [UInt8] {
        var bytes = bytes
        for index in entries.indices where entries[index].isActive {
            let fault = entries[index].fault
            let isHit =
                switch fault.direction {
                case .both: true
                case .toHost: toHost
                case .toChips: !toHost
                }
            guard isHit else { continue }
            let change: (inout SplitMix64, UInt8) -> [UInt8]
            switch fault.kind {
            case .flippedBits: change = { [$1 ^ 1 << UInt8.random(in: 0..<8, using: &$0)] }
            case .lostBytes: change = { _, _ in [] }
            case .repeatedBytes: change = { [$1, $1] }
            case .strayBytes: change = { [$1, UInt8.random(in: .min ... .max, using: &$0)] }
            case .slowLink, .port, .deadChip, .deafChip, .silentChip, .wrongNonces, .duplicateNonces,
                .stuckTemperature, .unaskedRegister, .brownOut, .unplugged:
                continue
            }
            var chance = entries[index].chance
            bytes = bytes.flatMap { byte in
                chance.nextFraction() < fault.schedule.probability ? change(&chance, byte) : [byte]
            }
            entries[index].chance = chance
        }
        return bytes
    }

    /// What a port that is altogether wrong makes of frames.
    mutating func pass(_ outputs: [EmulatedOutput]) -> [EmulatedOutput] {
        var outputs = outputs
        for index in entries.indices where entries[index].isActive {
            guard var port = entries[index].port else { continue }
            var chance = entries[index].chance
            let probability = entries[index].fault.schedule.probability
            outputs = outputs.flatMap { output in
                chance.nextFraction() < probability ? port.pass([output]) : [output]
            }
            entries[index].chance = chance
            entries[index].port = port
        }
        return outputs
    }
}
