import ASICChains
import ASICChips
import ASICWire
import ChipSupport
import TestSupport
import Testing
import Units

@Test(arguments: everyChain) func `every model comes up, at every length`(profile: ChainProfile) throws {
    var bench = Bench(profile)
    bench.bringUp()
    let summary = try #require(
        bench.summary, "\(profile.model.facts.name) × \(profile.chips): \(bench.fault as Any)")
    #expect(summary.chips == profile.chips)
    #expect(bench.notices == [])
    #expect(Set(bench.chips.chips.compactMap(\.address)).count == profile.chips)
    #expect(bench.chips.hostRate == profile.workingBaudRate)
    let setting = try #require(profile.model.clockLimits.setting(for: profile.frequency))
    #expect(bench.chips.chips.allSatisfy { $0.clock == setting.registerValue })
    // Each chip reports about once a second, ticket mask included.
    let reports =
        summary.expected.hashesPerSecond / Double(profile.chips)
        / Double(sign: .plus, exponent: summary.ticketZeroBits, significand: 1)
    #expect((0.02...1.42).contains(reports))
}

@Test(
    arguments: everyModel.map { model in
        ChainProfile(
            model: model, chips: min(12, model.facts.maximumChips), frequency: model.facts.defaultFrequency,
            workingBaudRate: nil)
    })
func `a board pulled out in the middle of the ramp is noticed within 200 ms`(profile: ChainProfile) throws {
    // From the second stop on, when what was written before the ramp has left the link. The bench is a value, so the
    // board can be pulled out at moments that fall anywhere in a stop.
    var living = Bench(profile)
    living.send(.begin)
    while living.clocks.count < 3 { living.run(for: .milliseconds(20)) }
    var pulled = 0
    while living.summary == nil, pulled < 20 {
        var bench = living
        for chip in bench.chips.chips.indices { bench.chips.chips[chip].isDead = true }
        bench.run(for: .milliseconds(200))
        guard case .clockNotConfirmed(_, _, _, nil)? = bench.fault else {
            Issue.record("\(profile.model.facts.name) after \(living.clocks.count): \(bench.fault as Any)")
            return
        }
        #expect(bench.fault?.isTransient == true)
        pulled += 1
        living.run(for: .milliseconds(117))
    }
    #expect(pulled == 20)
}

@Test func `one lost answer in the ramp is asked for again, and costs nothing`() throws {
    var bench = gamma()
    bench.send(.begin)
    bench.run(for: .seconds(2))
    bench.delivery = { _ in [] }
    while bench.commands.last != .read(register: 0x08, from: .chip(0)) { bench.run(for: .milliseconds(1)) }
    bench.delivery = { [$0] }
    bench.continueBringUp()
    #expect(bench.summary != nil && bench.notices == [])
}

@Test func `a chip whose clock stays behind ends the ramp with both values`() {
    var bench = ember()
    bench.send(.begin)
    bench.run(for: .seconds(3))
    bench.chips.isClockStuck = true
    bench.continueBringUp()
    guard case .clockNotConfirmed(0xB0, _, let wrote, let read?)? = bench.fault else {
        Issue.record("\(bench.fault as Any)")
        return
    }
    #expect(wrote != read & 0x7fff_ffff)
    #expect(bench.summary == nil)
}

// MARK: at work

@Test(arguments: everyModel) func `a new clock at work: ramp, ticket, deadline, then new work`(
    model: any ChipModel
) throws {
    let limits = (model.facts.minimumFrequency, model.facts.maximumFrequency)
    for (from, to) in [limits, (limits.1, limits.0)] {
        var bench = Bench(ChainProfile(model: model, chips: 2, frequency: from))
        bench.bringUp()
        bench.send(.work(work(1)))
        let start = try #require(bench.summary)
        let (sent, asked) = (bench.commands.count, bench.count(.needWork))
        bench.nextWork = 2
        bench.send(.retune(to))
        bench.run(for: .seconds(30))
        let end = try #require(bench.retuned.first, "\(model.facts.name)")
        #expect(bench.fault == nil && bench.retuned.count == 1)
        #expect((end.frequency.megahertz - to.megahertz).magnitude <= 3.125)
        #expect(
            bench.chips.chips.allSatisfy { $0.clock == model.clockLimits.setting(for: to)?.registerValue })
        #expect(
            end.expected.hashesPerSecond / start.expected.hashesPerSecond
                == Double(end.frequency.hertz) / Double(start.frequency.hertz))
        #expect((end.ticketZeroBits > start.ticketZeroBits) == (from < to))
        let ticket = TicketMask(zeroBits: end.ticketZeroBits - 32).registerValue
        let register: UInt8 = model.dialect == .bare ? 0x18 : 0x14
        #expect(bench.commands[sent...].contains(.write(register: register, value: ticket, to: .everyChip)))
        #expect(bench.count(.needWork) > asked)
        // The next job goes out in the call that ends the change.
        let done = try #require(bench.log.firstIndex { if case .retuned = $0.action { true } else { false } })
        let job = try #require(
            bench.log[done...].firstIndex { if case .send = $0.action { true } else { false } })
        #expect(bench.log[job].at == bench.log[done].at)
    }
}

@Test(arguments: everyModel) func `on the way to another clock no chip runs into its neighbour's range`(
    model: any ChipModel
) throws {
    let layout = try #require(model.layout(chips: 12, rule: .powerOfTwoShare, domains: 1))
    guard
        model.hashCounting(
            layout, clock: try #require(model.clockLimits.setting(for: .megahertz(300))), versionMask: 0
        ).registerValue > 0, !(model is BM1372)
    else { return }  // no deadline, or a fixed one
    for (from, to) in [(200.0, 500.0), (500.0, 200.0), (300.0, 301.0), (301.0, 300.0)] {
        var bench = Bench(ChainProfile(model: model, chips: 12, frequency: .megahertz(from)))
        bench.bringUp()
        bench.nextWork = 1
        bench.send(.retune(.megahertz(to)))
        bench.run(for: .seconds(20))
        #expect(bench.retuned.count == 1)
        // Replays what the chips were told, and looks at each moment how many nonces a core sweeps in a batch.
        var clock = Hertz(hertz: 50_000_000)
        var deadline: UInt32 = 0
        for (at, action) in bench.log {
            if case .notice(.ramp(let frequency, _)) = action { clock = frequency }
            if case .send(let frame) = action,
                case .write(0x10, let value, _)? = bench.chips.command(frame)
            {
                deadline = value
            }
            let nonces = 2 * Double(deadline) * clock.megahertz / 25
            #expect(nonces <= Double(model.nonceSlice(layout)), "\(model.facts.name) at \(at)")
        }
        let setting = try #require(model.clockLimits.setting(for: .megahertz(to)))
        #expect(
            deadline
                == model.hashCounting(layout, clock: setting, versionMask: VersionRolling.bits).registerValue)
    }
}

@Test func `results found under the easier ticket carry it with them, whichever way the clock goes`() throws {
    for (from, to) in [(100.0, 800.0), (800.0, 100.0)] {
        var bench = Bench(ChainProfile(model: bm1370, chips: 1, frequency: .megahertz(from)))
        bench.bringUp()
        bench.send(.work(work(1)))
        let start = try #require(bench.summary).ticketZeroBits
        bench.send(.retune(.megahertz(to)))
        bench.send(.received(reply(bm1370, jobByte: 0x18, nonce: 1)))
        bench.run(for: .seconds(20))
        let end = try #require(bench.retuned.first).ticketZeroBits
        #expect(end != start)
        bench.send(.received(reply(bm1370, jobByte: 0x18, nonce: 2)))
        bench.send(.work(work(2)))
        bench.send(.received(reply(bm1370, jobByte: 0x18, nonce: 3)))
        bench.send(.received(reply(bm1370, jobByte: 0x30, nonce: 4)))
        #expect(bench.reports.map(\.ticketZeroBits) == [start, min(start, end), min(start, end), end])
    }
}

@Test func `a clock outside the limits is refused, and work goes on`() {
    var bench = ember()
    bench.bringUp()
    bench.send(.work(work(1)))
    let sent = bench.commands.count
    bench.send(.retune(.megahertz(900)))
    let fault = ChainFault.frequency(.megahertz(900), allowed: .megahertz(100)...Hertz.megahertz(800))
    #expect(bench.notices == [.retuneRefused(.megahertz(900), .fault(fault))])
    #expect(bench.commands.count == sent)
    bench.run(for: .seconds(1))
    #expect(bench.actions.last { if case .needWork = $0 { true } else { false } } != nil)
    var idle = ember()
    idle.send(.retune(.megahertz(200)))
    #expect(idle.actions == [.notice(.retuneRefused(.megahertz(200), .notAtWork))])
}

@Test func `a second change of mind turns the ramp round where it is`() throws {
    var bench = gamma()
    bench.bringUp()
    bench.nextWork = 1
    bench.send(.work(work(0)))
    bench.send(.retune(.megahertz(700)))
    bench.run(for: .milliseconds(650))
    bench.send(.retune(.megahertz(525)))
    bench.run(for: .seconds(5))
    #expect(bench.retuned.map(\.frequency) == [.megahertz(525)])
    let frequencies: [Double] = bench.actions.compactMap { action -> Double? in
        if case .notice(.ramp(let at, _)) = action { at.megahertz } else { nil }
    }
    #expect(frequencies.max() ?? 0 < 570)
    #expect(frequencies.last == 525)
}

@Test func `a board lost while its clock changes is noticed within 200 ms`() {
    var bench = ember()
    bench.bringUp()
    bench.nextWork = 1
    bench.send(.work(work(0)))
    bench.send(.retune(.megahertz(300)))
    bench.run(for: .milliseconds(777))
    for chip in bench.chips.chips.indices { bench.chips.chips[chip].isDead = true }
    bench.run(for: .milliseconds(200))
    guard case .clockNotConfirmed(0xB0, _, _, nil)? = bench.fault else {
        Issue.record("\(bench.fault as Any)")
        return
    }
}

@Test func `quiesce in the middle of a change goes down from where the clock is`() throws {
    var bench = gamma()
    bench.bringUp()
    bench.send(.retune(.megahertz(700)))
    bench.run(for: .milliseconds(650))
    bench.send(.quiesce)
    bench.run(for: .seconds(20))
    #expect(bench.count(.quiet) == 1 && bench.retuned == [])
    #expect(bench.clocks.last == bm1370.clockLimits.setting(for: .megahertz(50))?.registerValue)
}
