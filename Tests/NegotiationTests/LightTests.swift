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

/// Light mode: no node, no transaction data. Source: docs/base-template-extension.md.
@Suite struct Light {
    @Test func `a job is chosen among the pool's candidates, declared by wtxids alone, and earns`() throws {
        var light = LightWorld()
        light.start()
        #expect(light.world.upstream.state == .earning)
        let declaration = try #require(light.world.pool.declarations.last)
        let wtxids = Set((1...4).map { LightWorld.entry($0).wtxid.hash.wireBytes })
        #expect(Set(declaration.wtxidList.map(\.wireBytes)) == wtxids)
        #expect(light.world.count("ProvideMissingTransactions.Success") == 0)
        light.world.find(3)
        #expect(isLossless(light.world))
        let paid = try light.paid()
        #expect(paid.first?.script == [0x51])
        #expect(paid.first?.value == LightWorld.next(1).subsidy + Satoshis(rawValue: 4_000))
    }

    @Test func `until the list has come, chips have an empty block to work on`() {
        var light = LightWorld()
        light.start()
        #expect(light.declaredCounts == [0, 4])
        #expect(light.world.acknowledged.count == 2)
    }

    @Test func `proposals from elsewhere are not used`() {
        var light = LightWorld()
        light.world.send(.begin)
        light.world.send(.proposal(light.world.proposal()))
        #expect(light.world.jobs.isEmpty)
    }

    @Test func `a new tip is mined at once without transactions, and with them when they are known`() {
        var light = LightWorld()
        light.start()
        light.offer(.tip(LightWorld.next(2)))
        #expect(light.world.jobs.count == 3)
        #expect(light.world.jobs.last?.previousBlock == LightWorld.next(2).previousBlock)
        #expect(light.declaredCounts == [0, 4, 0])
        light.run(seconds: 1)
        light.offer(.candidates((5...9).map { LightWorld.entry($0) }))
        light.run(seconds: 1)
        #expect(light.declaredCounts == [0, 4, 0, 5])
        #expect(light.world.upstream.state == .earning)
        #expect(light.world.faults.isEmpty)
    }

    @Test func `within a tip fees and time decide, and nothing is said of templates not worth a job`() {
        var light = LightWorld()
        light.start()
        for second in 1...14 as ClosedRange<UInt8> {
            light.offer(.candidates((1...(4 + second)).map { LightWorld.entry($0) }))
            light.run(seconds: 1)
        }
        #expect(light.world.jobs.count == 2)
        light.run(seconds: 4)
        #expect(light.declaredCounts.count == 3)
        #expect(light.declaredCounts.last == 18)
        // No more fees: no other job, however often the list changes.
        for _ in 0..<20 {
            light.offer(.candidates((1...18).map { LightWorld.entry($0) }))
            light.run(seconds: 1)
        }
        #expect(light.world.jobs.count == 3)
        #expect(light.world.drops.isEmpty)
    }

    @Test func `the owner's policy holds as with a node`() {
        var light = LightWorld {
            $0.light.policy.excludedTxids = [LightWorld.txid(2)]
            $0.light.coinbaseTag = Array("mine".utf8)
        }
        light.offer(
            .block(
                LightWorld.next(1),
                [LightWorld.entry(1), LightWorld.entry(2), LightWorld.entry(3, parents: [2])]))
        light.world.send(.begin)
        #expect(light.declaredCounts.last == 1)
        let prefix = light.world.jobs.first?.coinbasePrefix ?? []
        #expect(prefix.suffix(4) == Array("mine".utf8)[...])
    }

    @Test func `a pool that shares the reward out gets what each script is due`() throws {
        let rules = CoinbaseRules(
            demands: [
                .init(value: .zero, share: 0, script: [0x51]),
                .init(value: Satoshis(rawValue: 500), share: 20_000, script: [0x52]),
            ], maximumAdditionalSize: 0, maximumAdditionalSigops: 0)
        var light = LightWorld(rules: rules)
        light.start()
        let paid = try light.paid()
        let reward = LightWorld.next(1).subsidy + Satoshis(rawValue: 4_000)
        #expect(paid[1].value.rawValue == 500 + reward.rawValue / 50)
        #expect(paid[0].value + paid[1].value == reward)
    }

    @Test func `a block is the pool's to put together: its solution and its share go out at once`() {
        var light = LightWorld()
        light.start()
        let block = light.world.find(1, isBlock: true)[0]
        #expect(light.world.poolBlocks == [block])
        #expect(light.world.blocks.isEmpty)
        #expect(light.world.pool.solutions.count == 1)
        #expect(light.world.pool.accepted == [block.hash])
    }

    @Test func `a block without transactions can be put together here`() {
        var light = LightWorld()
        light.offer(.tip(LightWorld.next(1)))
        light.world.send(.begin)
        light.world.find(1, isBlock: true)
        #expect(light.world.blocks.count == 1)
        #expect(light.world.poolBlocks.isEmpty)
    }

    @Test func `what the pool listed and does not know is left out of the next template, at once`() {
        var light = LightWorld()
        light.offer(
            .block(LightWorld.next(1), (1...6).map { LightWorld.entry($0, parents: $0 == 6 ? [2] : []) }),
            unknown: [2, 6])
        light.world.send(.begin)
        #expect(light.declaredCounts == [0, 6, 4])
        #expect(light.world.refused.map(\.refusal) == [.transactionsWithoutBytes(2, listed: true)])
        #expect(light.world.upstream.state == .earning)
        // The list that is asked for again brings them back, and they stay out.
        light.run(seconds: 40)
        #expect(light.world.notices.contains(.baseTemplateLost(.unknownTransactions(2))))
        #expect(light.declaredCounts == [0, 6, 4])
        #expect(light.world.faults.isEmpty)
    }

    @Test func `a pool that goes on listing what it does not know is given up`() {
        var light = LightWorld()
        light.start()
        for round in 0..<12 as Range<UInt8> {
            let new = 10 + round
            light.offer(
                .candidates((1...4).map { LightWorld.entry($0) } + [LightWorld.entry(new, fee: 9_000)]),
                unknown: [new])
            light.run(seconds: 20)
        }
        #expect(light.world.faults.first == .baseTemplate(.tooOftenLost(.unknownTransactions(1))))
    }

    @Test func `a pool without the extension is no pool for light mode`() {
        var light = LightWorld()
        light.world.pool.extensions = []
        light.start()
        #expect(light.world.faults == [.baseTemplate(.notGranted)])
        #expect(light.world.upstream.state == .coolingDown)
    }

    @Test func `a pool that is silent about extensions is given up after a second`() {
        var light = LightWorld()
        light.world.pool.silentOn = ["declaration RequestExtensions"]
        light.start()
        light.world.run(for: .milliseconds(999))
        #expect(light.world.faults.isEmpty)
        light.world.run(for: .milliseconds(1))
        #expect(light.world.faults == [.baseTemplate(.notGranted)])
    }

    @Test func `a base template that never comes ends in a fault, and the upstream comes back later`() {
        var light = LightWorld()
        let house = light.world.pool.baseTemplates
        light.world.pool.baseTemplates?.script = []
        light.start()
        light.run(seconds: 90)
        #expect(light.world.faults == [.baseTemplate(.tooOftenLost(.deadline(.answer)))])
        light.world.pool.baseTemplates = house
        light.offer(.block(LightWorld.next(1), [LightWorld.entry(1)]))
        light.run(seconds: 20)
        #expect(light.world.upstream.state == .earning)
    }

    @Test func `a lost declarator brings a fresh list, and no job in between`() {
        var light = LightWorld()
        light.start()
        light.world.breakLink(.jobDeclaration)
        light.world.pool.baseTemplates = BaseTemplateHouse(rules: LightWorld.rules)
        light.offer(.block(LightWorld.next(1), (1...4).map { LightWorld.entry($0) }))
        light.run(seconds: 20)
        #expect(light.world.upstream.state == .earning)
        #expect(light.world.jobs.count == 2)
        light.offer(.block(LightWorld.next(2), []))
        #expect(light.world.jobs.count == 3)
        light.world.find(2)
        light.world.poolSends(light.world.pool.flush())
        #expect(isLossless(light.world))
    }

    @Test func `a pool that changes its payout is followed: tokens from before are thrown away`() {
        var light = LightWorld()
        light.start()
        light.world.pool.payout.script = [0x52]
        var rules = LightWorld.rules
        rules.demands[0].script = [0x52]
        light.offer(.coinbase(rules))
        light.run(seconds: 16)
        #expect(light.world.upstream.state == .earning)
        #expect(light.world.faults.isEmpty)
        #expect((try? light.paid().first?.script) == [0x52])
    }

    @Test func `a payout that the token and the base template do not agree on ends in a fault`() {
        var light = LightWorld()
        light.world.pool.payout.script = [0x52]
        light.start()
        #expect(light.world.notices.contains(.lightTemplateFailed(.payoutsDiffer)))
        #expect(light.world.jobs.isEmpty)
        light.run(seconds: 29)
        #expect(light.world.faults.isEmpty)
        light.run(seconds: 1)
        #expect(light.world.faults == [.noLightTemplate(.payoutsDiffer)])
    }

    @Test func `frames of the extension that nobody asked for are ignored`() {
        var world = Exchange()
        world.start()
        let header = FrameHeader(
            extensionType: BaseTemplateExtension.extensionType, channelMsg: false, msgType: 1, msgLength: 3)
        world.poolSends([.baseTemplate(header, [1, 2, 3])])
        #expect(world.upstream.state == .earning)
    }
}
