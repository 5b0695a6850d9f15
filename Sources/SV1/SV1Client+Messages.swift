import BitcoinPrimitives
import Units

extension SV1Client {
    mutating func receive(_ line: [UInt8], at now: Instant, _ actions: inout [Action]) {
        let message: PoolMessage
        do {
            message = try PoolMessage(line: line)
        } catch {
            let text = printable(String(decoding: line.prefix(400), as: UTF8.self), limit: 200)
            return giveUp(.badLine(error, line: text), closing: true, at: now, &actions)
        }
        switch message {
        case .notify(let work): take(work, at: now, &actions)
        case .setDifficulty(let difficulty): take(difficulty, &actions)
        case .setExtranonce(let grant):
            guard grant.extranonce2Size >= configuration.minimumExtranonce2Size else {
                return refuse(grant, at: now, &actions)
            }
            session?.grant = grant
        case .setVersionMask(let mask): take(mask: mask, &actions)
        case .reconnect(let host, let port, let wait):
            reconnect(host: host ?? self.host, port: port ?? self.port, wait: wait, at: now, &actions)
        case .showMessage(let text): actions.append(.message(printable(text, limit: 200)))
        case .getVersion(let id): answer(id, .string(configuration.userAgent), &actions)
        case .ping(let id): answer(id, .string("pong"), &actions)
        case .response(let response): take(response, at: now, &actions)
        case .other(let id, let method):
            if id != .null {
                let error = RPCError(code: 20, message: "unknown method")
                actions.append(.send(RPCResponse(id: id, result: .null, error: error).line))
            }
            actions.append(.ignored(printable(method, limit: 60)))
        }
    }

    private func answer(_ id: RequestID, _ result: JSONValue, _ actions: inout [Action]) {
        actions.append(.send(RPCResponse(id: id, result: result).line))
    }

    // MARK: answers

    private mutating func take(_ response: RPCResponse, at now: Instant, _ actions: inout [Action]) {
        guard let id = response.id.number else { return ignoreAnswer(response, &actions) }
        session?.hasAnswered = true
        if id == session?.configureID {
            configured(response, &actions)
        } else if id == session?.subscribeID {
            subscribed(response, at: now, &actions)
        } else if id == session?.authorizeID {
            authorized(response, at: now, &actions)
        } else if let index = session?.courtesyIDs.firstIndex(of: id) {
            session?.courtesyIDs.remove(at: index)
        } else {
            answered(response, id: id, &actions)
        }
    }

    private func ignoreAnswer(_ response: RPCResponse, _ actions: inout [Action]) {
        actions.append(.ignored(response.error == nil ? "an answer" : "an error without its request"))
    }

    private mutating func configured(_ response: RPCResponse, _ actions: inout [Action]) {
        session?.configureID = nil
        // Refused, or in a form nobody knows: without version rolling then. A pool may grant more than was
        // asked for (AntPool: 5fffe000).
        guard response.error == nil, let result = try? ConfigureResult(response.result) else {
            return actions.append(.ignored("mining.configure refused"))
        }
        if let mask = result.versionMask { take(mask: mask, &actions) }
    }

    private mutating func subscribed(_ response: RPCResponse, at now: Instant, _ actions: inout [Action]) {
        guard case .subscribing = state else { return ignoreAnswer(response, &actions) }
        if response.error != nil || response.result.isNull {
            let message = printable(response.error?.message ?? "", limit: 200)
            let fault = SV1ClientFault.subscriptionRefused(code: response.error?.code, message: message)
            return giveUp(fault, closing: true, at: now, &actions)
        }
        let result: SubscribeResult
        do {
            result = try SubscribeResult(response.result)
        } catch {
            let text = printable(String(decoding: response.line.prefix(400), as: UTF8.self), limit: 200)
            return giveUp(.badLine(error, line: text), closing: true, at: now, &actions)
        }
        guard result.grant.extranonce2Size >= configuration.minimumExtranonce2Size else {
            return refuse(result.grant, at: now, &actions)
        }
        // A pool that has already changed it (set_extranonce before the answer) meant the later one.
        if session?.grant == nil { session?.grant = result.grant }
        authorize(at: now, &actions)
    }

    private mutating func authorize(at now: Instant, _ actions: inout [Action]) {
        guard var open = session else { return }
        let id = open.takeID()
        open.authorizeID = id
        let message = MinerMessage.authorize(
            .number(id), user: configuration.user, password: configuration.password)
        actions.append(.send(message.line))
        if let difficulty = configuration.suggestedDifficulty {
            let id = open.takeID()
            open.courtesyIDs.append(id)
            actions.append(.send(MinerMessage.suggestDifficulty(.number(id), difficulty).line))
        }
        if configuration.subscribesExtranonce {
            let id = open.takeID()
            open.courtesyIDs.append(id)
            actions.append(.send(MinerMessage.extranonceSubscribe(.number(id)).line))
        }
        session = open
        state = .authorizing(until: now + configuration.authorizeDeadline)
    }

    private mutating func authorized(_ response: RPCResponse, at now: Instant, _ actions: inout [Action]) {
        guard case .authorizing = state else { return ignoreAnswer(response, &actions) }
        guard response.isGranted else {
            let message = printable(response.error?.message ?? "", limit: 200)
            let fault = SV1ClientFault.authorizationRefused(code: response.error?.code, message: message)
            return giveUp(fault, closing: true, at: now, &actions)
        }
        state = .awaitingJob(until: now + configuration.firstJobDeadline)
        session?.hasWorked = true
        actions.append(.working)
        if let early = session?.early {
            session?.early = nil
            take(early, at: now, &actions)
        }
    }

    private mutating func refuse(_ grant: ExtranonceGrant, at now: Instant, _ actions: inout [Action]) {
        let fault = SV1ClientFault.extranonceTooShort(
            granted: grant.extranonce2Size, wanted: configuration.minimumExtranonce2Size)
        giveUp(fault, closing: true, at: now, &actions)
    }

    // MARK: jobs

    private mutating func take(_ work: NotifyParameters, at now: Instant, _ actions: inout [Action]) {
        switch state {
        case .idle, .connecting, .waiting, .stopped: return
        case .subscribing, .authorizing:
            session?.early = work
            return
        case .awaitingJob: state = .working
        case .working: break
        }
        publish(work, &actions)
    }

    /// Makes a job of what the pool has said last. A new tip ends the old one's jobs, whatever the pool says.
    private mutating func publish(_ work: NotifyParameters, _ actions: inout [Action]) {
        guard let grant = session?.grant, let previous = session?.jobs else { return }
        var work = work
        if let last = previous.last, last.work.previousBlock != work.previousBlock { work.cleanJobs = true }
        let job = SV1Job(
            serial: nextSerial, work: work, grant: grant, versionMask: session?.versionMask ?? 0,
            difficulty: session?.difficulty ?? .one)
        nextSerial += 1
        if work.cleanJobs {
            let retired = (session?.retired ?? []) + previous
            session?.retired = retired.suffix(SV1Client.maximumJobs)
            session?.jobs = [job]
        } else {
            session?.jobs = previous.suffix(SV1Client.maximumJobs - 1) + [job]
        }
        actions.append(.job(job))
    }

    /// For jobs that follow. The first one is for the current job too: some pools send it behind their
    /// first job.
    private mutating func take(_ difficulty: ShareDifficulty, _ actions: inout [Action]) {
        let isFirst = session?.difficulty == nil
        session?.difficulty = difficulty
        guard isFirst, difficulty != .one, let job = session?.jobs.last else { return }
        var work = job.work
        work.cleanJobs = true
        publish(work, &actions)
    }

    /// Valid at once (BIP 310): the current job goes out again with the new mask. Shares of the old one
    /// count, as far as their version fits the new mask.
    private mutating func take(mask: UInt32, _ actions: inout [Action]) {
        let mask = mask & configuration.versionMask
        guard let old = session?.versionMask, old != mask else { return }
        session?.versionMask = mask
        guard let job = session?.jobs.last else { return }
        var work = job.work
        work.cleanJobs = false
        publish(work, &actions)
    }

    // MARK: going elsewhere

    /// Source of the rule on hosts: cgminer refuses to be sent to another domain, since sending miners away
    /// was how they were stolen. At most once a minute (sv2-notes §9).
    private mutating func reconnect(
        host: String, port: Int, wait: Int, at now: Instant, _ actions: inout [Action]
    ) {
        let isEarly = lastSentAway.map { now - $0 < .seconds(60) } ?? false
        guard !isEarly, belongs(host, to: configuration.url.host) else {
            return actions.append(.reconnectRefused(host: printable(host, limit: 253), port: port))
        }
        lastSentAway = now
        endSession(closing: true, &actions)
        // Asked to come back is no failure, and earns no longer wait than was asked for.
        failures = 0
        (self.host, self.port) = (host, port)
        self.wait(
            .seconds(min(wait, 300)), after: .sentAway(host: host, port: port), at: now, &actions)
    }
}

/// Whether a host is the other one or shares its domain: all that follows the first dot, with a dot in it.
private func belongs(_ host: String, to own: String) -> Bool {
    let (host, own) = (host.lowercased(), own.lowercased())
    if host == own { return true }
    guard !isAddress(host), !isAddress(own), let domain = domain(of: own), domain.contains(".") else {
        return false
    }
    return host.hasSuffix("." + domain) && host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
}

private func domain(of host: String) -> Substring? {
    guard let dot = host.firstIndex(of: ".") else { return nil }
    return host[host.index(after: dot)...]
}

/// IPv6, or IPv4, of which a domain has no digits at the end.
private func isAddress(_ host: String) -> Bool {
    host.contains(":") || host.utf8.last.map { (0x30...0x39).contains($0) } ?? false
}
