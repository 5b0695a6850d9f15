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
/// (`nextSearch`), somebody runs that at `hashRate`, and brings back what was found (`finished`); or its reports
/// are drawn (`draw`). Every nonce it reports is true, but for what a `Fault` makes of it. Source: bm13xx.md §16.
///
/// Where the facts do not meet: two nonces a hash clock on every sub-core (§10) would be twice the rate of
/// §1. The chain keeps the rate and the sweep's length, so an epoch lasts twice as long as `65536 / sub-cores
/// * N / 25 MHz`.
public struct EmulatedChain: Sendable {
    /// How far two rates may be apart before bytes turn to garbage: 4.2 % is known to work (bm13xx.md
    /// §19.16).
    private static let rateTolerance = 0.045
    /// Nonces that would wait longer than this for the line are lost, as in a full buffer.
    static let longestQueue = Duration.seconds(1)

    public let parameters: EmulatedChainParameters
    private let design: ChipDesign
    var chips: [EmulatedChip]
    var faults: FaultBench
    private var isPowered = true
    private var isHeldInReset = false
    private var hostBaud = BaudRate(115_200)
    /// Bytes of a command that is not complete: fewer than a job frame has.
    private var pending = [UInt8]()
    /// Until when bytes already given occupy the line towards the chips, and towards the host.
    private var inputBusyUntil = Instant(nanoseconds: .min)
    private(set) var outputBusyUntil = Instant(nanoseconds: .min)
    /// Counts resets.
    private(set) var life: UInt64 = 0
    /// Whose turn it is to hash.
    var turn = 0
    private var noise: SplitMix64
    var drawing: DrawingBoard

    /// The chain has power and is out of reset.
    public init(_ parameters: EmulatedChainParameters) {
        self.parameters = parameters
        design = ChipDesign(parameters)
        chips = Self.freshChips(design)
        faults = FaultBench(parameters.faults)
        noise = SplitMix64(seed: parameters.seed)
        drawing = DrawingBoard(seed: parameters.seed)
    }

    private static func freshChips(_ design: ChipDesign) -> [EmulatedChip] {
        (0..<design.parameters.chips).map { EmulatedChip(design, position: $0) }
    }

    public var isRunning: Bool { isPowered && !isHeldInReset && faults.hasSupply }

    /// Whether a fault has pulled the board out; whoever holds its ports closes them meanwhile.
    public var isUnplugged: Bool { faults.isUnplugged }

    /// When a fault comes or goes next; the chain wants `advance(to:)` then. `nil` for never.
    public var nextFaultAt: Instant? { faults.nextChangeAt }

    /// The reset line of all chips. While it is asserted the chain is silent and forgets everything.
    public mutating func setReset(asserted: Bool) {
        isHeldInReset = asserted
        if !isRunning { forget() }
    }

    /// Core and input/output voltage of all chips. Without it the chain is silent and forgets everything.
    public mutating func setPower(on: Bool) {
        isPowered = on
        if !isRunning { forget() }
    }

    /// The rate that the host's side of the line is set to, above 0. Chips that talk at another one neither
    /// understand nor are understood.
    public mutating func setHostBaud(_ rate: BaudRate) {
        precondition(rate.symbolsPerSecond > 0, "a line has a rate")
        if rate != hostBaud { pending = [] }
        hostBaud = rate
    }

    private mutating func forget() {
        chips = Self.freshChips(design)
        pending = []
        life += 1
        outputBusyUntil = Instant(nanoseconds: .min)
        drawing.stop()
    }

    /// Lets time pass, for faults that come and go by themselves. `receive`, `finished` and `draw` do so too.
    ///
    /// - Returns: what chips send without being asked.
    public mutating func advance(to now: Instant) -> [EmulatedOutput] {
        guard !faults.isEmpty else { return [] }
        var outputs = [EmulatedOutput]()
        for happening in faults.advance(to: now) {
            switch happening {
            case .lostSupply: forget()
            case .unasked(let register, let chip):
                guard isRunning else { continue }
                for index in chips.indices where (chip ?? index) == index {
                    outputs += sendValue(of: register, from: index, at: now)
                }
            }
        }
        for index in chips.indices { chips[index].sensors.stuckCelsius = faults.stuckCelsius(index) }
        return faults.pass(outputs)
    }
}

// MARK: - Commands
extension EmulatedChain {
    /// Bytes from the host, in any portions. They take their time on the wire; a command takes effect with
    /// its last byte, and answers follow from there.
    public mutating func receive(_ bytes: [UInt8], at now: Instant) -> [EmulatedOutput] {
        if !faults.isEmpty { faults.begin(at: now) }
        var outputs = advance(to: now)
        let start = max(now + faults.delay, inputBusyUntil)
        inputBusyUntil = start + hostBaud.time(forBytes: bytes.count)
        guard isRunning else { return outputs }
        let carried = pending.count
        pending += faults.isEmpty ? bytes : faults.disturb(bytes, toHost: false)
        var used = 0
        var answers = [EmulatedOutput]()
        let (dialect, jobs) = (parameters.model.dialect, parameters.model.jobs)
        decoding: while true {
            switch decodeCommand(pending[used...], dialect, jobs: jobs) {
            case .frame(let command, let length):
                used += length
                let heardAt = start + hostBaud.time(forBytes: max(used - carried, 0))
                answers += obey(command, at: heardAt)
            case .skip(let count):
                countBadFrame(pending[used...])
                used += count
            case .needMore: break decoding
            }
        }
        pending.removeFirst(used)
        replanDraws(at: now)
        outputs += faults.pass(answers)
        return outputs
    }

    /// Positions of the chips that hear the host: out to where the chain is cut, at the host's rate.
    private func hears(_ index: Int, cut: Int) -> Bool {
        index < cut && (chips[index].baud.map(isUnderstood) ?? false) && !faults.isDeaf(index)
    }

    private mutating func obey(_ command: ChipCommand, at now: Instant) -> [EmulatedOutput] {
        let cut = faults.cut(chips: chips.count)
        var outputs = [EmulatedOutput]()
        switch command {
        case .chainInactive:
            for index in chips.indices where hears(index, cut: cut) { chips[index].becomeInactive() }
        case .setAddress(let address):
            for index in chips.indices where hears(index, cut: cut) {
                if !chips[index].take(address: address) { break }
            }
        case .write(let register, let value, let recipient):
            for index in chips.indices where hears(index, cut: cut) && chips[index].answers(to: recipient) {
                chips[index].write(value, to: register, at: now)
            }
        case .read(let register, let recipient):
            // Nearest chip first; the others wait while it talks (§2).
            for index in chips.indices where hears(index, cut: cut) && chips[index].answers(to: recipient) {
                outputs += sendValue(of: register, from: index, at: now)
            }
        case .job(let job): load(LoadedJob(job), cut: cut, at: now)
        case .midstateJob(let job): load(LoadedJob(job), cut: cut, at: now)
        }
        return outputs
    }

    private mutating func load(_ job: LoadedJob, cut: Int, at now: Instant) {
        for index in chips.indices where hears(index, cut: cut) { chips[index].load(job, at: now) }
    }

    /// Counts what looks like a frame of the right kind and is none.
    private mutating func countBadFrame(_ bytes: ArraySlice<UInt8>) {
        guard parameters.model.registers.errorFlag != nil, bytes.count >= 4,
            bytes[bytes.startIndex] == 0x55, bytes[bytes.startIndex + 1] == 0xaa
        else { return }
        let isWork = bytes[bytes.startIndex + 2] == 0x21
        let cut = faults.cut(chips: chips.count)
        for index in chips.indices where hears(index, cut: cut) { chips[index].countBadFrame(isWork: isWork) }
    }

    private func isUnderstood(_ rate: BaudRate) -> Bool {
        let (chip, host) = (Double(rate.symbolsPerSecond), Double(hostBaud.symbolsPerSecond))
        return abs(chip / host - 1) <= Self.rateTolerance
    }

    private mutating func sendValue(of register: UInt8, from index: Int, at now: Instant) -> [EmulatedOutput]
    {
        let isNamed = parameters.model.dialect == .preambled  // a BM1387 says neither chip nor register
        let value = RegisterValue(
            value: chips[index].value(of: register, at: now), chipAddress: isNamed ? chips[index].address : 0,
            register: isNamed ? register : 0)
        return send(.register(value), from: index, at: now)
    }

    mutating func send(_ response: ChipResponse, from index: Int, at now: Instant) -> [EmulatedOutput] {
        guard let rate = chips[index].baud else { return [] }
        if !faults.isEmpty, faults.isSilent(index) || index >= faults.cut(chips: chips.count) { return [] }
        var bytes = response.wireBytes(chips[index].responseFormat)
        outputBusyUntil = max(now, outputBusyUntil) + rate.time(forBytes: bytes.count)
        if !isUnderstood(rate) {
            // The host samples the same time on the wire at another rate: other bytes, and another number of
            // them.
            let ratio = Double(hostBaud.symbolsPerSecond) / Double(rate.symbolsPerSecond)
            bytes = noise.bytes(Int(min(max(Double(bytes.count) * ratio, 1), 64)))
        }
        if !faults.isEmpty { bytes = faults.disturb(bytes, toHost: true) }
        return bytes.isEmpty ? [] : [EmulatedOutput(bytes: bytes, at: outputBusyUntil + faults.delay)]
    }
}
