import BaseTemplates
import BitcoinPrimitives
import Negotiation
import SV1
import SV2Codec
import SV2Messages
import SV2Roles
import Units

/// One connection of a rung, as the miner sees it, with what is on its way.
struct NegotiationRoute: Sendable {
    struct Key: Hashable, Sendable {
        let rung: Int
        let link: Link
    }

    /// Counts the connections asked for, so that what belongs to an older one is known as such.
    var attempt: UInt64 = 0
    var isLine = false
    var connection: ConnectionID?
    /// Messages do not overtake one another.
    var lastToPool = Instant(nanoseconds: 0)
    var lastToMiner = Instant(nanoseconds: 0)
    var messages = 0
    /// It broke, and the miner does not know yet: what it sends goes nowhere.
    var isLost = false
    /// It breaks at the message of that number.
    var cut: Int?
}

extension NegotiationWorld {
    func pool(of key: NegotiationRoute.Key) -> Int { plan.rungs[key.rung].pool }

    mutating func connect(_ key: NegotiationRoute.Key, isLine: Bool) {
        let condition = condition(of: pool(of: key))
        var route = NegotiationRoute()
        route.attempt = (routes[key]?.attempt ?? 0) + 1
        route.isLine = isLine
        if let cut = condition.cut { route.cut = Int.random(in: cut, using: &chance) }
        routes[key] = route
        judge.connecting(key)
        trace("rung \(key.rung) \(key.link): connect, attempt \(route.attempt)")
        let time = chance.duration(in: plan.latency)
        if condition.isDark {
            timeline.plan(.refused(key, attempt: route.attempt), at: now + time)
        } else if condition.frozenUntil == nil {
            timeline.plan(.opened(key, attempt: route.attempt), at: now + time)
        }
    }

    mutating func refused(_ key: NegotiationRoute.Key, _ attempt: UInt64) {
        guard let route = routes[key], route.attempt == attempt else { return }
        routes[key]?.attempt += 1
        perform(.upstream(RungIndex(key.rung), .failed(key.link, "refused")))
    }

    mutating func opened(_ key: NegotiationRoute.Key, _ attempt: UInt64) {
        guard let route = routes[key], route.attempt == attempt else { return }
        lastConnection += 1
        let connection = ConnectionID(rawValue: lastConnection)
        connections[connection] = key
        routes[key]?.connection = connection
        let pool = pool(of: key)
        switch (key.link, route.isLine) {
        case (.mining, true): tellLines(pool, .connected(connection.rawValue))
        case (.mining, false): tell(pool, .miningConnected(connection))
        case (.jobDeclaration, _):
            tell(pool, .declarationConnected(connection))
            pools[pool].servers[connection] = .init()
        }
        perform(.upstream(RungIndex(key.rung), .connected(key.link)))
    }

    /// The miner leaves.
    mutating func disconnect(_ key: NegotiationRoute.Key) {
        guard let route = routes[key] else { return }
        var left = NegotiationRoute()
        left.attempt = route.attempt + 1
        routes[key] = left
        trace("rung \(key.rung) \(key.link): disconnect")
        guard let connection = route.connection else { return }
        let arrives = max(now + chance.duration(in: plan.latency), route.lastToPool)
        timeline.plan(.closedAtPool(connection, pool: pool(of: key)), at: arrives)
    }

    /// The connection is gone, and what was on its way with it.
    ///
    /// - Parameter notice: of the pool. A miner learns of it within a tenth of a second, as from a TCP reset.
    mutating func breakConnection(_ key: NegotiationRoute.Key, poolNotices notice: Duration? = nil) {
        guard let route = routes[key], let connection = route.connection else { return }
        judge.statistics.brokenConnections += 1
        var broken = NegotiationRoute()
        broken.attempt = route.attempt + 1
        broken.isLost = true
        routes[key] = broken
        trace("rung \(key.rung) \(key.link): broken")
        let short = Duration.zero...(.milliseconds(100))
        timeline.plan(
            .closedAtPool(connection, pool: pool(of: key)),
            at: now + (notice ?? chance.duration(in: short)))
        timeline.plan(
            .closedAtMiner(key, attempt: broken.attempt), at: now + chance.duration(in: short))
    }

    mutating func breakConnections(of pool: Int, poolNotices notice: Duration? = nil) {
        for key in routesOfPool(pool) { breakConnection(key, poolNotices: notice) }
    }

    /// In an order that is the same in every run.
    func routesOfPool(_ pool: Int) -> [NegotiationRoute.Key] {
        plan.rungs.indices.filter { plan.rungs[$0].kind != .solo && plan.rungs[$0].pool == pool }
            .flatMap { rung in Link.allCases.map { NegotiationRoute.Key(rung: rung, link: $0) } }
            .filter { routes[$0]?.connection != nil }
    }

    mutating func closedAtMiner(_ key: NegotiationRoute.Key, _ attempt: UInt64) {
        guard let route = routes[key], route.attempt == attempt else { return }
        var closed = NegotiationRoute()
        closed.attempt = attempt + 1
        routes[key] = closed
        perform(.upstream(RungIndex(key.rung), .closed(key.link, "broken")))
    }

    mutating func closedAtPool(_ connection: ConnectionID, _ pool: Int) {
        connections[connection] = nil
        pools[pool].servers[connection] = nil
        tell(pool, .closed(connection))
        tellLines(pool, .disconnected(connection.rawValue))
    }

    /// Whether the connection breaks at this message.
    private mutating func counts(_ key: NegotiationRoute.Key) -> Bool {
        routes[key]?.messages += 1
        guard let route = routes[key], let cut = route.cut, route.messages > cut else { return false }
        breakConnection(key)
        return true
    }

    // MARK: to the pool

    mutating func send(_ message: UpstreamMessage, of rung: Int) {
        let key = NegotiationRoute.Key(rung: rung, link: message.link)
        guard routes[key]?.connection != nil else {
            if routes[key]?.isLost == true { return }
            return judge.fail(.wrongPool, "rung \(rung) sends on a link that is not up: \(message)")
        }
        judge.sent(message, key)
        trace("rung \(rung) → \(brief(message))")
        guard !counts(key), var route = routes[key] else { return }
        let condition = condition(of: pool(of: key))
        var arrives = now + chance.duration(in: plan.latency)
        if let delay = condition.delay { arrives = arrives + chance.duration(in: delay) }
        if let frozen = condition.frozenUntil { arrives = max(arrives, frozen) }
        route.lastToPool = max(arrives, route.lastToPool)
        routes[key] = route
        timeline.plan(.toPool(key, attempt: route.attempt, message), at: route.lastToPool)
    }

    mutating func deliverToPool(_ message: UpstreamMessage, _ key: NegotiationRoute.Key, _ attempt: UInt64) {
        guard let route = routes[key], route.attempt == attempt, let connection = route.connection else {
            return
        }
        let pool = pool(of: key)
        if let frozen = condition(of: pool).frozenUntil {
            timeline.plan(.toPool(key, attempt: attempt, message), at: frozen)
            return
        }
        judge.arrived(message, tip: pools[pool].next?.previousBlock)
        switch message {
        case .mining(let message): tell(pool, .mining(connection, message))
        case .jobDeclaration(let message): tell(pool, .declaration(connection, message))
        case .baseTemplate(let header, let payload):
            tellServer(pool, connection, .frame(header, payload))
        case .line(let line):
            tellLines(pool, .received(connection.rawValue, line.last == 10 ? Array(line.dropLast()) : line))
        }
    }

    // MARK: to the miner

    mutating func send(_ message: UpstreamMessage, to connection: ConnectionID, of pool: Int) {
        for message in twisted(message, by: pool) { put(message, on: connection, of: pool) }
    }

    private mutating func put(_ message: UpstreamMessage, on connection: ConnectionID, of pool: Int) {
        guard let key = connections[connection], routes[key]?.connection == connection, !counts(key),
            var route = routes[key]
        else { return }
        var arrives = now + chance.duration(in: plan.latency)
        if let delay = condition(of: pool).delay { arrives = arrives + chance.duration(in: delay) }
        route.lastToMiner = max(arrives, route.lastToMiner)
        routes[key] = route
        timeline.plan(.toMiner(key, attempt: route.attempt, message), at: route.lastToMiner)
    }

    mutating func deliverToMiner(_ message: UpstreamMessage, _ key: NegotiationRoute.Key, _ attempt: UInt64) {
        guard let route = routes[key], route.attempt == attempt, route.connection != nil else { return }
        judge.received(message, key)
        trace("rung \(key.rung) ← \(brief(message))")
        perform(.upstream(RungIndex(key.rung), .received(message)))
    }

    /// The pool closes; what it sent before arrives before.
    mutating func closeAtPool(_ connection: ConnectionID, of pool: Int) {
        guard let key = connections.removeValue(forKey: connection) else { return }
        pools[pool].servers[connection] = nil
        guard let route = routes[key], route.connection == connection else { return }
        let arrives = max(now + chance.duration(in: plan.latency), route.lastToMiner)
        timeline.plan(.closedAtMiner(key, attempt: route.attempt), at: arrives)
    }
}

/// A message in a few words, for the trace.
func brief(_ message: UpstreamMessage) -> String {
    switch message {
    case .mining(let message): "\(message.message)".prefix(220).description
    case .jobDeclaration(let message): "\(message.message)".prefix(220).description
    case .baseTemplate(let header, let payload): "base template \(header.msgType), \(payload.count) bytes"
    case .line(let line): String(decoding: line.prefix(220), as: UTF8.self)
    }
}
