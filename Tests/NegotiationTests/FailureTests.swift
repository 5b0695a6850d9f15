import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import TemplateBuilding
import Testing
import Units

/// Lost connections, silent and refusing pools.
@Suite struct LostConnections {
    /// 40 s of mining: templates of one tip with rising fees, and shares all the time.
    private static func session(dropAt: Int?) -> Exchange {
        var world = Exchange()
        world.dropAt = dropAt
        world.start()
        for second in 0..<40 as Range<UInt64> {
            // Offered again and again, as a template builder does.
            if second % 2 == 1 { world.send(.proposal(world.proposal(fees: 1_000 + 100 * second))) }
            world.find(1)
            world.run(for: .seconds(1))
        }
        for _ in 0..<2 {  // the second time for a drop at the very last message
            world.run(for: .seconds(30))
            world.poolSends(world.pool.flush())
        }
        return world
    }

    @Test func `a session without a drop loses nothing`() {
        let world = Self.session(dropAt: nil)
        let isLossless = world.isLossless
        #expect(isLossless)
        #expect(world.jobs.count >= 3)
        #expect(world.messageCount > 70)
    }

    @Test func `a drop at every message of the exchange recovers and loses no share`() {
        for index in 0..<Self.session(dropAt: nil).messageCount {
            let world = Self.session(dropAt: index)
            let (isLossless, state, faults) = (world.isLossless, world.upstream.state, world.faults)
            #expect(isLossless, "dropped at message \(index)")
            #expect(state == .earning, "dropped at message \(index)")
            #expect(faults.isEmpty, "dropped at message \(index)")
        }
    }

    @Test func `a share sent again that the pool knows is accepted`() {
        var world = Exchange()
        world.start()
        let shares = world.find(2)
        #expect(world.settled.isEmpty)
        world.breakLink(.mining)
        #expect(world.settled.isEmpty)
        world.run(for: .seconds(1))
        #expect(world.jobs.count == 1)
        #expect(world.acknowledged.count == 2)
        #expect(shares.allSatisfy { world.outcome(of: $0) == .accepted })
        #expect(world.pool.accepted.count == 2)
        #expect(world.notices.contains(.sharesReleased(world.jobs[0].origin, count: 2, resent: 2)))
    }

    @Test func `shares of an older job of the tip are brought home too`() throws {
        var world = Exchange()
        world.start()
        let first = try #require(world.jobs.first)
        world.run(for: .seconds(15))
        world.send(.proposal(world.proposal(fees: 2_000)))
        world.pool.silentOn = ["SubmitSharesExtended"]
        world.find(2, of: first)
        world.find(2)
        world.pool.silentOn = []
        world.breakLink(.mining)
        world.run(for: .seconds(1))
        world.poolSends(world.pool.flush())
        #expect(isLossless(world))
        #expect(world.acknowledged.suffix(2) == [world.jobs[1].origin, first.origin])
    }

    @Test func `chips hash on while the link is down, also on a new tip`() throws {
        var world = Exchange()
        world.start()
        world.refusingLinks = [.mining]
        world.breakLink(.mining)
        world.find(2)
        world.send(.proposal(world.proposal(tip: 2)))
        #expect(world.jobs.last?.previousBlock == Hash256(hashing: [2]))
        let shares = world.find(3)
        world.refusingLinks = []
        world.run(for: .seconds(30))
        #expect(shares.allSatisfy { world.outcome(of: $0) == .accepted })
        #expect(world.settled.prefix(2).allSatisfy { $0.outcome == .lost(.staleTip) })
    }

    @Test func `another prefix after a reconnect makes a new job, and the old shares are said to be lost`() {
        var world = Exchange()
        world.start()
        let old = world.find(2)
        world.pool.prefix = [9, 9, 9, 9]
        world.breakLink(.mining)
        old.forEach { #expect(world.outcome(of: $0) == nil) }
        world.run(for: .seconds(1))
        #expect(world.jobs.map(\.extranoncePrefix) == [[0xa0, 0xa1, 0xa2, 0xa3], [9, 9, 9, 9]])
        #expect(world.jobs.map(\.origin.jobNumber) == [1, 2])
        #expect(old.allSatisfy { world.outcome(of: $0) == .lost(.prefixChanged) })
        #expect(world.find(3).allSatisfy { world.outcome(of: $0) == .accepted })
    }

    @Test func `a refusal after the declarator was lost is not about the job: it is declared again`() {
        var world = Exchange()
        world.send(.begin)
        world.pool.silentOn = ["SetCustomMiningJob"]
        world.send(.proposal(world.proposal()))
        world.find(2)
        world.breakLink(.jobDeclaration)
        world.pool.silentOn = []
        let refusal = SetCustomMiningJobError(
            channelId: 11, requestId: 2, errorCode: "invalid-mining-job-token")
        world.poolSends([.mining(.setCustomMiningJobError(refusal))])
        #expect(world.refused.isEmpty)
        world.run(for: .seconds(1))
        world.poolSends(world.pool.flush())
        #expect(isLossless(world))
        #expect(world.upstream.state == .earning)
    }

    @Test func `a lost declarator does not stop shares of an acknowledged job`() {
        var world = Exchange()
        world.start()
        world.refusingLinks = [.jobDeclaration]
        world.breakLink(.jobDeclaration)
        #expect(world.upstream.state == .earning)
        world.find(3)
        #expect(isLossless(world))
    }

    @Test func `retries begin at a quarter of a second, double, and are capped`() {
        var world = Exchange { $0.reconnect.cap = .seconds(4) }
        world.refusingLinks = [.mining]
        world.send(.begin)
        world.run(for: .seconds(40))
        let times = world.connects.filter { $0.link == .mining }.map(\.at)
        let waits = zip(times.dropFirst(), times).map { ($0 - $1).inSeconds }
        for (wait, nominal) in zip(waits, [0.25, 0.5, 1, 2]) {
            #expect((nominal...nominal * 1.25).contains(wait))
        }
        #expect(waits.count > 8)
        // By chance up to a quarter longer than the least, and never beyond the cap.
        #expect(waits.dropFirst(4).allSatisfy { (3.199...4).contains($0) })
    }

    @Test func `after five failures in a row the owner is told, once`() {
        var world = Exchange()
        world.refusingLinks = [.mining, .jobDeclaration]
        world.send(.begin)
        world.run(for: .seconds(100))
        #expect(world.hopeless.count == 1)
        world.refusingLinks = []
        world.run(for: .seconds(60))
        world.send(.proposal(world.proposal()))
        #expect(world.upstream.state == .earning)
        world.refusingLinks = [.mining, .jobDeclaration]
        world.breakLink(.mining)
        world.run(for: .seconds(100))
        #expect(world.hopeless.count == 2)
    }

    @Test func `stop drops both links and settles what waits`() {
        var world = Exchange()
        world.start()
        world.find(2)
        world.send(.stop)
        #expect(world.lastActions.contains(.disconnect(.mining)))
        #expect(world.lastActions.contains(.disconnect(.jobDeclaration)))
        #expect(world.settled.map(\.outcome) == [.lost(.stopped), .lost(.stopped)])
        #expect(world.upstream.state == .idle)
        world.find(1)
        #expect(world.settled.count == 3)
        world.send(.begin)
        world.send(.proposal(world.proposal()))
        #expect(world.upstream.state == .earning)
    }
}

@Suite struct Deadlines {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let after: Duration
        let fault: UpstreamFault
        var dead: Set<Link> = []
        var silent: Set<String> = []
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "connect, mining", after: .seconds(15), fault: .connectDeadline(.mining), dead: [.mining]),
        Case(
            name: "connect, declarator", after: .seconds(15), fault: .connectDeadline(.jobDeclaration),
            dead: [.jobDeclaration]),
        Case(
            name: "setup, mining", after: .seconds(5), fault: .mining(.deadline(.setup)),
            silent: ["mining SetupConnection"]),
        Case(
            name: "setup, declarator", after: .seconds(5), fault: .jobDeclaration(.deadline(.setup)),
            silent: ["declaration SetupConnection"]),
        Case(
            name: "channel", after: .seconds(5), fault: .mining(.deadline(.openChannel)),
            silent: ["OpenExtendedMiningChannel"]),
        Case(
            name: "token", after: .seconds(10), fault: .jobDeclaration(.deadline(.token)),
            silent: ["AllocateMiningJobToken"]),
        Case(
            name: "declaration", after: .seconds(10), fault: .jobDeclaration(.deadline(.declaration)),
            silent: ["DeclareMiningJob"]),
        Case(
            name: "missing transactions", after: .seconds(10),
            fault: .jobDeclaration(.deadline(.declaration)),
            silent: ["ProvideMissingTransactions.Success"]),
        Case(
            name: "custom job", after: .seconds(5), fault: .mining(.deadline(.customJob)),
            silent: ["SetCustomMiningJob"]),
    ]

    @Test(arguments: cases)
    func `each state has its deadline, after which the upstream rests and then recovers`(_ test: Case) {
        var world = Exchange()
        world.deadLinks = test.dead
        world.pool.silentOn = test.silent
        world.start()
        world.find(2)
        world.run(for: test.after - .milliseconds(1))
        #expect(world.faults.isEmpty)
        world.run(for: .milliseconds(1))
        #expect(world.faults == [test.fault])
        #expect(world.upstream.state == .coolingDown)
        (world.deadLinks, world.pool.silentOn) = ([], [])
        world.run(for: .seconds(14.9))
        #expect(world.upstream.state == .coolingDown)
        world.run(for: .seconds(4))
        if world.jobs.isEmpty { world.send(.proposal(world.proposal())) }
        #expect(world.upstream.state == .earning)
        world.poolSends(world.pool.flush())
        #expect(isLossless(world))
    }

    @Test func `missing acknowledgements of shares are no failure`() {
        var world = Exchange()
        world.pool.batchSize = 1_000
        world.start()
        world.find(5)
        world.run(for: .seconds(600))
        #expect(world.upstream.state == .earning)
        #expect(world.settled.isEmpty)
    }

    @Test func `the rest doubles with each failure, and a healthy run clears it`() {
        var world = Exchange()
        world.pool.silentOn = ["SetCustomMiningJob"]
        world.start()
        world.run(for: .seconds(150))
        world.pool.silentOn = []
        world.run(for: .seconds(150))
        #expect(world.upstream.state == .earning)
        world.run(for: .seconds(600))
        world.pool.silentOn = ["SetCustomMiningJob"]
        world.send(.proposal(world.proposal(tip: 2)))
        world.run(for: .seconds(6))
        let rests = world.notices.compactMap { notice -> Double? in
            if case .upstreamFailure(_, let coolDown) = notice { coolDown.inSeconds } else { nil }
        }
        #expect(rests.count >= 4)
        for (rest, nominal) in zip(rests, [15.0, 30, 60]) {
            #expect((nominal...nominal * 1.25).contains(rest))
        }
        #expect((15...18.75).contains(rests.last ?? 0))
    }
}

@Suite struct Refusals {
    @Test func `one refusal concerns the job: the next template is taken at once`() {
        var world = Exchange()
        world.pool.declarationRefusals = ["invalid-job"]
        world.start()
        let lost = world.find(1)[0]
        let origin = JobOrigin(upstream: 4, jobNumber: 1)
        #expect(world.refused.map(\.origin) == [origin])
        #expect(world.refused.map(\.refusal) == [.declaration(code: "invalid-job")])
        #expect(world.outcome(of: lost) == .lost(.jobRefused(.declaration(code: "invalid-job"))))
        world.send(.proposal(world.proposal(fees: 1)))
        #expect(world.upstream.state == .earning)
        #expect(world.faults.isEmpty)
    }

    /// World 1555: a pool forgot the token with the declarator's connection, and said so before that was seen to break.
    @Test(arguments: ["invalid-mining-job-token", "missing-txs", "internal-error"])
    func `a refusal of the moment is no word about the job: it gets a second try`(code: String) {
        var world = Exchange()
        if code == "invalid-mining-job-token" {
            world.pool.jobRefusals = [WireText(code)]
        } else {
            world.pool.declarationRefusals = [WireText(code)]
        }
        world.start()
        world.find(2)
        world.run(for: .seconds(1))
        #expect(world.refused.isEmpty && world.upstream.state == .earning)
        world.poolSends(world.pool.flush())
        #expect(isLossless(world))
        // A pool that knows none of them is left all the same.
        var hostile = Exchange()
        hostile.pool.jobRefusals = Array(repeating: "invalid-mining-job-token", count: 4)
        hostile.start()
        hostile.run(for: .seconds(1))
        #expect(hostile.refused.map(\.refusal) == [.customJob(code: "invalid-mining-job-token")])
        hostile.send(.proposal(hostile.proposal()))
        hostile.run(for: .seconds(1))
        #expect(hostile.upstream.state == .coolingDown)
    }

    @Test func `two refusals in a row, of different templates, concern the upstream`() {
        var world = Exchange()
        world.pool.jobRefusals = ["invalid-job", "invalid-\u{1b}[2J"]
        world.start()
        #expect(world.faults.isEmpty)
        world.send(.proposal(world.proposal()))
        #expect(world.faults == [.jobsRefused(.customJob(code: "invalid-\\x1b[2J"))])
        #expect(world.upstream.state == .coolingDown)
        world.find(2)
        world.run(for: .seconds(20))
        #expect(world.upstream.state == .earning)
        world.poolSends(world.pool.flush())
        #expect(world.settled.suffix(2).allSatisfy { $0.outcome == .accepted })
    }

    @Test(arguments: KnownFailures.modes)
    func `a pool that hears of a block after our node is told again, and no share is lost`(
        mode: UpstreamConfiguration.Mode
    ) {
        var world = Exchange { $0.mode = mode }
        world.start()
        for tip in 2...5 as ClosedRange<UInt8> {
            world.pool.tip = Hash256(hashing: [tip - 1])
            world.send(.proposal(world.proposal(tip: tip)))
            world.find(3)
            #expect(world.upstream.state == .declaring && !world.upstream.isCurrentJobVoid)
            world.run(for: .milliseconds(300))
            world.pool.tip = Hash256(hashing: [tip])
            world.run(for: .milliseconds(400))
            #expect(world.upstream.state == .earning)
        }
        world.poolSends(world.pool.flush())
        #expect(isLossless(world))
        #expect(world.refused.isEmpty && world.faults.isEmpty)
        #expect(world.jobs.count == 5)
    }

    @Test func `the same of a declaration, which a new tip ends at once`() {
        var world = Exchange()
        world.start()
        world.pool.declarationRefusals = ["stale-chain-tip"]
        world.send(.proposal(world.proposal(tip: 2)))
        #expect(world.upstream.state == .declaring)
        world.send(.proposal(world.proposal(tip: 3)))
        #expect(world.upstream.state == .earning)
    }

    @Test func `a pool that never hears of the block has refused the job in the end`() {
        var world = Exchange()
        world.start()
        world.pool.tip = Hash256(hashing: [1])
        world.send(.proposal(world.proposal(tip: 2)))
        let share = world.find(1)[0]
        world.run(for: .seconds(27))
        #expect(world.refused.isEmpty)
        world.run(for: .seconds(10))
        #expect(world.outcome(of: share) == .lost(.jobRefused(.customJob(code: "stale-chain-tip"))))
        #expect(world.count("SetCustomMiningJob") == 1 + 7)
        world.run(for: .seconds(30))
        #expect(world.faults == [.noTemplateAfterRefusal])
    }

    @Test func `after stop and begin everything is said again, and no job of before is taken up`() {
        var world = Exchange()
        world.send(.begin)
        let proposal = world.proposal()
        world.send(.proposal(proposal))
        world.send(.stop)
        world.pool.prefix = [7, 7, 7, 7]
        world.send(.begin)
        #expect(world.jobs.count == 1)
        #expect(world.constraints.count == 2 && world.constraints[0] == world.constraints[1])
        #expect(world.upstream.state == .waitingForTemplate && world.upstream.isCurrentJobVoid)
        // Chips may be on it still: its block counts, its shares do not.
        let block = world.find(1, isBlock: true)[0]
        #expect(world.blocks == [block] && world.outcome(of: block) == .lost(.stopped))
        world.send(.proposal(proposal))
        #expect(world.upstream.state == .earning)
        #expect(world.jobs.map(\.origin.jobNumber) == [1, 2])
        #expect(world.jobs.map(\.minimumTime) == [1_700_000_101, 1_700_000_101])
    }

    @Test func `refusals with an acceptance between them concern jobs`() {
        var world = Exchange()
        world.pool.jobRefusals = ["invalid-job", "", "invalid-job", ""]
        world.send(.begin)
        for tip in 1...4 as ClosedRange<UInt8> { world.send(.proposal(world.proposal(tip: tip))) }
        #expect(world.refused.count == 2)
        #expect(world.faults.isEmpty)
    }

    @Test func `after a refusal another template has to come in time`() {
        var world = Exchange()
        world.pool.jobRefusals = ["invalid-job"]
        world.start()
        world.run(for: .seconds(30))
        #expect(world.faults == [.noTemplateAfterRefusal])
        world.run(for: .seconds(20))
        #expect(world.upstream.state == .earning)
    }

    @Test func `a pool that closes the channel or refuses setup is given a rest`() {
        var world = Exchange()
        world.start()
        world.poolSends([.mining(.closeChannel(CloseChannel(channelId: 1, reasonCode: "maintenance")))])
        #expect(world.faults == [.mining(.channelClosed(reasonCode: "maintenance"))])
        world.pool.silentOn = ["declaration SetupConnection"]
        world.run(for: .seconds(19))
        let refusal = SetupConnectionError(flags: 1, errorCode: "unsupported-feature-flags")
        world.poolSends([.jobDeclaration(.common(.setupConnectionError(refusal)))])
        #expect(
            world.faults.last
                == .jobDeclaration(.setupRefused(flags: 1, errorCode: "unsupported-feature-flags")))
    }
}
