import BitcoinPrimitives
import Testing
import Units

@testable import Scheduling

private let start = Instant(nanoseconds: 0)
private let chain = WorkerID(1)

private func job(number: UInt64, tip: UInt8 = 1, target: Target = Target(leadingZeroBits: 6)) -> Job {
    Job(
        origin: JobOrigin(upstream: 0, jobNumber: number), target: target,
        blockTarget: Target(leadingZeroBits: 40),
        extranoncePrefix: [9, 9], extranonceSize: 4, coinbasePrefix: [1, 2], coinbaseSuffix: [UInt8(number)],
        merklePath: [], previousBlock: Hash256(hashing: [tip]), version: 0x2000_0000,
        versionMask: 0x1fff_e000,
        bits: CompactTarget(bits: 0x207f_ffff), minimumTime: 1_700_000_000)
}

/// A scheduler with one worker that reports from four zero bits and has its first unit.
private func mining() -> (Scheduler, WorkUnit) {
    var scheduler = Scheduler()
    _ = scheduler.handle(.workerReady(chain, ticketZeroBits: 4), at: start)
    _ = scheduler.handle(.job(job(number: 1)), at: start)
    guard case .work(_, let unit)? = scheduler.handle(.needWork(chain), at: start).first else {
        preconditionFailure("a worker that asks gets work")
    }
    return (scheduler, unit)
}

/// The first nonce of `unit` whose hash has at least `zeroBits` leading zero bits, and fewer than `below`.
private func nonce(on unit: WorkUnit, zeroBits: Int, below: Int) -> UInt32 {
    (0...UInt32.max).first {
        let hash = unit.header(nonce: $0, versionBits: 0).hash
        return Target(leadingZeroBits: zeroBits).isMet(by: hash)
            && !Target(leadingZeroBits: below).isMet(by: hash)
    }!
}

@Test func `no two units have the same merkle root, whoever asks`() {
    var (scheduler, first) = mining()
    let other = WorkerID(2)
    _ = scheduler.handle(.workerReady(other, ticketZeroBits: 4), at: start)
    var roots: Set<Hash256> = [first.merkleRoot]
    for round in 0..<200 {
        for case .work(_, let unit) in scheduler.handle(.needWork(round % 2 == 0 ? chain : other), at: start)
        {
            #expect(roots.insert(unit.merkleRoot).inserted)
        }
    }
    #expect(roots.count == 201)
}

@Test func `a new job goes to every worker at once`() {
    var (scheduler, _) = mining()
    let other = WorkerID(2)
    _ = scheduler.handle(.workerReady(other, ticketZeroBits: 4), at: start)
    let actions = scheduler.handle(.job(job(number: 2, tip: 2)), at: start)
    let workers = actions.compactMap { if case .work(let id, _) = $0 { id } else { nil } }
    #expect(workers == [chain, other])
}

@Test func `a nonce is rehashed, and becomes an error, work, or a share by its hash alone`() {
    var (scheduler, unit) = mining()
    let wrong = nonce(on: unit, zeroBits: 0, below: 4)
    #expect(
        scheduler.handle(
            .claim(chain, Claim(unit: unit.id, nonce: wrong, versionBits: 0, chip: 3)), at: start)
            == [.judged(chain, chip: 3, honest: false)])
    let low = nonce(on: unit, zeroBits: 4, below: 6)
    #expect(
        scheduler.handle(.claim(chain, Claim(unit: unit.id, nonce: low, versionBits: 0, chip: 3)), at: start)
            == [.judged(chain, chip: 3, honest: true)])
    let good = nonce(on: unit, zeroBits: 6, below: 40)
    let actions = scheduler.handle(
        .claim(chain, Claim(unit: unit.id, nonce: good, versionBits: 0, chip: 3)), at: start)
    guard case .share(let share)? = actions.first else {
        Issue.record("a hash that meets the target is a share")
        return
    }
    #expect(share.header == unit.header(nonce: good, versionBits: 0))
    #expect(share.origin.jobNumber == 1)
    #expect(!share.isBlock)
    let statistics = scheduler.statistics(of: chain)
    #expect(statistics?.hardwareErrors == 1)
    #expect(statistics?.hardwareErrorsByChip == [3: 1])
    #expect(statistics?.verifiedNonces == 2)
}

@Test func `the same nonce twice is one share`() {
    var (scheduler, unit) = mining()
    let good = Claim(unit: unit.id, nonce: nonce(on: unit, zeroBits: 6, below: 40), versionBits: 0, chip: nil)
    let actions = scheduler.handle(.claim(chain, good), at: start)
    #expect(actions.filter { if case .share = $0 { true } else { false } }.count == 1)
    #expect(scheduler.handle(.claim(chain, good), at: start).isEmpty)
    #expect(scheduler.statistics(of: chain)?.duplicates == 1)
}

@Test func `a share keeps the target of its own job when a newer one arrives`() {
    var (scheduler, unit) = mining()
    _ = scheduler.handle(.job(job(number: 2, target: Target(leadingZeroBits: 30))), at: start)
    let good = Claim(unit: unit.id, nonce: nonce(on: unit, zeroBits: 6, below: 30), versionBits: 0, chip: nil)
    let actions = scheduler.handle(.claim(chain, good), at: start)
    guard case .share(let share)? = actions.first else {
        Issue.record("the older job of the same tip still earns")
        return
    }
    #expect(share.origin.jobNumber == 1)
}

@Test func `a share of an old tip is not sent`() {
    var (scheduler, unit) = mining()
    _ = scheduler.handle(.job(job(number: 2, tip: 2)), at: start)
    let late = Claim(unit: unit.id, nonce: nonce(on: unit, zeroBits: 6, below: 40), versionBits: 0, chip: nil)
    #expect(scheduler.handle(.claim(chain, late), at: start) == [.judged(chain, chip: nil, honest: true)])
    #expect(scheduler.statistics(of: chain)?.staleNonces == 1)
}

@Test func `a nonce that was on its way when its chip was told to report less is no hardware error`() {
    var (scheduler, unit) = mining()
    _ = scheduler.handle(.workerReady(chain, ticketZeroBits: 5), at: start)
    let easy = nonce(on: unit, zeroBits: 4, below: 5)
    let claim = Claim(unit: unit.id, nonce: easy, versionBits: 0, chip: 0, ticketZeroBits: 4)
    #expect(scheduler.handle(.claim(chain, claim), at: start) == [.judged(chain, chip: 0, honest: true)])
    #expect(scheduler.statistics(of: chain)?.meter.total == 16)
    // Without that word it is measured by what the worker reports from now.
    let (again, other) = (Claim(unit: unit.id, nonce: easy, versionBits: 0, chip: 0), scheduler)
    var unaware = other
    #expect(unaware.handle(.claim(chain, again), at: start) == [.judged(chain, chip: 0, honest: false)])
}

@Test func `when a job without extranonce has nothing new, its workers keep what they have and ask again`() {
    var (scheduler, _) = mining()
    var narrow = job(number: 3)
    narrow.extranonceSize = 0
    _ = scheduler.handle(.job(narrow), at: start)
    #expect(scheduler.handle(.needWork(chain), at: start).isEmpty)
    #expect(scheduler.statistics(of: chain)?.spaceExhausted == 1)
    #expect(scheduler.handle(.needWork(chain), at: start + .seconds(1)).count == 1)
}

@Test func `claims on unknown units and with foreign version bits are stray`() {
    var (scheduler, unit) = mining()
    _ = scheduler.handle(.claim(chain, Claim(unit: 999, nonce: 0, versionBits: 0, chip: nil)), at: start)
    _ = scheduler.handle(
        .claim(chain, Claim(unit: unit.id, nonce: 0, versionBits: 1 << 30, chip: nil)), at: start)
    #expect(scheduler.statistics(of: chain)?.strayClaims == 2)
}

@Test func `header time follows the seconds since the tip, and no more`() {
    var (scheduler, unit) = mining()
    #expect(unit.time == 1_700_000_000)
    let later = start + .milliseconds(7_900)
    guard case .work(_, let next)? = scheduler.handle(.needWork(chain), at: later).first else {
        Issue.record("work")
        return
    }
    #expect(next.time == 1_700_000_007)
    // A better template of the same tip does not start the clock again.
    _ = scheduler.handle(.job(job(number: 2)), at: later)
    guard case .work(_, let after)? = scheduler.handle(.needWork(chain), at: later).first else { return }
    #expect(after.time == 1_700_000_007)
}

@Test func `the hash rate counts what a nonce takes on average, and ages to zero`() {
    var meter = HashRateMeter(begun: start)
    for second in 0..<10 { meter.count(expectedHashes: 1_000, at: start + .seconds(second)) }
    #expect(meter.rate(at: start + .seconds(10)).hashesPerSecond == 1_000)
    #expect(meter.rate(at: start + .seconds(100)) == .zero)
    #expect(meter.total == 10_000)
}
