import ASICWire
import Units

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

    let parameters: EmulatedChainParameters
    private(set) var address: UInt8 = 0
    private var addressing = Addressing.open
    private var registers: [UInt32]
    /// Core register 2 of each core is 0xAA; bit n is core n.
    private var enabledCores: UInt128 = 0
    private var job: LoadedJob?
    private var sweep: NonceSweep
    private var chance: SplitMix64
    /// 25 MHz ticks by which the chip overruns HASH_COUNTING_NUMBER: 109 to 134 (§10).
    private let overrun: UInt64
    /// Hashes that the chip is owed by the round robin over its chain; may be negative.
    var credit = 0.0

    init(_ parameters: EmulatedChainParameters, position: Int) {
        self.parameters = parameters
        chance = SplitMix64(seed: SplitMix64.mix(parameters.seed) ^ UInt64(position))
        registers = [UInt32](repeating: 0, count: 256)
        for (register, value) in parameters.model.resetValues { registers[Int(register)] = value }
        overrun = UInt64.random(in: 109...134, using: &chance)
        sweep = NonceSweep(start: 0)
    }
}

// MARK: - Commands
extension EmulatedChip {
    func answers(to recipient: Recipient) -> Bool {
        switch recipient {
        case .everyChip: true
        case .chip(let address): address == self.address
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

    func value(of register: UInt8) -> UInt32 {
        let stored = registers[Int(register)]
        return switch register {
        case Register.chipID: parameters.model.identity | UInt32(address)
        case Register.pll0: stored & 0x7fff_ffff | (hashClock == nil ? 0 : 0x8000_0000)
        case _: stored
        }
    }

    mutating func write(_ value: UInt32, to register: UInt8) {
        registers[Int(register)] = value
        if register == Register.coreControl { writeCoreRegister(value) }
    }

    /// §6.3: bit 31 all cores, 23-16 core, 15 write, 12-8 core register, 7-0 value.
    private mutating func writeCoreRegister(_ word: UInt32) {
        guard word & 0x8000 != 0, word >> 8 & 0x1f == 2 else { return }
        let all: UInt128 = parameters.coresPerChip == 128 ? .max : (1 << UInt128(parameters.coresPerChip)) - 1
        let core = UInt128(word >> 16 & 0xff)
        let chosen = word & 0x8000_0000 != 0 ? all : core < 128 ? (1 << core) & all : 0
        if word & 0xff == 0xAA { enabledCores |= chosen } else { enabledCores &= ~chosen }
    }

    /// Takes a full-header job, which a chip understands only once version rolling is on (§9); the sweep
    /// begins anew.
    mutating func load(_ job: LoadedJob) {
        guard rollsVersions else { return }
        self.job = job
        sweep = NonceSweep(start: sweepStart())
    }

    /// A nonce that found no room on the way out.
    mutating func countOverflow() { registers[Int(Register.nonceOverflow)] &+= 1 }
}

// MARK: - What the registers mean
extension EmulatedChip {
    private subscript(register: UInt8) -> UInt32 { registers[Int(register)] }

    var rollsVersions: Bool { self[Register.versionRolling] & 0x8000_0000 != 0 }

    /// §3.2: 11 bytes once version rolling is on.
    var responseFormat: ResponseFormat { rollsVersions ? .long : .short }

    /// The hash clock as a multiple of the 25 MHz reference; `nil` while PLL 0 is off or set to nothing.
    private var hashClock: (multiplier: UInt64, divisor: UInt64)? { pll(self[Register.pll0]) }

    /// §7.1: enable in bit 30, FBDIV 27-16, REFDIV 13-8, post-dividers 6-4 and 2-0 stored minus one.
    private func pll(_ word: UInt32) -> (multiplier: UInt64, divisor: UInt64)? {
        let (feedback, reference) = (UInt64(word >> 16 & 0xfff), UInt64(word >> 8 & 0x3f))
        guard word & 0x4000_0000 != 0, feedback > 0, reference > 0 else { return nil }
        return (feedback, reference * UInt64((word >> 4 & 7) + 1) * UInt64((word & 7) + 1))
    }

    /// Symbols a second on this chip's side of the line (§7.3); `nil` when its clock is off.
    var baud: BaudRate? {
        let word = self[Register.fastUART]
        let divider = UInt64(word >> 8 & 0xff) + 1
        if word >> 26 & 3 == 0 { return BaudRate(UInt32(25_000_000 / (8 * divider))) }
        guard let clock = pll(self[Register.pll1]) else { return nil }
        let whole =
            25_000_000 * clock.multiplier / (clock.divisor * UInt64((word >> 20 & 0xf) + 1) * 2 * divider)
        return whole > 0 ? BaudRate(UInt32(clamping: whole)) : nil
    }

    /// Nonce-report enables, register 0x18 bits 31-28. On the BM1370 each bit is a quarter of the cores
    /// (§6.1); on the BM1362 nobody knows, and cores of every quarter report under 0xB, so any bit stands for
    /// all.
    private var reportingCores: UInt128 {
        let enables = self[Register.miscControl] >> 28
        switch parameters.model {
        case .bm1362: return enables == 0 ? 0 : .max
        case .bm1370:
            return (0..<4).reduce(UInt128(0)) {
                enables >> UInt32($1) & 1 == 1 ? $0 | UInt128(0xffff_ffff) << UInt128(32 * $1) : $0
            }
        }
    }

    /// Counter values of one sweep: two a hash clock for HASH_COUNTING_NUMBER ticks and the overrun (§10).
    private var sweepLength: UInt32 {
        guard let clock = hashClock else { return 0 }
        let ticks = UInt64(self[Register.hashCountingNumber])
        guard ticks > 0 else { return stopsWithoutCount ? 0 : NonceSweep.counterValues }
        let values = 2 * (ticks + overrun) * clock.multiplier / clock.divisor
        return UInt32(min(values, UInt64(NonceSweep.counterValues)))
    }

    /// §16.7: a BM1370 hashes nothing while HASH_COUNTING_NUMBER is 0; the BM1366, and so the BM1362, sweeps
    /// it all.
    private var stopsWithoutCount: Bool { parameters.model == .bm1370 }

    /// §10: on the BM1362 the address shifted left by 17; on the BM1370 register 0x0C if its bit 31 is set,
    /// and otherwise a value that floats from job to job. Read when a job is loaded.
    private mutating func sweepStart() -> UInt32 {
        switch parameters.model {
        case .bm1362: return UInt32(address) << 17
        case .bm1370:
            let offset = self[Register.nonceOffset]
            let floating = UInt32(truncatingIfNeeded: chance.next()) & 0xffff
            return (offset & 0x8000_0000 != 0 ? offset & 0xffff : floating) << 9
        }
    }
}

// MARK: - Hashing
extension EmulatedChip {
    /// Emulated hashes a second: 0 unless a job is loaded, cores are on and may report, and the clock runs.
    var hashesPerSecond: Double {
        guard job != nil, reportingCores & enabledCores != 0, sweepLength > 0, let clock = hashClock else {
            return 0
        }
        let share = Double(enabledCores.nonzeroBitCount) / Double(parameters.coresPerChip)
        let real = 25e6 * Double(clock.multiplier) / Double(clock.divisor) * parameters.hashUnits * share
        return real / Double(UInt64(1) << UInt64(slowdown))
    }

    private var slowdown: Int { 32 - parameters.reportZeroBits }

    /// What the chip hashes next; `nil` when it does not hash, or when the sieve leaves nothing of this job.
    mutating func nextRow(position: Int) -> SearchRow? {
        guard hashesPerSecond > 0, let job else { return nil }
        let mask = UInt16(truncatingIfNeeded: self[Register.versionRolling])
        let place = sweep.next(
            length: sweepLength, versionMask: mask, subCores: parameters.model.subCores,
            sieve: Sieve(seed: job.contentSeed, slowdown: slowdown))
        guard let place else { return nil }
        return SearchRow(
            chip: position, job: job, place: place,
            // §9: rolled bits replace the job's; what a chip does with a job that has them set is not known.
            version: job.version & ~(UInt32(mask) << 13) | UInt32(place.version) << 13,
            hashing: enabledCores, reporting: enabledCores & reportingCores,
            threshold: ReportThreshold(
                zeroBits: parameters.reportZeroBits, ticketRegister: self[Register.ticketMask]))
    }

    /// See `EmulatedChain.seek`.
    mutating func seek(version: UInt16, nonce: UInt32) {
        let mask = UInt16(truncatingIfNeeded: self[Register.versionRolling])
        sweep.seek(
            version: version, counter: nonce.byteSwapped % NonceSweep.counterValues, length: sweepLength,
            versionMask: mask)
    }
}

/// A job as the chip keeps it.
struct LoadedJob: Hashable, Sendable {
    let jobByte: UInt8
    let version: UInt32
    /// The header up to its nonce: 76 bytes.
    let header: [UInt8]
    /// The same for the same header, so that a job sent again gives the same nonces again.
    let contentSeed: UInt64

    init(_ job: FullHeaderJob) {
        func littleEndian(_ value: UInt32) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        jobByte = job.jobByte
        version = job.version
        header =
            littleEndian(job.version) + (0..<32).map { job.previousBlock[$0] }
            + (0..<32).map { job.merkleRoot[$0] }
            + littleEndian(job.time) + littleEndian(job.bits)
        // FNV-1a, 64 bits.
        contentSeed = header.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// The first 64 bytes with this version.
    func header(version: UInt32) -> [UInt8] {
        var bytes = [UInt8](header[..<64])
        for index in 0..<4 { bytes[index] = UInt8(truncatingIfNeeded: version >> UInt32(8 * index)) }
        return bytes
    }
}
