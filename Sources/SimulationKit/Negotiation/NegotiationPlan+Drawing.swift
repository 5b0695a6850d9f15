import Negotiation
import Units

extension NegotiationPlan {
    /// Ladders as owners have them: one pool with a net below it, two pools, no node, everything.
    static let shapes: [[RungPlan]] = [
        [.init(.fullTemplate)],
        [.init(.fullTemplate), .init(.solo)],
        [.init(.fullTemplate), .init(.coinbaseOnly), .init(.solo)],
        [.init(.light), .init(.poolJob)],
        [.init(.fullTemplate), .init(.fullTemplate, pool: 1), .init(.solo)],
        [.init(.fullTemplate), .init(.light), .init(.poolJob), .init(.lineJob, pool: 1), .init(.solo)],
        [.init(.fullTemplate), .init(.poolJob)],
        [.init(.coinbaseOnly), .init(.lineJob, pool: 1)],
        [.init(.poolJob), .init(.lineJob, pool: 1)],
        [.init(.light), .init(.light, pool: 1), .init(.solo)],
        [.init(.fullTemplate), .init(.poolJob), .init(.fullTemplate, pool: 1), .init(.solo)],
        [.init(.lineJob), .init(.solo)],
    ]

    /// The world of a seed.
    public init(seed: SimulationSeed) {
        var chance = SplitMix64(seed: SplitMix64.mix(seed.rawValue))
        self.init(Self.shapes[Int.random(in: Self.shapes.indices, using: &chance)])
        ownNodes = chance.happens(0.3) ? 2 : 1
        blockInterval = chance.duration(in: .seconds(15)...(.seconds(120)))
        hashesPerBlock = Double.random(in: 1_500...15_000, using: &chance)
        let slowest = chance.duration(in: .milliseconds(10)...(.milliseconds(400)))
        latency = .milliseconds(2)...slowest
        cadence = chance.duration(in: .milliseconds(700)...(.seconds(15)))
        workers = Int.random(in: 1...3, using: &chance)
        hashesPerSecond = 40 / Double(workers)
        for _ in 0..<Int.random(in: 2...10, using: &chance) {
            let begins = chance.duration(in: .seconds(3)...(calm - .seconds(5)))
            let longest = min(chance.duration(in: .seconds(2)...(.seconds(90))), calm - begins)
            events.append(Event(disturbance(&chance), at: begins, for: longest))
        }
    }

    private func disturbance(_ chance: inout SplitMix64) -> Disturbance {
        let node = Int.random(in: 0..<nodes, using: &chance)
        guard pools > 0 else {
            return [.twoBlocks, .nodeStalls(node), .pause(.mining)].randomElement(using: &chance)!
        }
        // The preferred pool has the most to do with what goes wrong.
        let pool = chance.happens(0.6) ? 0 : Int.random(in: 0..<pools, using: &chance)
        switch Int.random(in: 0..<24, using: &chance) {
        case 0, 1:
            let first = Int.random(in: 0...25, using: &chance)
            return .cut(pool: pool, messages: first...(first + Int.random(in: 0...30, using: &chance)))
        case 2: return .halfOpen(pool: pool)
        case 3, 4: return .dark(pool: pool)
        case 5, 6: return .frozen(pool: pool)
        case 7:
            let delay = chance.duration(in: .milliseconds(200)...(.seconds(12)))
            return .slow(pool: pool, delay / 2...delay)
        case 8, 9, 10, 11:
            return .lie(pool: pool, Lie.allCases[Int.random(in: Lie.allCases.indices, using: &chance)])
        case 12: return .restart(pool: pool)
        case 13: return .prefixes(pool: pool)
        case 14: return .difficulty
        case 15: return .flood(Int.random(in: 5...30, using: &chance))
        case 16: return .storm(every: chance.duration(in: .milliseconds(100)...(.seconds(1))))
        case 17, 18: return .twoBlocks
        case 19: return .reorganisation
        case 20, 21: return .nodeStalls(node)
        case 22:
            let hours = Int.random(in: 1...30, using: &chance)
            return .clockStep(chance.happens(0.5) ? -3_600 * hours : 3_600 * hours)
        default: return .pause(chance.happens(0.5) ? .mining : .negotiation)
        }
    }
}
