import BitcoinPrimitives

extension SV1Server {
    mutating func receive(_ line: [UInt8], from connection: UInt64, _ actions: inout [Action]) {
        var id = RequestID.null
        do {
            let line = try RPCLine(line)
            if case .call(let call, _, _) = line { id = call }
            take(try MinerMessage(line), from: connection, &actions)
        } catch {
            let count = (miners[connection]?.badLines ?? 0) + 1
            miners[connection]?.badLines = count
            refuse(id, code: 20, printable("\(error)", limit: 200), connection, &actions)
            guard count >= SV1Server.maximumBadLines else {
                return actions.append(.ignored(connection, printable("\(error)", limit: 200)))
            }
            close(connection, .badLines(count: count, last: error), &actions)
        }
    }

    private mutating func take(_ message: MinerMessage, from connection: UInt64, _ actions: inout [Action]) {
        switch message {
        case .configure(let id, let wanted): configure(id, wanted, connection, &actions)
        case .subscribe(let id, let userAgent, _): subscribe(id, userAgent, connection, &actions)
        case .authorize(let id, let user, let password):
            authorize(id, user, password, connection, &actions)
        case .suggestDifficulty(let id, let difficulty): suggest(id, difficulty, connection, &actions)
        case .suggestTarget(let id, let target):
            guard let difficulty = ShareDifficulty(covering: target) else {
                return refuse(id, code: 20, "no difficulty has that target", connection, &actions)
            }
            suggest(id, difficulty, connection, &actions)
        case .extranonceSubscribe(let id):
            miners[connection]?.followsExtranonce = true
            answer(id, .bool(true), connection, &actions)
        case .submit(let id, let share): submit(share, id, connection, &actions)
        case .ping(let id): answer(id, .string("pong"), connection, &actions)
        case .response: actions.append(.ignored(connection, "an answer"))
        case .other(let id, let method):
            refuse(id, code: 20, "unknown method", connection, &actions)
            actions.append(.ignored(connection, printable(method, limit: 60)))
        }
    }

    // MARK: answers

    func answer(_ id: RequestID, _ result: JSONValue, _ connection: UInt64, _ actions: inout [Action]) {
        actions.append(.send(connection, RPCResponse(id: id, result: result).line))
    }

    func refuse(
        _ id: RequestID, code: Int, _ message: String, _ connection: UInt64, _ actions: inout [Action]
    ) {
        let error = RPCError(code: code, message: message)
        actions.append(.send(connection, RPCResponse(id: id, result: .null, error: error).line))
    }

    // MARK: requests

    private mutating func configure(
        _ id: RequestID, _ wanted: ConfigureParameters, _ connection: UInt64, _ actions: inout [Action]
    ) {
        guard var miner = miners[connection] else { return }
        if let bits = wanted.versionMask { miner.rollableBits = bits }
        if wanted.subscribesExtranonce { miner.followsExtranonce = true }
        if let minimum = wanted.minimumDifficulty {
            miner.minimumDifficulty = max(minimum, configuration.minimumDifficulty)
        }
        miners[connection] = miner
        var result = [JSONValue.Member]()
        for name in wanted.extensions {
            switch name {
            case "version-rolling":
                let mask = mask(of: miner)
                result.append(.init(name, .bool(mask != 0)))
                if mask != 0 { result.append(.init("version-rolling.mask", .string(hex32(mask)))) }
            case "minimum-difficulty", "subscribe-extranonce": result.append(.init(name, .bool(true)))
            case let unknown: result.append(.init(unknown, .bool(false)))
            }
        }
        answer(id, .object(result), connection, &actions)
        set(max(miner.difficulty, miner.minimumDifficulty), of: connection, &actions)
    }

    /// A second subscribe gets the same answer.
    private mutating func subscribe(
        _ id: RequestID, _ userAgent: String, _ connection: UInt64, _ actions: inout [Action]
    ) {
        guard let miner = miners[connection] else { return }
        let given = miner.grant ?? grant(to: miner)
        miners[connection]?.grant = given
        let result = SubscribeResult(grant: given, session: given.extranonce1.hex)
        answer(id, result.json, connection, &actions)
        guard miner.grant == nil else { return }
        actions.append(.subscribed(connection, userAgent: userAgent, given))
        begin(connection, &actions)
    }

    /// Some firmware authorizes before it subscribes, so the order is free.
    private mutating func authorize(
        _ id: RequestID, _ user: String, _ password: String, _ connection: UInt64, _ actions: inout [Action]
    ) {
        guard let miner = miners[connection] else { return }
        let isKnown = miner.users.contains(user)
        let isWelcome =
            switch configuration.admission {
            case .everyone: !user.isEmpty
            case .only(let names): names.contains(user)
            }
        guard isWelcome, isKnown || miner.users.count < SV1Server.maximumUsers else {
            refuse(id, code: 24, "Unauthorized worker", connection, &actions)
            return actions.append(.refused(connection, user: user))
        }
        answer(id, .bool(true), connection, &actions)
        guard !isKnown else { return }
        miners[connection]?.users.append(user)
        actions.append(.authorized(connection, user: user, password: password))
        if miner.users.isEmpty { begin(connection, &actions) }
    }

    private mutating func suggest(
        _ id: RequestID, _ difficulty: ShareDifficulty, _ connection: UInt64, _ actions: inout [Action]
    ) {
        guard let miner = miners[connection] else { return }
        let granted = max(difficulty, miner.minimumDifficulty)
        if id != .null { answer(id, .bool(true), connection, &actions) }
        set(granted, of: connection, &actions)
        actions.append(.suggested(connection, granted))
    }
}
