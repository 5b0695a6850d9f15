import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import Units

// The links: connecting, losing, failing, resting. Source: sv2-notes §9.

extension PoolUpstream {
    mutating func begin(at now: Instant) {
        guard case .idle = phase else { preconditionFailure("begin comes once, or after stop") }
        precondition(configuration.mode != .light || clock != nil, "light mode needs the wall clock")
        phase = .running
        // All shares were settled at `stop`, and of the jobs of before none is taken up again: they are kept for their
        // blocks, as chips may hash the last of them until there is another.
        forgetAnnouncements()
        for link in Link.allCases { connect(link, at: now) }
    }

    mutating func stop(at now: Instant) {
        for link in Link.allCases { drop(link) }
        phase = .idle
        earningSince = nil
        (refusalDeadline, tipRetry) = (nil, nil)
        pace.drop()
        var waiting = [WaitingShares.Entry]()
        jobs.updateAll { waiting += $0.close(.stopped) }
        for entry in waiting { emit(.shareSettled(entry.share, .lost(.stopped))) }
    }

    mutating func connect(_ link: Link, at now: Instant) {
        let until = now + configuration.deadlines.connect
        switch link {
        case .mining: mining = .connecting(until: until)
        case .jobDeclaration: declaration = .connecting(until: until)
        }
        emit(.connect(link))
    }

    mutating func connected(_ link: Link, at now: Instant) {
        switch link {
        case .mining:
            guard case .connecting = mining else { return }  // not the one that is wanted now
            linkUpSince[link] = now
            mining = .up(MiningClient(configuration.miningClient(hashRate: hashRate)))
            drive(MiningClient.Event.connected, at: now)
        case .jobDeclaration:
            guard case .connecting = declaration else { return }
            linkUpSince[link] = now
            declaration = .up(JobDeclarationClient(configuration.declarationClient))
            drive(JobDeclarationClient.Event.connected, at: now)
        }
    }

    mutating func received(_ message: UpstreamMessage, at now: Instant) {
        switch message {
        case .mining(let message): drive(.received(message), at: now)
        case .jobDeclaration(let message): drive(.received(message), at: now)
        case .baseTemplate(let header, let payload): receivedLight(header, payload, at: now)
        case .line: break  // of another protocol: the owner opened no such connection for us
        }
    }

    mutating func wokeLink(_ link: Link, at now: Instant) {
        switch link {
        case .mining: wokeLink(mining, link, at: now)
        case .jobDeclaration: wokeLink(declaration, link, at: now)
        }
    }

    private mutating func wokeLink<Client>(_ state: LinkState<Client>, _ link: Link, at now: Instant) {
        switch state {
        case .retrying(let time) where now >= time: connect(link, at: now)
        case .connecting(let until) where now >= until: fail(.connectDeadline(link), at: now)
        case .down, .retrying, .connecting: break
        case .up:
            switch link {
            case .mining: drive(MiningClient.Event.woke, at: now)
            case .jobDeclaration: drive(JobDeclarationClient.Event.woke, at: now)
            }
        }
    }

    /// A connection broke or did not come about: that link alone is tried again, the other one goes on.
    mutating func lost(_ link: Link, reason: String, at now: Instant) {
        guard isActive(link) else { return }  // dropped by us before
        forgiveIfSteady(link, at: now)
        linkFailures[link, default: 0] += 1
        if link == .mining { endRun(at: now) }
        forget(link)
        let delay = configuration.reconnect.delay(failures: linkFailures[link] ?? 1, using: &generator)
        switch link {
        case .mining: mining = .retrying(at: now + delay)
        case .jobDeclaration: declaration = .retrying(at: now + delay)
        }
        emit(.notice(.connectionLost(link, reason: reason, retryIn: delay)))
        sayIfHopeless(.connection(link, reason: reason))
    }

    /// The upstream as a whole is not fit for use: both links are dropped and it gets a rest.
    mutating func fail(_ fault: UpstreamFault, at now: Instant) {
        guard case .running = phase else { return }
        for link in Link.allCases {
            forgiveIfSteady(link, at: now)
            drop(link)
        }
        endRun(at: now)
        upstreamFailures += 1
        coolDowns += 1
        let delay = configuration.coolDown.delay(failures: coolDowns, using: &generator)
        phase = .coolingDown(until: now + delay)
        refusedProposal = nil
        (refusalDeadline, tipRetry) = (nil, nil)
        rejections = RejectionWindow()
        termChanges = ChangeBound(configuration.maximumTermChanges, in: .seconds(60))
        areTermsRestless = false
        // A refused job that is still the newest gets another chance after the rest.
        if let current = jobs.current, case .void(.jobRefused) = current.status {
            _ = jobs.update(current.job.origin.jobNumber) { $0.status = .undeclared }
        }
        emit(.notice(.upstreamFailure(fault, coolDown: delay)))
        sayIfHopeless(fault)
    }

    private func isActive(_ link: Link) -> Bool {
        switch link {
        case .mining: mining.isActive
        case .jobDeclaration: declaration.isActive
        }
    }

    private mutating func drop(_ link: Link) {
        if isActive(link) { emit(.disconnect(link)) }
        forget(link)
        switch link {
        case .mining: mining = .down
        case .jobDeclaration: declaration = .down
        }
    }

    /// Whatever the pool was told on this link, it has to be told again.
    private mutating func forget(_ link: Link) {
        linkUpSince[link] = nil
        switch link {
        case .mining: takeBackSentShares()
        case .jobDeclaration: light = nil
        }
        jobs.updateAll { $0.forgetLink(link) }
    }

    private mutating func forgiveIfSteady(_ link: Link, at now: Instant) {
        if let since = linkUpSince[link], now - since >= configuration.steadyLink { linkFailures[link] = 0 }
    }

    private mutating func endRun(at now: Instant) {
        if let earningSince, now - earningSince >= configuration.healthyRun { coolDowns = 0 }
        earningSince = nil
    }

    private mutating func sayIfHopeless(_ fault: UpstreamFault) {
        let failures = upstreamFailures + (linkFailures.values.max() ?? 0)
        guard failures >= configuration.failuresUntilHopeless, !saidHopeless else { return }
        saidHopeless = true
        emit(.upstreamFailed(fault, failures: failures))
    }
}

// MARK: The protocol clients

extension PoolUpstream {
    /// Hands an event to the mining client and carries out what it wants. Does nothing while that link is not
    /// up.
    mutating func drive(_ event: MiningClient.Event, at now: Instant) {
        guard case .up(var client) = mining else { return }
        mining = .down  // so that the client is not copied
        let wanted = client.handle(event, at: now)
        mining = .up(client)
        for action in wanted { perform(action, at: now) }
        judgeTerms(at: now)
    }

    /// The same for the job declaration client.
    mutating func drive(_ event: JobDeclarationClient.Event, at now: Instant) {
        guard case .up(var client) = declaration else { return }
        declaration = .down
        let wanted = client.handle(event, at: now)
        declaration = .up(client)
        if let outputs = client.payoutOutputs, outputs != payoutOutputs {
            if payoutOutputs != nil { changedTerms(at: now) }
            payoutOutputs = outputs
        }
        for action in wanted { perform(action, at: now) }
        beginLight(at: now)
        judgeTerms(at: now)
    }

    /// A job with the new terms is worth one of its own, so many times in a minute.
    private mutating func changedTerms(at now: Instant) {
        pace.termsChanged = true
        if !termChanges.admits(at: now) { areTermsRestless = true }
    }

    private mutating func judgeTerms(at now: Instant) {
        guard areTermsRestless else { return }
        fail(.restlessTerms(changes: termChanges.limit), at: now)
    }

    private mutating func perform(_ action: MiningClient.Action, at now: Instant) {
        switch action {
        case .send(let message): emit(.send(.mining(message)))
        case .channelOpened(let channel): opened(channel)
        case .channelChanged(let changed):
            if channel?.hasExtranonce(of: changed) == false { changedTerms(at: now) }
            channel = changed
            pace.termsChanged = true
            emit(.notice(.channelChanged(changed)))
        case .customJobAccepted(let number, let jobId, let channel):
            acknowledged(number, jobId: jobId, channel: channel, at: now)
        case .customJobRefused(let number, let code):
            refused(number, .customJob(code: code.description), at: now)
        case .shareAccepted(let ticket): settle(ticket, .accepted, at: now)
        case .shareRejected(let ticket, let code): settle(ticket, .rejected(code: code.description), at: now)
        case .shareUnanswered(let ticket): settle(ticket, .lost(.unanswered), at: now)
        case .hashRateRefused(let code): emit(.notice(.hashRateRefused(code: code.description)))
        case .reconnectAsked(let host, let port):
            emit(.notice(.reconnectAsked(.mining, host: host.description, port: port)))
        case .reconnectRefused: emit(.notice(.ignored(.mining, message: "Reconnect")))
        case .sendShare, .channelRefused, .channelClosed, .job:
            break  // names of workers, channels beside the first, the pool's own jobs: nothing asks for them
        case .ignored(let name): emit(.notice(.ignored(.mining, message: name)))
        case .failed(let fault): fail(.mining(fault), at: now)
        case .wake: break  // `nextDeadline` asks the clients
        }
    }

    private mutating func perform(_ action: JobDeclarationClient.Action, at now: Instant) {
        switch action {
        case .send(let message): emit(.send(.jobDeclaration(message)))
        case .tokenReceived: break  // `declareNext` looks
        case .declared(let number, let token), .token(let number, let token):
            declared(number, token: token, at: now)
        case .refused(let number, let code, let details):
            guard configuration.mode == .light, code == JobDeclarationClient.withoutBytes else {
                return refused(number, .declaration(code: code.description), at: now)
            }
            lacking(details, of: number, at: now)
        case .transactionsProvided(let number, let count):
            emit(.notice(.transactionsProvided(origin(number), count: count)))
        case .reconnectAsked(let host, let port):
            emit(.notice(.reconnectAsked(.jobDeclaration, host: host.description, port: port)))
        case .ignored(let name): emit(.notice(.ignored(.jobDeclaration, message: name)))
        case .failed(let fault): fail(.jobDeclaration(fault), at: now)
        case .wake: break
        }
    }
}
