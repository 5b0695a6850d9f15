import BaseTemplates
import BitcoinPrimitives
import SV2Codec
import SV2Roles
import TemplateBuilding
import Units

// Light mode: from the pool's candidates to proposals of our own. Source: docs/base-template-extension.md.

extension PoolUpstream {
    /// Once extensions are agreed on, or it was given up.
    mutating func beginLight(at now: Instant) {
        guard configuration.mode == .light, light == nil, case .up(let client) = declaration, client.isReady
        else { return }
        light = LightWork(configuration.light, seed: generator.next())
        drive(BaseTemplateClient.Event.negotiated(client.grantedExtensions), at: now)
    }

    mutating func receivedLight(_ header: FrameHeader, _ payload: [UInt8], at now: Instant) {
        // Before the extension is agreed on, and in other modes, these are ignored, as the specification says.
        drive(BaseTemplateClient.Event.frame(header, payload), at: now)
    }

    mutating func wokeLight(at now: Instant) {
        guard case .running = phase, let light else { return }
        if let problem = light.problem, now >= problem.until {
            return fail(.noLightTemplate(problem.fault), at: now)
        }
        if let due = light.client.nextDeadline, now >= due { drive(BaseTemplateClient.Event.woke, at: now) }
    }

    /// Hands an event to the base template's client and carries out what it wants. Does nothing without one.
    private mutating func drive(_ event: BaseTemplateClient.Event, at now: Instant) {
        guard var work = light else { return }
        light = nil  // so that the list is not copied
        let wanted = work.client.handle(event, at: now, unixTime: unixTime(at: now))
        work.take(wanted)
        light = work
        for action in wanted { perform(action, at: now) }
    }

    private mutating func perform(_ action: BaseTemplateClient.Action, at now: Instant) {
        switch action {
        case .send(let message): emit(.send(UpstreamMessage(message)))
        case .lost(let loss): emit(.notice(.baseTemplateLost(loss)))
        case .refused(let code): emit(.notice(.baseTemplateRefused(code: code.description)))
        case .ignored(let name): emit(.notice(.ignored(.jobDeclaration, message: name)))
        case .failed(let fault): fail(.baseTemplate(fault), at: now)
        case .list, .mempool, .tip, .coinbase, .current: break  // `considerLight` looks
        case .wake: break  // `nextDeadline` asks the client
        }
    }

    /// The pool asked for transactions of its own list, of which there are no bytes. What is left of the list is good
    /// for a template at once; whole it is again only when another list has come.
    mutating func lacking(_ wtxids: [UInt8], of number: UInt64, at now: Instant) {
        let named = stride(from: 0, to: wtxids.count, by: 32).compactMap { start in
            Hash256(wireBytes: wtxids[start..<min(start + 32, wtxids.count)]).map { Wtxid($0) }
        }
        guard var work = light else {
            return refused(number, .transactionsWithoutBytes(named.count, listed: false), at: now)
        }
        light = nil
        let wanted = work.client.handle(.unknownTransactions(named), at: now, unixTime: unixTime(at: now))
        let change = wanted.filter { if case .mempool = $0 { true } else { false } }
        let isOver = wanted.contains { if case .failed = $0 { true } else { false } }
        guard !change.isEmpty || isOver else {
            // Nothing of the list as it is: a refusal like others, of which two in a row are enough.
            light = work
            return refused(number, .transactionsWithoutBytes(named.count, listed: false), at: now)
        }
        emit(.notice(.candidatesUnknown(origin(number), count: named.count)))
        work.take(change)
        light = work
        refused(number, .transactionsWithoutBytes(named.count, listed: true), at: now)
        if !isOver { lookForTemplate(at: now) }
        light?.take(wanted.filter { if case .mempool = $0 { false } else { true } })
        for action in wanted { perform(action, at: now) }
    }

    // MARK: Templates

    /// When the candidates are to be looked at: at once for another tip or other terms, and in place of a stopgap; else
    /// when a job has had its time, every few seconds as long as there is news.
    var lightBuildTime: Instant? {
        guard case .running = phase, let light, let constraints, let terms = light.terms(constraints) else {
            return nil
        }
        guard let last = light.lastLook else { return Instant(nanoseconds: .min) }
        if last.terms != terms { return Instant(nanoseconds: .min) }
        guard light.hasNews || pace.termsChanged else { return nil }
        let next = last.at + configuration.light.buildInterval
        guard let lastJob = pace.lastJob, jobs.current?.isVoid == false else { return next }
        return max(next, lastJob + configuration.declarationInterval)
    }

    mutating func considerLight(at now: Instant) {
        guard let time = lightBuildTime, now >= time else { return }
        lookForTemplate(at: now)
    }

    private mutating func lookForTemplate(at now: Instant) {
        guard var work = light, let constraints, let terms = work.terms(constraints) else { return }
        light = nil
        let before = work.problem?.fault
        do throws(LightFault) {
            let proposal = try work.look(
                terms, id: nextLightProposal, at: now, deadline: configuration.deadlines.nextTemplate)
            light = work
            guard let proposal else { return }
            nextLightProposal += 1
            // An empty block is for a new tip; where there is work for this one, it is worth less.
            let isLess =
                proposal.isStopgap && jobs.current?.isVoid == false
                && pace.tip?.previousBlock == proposal.next.previousBlock
            guard !isLess, pace.turn(of: proposal, after: jobs.current) != nil else { return }
            let isOtherTip = pace.tip.map { $0.previousBlock != proposal.next.previousBlock } ?? false
            if isOtherTip, !termChanges.admits(at: now) {
                return fail(.restlessTerms(changes: termChanges.limit), at: now)
            }
            offered(proposal, at: now)
        } catch {
            light = work
            guard error != before else { return }
            emit(.notice(.lightTemplateFailed(error)))
            // The tokens in stock may be from before the demands changed.
            if error == .payoutsDiffer { drive(.discardTokens, at: now) }
        }
    }
}

extension UpstreamMessage {
    /// A message of ours, as it goes over the job declaration link.
    fileprivate init(_ message: BaseTemplateMessage) {
        guard let payload = try? message.message.encode() else {
            preconditionFailure("what a client says of a base template is a few numbers")
        }
        let header = FrameHeader(
            extensionType: BaseTemplateExtension.extensionType, channelMsg: false,
            msgType: type(of: message.message).msgType, msgLength: payload.count)
        self = .baseTemplate(header, payload)
    }
}
