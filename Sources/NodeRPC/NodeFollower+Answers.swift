import BitcoinPrimitives
import Units

extension NodeFollower {
    mutating func answered(
        _ id: UInt64, _ status: Int, _ body: [UInt8], _ now: Instant, _ actions: inout [Action]
    ) {
        if let polling, polling.request.firstID == id {
            self.polling = nil
            longPollNotBefore = now + configuration.retry
            guard let part = try? NodeReply.answers(status: status, body: body, to: polling.request)[0].get()
            else { return }
            templateAnswered(part, id, now, &actions)
            return
        }
        // One that was given up.
        guard let asked, asked.request.firstID == id else { return }
        let answers: [Result<JSONPart, NodeError>]
        do throws(ReplyFault) {
            answers = try NodeReply.answers(status: status, body: body, to: asked.request)
        } catch {
            failed(id, NodeFollower.trouble(error), now, &actions)
            return
        }
        self.asked = nil
        troubles.link = nil
        switch asked.purpose {
        case .hello: greeted(answers, id, now, &actions)
        case .heartbeat: _ = chainAnswered(answers[0], id, now)
        case .template:
            switch answers[0] {
            case .success(let part): templateAnswered(part, id, now, &actions)
            case .failure(let error): templateRefused(error, now)
            }
        case .block(let hash): blockAnswered(hash, answers[0], now, &actions)
        case .snapshot: snapshotAnswered(answers, asked, now, &actions)
        case .entries(let txids): entriesAnswered(txids, answers, asked, now, &actions)
        }
    }

    private static func trouble(_ fault: ReplyFault) -> NodeTrouble {
        switch fault {
        case .unauthorised: .unauthorised
        case .forbidden: .forbidden
        case .busy: .busy
        case .http, .json, .strangeID, .unanswered, .empty: .garbage(fault)
        }
    }

    static func trouble(_ error: NodeError, _ call: NodeCall, chain: ChainInfo?) -> NodeTrouble {
        switch error.meaning {
        case .warmingUp: .warmingUp(error.message)
        case .initialDownload:
            .initialDownload(blocks: chain?.blocks ?? 0, headers: chain?.headers ?? 0)
        case .notConnected: .notConnected
        case .badParameter, .notFound, .undecodable, .unknownMethod, .other:
            .refused(call: call.method, error)
        }
    }

    // MARK: The chain

    private mutating func greeted(
        _ answers: [Result<JSONPart, NodeError>], _ id: UInt64, _ now: Instant, _ actions: inout [Action]
    ) {
        guard let chain = chainAnswered(answers[0], id, now) else {
            state = .greeting(at: now + configuration.retry)
            return
        }
        if case .success(let part) = answers[1] { network = try? NetworkInfo(part) }
        actions.append(.publish(.identified(chain, network)))
        // Not known to every server; then the node is looked at from time to time.
        if case .success(let part) = answers[2], let list = try? ZMQNotification.list(part) {
            actions.append(.subscribe(list))
        }
        state = .following
        // Whatever was said while it was away has not been heard.
        gaps = GapWatch()
        mirror.forgetNumbers()
        blocks = []
        mempoolTip = nil
        wantsTemplate = true
        wantsSnapshot = true
    }

    /// - Returns: `nil` when the answer tells nothing.
    private mutating func chainAnswered(
        _ answer: Result<JSONPart, NodeError>, _ id: UInt64, _ now: Instant
    ) -> ChainInfo? {
        heartbeatAt = now + configuration.heartbeat
        let info: ChainInfo
        switch answer {
        case .failure(let error):
            troubles.chain = NodeFollower.trouble(error, .getBlockchainInfo, chain: chain)
            return nil
        case .success(let part):
            do throws(AnswerFault) { info = try ChainInfo(part) } catch {
                troubles.chain = .badAnswer(call: NodeCall.getBlockchainInfo.method, error)
                return nil
            }
        }
        chain = info
        troubles.chain = nil
        // A test chain counts as downloading until somebody mines, and gives templates all the same.
        let isTest = ["test", "testnet4", "signet", "regtest"].contains(info.chain)
        if info.headers > info.blocks {
            let since = aheadSince ?? now
            aheadSince = since
            if info.headers - info.blocks > 1 {
                troubles.chain = .behind(blocks: info.blocks, headers: info.headers)
            }
        } else {
            aheadSince = nil
        }
        if info.isInInitialDownload == true, !isTest {
            troubles.chain = .initialDownload(blocks: info.blocks, headers: info.headers)
        }
        // An answer to an older question may name an older tip.
        if let tip, id >= tip.knownSince { named(info.bestBlock) }
        return info
    }

    // MARK: Tip and template

    /// Somebody says that this is the tip. What is known or asked for already changes nothing.
    mutating func named(_ hash: Hash256) {
        guard let tip, tip.next.previousBlock != hash, hint?.hash != hash else { return }
        hint = (hash, lastID)
    }

    private mutating func templateRefused(_ error: NodeError, _ now: Instant) {
        templateNotBefore = now + configuration.retry
        troubles.template = NodeFollower.trouble(error, .getBlockTemplate(longPollID: nil), chain: chain)
        wantsTemplate = true
    }

    private mutating func templateAnswered(
        _ part: JSONPart, _ id: UInt64, _ now: Instant, _ actions: inout [Action]
    ) {
        let template: BlockTemplate
        do throws(TemplateRefusal) {
            template = try BlockTemplate(part, schedule: chain?.subsidySchedule)
        } catch {
            templateNotBefore = now + configuration.retry
            troubles.template = .badTemplate(error)
            wantsTemplate = true
            return
        }
        if let tip, tip.next.previousBlock != template.previousBlock, id < tip.knownSince,
            template.height <= tip.next.height
        {
            // Asked before this tip was known, about another one that is not above it: it may be the older one, or
            // the newer one of a reorganisation. An answer to a question of now tells.
            wantsTemplate = true
            return
        }
        troubles.template = nil
        templateAt = now
        longPollID = template.longPollID
        // What was named before the question was asked is in the answer, or was not the tip any more.
        if let hint, hint.hash == template.previousBlock || id > hint.after { self.hint = nil }
        if tip?.next.previousBlock != template.previousBlock {
            tip = Tip(next: template.nextBlock, knownSince: lastID + 1, at: now)
            actions.append(.publish(.tip(template.nextBlock)))
            // With a publisher of `sequence` the block itself is on its way.
            if sequenceAt == nil { wantsSnapshot = true }
        } else {
            tip?.next = template.nextBlock
        }
        actions.append(.publish(.ownTemplate(OwnTemplate(template))))
        useTransactions(of: template, now, &actions)
    }
}
