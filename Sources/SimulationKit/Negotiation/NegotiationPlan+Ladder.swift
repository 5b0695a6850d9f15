import BitcoinPrimitives
import Negotiation
import SV1
import SV2Codec
import SV2Roles
import TemplateBuilding
import Units

extension NegotiationPlan {
    /// The rungs as the agent is configured with them. Waits are short enough for worlds of ten minutes.
    func ladder(seed: SimulationSeed) -> LadderConfiguration {
        let tag = Array("world".utf8)
        return LadderConfiguration(
            rungs: rungs.indices.map { configuration(of: $0, seed: seed) }, tag: tag)
    }

    static let ownScript = Script.payToWitnessScriptHash([0x52, 0x51])

    private func upstream(of rung: Int, seed: SimulationSeed) -> UpstreamConfiguration {
        let identity = ClientIdentity(
            endpointHost: "pool", endpointPort: 3333, vendor: "Adit", hardwareVersion: "world",
            firmware: "world")
        var upstream = UpstreamConfiguration(
            index: rung, miningIdentity: identity, declarationIdentity: identity,
            userIdentity: "world.\(rung)", nominalHashRate: nominalHashRate, minimumExtranonceSize: 8,
            seed: seed.rawValue &* 16 &+ UInt64(rung))
        upstream.reconnect.cap = .seconds(5)
        upstream.coolDown = .init(first: .seconds(2), cap: .seconds(20))
        upstream.declarationInterval = .seconds(5)
        return upstream
    }

    private func configuration(of rung: Int, seed: SimulationSeed) -> RungConfiguration {
        var upstream = upstream(of: rung, seed: seed)
        switch rungs[rung].kind {
        case .fullTemplate: return .composed(upstream)
        case .coinbaseOnly:
            upstream.mode = .coinbaseOnly
            return .composed(upstream)
        case .light:
            upstream.mode = .light
            return .composed(upstream)
        case .poolJob:
            upstream.coolDown = .init(first: .seconds(2), cap: .seconds(20))
            var given = GivenConfiguration(upstream: upstream, rules: rules(ofPool: rungs[rung].pool))
            given.jobDeadline = .seconds(20)
            return .poolJob(given)
        case .lineJob: return .lineJob(line(of: rung, seed: upstream.seed))
        case .solo:
            let reward = CoinbasePlan.Reward.pool([TransactionOutput(value: .zero, script: Self.ownScript)])
            return .solo(SoloConfiguration(index: rung), reward: reward)
        }
    }

    /// Whatever is not as it should be is not mined.
    private func rules(ofPool pool: Int) -> AuditRules {
        var rules = AuditRules(level: .refuse)
        rules.payoutScripts = [NegotiationPool.payoutScript(pool)]
        rules.leastShare = AuditRules.whole
        rules.tipGrace = .seconds(5)
        return rules
    }

    private func line(of rung: Int, seed: UInt64) -> LineConfiguration {
        let url = PoolURL(speech: .stratumV1(tls: false), host: "pool", port: 3333)
        var client = SV1Client.Configuration(url: url, user: "world.\(rung)", userAgent: "adit/world")
        client.firstJobDeadline = .seconds(20)
        client.shareDeadline = .seconds(20)
        client.maximumRetry = .seconds(10)
        var line = LineConfiguration(
            index: rung, client: client, rules: rules(ofPool: rungs[rung].pool), seed: seed)
        line.coolDown = .init(first: .seconds(2), cap: .seconds(20))
        return line
    }

    /// When something was wrong that a rung depends on, or may have been.
    func trouble(of rung: Int) -> [(begin: Instant, end: Instant)] {
        let (kind, pool) = (rungs[rung].kind, rungs[rung].pool)
        return events.compactMap { event in
            let concerns: Bool
            switch event.disturbance {
            case .cut(let other, _), .halfOpen(let other), .dark(let other), .frozen(let other),
                .slow(let other, _), .lie(let other, _), .restart(let other), .prefixes(let other):
                concerns = kind != .solo && other == pool
            case .nodeStalls(let node):
                // Own jobs are audited by an own node, where there is one that says something.
                concerns = node < ownNodes || (kind != .solo && node == self.node(ofPool: pool))
            case .difficulty, .flood, .storm, .clockStep, .pause: concerns = true
            case .twoBlocks, .reorganisation: concerns = false
            }
            let begin = Instant(nanoseconds: 0) + event.begins
            return concerns ? (begin, begin + event.lasts) : nil
        }
    }
}
