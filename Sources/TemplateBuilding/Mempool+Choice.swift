public import BitcoinPrimitives

/// What a mempool would put into a block.
public struct MempoolChoice: Sendable {
    public var fees: Satoshis
    public var weight: Weight
    public var sigopCost: Int
    public var transactions: Int { slots.count }
    /// Fees as the order counts them, deltas included; equal to ``fees`` without any.
    public var orderingFees: Int64
    /// No choice orders higher than this, as far as whole chunks are taken.
    public var bound: Int64
    /// Included transactions that are not in: absent, kept out themselves or by an ancestor, or too large
    /// together.
    public var omitted: [Txid] = []
    /// Slots in block order.
    var slots: [Int32] = []
    /// The first of them that were taken before all choice.
    var pinned = 0
    /// The best chunk that is not in.
    var cutoff: ChunkEntry?
}

/// What a new template would earn, known without building it.
///
/// Fees here are those that the order counts, deltas included, as in ``MempoolChoice/orderingFees``.
public struct MempoolOutlook: Hashable, Sendable {
    /// A choice made now is no lower. With included transactions that would not be chosen anyway this is what is
    /// left when they take their room, which a choice misses by a chunk at most.
    public var atLeast: Int64
    /// Nor is it higher than this; some hundred satoshis above the other in a full mempool.
    public var atMost: Int64

    public init(atLeast: Int64, atMost: Int64) { (self.atLeast, self.atMost) = (atLeast, atMost) }

    /// What a new template would earn more than one with these fees; below zero, less.
    public func gain(over orderingFees: Int64) -> ClosedRange<Int64> {
        let (low, lowOverflow) = atLeast.subtractingReportingOverflow(orderingFees)
        let (high, highOverflow) = atMost.subtractingReportingOverflow(orderingFees)
        let sure = lowOverflow ? (orderingFees < 0 ? .max : .min) : low
        return sure...Swift.max(sure, highOverflow ? (orderingFees < 0 ? .max : .min) : high)
    }

    /// Whether a new job is worth sending to miners who work on one with these fees: the sure gain reaches
    /// the threshold.
    public func isWorthNewJob(over orderingFees: Int64, threshold: Satoshis) -> Bool {
        gain(over: orderingFees).lowerBound >= Int64(clamping: threshold.rawValue)
    }
}

/// Why a transaction is in a choice, or not.
public enum Explanation: Hashable, Sendable {
    /// Not in the mempool.
    case unknown
    /// Taken before all choice, by the operator's wish, at this place.
    case included(position: Int)
    /// In, at this place, as part of a chunk of that many transactions with these sums.
    case chosen(position: Int, chunk: Figures)
    case keptOut(Mempool.KeptOut)
    /// Its chunk pays less than the minimum rate.
    case belowMinimumRate(chunk: Figures)
    /// Its chunk pays less than the best one that did not fit.
    case outbid(chunk: Figures, cutoff: Figures)
    /// Its chunk pays enough, but the end of the block is filled better without it.
    case doesNotFit(chunk: Figures)

    public struct Figures: Hashable, Sendable {
        public var transactions: Int
        /// Deltas included.
        public var fee: Int64
        public var weight: Weight
        public var sigopCost: Int

        public init(transactions: Int, fee: Int64, weight: Weight, sigopCost: Int) {
            self.transactions = transactions
            self.fee = fee
            self.weight = weight
            self.sigopCost = sigopCost
        }
    }
}

extension Mempool {
    /// The best choice within these limits (both inclusive; what header, count and coinbase take is already
    /// subtracted), with the policy applied.
    ///
    /// A walk over what is ready, a fifth of a millisecond. It takes up to some hundred milliseconds where signature
    /// operations run out before weight does, or where included transactions would not be chosen anyway.
    public mutating func choose(weight: Weight, sigopCost: Int) -> MempoolChoice {
        graph.settle()
        let limits = FillLimits(
            weight: Int64(clamping: weight.weightUnits), sigopCost: Int64(Swift.max(0, sigopCost)),
            minimumRate: Int64(clamping: policy.minimumRate))
        let plain = MempoolChoice(graph.bestFill(limits))
        guard !policy.included.isEmpty else { return plain }
        let (pins, omitted) = pins(limits)
        var choice = plain
        if !Set(plain.slots).isSuperset(of: pins) { choice = self.choice(with: pins, limits) }
        choice.omitted = omitted
        return choice
    }

    /// What the next choice would earn: a microsecond, without building anything.
    public mutating func outlook(weight: Weight, sigopCost: Int) -> MempoolOutlook {
        graph.settle()
        let limits = FillLimits(
            weight: Int64(clamping: weight.weightUnits), sigopCost: Int64(Swift.max(0, sigopCost)),
            minimumRate: Int64(clamping: policy.minimumRate))
        let free = graph.outlook(limits)
        guard !policy.included.isEmpty else {
            return MempoolOutlook(atLeast: free.sums.fee, atMost: Swift.max(free.sums.fee, free.bound))
        }
        var reduced = limits
        for slot in pins(limits).slots {
            reduced.weight -= Int64(graph.nodes[Int(slot)].weight)
            reduced.sigopCost -= Int64(graph.nodes[Int(slot)].sigopCost)
        }
        let sure = graph.outlook(reduced).sums.fee
        return MempoolOutlook(atLeast: sure, atMost: Swift.max(sure, free.bound))
    }

    /// All chunks that may be chosen, best rate first: the fee-rate diagram of the mempool.
    public mutating func chunks() -> [Explanation.Figures] {
        graph.settle()
        return graph.index.leaves.indices.flatMap { leaf in
            graph.index.entries(ofLeaf: leaf).map { figures(of: $0) }
        }
    }

    /// The chosen transactions in block order.
    public func entries(of choice: MempoolChoice) -> [MempoolEntry] { choice.slots.map { entry(at: $0) } }

    /// The ids of a choice in block order.
    public func txids(of choice: MempoolChoice) -> [Txid] { choice.slots.map { graph.txids[Int($0)] } }

    /// Transactions that are here but in no template, with the reason; those that merely pay too little are
    /// not among them.
    public var keptOut: [(txid: Txid, reason: KeptOut)] {
        reasons.map { (graph.txids[Int($0.key)], $0.value) }.sorted { $0.txid < $1.txid }
    }

    /// Why a transaction is in a choice that this mempool made, or not. Nothing may have changed since.
    public func explain(_ txid: Txid, in choice: MempoolChoice) -> Explanation {
        guard let slot = slot(of: txid) else { return .unknown }
        if let reason = reasons[slot] { return .keptOut(reason) }
        let position = choice.slots.firstIndex(of: slot)
        if let position, position < choice.pinned { return .included(position: position) }
        guard let entry = chunkEntry(of: slot) else {
            return .doesNotFit(chunk: Explanation.Figures(single: graph.nodes[Int(slot)]))
        }
        let chunk = figures(of: entry)
        if let position { return .chosen(position: position, chunk: chunk) }
        let pricing = graph.index.pricing
        let limits = FillLimits(weight: 0, sigopCost: 0, minimumRate: Int64(clamping: policy.minimumRate))
        if !limits.admits(entry, pricing) { return .belowMinimumRate(chunk: chunk) }
        guard let cutoff = choice.cutoff, cutoff.name != entry.name,
            cutoff.precedes(entry, pricing: pricing)
        else { return .doesNotFit(chunk: chunk) }
        return .outbid(chunk: chunk, cutoff: figures(of: cutoff))
    }

    /// The best choice that the same transactions give without any policy or delta: what a choice with them
    /// is measured against. Builds everything anew, tens to hundreds of milliseconds.
    public func chooseFreely(weight: Weight, sigopCost: Int) -> MempoolChoice {
        var free = self
        free.clearWishes()
        return free.choose(weight: weight, sigopCost: sigopCost)
    }

    // MARK: Included transactions

    /// Included transactions with all ancestors, parents first, as far as they fit; and those left out.
    private func pins(_ limits: FillLimits) -> (slots: [Int32], omitted: [Txid]) {
        var slots = [Int32]()
        var isIn = Set<Int32>()
        var omitted = [Txid]()
        var (weight, sigopCost): (Int64, Int64) = (0, 0)
        for txid in policy.included.sorted() {
            guard let slot = slot(of: txid), reasons[slot] == nil else {
                omitted.append(txid)
                continue
            }
            let family = ancestry(of: slot).filter { !isIn.contains($0) }
            let nodes = family.map { graph.nodes[Int($0)] }
            let familyWeight = nodes.reduce(0) { $0 + Int64($1.weight) }
            let familySigops = nodes.reduce(0) { $0 + Int64($1.sigopCost) }
            guard weight + familyWeight <= limits.weight, sigopCost + familySigops <= limits.sigopCost else {
                omitted.append(txid)
                continue
            }
            weight += familyWeight
            sigopCost += familySigops
            slots += family
            isIn.formUnion(family)
        }
        return (slots, omitted)
    }

    /// A transaction's ancestors and itself, parents first.
    private func ancestry(of slot: Int32) -> [Int32] {
        var result = [Int32]()
        var state: [Int32: Bool] = [:]
        var stack = [slot]
        while let top = stack.last {
            if state[top] == nil {
                state[top] = false
                let parents = graph.parents(of: top).filter { state[$0] == nil }
                stack += parents.sorted { graph.txids[Int($0)] < graph.txids[Int($1)] }
            } else {
                stack.removeLast()
                if state[top] == false {
                    state[top] = true
                    result.append(top)
                }
            }
        }
        return result
    }

    private func choice(with pins: [Int32], _ limits: FillLimits) -> MempoolChoice {
        var rest = graph
        var sums = ChunkSums()
        for slot in pins {
            sums.add(rest.entry(single: slot))
            rest.setState(.pinned, of: slot)
        }
        rest.settle()
        var reduced = limits
        reduced.weight -= sums.weight
        reduced.sigopCost -= sums.sigopCost
        var fill = rest.bestFill(reduced)
        fill.slots = pins + fill.slots
        fill.sums.add(sums)
        fill.bound += sums.fee
        var choice = MempoolChoice(fill)
        choice.pinned = pins.count
        return choice
    }

    private func chunkEntry(of slot: Int32) -> ChunkEntry? {
        let node = graph.nodes[Int(slot)]
        guard node.cluster >= 0 else { return graph.entry(single: slot) }
        var chunk = graph.clusters[Int(node.cluster)].firstChunk
        while chunk >= 0 {
            let record = graph.chunks[Int(chunk)]
            var member = record.head
            for _ in 0..<record.count {
                if member == slot { return record.entry }
                member = graph.nodes[Int(member)].next
            }
            chunk = record.next
        }
        return nil
    }

    private func figures(of entry: ChunkEntry) -> Explanation.Figures {
        Explanation.Figures(
            transactions: entry.name.isSingle ? 1 : Int(graph.chunks[Int(entry.name.chunk)].count),
            fee: entry.fee, weight: Weight(weightUnits: UInt64(entry.weight)),
            sigopCost: Int(entry.sigopCost))
    }
}

extension Explanation.Figures {
    init(single node: ClusterGraph.Node) {
        self.init(
            transactions: 1, fee: node.fee, weight: Weight(weightUnits: UInt64(node.weight)),
            sigopCost: Int(node.sigopCost))
    }
}

extension MempoolChoice {
    init(_ fill: BlockFill) {
        fees = Satoshis(rawValue: UInt64(clamping: fill.sums.baseFee))
        weight = Weight(weightUnits: UInt64(clamping: fill.sums.weight))
        sigopCost = Int(fill.sums.sigopCost)
        orderingFees = fill.sums.fee
        bound = fill.bound
        slots = fill.slots
        cutoff = fill.firstLeftOut
    }
}
