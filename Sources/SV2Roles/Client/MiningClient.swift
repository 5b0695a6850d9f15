import BitcoinPrimitives
import SV2Codec
import SV2Messages
public import Units

/// The client of one mining connection: one extended channel for jobs that we compose ourselves, and their
/// shares.
///
/// A value for one connection; the next connection gets a new one. Source: SV2 section 5, sv2-notes §4, §5,
/// §8.5.
public struct MiningClient: Sendable {
    /// Custom jobs that wait for an answer; beyond that the oldest is forgotten.
    public static let maximumCustomJobRequests = 8
    /// Shares without an answer; beyond that the oldest is given up.
    public static let maximumPendingShares = 1024
    /// Between two UpdateChannel messages. Source: SV2 section 5.3.7.
    static let updateInterval = Duration.seconds(1)

    private enum State: Sendable {
        case idle
        case settingUp(until: Instant)
        case opening(until: Instant, fixedVersion: Bool)
        case open(ClientChannel)
        case failed
    }

    private struct CustomJobRequest: Sendable {
        let requestId: UInt32
        let ticket: UInt64
        let until: Instant
    }

    public let configuration: Configuration
    private var state = State.idle
    private var nextRequestId: UInt32 = 1
    private var customJobs: [CustomJobRequest] = []
    private var shares = PendingShares(limit: maximumPendingShares)
    private var hashRate: HashRate
    private var announcedHashRate: HashRate
    private var announcedAt: Instant?
    private var ignored = IgnoredMessages()
    private var announcedWake: Instant?

    public init(_ configuration: Configuration) {
        self.configuration = configuration
        hashRate = configuration.nominalHashRate
        announcedHashRate = configuration.nominalHashRate
    }

    /// The channel, while it is open.
    public var channel: ClientChannel? {
        if case .open(let channel) = state { channel } else { nil }
    }

    /// Messages that were of no use, since the connection began.
    public var ignoredMessages: Int { ignored.total }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions: [Action]
        switch event {
        case .connected: actions = begin(at: now)
        case .received(let message): actions = receive(message, at: now)
        case .setCustomJob(let job, let token, let ticket):
            actions = request(job, token: token, ticket: ticket, at: now)
        case .submit(let header, let extranonce, let jobId, let ticket):
            actions = submit(header, extranonce: extranonce, jobId: jobId, ticket: ticket)
        case .hashRate(let rate):
            hashRate = rate
            actions = []
        case .woke:
            announcedWake = nil
            actions = overdue(at: now)
        }
        actions += updateChannel(at: now)
        if let next = nextDeadline, next != announcedWake {
            announcedWake = next
            actions.append(.wake(at: next))
        }
        return actions
    }

    /// When `woke` is wanted next.
    public var nextDeadline: Instant? {
        switch state {
        case .idle, .failed: nil
        case .settingUp(let until), .opening(let until, _): until
        case .open: [customJobs.first?.until, nextUpdate].compactMap { $0 }.min()
        }
    }

    private mutating func begin(at now: Instant) -> [Action] {
        guard case .idle = state else { preconditionFailure("a connection begins once") }
        state = .settingUp(until: now + configuration.setupDeadline)
        let setup = configuration.identity.setupConnection(
            protocol: 0, flags: SetupFlags.Mining.requiresWorkSelection)
        return [.send(.common(.setupConnection(setup)))]
    }

    private mutating func overdue(at now: Instant) -> [Action] {
        switch state {
        case .settingUp(let until) where now >= until: return fail(.deadline(.setup))
        case .opening(let until, _) where now >= until: return fail(.deadline(.openChannel))
        case .open:
            guard let first = customJobs.first, now >= first.until else { return [] }
            return fail(.deadline(.customJob))
        case .idle, .settingUp, .opening, .failed: return []
        }
    }

    private mutating func fail(_ fault: MiningClientFault) -> [Action] {
        state = .failed
        return [.failed(fault)]
    }

    private mutating func ignore(_ name: String) -> [Action] { ignored.count(name) ? [.ignored(name)] : [] }
}

// MARK: What the server says

extension MiningClient {
    private mutating func receive(_ message: MiningMessage, at now: Instant) -> [Action] {
        switch state {
        case .settingUp: return receiveDuringSetup(message, at: now)
        case .opening(_, let fixedVersion): return receiveDuringOpening(message, fixedVersion: fixedVersion)
        case .open(let channel): return receive(message, on: channel)
        case .idle, .failed: return ignore(message.name)
        }
    }

    private mutating func receiveDuringSetup(_ message: MiningMessage, at now: Instant) -> [Action] {
        if case .common(.setupConnectionError(let error)) = message {
            return fail(.setupRefused(flags: error.flags, errorCode: error.errorCode))
        }
        guard case .common(.setupConnectionSuccess(let success)) = message else {
            return ignore(message.name)
        }
        guard success.usedVersion == protocolVersion else { return fail(.version(success.usedVersion)) }
        state = .opening(
            until: now + configuration.openChannelDeadline,
            fixedVersion: success.flags & SetupFlags.MiningSuccess.requiresFixedVersion != 0)
        (announcedHashRate, announcedAt) = (hashRate, now)
        let open = OpenExtendedMiningChannel(
            requestId: takeRequestId(), userIdentity: configuration.userIdentity,
            nominalHashRate: wireHashRate(hashRate), maxTarget: u256(configuration.maximumTarget),
            minExtranonceSize: configuration.minimumExtranonceSize)
        return [.send(.openExtendedMiningChannel(open))]
    }

    private mutating func receiveDuringOpening(_ message: MiningMessage, fixedVersion: Bool) -> [Action] {
        // The channel's request is the only one so far.
        switch message {
        case .openMiningChannelError(let error) where error.requestId == nextRequestId &- 1:
            return fail(.channelRefused(errorCode: error.errorCode))
        case .openExtendedMiningChannelSuccess(let success) where success.requestId == nextRequestId &- 1:
            let (granted, wanted) = (Int(success.extranonceSize), Int(configuration.minimumExtranonceSize))
            guard granted >= wanted else {
                return fail(.extranonceTooShort(granted: granted, wanted: wanted))
            }
            let channel = ClientChannel(
                channelId: success.channelId, groupChannelId: success.groupChannelId,
                target: target(success.target), extranoncePrefix: success.extranoncePrefix,
                extranonceSize: granted, fixedVersion: fixedVersion)
            guard channel.hasRoom else { return fail(.extranonceTooLong(channel.fullExtranonceSize)) }
            state = .open(channel)
            return [.channelOpened(channel)]
        case .common, .openStandardMiningChannel, .openStandardMiningChannelSuccess,
            .openExtendedMiningChannel,
            .openExtendedMiningChannelSuccess, .openMiningChannelError, .updateChannel, .updateChannelError,
            .closeChannel, .setExtranoncePrefix, .submitSharesStandard, .submitSharesExtended,
            .submitSharesSuccess,
            .submitSharesError, .newMiningJob, .newExtendedMiningJob, .setNewPrevHash, .setTarget,
            .setCustomMiningJob, .setCustomMiningJobSuccess, .setCustomMiningJobError, .setGroupChannel:
            return ignore(message.name)
        }
    }

    private mutating func receive(_ message: MiningMessage, on channel: ClientChannel) -> [Action] {
        var changed = channel
        let (own, group) = (channel.channelId, channel.groupChannelId)
        switch message {
        case .setTarget(let new) where new.channelId == own || new.channelId == group:
            changed.target = target(new.maximumTarget)
            return change(to: changed)
        case .setExtranoncePrefix(let new) where new.channelId == own:
            changed.extranoncePrefix = new.extranoncePrefix
            guard changed.hasRoom else { return fail(.extranonceTooLong(changed.fullExtranonceSize)) }
            return change(to: changed)
        case .setGroupChannel(let new) where new.channelIds.contains(own):
            changed.groupChannelId = new.groupChannelId
            return change(to: changed)
        case .setCustomMiningJobSuccess(let answer) where answer.channelId == own:
            guard let ticket = settle(answer.requestId) else { return ignore(message.name) }
            return [.customJobAccepted(ticket: ticket, jobId: answer.jobId, channel)]
        case .setCustomMiningJobError(let answer) where answer.channelId == own:
            guard let ticket = settle(answer.requestId) else { return ignore(message.name) }
            return [.customJobRefused(ticket: ticket, errorCode: answer.errorCode)]
        case .submitSharesSuccess(let answer) where answer.channelId == own:
            guard let tickets = shares.accept(upTo: answer.lastSequenceNumber) else {
                return ignore(message.name)
            }
            return tickets.map { .shareAccepted(ticket: $0) }
        case .submitSharesError(let answer) where answer.channelId == own:
            guard let ticket = shares.reject(answer.sequenceNumber) else { return ignore(message.name) }
            return [.shareRejected(ticket: ticket, errorCode: answer.errorCode)]
        case .updateChannelError(let answer) where answer.channelId == own:
            return [.hashRateRefused(errorCode: answer.errorCode)]
        case .closeChannel(let closed) where closed.channelId == own || closed.channelId == group:
            return fail(.channelClosed(reasonCode: closed.reasonCode))
        case .common(.reconnect(let asked)):
            return [.reconnectAsked(host: asked.newHost, port: asked.newPort)]
        case .common, .openStandardMiningChannel, .openStandardMiningChannelSuccess,
            .openExtendedMiningChannel,
            .openExtendedMiningChannelSuccess, .openMiningChannelError, .updateChannel, .updateChannelError,
            .closeChannel, .setExtranoncePrefix, .submitSharesStandard, .submitSharesExtended,
            .submitSharesSuccess,
            .submitSharesError, .newMiningJob, .newExtendedMiningJob, .setNewPrevHash, .setTarget,
            .setCustomMiningJob, .setCustomMiningJobSuccess, .setCustomMiningJobError, .setGroupChannel:
            return ignore(message.name)  // another channel's, the pool's own jobs, or nothing a server sends
        }
    }

    private mutating func change(to channel: ClientChannel) -> [Action] {
        state = .open(channel)
        return [.channelChanged(channel)]
    }

    /// The ticket of the custom job asked for by `requestId`, which is answered now.
    private mutating func settle(_ requestId: UInt32) -> UInt64? {
        guard let index = customJobs.firstIndex(where: { $0.requestId == requestId }) else { return nil }
        return customJobs.remove(at: index).ticket
    }
}

// MARK: What we say

extension MiningClient {
    private mutating func request(
        _ job: ComposedJob, token: [UInt8], ticket: UInt64, at now: Instant
    ) -> [Action] {
        guard case .open(let channel) = state else { preconditionFailure("custom jobs need an open channel") }
        let requestId = takeRequestId()
        if customJobs.count == Self.maximumCustomJobRequests { customJobs.removeFirst() }
        customJobs.append(
            CustomJobRequest(
                requestId: requestId, ticket: ticket, until: now + configuration.customJobDeadline))
        return [
            .send(
                .setCustomMiningJob(
                    job.setCustomMiningJob(channelId: channel.channelId, requestId: requestId, token: token)))
        ]
    }

    private mutating func submit(
        _ header: Header, extranonce: [UInt8], jobId: UInt32, ticket: UInt64
    ) -> [Action] {
        guard case .open(let channel) = state else { preconditionFailure("shares need an open channel") }
        let (sequenceNumber, givenUp) = shares.append(ticket)
        let message = SubmitSharesExtended(
            channelId: channel.channelId, sequenceNumber: sequenceNumber, jobId: jobId, nonce: header.nonce,
            ntime: header.time, version: header.version, extranonce: extranonce)
        return [.send(.submitSharesExtended(message))]
            + (givenUp.map { [.shareUnanswered(ticket: $0)] } ?? [])
    }

    /// When the pool may next be told of another hash rate; `nil` when it knows the current one.
    private var nextUpdate: Instant? {
        guard hashRate != announcedHashRate, let announcedAt else { return nil }
        return announcedAt + Self.updateInterval
    }

    private mutating func updateChannel(at now: Instant) -> [Action] {
        guard case .open(let channel) = state, let nextUpdate, now >= nextUpdate else { return [] }
        (announcedHashRate, announcedAt) = (hashRate, now)
        let update = UpdateChannel(
            channelId: channel.channelId, nominalHashRate: wireHashRate(hashRate),
            maximumTarget: u256(configuration.maximumTarget))
        return [.send(.updateChannel(update))]
    }

    private mutating func takeRequestId() -> UInt32 {
        defer { nextRequestId &+= 1 }
        return nextRequestId
    }
}

extension ClientChannel {
    /// Bytes of the whole extranonce.
    public var fullExtranonceSize: Int { extranoncePrefix.count + extranonceSize }
    var hasRoom: Bool { fullExtranonceSize <= 32 }
}

private func u256(_ target: Target) -> U256 { U256(wireBytes: target.wireBytes) ?? .max }
private func target(_ number: U256) -> Target { Target(wireBytes: number.wireBytes) ?? .max }

/// The nearest single-precision number; rates beyond its range become its largest.
private func wireHashRate(_ rate: HashRate) -> Float {
    min(Float(rate.hashesPerSecond), .greatestFiniteMagnitude)
}
