import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

// Channels: opening, updating, closing. Source: sv2-notes §5.1, §5.2, §5.4.

extension Pool {
    /// Targets harder than this are no miner's wish but a mistake: a share every 2^128 hashes.
    static let hardestTarget = Target(leadingZeroBits: 128)

    mutating func handle(
        _ message: MiningMessage, _ trailing: ArraySlice<UInt8>, on connection: ConnectionID,
        _ turn: inout Turn
    ) {
        switch message {
        case .openStandardMiningChannel(let open): openChannel(ChannelWish(open), connection, &turn)
        case .openExtendedMiningChannel(let open): openChannel(ChannelWish(open), connection, &turn)
        case .updateChannel(let update): updateChannel(update, connection, &turn)
        case .closeChannel(let close): closeChannel(close, connection, &turn)
        case .setCustomMiningJob(let job): setCustomJob(job, connection, &turn)
        case .submitSharesExtended(let share): submit(SubmittedShare(share), trailing, connection, &turn)
        case .submitSharesStandard(let share): submit(SubmittedShare(share), trailing, connection, &turn)
        case .common, .openStandardMiningChannelSuccess, .openExtendedMiningChannelSuccess,
            .openMiningChannelError, .updateChannelError, .setExtranoncePrefix, .submitSharesSuccess,
            .submitSharesError, .newMiningJob, .newExtendedMiningJob, .setNewPrevHash, .setTarget,
            .setCustomMiningJobSuccess, .setCustomMiningJobError, .setGroupChannel:
            // A server's message, or an extension that is not served: the specification wants silence.
            let name = type(of: message.message).name
            if miningLinks[connection]?.ignored.insert(name).inserted == true {
                turn.actions.append(.ignored(connection, name))
            }
        }
    }

    private mutating func openChannel(
        _ wish: ChannelWish, _ connection: ConnectionID, _ turn: inout Turn
    ) {
        do throws(ChannelRefusal) {
            let channel = try takeChannel(wish, connection, turn)
            turn.actions.append(.sendMining(connection, channel.success(requestId: wish.requestId)))
            if configuration.vardiff, vardiffDue == nil { vardiffDue = turn.now + Vardiff.interval }
            serve(channel.channelId, on: connection, isNewTip: true, &turn)
        } catch {
            let message = OpenMiningChannelError(
                requestId: wish.requestId, errorCode: WireText(error.rawValue))
            turn.actions.append(.sendMining(connection, .openMiningChannelError(message)))
            turn.actions.append(
                .refused(connection, what: wish.messageName, code: error.rawValue, details: ""))
        }
    }

    private mutating func takeChannel(
        _ wish: ChannelWish, _ connection: ConnectionID, _ turn: Turn
    ) throws(ChannelRefusal) -> Channel {
        guard let link = miningLinks[connection] else { throw .channelId }
        switch (link.work, wish.kind) {
        case (.custom, .standard): throw .standardChannel
        case (.ownStandardOnly, .extended): throw .extendedChannel
        case (.custom, .extended), (.own, .standard), (.own, .extended), (.ownStandardOnly, .standard): break
        }
        guard !wish.user.bytes.isEmpty else { throw .userIdentity }
        let target = try target(for: wish.nominalHashRate, maximum: wish.maximumTarget)
        guard wish.minimumExtranonceSize <= configuration.maximumExtranonceSize else { throw .extranonceSize }
        let rolled = max(configuration.extranonceSize, wish.minimumExtranonceSize)
        guard channelCount < configuration.maximumChannels,
            link.channels.count < configuration.maximumChannelsPerConnection,
            let group = miningLinks[connection]?.group(
                extranonceSize: configuration.extranoncePrefixSize + rolled),
            let channelId = miningLinks[connection]?.newChannelId()
        else { throw .tooManyChannels }
        let space = spaces.take(for: wish.user)
        let channel = Channel(
            kind: wish.kind, channelId: channelId, groupChannelId: group, user: wish.user,
            extranoncePrefix: wish.kind.prefix(space.prefix, rolled: rolled),
            extranonceSize: wish.kind == .extended ? rolled : 0, target: target,
            maximumTarget: wish.maximumTarget, seen: space.seen,
            vardiff: Vardiff(estimate: wish.nominalHashRate, at: turn.now))
        miningLinks[connection]?.channels[channelId] = channel
        channelCount += 1
        openShares += space.seen.count
        return channel
    }

    private mutating func updateChannel(
        _ update: UpdateChannel, _ connection: ConnectionID, _ turn: inout Turn
    ) {
        do throws(ChannelRefusal) {
            guard var channel = miningLinks[connection]?.channels[update.channelId] else { throw .channelId }
            let maximum = Target(wire: update.maximumTarget)
            let target = try target(for: update.nominalHashRate, maximum: maximum)
            channel.maximumTarget = maximum
            channel.vardiff.announce(update.nominalHashRate, at: turn.now)
            miningLinks[connection]?.channels[update.channelId] = channel
            setTarget(target, of: update.channelId, on: connection, &turn)
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
        return configuration.target(for: Double(rate), maximum: maximum)
    }

    private mutating func closeChannel(_ close: CloseChannel, _ connection: ConnectionID, _ turn: inout Turn)
    {
        guard let link = miningLinks[connection] else { return }
        let isChannel = link.channels[close.channelId] != nil
        for channelId in isChannel ? [close.channelId] : link.members(of: close.channelId) {
            removeChannel(channelId, connection, keepsSpace: true, &turn)
        }
    }

    /// Shares accepted until now are acknowledged, so that the client does not send them again.
    mutating func removeChannel(
        _ channelId: UInt32, _ connection: ConnectionID, keepsSpace: Bool, _ turn: inout Turn
    ) {
        acknowledge(ChannelKey(connection: connection, channelId: channelId), &turn)
        guard let channel = miningLinks[connection]?.channels.removeValue(forKey: channelId) else { return }
        release(channel, keepsSpace: keepsSpace)
    }

    /// - Parameter keepsSpace: for the same user, while the tip lasts.
    mutating func release(_ channel: Channel, keepsSpace: Bool) {
        jobCount -= channel.customJobCount
        channelCount -= 1
        openShares -= channel.seen.count
        if keepsSpace {
            spaces.release(channel.extranoncePrefix, of: channel.user, seen: channel.seen)
        } else {
            spaces.retire(channel.extranoncePrefix)
        }
        if channelCount == 0 { vardiffDue = nil }
    }
}

/// What either message that opens a channel asks for.
private struct ChannelWish {
    let kind: Channel.Kind
    let requestId: UInt32
    let user: WireText
    let nominalHashRate: Float
    let maximumTarget: Target
    let minimumExtranonceSize: Int
    let messageName: String

    init(_ open: OpenStandardMiningChannel) {
        kind = .standard
        requestId = open.requestId
        user = open.userIdentity
        nominalHashRate = open.nominalHashRate
        maximumTarget = Target(wire: open.maxTarget)
        minimumExtranonceSize = 0
        messageName = OpenStandardMiningChannel.name
    }

    init(_ open: OpenExtendedMiningChannel) {
        kind = .extended
        requestId = open.requestId
        user = open.userIdentity
        nominalHashRate = open.nominalHashRate
        maximumTarget = Target(wire: open.maxTarget)
        minimumExtranonceSize = Int(open.minExtranonceSize)
        messageName = OpenExtendedMiningChannel.name
    }
}

extension Channel.Kind {
    /// The channel's prefix: on a standard channel the whole extranonce, zeros where others roll.
    func prefix(_ own: [UInt8], rolled: Int) -> [UInt8] {
        switch self {
        case .standard: own + [UInt8](repeating: 0, count: rolled)
        case .extended: own
        }
    }
}

extension Channel {
    fileprivate func success(requestId: UInt32) -> MiningMessage {
        switch kind {
        case .standard:
            .openStandardMiningChannelSuccess(
                OpenStandardMiningChannelSuccess(
                    requestId: requestId, channelId: channelId, target: target.onWire,
                    extranoncePrefix: extranoncePrefix, groupChannelId: groupChannelId))
        case .extended:
            .openExtendedMiningChannelSuccess(
                OpenExtendedMiningChannelSuccess(
                    requestId: requestId, channelId: channelId, target: target.onWire,
                    extranonceSize: UInt16(clamping: extranonceSize), extranoncePrefix: extranoncePrefix,
                    groupChannelId: groupChannelId))
        }
    }
}
