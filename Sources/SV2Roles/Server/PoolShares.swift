import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

// Shares and found blocks. Source: sv2-notes §5.5, §10.

extension Pool {
    /// - Parameter trailing: may hold the worker's name. Source: sv2-notes §4.3.
    mutating func submit(
        _ share: SubmittedShare, _ trailing: ArraySlice<UInt8>, _ connection: ConnectionID,
        _ turn: inout Turn
    ) {
        let (submitter, verdict) = judge(share, trailing, connection, turn)
        switch verdict {
        case .accepted(let found):
            if let block = found.block { publish(block, found.hash, &turn) }
            accept(share, found, submitter, connection, &turn)
        case .blockBeyondBound(let block, let hash):
            if let block { publish(block, hash, &turn) }
            rejectShare(
                share.sequenceNumber, channelId: share.channelId, user: submitter?.user, .unkept, connection,
                &turn)
        case .refused(let refusal):
            rejectShare(
                share.sequenceNumber, channelId: share.channelId, user: submitter?.user, refusal, connection,
                &turn)
        }
    }

    /// Apart from `submit`, so that no copy of the channel is left when its memory of shares changes: that
    /// would copy the memory too.
    private func judge(
        _ share: SubmittedShare, _ trailing: ArraySlice<UInt8>, _ connection: ConnectionID, _ turn: Turn
    ) -> (Submitter?, ShareVerdict) {
        guard let link = miningLinks[connection], let channel = link.channels[share.channelId],
            channel.kind == share.kind
        else { return (nil, .refused(.channelId)) }
        // Fields that do not parse name nobody; the share is worth the same. The extension is about
        // SubmitSharesExtended alone.
        let isNamed = link.namesWorkers && share.kind == .extended
        let worker = isNamed ? (try? WorkerName.find(in: trailing)) ?? nil : nil
        return (Submitter(user: channel.user, worker: worker), verdict(on: share, channel, turn))
    }

    private enum ShareVerdict {
        case accepted(FoundShare)
        /// There is no room for its share, but the block is worth what it is.
        case blockBeyondBound([UInt8]?, Hash256)
        case refused(ShareRefusal)
    }

    /// A share that is worth something.
    private struct FoundShare {
        let hash: Hash256
        let job: ServerJob
        /// Not of the tip before, unless it is the new tip itself: it was overtaken by its own block then.
        let isBlock: Bool
        /// Where the pool can publish it.
        var block: [UInt8]?
    }

    private func verdict(on share: SubmittedShare, _ channel: Channel, _ turn: Turn) -> ShareVerdict {
        let job: ServerJob
        let isLate: Bool
        switch channel.find(share.jobId) {
        case .active(let active): (job, isLate) = (active, false)
        case .late(let late): (job, isLate) = (late, true)
        case .stale: return .refused(.stale)
        case .unknown: return .refused(.jobId)
        }
        let judged = job.judge(share, clock: turn.unixTime)
        if isLate {
            if case .block(_, let hash) = judged, hash == next?.previousBlock, !channel.seen.contains(hash) {
                return .accepted(FoundShare(hash: hash, job: job, isBlock: true))
            }
            guard turn.now - tipChangedAt < configuration.lateShareGrace else { return .refused(.stale) }
        }
        switch judged {
        case .refused(let refusal): return .refused(refusal)
        case .share(let hash):
            guard !channel.seen.contains(hash) else { return .refused(.duplicate) }
            guard unkept.count < configuration.maximumUnkeptShares else { return .refused(.unkept) }
            return .accepted(FoundShare(hash: hash, job: job, isBlock: false))
        case .block(let header, let hash):
            guard !channel.seen.contains(hash) else { return .refused(.duplicate) }
            let block = job.blockBytes(header, rolled: share.extranonce)
            guard unkept.count < 2 * configuration.maximumUnkeptShares else {
                return .blockBeyondBound(block, hash)
            }
            return .accepted(FoundShare(hash: hash, job: job, isBlock: !isLate, block: block))
        }
    }

    private mutating func accept(
        _ share: SubmittedShare, _ found: FoundShare, _ submitter: Submitter?,
        _ connection: ConnectionID, _ turn: inout Turn
    ) {
        let target = found.job.target
        let waits = configuration.acknowledgesKeptShares
        guard let submitter,
            let batch = miningLinks[connection]?.channels[share.channelId]?.count(
                share, found.hash, target, isKept: !waits)
        else { preconditionFailure("an accepted share has a channel") }
        openShares += 1
        acceptedCount += 1
        acceptedShare = AcceptedShare(
            number: acceptedCount, connection: connection, submitter: submitter,
            difficulty: target.difficulty, hash: found.hash, height: found.job.work.height,
            isBlock: found.isBlock, isCustom: found.job.origin == .custom,
            isPublished: found.isBlock && found.block != nil)
        turn.actions.append(
            .shareAccepted(
                connection, by: submitter, difficulty: target.difficulty, hash: found.hash,
                isBlock: found.isBlock))
        let key = ChannelKey(connection: connection, channelId: share.channelId)
        if waits {
            unkept.append(
                UnkeptShares.Entry(
                    number: acceptedCount, channel: key, sequenceNumber: share.sequenceNumber,
                    difficulty: target.difficulty, isBlock: found.isBlock))
        }
        if !waits, found.isBlock || batch.isFull(configuration.acknowledgementBatch) {
            acknowledge(key, &turn)
        } else if !batch.isQueued {
            miningLinks[connection]?.channels[share.channelId]?.batch.isQueued = true
            acknowledgementDues.append(key, due: turn.now + configuration.acknowledgementDelay)
        }
        boundShareMemory(after: key, &turn)
    }

    /// Each channel has its part, and all together have theirs. Source: sv2-notes §5.5, §15.
    private mutating func boundShareMemory(after key: ChannelKey, _ turn: inout Turn) {
        let count = miningLinks[key.connection]?.channels[key.channelId]?.seen.count ?? 0
        if count >= configuration.sharesPerChannelAndTip { closeForTooManyShares(key, &turn) }
        while openShares + spaces.releasedShares > configuration.maximumSeenShares {
            if spaces.forgetReleased() { continue }
            guard let busiest = busiestChannel else { return }
            closeForTooManyShares(busiest, &turn)
        }
    }

    /// The one that remembers the most shares. Looked for once in as many shares as it has: it is closed then.
    private var busiestChannel: ChannelKey? {
        var busiest: (count: Int, key: ChannelKey)?
        for (connection, link) in miningLinks {
            for (channelId, channel) in link.channels {
                let rank = (channel.seen.count, connection, channelId)
                if let busiest, (busiest.count, busiest.key.connection, busiest.key.channelId) >= rank {
                    continue
                }
                busiest = (rank.0, ChannelKey(connection: connection, channelId: channelId))
            }
        }
        return busiest?.key
    }

    /// Its space ends with it: what was mined there is worth nothing any more, so that nothing about it has
    /// to be remembered.
    private mutating func closeForTooManyShares(_ key: ChannelKey, _ turn: inout Turn) {
        let count = miningLinks[key.connection]?.channels[key.channelId]?.seen.count ?? 0
        removeChannel(key.channelId, key.connection, keepsSpace: false, &turn)
        let code = "too-many-shares"
        let message = CloseChannel(channelId: key.channelId, reasonCode: WireText(code))
        turn.actions.append(.sendMining(key.connection, .closeChannel(message)))
        turn.actions.append(
            .refused(
                key.connection, what: SubmitSharesExtended.name, code: code, details: "\(count) at this tip"))
    }

    func rejectShare(
        _ sequenceNumber: UInt32, channelId: UInt32, user: WireText?, _ refusal: ShareRefusal,
        _ connection: ConnectionID, _ turn: inout Turn
    ) {
        let error = SubmitSharesError(
            channelId: channelId, sequenceNumber: sequenceNumber, errorCode: WireText(refusal.rawValue))
        turn.actions.append(.sendMining(connection, .submitSharesError(error)))
        turn.actions.append(.shareRejected(connection, user: user, refusal))
    }

    private mutating func publish(_ block: [UInt8], _ hash: Hash256, _ turn: inout Turn) {
        if published.insert(hash) { turn.actions.append(.publish(block: block, hash: hash)) }
    }

    /// The job declarator's way to a block. It has no answer, and it earns nothing: the share does.
    mutating func pushSolution(_ solution: PushSolution, _ connection: ConnectionID, _ turn: inout Turn) {
        guard Hash256(wire: solution.prevHash) == next?.previousBlock else {
            return refusePush(ShareRefusal.stale.rawValue, connection, &turn)
        }
        guard let job = declarationLinks[connection]?.lastDeclared else {
            return refusePush("no-declared-job", connection, &turn)
        }
        guard solution.nbits == job.bits.bits else {
            return refusePush(CustomJobRefusal.bits.rawValue, connection, &turn)
        }
        guard solution.extranonce.count == job.coinbase.extranonceSize else {
            return refusePush(ShareRefusal.extranonceSize.rawValue, connection, &turn)
        }
        guard RollingRules.allowsTime(solution.ntime, minimum: job.minimumTime, clock: turn.unixTime) else {
            return refusePush(ShareRefusal.invalid.rawValue, connection, &turn)
        }
        guard RollingRules.allowsVersion(solution.version, from: job.version) else {
            return refusePush(ShareRefusal.nonRollableVersionBit.rawValue, connection, &turn)
        }
        let header = job.header(
            extranonce: solution.extranonce, version: solution.version, time: solution.ntime,
            nonce: solution.nonce)
        let hash = header.hash
        guard job.blockTarget.isMet(by: hash) else {
            return refusePush(ShareRefusal.difficultyTooLow.rawValue, connection, &turn)
        }
        publish(job.body.blockBytes(header: header, extranonce: solution.extranonce), hash, &turn)
    }

    private func refusePush(_ code: String, _ connection: ConnectionID, _ turn: inout Turn) {
        turn.actions.append(.refused(connection, what: PushSolution.name, code: code, details: ""))
    }
}
