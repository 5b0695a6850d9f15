import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

// Shares and found blocks. Source: sv2-notes §5.5, §10.

extension Pool {
    mutating func submit(_ share: SubmitSharesExtended, _ connection: ConnectionID, _ turn: inout Turn) {
        guard let channel = miningLinks[connection]?.channels[share.channelId] else {
            return rejectShare(
                share.sequenceNumber, channelId: share.channelId, user: nil, .channelId, connection, &turn)
        }
        switch verdict(on: share, channel, turn) {
        case .accepted(let hash, let target, let block):
            if let block { publish(block, hash, &turn) }
            accept(share, hash, target: target, isBlock: block != nil, channel, connection, &turn)
        case .movedTheTip(let hash, let target):
            accept(share, hash, target: target, isBlock: true, channel, connection, &turn)
        case .refused(let refusal):
            rejectShare(
                share.sequenceNumber, channelId: share.channelId, user: channel.user, refusal, connection,
                &turn)
        }
    }

    private enum ShareVerdict {
        case accepted(Hash256, Target, block: [UInt8]?)
        /// A share of the tip before that is the new tip itself: it was overtaken by its own block.
        case movedTheTip(Hash256, Target)
        case refused(ShareRefusal)
    }

    private func verdict(on share: SubmitSharesExtended, _ channel: Channel, _ turn: Turn) -> ShareVerdict {
        let job: CustomJob
        let isLate: Bool
        switch channel.find(share.jobId) {
        case .active(let active): (job, isLate) = (active, false)
        case .late(let late): (job, isLate) = (late, true)
        case .stale: return .refused(.stale)
        case .unknown: return .refused(.jobId)
        }
        let judged = job.judge(share, clock: turn.unixTime)
        if isLate {
            if case .block(_, let hash) = judged, hash == next?.previousBlock, !seen.contains(hash) {
                return .movedTheTip(hash, job.target)
            }
            guard turn.now - tipChangedAt < configuration.lateShareGrace else { return .refused(.stale) }
        }
        switch judged {
        case .refused(let refusal): return .refused(refusal)
        case .share(let hash):
            return seen.contains(hash) ? .refused(.duplicate) : .accepted(hash, job.target, block: nil)
        case .block(let header, let hash):
            guard !seen.contains(hash) else { return .refused(.duplicate) }
            return .accepted(hash, job.target, block: job.blockBytes(header, rolled: share.extranonce))
        }
    }

    private mutating func accept(
        _ share: SubmitSharesExtended, _ hash: Hash256, target: Target, isBlock: Bool, _ channel: Channel,
        _ connection: ConnectionID, _ turn: inout Turn
    ) {
        let difficulty = target.difficulty
        let due = turn.now + configuration.acknowledgementDelay
        seen.insert(hash)
        turn.actions.append(
            .shareAccepted(
                connection, user: channel.user, difficulty: difficulty, hash: hash, isBlock: isBlock))
        var changed = channel
        changed.sharesAtTip += 1
        changed.batch.add(sequenceNumber: share.sequenceNumber, difficulty: difficulty, due: due)
        miningLinks[connection]?.channels[share.channelId] = changed
        if isBlock || changed.batch.isFull(configuration.acknowledgementBatch) {
            acknowledge(share.channelId, on: connection, &turn)
        } else if let due = changed.batch.due {
            turn.wake(at: due)
        }
        guard changed.sharesAtTip >= configuration.sharesPerChannelAndTip else { return }
        removeChannel(share.channelId, connection, &turn)
        let code = "too-many-shares"
        let message = CloseChannel(channelId: share.channelId, reasonCode: WireText(code))
        turn.actions.append(.sendMining(connection, .closeChannel(message)))
        turn.actions.append(
            .refused(
                connection, what: SubmitSharesExtended.name, code: code, details: "\(changed.sharesAtTip)"))
    }

    mutating func acknowledge(_ channelId: UInt32, on connection: ConnectionID, _ turn: inout Turn) {
        guard let success = miningLinks[connection]?.channels[channelId]?.batch.take(channelId: channelId)
        else {
            return
        }
        turn.actions.append(.sendMining(connection, .submitSharesSuccess(success)))
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
