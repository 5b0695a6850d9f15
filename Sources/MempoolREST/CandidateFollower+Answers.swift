import BitcoinPrimitives
import Units

extension CandidateFollower {
    // MARK: Statuses

    mutating func answered(
        _ request: RESTRequest, _ answer: RESTAnswer, _ now: Instant, _ actions: inout [Action]
    ) {
        let question = request.question
        switch answer.status {
        case 200 where answer.body.count > request.limit:
            failed(request, .tooLarge(limit: request.limit), now, &actions)
        case 200:
            wentWell()
            take(answer, to: question, now, &actions)
        case 304 where request.unlessTag != nil:
            wentWell()
            listed(now)
        case 429, 503: throttled(answer, now)
        case 301, 302, 303, 307, 308: refused(.redirected(to: answer.location), now)
        case 400...499 where question == .projectedBlocks:
            // Esplora has no such thing.
            wentWell()
            projects = false
            book.floor = 0
        case 404, 410:
            guard let txid = question.txid else {
                return refused(.refused(question, status: answer.status), now)
            }
            wentWell()
            incomplete = nil
            book.isGone(txid)
        default: refused(.refused(question, status: answer.status), now)
        }
    }

    private mutating func wentWell() {
        troubles.link = nil
        failures = 0
        refusals = 0
        hasAskedAgain = false
    }

    mutating func failed(
        _ request: RESTRequest, _ failure: RESTFailure, _ now: Instant, _ actions: inout [Action]
    ) {
        if failure == .keptConnectionClosed, !hasAskedAgain {
            // Nobody's fault: asked again at once, on a new connection.
            hasAskedAgain = true
            return
        }
        if case .tooLarge(let limit) = failure, let txid = request.question.txid {
            // It is that transaction's fault, not the service's.
            incomplete = nil
            return publish(book.refuse(txid, .tooLarge(limit: limit)), &actions)
        }
        troubles.link = .unreachable(failure)
        backOff(now)
    }

    private mutating func throttled(_ answer: RESTAnswer, _ now: Instant) {
        let wish = answer.retryAfter.flatMap {
            RetryAfter.wait($0, date: answer.date, unixTime: answer.unixTime)
        }
        refusals += 1
        let wait = max(min(wish ?? .zero, configuration.maximumPause), nextWait())
        troubles.link = .throttled(status: answer.status, wait: wait)
        pausedUntil = now + wait
    }

    private mutating func refused(_ trouble: ServiceTrouble, _ now: Instant) {
        refusals += 1
        troubles.link = trouble
        pausedUntil = now + nextWait()
    }

    /// Waits before the next attempt.
    mutating func backOff(_ now: Instant) { pausedUntil = now + nextWait() }

    /// Longer after each failure, less something by chance; after many refusals much longer.
    private mutating func nextWait() -> Duration {
        failures += 1
        if refusals >= configuration.refusals {
            refusals = 0
            return configuration.rest
        }
        let doublings = min(failures - 1, 20)
        let whole = min(configuration.retry * (1 << doublings), configuration.maximumRetry)
        return whole - .nanoseconds(Int64(Double(whole.wholeNanoseconds / 2) * chance.nextFraction()))
    }

    // MARK: Contents

    private mutating func take(
        _ answer: RESTAnswer, to question: RESTQuestion, _ now: Instant, _ actions: inout [Action]
    ) {
        do throws(ServedFault) {
            switch question {
            case .tipHash: tipSeen(try PlainServed.hash(answer.body), now, &actions)
            case .tipHeight: heightSeen(try PlainServed.height(answer.body))
            case .mempool: figuresSeen(try ServedMempool(answer.body), now)
            case .txids:
                let limit = configuration.maximumListed
                let list = try PlainServed.txids(answer.body, limit: limit)
                listTag = answer.entityTag.flatMap { CandidateFollower.isTag($0) ? $0 : nil }
                publish(book.apply(list, tipMoved: isListBehind), &actions)
                listed(now)
            case .recent:
                recentAt = now + configuration.recentPoll
                book.note(try RecentTransaction.list(answer.body))
            case .projectedBlocks:
                floorAt = now + configuration.listPoll
                book.floor = try ProjectedBlocks.floor(answer.body, blocks: configuration.projectedBlocks)
            case .transaction(let txid): return transactionSeen(txid, answer.body, now, &actions)
            case .bytes(let txid): return bytesSeen(txid, answer.body, now, &actions)
            }
        } catch {
            troubles.answer = (question, .badAnswer(question, error))
            return backOff(now)
        }
        if troubles.answer?.question == question, !isTooLarge { troubles.answer = nil }
    }

    /// What a header field may hold, so that it can be sent back.
    private static func isTag(_ text: String) -> Bool {
        (1...200).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }

    private var isTooLarge: Bool {
        if case .mempoolTooLarge? = troubles.answer?.trouble { true } else { false }
    }

    // MARK: The tip

    private mutating func tipSeen(_ hash: Hash256, _ now: Instant, _ actions: inout [Action]) {
        switch tipStep {
        case .look where hash == tip?.hash: tipStep = .look(at: now + configuration.tipPoll)
        case .look: tipStep = .height(of: hash)
        case .height: preconditionFailure("the height is asked for")
        case .again(let found) where found.hash == hash:
            tipStep = .look(at: now + configuration.tipPoll)
            tip = found
            isListBehind = true
            listFigures = nil
            listStep = .look(at: nil)
            actions.append(.publish(.tip(found)))
        // Another block came in between, or several servers stand behind the name.
        case .again: tipStep = .look(at: now + configuration.tipPoll)
        }
    }

    private mutating func heightSeen(_ height: UInt32) {
        switch tipStep {
        case .height(let hash): tipStep = .again(CandidateTip(hash: hash, height: height))
        case .look, .again: preconditionFailure("the hash is asked for")
        }
    }

    // MARK: The list

    private mutating func figuresSeen(_ figures: ServedMempool, _ now: Instant) {
        guard figures.count <= configuration.maximumListed else {
            listStep = .look(at: now + configuration.listPoll)
            troubles.answer = (
                .mempool, .mempoolTooLarge(count: figures.count, limit: configuration.maximumListed)
            )
            return
        }
        if isTooLarge { troubles.answer = nil }
        if figures == listFigures {
            listStep = .look(at: now + configuration.listPoll)
        } else {
            listStep = .list(figures)
        }
    }

    /// The list is known to be as it is held.
    private mutating func listed(_ now: Instant) {
        if case .list(let figures) = listStep { listFigures = figures }
        listStep = .look(at: now + configuration.listPoll)
        isListBehind = false
    }

    // MARK: Transactions

    private mutating func transactionSeen(
        _ txid: Txid, _ body: [UInt8], _ now: Instant, _ actions: inout [Action]
    ) {
        let told: ServedTransaction
        do throws(ServedFault) { told = try ServedTransaction(body) } catch {
            return refuse(txid, .unreadable(error), now, &actions)
        }
        if told.txid == txid, told.isConfirmed { return book.isGone(txid) }
        if told.txid == txid, !told.isCoinbase, told.needsBytes {
            incomplete = told
            return
        }
        take(told, as: txid, bytes: nil, now, &actions)
    }

    private mutating func bytesSeen(
        _ txid: Txid, _ body: [UInt8], _ now: Instant, _ actions: inout [Action]
    ) {
        guard let told = incomplete, told.txid == txid else { preconditionFailure("the rest is asked for") }
        incomplete = nil
        let bytes: [UInt8]
        do throws(ServedFault) { bytes = try PlainServed.bytes(body) } catch {
            return refuse(txid, .unreadable(error), now, &actions)
        }
        take(told, as: txid, bytes: bytes, now, &actions)
    }

    private mutating func take(
        _ told: ServedTransaction, as txid: Txid, bytes: [UInt8]?, _ now: Instant,
        _ actions: inout [Action]
    ) {
        do throws(CandidateRefusal) {
            publish(try book.take(try told.checked(as: txid, bytes: bytes)), &actions)
            untruths = 0
            troubles.truth = nil
        } catch {
            refuse(txid, error, now, &actions)
        }
    }

    private mutating func refuse(
        _ txid: Txid, _ refusal: CandidateRefusal, _ now: Instant, _ actions: inout [Action]
    ) {
        publish(book.refuse(txid, refusal), &actions)
        untruths += 1
        guard untruths >= configuration.untruths else { return }
        untruths = 0
        troubles.truth = .untruthful(count: configuration.untruths, last: refusal)
        pausedUntil = now + configuration.rest
    }

    private func publish(_ change: CandidateChange, _ actions: inout [Action]) {
        if !change.isEmpty { actions.append(.publish(.candidates(change))) }
    }
}

extension RESTQuestion {
    /// Of the transaction that it is about.
    var txid: Txid? {
        switch self {
        case .transaction(let txid), .bytes(let txid): txid
        case .tipHash, .tipHeight, .mempool, .txids, .recent, .projectedBlocks: nil
        }
    }
}
