import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

// What the server says. Source: SV2 section 5.3, sv2-notes §4, §5.

extension MiningClient {
    mutating func receive(_ message: MiningMessage, at now: Instant) -> [Action] {
        switch state {
        case .idle, .failed: return ignore(message.name)
        case .settingUp: return receiveDuringSetup(message, at: now)
        case .negotiating(let negotiation): return receiveExtensions(message, negotiation, at: now)
        case .running: return receiveWhileRunning(message, at: now)
        }
    }

    private mutating func receiveDuringSetup(_ message: MiningMessage, at now: Instant) -> [Action] {
        guard case .common(let common) = message, let answer = SetupAnswer(common) else {
            return ignore(message.name)
        }
        switch answer {
        case .refused(let flags, let code): return fail(.setupRefused(flags: flags, errorCode: code))
        case .version(let version): return fail(.version(version))
        case .accepted(let flags):
            fixedVersion = flags & SetupFlags.MiningSuccess.requiresFixedVersion != 0
            if fixedVersion, configuration.requiresVersionRolling { return fail(.versionRollingRefused) }
            let extendedOnly = flags & SetupFlags.MiningSuccess.requiresExtendedChannels != 0
            if extendedOnly, configuration.channelKind == .standard { return fail(.extendedChannelsRequired) }
            guard configuration.wantsWorkerNames else { return openFirst(at: now) }
            return negotiate(
                ExtensionNegotiation(
                    wanted: [WorkerName.extensionType], at: now, deadline: configuration.extensionsDeadline))
        }
    }

    // MARK: Extensions. Source: sv2-notes §4.2.

    private mutating func negotiate(_ negotiation: ExtensionNegotiation) -> [Action] {
        state = .negotiating(negotiation)
        return [.send(.common(.requestExtensions(negotiation.request)))]
    }

    private mutating func receiveExtensions(
        _ message: MiningMessage, _ negotiation: ExtensionNegotiation, at now: Instant
    ) -> [Action] {
        guard case .common(let common) = message, let outcome = negotiation.receive(common, at: now) else {
            return ignore(message.name)
        }
        switch outcome {
        case .granted(let extensions):
            namesWorkers = extensions.contains(WorkerName.extensionType)
            return openFirst(at: now)
        case .askAgain(let again): return negotiate(again)
        case .impossible(let extensions): return fail(.extensionsRequired(extensions))
        }
    }

    private mutating func receiveWhileRunning(_ message: MiningMessage, at now: Instant) -> [Action] {
        switch message {
        case .openStandardMiningChannelSuccess(let success):
            return opened(
                .standard, requestId: success.requestId, channelId: success.channelId,
                groupChannelId: success.groupChannelId, target: success.target,
                prefix: success.extranoncePrefix, size: 0, name: message.name)
        case .openExtendedMiningChannelSuccess(let success):
            return opened(
                .extended, requestId: success.requestId, channelId: success.channelId,
                groupChannelId: success.groupChannelId, target: success.target,
                prefix: success.extranoncePrefix, size: Int(success.extranonceSize), name: message.name)
        case .openMiningChannelError(let error): return refused(error)
        case .newMiningJob(let job): return announced(job, at: now)
        case .newExtendedMiningJob(let job): return announced(job, at: now)
        case .setNewPrevHash(let message): return activate(message, at: now)
        case .setTarget(let new): return setTarget(new)
        case .setExtranoncePrefix(let new): return setPrefix(new)
        case .setGroupChannel(let new): return setGroup(new)
        case .closeChannel(let message): return closed(message)
        case .setCustomMiningJobSuccess(let answer): return accepted(answer)
        case .setCustomMiningJobError(let answer):
            return answered(answer.channelId, message.name) { session in
                session.settle(answer.requestId).map {
                    [.customJobRefused(ticket: $0.ticket, errorCode: answer.errorCode)]
                }
            }
        case .submitSharesSuccess(let answer):
            return answered(answer.channelId, message.name) { session in
                session.shares.accept(upTo: answer.lastSequenceNumber)?.map { .shareAccepted(ticket: $0) }
            }
        case .submitSharesError(let answer):
            return answered(answer.channelId, message.name) { session in
                session.shares.reject(answer.sequenceNumber).map {
                    [.shareRejected(ticket: $0, errorCode: answer.errorCode)]
                }
            }
        case .updateChannelError(let answer):
            return answered(answer.channelId, message.name) { _ in
                [.hashRateRefused(errorCode: answer.errorCode)]
            }
        case .common(.reconnect(let asked)): return reconnect(asked, at: now)
        case .common, .openStandardMiningChannel, .openExtendedMiningChannel, .updateChannel,
            .submitSharesStandard, .submitSharesExtended, .setCustomMiningJob:
            return ignore(message.name)  // nothing a server sends, or not now
        }
    }

    // MARK: Channels

    private mutating func opened(
        _ kind: ChannelKind, requestId: UInt32, channelId: UInt32, groupChannelId: UInt32, target: U256,
        prefix: [UInt8], size: Int, name: String
    ) -> [Action] {
        guard let position = openings.firstIndex(where: { $0.requestId == requestId && $0.wish.kind == kind })
        else { return ignore(name) }
        let opening = openings.remove(at: position)
        let wanted = kind == .extended ? Int(opening.wish.minimumExtranonceSize) : 0
        guard size >= wanted else { return fail(.extranonceTooShort(granted: size, wanted: wanted)) }
        let channel = ClientChannel(
            channelId: channelId, groupChannelId: groupChannelId, target: Target(wire: target),
            extranoncePrefix: prefix, extranonceSize: size, fixedVersion: fixedVersion, kind: kind,
            ticket: opening.ticket)
        guard channel.hasRoom else { return fail(.extranonceTooLong(channel.fullExtranonceSize)) }
        // One namespace for channels and groups.
        let isTaken = sessions.contains { $0.isAddressed(by: channelId) } || index(of: groupChannelId) != nil
        guard !isTaken else { return fail(.channelIdUsedTwice(channelId)) }
        var session = ChannelSession(channel, opening.wish, openedAt: opening.askedAt)
        if sessions.isEmpty { session.take(firstHashRate) }
        sessions.append(session)
        return [.channelOpened(channel)]
    }

    private mutating func refused(_ error: OpenMiningChannelError) -> [Action] {
        guard let position = openings.firstIndex(where: { $0.requestId == error.requestId }) else {
            return ignore(OpenMiningChannelError.name)
        }
        let opening = openings.remove(at: position)
        guard opening.ticket != 0 || !sessions.isEmpty else {
            return fail(.channelRefused(errorCode: error.errorCode))
        }
        return [.channelRefused(ticket: opening.ticket, errorCode: error.errorCode)]
    }

    private mutating func closed(_ message: CloseChannel) -> [Action] {
        let gone = sessions.filter { $0.isAddressed(by: message.channelId) }
        guard !gone.isEmpty else { return ignore(CloseChannel.name) }
        sessions.removeAll { $0.isAddressed(by: message.channelId) }
        guard !sessions.isEmpty else { return fail(.channelClosed(reasonCode: message.reasonCode)) }
        return gone.flatMap { session in
            var shares = session.shares
            return [Action.channelClosed(session.terms, reasonCode: message.reasonCode)]
                + shares.takeAll().map { .shareUnanswered(ticket: $0) }
        }
    }

    private mutating func setTarget(_ new: SetTarget) -> [Action] {
        change(SetTarget.name, where: { $0.isAddressed(by: new.channelId) }) {
            $0.target = Target(wire: new.maximumTarget)
        }
    }

    /// Never to a group. Source: sv2-notes §5.1, §13.
    private mutating func setPrefix(_ new: SetExtranoncePrefix) -> [Action] {
        guard let index = index(of: new.channelId) else { return ignore(SetExtranoncePrefix.name) }
        var terms = sessions[index].terms
        terms.extranoncePrefix = new.extranoncePrefix
        guard terms.hasRoom else { return fail(.extranonceTooLong(terms.fullExtranonceSize)) }
        sessions[index].terms = terms
        return [.channelChanged(terms)]
    }

    private mutating func setGroup(_ new: SetGroupChannel) -> [Action] {
        let members = Set(new.channelIds)
        return change(SetGroupChannel.name, where: { members.contains($0.terms.channelId) }) {
            $0.groupChannelId = new.groupChannelId
        }
    }

    private mutating func change(
        _ name: String, where isMeant: (ChannelSession) -> Bool, _ change: (inout ClientChannel) -> Void
    ) -> [Action] {
        var actions = [Action]()
        for index in sessions.indices where isMeant(sessions[index]) {
            change(&sessions[index].terms)
            actions.append(.channelChanged(sessions[index].terms))
        }
        return actions.isEmpty ? ignore(name) : actions
    }

    private mutating func reconnect(_ asked: Reconnect, at now: Instant) -> [Action] {
        do throws(ReconnectPolicy.Refusal) {
            let (host, port) = try reconnects.follow(
                host: asked.newHost, port: asked.newPort, currentHost: configuration.identity.endpointHost,
                currentPort: configuration.identity.endpointPort, at: now)
            return [.reconnectAsked(host: host, port: port)]
        } catch {
            return [.reconnectRefused(error, host: asked.newHost, port: asked.newPort)]
        }
    }

    // MARK: Jobs

    private mutating func announced(_ job: NewMiningJob, at now: Instant) -> [Action] {
        guard configuration.work != .composed, let index = index(of: job.channelId),
            sessions[index].terms.kind == .standard
        else { return ignore(NewMiningJob.name) }
        let terms = sessions[index].terms
        let outcome = sessions[index].jobs.announce(.init(job, terms), terms, at: now)
        return report(outcome, jobId: job.jobId, bits: 0, NewMiningJob.name)
    }

    private mutating func announced(_ job: NewExtendedMiningJob, at now: Instant) -> [Action] {
        let members = sessions.indices.filter { sessions[$0].isAddressed(by: job.channelId) }
        guard configuration.work != .composed, !members.isEmpty else {
            return ignore(NewExtendedMiningJob.name)
        }
        var actions = [Action]()
        for index in members {
            let terms = sessions[index].terms
            guard let announcement = JobLedger.Announcement(job, terms) else {
                return fail(.jobWithoutCoinbase(job.jobId))
            }
            let outcome = sessions[index].jobs.announce(announcement, terms, at: now)
            actions += report(outcome, jobId: job.jobId, bits: 0, NewExtendedMiningJob.name)
            if case .failed = state { return actions }
        }
        return actions
    }

    private mutating func activate(_ message: SetNewPrevHash, at now: Instant) -> [Action] {
        let members = sessions.indices.filter { sessions[$0].isAddressed(by: message.channelId) }
        guard configuration.work != .composed, !members.isEmpty else { return ignore(SetNewPrevHash.name) }
        var actions = [Action]()
        for index in members {
            let outcome = sessions[index].jobs.activate(message, sessions[index].terms, at: now)
            actions += report(outcome, jobId: message.jobId, bits: message.nbits, SetNewPrevHash.name)
            if case .failed = state { return actions }
        }
        return actions
    }

    private mutating func report(
        _ outcome: JobLedger.Outcome, jobId: UInt32, bits: UInt32, _ name: String
    ) -> [Action] {
        switch outcome {
        case .start(let job): return [.job(job)]
        case .nothing: return []
        case .useless: return ignore(name)
        case .idUsedTwice: return fail(.jobIdUsedTwice(jobId))
        case .unknownJob: return fail(.unknownJob(jobId))
        case .badBits: return fail(.bits(bits))
        }
    }

    // MARK: Answers

    private mutating func accepted(_ answer: SetCustomMiningJobSuccess) -> [Action] {
        guard let index = index(of: answer.channelId),
            let request = sessions[index].settle(answer.requestId)
        else { return ignore(SetCustomMiningJobSuccess.name) }
        guard sessions[index].accept(request, as: answer.jobId) else {
            return fail(.jobIdUsedTwice(answer.jobId))
        }
        return [
            .customJobAccepted(ticket: request.ticket, jobId: answer.jobId, sessions[index].terms)
        ]
    }

    /// - Parameter settle: what the answer means to its channel; `nil` when nothing there waits for it.
    private mutating func answered(
        _ channelId: UInt32, _ name: String, _ settle: (inout ChannelSession) -> [Action]?
    ) -> [Action] {
        guard let index = index(of: channelId), let actions = settle(&sessions[index]) else {
            return ignore(name)
        }
        return actions
    }
}
