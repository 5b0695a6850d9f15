import BitcoinPrimitives
import SV2Codec
import Units

// What a server says.

extension BaseTemplateClient {
    mutating func receive(
        _ header: FrameHeader, _ payload: [UInt8], at now: Instant, unixTime: UInt32
    ) -> [Action] {
        switch state {
        case .waiting, .stopped, .failed: return ignore(messageName(header))
        case .asked, .pausing, .receiving, .following: break
        }
        let message: BaseTemplateMessage?
        do throws(CodecError) {
            message = try BaseTemplateMessage.read(header, payload)
        } catch {
            return fail(.malformed(messageName(header), error))
        }
        switch message {
        case .success(let answer): return begin(answer, at: now, unixTime: unixTime)
        case .error(let answer): return refuse(answer, at: now)
        case .segment(let segment): return take(segment, at: now, unixTime: unixTime)
        case .delta(let delta): return follow(.delta(delta), delta.sequence, at: now, unixTime: unixTime)
        case .newTip(let tip): return follow(.tip(tip), tip.sequence, at: now, unixTime: unixTime)
        case .constraints(let message):
            return follow(.constraints(message), message.sequence, at: now, unixTime: unixTime)
        case .request, .acknowledge, .stop, nil: return ignore(messageName(header))
        }
    }

    private func messageName(_ header: FrameHeader) -> String {
        let names = BaseTemplateMessage.messageNames
        return header.msgType < names.count
            ? names[Int(header.msgType)] : "message \(header.msgType)"
    }

    // MARK: A whole list

    private mutating func begin(
        _ answer: RequestBaseTemplateSuccess, at now: Instant, unixTime: UInt32
    ) -> [Action] {
        // A server begins anew by itself where a client did not keep up.
        guard answer.requestId == requestId else { return ignore(RequestBaseTemplateSuccess.name) }
        if case .pausing = state { return ignore(RequestBaseTemplateSuccess.name) }
        guard listBound.admits(at: now) else { return fail(.tooManyLists) }
        guard answer.usedVersion == BaseTemplateExtension.version else {
            return fail(.version(answer.usedVersion))
        }
        let (count, bytes, segments) = (
            Int(answer.candidateCount), Int(answer.listBytes), Int(answer.segmentCount)
        )
        // A segment has a record at least, and no record is smaller than that of its ids.
        guard count <= BaseTemplateExtension.maximumCandidates,
            bytes <= BaseTemplateExtension.maximumListBytes,
            segments <= count, count * 32 <= bytes, (count == 0) == (segments == 0)
        else { return fail(.listSize(candidates: count, bytes: bytes, segments: segments)) }
        refusals = 0
        isCurrent = false
        var actions = [Action]()
        do throws(BaseTemplateFault) {
            actions += try take(tipFields: answer.tip, unixTime: unixTime)
            actions += try take(constraints: answer.constraints, at: now)
        } catch {
            return fail(error)
        }
        state = .receiving(
            Transfer(
                announced: answer, next: now + configuration.segmentDeadline,
                end: now + configuration.listDeadline))
        return actions + finishListIfWhole(at: now)
    }

    private mutating func refuse(_ answer: RequestBaseTemplateError, at now: Instant) -> [Action] {
        guard case .asked(let id, _) = state, id == answer.requestId else {
            return ignore(RequestBaseTemplateError.name)
        }
        refusals += 1
        guard answer.errorCode == RequestBaseTemplateError.noTemplate,
            refusals <= configuration.maximumRefusals
        else { return fail(.refused(answer.errorCode)) }
        state = .pausing(until: now + configuration.requestInterval, .first)
        return [.refused(answer.errorCode)]
    }

    private mutating func take(_ segment: BaseTemplateSegment, at now: Instant, unixTime: UInt32) -> [Action]
    {
        guard case .receiving(var transfer) = state else { return ignore(BaseTemplateSegment.name) }
        guard segment.sequence == transfer.announced.sequence else {
            return ignore(BaseTemplateSegment.name)  // of a list that was given up
        }
        guard Int(segment.segmentIndex) == transfer.segments,
            transfer.segments < Int(transfer.announced.segmentCount)
        else {
            return lose(.segment(segment.segmentIndex, expected: transfer.segments), at: now)
        }
        let announced = Int(transfer.announced.listBytes)
        transfer.bytes += segment.candidates.count
        guard transfer.bytes <= announced else {
            return fail(.listDiffers(bytes: transfer.bytes, announced: announced))
        }
        do throws(RecordFault) {
            transfer.candidates += try CandidateRecords.read(segment.candidates)
        } catch {
            return fail(.record(BaseTemplateSegment.name, error))
        }
        guard transfer.candidates.count <= Int(transfer.announced.candidateCount) else {
            return fail(.listDiffers(bytes: transfer.bytes, announced: announced))
        }
        transfer.segments += 1
        transfer.next = now + configuration.segmentDeadline
        state = .receiving(transfer)
        let acknowledge = AcknowledgeBaseTemplate(
            sequence: segment.sequence, segments: UInt16(transfer.segments))
        return [.send(.acknowledge(acknowledge))] + finishListIfWhole(at: now)
    }

    private mutating func finishListIfWhole(at now: Instant) -> [Action] {
        guard case .receiving(let transfer) = state,
            transfer.segments == Int(transfer.announced.segmentCount)
        else { return [] }
        let announced = Int(transfer.announced.listBytes)
        guard transfer.bytes == announced else {
            return fail(.listDiffers(bytes: transfer.bytes, announced: announced))
        }
        var list = CandidateList()
        let order: [Candidate]
        do throws(ListFault) {
            order = try list.add(transfer.candidates)
            try list.check(
                count: Int(transfer.announced.candidateCount), checksum: transfer.announced.checksum)
        } catch {
            return error.isOutOfStep ? lose(.outOfStep(error), at: now) : fail(.list(error))
        }
        candidates = list
        sequence = transfer.announced.sequence
        isCurrent = transfer.announced.listIsCurrent
        state = following(at: now)
        let entries = order.filter { !withheld.contains($0.wtxid) }.map { list.entry(of: $0) }
        return [.list(entries)]
    }

    private func following(at now: Instant) -> State {
        .following(
            silence: now + configuration.silenceDeadline,
            currentBy: isCurrent ? nil : now + configuration.currentListDeadline)
    }

    // MARK: Changes

    private enum Change {
        case delta(BaseTemplateDelta)
        case tip(NewBaseTemplateTip)
        case constraints(SetBaseTemplateConstraints)
    }

    private mutating func follow(
        _ change: Change, _ number: UInt64, at now: Instant, unixTime: UInt32
    ) -> [Action] {
        guard messageBound.admits(at: now) else { return fail(.tooManyMessages) }
        guard case .following(_, let currentBy) = state else {
            return passBy(change, unixTime: unixTime)
        }
        guard number == sequence &+ 1 else {
            let known = number <= sequence ? [] : passBy(change, unixTime: unixTime)
            if case .failed = state { return known }
            return known + lose(.sequence(number, expected: sequence &+ 1), at: now)
        }
        var actions = [Action]()
        do throws(BaseTemplateFault) {
            switch change {
            case .delta(let delta): actions = try apply(delta, unixTime: unixTime)
            case .tip(let tip): actions = try apply(tip, unixTime: unixTime)
            case .constraints(let message): actions = try take(constraints: message.constraints, at: now)
            }
        } catch {
            // A change that does not fit is no lie as long as something may have been missed.
            if case .list(let fault) = error, fault.isOutOfStep { return lose(.outOfStep(fault), at: now) }
            return fail(error)
        }
        sequence = number
        // The deadline for a list that is not current does not begin anew with every change.
        state = .following(
            silence: now + configuration.silenceDeadline,
            currentBy: isCurrent ? nil : currentBy ?? now + configuration.currentListDeadline)
        let acknowledge = AcknowledgeBaseTemplate(sequence: number, segments: 0)
        return [.send(.acknowledge(acknowledge))] + actions
    }

    /// A change of a list that was given up. A new tip is news all the same: work on the old one is worth nothing.
    private mutating func passBy(_ change: Change, unixTime: UInt32) -> [Action] {
        guard case .tip(let message) = change else { return [] }
        do throws(BaseTemplateFault) {
            return try take(tipFields: message.tip, unixTime: unixTime)
        } catch {
            return fail(error)
        }
    }

    private mutating func apply(
        _ delta: BaseTemplateDelta, unixTime: UInt32
    ) throws(BaseTemplateFault) -> [Action] {
        guard var tip else { preconditionFailure("a list has a tip") }
        guard delta.headerTimestamp >= tip.next.minimumTime else {
            throw .headerTime(delta.headerTimestamp, minimum: tip.next.minimumTime)
        }
        do throws(TipFault) {
            try BaseTemplateTip.check(time: delta.headerTimestamp, unixTime: unixTime)
        } catch {
            throw .tip(error)
        }
        let added: [Candidate]
        do throws(RecordFault) {
            added = try CandidateRecords.read(delta.added)
        } catch {
            throw .record(BaseTemplateDelta.name, error)
        }
        let change: MempoolChange
        do throws(ListFault) {
            let departures = try candidates.remove(delta.removed)
            let order = try candidates.add(added)
            try candidates.check(count: Int(delta.candidateCount), checksum: delta.checksum)
            change = mempoolChange(departures, order, allMined: false)
        } catch {
            throw .list(error)
        }
        tip.next.currentTime = delta.headerTimestamp
        self.tip = tip
        isCurrent = delta.listIsCurrent
        return delta.removed.isEmpty && added.isEmpty ? [] : [.mempool(change)]
    }

    private mutating func apply(
        _ message: NewBaseTemplateTip, unixTime: UInt32
    ) throws(BaseTemplateFault) -> [Action] {
        let news = try take(tipFields: message.tip, unixTime: unixTime)
        let change: MempoolChange
        do throws(ListFault) {
            let departures = try candidates.remove(message.removed)
            try candidates.check(count: Int(message.candidateCount), checksum: message.checksum)
            change = mempoolChange(departures, [], allMined: true)
        } catch {
            throw .list(error)
        }
        isCurrent = message.listIsCurrent
        return (message.removed.isEmpty ? [] : [.mempool(change)]) + news
    }

    /// - Parameter allMined: with a new block; otherwise what leaves children behind was mined, and the rest dropped.
    private func mempoolChange(
        _ departures: [CandidateList.Departure], _ added: [Candidate], allMined: Bool
    ) -> MempoolChange {
        var change = MempoolChange()
        for departure in departures {
            if allMined || departure.leavesChildren {
                change.mined.append(departure.candidate.txid)
            } else {
                change.dropped.append(departure.candidate.txid)
            }
        }
        change.added = added.filter { !withheld.contains($0.wtxid) }.map { candidates.entry(of: $0) }
        return change
    }

    private mutating func take(
        tipFields fields: TipFields, unixTime: UInt32
    ) throws(BaseTemplateFault) -> [Action] {
        let new: BaseTemplateTip
        do throws(TipFault) {
            new = try BaseTemplateTip(fields, unixTime: unixTime, schedule: configuration.subsidies)
            if let tip { try new.follows(tip) }
        } catch {
            throw .tip(error)
        }
        let old = tip
        tip = new
        guard new.next.previousBlock != old?.next.previousBlock else {
            var same = new.next
            same.currentTime = old?.next.currentTime ?? same.currentTime
            return same == old?.next && new.coinbasePrefix == old?.coinbasePrefix ? [] : [.tip(new.next)]
        }
        withheld = []
        isCurrent = false
        return [.tip(new.next)]
    }

    private mutating func take(
        constraints: ConstraintFields, at now: Instant
    ) throws(BaseTemplateFault) -> [Action] {
        let new: CoinbaseRules
        do throws(CoinbaseRulesFault) {
            new = try CoinbaseRules(constraints)
        } catch {
            throw .coinbase(error)
        }
        guard new != rules else { return [] }
        guard coinbaseBound.admits(at: now) else { throw .restlessCoinbase }
        rules = new
        return [.coinbase(new)]
    }
}
