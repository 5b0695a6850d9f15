import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

// What the pool changes while a channel is open: targets, prefixes, addresses. Source: sv2-notes §5.4, §5.6.

extension Pool {
    /// Between two jobs that a channel gets for its own changed terms: a flood of updates is not answered
    /// with a flood of jobs.
    static let ownJobInterval = Duration.seconds(1)

    /// Says the target when it is another one. It counts for later jobs, so that one follows.
    mutating func setTarget(
        _ target: Target, of channelId: UInt32, on connection: ConnectionID, _ turn: inout Turn
    ) {
        guard let channel = miningLinks[connection]?.channels[channelId] else { return }
        if channel.target != target {
            miningLinks[connection]?.channels[channelId]?.target = target
            let message = SetTarget(channelId: channelId, maximumTarget: target.onWire)
            turn.actions.append(.sendMining(connection, .setTarget(message)))
        }
        renewJob(of: channelId, on: connection, &turn)
    }

    /// A job with the channel's terms where the newest has others. Custom jobs are for the client to renew.
    private mutating func renewJob(of channelId: UInt32, on connection: ConnectionID, _ turn: inout Turn) {
        guard let channel = miningLinks[connection]?.channels[channelId], let job = channel.jobs.last,
            job.target != channel.target || job.extranoncePrefix != channel.extranoncePrefix
        else { return }
        if let last = channel.lastOwnJob, turn.now - last < Self.ownJobInterval { return }
        serve(channelId, on: connection, isNewTip: false, &turn)
    }

    /// Looks at the share rate of every channel.
    mutating func adjustTargets(_ turn: inout Turn) {
        vardiffDue = turn.now + Vardiff.interval
        for connection in miningLinks.keys.sorted() {
            for channelId in miningLinks[connection]?.channels.keys.sorted() ?? [] {
                adjustTarget(of: channelId, on: connection, &turn)
            }
        }
    }

    private mutating func adjustTarget(
        of channelId: UInt32, on connection: ConnectionID, _ turn: inout Turn
    ) {
        guard let channel = miningLinks[connection]?.channels[channelId] else { return }
        var vardiff = channel.vardiff
        if channel.jobs.isEmpty {
            vardiff.restart(at: turn.now)
        } else {
            _ = vardiff.adjust(
                target: channel.target, sharesPerMinute: configuration.sharesPerMinute, at: turn.now)
        }
        miningLinks[connection]?.channels[channelId]?.vardiff = vardiff
        let isChanged = vardiff.estimate != channel.vardiff.estimate
        let target =
            isChanged
            ? configuration.target(for: vardiff.estimate, maximum: channel.maximumTarget) : channel.target
        // Also where an update came too soon after a job to be followed by one.
        setTarget(target, of: channelId, on: connection, &turn)
    }

    mutating func exchangePrefix(_ channelId: UInt32, _ connection: ConnectionID, _ turn: inout Turn) {
        guard let channel = miningLinks[connection]?.channels[channelId] else { return }
        let number = spaces.exchange(channel.extranoncePrefix)
        let rolled = channel.fullExtranonceSize - configuration.extranoncePrefixSize
        let prefix = channel.kind.prefix(number, rolled: rolled)
        miningLinks[connection]?.channels[channelId]?.extranoncePrefix = prefix
        let message = SetExtranoncePrefix(channelId: channelId, extranoncePrefix: prefix)
        turn.actions.append(.sendMining(connection, .setExtranoncePrefix(message)))
        serve(channelId, on: connection, isNewTip: false, &turn)
    }

    func askToReconnect(_ host: WireText, _ port: UInt16, _ turn: inout Turn) {
        let message = MiningMessage.common(.reconnect(Reconnect(newHost: host, newPort: port)))
        for (connection, link) in miningLinks.sorted(by: { $0.key < $1.key }) {
            if case .done = link.setup { turn.actions.append(.sendMining(connection, message)) }
        }
    }
}
