@testable import ASICChains
import ASICChips
import ASICWire
import BitcoinPrimitives
import ChipSupport
import TestSupport
import Testing
import Units

@Test func `work goes out as the job frame that hardware takes`() throws {
    // Source: job of a Bitaxe Gamma whose nonce a pool accepted (first job byte here: 18).
    var bench = gamma()
    bench.bringUp()
    let header = hex(
        """
        0040b420fd55646bc162b96dfcd4f201a3f4670d1d3996bc96520100000000000000000006ddf5f0
        8c36414b95ea54db71a0c28761a98bcf6355919e044f88725519a7cbd7685468043a02174c035275
        """)
    let work = ChainWork(
        id: 3, version: 0x2000_0000, previousBlock: try #require(Hash256(wireBytes: header[4..<36])),
        merkleRoot: try #require(Hash256(wireBytes: header[36..<68])), time: 0x6854_68d7,
        bits: CompactTarget(bits: 0x1702_3a04))
    bench.send(.work(work))
    guard case .send(let frame)? = bench.actions.last(where: { if case .send = $0 { true } else { false } })
    else {
        Issue.record("no frame")
        return
    }
    let captured = hex(
        """
        2156680100000000043a0217d76854685519a7cb044f88726355919e61a98bcf71a0c28795ea54db8c36414b06ddf5f0
        0000000000000000965201001d3996bca3f4670dfcd4f201c162b96dfd55646b00000020
        """)
    #expect(frame.count == 88)
    #expect(frame[..<4] == hex("55AA 2156")[...])
    #expect(frame[4] == 0x18)
    #expect(frame[5..<86] == captured[3...])
    // And the nonce comes back as a report on that work.
    bench.send(.received(reply(bm1370, jobByte: 0x18, nonce: 0x7552_034C, counter: 0x05A2)))
    #expect(
        bench.reports == [
            NonceReport(
                workID: 3, nonce: 0x7552_034C, versionBits: 0x00B4_4000, chip: 0, core: 38,
                ticketZeroBits: 40, at: bench.now)
        ])
}

@Test func `work is asked for every interval, and a new one in between starts it over`() {
    var bench = gamma()
    bench.bringUp()
    bench.send(.work(work(1)))
    let before = bench.count(.needWork)
    bench.run(for: .milliseconds(499))
    #expect(bench.count(.needWork) == before)
    bench.send(.work(work(2)))  // a new tip
    bench.run(for: .milliseconds(499))
    #expect(bench.count(.needWork) == before)
    bench.run(for: .milliseconds(1))
    #expect(bench.count(.needWork) == before + 1)
    bench.send(.woke)
    bench.send(.woke)
    #expect(bench.count(.needWork) == before + 1)
}

@Test func `a request that stays unanswered is repeated, and said to be late`() {
    var bench = gamma()
    bench.bringUp()
    bench.run(for: .milliseconds(1250))
    #expect(bench.count(.needWork) == 3)
    #expect(bench.notices == [.workLate(.milliseconds(500)), .workLate(.seconds(1))])
}

@Test func `work that comes before the chain is up is left for later`() {
    var bench = gamma()
    bench.send(.begin)
    bench.run(for: .seconds(1))
    bench.send(.work(work(1)))
    #expect(!bench.commands.contains { if case .job = $0 { true } else { false } })
    bench.continueBringUp()
    #expect(bench.summary != nil)
}

@Test(arguments: [gammaProfile, emberProfile])
func `a nonce leads back to the work that stands in its slot`(profile: ChainProfile) {
    var bench = Bench(profile)
    bench.bringUp()
    var sent = [(id: UInt64, jobByte: UInt8)]()
    for id in 0..<40 as Range<UInt64> {
        bench.send(.work(work(id)))
        guard case .job(let job)? = bench.commands.last else {
            Issue.record("no job")
            return
        }
        sent.append((id, job.jobByte))
        for (age, known) in sent.suffix(16).reversed().enumerated() {
            let (reports, notices) = (bench.reports.count, bench.notices.count)
            let nonce = UInt32(id) << 8 | UInt32(age)
            bench.send(.received(reply(profile.model, jobByte: known.jobByte, nonce: nonce)))
            if age < 8 {
                #expect(bench.reports.last?.workID == known.id)
                #expect(bench.reports.count == reports + 1)
            } else {
                #expect(bench.reports.count == reports)
                #expect(bench.notices[notices...] == [.retiredSlot(jobByte: known.jobByte, workID: known.id)])
            }
        }
    }
}

@Test func `a nonce for a slot that never had work is a notice`() {
    var bench = ember()
    bench.bringUp()
    bench.send(.received(reply(bm1362, jobByte: 0x08, nonce: 1)))
    bench.send(.work(work(1)))
    bench.send(.received(reply(bm1362, jobByte: 0x10, nonce: 1)))
    bench.send(.received(reply(bm1362, jobByte: 0xF8, nonce: 1)))
    #expect(bench.reports == [])
    #expect(
        bench.notices == [
            .unknownSlot(jobByte: 0x08), .unknownSlot(jobByte: 0x10), .unknownSlot(jobByte: 0xF8),
        ])
}

@Test func `the same nonce twice is reported once`() {
    var bench = gamma()
    bench.bringUp()
    bench.send(.work(work(1)))
    let one = reply(bm1370, jobByte: 0x18, nonce: 77)
    bench.send(.received(one + one))
    // Another version is another hash.
    bench.send(.received(reply(bm1370, jobByte: 0x18, nonce: 77, counter: 9)))
    #expect(bench.reports.count == 2)
    #expect(bench.notices == [.duplicateNonce(workID: 1, nonce: 77)])
    // The same slot with new work is another job.
    for id in 2...17 as ClosedRange<UInt64> { bench.send(.work(work(id))) }
    bench.send(.received(one))
    #expect(bench.reports.last?.workID == 17)
}

@Test func `the memory for duplicates is bounded`() {
    var bench = gamma()
    bench.bringUp()
    bench.send(.work(work(1)))
    for nonce in 0..<513 as Range<UInt32> {
        bench.send(.received(reply(bm1370, jobByte: 0x18, nonce: nonce)))
    }
    #expect(bench.reports.count == 513)
    bench.send(.received(reply(bm1370, jobByte: 0x18, nonce: 1)))  // still known
    #expect(bench.reports.count == 513)
    bench.send(.received(reply(bm1370, jobByte: 0x18, nonce: 0)))  // forgotten
    #expect(bench.reports.count == 514)
}

@Test func `version bits that the work does not leave to the chain are dropped`() {
    var profile = gammaProfile
    profile.versionMask = 0x00ff_e000
    var bench = Bench(profile)
    bench.bringUp()
    #expect(bench.commands.contains(.write(register: 0xA4, value: 0x9000_07FF, to: .everyChip)))
    #expect(bench.summary?.versionMask == 0x00ff_e000)
    bench.send(.work(work(1, versionMask: 0x00ff_e000)))
    bench.send(.received(reply(bm1370, jobByte: 0x18, nonce: 1, counter: 0x07FF)))
    bench.send(.received(reply(bm1370, jobByte: 0x18, nonce: 2, counter: 0x0800)))
    #expect(bench.reports.map(\.nonce) == [1])
    #expect(bench.notices == [.versionOutsideMask(workID: 1, versionBits: 0x0100_0000)])
}

@Test func `work that leaves other version bits to the chain has them told to the chips first`() throws {
    var bench = gamma()
    bench.bringUp()
    bench.send(.work(work(1)))
    bench.send(.work(work(2, versionMask: 0x1fff_0000)))
    bench.send(.work(work(3, versionMask: 0x1fff_0000)))
    let tail = bench.commands.suffix(4).map { command -> String in
        switch command {
        case .write(0xA4, let value, .everyChip): String(value, radix: 16)
        case .job: "job"
        case .write, .read, .setAddress, .chainInactive, .midstateJob: "?"
        }
    }
    #expect(tail == ["job", "9000fff8", "job", "job"])
    #expect(bench.notices == [.versionMask(0x1fff_0000, was: VersionRolling.bits)])
    // Older work is judged by its own mask, newer by the new one.
    bench.send(.received(reply(bm1370, jobByte: 0x18, nonce: 1, counter: 1)))
    bench.send(.received(reply(bm1370, jobByte: 0x30, nonce: 1, counter: 1)))
    #expect(bench.reports.map(\.workID) == [1])
    #expect(bench.notices.last == .versionOutsideMask(workID: 2, versionBits: 0x2000))
    // So few versions last less long.
    bench.send(.work(work(4, versionMask: 0)))
    let before = bench.count(.needWork)
    bench.run(for: .milliseconds(499))
    #expect(bench.count(.needWork) > before)
}

@Test func `a BM1362's nonce names its chip, and one from nowhere says so`() {
    var bench = ember()
    bench.bringUp()
    bench.send(.work(work(1)))
    func nonce(chip: UInt32) -> UInt32 { (UInt32(9) << 25 | chip << 21 | 1234).byteSwapped }
    for chip in 0..<13 as Range<UInt32> {
        bench.send(.received(reply(bm1362, jobByte: 0x08, nonce: nonce(chip: chip))))
    }
    #expect(bench.reports.map(\.chip) == Array(0..<12) + [nil])
    #expect(bench.reports.allSatisfy { $0.core == 9 })
    #expect(bench.notices == [.nonceBeyondChain(workID: 1, index: 12)])
}

@Test func `register values that nobody asked for, and from nowhere, are told apart`() {
    var bench = ember()
    bench.bringUp()
    let known = RegisterValue(value: 1, chipAddress: 0x20, register: 0x40)
    let nowhere = RegisterValue(value: 1, chipAddress: 0x21, register: 0x40)
    for value in [known, nowhere] { bench.send(.received(ChipResponse.register(value).wireBytes(.long))) }
    #expect(bench.notices == [.unsolicitedRegister(known), .unknownAddress(nowhere)])
}

@Test func `half a frame waits for its other half, and a cut one is passed over`() {
    var bench = gamma()
    bench.bringUp()
    bench.send(.work(work(1)))
    let frame = reply(bm1370, jobByte: 0x18, nonce: 1)
    bench.send(.received(Array(frame[..<4])))
    #expect(bench.reports == [])
    bench.send(.received(Array(frame[4...])))
    #expect(bench.reports.map(\.nonce) == [1])
    bench.send(.received(Array(frame[..<7]) + reply(bm1370, jobByte: 0x18, nonce: 2)))
    #expect(bench.reports.map(\.nonce) == [1, 2])
    #expect(bench.notices == [.bytesSkipped(7)])
}

@Test(arguments: 1...8 as ClosedRange<UInt64>) func `no bytes at all upset a chain at work`(seed: UInt64) {
    var bench = ember()
    bench.bringUp()
    var noise = Noise(state: seed)
    for id in 0..<200 as Range<UInt64> {
        bench.send(.work(work(id)))
        var bytes = noise.bytes(Int(noise.next() % 200))
        for index in bytes.indices where bytes[index] < 60 { bytes[index] = index % 2 == 0 ? 0xAA : 0x55 }
        bench.send(.received(bytes))
        bench.run(for: .milliseconds(50))
        // What looks like the front of a frame is flushed, and a chip gives a sign of life.
        bench.send(.received([UInt8](repeating: 0, count: 11)))
        let jobByte = bench.jobBytes.last ?? 0
        bench.send(.received(reply(bm1362, jobByte: jobByte, nonce: UInt32(id) << 21)))
    }
    #expect(bench.fault == nil && bench.recoveries == [])
    let before = bench.reports.count
    bench.send(.received([UInt8](repeating: 0, count: 11)))  // flush what may look like the front of a frame
    bench.send(.received(reply(bm1362, jobByte: 0x40, nonce: 0xDEAD)))  // job 199: byte 8 × (200 % 16)
    #expect(bench.reports.count == before + 1)
    #expect(bench.reports.last?.workID == 199)
}

@Test func `a chain never runs dry: the interval stays below half an epoch, whatever the chain`() throws {
    for model in [bm1370, bm1362] as [any ChipModel] {
        for chips in [1, 2, 12, 65, 126] {
            for rule in [AddressRule.powerOfTwoShare, .stride(2)] {
                for megahertz in [100.0, 525, 800] {
                    let profile = ChainProfile(
                        model: model, chips: chips, frequency: .megahertz(megahertz), addressRule: rule)
                    let summary = try ChainPlan(profile, baud: nil).summary
                    let layout = try #require(ChainLayout(chips: chips, rule: rule))
                    let clock = try #require(model.clockLimits.setting(for: .megahertz(megahertz)))
                    let epoch = model.hashCounting(layout, clock: clock, versionMask: .max).epoch
                    #expect(summary.jobInterval <= epoch / 2)
                    #expect(summary.jobInterval >= .milliseconds(100))
                }
            }
        }
    }
}

@Test func `a version mask without bits does not turn into a flood of jobs`() throws {
    var profile = emberProfile
    profile.versionMask = 0
    #expect(try ChainPlan(profile, baud: nil).summary.jobInterval == .milliseconds(10))
}
