import BitcoinPrimitives
import Units

extension NodeFollower {
    // MARK: Publications

    mutating func received(_ message: ZMQMessage, _ now: Instant, _ actions: inout [Action]) {
        switch gaps.note(message) {
        case .again: return
        case .next: break
        case .first: if message.topic == .sequence { wantsSnapshot = true }
        case .gap: lost(message.topic)
        }
        if message.topic == .sequence { sequenceAt = now }
        switch message.content {
        case .tip(let hash): named(hash)
        case .transaction(let bytes): published(bytes)
        case .connected(let hash):
            named(hash)
            if blocks.count >= NodeFollower.maximumBlocks {
                blocks = []
                wantsSnapshot = true
            } else if !blocks.contains(hash), hash != mempoolTip {
                blocks.append(hash)
            }
        case .disconnected(let hash):
            blocks.removeAll { $0 == hash }
            mempoolTip = nil
            wantsSnapshot = true
            if tip?.next.previousBlock == hash { wantsTemplate = true }
        case .added(let txid, let number): mirror.added(txid, number: number)
        case .removed(let txid, let number):
            if mirror.removed(txid, number: number) {
                actions.append(.publish(.mempool(.init(dropped: [txid]), tip: mempoolTip)))
            }
        }
    }

    /// Without `sequence` a transaction's appearance is the news; with it, only a way to save a question.
    private mutating func published(_ wireBytes: [UInt8]) {
        guard sequenceAt == nil else { return raw.add(wireBytes) }
        guard let txid = raw.addRead(wireBytes), !mirror.knows(txid) else { return }
        // Perhaps it comes from a block; then the node will not know it as part of its mempool.
        mirror.added(txid, number: nil)
    }

    private mutating func lost(_ topic: ZMQMessage.Topic) {
        switch topic {
        case .sequence:
            mirror.forgetNumbers()
            wantsSnapshot = true
            wantsTemplate = true
        case .hashblock: wantsTemplate = true
        case .rawtx: if sequenceAt == nil { wantsSnapshot = true }
        }
    }

    mutating func lostMessages() {
        for topic in ZMQMessage.Topic.allCases { lost(topic) }
    }

    // MARK: Blocks

    mutating func blockAnswered(
        _ hash: Hash256, _ answer: Result<JSONPart, NodeError>, _ now: Instant, _ actions: inout [Action]
    ) {
        // A disconnection may have taken it off the list meanwhile.
        guard let place = blocks.firstIndex(of: hash) else { return }
        blocks.remove(at: place)
        guard case .success(let part) = answer, let block = try? BlockSummary(part), block.hash == hash,
            let txids = block.txids
        else {
            // Pruned or unknown by now: the list of the mempool tells as well.
            wantsSnapshot = true
            return
        }
        let mined = Array(txids.dropFirst())
        mirror.mined(mined)
        if block.previousBlock == mempoolTip, mempoolTip != nil {
            mempoolTip = hash
        } else if mempoolTip != hash {
            wantsSnapshot = true
        }
        actions.append(.publish(.mempool(.init(mined: mined), tip: mempoolTip)))
    }

    // MARK: Snapshots

    mutating func snapshotAnswered(
        _ answers: [Result<JSONPart, NodeError>], _ asked: Asked, _ now: Instant, _ actions: inout [Action]
    ) {
        let list: MempoolIDs
        let tips: [Hash256]
        do {
            list = try MempoolIDs(try answers[1].get())
            tips = [try PlainAnswer.hash(try answers[0].get()), try PlainAnswer.hash(try answers[2].get())]
        } catch {
            takeBack(asked)
            mempoolFailed(error, .getRawMempool, now)
            return
        }
        let newTip = tips[0] == tips[1] ? tips[0] : nil
        let isSameTip = newTip != nil && newTip == mempoolTip
        let change = mirror.apply(list.txids, number: list.sequence, sameTip: isSameTip)
        mempoolTip = newTip
        snapshotAt = now
        if newTip == nil || !change.isComplete { wantsSnapshot = true }
        if let newTip, let place = blocks.firstIndex(of: newTip) { blocks.removeFirst(place + 1) }
        if let sequenceAt, now >= sequenceAt + configuration.patience { self.sequenceAt = nil }
        if mirror.isComplete { troubles.mempool = nil }
        actions.append(
            .publish(.mempool(.init(mined: change.mined, dropped: change.dropped), tip: mempoolTip)))
    }

    private mutating func mempoolFailed(_ error: any Error, _ call: NodeCall, _ now: Instant) {
        mempoolNotBefore = now + configuration.retry
        switch error {
        case let error as NodeError: troubles.mempool = NodeFollower.trouble(error, call, chain: chain)
        case let fault as AnswerFault: troubles.mempool = .badAnswer(call: call.method, fault)
        default: preconditionFailure("answers fail in two ways")
        }
    }

    // MARK: Transactions

    mutating func entriesAnswered(
        _ txids: [Txid], _ answers: [Result<JSONPart, NodeError>], _ asked: Asked, _ now: Instant,
        _ actions: inout [Action]
    ) {
        var arrived = [Arrival]()
        var isGood = true
        var cursor = 0
        for txid in txids {
            let entry = answers[cursor]
            cursor += 1
            var bytes: Result<JSONPart, NodeError>?
            if cursor < answers.count, case .getRawTransaction = asked.request.calls[cursor] {
                bytes = answers[cursor]
                cursor += 1
            }
            guard mirror.isAwaited(txid, from: asked.request.firstID) else { continue }
            do {
                let figures = try MempoolFigures(try entry.get())
                let checked: CheckedTransaction
                if let bytes {
                    let wireBytes = try PlainAnswer.transaction(try bytes.get())
                    let transaction = try Transaction(wireBytes: wireBytes)
                    checked = CheckedTransaction(transaction, wireBytes: wireBytes)
                } else {
                    // Pushed out of the cache since: asked for again, with its bytes.
                    guard let known = raw.find(txid) else { continue }
                    checked = known
                }
                guard checked.txid == txid else {
                    throw TemplateRefusal.txidDiffers(stated: txid, actual: checked.txid)
                }
                arrived.append(Arrival(checked: checked, fee: figures.fee, children: figures.children ?? []))
            } catch let error as NodeError where error.meaning == .notFound {
                mirror.forget(txid)
            } catch let error as NodeError {
                isGood = false
                mempoolFailed(error, .getMempoolEntry(txid), now)
            } catch let fault as AnswerFault {
                isGood = false
                mirror.forget(txid)
                mempoolFailed(fault, .getMempoolEntry(txid), now)
            } catch {
                isGood = false
                mirror.forget(txid)
                troubles.mempool = .badTransaction(txid.displayHex)
            }
        }
        if isGood { troubles.mempool = nil }
        publish(arrived, &actions)
        mirror.giveBack(txids, from: asked.request.firstID)
    }

    private struct Arrival {
        var checked: CheckedTransaction
        var fee: Satoshis
        /// Those in the node's mempool that spend from it.
        var children: [Txid] = []
    }

    /// What of the node's template is of use to the mempool: all of it at the start, when it is the best there is;
    /// later exact sigop costs.
    mutating func useTransactions(of template: BlockTemplate, _ now: Instant, _ actions: inout [Action]) {
        sigopCosts = [:]
        var corrections: [Txid: Int] = [:]
        let isFirst = snapshotAt == nil && mirror.held.isEmpty && mirror.isComplete
        var arrived = [Arrival]()
        for (position, stated) in template.transactions.enumerated() {
            guard stated.txid != nil || isFirst else { continue }
            if let txid = stated.txid, let cost = stated.sigopCost {
                sigopCosts[txid] = cost
                if let held = mirror.held[txid], !held.isSigopCostExact {
                    corrections[txid] = cost
                    mirror.markExact(txid)
                }
            }
            guard isFirst, let fee = stated.fee else { continue }
            do throws(TemplateRefusal) {
                arrived.append(Arrival(checked: try stated.checked(at: position), fee: fee))
            } catch {
                templateNotBefore = now + configuration.retry
                troubles.template = .badTemplate(error)
                return
            }
        }
        if isFirst { mempoolTip = template.previousBlock }
        publish(arrived, &actions)
        if !corrections.isEmpty { actions.append(.publish(.sigopCosts(corrections))) }
    }

    /// Holds and publishes, parents before children.
    private mutating func publish(_ arrived: [Arrival], _ actions: inout [Action]) {
        guard !arrived.isEmpty else { return }
        var positions: [Txid: Int] = [:]
        for (position, arrival) in arrived.enumerated() { positions[arrival.checked.txid] = position }
        let parents = arrived.map { arrival in
            arrival.checked.transaction.parents.filter { mirror.knows($0) || positions[$0] != nil }
        }
        // Hashes make it impossible that a transaction is among its own ancestors.
        var order = [Int]()
        var isPlaced = [Bool](repeating: false, count: arrived.count)
        for first in arrived.indices {
            var stack = [first]
            while let position = stack.last {
                let next = parents[position].lazy.compactMap { positions[$0] }.first { !isPlaced[$0] }
                if let next, !isPlaced[position] {
                    stack.append(next)
                    continue
                }
                stack.removeLast()
                if !isPlaced[position] {
                    isPlaced[position] = true
                    order.append(position)
                }
            }
        }
        let again = arrived.flatMap { mirror.refetch($0.children, of: $0.checked.txid) }
        var added = [MempoolEntry]()
        added.reserveCapacity(order.count)
        for position in order { added.append(hold(arrived[position], parents: parents[position])) }
        actions.append(.publish(.mempool(.init(dropped: again, added: added), tip: mempoolTip)))
    }

    private mutating func hold(_ arrival: Arrival, parents: [Txid]) -> MempoolEntry {
        let checked = arrival.checked
        var cost = sigopCosts[checked.txid]
        var isExact = cost != nil
        if cost == nil {
            let bound = SigopBound(checked.transaction) { outpoint in
                guard parents.contains(outpoint.txid), let held = mirror.held[outpoint.txid] else {
                    return nil
                }
                return (try? Transaction(wireBytes: held.wireBytes))?.script(at: outpoint.index)
            }
            (cost, isExact) = (bound.cost, bound.isExact)
        }
        mirror.hold(
            checked.txid,
            .init(wireBytes: checked.wireBytes, parents: parents, isSigopCostExact: isExact))
        return MempoolEntry(
            txid: checked.txid, wtxid: checked.wtxid, weight: checked.weight, sigopCost: cost ?? 0,
            fee: arrival.fee, parents: parents, wireBytes: checked.wireBytes)
    }
}
