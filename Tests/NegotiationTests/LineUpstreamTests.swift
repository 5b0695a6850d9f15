import BitcoinPrimitives
import Negotiation
import SV1
import Scheduling
import Testing
import Units

/// Stratum V1: the same contract, over lines.
@Suite struct LineJobsOfAPool {
    private static let thief: [UInt8] = [0x00, 0x14] + [UInt8](repeating: 0x66, count: 20)

    @Test func `a session over lines loses no share and leaves nothing to complain about`() {
        let world = Self.session()
        #expect(world.problems == [])
        #expect(world.poolComplaints == [])
        #expect(world.chips.accepted.count == 30)
        #expect(world.upstream.state == .earning)
        #expect(world.endpoints == ["eu.pool.example:3333 tls"])
        #expect(world.acknowledged.count == world.chips.jobs.count)
    }

    @Test func `a break at every line settles each share exactly once, and the pool is earned on again`() {
        let count = Self.session().lineCount
        #expect(count > 60)
        for index in 0..<count {
            var world = LineWorld()
            world.dropAt = index
            world = Self.session(world)
            #expect(world.problems == [], "broken at line \(index)")
            #expect(world.upstream.state == .earning, "broken at line \(index)")
            #expect(world.chips.accepted.count >= 25, "broken at line \(index)")
        }
    }

    @Test func `a silent server is left after its deadline, wherever it falls silent`() throws {
        for index in 0..<20 {
            var world = LineWorld(configure: {
                $0.client.silenceDeadline = .seconds(20)
                $0.client.firstJobDeadline = .seconds(10)
            })
            world.silentFrom = index
            world = Self.session(world)
            let since = try #require(world.silentSince)
            #expect(world.connects.dropFirst().first.map { $0 - since <= .seconds(22) } == true)
            #expect(world.problems == [], "silent from line \(index)")
        }
    }

    @Test func `many breaks at random moments lose what was under way over lines, and nothing else`() {
        for seed in 0..<20 as Range<UInt64> {
            var chance = SplitMix64(seed: seed)
            var world = LineWorld(seed: seed)
            world.begin()
            var (tip, variant): (UInt8, UInt8) = (1, 0)
            for _ in 0..<120 {
                switch Int.random(in: 0..<10, using: &chance) {
                case 0: if world.link != nil { world.cut() }
                case 1:
                    (tip, variant) = (tip + 1, 0)
                    world.serve(tip)
                case 2:
                    variant &+= 1
                    world.serve(tip, variant: variant, clean: Bool.random(using: &chance))
                case 3: world.find(of: world.chips.jobs.randomElement(using: &chance))
                case 4: world.nodeTip(tip)
                case 5:
                    guard let link = world.link else { continue }
                    let power = Int.random(in: -9 ... -8, using: &chance)
                    guard let number = JSONNumber(coefficient: 1, exponent: power),
                        let difficulty = ShareDifficulty(number)
                    else { continue }
                    world.serverEvent(.setDifficulty(link, difficulty))
                default: world.find()
                }
                world.run(for: .milliseconds(Int.random(in: 1..<1_500, using: &chance)))
            }
            world.run(for: .seconds(90))
            #expect(world.problems == [], "seed \(seed)")
            #expect(world.upstream.state == .earning, "seed \(seed)")
        }
    }

    @Test func `a clean job ends the others, another one does not`() throws {
        var world = LineWorld()
        world.begin()
        let first = try #require(world.chips.job)
        world.serve(1, variant: 1)
        world.find(of: first)
        world.serve(1, variant: 2, clean: true)
        let late = world.find(of: first)
        world.run(for: .seconds(1))
        #expect(world.chips.outcome(of: late) == .lost(.staleTip))
        #expect(world.chips.accepted.count == 1)
        #expect(world.problems == [])
    }

    @Test func `a new difficulty and a new extranonce are for the jobs after them`() throws {
        var world = LineWorld()
        world.begin()
        let old = try #require(world.chips.job)
        let harder = try #require(JSONNumber(coefficient: 1, exponent: -8).flatMap { ShareDifficulty($0) })
        world.serverEvent(.setDifficulty(try #require(world.link), harder))
        #expect(world.chips.job == old)
        world.run(for: .seconds(1))
        world.serve(1, variant: 1)
        #expect(world.chips.job?.target == harder.target)
        world.find()
        world.serverEvent(.setExtranonce(prefix: [], extranonce2Size: 3))
        world.serve(1, variant: 2, clean: true)
        #expect(world.chips.job?.extranonceSize == 3)
        world.find()
        world.run(for: .seconds(1))
        world.serverEvent(.setVersionMask(0x00ff_e000))
        #expect(world.chips.job?.versionMask == 0x00ff_e000)
        world.find()
        world.run(for: .seconds(1))
        #expect(world.chips.accepted.count == 3)
        #expect(world.problems == [])
    }

    @Test func `a block is said before its share, which is in the same breath`() throws {
        var world = LineWorld()
        world.begin()
        let found = world.find(isBlock: true)
        let block = try #require(found)
        #expect(world.shareActions.first == .blockWithoutTransactions(block))
        #expect(world.shareActions.dropFirst().contains { if case .send(.line) = $0 { true } else { false } })
        #expect(world.chips.outcome(of: block) == .accepted)
    }

    @Test func `stop settles what waits, and begin starts a new client`() {
        var world = LineWorld()
        world.begin()
        world.silentFrom = world.lineCount
        let share = world.find()
        world.toUpstream(.stop)
        #expect(world.chips.outcome(of: share) == .lost(.stopped))
        #expect(world.upstream.state == .idle)
        #expect(world.upstream.isCurrentJobVoid)
        #expect(world.link == nil)
        world.begin()
        #expect(world.upstream.state == .earning)
        world.find()
        #expect(world.chips.accepted.count == 1)
        #expect(world.problems == [])
    }

    @Test func `a server that refuses connections is said to be hopeless, and dialed on`() {
        var world = LineWorld()
        world.isRefusing = true
        world.begin()
        world.run(for: .seconds(300))
        #expect(world.hopeless == [.connection(.mining, reason: "connection reset")])
        #expect((8...20).contains(world.connects.count))
        world.isRefusing = false
        world.run(for: .seconds(61))
        #expect(world.upstream.state == .earning)
    }

    @Test func `a user who is not welcome is said with the pool's words`() {
        var world = LineWorld(server: { $0.admission = .only(["somebody"]) })
        world.begin()
        world.run(for: .seconds(10))
        #expect(world.chips.jobs == [])
        #expect(world.upstream.state != .earning)
        #expect(
            world.notices.contains {
                if case .connectionLost(.mining, let reason, _) = $0 {
                    reason.contains("user")
                } else {
                    false
                }
            })
    }

    // MARK: Pools that lie

    @Test func `a job that pays somebody else never reaches the chips, and a second one earns a rest`() {
        var world = LineWorld(rules: GivenWorld.strict)
        world.begin()
        #expect(world.chips.jobs.count == 1)
        world.serve(2, payout: Self.thief)
        #expect(world.upstream.isCurrentJobVoid)
        #expect(world.upstream.state == .waitingForTemplate)
        #expect(world.faults == [])
        world.serve(2, variant: 1, payout: Self.thief)
        #expect(world.faults == [.jobsRefused(.audit)])
        #expect(world.upstream.state == .coolingDown)
        #expect(world.refusals.count == 2)
        world.serve(2, variant: 2)
        world.run(for: .seconds(30))
        #expect(world.upstream.state == .earning)
        #expect(!world.upstream.isCurrentJobVoid)
    }

    @Test func `a refused job that is not followed by another one has a deadline`() {
        var world = LineWorld(rules: GivenWorld.strict)
        world.serve(1, payout: Self.thief, clean: true)
        world.begin()
        world.run(for: .seconds(59))
        #expect(world.faults == [])
        world.run(for: .seconds(2))
        #expect(world.faults == [.noTemplateAfterRefusal])
    }

    @Test func `a wrong height over lines is refused where the node knows better`() {
        var world = LineWorld(rules: GivenWorld.strict)
        world.nodeTip(1)
        world.serve(1, height: 77, clean: true)
        world.begin()
        #expect(world.refusals.first?.findings == [.height(77, expected: 300)])
        #expect(world.chips.jobs == [])
    }

    @Test func `a server that stays on an old tip is left to others after the grace`() {
        var world = LineWorld(rules: GivenWorld.strict)
        world.nodeTip(1)
        world.begin()
        world.run(for: .seconds(60))
        world.nodeTip(2)
        world.run(for: .seconds(19))
        #expect(!world.upstream.isCurrentJobVoid)
        world.run(for: .seconds(2))
        #expect(world.upstream.isCurrentJobVoid)
        world.serve(2)
        #expect(!world.upstream.isCurrentJobVoid)
        #expect(world.faults == [])
    }

    @Test func `rejected shares end a run over lines`() {
        var world = LineWorld(server: {
            $0.startDifficulty = ShareDifficulty(JSONNumber(coefficient: 1, exponent: -6)!)!
            $0.minimumDifficulty = $0.startDifficulty
        })
        world.lie = { $0.replacing("abababab", with: "66666666") }
        world.begin()
        for _ in 0..<19 { world.find() }
        #expect(world.faults == [])
        world.find()
        #expect(world.faults == [.sharesRejected(20, of: 20)])
        #expect(world.upstream.isCurrentJobVoid)
        #expect(world.problems == [])
    }

    @Test func `random lines trap nothing`() {
        for seed in 0..<20 as Range<UInt64> {
            var chance = SplitMix64(seed: seed)
            var world = LineWorld(
                rules: seed % 2 == 0 ? GivenWorld.strict : AuditRules(level: .warn), seed: seed)
            world.begin()
            for _ in 0..<150 {
                world.forge(Self.noise(using: &chance))
                if Int.random(in: 0..<3, using: &chance) == 0, let job = world.chips.job {
                    world.toUpstream(.share(GivenNoise.share(of: job, using: &chance)))
                }
                if Int.random(in: 0..<6, using: &chance) == 0 {
                    world.run(for: .milliseconds(Int.random(in: 0..<20_000, using: &chance)))
                }
            }
            world.toUpstream(.stop)
            #expect(world.chips.settled.values.allSatisfy { $0.count == 1 }, "seed \(seed)")
        }
    }

    private static func noise(using chance: inout SplitMix64) -> String {
        let number = Int.random(in: 0..<12, using: &chance)
        let tip = UInt8.random(in: 1...4, using: &chance)
        switch Int.random(in: 0..<12, using: &chance) {
        case 0, 1, 2, 3:
            var work = LineWorld.work(
                tip, variant: UInt8(number), payout: number > 4 ? LineWorld.payout : Self.thief,
                clean: number % 2 == 0)
            if number == 3 { work.coinbase1.removeLast(Int(tip)) }
            if number == 4 { work.coinbase2.append(tip) }
            work.jobID = String(number)
            return String(decoding: PoolMessage.notify(work).line.dropLast(), as: UTF8.self)
        case 4: return #"{"id":null,"method":"mining.set_difficulty","params":[\#(number)]}"#
        case 5: return #"{"id":\#(number),"result":true,"error":null}"#
        case 6: return #"{"id":\#(number),"result":null,"error":[23,"low",null]}"#
        case 7: return #"{"id":null,"method":"mining.set_extranonce","params":["0\#(number % 10)",\#(tip)]}"#
        case 8: return #"{"id":null,"method":"mining.set_version_mask","params":["0000e00\#(number % 10)"]}"#
        case 9: return #"{"id":null,"method":"client.show_message","params":["hello"]}"#
        case 10:
            return number == 0 ? "no line at all" : #"{"id":7,"method":"client.get_version","params":[]}"#
        default:
            return number < 2
                ? #"{"id":null,"method":"client.reconnect","params":[]}"# : #"{"id":1,"result":[]}"#
        }
    }

    /// A share a second for 30 s, with further jobs and a second tip, then a minute with a job now and then.
    private static func session(_ world: LineWorld = LineWorld()) -> LineWorld {
        var world = world
        world.begin()
        for second in 0..<30 as Range<UInt8> {
            if second % 5 == 1 { world.serve(second < 17 ? 1 : 2, variant: second) }
            if second == 17 { world.serve(2) }
            world.find()
            world.run(for: .seconds(1))
        }
        for quarter in 0..<4 as Range<UInt8> {
            world.serve(2, variant: 100 + quarter)
            world.run(for: .seconds(15))
        }
        return world
    }
}
