public import BitcoinPrimitives

// Many transactions at once: array by array instead of one by one, so that waiting for memory overlaps.
extension Mempool {
    /// Adds many transactions. The outcome is that of adding one after the other, in this order.
    ///
    /// A few hundred thousand take less than a tenth of a second, the first template included, if the mempool was
    /// empty, entries are known by their figures alone, and parents come before their children.
    ///
    /// - Returns: those that were refused, and why.
    @discardableResult
    public mutating func add(contentsOf entries: [MempoolEntry]) -> [(txid: Txid, reason: Refusal)] {
        let expected = Swift.min(count + entries.count, Mempool.maximumTransactions)
        // And a few to come.
        reserve(expected + expected / 32)
        let taken = entries.withUnsafeBufferPointer { addRun($0) }
        var refused = [(txid: Txid, reason: Refusal)]()
        for entry in entries[taken...] {
            if case .refused(let reason) = add(entry) { refused.append((entry.txid, reason)) }
        }
        return refused
    }

    /// Adds entries from the first one on, as far as nothing can be said against them at a glance.
    ///
    /// - Returns: how many.
    private mutating func addRun(_ entries: UnsafeBufferPointer<MempoolEntry>) -> Int {
        guard graph.isRaw, graph.nodes.isEmpty, orphaned.isEmpty, feeDeltas.isEmpty, policy.feeDeltas.isEmpty,
            !hasRules
        else { return 0 }
        var length = plainLength(entries)
        let hashes = [UInt64](unsafeUninitializedCapacity: length) { hashes, initialized in
            for i in 0..<length { hashes.initializeElement(at: i, to: hash(entries[i].txid)) }
            initialized = length
        }
        length = slots.insert(hashes) { entries[Int($0)].txid == entries[Int($1)].txid }
        let (links, linked) = links(entries, length)
        // Behind the first that needs a closer look, all is as if it had not been seen.
        for i in linked..<length { slots.remove(hashes[i], Int32(i)) }
        graph.fill(entries[..<linked], links)
        details = [Detail](unsafeUninitializedCapacity: Swift.max(details.capacity, linked)) {
            details, count in
            for i in 0..<linked {
                details.initializeElement(
                    at: i, to: Detail(wtxid: entries[i].wtxid, wireBytes: [], lockTime: 0))
                totalFees += entries[i].fee.rawValue
            }
            count = linked
        }
        return linked
    }

    /// How many entries have figures alone, and those in range.
    private func plainLength(_ entries: UnsafeBufferPointer<MempoolEntry>) -> Int {
        var money = Satoshis.max.rawValue - totalFees
        let most = Swift.min(entries.count, Mempool.maximumTransactions - count)
        for i in 0..<most {
            let fee = entries[i].fee
            guard entries[i].wireBytes.isEmpty, fee.rawValue <= money,
                Mempool.areInRange(entries[i].weight, fee, entries[i].sigopCost)
            else { return i }
            money -= fee.rawValue
        }
        return most
    }

    /// Dependencies of the entries before the first one that has a parent that does not come before it.
    private func links(
        _ entries: UnsafeBufferPointer<MempoolEntry>, _ length: Int
    ) -> (links: [(child: Int32, parent: Int32)], entries: Int) {
        var links = [(child: Int32, parent: Int32)]()
        links.reserveCapacity(length / 4)
        for i in 0..<length where !entries[i].parents.isEmpty {
            let child = Int32(i)
            let start = links.count
            for txid in entries[i].parents {
                let parent = slots.first(hash(txid)) { entries[Int($0)].txid == txid }
                guard let parent, parent < child else { return (Array(links[..<start]), i) }
                if !links[start...].contains(where: { $0.parent == parent }) { links.append((child, parent)) }
            }
        }
        return (links, length)
    }
}

extension ClusterGraph {
    /// Adds active transactions and the dependencies between them to a graph that is empty.
    mutating func fill(
        _ entries: Slice<UnsafeBufferPointer<MempoolEntry>>, _ links: [(child: Int32, parent: Int32)]
    ) {
        precondition(isRaw && nodes.isEmpty, "only an empty graph is filled at once")
        let entries = UnsafeBufferPointer(rebasing: entries)
        let room = Swift.max(nodes.capacity, entries.count)
        nodes = [Node](unsafeUninitializedCapacity: room) { nodes, count in
            for i in entries.indices {
                let fee = Int64(entries[i].fee.rawValue)
                nodes.initializeElement(
                    at: i,
                    to: Node(
                        fee: fee, baseFee: fee, weight: UInt32(entries[i].weight.weightUnits),
                        sigopCost: UInt32(entries[i].sigopCost), state: .active))
            }
            count = entries.count
        }
        txids = [Txid](unsafeUninitializedCapacity: room) { txids, count in
            for i in entries.indices { txids.initializeElement(at: i, to: entries[i].txid) }
            count = entries.count
        }
        self.links.reserveCapacity(links.count + links.count / 16)
        for link in links { addDependency(of: link.child, on: link.parent) }
    }
}
