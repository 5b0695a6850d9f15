public import BitcoinPrimitives
public import Units

/// Follows one node: its tip, its own template, its mempool, and how well it is.
///
/// One question at a time goes over the main lane, the most urgent first, so that none waits behind another in the
/// node; a long poll waits on a lane of its own. Tip and mempool come from whatever tells first: publications
/// (ZMQ), the long poll, or a look every now and then. Whatever was lost, the mempool is compared with the node's
/// list again, and only what is missing is fetched.
///
/// Sources: templates.md §3, §4, §10; recordings of nodes 0.21 and 31.
public struct NodeFollower: Sendable {
    /// What is asked on the main lane, and with which consequence.
    enum Purpose: Sendable {
        case hello
        case heartbeat
        case template
        case block(Hash256)
        case snapshot
        case entries([Txid])
    }

    struct Asked: Sendable {
        let request: NodeRequest
        let purpose: Purpose
        let at: Instant
    }

    /// Where the follower stands with its node.
    enum State: Sendable {
        case idle
        /// Nobody has answered yet, or not any more.
        case greeting(at: Instant)
        case following
        case stopped
    }

    /// What is wrong, by what shows that it is right again.
    struct Troubles: Sendable {
        /// An answer to anything.
        var link: NodeTrouble?
        /// A look at the chain.
        var chain: NodeTrouble?
        /// A good template.
        var template: NodeTrouble?
        /// A good part of the mempool.
        var mempool: NodeTrouble?

        var first: NodeTrouble? { link ?? chain ?? template ?? mempool }
    }

    struct Tip: Sendable {
        var next: NextBlock
        /// Requests with smaller ids were made before it was known.
        var knownSince: UInt64
        var at: Instant
    }

    let configuration: Configuration
    var state = State.idle
    var troubles = Troubles()
    var asked: Asked?
    var polling: Asked?
    var lastID: UInt64 = 0

    var chain: ChainInfo?
    var network: NetworkInfo?
    var tip: Tip?
    /// A tip that was named but is not known yet, and the id of the last request before it was named.
    var hint: (hash: Hash256, after: UInt64)?
    /// A template is wanted for its own sake.
    var wantsTemplate = false
    var templateAt: Instant?
    var longPollID: String?
    /// When a header was first seen whose block is not there.
    var aheadSince: Instant?

    var mirror: MempoolMirror
    var raw = RawCache()
    var gaps = GapWatch()
    /// The tip that the mirrored mempool goes with.
    var mempoolTip: Hash256?
    var wantsSnapshot = false
    var snapshotAt: Instant?
    var blocks: [Hash256] = []
    /// Exact sigop costs of the node's last template.
    var sigopCosts: [Txid: Int] = [:]
    /// The last message of `sequence`; none while the node does not publish it.
    var sequenceAt: Instant?

    var heartbeatAt: Instant
    var templateNotBefore: Instant
    var mempoolNotBefore: Instant
    var longPollNotBefore: Instant
    public private(set) var health = NodeHealth.starting
    private var wakeAt: Instant?

    /// Blocks whose ids wait to be fetched; with more of them the whole mempool is compared.
    static let maximumBlocks = 32

    public init(configuration: Configuration = Configuration()) {
        precondition(configuration.batch > 0 && 2 * configuration.batch <= NodeRequest.maximumCalls)
        self.configuration = configuration
        mirror = MempoolMirror(limit: configuration.maximumTransactions)
        let past = Instant(nanoseconds: .min / 2)
        (heartbeatAt, templateNotBefore, mempoolNotBefore, longPollNotBefore) = (past, past, past, past)
    }

    /// How much of the node's mempool is here.
    public var progress: MempoolProgress {
        let isOnItsWay = if case .snapshot? = asked?.purpose { true } else { false }
        return MempoolProgress(
            held: mirror.held.count, missing: mirror.missing,
            isCompared: snapshotAt != nil && !wantsSnapshot && !isOnItsWay, tip: mempoolTip)
    }

    /// How many transactions are held whose sigop cost is an upper bound. Looks at each of them.
    public var boundedSigopCosts: Int { mirror.held.values.count { !$0.isSigopCostExact } }

    /// Ids of the transactions that are held.
    public var mempool: [Txid] { Array(mirror.held.keys) }

    /// The tip that is built on, once it is known.
    public var nextBlock: NextBlock? { tip?.next }

    public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        var actions = [Action]()
        switch (state, event) {
        case (.idle, .start): state = .greeting(at: now)
        case (.greeting, .start), (.following, .start), (.stopped, .start):
            preconditionFailure("start comes once")
        case (.idle, .stop), (.greeting, .stop), (.following, .stop):
            abandonAll(&actions)
            state = .stopped
            return actions
        case (.idle, _), (.stopped, _): return []
        case (.greeting, .answered(let id, let status, let body)),
            (.following, .answered(let id, let status, let body)):
            answered(id, status, body, now, &actions)
        case (.greeting, .failed(let id, let failure)), (.following, .failed(let id, let failure)):
            failed(id, .unreachable(failure), now, &actions)
        case (.greeting, .message(let message)), (.following, .message(let message)):
            received(message, now, &actions)
        case (.greeting, .messagesLost), (.following, .messagesLost): lostMessages()
        case (.greeting, .woke), (.following, .woke): break
        }
        checkDeadlines(now, &actions)
        pump(now, &actions)
        report(&actions)
        scheduleWake(now, &actions)
        return actions
    }

    // MARK: Asking

    /// Asks the most urgent question, if the lane is free.
    private mutating func pump(_ now: Instant, _ actions: inout [Action]) {
        if asked == nil, let (purpose, calls) = nextQuestion(now) {
            let request = NodeRequest(firstID: lastID + 1, calls: calls)
            lastID += UInt64(calls.count)
            asked = Asked(request: request, purpose: purpose, at: now)
            actions.append(.call(request, .main))
        }
        guard polling == nil, case .following = state, troubles.link == nil, let longPollID,
            now >= longPollNotBefore
        else { return }
        let request = NodeRequest(
            firstID: lastID + 1, calls: [.getBlockTemplate(longPollID: longPollID)])
        lastID += 1
        polling = Asked(request: request, purpose: .template, at: now)
        actions.append(.call(request, .longPoll))
    }

    private mutating func nextQuestion(_ now: Instant) -> (Purpose, [NodeCall])? {
        switch state {
        case .idle, .stopped: return nil
        case .greeting(let at):
            return now < at ? nil : (.hello, [.getBlockchainInfo, .getNetworkInfo, .getZMQNotifications])
        case .following: break
        }
        let mayAskTemplate = now >= templateNotBefore
        if mayAskTemplate, hint != nil || wantsTemplate || tip == nil {
            wantsTemplate = false
            return (.template, [.getBlockTemplate(longPollID: nil)])
        }
        let mayAskMempool = now >= mempoolNotBefore
        if mayAskMempool, let block = blocks.first { return (.block(block), [.getBlock(block)]) }
        if now >= heartbeatAt { return (.heartbeat, [.getBlockchainInfo]) }
        if mayAskMempool, tip != nil, wantsSnapshot || now >= snapshotDue {
            wantsSnapshot = false
            mirror.snapshotAsked()
            // The same best block before and after: the list in between is that block's.
            return (.snapshot, [.getBestBlockHash, .getRawMempool, .getBestBlockHash])
        }
        if mayAskMempool, mirror.hasWaiting {
            let txids = mirror.take(configuration.batch, for: lastID + 1)
            let calls = txids.flatMap { txid -> [NodeCall] in
                let entry = NodeCall.getMempoolEntry(txid)
                return raw.find(txid) == nil ? [entry, .getRawTransaction(txid, verbose: false)] : [entry]
            }
            if !calls.isEmpty { return (.entries(txids), calls) }
        }
        return mayAskTemplate && now >= templateDue ? (.template, [.getBlockTemplate(longPollID: nil)]) : nil
    }

    /// When the mempool is to be compared again, however quiet it is.
    private var snapshotDue: Instant {
        guard let last = snapshotAt else { return Instant(nanoseconds: .min) }
        guard let sequenceAt else { return last + configuration.poll }
        let due = min(max(last, sequenceAt) + configuration.silence, last + configuration.audit)
        guard let tip, mempoolTip != tip.next.previousBlock else { return due }
        // The publisher should have told of the block by then.
        return min(due, max(last, tip.at) + configuration.deadline)
    }

    private var templateDue: Instant {
        templateAt.map { $0 + configuration.refresh } ?? Instant(nanoseconds: .min)
    }

    // MARK: Failing

    /// A request that ends without an answer; what it was for is asked again.
    mutating func failed(_ id: UInt64, _ trouble: NodeTrouble, _ now: Instant, _ actions: inout [Action]) {
        if polling?.request.firstID == id {
            polling = nil
            longPollNotBefore = now + configuration.retry
            return
        }
        guard let asked, asked.request.firstID == id else { return }
        self.asked = nil
        takeBack(asked)
        troubles.link = trouble
        state = .greeting(at: now + configuration.retry)
    }

    /// Makes a question that got no use out of its answer one that is still to be asked.
    mutating func takeBack(_ asked: Asked) {
        switch asked.purpose {
        case .hello, .heartbeat: break
        case .template: wantsTemplate = true
        case .block: break
        case .snapshot:
            mirror.snapshotFailed()
            wantsSnapshot = true
        case .entries(let txids): mirror.giveBack(txids, from: asked.request.firstID)
        }
    }

    private mutating func checkDeadlines(_ now: Instant, _ actions: inout [Action]) {
        if let asked {
            let id = asked.request.firstID
            if now >= asked.at + configuration.patience {
                actions.append(.abandon(id, .main))
                failed(id, stalled(asked), now, &actions)
            } else if now >= asked.at + configuration.deadline {
                troubles.link = stalled(asked)
            }
        }
        if let polling, now >= polling.at + configuration.longPoll {
            actions.append(.abandon(polling.request.firstID, .longPoll))
            failed(polling.request.firstID, stalled(polling), now, &actions)
        }
        if let aheadSince, let chain, now >= aheadSince + configuration.blockTime {
            troubles.chain = .behind(blocks: chain.blocks, headers: chain.headers)
        }
    }

    private func stalled(_ asked: Asked) -> NodeTrouble {
        .stalled(call: asked.request.calls[0].method, after: configuration.deadline)
    }

    private mutating func abandonAll(_ actions: inout [Action]) {
        if let asked { actions.append(.abandon(asked.request.firstID, .main)) }
        if let polling { actions.append(.abandon(polling.request.firstID, .longPoll)) }
        (asked, polling) = (nil, nil)
    }

    // MARK: Reporting

    private mutating func report(_ actions: inout [Action]) {
        let now: NodeHealth
        if let trouble = troubles.first {
            now = .down(trouble)
        } else if case .following = state, tip != nil {
            // How many are missing changes all the time; that some are is what matters.
            let isMirrored = snapshotAt != nil && mirror.isComplete
            now = isMirrored ? .following : .synchronising(missing: mirror.missing)
        } else {
            now = .starting
        }
        guard now != health else { return }
        switch (health, now) {
        // Some transactions on their way are everyday life.
        case (.following, .synchronising(let missing)) where missing < 1_000: return
        case (.synchronising(let before), .synchronising(let missing))
        where missing > before / 2 && missing <= 2 * before + 1_000: return
        case (.starting, _), (.synchronising, _), (.following, _), (.down, _): break
        }
        health = now
        actions.append(.health(now))
    }

    private mutating func scheduleWake(_ now: Instant, _ actions: inout [Action]) {
        var times = [Instant]()
        if let asked {
            times.append(
                asked.at
                    + (now < asked.at + configuration.deadline
                        ? configuration.deadline : configuration.patience))
        } else {
            switch state {
            case .greeting(let at): times.append(at)
            case .following:
                times.append(heartbeatAt)
                if tip == nil || hint != nil || wantsTemplate { times.append(templateNotBefore) }
                times.append(max(templateDue, templateNotBefore))
                times.append(max(snapshotDue, mempoolNotBefore))
                if wantsSnapshot || mirror.hasWaiting || !blocks.isEmpty { times.append(mempoolNotBefore) }
            case .idle, .stopped: break
            }
        }
        if let polling {
            times.append(polling.at + configuration.longPoll)
        } else if longPollID != nil, case .following = state {
            times.append(longPollNotBefore)
        }
        if let aheadSince, now < aheadSince + configuration.blockTime {
            times.append(aheadSince + configuration.blockTime)
        }
        guard let next = times.filter({ $0 > now }).min(), next != wakeAt else { return }
        wakeAt = next
        actions.append(.wake(at: next))
    }
}
