public import BitcoinPrimitives

/// A mempool kept ready for choosing: every change is worked in as it comes, and a template is a walk over
/// what is there already.
///
/// Whatever the order of changes was, the choice is the one that a mempool made anew from the same
/// transactions gives. Nothing that is added traps: what does not fit is refused with a reason, what cannot
/// be mined is kept out with a reason.
public struct Mempool: Sendable {
    /// More transactions than this are not taken; a node's mempool of 300 MB holds about as many.
    public static let maximumTransactions = 400_000
    /// Transactions that are ordered as if they paid something else; more are not noted.
    public static let maximumFeeDeltas = 10_000
    /// What one transaction may be ordered up or down by, in satoshis; more counts as this much. It keeps every
    /// sum of fees far from overflow.
    public static let maximumFeeDelta: Int64 = 100_000_000_000_000
    /// Blocks whose children are remembered for the case that they are disconnected.
    static let rememberedBlocks = 6

    /// What became of an addition.
    public enum Admission: Hashable, Sendable {
        case taken
        /// It is here, but in no template until the reason is gone.
        case keptOut(KeptOut)
        /// It is not here.
        case refused(Refusal)
    }

    public enum Refusal: Hashable, Sendable {
        case duplicate
        case full
        /// Spends what this one spends, which came first.
        case conflict(with: Txid)
        /// Depends on itself, directly or through others.
        case cyclic
        /// Weight, fee or sigop cost are outside what consensus can accept.
        case outOfRange
        /// With it, the fees of all transactions would be more than there is money.
        case moreFeesThanMoney
    }

    /// Why a transaction that is here is in no template.
    public enum KeptOut: Hashable, Sendable {
        case flaw(TransactionFlaw)
        case rule(TemplatePolicy.Rule)
        /// Depends on one that is kept out.
        case parent(Txid)
    }

    /// What choosing does not look at.
    struct Detail: Sendable {
        var wtxid: Wtxid
        var wireBytes: [UInt8]
        /// 0 when the lock time has no force.
        var lockTime: UInt32
    }

    var graph = ClusterGraph()
    var details: [Detail] = []
    var slots = SlotTable()
    private var spenders = SlotTable()
    private let seed: UInt64
    public internal(set) var policy = TemplatePolicy()
    /// Whether some rule is asked of each transaction.
    var hasRules = false
    /// Height and median time past that lock times are held against; none without a tip.
    private var tip: (height: UInt32, medianTime: UInt32)?
    var totalFees: UInt64 = 0
    /// Reasons of transactions that are kept out, by slot.
    var reasons: [Int32: KeptOut] = [:]
    /// Faults that nothing but removal changes.
    private var flaws: [Int32: TransactionFlaw] = [:]
    /// Who waits for a parent that is not here, and the other way round.
    private(set) var waiting: [Txid: [Int32]] = [:]
    private var missing: [Int32: [Txid]] = [:]
    private(set) var feeDeltas: [Txid: Int64] = [:]
    /// Children of mined transactions, block by block.
    private(set) var orphaned: [[Txid: [Txid]]] = []
    /// A block was connected, so that what was in it may come back below what spends it.
    private var isAboveBlocks = false

    /// - Parameter seed: any number that a sender of transactions cannot know.
    public init(seed: UInt64 = 0x5eed) { self.seed = seed }

    public var count: Int { slots.count }

    /// Bytes beyond the raw transactions, spare room included.
    public var footprint: Int {
        graph.footprint + details.capacity * MemoryLayout<Detail>.stride + slots.footprint
            + spenders.footprint
    }

    public func contains(_ txid: Txid) -> Bool { slot(of: txid) != nil }

    public mutating func reserve(_ count: Int) {
        graph.reserve(count)
        details.reserveCapacity(count)
        slots.reserve(count)
    }

    /// The transaction as it was added, with the parents that it has now.
    public func entry(_ txid: Txid) -> MempoolEntry? { slot(of: txid).map { entry(at: $0) } }

    func slot(of txid: Txid) -> Int32? {
        slots.first(hash(txid)) { graph.txids[Int($0)] == txid }
    }

    func entry(at slot: Int32) -> MempoolEntry {
        let node = graph.nodes[Int(slot)]
        return MempoolEntry(
            txid: graph.txids[Int(slot)], wtxid: details[Int(slot)].wtxid,
            weight: Weight(weightUnits: UInt64(node.weight)), sigopCost: Int(node.sigopCost),
            fee: Satoshis(rawValue: UInt64(node.baseFee)),
            parents: graph.parents(of: slot).map { graph.txids[Int($0)] } + (missing[slot] ?? []),
            wireBytes: details[Int(slot)].wireBytes)
    }

    // MARK: Changes

    /// Adds a transaction. Its parents may come later; until then it is kept out.
    ///
    /// Bytes are optional: an entry without any is chosen by its figures alone, which lock times, conflicts
    /// and rules about content do not reach.
    @discardableResult
    public mutating func add(_ entry: MempoolEntry) -> Admission {
        if let refusal = refusal(of: entry) { return .refused(refusal) }
        let outline = Outline(entry)
        for outpoint in outline.spends {
            if let other = spender(of: outpoint) {
                return .refused(.conflict(with: graph.txids[Int(other)]))
            }
        }
        let children = childrenHere(of: entry.txid, outputs: outline.outputCount)
        var parents = Parents()
        for parent in entry.parents {
            if parent == entry.txid { return .refused(.cyclic) }
            parents.add(self.slot(of: parent), parent)
        }
        for outpoint in outline.spends {
            if let slot = self.slot(of: outpoint.txid) { parents.add(slot, outpoint.txid) }
        }
        if !children.isEmpty, isAnyAncestor(children, of: parents.here) { return .refused(.cyclic) }
        // Most have nothing against them, and nobody waiting for them.
        let isPlain =
            outline.flaw == nil && outline.lockTime == 0 && parents.missing.isEmpty && children.isEmpty
            && reasons.isEmpty && !hasRules
        let slot = graph.add(
            entry.txid, baseFee: Int64(entry.fee.rawValue),
            fee: Int64(entry.fee.rawValue) + delta(of: entry.txid),
            weight: UInt32(entry.weight.weightUnits), sigopCost: UInt32(entry.sigopCost),
            state: isPlain ? .active : .blocked)
        let detail = Detail(wtxid: entry.wtxid, wireBytes: entry.wireBytes, lockTime: outline.lockTime)
        if Int(slot) < details.count { details[Int(slot)] = detail } else { details.appendThriftily(detail) }
        slots.insert(hash(entry.txid), slot)
        totalFees += entry.fee.rawValue
        for outpoint in outline.spends { spenders.insert(hash(outpoint), slot) }
        for parent in parents.here { graph.addDependency(of: slot, on: parent) }
        guard !isPlain else { return .taken }
        if let flaw = outline.flaw { flaws[slot] = flaw }
        if !parents.missing.isEmpty { missing[slot] = parents.missing }
        for parent in parents.missing { waiting[parent, default: []].append(slot) }
        for child in children { link(child, toArrived: slot) }
        judge(slot)
        return reasons[slot].map(Admission.keptOut) ?? .taken
    }

    /// Adds a transaction in place of those that spend the same outputs, which go with their descendants.
    @discardableResult
    public mutating func replace(with entry: MempoolEntry) -> Admission {
        guard !contains(entry.txid) else { return .refused(.duplicate) }
        for outpoint in Outline(entry).spends {
            if let other = spender(of: outpoint) { removeFamily(of: other) }
        }
        return add(entry)
    }

    /// Removes a transaction and all that depends on it.
    ///
    /// - Returns: how many went.
    @discardableResult
    public mutating func remove(_ txid: Txid) -> Int {
        guard let slot = slot(of: txid) else { return 0 }
        return removeFamily(of: slot)
    }

    /// Orders a transaction as if it paid more or less. Deltas add up, may come before their transaction, and
    /// go when it is mined.
    ///
    /// - Returns: `false` when there are too many already.
    @discardableResult
    public mutating func prioritise(_ txid: Txid, by satoshis: Int64) -> Bool {
        guard feeDeltas[txid] != nil || feeDeltas.count < Mempool.maximumFeeDeltas else { return false }
        let (sum, overflow) = (feeDeltas[txid] ?? 0).addingReportingOverflow(satoshis)
        let delta = overflow ? (satoshis < 0 ? Int64.min : .max) : sum
        feeDeltas[txid] = delta == 0 ? nil : delta
        reorder(txid)
        return true
    }

    /// A block was connected.
    ///
    /// - Parameters:
    ///   - mined: ids of its transactions; they need not be here.
    ///   - spent: what they spend. Others here that spend the same are no longer valid, nor what depends on
    ///     them.
    public mutating func connect(mined: [Txid], spent: [OutPoint] = []) {
        isAboveBlocks = true
        var children: [Txid: [Txid]] = [:]
        for txid in mined {
            feeDeltas[txid] = nil
            if let slot = slot(of: txid) {
                let kin = graph.children(of: slot).map { $0 }
                if !kin.isEmpty { children[txid] = kin.map { graph.txids[Int($0)] } }
                drop(slot)
                for child in kin { judge(child) }
            }
            for child in waiting.removeValue(forKey: txid) ?? [] {
                children[txid, default: []].append(graph.txids[Int(child)])
                missing[child]?.removeAll { $0 == txid }
                if missing[child]?.isEmpty == true { missing[child] = nil }
                judge(child)
            }
        }
        for outpoint in spent {
            if let slot = spender(of: outpoint) { removeFamily(of: slot) }
        }
        orphaned.append(children)
        if orphaned.count > Mempool.rememberedBlocks { orphaned.removeFirst() }
    }

    /// The last block was disconnected, and these of its transactions are valid without it.
    public mutating func disconnect(returning entries: [MempoolEntry]) {
        for entry in entries { add(entry) }
        _ = orphaned.popLast()
    }

    /// Follows what a node reports.
    public mutating func apply(_ change: MempoolChange) {
        if !change.mined.isEmpty { connect(mined: change.mined) }
        for txid in change.dropped { remove(txid) }
        for entry in change.added { add(entry) }
    }

    /// Holds lock times against another tip.
    public mutating func setTip(_ next: NextBlock) {
        let new = (height: next.height, medianTime: next.minimumTime &- 1)
        if let tip, tip == new { return }
        tip = new
        for slot in 0..<Int32(graph.nodes.count)
        where graph.nodes[Int(slot)].state != .none && details[Int(slot)].lockTime != 0 { judge(slot) }
    }

    public mutating func setPolicy(_ policy: TemplatePolicy) {
        guard policy != self.policy else { return }
        let before = self.policy.feeDeltas
        self.policy = policy
        hasRules = policy.hasRules
        for txid in Set(before.keys).union(policy.feeDeltas.keys) { reorder(txid) }
        for slot in 0..<Int32(graph.nodes.count) where graph.nodes[Int(slot)].state != .none { judge(slot) }
    }

    /// Forgets policy and deltas.
    mutating func clearWishes() {
        let deltas = feeDeltas.keys
        feeDeltas = [:]
        for txid in deltas { reorder(txid) }
        setPolicy(TemplatePolicy())
    }

    /// Works off what was noted; a template does this too.
    public mutating func settle() { graph.settle() }
}

// MARK: - Bookkeeping

extension Mempool {
    @inline(__always)
    static func areInRange(_ weight: Weight, _ fee: Satoshis, _ sigopCost: Int) -> Bool {
        (1...Weight.block.weightUnits).contains(weight.weightUnits) && fee <= .max
            && (0...maximumBlockSigopCost).contains(sigopCost)
    }

    private func refusal(of entry: MempoolEntry) -> Refusal? {
        if contains(entry.txid) { return .duplicate }
        if count >= Mempool.maximumTransactions { return .full }
        guard Mempool.areInRange(entry.weight, entry.fee, entry.sigopCost) else { return .outOfRange }
        return entry.fee.rawValue > Satoshis.max.rawValue - totalFees ? .moreFeesThanMoney : nil
    }

    func hash(_ txid: Txid) -> UInt64 { mixed(leadingBits(of: txid), seed: seed) }

    private func hash(_ outpoint: OutPoint) -> UInt64 {
        mixed(leadingBits(of: outpoint.txid) ^ UInt64(outpoint.index) << 17, seed: seed &+ 1)
    }

    private func spender(of outpoint: OutPoint) -> Int32? {
        spenders.first(hash(outpoint)) { slot in
            Outline.spends(of: details[Int(slot)].wireBytes).contains(outpoint)
        }
    }

    /// What the operator's wishes add to a transaction's fee.
    func delta(of txid: Txid) -> Int64 {
        guard !feeDeltas.isEmpty || !policy.feeDeltas.isEmpty else { return 0 }
        let most = Mempool.maximumFeeDelta
        func bounded(_ delta: Int64) -> Int64 { Swift.max(-most, Swift.min(most, delta)) }
        return bounded(bounded(feeDeltas[txid] ?? 0) + bounded(policy.feeDeltas[txid] ?? 0))
    }

    private mutating func reorder(_ txid: Txid) {
        guard let slot = slot(of: txid) else { return }
        graph.setFee(graph.nodes[Int(slot)].baseFee + delta(of: txid), of: slot)
    }

    /// Direct parents, each once.
    private struct Parents {
        var here: [Int32] = []
        var missing: [Txid] = []

        mutating func add(_ slot: Int32?, _ txid: Txid) {
            if let slot {
                if !here.contains(slot) { here.append(slot) }
            } else if !missing.contains(txid) {
                missing.append(txid)
            }
        }
    }

    /// Those here that wait for a transaction, had it as a parent when it was mined, or came while it was in a block.
    /// Of the last, only bytes tell, so `outputs` is 0 without them.
    private func childrenHere(of txid: Txid, outputs: Int) -> [Int32] {
        guard !waiting.isEmpty || isAboveBlocks else { return [] }
        var result = waiting[txid] ?? []
        for index in 0..<(isAboveBlocks ? outputs : 0) {
            let outpoint = OutPoint(txid: txid, index: UInt32(index))
            if let slot = spender(of: outpoint), !result.contains(slot) { result.append(slot) }
        }
        for block in orphaned {
            for child in block[txid] ?? [] {
                if let slot = slot(of: child), !result.contains(slot) { result.append(slot) }
            }
        }
        return result
    }

    /// Whether any of `slots` is among `parents` or their ancestors.
    private func isAnyAncestor(_ slots: [Int32], of parents: [Int32]) -> Bool {
        let wanted = Set(slots)
        var seen = Set<Int32>()
        var stack = parents
        while let slot = stack.popLast() {
            if wanted.contains(slot) { return true }
            if seen.insert(slot).inserted { stack += graph.parents(of: slot) }
        }
        return false
    }

    private mutating func link(_ child: Int32, toArrived parent: Int32) {
        let txid = graph.txids[Int(parent)]
        graph.addDependency(of: child, on: parent)
        waiting[txid] = nil
        missing[child]?.removeAll { $0 == txid }
        if missing[child]?.isEmpty == true { missing[child] = nil }
    }

    /// Takes one transaction out of all tables; its children stay.
    private mutating func drop(_ slot: Int32) {
        let txid = graph.txids[Int(slot)]
        slots.remove(hash(txid), slot)
        for outpoint in Outline.spends(of: details[Int(slot)].wireBytes) {
            spenders.remove(hash(outpoint), slot)
        }
        totalFees -= UInt64(graph.nodes[Int(slot)].baseFee)
        for parent in missing.isEmpty ? [] : missing.removeValue(forKey: slot) ?? [] {
            waiting[parent]?.removeAll { $0 == slot }
            if waiting[parent]?.isEmpty == true { waiting[parent] = nil }
        }
        if !reasons.isEmpty { reasons[slot] = nil }
        if !flaws.isEmpty { flaws[slot] = nil }
        details[Int(slot)] = Detail(wtxid: Wtxid(.zero), wireBytes: [], lockTime: 0)
        graph.remove(slot)
    }

    @discardableResult
    private mutating func removeFamily(of slot: Int32) -> Int {
        guard graph.nodes[Int(slot)].childLink >= 0 else {
            drop(slot)
            return 1
        }
        let family = family(of: slot)
        for member in family.reversed() { drop(member) }
        return family.count
    }

    /// A transaction and all that depends on it.
    func family(of slot: Int32) -> [Int32] {
        var family = [slot]
        var seen: Set<Int32> = [slot]
        var next = 0
        while next < family.count {
            for child in graph.children(of: family[next]) where seen.insert(child).inserted {
                family.append(child)
            }
            next += 1
        }
        return family
    }

    /// Finds out whether a transaction takes part, and then its descendants.
    mutating func judge(_ first: Int32) {
        let isNew = graph.nodes[Int(first)].state == .blocked && (reasons.isEmpty || reasons[first] == nil)
        guard settleState(of: first) || isNew, graph.nodes[Int(first)].childLink >= 0 else { return }
        var stack = Array(graph.children(of: first))
        while let slot = stack.popLast() {
            if settleState(of: slot) { stack += graph.children(of: slot) }
        }
    }

    /// Whether it takes part; `true` when that has changed.
    private mutating func settleState(of slot: Int32) -> Bool {
        let reason = reason(against: slot)
        if reason != nil || !reasons.isEmpty { reasons[slot] = reason }
        let state: ClusterGraph.State = reason != nil ? .blocked : .active
        guard graph.nodes[Int(slot)].state != state else { return false }
        graph.setState(state, of: slot)
        return true
    }

    private func reason(against slot: Int32) -> KeptOut? {
        if !flaws.isEmpty, let flaw = flaws[slot] { return .flaw(flaw) }
        let lockTime = details[Int(slot)].lockTime
        if lockTime != 0, let tip,
            !LockTime.isReached(lockTime, atHeight: tip.height, medianTime: tip.medianTime)
        {
            return .flaw(.notFinal(lockTime: lockTime))
        }
        if !missing.isEmpty, let parent = missing[slot]?.first { return .flaw(.missingParent(parent)) }
        if !reasons.isEmpty, graph.nodes[Int(slot)].parentLink >= 0 {
            for parent in graph.parents(of: slot) where reasons[parent] != nil {
                return .parent(graph.txids[Int(parent)])
            }
        }
        guard hasRules else { return nil }
        if policy.excludedTxids.contains(graph.txids[Int(slot)]) { return .rule(.txid) }
        // Only other rules need the transaction itself.
        return policy.looksBeyondIDs ? policy.rule(against: entry(at: slot)).map(KeptOut.rule) : nil
    }
}
