public import ASICChains
public import BitcoinPrimitives
public import Emulator
public import Units

/// The driver of one chain and emulated chips on one line, in virtual time: two readings of one protocol that check one
/// another. It does what a board does for its chain: gives work, carries recoveries out, and has every nonce rehashed.
public struct Duet: Sendable {
    enum Happening: Sendable {
        case toChips([UInt8])
        case toDriver([UInt8])
        case rateTold(BaudRate)
        case wake(generation: UInt64)
        case release(generation: UInt64)
        case hash(generation: UInt64)
    }

    /// Why it ended.
    public enum End: Hashable, Sendable {
        case failed(ChainFault)
        case quiet
    }

    public let profile: ChainProfile
    public private(set) var now = Instant(nanoseconds: 0)
    public private(set) var driver: Chain
    public var chips: EmulatedChain
    /// Since the first bring-up that succeeded, the last one that did.
    public private(set) var summary: ChainSummary?
    public private(set) var readyAt: Instant?
    public private(set) var end: End?
    public private(set) var notices: [ChainNotice] = []
    public private(set) var recoveries: [Recovery] = []
    /// Reports whose hash is what the chips were told to report, those whose hash is not, and reports of a header that
    /// was reported before.
    public private(set) var honest = 0
    public private(set) var wrong = 0
    public private(set) var repeated = 0
    public private(set) var honestByChip: [Int: Int] = [:]
    public private(set) var jobs = 0
    /// Commands sent, and bytes received, of this driver.
    public private(set) var bytesReceived = 0
    /// What the port makes of a rate that it is told; by default it obeys.
    public var kernel: @Sendable (BaudRate) -> BaudRate = { $0 }
    /// Notices are counted beyond so many, not kept.
    public static let keptNotices = 10_000

    private let isDrawn: Bool
    private var works: [UInt64: ChainWork] = [:]
    private var seen: Set<Hash256> = []
    private var nextWork: UInt64 = 1
    private var timeline = Timeline<Happening>()
    /// Counts drivers: what was planned for one that is gone is nobody's business.
    private var generation: UInt64 = 0
    private var credit = 0.0

    /// How often chips that grind are given time to hash.
    static let tick = Duration.milliseconds(50)
    static let wire = Duration.microseconds(200)

    public init(_ profile: ChainProfile, _ parameters: EmulatedChainParameters) {
        self.profile = profile
        driver = Chain(profile)
        chips = EmulatedChain(parameters)
        isDrawn = parameters.search == .drawn
    }

    public mutating func begin() {
        tell(.begin)
        timeline.plan(.hash(generation: generation), at: now + Self.tick)
    }

    /// Lets so much virtual time pass, or less when it ends before.
    public mutating func run(for duration: Duration) {
        let until = now + duration
        while end == nil, let instant = next, instant <= until {
            now = max(now, instant)
            if let fault = chips.nextFaultAt, fault <= now { deliver(chips.advance(to: now)) }
            if isDrawn, let drawing = chips.nextDrawAt, drawing <= now { deliver(chips.draw(until: now)) }
            while let due = timeline.nextInstant, due <= now, let (_, happening) = timeline.next() {
                happen(happening)
            }
        }
        if end == nil { now = until }
    }

    /// Until the chain is at work or has given up, `limit` at most.
    public mutating func bringUp(limit: Duration = .seconds(300)) {
        begin()
        let until = now + limit
        while readyAt == nil, end == nil, now < until { run(for: .milliseconds(100)) }
    }

    public mutating func tell(_ event: ChainEvent) {
        for action in driver.handle(event, at: now) { carryOut(action) }
    }

    private var next: Instant? {
        let drawing = isDrawn ? chips.nextDrawAt : nil
        return [timeline.nextInstant, drawing, chips.nextFaultAt].compactMap(\.self).min()
    }

    private mutating func happen(_ happening: Happening) {
        switch happening {
        case .toChips(let bytes):
            deliver(chips.receive(bytes, at: now))
        case .toDriver(let bytes):
            bytesReceived += bytes.count
            tell(.received(bytes))
        case .rateTold(let rate):
            tell(.baudRate(rate))
        case .wake(let planned):
            if planned == wakes { tell(.woke) }
        case .release(let planned):
            guard planned == generation else { return }
            chips.setPower(on: true)
            chips.setReset(asserted: false)
            tell(.begin)
        case .hash(let planned):
            guard planned == generation else { return }
            grind()
        }
    }

    private var wakes: UInt64 = 0

    private mutating func grind() {
        timeline.plan(.hash(generation: generation), at: now + Self.tick)
        guard !isDrawn else { return }
        let rate = chips.hashRate.hashesPerSecond
        credit = min(credit + rate * Self.tick.inSeconds, rate)
        guard credit >= 1, let unit = chips.nextSearch(budget: UInt64(credit)) else { return }
        credit -= Double(unit.hashes)
        deliver(chips.finished(unit, hits: Emulator.run(unit), at: now))
    }

    private mutating func deliver(_ outputs: [EmulatedOutput]) {
        for output in outputs {
            timeline.plan(.toDriver(output.bytes), at: max(output.at, now) + Self.wire)
        }
    }

    private mutating func carryOut(_ action: ChainAction) {
        switch action {
        case .send(let bytes):
            if bytes.count > 80, bytes[2] == 0x21 { lastJobByte = bytes[4] }
            timeline.plan(.toChips(bytes), at: now + Self.wire)
        case .setBaudRate(let rate):
            let actual = kernel(rate)
            chips.setHostBaud(actual)
            timeline.plan(.rateTold(actual), at: now)
        case .discardInput: break  // nothing lies about undelivered in virtual time
        case .wake(let instant):
            wakes += 1
            timeline.plan(.wake(generation: wakes), at: max(instant, now))
        case .ready(let summary), .retuned(let summary):
            self.summary = summary
            readyAt = readyAt ?? now
        case .needWork: giveWork()
        case .report(let report): judge(report)
        case .notice(let notice): if notices.count < Self.keptNotices { notices.append(notice) }
        case .quiet: end = .quiet
        case .fail(let fault): end = .failed(fault)
        case .recover(let recovery, _): recover(recovery)
        }
    }

    /// What a board does: reset for 100 ms, or power off for a second; then a new driver for the same chain.
    private mutating func recover(_ recovery: Recovery) {
        recoveries.append(recovery)
        generation += 1
        wakes += 1
        let pause: Duration
        switch recovery {
        case .reinitialise:
            chips.setReset(asserted: true)
            pause = .milliseconds(100)
        case .powerCycle:
            chips.setPower(on: false)
            pause = .seconds(1)
        }
        chips.setHostBaud(BaudRate(115_200))
        driver = Chain(profile, after: recovery)
        timeline.plan(.release(generation: generation), at: now + pause)
        timeline.plan(.hash(generation: generation), at: now + pause)
    }

    /// Job byte of the newest job, as the chips were sent it; for full-header jobs only.
    public private(set) var lastJobByte: UInt8 = 0

    /// The next work at once, though the chain has not asked.
    public mutating func giveWorkNow() { giveWork() }

    private mutating func giveWork() {
        var root = [UInt8](repeating: 0, count: 32)
        for index in 0..<8 { root[index] = UInt8(truncatingIfNeeded: nextWork >> UInt64(8 * index)) }
        let work = ChainWork(
            id: nextWork, version: 0x2000_0000, versionMask: profile.versionMask,
            previousBlock: Hash256(hashing: [1]), merkleRoot: Hash256(hashing: root),
            time: 1_700_000_000 &+ UInt32(clamping: Int((now - Instant(nanoseconds: 0)).inSeconds)),
            bits: CompactTarget(bits: 0x1d00_ffff))
        works[nextWork] = work
        works[nextWork &- 256] = nil
        nextWork += 1
        jobs += 1
        tell(.work(work))
    }

    private mutating func judge(_ report: NonceReport) {
        guard let work = works[report.workID] else { preconditionFailure("work that was never given") }
        let header = Header(
            version: work.version | report.versionBits, previousBlock: work.previousBlock,
            merkleRoot: work.merkleRoot, time: work.time, bits: work.bits, nonce: report.nonce)
        let hash = header.hash
        let good = Target(leadingZeroBits: report.ticketZeroBits).isMet(by: hash)
        if !good {
            wrong += 1
        } else if seen.insert(hash).inserted {
            honest += 1
            if let chip = report.chip { honestByChip[chip, default: 0] += 1 }
        } else {
            repeated += 1
        }
        tell(.judged(chip: report.chip, good: good))
    }
}
