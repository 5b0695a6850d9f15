@testable import ASICChains
import ASICChips
import ASICWire
import BitcoinPrimitives
import ChipSupport
import TestSupport
import Testing
import Units

/// Shares that a Bitaxe Max submitted (ESP-Miner issue 113), with the job frame and the reply that they make: job byte,
/// header, frame, reply. Source: nonce_end_to_end.json, bm1397-share-18 and -19.
private let shares: [(jobByte: UInt8, header: String, frame: String, reply: String, versionBits: UInt32)] = [
    (
        0x4c,
        """
        00400020eaa2043283af2a03611002543a6784c3d53ff1d0173202000000000000000000acac5cc46b17149acd8ca5b5
        30873e5de72c4064de2a6087de808f7f87c3e0d73c99df65b1710317900e8401
        """,
        """
        0000b17103173c99df6587c3e0d70a66ba4676e0eac046bb3bd2fb26b15ad433e1617691f39ed5219ef15d57a7c9ac300018
        9a2281e359f44774fea49d9847712e3027c72c1451500b9bac9ffe65f1c3c114e47c0f388dd29b164a9d7928e24288ee6b4a
        cec089e8e5c1acc163819f30ebbe48e834d3432becca0f94d3e478678ce7d63e0ac2d71af7bfddf5ae7c
        """, "aa55900e8401004e90", 0x4000
    ),
    (
        0x50,
        """
        00200020eaa2043283af2a03611002543a6784c3d53ff1d01732020000000000000000004b0e42282479c6e6f5385f2f
        f0d801319a65b6ecad4d5b22cb2fb2df4380faa03c99df65b17103174207bf5e
        """,
        """
        0000b17103173c99df654380faa09ce06a73c2887feb31bbb17106bdb1a6f9171e123a243fd417e62801b9fa0b91d324d566
        7fcdd061df7077111c3fe35417c7bbba9120587044354ca6562d6a5810e68550b570ee541cc21938d3add9a4f755b18c0469
        81661a58a682ff7dc21e1ff52a0000d0a543f63f117e4b1b7c768b4b6ea03f1469be3b7d975552d4bbba
        """, "aa554207bf5e005187", 0x2000
    ),
]

private func bitaxeMax(chips: Int = 1) -> Bench {
    Bench(
        ChainProfile(
            model: bm1397, chips: chips, frequency: .megahertz(425), workingBaudRate: BaudRate(3_125_000)))
}

@Test(arguments: shares.indices)
func `work goes out as midstates, and a real share comes back with its version`(
    index: Int
) throws {
    let share = shares[index]
    let header = try #require(Header(wireBytes: hex(share.header)))
    var bench = bitaxeMax()
    bench.bringUp()
    let real = ChainWork(
        id: 7, version: 0x2000_0000, previousBlock: header.previousBlock, merkleRoot: header.merkleRoot,
        time: header.time, bits: header.bits)
    // Other jobs first, until the slot comes up.
    while bench.jobBytes.last != share.jobByte { bench.send(.work(real)) }
    guard case .send(let frame)? = bench.actions.last(where: { if case .send = $0 { true } else { false } })
    else {
        Issue.record("no frame")
        return
    }
    #expect(frame.count == 152 && frame[4] == share.jobByte && frame[5] == 4)
    #expect(Array(frame[8..<150]) == hex(share.frame))
    bench.send(.received(hex(share.reply)))
    let report = try #require(bench.reports.first)
    #expect(report.workID == 7 && report.nonce == header.nonce && report.versionBits == share.versionBits)
    #expect(real.version | report.versionBits == header.version)
}

@Test(arguments: [bm1387, bm1397] as [any ChipModel], [1, 2, 4])
func `the chain walks through the versions of one work, each of them once`(model: any ChipModel, bits: Int)
    throws
{
    // So few version bits that they run out, at places that are not next to each other.
    let mask: UInt32 = [0, 1 << 13, 1 << 13 | 1 << 20, 0, 0b1001 << 13 | 0b101 << 26][bits]
    var bench = Bench(
        ChainProfile(model: model, chips: 2, frequency: model.facts.defaultFrequency, versionMask: mask))
    bench.bringUp()
    let (before, asked) = (bench.jobBytes.count, bench.count(.needWork))
    bench.send(.work(work(1, versionMask: mask)))
    bench.run(for: .milliseconds(400))
    let jobs = bench.commands.compactMap { command -> MidstateJob? in
        if case .midstateJob(let job) = command, job.bits != .max { job } else { nil }
    }
    #expect(bench.jobBytes.count - before == max(1, (1 << bits) / 4))
    #expect(bench.count(.needWork) > asked)  // and new work was asked for once they were used up
    // Each midstate is that of a version that a reply to it leads to.
    var seen: Set<UInt32> = []
    for job in jobs.suffix(8) {
        for midstate in job.midstates.indices {
            let count = bench.reports.count
            bench.send(
                .received(
                    reply(model, jobByte: job.jobByte, nonce: UInt32(seen.count), midstate: UInt8(midstate))))
            let report = try #require(bench.reports.last)
            #expect(bench.reports.count == count + 1)
            #expect(report.versionBits & ~mask == 0)
            #expect(seen.insert(report.versionBits).inserted)
            var header = work(1).header
            header.version |= report.versionBits
            #expect(isEqual(job.midstates[midstate], independentMidstate(header)))
        }
    }
    #expect(seen.count == 1 << bits)
}

@Test func `a midstate that the job has not is named, not guessed`() {
    var bench = bitaxeMax()
    bench.bringUp()
    bench.send(.work(work(1, versionMask: 1 << 13)))  // two midstates
    let jobByte = bench.jobBytes.last ?? 0
    bench.send(.received(reply(bm1397, jobByte: jobByte, nonce: 1, midstate: 3)))
    #expect(bench.reports == [] && bench.notices == [.unknownMidstate(workID: 1, index: 3)])
}

@Test func `work with many versions is still replaced after four seconds, so that times move on`() {
    var bench = bitaxeMax()
    bench.bringUp()
    bench.send(.work(work(1)))
    let asked = bench.count(.needWork)
    bench.run(for: .milliseconds(3_999))
    #expect(bench.count(.needWork) == asked)
    bench.run(for: .milliseconds(1))
    #expect(bench.count(.needWork) == asked + 1)
    // Nobody answers: it goes on with the versions that are left.
    let jobs = bench.jobBytes.count
    bench.run(for: .seconds(1))
    #expect(bench.jobBytes.count > jobs + 20)
}

@Test(arguments: everyChain) func `a chain never runs dry before its next job, whatever the chain`(
    profile: ChainProfile
) throws {
    for megahertz in [
        profile.model.facts.minimumFrequency.megahertz, profile.model.facts.maximumFrequency.megahertz,
    ] {
        var profile = profile
        profile.frequency = .megahertz(megahertz)
        profile.workingBaudRate = profile.model.baudSteps.map(\.host).max()
        let plan = try ChainPlan(profile, baud: try ChainPlan.wantedBaud(profile))
        let clock = try #require(profile.model.clockLimits.setting(for: profile.frequency))
        let epoch = profile.model.hashCounting(
            plan.layout, clock: clock, versionMask: profile.versionMask
        ).epoch
        #expect(
            plan.summary.jobInterval <= epoch,
            "\(profile.model.facts.name) × \(profile.chips) at \(megahertz)")
        // And jobs do not come faster than the link can carry them.
        let frame = profile.model.work == .fullHeader ? FullHeaderJob.wireLength : 152
        #expect(plan.summary.baudRate.time(forBytes: frame) * 4 / 3 <= plan.summary.jobInterval)
    }
}

@Test func `a late nonce of a slot's earlier use is named retired, where slots come round fast`() throws {
    // Four chips want a job every few milliseconds, and 32 slots last a fraction of a second.
    var bench = Bench(
        ChainProfile(
            model: bm1397, chips: 4, frequency: .megahertz(425), reportZeroBits: 1,
            workingBaudRate: BaudRate(3_125_000)))
    bench.bringUp()
    bench.send(.work(work(1, versionMask: 0)))
    let first = try #require(bench.jobBytes.last)
    let zeroBits = try #require(bench.summary).ticketZeroBits
    let nonce = try #require(trueNonce(work(1).header, zeroBits: zeroBits))
    let start = bench.jobBytes.count
    while bench.jobBytes.count < start + 32 {
        bench.send(.work(work(UInt64(100 + bench.jobBytes.count), versionMask: 0)))
        bench.run(for: .milliseconds(5))
    }
    #expect(bench.jobBytes[start + 31] == first)
    bench.send(.received(reply(bm1397, jobByte: first, nonce: nonce, midstate: 0)))
    #expect(bench.reports == [])
    #expect(bench.notices.last == .retiredSlot(jobByte: first, workID: 1))
    // What really belongs to the new use is reported for it, and what belongs to neither is the verifier's to judge.
    let latest = UInt64(100 + start + 31)
    let own = try #require(trueNonce(work(latest).header, zeroBits: zeroBits))
    bench.send(.received(reply(bm1397, jobByte: first, nonce: own, midstate: 0)))
    bench.send(.received(reply(bm1397, jobByte: first, nonce: nonce ^ 0x5555, midstate: 0)))
    #expect(bench.reports.map(\.workID) == [latest, latest])
}

/// A nonce with which the header's hash has so many leading zero bits.
func trueNonce(_ header: Header, zeroBits: Int) -> UInt32? {
    var header = header
    let target = Target(leadingZeroBits: zeroBits)
    for nonce in 0..<UInt32(1) << 16 {
        header.nonce = nonce
        if target.isMet(by: header.hash) { return nonce }
    }
    return nil
}

private func isEqual(_ a: [8 of UInt32], _ b: [UInt32]) -> Bool { (0..<8).allSatisfy { a[$0] == b[$0] } }

/// SHA-256 after the first 64 bytes of a header, straight from FIPS 180-4, sections 4.2.2, 5.3.3 and 6.2.2.
private func independentMidstate(_ header: Header) -> [UInt32] {
    var primes: [Int] = []
    var candidate = 2
    while primes.count < 64 {
        if primes.allSatisfy({ candidate % $0 != 0 }) { primes.append(candidate) }
        candidate += 1
    }
    func fraction(_ x: Double, cube: Bool) -> UInt32 {
        // 32 bits of the root's fraction, found by bisection in integers: root < 2^5, so root × 2^32 < 2^37.
        var (low, high) = (UInt64(0), UInt64(1) << 40)
        while high - low > 1 {
            let middle = (low + high) / 2
            let (a, b) = middle.multipliedFullWidth(by: middle)
            let square = Double(a) * 0x1p64 + Double(b)
            let value = cube ? square * Double(middle) / 0x1p96 : square / 0x1p64
            if value <= x { low = middle } else { high = middle }
        }
        return UInt32(truncatingIfNeeded: low)
    }
    func rotated(_ x: UInt32, _ n: UInt32) -> UInt32 { x >> n | x << (32 - n) }
    let bytes = header.wireBytes
    var w = (0..<16).map { i in (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[4 * i + $1]) } }
    for i in 16..<64 {
        let s0 = rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ w[i - 15] >> 3
        let s1 = rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ w[i - 2] >> 10
        w.append(w[i - 16] &+ s0 &+ w[i - 7] &+ s1)
    }
    let start = primes[..<8].map { fraction(Double($0), cube: false) }
    var v = start
    for i in 0..<64 {
        let s1 = rotated(v[4], 6) ^ rotated(v[4], 11) ^ rotated(v[4], 25)
        let choice = (v[4] & v[5]) ^ (~v[4] & v[6])
        let t1 = v[7] &+ s1 &+ choice &+ fraction(Double(primes[i]), cube: true) &+ w[i]
        let s0 = rotated(v[0], 2) ^ rotated(v[0], 13) ^ rotated(v[0], 22)
        let majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])
        v = [t1 &+ s0 &+ majority, v[0], v[1], v[2], v[3] &+ t1, v[4], v[5], v[6]]
    }
    return zip(start, v).map { $0 &+ $1 }
}
