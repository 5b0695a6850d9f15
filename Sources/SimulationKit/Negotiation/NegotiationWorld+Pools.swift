import BaseTemplates
import BitcoinPrimitives
import Negotiation
import SV1
import SV2Codec
import SV2Messages
import SV2Roles
import Units

// What pools do: tell their cores, and carry out what these want.
extension NegotiationWorld {
    /// A pool's node has another tip.
    mutating func tellTip(_ pool: Int) {
        if let frozen = condition(of: pool).frozenUntil {
            timeline.plan(.poolTip(pool), at: frozen)
            return
        }
        let next = network.next(of: plan.node(ofPool: pool), at: now)
        guard next.previousBlock != pools[pool].next?.previousBlock else { return }
        pools[pool].build(on: next)
        trace("pool \(pool): height \(next.height)")
        tell(pool, .tip(next))
        tellSource(pool, .tip(next))
        if let job = pools[pool].lineJob(next, []) { tellLines(pool, .job(job)) }
        let time = chance.duration(in: .milliseconds(5)...(.milliseconds(80)))
        timeline.plan(.poolTransactions(pool, tip: next.previousBlock), at: now + time)
    }

    mutating func tellTransactions(_ pool: Int, tip: Hash256) {
        guard let next = pools[pool].next, next.previousBlock == tip else { return }
        if let frozen = condition(of: pool).frozenUntil {
            timeline.plan(.poolTransactions(pool, tip: tip), at: frozen)
            return
        }
        let known = NegotiationPool.known(of: network.mempool(on: tip))
        tell(pool, .knownTransactions(known))
        tellSource(pool, .candidates(known))
        // Its node may be ahead of it, when it was frozen: that is told by itself.
        let fresh = network.next(of: plan.node(ofPool: pool), at: now)
        if fresh.previousBlock == tip, let job = pools[pool].lineJob(fresh, known) {
            tellLines(pool, .job(job))
        }
    }

    mutating func tell(_ pool: Int, _ event: PoolEvent) {
        let time = NegotiationNetwork.unixTime(at: now)
        for action in pools[pool].core.handle(event, at: now, unixTime: time) { carryOut(action, of: pool) }
    }

    private mutating func carryOut(_ action: PoolAction, of pool: Int) {
        let life = pools[pool].life
        switch action {
        case .sendMining(let connection, let message): send(.mining(message), to: connection, of: pool)
        case .sendDeclaration(let connection, let message):
            send(.jobDeclaration(message), to: connection, of: pool)
        case .close(let connection, let fault):
            trace("pool \(pool) closes: \(fault)")
            closeAtPool(connection, of: pool)
        case .check(let check, let block):
            let node = plan.node(ofPool: pool)
            guard network.nodes[node].isUp else { return }  // the pool's deadline ends it
            timeline.plan(
                .checked(pool: pool, life: life, check, refusal: network.check(block, by: node, at: now)),
                at: now + chance.duration(in: .milliseconds(1)...(.milliseconds(30))))
        case .publish(let block, _):
            timeline.plan(
                .submitted(block, node: plan.node(ofPool: pool), ours: false), at: now + .milliseconds(1))
        case .shareAccepted(_, _, _, let hash, _): judge.poolAccepted(hash, pool)
        case .shareRejected(let connection, _, let refusal):
            trace("pool \(pool) rejects a share of \(connection.rawValue): \(refusal)")
        case .refused(let connection, let what, let code, let details):
            trace("pool \(pool) refuses \(what) of \(connection.rawValue): \(code) \(details)")
        case .wake(let instant): timeline.plan(.poolWoke(pool, life: life), at: max(instant, now))
        case .declared, .customJobAccepted, .ignored: break
        }
    }

    // MARK: base templates

    mutating func tellSource(_ pool: Int, _ event: BaseTemplateSource.Event) {
        let time = NegotiationNetwork.unixTime(at: now)
        for action in pools[pool].source.handle(event, at: now, unixTime: time) {
            switch action {
            case .published:
                for connection in pools[pool].servers.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
                    tellServer(pool, connection, .published)
                }
            case .leftOut: break
            case .wake(let instant):
                timeline.plan(.sourceWoke(pool, life: pools[pool].life), at: max(instant, now))
            }
        }
    }

    mutating func tellServer(_ pool: Int, _ connection: ConnectionID, _ event: BaseTemplateServer.Event) {
        guard var server = pools[pool].servers.removeValue(forKey: connection) else { return }
        let actions = server.handle(event, from: &pools[pool].source, at: now)
        pools[pool].servers[connection] = server
        for action in actions {
            switch action {
            case .send(let frame):
                guard let header = FrameHeader(frontOf: frame) else {
                    preconditionFailure("a frame has a header")
                }
                send(
                    .baseTemplate(header, Array(frame.dropFirst(FrameHeader.byteCount))), to: connection,
                    of: pool)
            case .wake(let instant):
                timeline.plan(.serverWoke(connection, pool: pool), at: max(instant, now))
            case .failed(let fault): trace("pool \(pool) serves \(connection.rawValue) no more: \(fault)")
            case .requested, .fellBehind, .ignored: break
            }
        }
    }

    // MARK: Stratum V1

    mutating func tellLines(_ pool: Int, _ event: SV1Server.Event) {
        for action in pools[pool].lines.handle(event, at: now) {
            switch action {
            case .send(let connection, let line):
                send(
                    .line(line.last == 10 ? Array(line.dropLast()) : line),
                    to: ConnectionID(rawValue: connection), of: pool)
            case .close(let connection, let reason):
                trace("pool \(pool) closes: \(reason)")
                closeAtPool(ConnectionID(rawValue: connection), of: pool)
            case .share(let share):
                judge.poolAccepted(share.hash, pool)
                if share.isBlock, let block = pools[pool].block(of: share) {
                    let node = plan.node(ofPool: pool)
                    timeline.plan(.submitted(block, node: node, ours: false), at: now + .milliseconds(1))
                }
            case .shareRejected(_, _, let rejection):
                trace("pool \(pool) rejects a line's share: \(rejection)")
            case .wake(let instant):
                timeline.plan(.linesWoke(pool, life: pools[pool].life), at: max(instant, now))
            case .subscribed, .authorized, .refused, .suggested, .cannotFollow, .ignored: break
            }
        }
    }

    /// It has forgotten everything, and nobody is connected.
    mutating func restart(_ pool: Int) {
        breakConnections(of: pool, poolNotices: .zero)
        poolLives += 1
        pools[pool] = NegotiationPool(number: pool, life: poolLives, plan: plan, seed: seed)
        trace("pool \(pool) begins anew")
        tellTip(pool)
    }
}
