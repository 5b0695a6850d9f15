import ASICChains
import ASICChips
import ASICWire
import BitcoinPrimitives
import TestSupport
import Units

/// A chain and the chips a test wants it to meet, in virtual time: no clock, no port.
struct Bench {
    var chain: Chain
    var chips: ScriptedChips
    var now = Instant(nanoseconds: 1_000_000_000)
    /// What the port answers to a change of rate; `nil` never answers.
    var kernel: (BaudRate) -> BaudRate? = { $0 }
    /// How what the chips send reaches the chain.
    var delivery: ([UInt8]) -> [[UInt8]] = { [$0] }
    var log: [(at: Instant, action: ChainAction)] = []
    /// Ready or failed.
    private var isDecided = false
    private var wake: Instant?
    private var pending: [ChainEvent] = []

    init(_ profile: ChainProfile, _ chips: ScriptedChips) {
        chain = Chain(profile)
        self.chips = chips
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
            let answer = chips.receive(frame)
            if !answer.isEmpty { pending += delivery(answer).map { .received($0) } }
        case .setBaudRate(let rate):
            guard let actual = kernel(rate) else { return }
            chips.hostRate = actual
            pending.append(.baudRate(actual))
        case .wake(let instant):
            wake = instant
        case .ready, .fail:
            isDecided = true
        case .discardInput, .needWork, .report, .notice, .quiet:
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
    var fault: ChainFault? {
        actions.compactMap { if case .fail(let fault) = $0 { fault } else { nil } }.first
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
    /// Every frame sent, decoded.
    var commands: [ChipCommand] {
        actions.compactMap {
            guard case .send(let frame) = $0,
                case .frame(let command, frame.count) = decodeCommand(frame[...])
            else {
                return nil
            }
            return command
        }
    }
    /// Hash clocks in the order in which they were set.
    var clocks: [UInt32] {
        commands.compactMap { if case .write(0x08, let value, _) = $0 { value } else { nil } }
    }
    func count(_ action: ChainAction) -> Int { actions.count { $0 == action } }
}

/// Chips that answer as bm13xx.md §3, §5 and §16 say, and no more than a bring-up needs.
struct ScriptedChips {
    struct Chip {
        var id: UInt32
        var address: UInt8?
        /// Answers to nothing.
        var isDead = false
    }

    var chips: [Chip]
    var format = ResponseFormat.short
    /// What chips that have no long form do with register 0xA4.
    var hasLongForm = true
    var hostRate = BaudRate(115_200)
    var chipRate = BaudRate(115_740)
    /// Turns an answer to the n-th read into another.
    var spoil: (_ read: Int, _ answer: [UInt8]) -> [UInt8] = { $1 }
    private(set) var reads = 0

    init(_ count: Int, id: UInt32) { chips = Array(repeating: Chip(id: id), count: count) }

    mutating func receive(_ frame: [UInt8]) -> [UInt8] {
        guard abs(Double(hostRate.symbolsPerSecond) / Double(chipRate.symbolsPerSecond) - 1) < 0.06,
            case .frame(let command, frame.count) = decodeCommand(frame[...])
        else { return [] }
        switch command {
        case .write(0xA4, let value, .everyChip) where hasLongForm && value >> 31 == 1:
            format = .long
        case .write(0x28, let value, .everyChip):
            chipRate = BaudRate(25_000_000 / (8 * ((value >> 8 & 0xff) + 1)))
        case .chainInactive:
            for index in chips.indices { chips[index].address = nil }
        case .setAddress(let address):
            if let next = chips.firstIndex(where: { $0.address == nil }) { chips[next].address = address }
        case .read(let register, .everyChip):
            reads += 1
            return spoil(reads, chips.filter { !$0.isDead }.flatMap { answer($0, register) })
        case .read, .write, .job:
            break
        }
        return []
    }

    private func answer(_ chip: Chip, _ register: UInt8) -> [UInt8] {
        let address = chip.address ?? 0
        let value = chip.id | UInt32(address)
        return ChipResponse.register(RegisterValue(value: value, chipAddress: address, register: register))
            .wireBytes(format)
    }
}

let gammaProfile = ChainProfile(
    model: bm1370, chips: 1, frequency: .megahertz(525), workingBaudRate: BaudRate(1_000_000))
let emberProfile = ChainProfile(
    model: bm1362, chips: 12, frequency: .megahertz(525), reportZeroBits: 20,
    workingBaudRate: BaudRate(3_125_000))

func gamma() -> Bench { Bench(gammaProfile, ScriptedChips(1, id: 0x1370_0000)) }
func ember() -> Bench { Bench(emberProfile, ScriptedChips(12, id: 0x1362_0300)) }

/// Work whose id is `id`; its hashes differ from id to id.
func work(_ id: UInt64) -> ChainWork {
    ChainWork(
        id: id, version: 0x2000_0000, previousBlock: Hash256(hashing: [1]),
        merkleRoot: Hash256(hashing: [UInt8(id & 255)]),
        time: 1_700_000_000, bits: CompactTarget(bits: 0x1703_4219))
}

/// A nonce reply as a chip of this model sends it for this job byte.
func reply(
    _ model: any ChipModel, jobByte: UInt8, nonce: UInt32, counter: UInt16 = 0x0123
) -> [UInt8] {
    let echoed = model is BM1370 ? jobByte << 1 : jobByte
    return ChipResponse.nonce(
        NonceResponse(nonce: nonce, excess: 0, jobByte: echoed | 3, versionCounter: counter)
    ).wireBytes(.long)
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
