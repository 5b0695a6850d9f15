import ASICWire
import Units

/// What all chips of a chain have in common.
final class ChipDesign: Sendable {
    let parameters: EmulatedChainParameters
    var model: EmulatedModel { parameters.model }
    /// All 256 registers after reset.
    let resetRegisters: [UInt32]
    let allCores: CoreSet
    /// The real chip is 2^this times faster.
    let slowdown: Int

    init(_ parameters: EmulatedChainParameters) {
        self.parameters = parameters
        var registers = [UInt32](repeating: 0, count: 256)
        for (register, value) in parameters.model.resetValues { registers[Int(register)] = value }
        resetRegisters = registers
        allCores = CoreSet(first: parameters.coresPerChip)
        slowdown = 32 - parameters.reportZeroBits
    }
}

/// One chip: its address, its registers, its job, and where in that job it is. Source: bm13xx.md §16 and the
/// sections named below.
struct EmulatedChip: Sendable {
    /// What the chip does with an address command (§5).
    private enum Addressing {
        /// Since reset: it takes the address and passes the command on, so all chips take the same one.
        case open
        /// After "chain inactive": the next address is its own, and goes no further.
        case waiting
        /// Later addresses are for chips behind it.
        case settled
    }

    let design: ChipDesign
    private(set) var address: UInt8 = 0
    private var addressing = Addressing.open
    var registers: [UInt32]
    private var coreRegisters = CoreRegisters()
    /// Cores that were told to hash.
    private(set) var openCores: CoreSet
    private(set) var job: LoadedJob?
    private(set) var loadedAt = Instant(nanoseconds: 0)
    private var sweep = NonceSweep(start: 0)
    private var chance: SplitMix64
    /// 25 MHz ticks by which the chip overruns HASH_COUNTING_NUMBER: 109 to 134 (§10).
    let overrun: UInt64
    var counter = HashCounter()
    var sensors: ChipSensors
    /// How the chip hashes now; `nil` while it does not.
    private(set) var work: ChipWork?
    /// Symbols a second on this chip's side of the line; `nil` when its clock is off.
    private(set) var baud: BaudRate?
    /// Hashes that the chip is owed by the round robin over its chain; may be negative.
    var credit = 0.0

    init(_ design: ChipDesign, position: Int) {
        self.design = design
        chance = SplitMix64(seed: SplitMix64.mix(design.parameters.seed) ^ UInt64(position))
        registers = design.resetRegisters
        overrun = UInt64.random(in: 109...134, using: &chance)
        sensors = ChipSensors(design.parameters)
        openCores = design.model.opening == .always ? design.allCores : CoreSet()
        baud = lineRate
    }

    var model: EmulatedModel { design.model }
}

// MARK: - Commands
extension EmulatedChip {
    func answers(to recipient: Recipient) -> Bool {
        switch recipient {
        case .everyChip: true
        case .chip(let address): UInt32(address) << UInt32(model.unicastShift) == UInt32(self.address)
        }
    }

    mutating func becomeInactive() {
        addressing = .waiting
        address = 0
    }

    /// - Returns: whether chips behind this one see the command.
    mutating func take(address new: UInt8) -> Bool {
        switch addressing {
        case .open:
            address = new
            addressing = .settled
            return true
        case .waiting:
            address = new
            addressing = .settled
            return false
        case .settled:
            return true
        }
    }

    /// What a read of the register gives.
    func value(of register: UInt8, at now: Instant = Instant(nanoseconds: 0)) -> UInt32 {
        let stored = registers[Int(register)]
        if register == model.registers.chipID { return model.identity | UInt32(address) }
        if register == model.registers.pll0 { return stored & 0x7fff_ffff | lockBit }
        if let counted = count(register, at: now) { return counted }
        switch register {
        case Register.temperatureResult where model.hasTemperatureSensor:
            return sensors.temperatureResult(at: now)
        case Register.adcResult where model.hasVoltageADC:
            return sensors.adcResult(registers[Int(Register.adcConfiguration)], at: now)
        case _: return stored
        }
    }

    /// §14.
    private func count(_ register: UInt8, at now: Instant) -> UInt32? {
        switch (model.counters, register) {
        case (.totals, Register.hashTotal): counter.value(0, at: now)
        case (.totals, Register.domainCounters):
            counter.value(Int(register - Register.domainCounters.lowerBound) + 1, at: now)
        case (.totals, Register.nonceErrors), (.rate04, Register.nonceErrors): counter.errors
        // Bit 31 is the "long" flag of a value that is none.
        case (.rate04, 0x04): work.map { UInt32(min($0.real / 0x1p20, 0x7fff_fffe)) }
        case (.rate08, 0x08): UInt32(min((work?.real ?? 0) / 0x1p24, 0xffff_ffff))
        case _: nil
        }
    }

    mutating func write(_ value: UInt32, to register: UInt8, at now: Instant) {
        let old = registers[Int(register)]
        registers[Int(register)] = value
        if register == model.registers.coreControl { control(cores: value) }
        if model.baud == .bm1387, register == model.registers.miscControl, value & 0x4000_0000 != 0 {
            registers[Int(register)] = value & ~0x1f00 | old & 0x1f00
        }
        switch (model.counters, register) {
        case (.totals, Register.hashTotal): counter.clear(0, at: now)
        case (.totals, Register.domainCounters):
            counter.clear(Int(register - Register.domainCounters.lowerBound) + 1, at: now)
        case (.totals, Register.nonceErrors), (.rate04, Register.nonceErrors): counter.clearErrors()
        case _: break
        }
        if model.hasTemperatureSensor, register == Register.temperatureControl {
            sensors.temperatureControl(value, at: now)
        }
        if model.hasVoltageADC, register == Register.adcConfiguration {
            sensors.adcConfiguration(value, at: now)
        }
        baud = lineRate
        refresh(at: now)
    }

    /// §6.3: bit 31 all cores, 24-16 core, 15 write, 12-8 core register, 7-0 value.
    private mutating func control(cores word: UInt32) {
        let core = Int(word >> 16 & 0x1ff)
        let register = UInt8(word >> 8 & 0x1f)
        let value = UInt8(truncatingIfNeeded: word)
        guard word & 0x8000 != 0 else {
            let stored = coreRegisters.value(of: register, core: core) ?? model.coreResetValues[register] ?? 0
            registers[Int(model.registers.coreValue)] = UInt32(core) << 16 | 0x0100 | UInt32(stored)
            // Bit 14: the read is done.
            if let control = model.registers.coreControl { registers[Int(control)] = word | 0x4000 }
            return
        }
        let isForAll = word & 0x8000_0000 != 0
        coreRegisters.write(value, to: register, core: isForAll ? nil : core)
        var chosen = isForAll ? design.allCores : CoreSet()
        if !isForAll, core < design.parameters.coresPerChip { chosen.insert(core) }
        switch (model.opening, register, value) {
        case (.coreEnable, 2, 0xAA), (.coreEnableOrClockSelect, 2, 0xAA), (.coreEnableOrClockSelect, 5, 0x40):
            openCores.formUnion(chosen)
        case (.coreEnable, 2, _), (.coreEnableOrClockSelect, 2, _): openCores.subtract(chosen)
        case _: break
        }
    }

    /// How many midstates of a job the chip tries, if it has as many (§6.3, §17).
    private var midstatesAtOnce: Int {
        switch model.opening {
        case .dummyJobs: registers[Int(model.registers.miscControl)] & 0x80 != 0 ? 4 : 1
        case .always, .coreEnable, .coreEnableOrClockSelect:
            (coreRegisters.value(of: 0, core: 0) ?? model.coreResetValues[0] ?? 0) & 0x04 != 0 ? 4 : 1
        }
    }

    /// Takes a job of the chip's form; the sweep begins anew. Chips that roll versions understand full headers
    /// once rolling is on (§9); what they make of midstates before that is not known well enough to play it.
    mutating func load(_ job: LoadedJob, at now: Instant) {
        switch job.content {
        case .header: guard rollsVersions else { return }
        case .midstates:
            guard !model.rollsVersions else { return }
            if model.opening == .dummyJobs, job.tail[8..<12].allSatisfy({ $0 == 0xff }) {
                if openCores.count < design.parameters.coresPerChip { openCores.insert(openCores.count) }
                return refresh(at: now)
            }
        }
        let hadJob = self.job != nil
        self.job = job
        loadedAt = now
        sweep = NonceSweep(start: sweepStart())
        // The number of midstates may differ; otherwise a job alone changes nothing about how a chip works.
        if !hadJob || !model.rollsVersions { refresh(at: now) }
    }

    /// A nonce that found no room on the way out.
    mutating func countOverflow() {
        if let register = model.registers.nonceOverflow { registers[Int(register)] &+= 1 }
    }

    /// A frame with a wrong check (§6: bits 31-24 commands, 23-16 work); both counts stop at 255.
    mutating func countBadFrame(isWork: Bool) {
        guard let register = model.registers.errorFlag else { return }
        let shift: UInt32 = isWork ? 16 : 24
        if registers[Int(register)] >> shift & 0xff < 0xff { registers[Int(register)] += 1 << shift }
    }
}

// MARK: - Hashing
extension EmulatedChip {
    var rollsVersions: Bool {
        model.rollsVersions && registers[Int(Register.versionRolling)] & 0x8000_0000 != 0
    }

    /// §3.2.
    var responseFormat: ResponseFormat {
        switch model.replies {
        case .seven: .bare
        case .nine: .short
        case .elevenOnceRolling: rollsVersions ? .long : .short
        }
    }

    /// Emulated hashes a second; 0 while the chip does not hash.
    var hashesPerSecond: Double { work?.slow ?? 0 }

    /// Works out how the chip hashes from its registers and its job.
    mutating func refresh(at now: Instant) {
        let versions =
            switch job?.content {
            case .none: UInt32(0)
            case .header: UInt32(1) << UInt32(versionMask.nonzeroBitCount)
            case .midstates(let states): UInt32(min(states.count, midstatesAtOnce))
            }
        work = ChipWork(self, versions: versions)
        let real = work?.real ?? 0
        switch design.parameters.search {
        case .ground: break
        case .drawn: counter.run(at: real, from: now)
        }
        if model.hasTemperatureSensor {
            // 500 MHz is about what these chips run at (§1).
            sensors.load(real / (500e6 * design.parameters.hashUnits), from: now)
        }
    }

    /// Version bits 28-13 that the chip rolls.
    var versionMask: UInt16 { UInt16(truncatingIfNeeded: registers[Int(Register.versionRolling)]) }

    /// §10. Read when a job is loaded.
    private mutating func sweepStart() -> UInt32 {
        switch model.sweepStart {
        case .address(let shift): return (UInt32(address) << shift) % model.layout.counterValues
        case .offset:
            let offset = registers[Int(Register.nonceOffset)]
            let floating = UInt32(truncatingIfNeeded: chance.next()) & 0xffff
            return (offset & 0x8000_0000 != 0 ? offset & 0xffff : floating) << 9
        }
    }

    /// Where the sweep of each batch begins.
    var sweepBegin: UInt32 { sweep.start }

    /// What the chip hashes next; `nil` when it does not hash, or when the sieve leaves nothing of this job.
    mutating func nextRow(position: Int) -> SearchRow? {
        guard let work, let job else { return nil }
        let sieve = Sieve(
            seed: job.contentSeed, slowdown: design.slowdown, counterBits: model.layout.counterBits)
        return sweep.next(work.shape, sieve: sieve).map { row($0, work, job, position: position) }
    }

    /// One version and one counter value as the chip would hash them.
    func row(_ place: NonceSweep.Row, _ work: ChipWork, _ job: LoadedJob, position: Int) -> SearchRow {
        switch job.content {
        case .header(_, let base):
            let mask = versionMask
            let counter = deposited(place.versionIndex, under: mask)
            return SearchRow(
                chip: position, job: job, plan: work.plan, place: place,
                // §9: rolled bits replace the job's; what a chip does with a job that has them set is not known.
                version: base & ~(UInt32(mask) << 13) | UInt32(counter) << 13, versionCounter: counter,
                lane: UInt8(place.versionIndex % work.shape.lanes % model.subCores))
        case .midstates:
            return SearchRow(
                chip: position, job: job, plan: work.plan, place: place, version: 0, versionCounter: 0,
                lane: UInt8(truncatingIfNeeded: place.versionIndex))
        }
    }

    /// See `EmulatedChain.seek`.
    mutating func seek(versionIndex: UInt32, nonce: UInt32) {
        guard let work else { return }
        sweep.seek(versionIndex: versionIndex, counter: model.layout.counter(of: nonce), work.shape)
    }
}

/// The registers of the cores: what was written to all of them, and to single ones afterwards (§6.3).
struct CoreRegisters: Sendable {
    private var shared: [UInt8: UInt8] = [:]
    private var single: [Int: UInt8] = [:]

    /// - Parameter core: `nil` for all.
    mutating func write(_ value: UInt8, to register: UInt8, core: Int?) {
        if let core {
            single[core << 8 | Int(register)] = value
        } else {
            shared[register] = value
            single = single.filter { UInt8($0.key & 0xff) != register }
        }
    }

    func value(of register: UInt8, core: Int) -> UInt8? {
        single[core << 8 | Int(register)] ?? shared[register]
    }
}
