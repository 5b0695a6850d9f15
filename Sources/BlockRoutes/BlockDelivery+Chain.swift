import BitcoinPrimitives
import Units

extension BlockDelivery {
    /// The top of a node's best chain.
    struct Chain: Sendable {
        /// Blocks that are remembered of it.
        static let length = 16

        let height: UInt32
        /// From the tip down.
        let hashes: [Hash256]

        /// - Parameter old: what was known before, which is put underneath where the two meet.
        init(_ tip: ChainTip, after old: Chain?) {
            height = tip.height
            // No chain goes below height 0.
            let known = ([tip.hash] + tip.ancestors.prefix(BlockDelivery.maximumAncestors)).prefix(
                Int(tip.height) + 1)
            var hashes = Array(known)
            let bottom = Int(tip.height) - known.count + 1
            if let old, let place = old.place(ofHeight: UInt32(bottom)), old.hashes[place] == hashes.last {
                hashes += old.hashes[(place + 1)...]
            }
            self.hashes = Array(hashes.prefix(Self.length))
        }

        /// Where the block of that height stands in ``hashes``; `nil` when it is not known.
        private func place(ofHeight wanted: UInt32) -> Int? {
            guard wanted <= height, height - wanted < hashes.count else { return nil }
            return Int(height - wanted)
        }

        func hash(at wanted: UInt32) -> Hash256? { place(ofHeight: wanted).map { hashes[$0] } }
    }

    mutating func see(_ tip: ChainTip, of route: BlockRoute, at now: Instant, _ actions: inout [Action]) {
        switch route {
        case .node, .templateProvider: break
        case .jobDeclarator, .pool, .peers: preconditionFailure("only nodes tell tips")
        }
        if let place = chains.firstIndex(where: { $0.route == route }) {
            chains[place].chain = Chain(tip, after: chains[place].chain)
        } else {
            precondition(chains.count < Self.maximumChains, "a few nodes, whose numbers stay")
            chains.append((route, Chain(tip, after: nil)))
        }
        for i in entries.indices { look(i, on: route, at: now, &actions) }
        sendAgain(afterTipOf: route, at: now, &actions)
    }

    /// Compares a block with what the node has at its height.
    mutating func look(_ i: Int, on route: BlockRoute, at now: Instant, _ actions: inout [Action]) {
        guard let chain = chains.first(where: { $0.route == route })?.chain else { return }
        let before = (confirmed: entries[i].isConfirmed, view: entries[i].views[route])
        let block = entries[i].block
        if chain.height < block.height {
            entries[i].views[route] = nil
        } else if let hash = chain.hash(at: block.height) {
            entries[i].views[route] = hash == block.hash ? .ours : .other(hash)
        }  // else it is too deep to tell, and stays as it was
        let after = entries[i].views[route]
        guard after != before.view else { return }
        if after == .ours, !before.confirmed {
            entries[i].alarmAt = nil
            actions.append(.notice(.confirmed(entries[i].name, by: route, after: now - entries[i].since)))
        } else if before.confirmed, !entries[i].isConfirmed {
            actions.append(.alarm(alarm(i, .reorganised(route))))
        }
    }
}
