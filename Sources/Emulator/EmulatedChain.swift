import ASICWire
public import Units

/// Bytes on their way to the host, and when the last of them has left the wire.
public struct EmulatedOutput: Hashable, Sendable {
    public var bytes: [UInt8]
    public var at: Instant

    public init(bytes: [UInt8], at: Instant) {
        self.bytes = bytes
        self.at = at
    }
}

/// A chain of chips behind one serial line, from the wire side: bytes in, bytes out, time as an argument.
///
/// It knows nothing of the driver. Hashing is outside time: the chain says what its chips would hash next
/// (`nextSearch`), somebody runs that at `hashRate`, and brings back what was found (`finished`). Every nonce
/// it reports is true. Source: bm13xx.md §16.
///
/// Where the facts do not meet: two nonces a hash clock on every sub-core (§10) would be twice the rate of
/// §1. The chain keeps the rate and the sweep's length, so an epoch lasts twice as long as `65536 / sub-cores
/// * N / 25 MHz`.
public struct EmulatedChain: Sendable {
    /// How far two rates may be apart before bytes turn to garbage: 4.2 % is known to work (bm13xx.md
    /// §19.16).
    private static let rateTolerance = 0.045
    /// Nonces that would wait longer than this for the line are lost, as in a full buffer.
    private static let longestQueue = Duration.seconds(1)

    public let parameters: EmulatedChainParameters
    private(set) var chips: [EmulatedChip]
    private var isPowered = true
    private var isHeldInReset = false
    private var hostBaud = BaudRate(115_200)
    /// Bytes of a command that is not complete: fewer than a job frame has.
    private var pending = [UInt8]()
    /// Until when bytes already given occupy the line towards the chips, and towards the host.
    private var inputBusyUntil = Instant(nanoseconds: .min)
    private var outputBusyUntil = Instant(nanoseconds: .min)
    /// Counts resets.
    private var life: UInt64 = 0
    /// Whose turn it is to hash.
    private var turn = 0
    private var noise: SplitMix64

    /// The chain has power and is out of reset.
    public init(_ parameters: EmulatedChainParameters) {
        self.parameters = parameters
        chips = Self.freshChips(parameters)
        noise = SplitMix64(seed: parameters.seed)
    }

    private static func freshChips(_ parameters: EmulatedChainParameters) -> [EmulatedChip] {
        (0..<parameters.chips).map { EmulatedChip(parameters, position: $0) }
    }

    public var isRunning: Bool { isPowered && !isHeldInReset }

    /// The reset line of all chips. While it is asserted the chain is silent and forgets everything.
    public mutating func setReset(asserted: Bool) {
        isHeldInReset = asserted
        forgetUnlessRunning()
    }

    /// Core and input/output voltage of all chips. Without it the chain is silent and forgets everything.
    public mutating func setPower(on: Bool) {
        isPowered = on
        forgetUnlessRunning()
    }

    /// The rate that the host's side of the line is set to, above 0. Chips that talk at another one neither
    /// understand nor are understood.
    public mutating func setHostBaud(_ rate: BaudRate) {
        precondition(rate.symbolsPerSecond > 0, "a line has a rate")
        hostBaud = rate
    }

    private mutating func forgetUnlessRunning() {
        guard !isRunning else { return }
        chips = Self.freshChips(parameters)
        pending = []
        life += 1
        outputBusyUntil = Instant(nanoseconds: .min)
    }
}

// MARK: - Commands
extension EmulatedChain {
    /// Bytes from the host, in any portions. They take their time on the wire; a command takes effect with
    /// its last byte, and answers follow from there.
    public mutating func receive(_ bytes: [UInt8], at now: Instant) -> [EmulatedOutput] {
        let start = max(now, inputBusyUntil)
        inputBusyUntil = start + hostBaud.time(forBytes: bytes.count)
        guard isRunning else { return [] }
        let carried = pending.count
        pending += bytes
        var used = 0
        var outputs = [EmulatedOutput]()
        decoding: while true {
            switch decodeCommand(pending[used...]) {
            case .frame(let command, let length):
                used += length
                outputs += obey(command, at: start + hostBaud.time(forBytes: used - carried))
            case .skip(let count): used += count
            case .needMore: break decoding
            }
        }
        pending.removeFirst(used)
        return outputs
    }

    private mutating func obey(_ command: ChipCommand, at now: Instant) -> [EmulatedOutput] {
        let listening = chips.indices.filter { chips[$0].baud.map(isUnderstood) ?? false }
        var outputs = [EmulatedOutput]()
        switch command {
        case .chainInactive: for index in listening { chips[index].becomeInactive() }
        case .setAddress(let address):
            for index in listening where !chips[index].take(address: address) { break }
        case .write(let register, let value, let recipient):
            for index in listening where chips[index].answers(to: recipient) {
                chips[index].write(value, to: register)
            }
        case .read(let register, let recipient):
            // Nearest chip first; the others wait while it talks (§2).
            for index in listening where chips[index].answers(to: recipient) {
                let chip = chips[index]
                let value = RegisterValue(
                    value: chip.value(of: register), chipAddress: chip.address, register: register)
                outputs += send(.register(value), from: chip, at: now)
            }
        case .job(let job):
            let loaded = LoadedJob(job)
            for index in listening { chips[index].load(loaded) }
        }
        return outputs
    }

    private func isUnderstood(_ rate: BaudRate) -> Bool {
        let (chip, host) = (Double(rate.symbolsPerSecond), Double(hostBaud.symbolsPerSecond))
        return abs(chip / host - 1) <= Self.rateTolerance
    }

    private mutating func send(_ response: ChipResponse, from chip: EmulatedChip, at now: Instant)
        -> [EmulatedOutput]
    {
        guard let rate = chip.baud else { return [] }
        var bytes = response.wireBytes(chip.responseFormat)
        outputBusyUntil = max(now, outputBusyUntil) + rate.time(forBytes: bytes.count)
        if !isUnderstood(rate) {
            // The host samples the same time on the wire at another rate: other bytes, and another number of
            // them.
            let ratio = Double(hostBaud.symbolsPerSecond) / Double(rate.symbolsPerSecond)
            bytes = noise.bytes(Int(min(max(Double(bytes.count) * ratio, 1), 64)))
        }
        return [EmulatedOutput(bytes: bytes, at: outputBusyUntil)]
    }
}

// MARK: - Hashing
extension EmulatedChain {
    /// Emulated hashes a second of all chips together, as their clocks are set now; 0 when none hashes.
    public var hashRate: HashRate {
        HashRate(hashesPerSecond: isRunning ? chips.reduce(0) { $0 + $1.hashesPerSecond } : 0)
    }

    /// What the chips would hash next, chip after chip in turns as long as each is fast.
    ///
    /// - Parameter hashes: enough when the unit has this many; at least one row (one counter value on all
    ///   cores of a chip) is given. A unit is also bounded by its count of rows.
    /// - Returns: `nil` when no chip has anything to hash.
    public mutating func nextSearch(budget hashes: UInt64) -> SearchUnit? {
        let rates = isRunning ? chips.map(\.hashesPerSecond) : []
        guard let fastest = rates.max(), fastest > 0 else { return nil }
        var rows = [SearchRow]()
        var total: UInt64 = 0
        var emptyTurns = 0
        while total < max(hashes, 1), rows.count < SearchUnit.maximumRows, emptyTurns < chips.count {
            turn = (turn + 1) % chips.count
            let taken = takeTurn(turn, quantum: 256 * rates[turn] / fastest)
            rows += taken.rows
            total += taken.rows.reduce(0) { $0 + $1.hashes }
            emptyTurns = taken.isDry ? emptyTurns + 1 : 0
        }
        return rows.isEmpty ? nil : SearchUnit(hashes: total, rows: rows, life: life)
    }

    /// Rows of one chip, until what it has been credited is used up. Dry: it has nothing to hash.
    private mutating func takeTurn(_ index: Int, quantum: Double) -> (rows: [SearchRow], isDry: Bool) {
        var rows = [SearchRow]()
        chips[index].credit = min(chips[index].credit + quantum, 256)
        while chips[index].credit > 0 {
            guard let row = chips[index].nextRow(position: index) else {
                chips[index].credit = 0
                return (rows, true)
            }
            chips[index].credit -= Double(row.hashes)
            rows.append(row)
        }
        return (rows, quantum == 0)
    }

    /// Reports what a unit found. Hits of a job that has been replaced since are reported with that job's
    /// slot, as a late nonce is; hits from before a reset are forgotten.
    public mutating func finished(_ unit: SearchUnit, hits: [SearchHit], at now: Instant) -> [EmulatedOutput]
    {
        guard unit.life == life, isRunning else { return [] }
        var outputs = [EmulatedOutput]()
        for hit in hits {
            let row = unit.rows[hit.row]
            guard outputBusyUntil < now + Self.longestQueue else {
                chips[row.chip].countOverflow()
                continue
            }
            let response = NonceResponse(
                nonce: hit.nonce, excess: parameters.model.excessByte(bits: hit.excessBits),
                jobByte: parameters.model.echo(jobByte: row.job.jobByte, subCore: row.place.subCore),
                versionCounter: row.place.version)
            outputs += send(.nonce(response), from: chips[row.chip], at: now)
        }
        return outputs
    }

    /// Lets every chip whose sweep reaches this nonce go on from its row: for replaying a captured answer
    /// without hashing all that lies before it.
    ///
    /// - Parameters:
    ///   - version: the version counter, header version bits 28-13.
    ///   - nonce: as a number in the header's little-endian field.
    public mutating func seek(version: UInt16, nonce: UInt32) {
        for index in chips.indices { chips[index].seek(version: version, nonce: nonce) }
    }
}
