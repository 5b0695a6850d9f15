import BaseTemplates
import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import TemplateBuilding
import Testing
import Units

/// Pools that lie, tire or forget.
@Suite struct HostilePool {
    /// Ten minutes in which the owner makes a template each second, for whatever terms were said last.
    private static func tenMinutes(_ world: inout Exchange) {
        world.start()
        for second in 0..<600 as Range<UInt64> {
            world.send(.proposal(world.proposal(fees: 1_000 + second)))
            world.run(for: .seconds(1))
        }
    }

    @Test(arguments: KnownFailures.modes)
    func `a payout that changes with every token makes no more jobs than fees would`(
        mode: UpstreamConfiguration.Mode
    ) {
        var world = Exchange { $0.mode = mode }
        world.pool.changesPayouts = true
        Self.tenMinutes(&world)
        #expect(world.faults.isEmpty)
        #expect(world.upstream.state == .earning)
        #expect(world.count("SetCustomMiningJob") <= 600 / 15 + 1)
        #expect(world.count("AllocateMiningJobToken") <= 600 / 15 + 4)
    }

    @Test(arguments: KnownFailures.modes)
    func `a prefix that changes under every job is no storm, and loses only what was found before`(
        mode: UpstreamConfiguration.Mode
    ) {
        var world = Exchange { $0.mode = mode }
        world.pool.changesPrefixes = true
        Self.tenMinutes(&world)
        #expect(world.faults.isEmpty)
        #expect(world.upstream.state == .earning)
        #expect(world.count("SetCustomMiningJob") <= 600 / 15 + 1)
        #expect(world.upstream.currentJob?.extranoncePrefix == world.pool.prefix)
        world.find(3)
        #expect(isLossless(world))
    }

    @Test func `an extranonce that changes its size every second ends in a rest`() {
        var world = Exchange()
        world.start()
        for second in 0..<30 where world.faults.isEmpty {
            world.poolSends([.mining(world.pool.setPrefix(second % 2 == 0 ? [1, 2] : [1, 2, 3, 4]))])
            world.run(for: .seconds(1))
        }
        #expect(world.faults == [.restlessTerms(changes: 20)])
        // Said once at first, for each change, and for the one too many.
        #expect(world.constraints.count == 22)
    }

    @Test func `terms that change now and then are followed for ever`() {
        var world = Exchange()
        world.start()
        for round in 0..<100 as Range<UInt64> {
            world.pool.prefix = [UInt8(round), 1, 2, 3]
            world.poolSends([.mining(world.pool.setPrefix(world.pool.prefix))])
            world.run(for: .seconds(4))
        }
        #expect(world.faults.isEmpty)
    }

    /// The pool forgets tokens sooner than we use them, and does not say so.
    @Test(arguments: KnownFailures.modes)
    func `tokens that expire cost a second try each time, and no job`(mode: UpstreamConfiguration.Mode) {
        var world = Exchange { $0.mode = mode }
        world.pool.tokenLifetime = .seconds(20)
        world.start()
        for round in 2...20 as ClosedRange<UInt64> {
            world.run(for: .seconds(60))
            world.send(.proposal(world.proposal(fees: round * 1_000)))
            #expect(world.upstream.state == .declaring && !world.upstream.isCurrentJobVoid)
            world.run(for: .seconds(1))
            #expect(world.upstream.state == .earning)
        }
        #expect(world.refused.isEmpty && world.faults.isEmpty)
    }

    @Test func `a pool that answers no share is asked for another job, whose deadline judges it`() {
        var world = Exchange()
        world.start()
        world.pool.silentOn = ["SubmitSharesExtended", "SetCustomMiningJob"]
        world.find(2)
        for _ in 0..<13 {
            world.run(for: .seconds(10))
            world.send(.proposal(world.proposal()))  // no more fees
        }
        #expect(world.notices.contains(.sharesUnanswered(count: 2, for: .seconds(120))))
        world.run(for: .seconds(5))
        #expect(world.faults == [.mining(.deadline(.customJob))])
    }

    @Test func `shares that are stale though their job is not count as rejected`() {
        var world = Exchange()
        world.pool.batchSize = 1
        world.start()
        world.pool.shareErrors = Array(repeating: "stale-share", count: 60)
        world.run(for: .seconds(29))
        world.find(30)
        #expect(world.faults.isEmpty)
        world.run(for: .seconds(1))
        world.find(20)
        #expect(world.faults == [.sharesRejected(20, of: 20)])
    }

    @Test func `a pool that answers shares is not asked`() {
        var world = Exchange()
        world.pool.batchSize = 1
        world.start()
        for _ in 0..<40 {
            world.run(for: .seconds(10))
            world.find(1)
            world.send(.proposal(world.proposal()))
        }
        #expect(world.jobs.count == 1)
    }

    @Test func `a link that breaks soon after each start is tried ever more rarely`() {
        var world = Exchange()
        world.hangsUpAfterAcknowledgement = true
        world.start()
        world.run(for: .seconds(600))
        let times = world.connects.filter { $0.link == .mining }.map(\.at)
        #expect((20...40).contains(times.count))
        #expect(world.hopeless.count >= 1)
    }

    @Test func `a link that lasts a while is tried again at once when it breaks`() {
        var world = Exchange()
        world.start()
        for _ in 0..<20 {
            world.run(for: .seconds(11))
            let before = world.now
            world.breakLink(.mining)
            world.run(for: .milliseconds(313))
            #expect(world.connects.last.map { $0.at > before } == true)
        }
        #expect(world.upstream.state == .earning)
    }
}

/// Base templates that cannot be true. The extension's own tests have many more; here is what comes of them.
@Suite struct HostileBaseTemplate {
    /// What a pool says whose list is `candidates`, with whatever else is in order.
    private static func world(listing candidates: [Candidate]) throws -> LightWorld {
        var light = LightWorld()
        light.offer(.block(LightWorld.next(1), []))
        var house = try #require(light.world.pool.baseTemplates)
        let request = try RequestBaseTemplate(requestId: 1, maxVersion: 1, reason: .first).encode()
        let header = FrameHeader(
            extensionType: BaseTemplateExtension.extensionType, channelMsg: false, msgType: 0,
            msgLength: request.count)
        let honest = house.answer(header, request, at: light.world.now)
        guard case .baseTemplate(_, let payload)? = honest.first else { return light }
        var success = try RequestBaseTemplateSuccess(decoding: payload)
        var (records, previous) = ([UInt8](), UInt16?.none)
        for candidate in candidates {
            CandidateRecords.append(candidate, after: previous, to: &records)
            previous = candidate.index
        }
        (success.candidateCount, success.segmentCount) = (UInt16(candidates.count), 1)
        success.listBytes = UInt32(records.count)
        var segment = BaseTemplateSegment()
        (segment.sequence, segment.candidates) = (success.sequence, records)
        house.script = [try success.frame(), try segment.frame()]
        light.world.pool.baseTemplates = house
        light.world.send(.begin)
        return light
    }

    private static func candidate(_ index: UInt16, fee: UInt64 = 1_000, parents: [UInt16] = []) -> Candidate {
        let hash = Hash256(hashing: [UInt8(index)])
        return Candidate(
            index: index, txid: Txid(hash), wtxid: Wtxid(hash), fee: Satoshis(rawValue: fee), weight: 500,
            sigopCost: 1, parents: parents)
    }

    private static func fault(_ light: LightWorld) -> BaseTemplateFault? {
        if case .baseTemplate(let fault)? = light.world.faults.first { fault } else { nil }
    }

    @Test func `a base template with a cycle`() throws {
        let light = try Self.world(listing: [
            Self.candidate(0, parents: [1]), Self.candidate(1, parents: [2]), Self.candidate(2, parents: [0]),
        ])
        guard case .list(.cycle)? = Self.fault(light) else {
            Issue.record("\(light.world.faults)")
            return
        }
        #expect(light.world.upstream.state == .coolingDown)
        // The empty block that chips began with is all that was made of it.
        #expect(light.world.jobs.count == 1)
    }

    @Test func `a base template with fees that overflow`() throws {
        let most: UInt64 = 2_100_000_000_000_000
        let light = try Self.world(listing: [Self.candidate(0, fee: most), Self.candidate(1, fee: 1)])
        #expect(Self.fault(light) == .list(.moreFeesThanMoney))
        #expect(light.world.jobs.count == 1)
    }

    @Test func `a pool that refuses every job in our own words is refused after two`() {
        var light = LightWorld()
        light.world.pool.declarationRefusals = Array(
            repeating: JobDeclarationClient.withoutBytes, count: 1_000)
        light.start()
        // The empty block had been left for the list when its refusal came.
        #expect(light.world.refused.count == 2)
        #expect(light.world.faults.isEmpty)
        light.run(seconds: 10)
        #expect(light.world.count("DeclareMiningJob") == 2)
        light.offer(.candidates((1...9).map { LightWorld.entry($0) }))
        light.run(seconds: 4)
        #expect(light.world.faults == [.jobsRefused(.transactionsWithoutBytes(0, listed: false))])
        #expect(light.world.count("DeclareMiningJob") == 3)
    }

    @Test func `demands on the coinbase that change every second`() {
        var light = LightWorld()
        light.start()
        for second in 0..<20 as Range<UInt8> where light.world.faults.isEmpty {
            var rules = LightWorld.rules
            rules.demands.append(.init(value: .zero, share: 0, script: [0x52, second]))
            light.offer(.coinbase(rules))
            light.run(seconds: 1)
        }
        #expect(light.world.faults == [.baseTemplate(.restlessCoinbase)])
        #expect(light.world.count("DeclareMiningJob") <= 3)
    }

    @Test func `a tip that changes to and fro ends in a rest`() {
        var light = LightWorld()
        light.start()
        for round in 0..<200 where light.world.faults.isEmpty {
            var next = LightWorld.next(round % 2 == 0 ? 2 : 1)
            next.height = 900_001
            next.subsidy = SubsidySchedule.mainnet.subsidy(at: next.height)
            next.minimumTime = LightWorld.next(1).minimumTime
            light.offer(.block(next, []))
            light.world.run(for: .milliseconds(200))
        }
        #expect(light.world.faults == [.restlessTerms(changes: 20)])
    }

    @Test func `an opcode prefix of the pool stands before our push, and the tag in it`() throws {
        var light = LightWorld { $0.light.coinbaseTag = [0x6d] }
        light.offer(.block(LightWorld.next(1), [LightWorld.entry(1)]))
        // The server's own prefix is the height alone; a longer one is written into what it says.
        var house = try #require(light.world.pool.baseTemplates)
        let request = try RequestBaseTemplate(requestId: 1, maxVersion: 1, reason: .first).encode()
        let header = FrameHeader(
            extensionType: BaseTemplateExtension.extensionType, channelMsg: false, msgType: 0,
            msgLength: request.count)
        let honest = house.answer(header, request, at: light.world.now)
        guard case .baseTemplate(_, let first)? = honest.first,
            case .baseTemplate(_, let second)? = honest.last
        else {
            Issue.record("the server has said its list")
            return
        }
        var success = try RequestBaseTemplateSuccess(decoding: first)
        success.tip.coinbasePrefix += [2, 0xca, 0xfe]
        house.script = [try success.frame(), try BaseTemplateSegment(decoding: second).frame()]
        light.world.pool.baseTemplates = house
        light.world.send(.begin)
        let declaration = try #require(light.world.pool.declarations.last)
        #expect(declaration.wtxidList.count == 1)
        let script = Script.heightPush(900_001) + [2, 0xca, 0xfe, 13, 0x6d]
        #expect(declaration.coinbaseTxPrefix.suffix(script.count) == script[...])
        light.world.find(3)
        #expect(isLossless(light.world))
    }
}
