import BitcoinPrimitives
import SV2Codec
import SV2Messages

// Custom jobs. Source: sv2-notes §8.5.

extension Pool {
    mutating func setCustomJob(_ message: SetCustomMiningJob, _ connection: ConnectionID, _ turn: inout Turn)
    {
        do throws(CustomJobRefusal) {
            let (job, user) = try takeJob(message, connection, turn)
            let success = SetCustomMiningJobSuccess(
                channelId: message.channelId, requestId: message.requestId, jobId: job.jobId)
            turn.actions.append(.sendMining(connection, .setCustomMiningJobSuccess(success)))
            turn.actions.append(.customJobAccepted(connection, user: user, jobId: job.jobId))
        } catch {
            let failure = SetCustomMiningJobError(
                channelId: message.channelId, requestId: message.requestId,
                errorCode: WireText(error.rawValue))
            turn.actions.append(.sendMining(connection, .setCustomMiningJobError(failure)))
            turn.actions.append(
                .refused(connection, what: SetCustomMiningJob.name, code: error.rawValue, details: ""))
        }
    }

    /// The token is used up whatever comes of it: another try needs another declaration.
    private mutating func takeJob(
        _ message: SetCustomMiningJob, _ connection: ConnectionID, _ turn: Turn
    ) throws(CustomJobRefusal) -> (ServerJob, user: WireText) {
        guard miningLinks[connection]?.work == .custom else { throw .notSelected }
        let source: CustomJobSource
        switch tokens.use(message.miningJobToken, at: turn.now) {
        case .declared(let job): source = .declared(job)
        case .allocated: source = .undeclared
        case .declaring: throw .notYetValidated
        case .stale: throw .staleTip
        case nil: throw .token
        }
        guard let next, Hash256(wire: message.prevHash) == next.previousBlock else { throw .staleTip }
        let check = UndeclaredCheck(next: next, payout: PayoutTerms(configuration), clock: turn.unixTime)
        let outputs: [TransactionOutput]
        switch source {
        case .declared(let job): outputs = try compare(message, with: job, next, turn)
        case .undeclared: outputs = try check.outputs(of: message)
        }
        guard var channel = miningLinks[connection]?.channels[message.channelId] else { throw .channelId }
        let work: SharedWork
        let body: BlockBody?
        switch source {
        case .declared(let job):
            // The length byte of the script counts the extranonce: another size makes another coinbase.
            guard channel.fullExtranonceSize == job.coinbase.extranonceSize else { throw .coinbasePrefix }
            (work, body) = (SharedWork(job), job.body)
        case .undeclared:
            let coinbase = try check.coinbase(
                message, outputs, extranonceSize: channel.fullExtranonceSize)
            work = SharedWork(
                previousBlock: next.previousBlock, height: next.height, version: message.version,
                bits: next.bits, merklePath: message.merklePath.map { Hash256(wire: $0) },
                coinbase: coinbase)
            body = nil
        }
        let before = channel.jobs.count
        guard before >= configuration.maximumJobsPerChannel || jobCount < configuration.maximumJobs,
            let jobId = miningLinks[connection]?.newJobId()
        else { throw .tooManyJobs }
        let job = channel.makeJob(
            jobId, .custom, work, body: body, minimumTime: message.minNtime, blockTarget: next.blockTarget)
        channel.add(job, limit: configuration.maximumJobsPerChannel)
        jobCount += channel.jobs.count - before
        miningLinks[connection]?.channels[message.channelId] = channel
        return (job, channel.user)
    }

    private func compare(
        _ message: SetCustomMiningJob, with declared: DeclaredJob, _ next: NextBlock, _ turn: Turn
    ) throws(CustomJobRefusal) -> [TransactionOutput] {
        guard declared.previousBlock == next.previousBlock else { throw .staleTip }
        guard message.nbits == declared.bits.bits else { throw .bits }
        guard message.version == declared.version else { throw .version }
        guard RollingRules.allowsTime(message.minNtime, minimum: next.minimumTime, clock: turn.unixTime)
        else {
            throw .minimumTime
        }
        try compare(message, with: declared.coinbase)
        guard message.merklePath.map({ Hash256(wire: $0) }) == declared.merklePath else { throw .merklePath }
        return declared.coinbase.outputs
    }

    /// Field by field, so that together they are the whole coinbase.
    private func compare(_ message: SetCustomMiningJob, with coinbase: CoinbaseParts) throws(CustomJobRefusal)
    {
        let outputs: [TransactionOutput]
        do throws(ParsingFault) {
            outputs = try TransactionOutput.list(wireBytes: message.coinbaseTxOutputs)
        } catch {
            throw .coinbase
        }
        guard message.coinbaseTxVersion == coinbase.version else { throw .coinbaseVersion }
        guard message.coinbasePrefix == coinbase.scriptPrefix else { throw .coinbasePrefix }
        guard message.coinbaseTxInputNSequence == coinbase.sequence else { throw .coinbaseSequence }
        guard outputs == coinbase.outputs else { throw .coinbaseOutputs }
        guard message.coinbaseTxLocktime == coinbase.lockTime else { throw .coinbaseLockTime }
    }
}

/// Where a custom job comes from.
private enum CustomJobSource {
    case declared(DeclaredJob)
    /// Coinbase-only.
    case undeclared
}
