import BitcoinPrimitives
import Units

extension PeerSession {
    mutating func announce(_ block: FoundBlock, at now: Instant, _ actions: inout [Action]) {
        precondition(block.network == configuration.network, "a block goes to nodes of its network")
        guard state != .stopped, !deliveries.contains(where: { $0.block.hash == block.hash }) else { return }
        if deliveries.count == PeerSession.maximumBlocks { deliveries.removeFirst() }
        deliveries.append(Delivery(block: block, found: now, last: now))
        switch state {
        case .ready: push(deliveries.count - 1, at: now, &actions)
        case .waiting: connect(at: now, &actions)  // a block is worth a try at once
        case .idle, .connecting, .greeting, .stopped: break
        }
    }

    /// What was found lately and has not arrived for certain.
    mutating func announceWaiting(at now: Instant, _ actions: inout [Action]) {
        for i in deliveries.indices where now - deliveries[i].found < configuration.announcedFor {
            guard deliveries[i].progress != .adopted,
                deliveries[i].announcements < PeerSession.maximumAnnouncements
            else { continue }
            push(i, at: now, &actions)
        }
    }

    private mutating func push(_ i: Int, at now: Instant, _ actions: inout [Action]) {
        guard let connection, let peer = connection.peer else { preconditionFailure("ready means connected") }
        if connection.compact.highBandwidth, peer.protocolVersion >= PeerSession.fastRelayVersion {
            push(i, as: .compact, at: now, &actions)
        } else {
            switch configuration.link {
            case .fast: push(i, as: .full, at: now, &actions)
            case .slow: push(i, as: .headers, at: now, &actions)
            }
        }
    }

    private mutating func push(_ i: Int, as form: Form, at now: Instant, _ actions: inout [Action]) {
        let block = deliveries[i].block
        deliveries[i].progress = .announced(form)
        deliveries[i].announcements += 1
        deliveries[i].last = now
        switch form {
        case .compact: actions.append(.send(block.compactFrame))
        case .headers: send(.headers([block.header]), &actions)
        case .full: actions.append(.send(block.blockFrame))
        }
        actions.append(.notice(.announced(block.hash, form)))
        switch form {
        case .compact, .full: ask(about: block, &actions)
        case .headers: break  // the peer cannot have it yet
        }
    }

    /// Asks what follows the block's parent in the peer's best chain. The answer comes behind all that was
    /// sent.
    private func ask(about block: FoundBlock, _ actions: inout [Action]) {
        let question = GetHeaders(
            protocolVersion: UInt32(PeerSession.protocolVersion), locator: [block.header.previousBlock],
            stop: block.hash)
        send(.getheaders(question), &actions)
    }

    /// The peer has spoken of blocks of its best chain.
    mutating func peerNamed(
        at now: Instant, _ actions: inout [Action], _ isNamed: (FoundBlock) -> Bool
    ) {
        guard state == .ready else { return }
        for i in deliveries.indices where deliveries[i].progress != .adopted {
            let block = deliveries[i].block
            guard isNamed(block) else { continue }
            deliveries[i].progress = .adopted
            actions.append(.notice(.adopted(block.hash, after: now - deliveries[i].found)))
        }
    }

    /// Follows up on announcements without effect: after a short one the block itself, then one more
    /// question.
    mutating func insist(at now: Instant, _ actions: inout [Action]) {
        for i in deliveries.indices where now - deliveries[i].last >= configuration.patience {
            switch deliveries[i].progress {
            case .announced(.compact), .announced(.headers): push(i, as: .full, at: now, &actions)
            case .announced(.full):
                deliveries[i].progress = .unconfirmed
                actions.append(.notice(.unconfirmed(deliveries[i].block.hash)))
                ask(about: deliveries[i].block, &actions)
            case .waiting, .unconfirmed, .adopted: continue
            }
        }
    }

    // MARK: serving

    /// Those of our blocks' headers that follow the first known block of the locator; none for strangers.
    mutating func answer(_ request: GetHeaders, at now: Instant, _ actions: inout [Action]) {
        var headers = [Header]()
        func follow(_ start: Hash256) {
            var tip = start
            while headers.count < PeerSession.maximumBlocks,
                let next = deliveries.last(where: { $0.block.header.previousBlock == tip })
            {
                headers.append(next.block.header)
                tip = next.block.hash
                if tip == request.stop { return }
            }
        }
        if request.locator.isEmpty {
            // Then the block named last is meant, if it is known.
            headers = deliveries.filter { $0.block.hash == request.stop }.map(\.block.header)
        } else if let known = request.locator.first(where: { hash in
            deliveries.contains { $0.block.hash == hash || $0.block.header.previousBlock == hash }
        }) {
            follow(known)
        }
        send(.headers(headers), &actions)
        for i in deliveries.indices where headers.contains(deliveries[i].block.header) {
            actions.append(.notice(.served(deliveries[i].block.hash, .headers)))
        }
    }

    mutating func answer(_ items: [InventoryItem], at now: Instant, _ actions: inout [Action]) {
        var unknown = [InventoryItem]()
        for item in items {
            guard let i = deliveries.firstIndex(where: { $0.block.hash == item.hash }),
                let (form, frame) = form(of: deliveries[i].block, asked: item.kind)
            else {
                unknown.append(item)
                continue
            }
            guard countServed(i, at: now, &actions) else { return }
            actions.append(.send(frame))
            actions.append(.notice(.served(item.hash, form)))
            ask(about: deliveries[i].block, &actions)
        }
        if !unknown.isEmpty { send(.notfound(unknown), &actions) }
    }

    private func form(of block: FoundBlock, asked kind: UInt32) -> (Served, [UInt8])? {
        switch kind {
        case InventoryItem.witnessBlock: (.full, block.blockFrame)
        case InventoryItem.block: block.strippedFrame().map { (.stripped, $0) }
        // A peer that never spoke of version 2 would read ours wrongly.
        case InventoryItem.compactBlock:
            connection?.compact.isKnown == true ? (.compact, block.compactFrame) : (.full, block.blockFrame)
        default: nil  // transactions, filtered blocks, and what there may be some day
        }
    }

    mutating func answer(
        _ request: BlockTransactionsRequest, at now: Instant, _ actions: inout [Action]
    ) {
        // For a block that is not ours any more the peer asks somebody else by itself.
        guard let i = deliveries.firstIndex(where: { $0.block.hash == request.block }) else { return }
        let block = deliveries[i].block
        if let index = request.indexes.last, index >= block.transactionCount {
            return giveUp(.noSuchTransaction(index: index, of: block.transactionCount), at: now, &actions)
        }
        guard countServed(i, at: now, &actions) else { return }
        actions.append(.send(block.transactionsFrame(request.indexes)))
        actions.append(.notice(.served(block.hash, .transactions(request.indexes.count))))
        ask(about: block, &actions)
    }

    private mutating func countServed(_ i: Int, at now: Instant, _ actions: inout [Action]) -> Bool {
        guard deliveries[i].served < PeerSession.maximumServed else {
            giveUp(.tooManyRequests(deliveries[i].block.hash), at: now, &actions)
            return false
        }
        deliveries[i].served += 1
        deliveries[i].last = now
        return true
    }
}
