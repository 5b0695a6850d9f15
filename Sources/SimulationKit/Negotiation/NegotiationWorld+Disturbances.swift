import BitcoinPrimitives
import Negotiation
import SV2Messages
import SV2Roles
import Units

/// What is wrong with a pool right now.
struct NegotiationCondition: Sendable {
    var cut: ClosedRange<Int>?
    var isDark = false
    var frozenUntil: Instant?
    var delay: ClosedRange<Duration>?
    var lies: [NegotiationPlan.Lie] = []
}

extension NegotiationWorld {
    private func end(of index: Int) -> Instant {
        Instant(nanoseconds: 0) + plan.events[index].begins + plan.events[index].lasts
    }

    func condition(of pool: Int) -> NegotiationCondition {
        var condition = NegotiationCondition()
        for index in disturbing.sorted() {
            switch plan.events[index].disturbance {
            case .cut(pool, let messages): condition.cut = messages
            case .dark(pool): condition.isDark = true
            case .frozen(pool):
                condition.frozenUntil = max(end(of: index), condition.frozenUntil ?? end(of: index))
            case .slow(pool, let delay): condition.delay = delay
            case .lie(pool, let lie): condition.lies.append(lie)
            case .cut, .dark, .frozen, .slow, .lie, .halfOpen, .restart, .prefixes, .difficulty, .flood,
                .storm, .twoBlocks, .reorganisation, .nodeStalls, .clockStep, .pause:
                break
            }
        }
        return condition
    }

    mutating func disturb(_ index: Int) {
        let event = plan.events[index]
        trace("== \(event.disturbance) for \(event.lasts)")
        disturbing.insert(index)
        timeline.plan(.calmDown(index), at: end(of: index))
        switch event.disturbance {
        case .cut(let pool, _), .dark(let pool): breakConnections(of: pool)
        case .halfOpen(let pool):
            let notice = chance.duration(in: .seconds(2)...(.seconds(20)))
            breakConnections(of: pool, poolNotices: notice)
        case .restart(let pool): restart(pool)
        case .lie(let pool, _): judge.lieBegins(pool)
        case .prefixes, .difficulty: again(index)
        case .storm: again(index)
        case .flood(let factor): chips.factor = Double(factor)
        case .twoBlocks:
            mineForOthers(on: network.best)
            timeline.plan(
                .moment(index, 1), at: now + chance.duration(in: .milliseconds(5)...(.milliseconds(95))))
        case .reorganisation:
            let block = network.reorganise(at: now)
            spread(block)
        case .nodeStalls(let node): setNode(node, isUp: false)
        case .clockStep(let seconds):
            clockOffset += seconds
            perform(.clock(unixTime: unixTime))
        case .pause(let pause):
            judge.pause = pause
            perform(.pause(pause))
        case .frozen, .slow: break
        }
    }

    mutating func calmDown(_ index: Int) {
        disturbing.remove(index)
        trace("== over: \(plan.events[index].disturbance)")
        let others = disturbing.map { plan.events[$0].disturbance }
        switch plan.events[index].disturbance {
        case .lie(let pool, _):
            // Mended by a new start of what talks to miners.
            breakConnections(of: pool, poolNotices: .zero)
            judge.lieEnds(pool)
        case .flood:
            let factors = others.compactMap { if case .flood(let factor) = $0 { factor } else { nil } }
            chips.factor = Double(factors.max() ?? 1)
        case .nodeStalls(let node):
            if !others.contains(.nodeStalls(node)) { setNode(node, isUp: true) }
        case .difficulty: perform(.hashRate(plan.nominalHashRate))
        case .pause:
            let pauses = others.compactMap { if case .pause(let pause) = $0 { pause } else { nil } }
            if pauses.isEmpty {
                judge.pause = nil
                perform(.resume)
            } else if !pauses.contains(.mining) {
                judge.pause = .negotiation
                perform(.pause(.negotiation))
            }
        case .frozen(let pool):
            // What it did not notice meanwhile.
            timeline.plan(.poolTip(pool), at: now)
        case .clockStep(let seconds):
            clockOffset -= seconds
            perform(.clock(unixTime: unixTime))
        case .cut, .halfOpen, .dark, .slow, .restart, .prefixes, .storm, .twoBlocks, .reorganisation:
            break
        }
    }

    /// One more of what comes again and again.
    mutating func again(_ index: Int) {
        guard disturbing.contains(index) else { return }
        switch plan.events[index].disturbance {
        case .prefixes(let pool):
            for key in routesOfPool(pool) where key.link == .mining {
                guard let route = routes[key], !route.isLine, let connection = route.connection else {
                    continue
                }
                tell(pool, .exchangePrefix(connection, channelId: judge.channel(of: key)))
            }
            timeline.plan(.again(index), at: now + chance.duration(in: .milliseconds(300)...(.seconds(8))))
        case .difficulty:
            let rate = plan.nominalHashRate.hashesPerSecond * (0.4 + 3 * chance.nextFraction())
            perform(.hashRate(HashRate(hashesPerSecond: rate)))
            timeline.plan(.again(index), at: now + chance.duration(in: .milliseconds(900)...(.seconds(3))))
        case .storm(let interval):
            stormCount += 1
            _ = network.addTransaction(fee: 6_000 + stormCount * 10)
            for node in network.nodes.indices where network.nodes[node].tip == network.best {
                if node >= plan.ownNodes {
                    timeline.plan(.poolTransactions(node - plan.ownNodes, tip: network.best), at: now)
                } else if feed.active == node {
                    nodeNews(node, .mempool(.init(), tip: network.best))
                }
            }
            timeline.plan(.again(index), at: now + interval)
        case .cut, .dark, .frozen, .slow, .lie, .halfOpen, .restart, .flood, .twoBlocks, .reorganisation,
            .nodeStalls, .clockStep, .pause:
            break
        }
    }

    /// The second of two blocks.
    mutating func moment(_ index: Int, _ count: Int) { mineForOthers(on: network.best) }
}
