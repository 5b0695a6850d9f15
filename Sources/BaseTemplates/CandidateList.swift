public import BitcoinPrimitives

/// What is wrong with a change of the list, or with a whole one.
public enum ListFault: Error, Hashable, Sendable {
    case unknownIndex(UInt16)
    case indexInUse(UInt16)
    case unknownParent(UInt16, of: UInt16)
    case count(stated: Int, actual: Int)
    case checksum(stated: UInt64, actual: UInt64)
    case duplicate(Txid)
    case duplicateWtxid(Wtxid)
    /// The candidate depends on itself.
    case cycle(Txid)
    /// All together would pay more than there is money.
    case moreFeesThanMoney
    case tooMany(Int)

    /// Whether a change that was lost or applied twice could be the reason; otherwise no honest list looks like this.
    public var isOutOfStep: Bool {
        switch self {
        case .unknownIndex, .indexInUse, .unknownParent, .count, .checksum: true
        case .duplicate, .duplicateWtxid, .cycle, .moreFeesThanMoney, .tooMany: false
        }
    }
}

/// The candidates at one moment, as both sides keep them, with their sum.
///
/// Bounded by ``BaseTemplateExtension/maximumCandidates``. After a fault it is of no use any more.
public struct CandidateList: Sendable {
    /// A candidate that went.
    struct Departure: Hashable, Sendable {
        let candidate: Candidate
        /// Candidates that spend from it stay, so that it must have been mined.
        let leavesChildren: Bool
    }

    private var slots: [Candidate?] = []
    private var children: [UInt16: [UInt16]] = [:]
    private var indexes: [Txid: UInt16] = [:]
    private var wtxids: Set<Wtxid> = []
    private var fees: UInt64 = 0
    /// Sum of all candidates' terms, modulo 2^64.
    public private(set) var checksum: UInt64 = 0

    public init() {}

    public var count: Int { indexes.count }

    public subscript(index: UInt16) -> Candidate? { index < slots.count ? slots[Int(index)] : nil }

    func index(of txid: Txid) -> UInt16? { indexes[txid] }

    /// In the order of their indexes.
    public var candidates: some Sequence<Candidate> { slots.lazy.compactMap { $0 } }

    /// A candidate as a mempool takes it, without bytes.
    func entry(of candidate: Candidate) -> MempoolEntry {
        MempoolEntry(
            txid: candidate.txid, wtxid: candidate.wtxid,
            weight: Weight(weightUnits: UInt64(candidate.weight)), sigopCost: Int(candidate.sigopCost),
            fee: candidate.fee, parents: candidate.parents.compactMap { self[$0]?.txid }, wireBytes: [])
    }

    /// Takes candidates out. Those that stay and spent from them need them no longer.
    mutating func remove(_ removed: [UInt16]) throws(ListFault) -> [Departure] {
        var gone = [Candidate]()
        gone.reserveCapacity(removed.count)
        for index in removed {
            guard let candidate = self[index] else { throw .unknownIndex(index) }
            slots[Int(index)] = nil
            indexes[candidate.txid] = nil
            wtxids.remove(candidate.wtxid)
            fees -= candidate.fee.rawValue
            checksum &-= candidate.term
            gone.append(candidate)
        }
        return gone.map { candidate in
            for parent in candidate.parents { children[parent]?.removeAll { $0 == candidate.index } }
            let heirs = (children.removeValue(forKey: candidate.index) ?? []).filter { self[$0] != nil }
            for heir in heirs { orphan(heir, of: candidate.index) }
            return Departure(candidate: candidate, leavesChildren: !heirs.isEmpty)
        }
    }

    private mutating func orphan(_ index: UInt16, of parent: UInt16) {
        guard var candidate = slots[Int(index)] else { return }
        checksum &-= candidate.term
        candidate.parents.removeAll { $0 == parent }
        checksum &+= candidate.term
        slots[Int(index)] = candidate
    }

    /// Puts candidates in, whose parents are here or among them, in any order.
    ///
    /// - Returns: them, parents before children.
    @discardableResult
    mutating func add(_ added: [Candidate]) throws(ListFault) -> [Candidate] {
        guard count + added.count <= BaseTemplateExtension.maximumCandidates else {
            throw .tooMany(count + added.count)
        }
        for candidate in added { try place(candidate) }
        for candidate in added {
            for parent in candidate.parents {
                guard self[parent] != nil else { throw .unknownParent(parent, of: candidate.index) }
                children[parent, default: []].append(candidate.index)
            }
        }
        return try CandidateList.ordered(added)
    }

    private mutating func place(_ candidate: Candidate) throws(ListFault) {
        guard self[candidate.index] == nil else { throw .indexInUse(candidate.index) }
        guard indexes[candidate.txid] == nil else { throw .duplicate(candidate.txid) }
        guard wtxids.insert(candidate.wtxid).inserted else { throw .duplicateWtxid(candidate.wtxid) }
        guard candidate.fee.rawValue <= BaseTemplateExtension.maximumFee - fees else {
            throw .moreFeesThanMoney
        }
        let index = Int(candidate.index)
        precondition(
            index < BaseTemplateExtension.maximumCandidates, "indexes were checked when they were read")
        if index >= slots.count {
            slots.append(contentsOf: repeatElement(nil, count: index + 1 - slots.count))
        }
        slots[index] = candidate
        indexes[candidate.txid] = candidate.index
        fees += candidate.fee.rawValue
        checksum &+= candidate.term
    }

    /// Only those that come can be part of a cycle: what was here spends from nothing that comes later.
    private static func ordered(_ added: [Candidate]) throws(ListFault) -> [Candidate] {
        guard added.contains(where: { !$0.parents.isEmpty }) else { return added }
        var position: [UInt16: Int] = [:]
        position.reserveCapacity(added.count)
        for (index, candidate) in added.enumerated() { position[candidate.index] = index }
        var waitsFor = [Int](repeating: 0, count: added.count)
        var heirs = [[Int]](repeating: [], count: added.count)
        for (child, candidate) in added.enumerated() {
            for parent in candidate.parents.compactMap({ position[$0] }) {
                waitsFor[child] += 1
                heirs[parent].append(child)
            }
        }
        var order = added.indices.filter { waitsFor[$0] == 0 }
        var next = 0
        while next < order.count {
            for heir in heirs[order[next]] {
                waitsFor[heir] -= 1
                if waitsFor[heir] == 0 { order.append(heir) }
            }
            next += 1
        }
        guard order.count == added.count else {
            let stuck = added.indices.first { waitsFor[$0] > 0 } ?? 0
            throw .cycle(added[stuck].txid)
        }
        return order.map { added[$0] }
    }

    /// Compares with what the other side has.
    func check(count stated: Int, checksum sum: UInt64) throws(ListFault) {
        guard stated == count else { throw .count(stated: stated, actual: count) }
        guard sum == checksum else { throw .checksum(stated: sum, actual: checksum) }
    }

    /// So many indexes that are free, lowest first; fewer when there are no more.
    func freeIndexes(_ wanted: Int) -> [UInt16] {
        var result = [UInt16]()
        var index = 0
        while result.count < wanted, index < BaseTemplateExtension.maximumCandidates {
            if index >= slots.count || slots[index] == nil { result.append(UInt16(index)) }
            index += 1
        }
        return result
    }
}
