import BitcoinPrimitives
import SV2Codec
import SV2Messages

// Channels: opening, updating, closing. Source: sv2-notes §5.1, §5.2, §5.4.

extension Pool {
    /// Targets harder than this are no miner's wish but a mistake: a share every 2^128 hashes.
    static let hardestTarget = Target(leadingZeroBits: 128)

    mutating func handle(_ message: MiningMessage, on connection: ConnectionID, _ turn: inout Turn) {
        switch message {
        case .openStandardMiningChannel(let open):
            refuseChannel(
                open.requestId, what: OpenStandardMiningChannel.name, .standardChannel, connection, &turn)
        case .openExtendedMiningChannel(let open): openChannel(open, connection, &turn)
        case .updateChannel(let update): updateChannel(update, connection, &turn)
        case .closeChannel(let close): closeChannel(close, connection, &turn)
        case .setCustomMiningJob(let job): setCustomJob(job, connection, &turn)
        case .submitSharesExtended(let share): submit(share, connection, &turn)
        case .submitSharesStandard(let share):
            // There is no standard channel, so it cannot be one's id.
            rejectShare(
                share.sequenceNumber, channelId: share.channelId, user: nil, .channelId, connection, &turn)
        case .common, .openStandardMiningChannelSuccess, .openExtendedMiningChannelSuccess,
            .openMiningChannelError,
            .updateChannelError, .setExtranoncePrefix, .submitSharesSuccess, .submitSharesError,
            .newMiningJob,
            .newExtendedMiningJob, .setNewPrevHash, .setTarget, .setCustomMiningJobSuccess,
            .setCustomMiningJobError,
            .setGroupChannel:
            // A server's message, or an extension that is not served: the specification wants silence.
            let name = type(of: message.message).name
            if miningLinks[connection]?.ignored.insert(name).inserted == true {
                turn.actions.append(.ignored(connection, name))
            }
        }
    }

    private mutating func openChannel(
        _ open: OpenExtendedMiningChannel, _ connection: ConnectionID, _ turn: inout Turn
    ) {
        do throws(ChannelRefusal) {
            let success = try takeChannel(open, connection)
            turn.actions.append(.sendMining(connection, .openExtendedMiningChannelSuccess(success)))
        } catch {
            refuseChannel(open.requestId, what: OpenExtendedMiningChannel.name, error, connection, &turn)
        }
    }

    private mutating func takeChannel(
        _ open: OpenExtendedMiningChannel, _ connection: ConnectionID
    ) throws(ChannelRefusal) -> OpenExtendedMiningChannelSuccess {
        guard !open.userIdentity.bytes.isEmpty else { throw .userIdentity }
        let target = try target(for: open.nominalHashRate, maximum: Target(wire: open.maxTarget))
        guard Int(open.minExtranonceSize) <= configuration.maximumExtranonceSize else {
            throw .extranonceSize
        }
        // Every open channel may still fill its part, so that one cannot use up what was promised to another.
        let promised = (channelCount + 1) * configuration.sharesPerChannelAndTip
        guard seen.count + promised <= configuration.maximumSeenShares else { throw .shareMemory }
        guard let link = miningLinks[connection],
            link.channels.count < configuration.maximumChannelsPerConnection,
            let channelId = miningLinks[connection]?.newChannelId()
        else { throw .tooManyChannels }
        let channel = Channel(
            channelId: channelId, user: open.userIdentity,
            extranoncePrefix: prefixes.take(for: open.userIdentity),
            extranonceSize: max(configuration.extranonceSize, Int(open.minExtranonceSize)), target: target)
        miningLinks[connection]?.channels[channelId] = channel
        channelCount += 1
        return OpenExtendedMiningChannelSuccess(
            requestId: open.requestId, channelId: channelId, target: target.onWire,
            extranonceSize: UInt16(clamping: channel.extranonceSize),
            extranoncePrefix: channel.extranoncePrefix,
            groupChannelId: MiningLink.groupChannelId)
    }

    private mutating func updateChannel(
        _ update: UpdateChannel, _ connection: ConnectionID, _ turn: inout Turn
    ) {
        do throws(ChannelRefusal) {
            guard let channel = miningLinks[connection]?.channels[update.channelId] else { throw .channelId }
            let target = try target(for: update.nominalHashRate, maximum: Target(wire: update.maximumTarget))
            guard target != channel.target else { return }
            miningLinks[connection]?.channels[update.channelId]?.target = target
            let message = SetTarget(channelId: update.channelId, maximumTarget: target.onWire)
            turn.actions.append(.sendMining(connection, .setTarget(message)))
        } catch {
            let code = error.rawValue
            let message = UpdateChannelError(channelId: update.channelId, errorCode: WireText(code))
            turn.actions.append(.sendMining(connection, .updateChannelError(message)))
            turn.actions.append(.refused(connection, what: UpdateChannel.name, code: code, details: ""))
        }
    }

    private func target(for rate: Float, maximum: Target) throws(ChannelRefusal) -> Target {
        guard rate.isFinite, rate >= 0 else { throw .nominalHashRate }
        guard maximum >= Self.hardestTarget else { throw .maximumTarget }
        return configuration.target(for: rate, maximum: maximum)
    }

    private mutating func closeChannel(_ close: CloseChannel, _ connection: ConnectionID, _ turn: inout Turn)
    {
        guard let link = miningLinks[connection] else { return }
        let isGroup = close.channelId == MiningLink.groupChannelId
        for channelId in isGroup ? link.channels.keys.sorted() : [close.channelId] {
            removeChannel(channelId, connection, &turn)
        }
    }

    /// Shares accepted until now are acknowledged, so that the client does not send them again.
    mutating func removeChannel(_ channelId: UInt32, _ connection: ConnectionID, _ turn: inout Turn) {
        acknowledge(channelId, on: connection, &turn)
        if let channel = miningLinks[connection]?.channels.removeValue(forKey: channelId) { release(channel) }
    }

    mutating func release(_ channel: Channel) {
        prefixes.release(channel.extranoncePrefix, of: channel.user)
        jobCount -= channel.jobs.count
        channelCount -= 1
    }

    private func refuseChannel(
        _ requestId: UInt32, what: String, _ refusal: ChannelRefusal, _ connection: ConnectionID,
        _ turn: inout Turn
    ) {
        let message = OpenMiningChannelError(requestId: requestId, errorCode: WireText(refusal.rawValue))
        turn.actions.append(.sendMining(connection, .openMiningChannelError(message)))
        turn.actions.append(.refused(connection, what: what, code: refusal.rawValue, details: ""))
    }
}
