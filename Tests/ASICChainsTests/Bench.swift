import ASICChains
import ASICChips
import ASICWire
import BitcoinPrimitives
import ChipSupport
import TestSupport
import Units

/// A chain and the chips a test wants it to meet, in virtual time: no clock, no port.
struct Bench {
    var chain: Chain
    var chips: ScriptedChips
    var now = Instant(nanoseconds: 1_000_000_000)
    /// What the port answers to a change of rate; `nil` never answers.
    var kernel: (BaudRate) -> BaudRate? = { $0 }
    /// Whether every report is rehashed, and found true.
    var finds = true
    /// How what the chips send reaches the chain.
    var delivery: ([UInt8]) -> [[UInt8]] = { [$0] }
    /// Answers every request for work, with ids from here on.
    var nextWork: UInt64?
    var log: [(at: Instant, action: ChainAction)] = []
    /// In the order in which they went out, without the work that only opens cores.
    private(set) var jobBytes: [UInt8] = []
    /// Asked for by the chain.
    private(set) var recoveries: [Recovery] = []
    private(set) var fault: ChainFault?
    /// Ready or failed.
    private var isDecided = false
    private var wake: Instant?
    private var pending: [ChainEvent] = []

    init(_ profile: ChainProfile, _ chips: ScriptedChips, after recovered: Recovery? = nil) {
        chain = Chain(profile, after: recovered)
        self.chips = chips
    }

    /// With all the chips that the profile wants.
    init(_ profile: ChainProfile, after recovered: Recovery? = nil) {
        self.init(profile, ScriptedChips(profile.chips, profile.model), after: recovered)
    }

    /// Hands one event over and carries out what comes back.
    mutating func send(_ event: ChainEvent) {
        pending.append(event)
        while !pending.isEmpty {
            for action in chain.handle(pending.removeFirst(), at: now) { perform(action) }
        }
    }

    private mutating func perform(_ action: ChainAction) {
        log.append((now, action))
        switch action {
        case .send(let frame):
            switch chips.command(frame) {
            case .job(let job): jobBytes.append(job.jobByte)
            case .midstateJob(let job) where job.bits != .max: jobBytes.append(job.jobByte)
            case .midstateJob, .setAddress, .write, .read, .chainInactive, nil: break
            }
            let answer = chips.receive(frame)
            if !answer.isEmpty { pending += delivery(answer).map { .received($0) } }
        case .setBaudRate(let rate):
            guard let actual = kernel(rate) else { return }
            chips.hostRate = actual
            pending.append(.baudRate(actual))
        case .wake(let instant):
            wake = instant
        case .ready:
            isDecided = true
        case .fail(let reason):
            fault = reason
            isDecided = true
        case .needWork:
            guard let id = nextWork else { return }
            nextWork = id + 1
            pending.append(.work(work(id)))
        case .recover(let recovery, _):
            recoveries.append(recovery)
        case .report(let report):
            if finds { pending.append(.judged(chip: report.chip, good: true)) }
        case .discardInput, .notice, .quiet, .retuned:
            break
        }
    }

    /// Lets time pass, with the wakes that were asked for.
    mutating func run(for duration: Duration) {
        let end = now + duration
        while let next = wake, next <= end {
            wake = nil
            now = max(now, next)
            send(.woke)
        }
        now = end
    }

    /// `begin`, and time until the chain is at work, has failed, or waits for nothing.
    mutating func bringUp() {
        send(.begin)
        continueBringUp()
    }

    mutating func continueBringUp() {
        while !isDecided, let next = wake {
            wake = nil
            now = max(now, next)
            send(.woke)
        }
    }

    var actions: [ChainAction] { log.map(\.action) }
    var summary: ChainSummary? {
        actions.compactMap { if case .ready(let summary) = $0 { summary } else { nil } }.first
    }
    var retuned: [ChainSummary] {
        actions.compactMap { if case .retuned(let summary) = $0 { summary } else { nil } }
    }
    var notices: [ChainNotice] {
        actions.compactMap {
            switch $0 {
            case .notice(.ramp): nil
            case .notice(let notice): notice
            default: nil
            }
        }
    }
    var reports: [NonceReport] {
        actions.compactMap { if case .report(let report) = $0 { report } else { nil } }
    }
    /// Every frame sent, decoded, and when it was.
    var sent: [(at: Instant, command: ChipCommand)] {
        log.compactMap { entry in
            guard case .send(let frame) = entry.action else { return nil }
            return chips.command(frame).map { (entry.at, $0) }
        }
    }
    var commands: [ChipCommand] { sent.map(\.command) }
    /// Hash clocks in the order in which they were set for all chips.
    var clocks: [UInt32] {
        commands.compactMap {
            if case .write(0x08, let value, .everyChip) = $0, chips.model.dialect == .preambled {
                return value
            }
            if case .write(0x0C, let value, .everyChip) = $0, chips.model.dialect == .bare { return value }
            return nil
        }
    }
    func count(_ action: ChainAction) -> Int { actions.count { $0 == action } }
}

let gammaProfile = ChainProfile(
    model: bm1370, chips: 1, frequency: .megahertz(525), workingBaudRate: BaudRate(1_000_000))
let emberProfile = ChainProfile(
    model: bm1362, chips: 12, frequency: .megahertz(525), reportZeroBits: 20,
    workingBaudRate: BaudRate(3_125_000))

func gamma() -> Bench { Bench(gammaProfile) }
func ember() -> Bench { Bench(emberProfile) }

/// One chain of every model, as short and as long as it gets.
let everyChain: [ChainProfile] = everyModel.flatMap { model in
    [1, 2, 12, model.facts.maximumChips].map { chips in
        ChainProfile(
            model: model, chips: chips, frequency: model.facts.defaultFrequency, reportZeroBits: 4,
            workingBaudRate: model.baudSteps[0].host)
    }
}

/// Work whose id is `id`; its hashes differ from id to id.
func work(_ id: UInt64, versionMask: UInt32 = VersionRolling.bits) -> ChainWork {
    ChainWork(
        id: id, version: 0x2000_0000, versionMask: versionMask, previousBlock: Hash256(hashing: [1]),
        merkleRoot: Hash256(hashing: [UInt8(id & 255)]),
        time: 1_700_000_000, bits: CompactTarget(bits: 0x1703_4219))
}

/// A nonce reply as a chip of this model sends it for this job byte (bm13xx.md §11, §17).
func reply(
    _ model: any ChipModel, jobByte: UInt8, nonce: UInt32, counter: UInt16 = 0x0123, midstate: UInt8 = 3
) -> [UInt8] {
    let echoed =
        switch model.work {
        case .midstates: jobByte + midstate
        case .fullHeader: (model is BM1362 || model is BM1366 ? jobByte : jobByte << 1) | 3
        }
    let format: ResponseFormat =
        switch model.facts.responseBytes {
        case 7: .bare
        case 9: .short
        default: .long
        }
    return ChipResponse.nonce(
        NonceResponse(
            nonce: nonce, excess: 0, jobByte: echoed, versionCounter: format == .long ? counter : 0)
    ).wireBytes(format)
}

/// A small generator, so that noise is the same in every run.
struct Noise: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 40) }
    }
}
