/// What a choice of transactions may amount to; the coinbase, header and count are already subtracted.
struct SelectionLimits: Hashable, Sendable {
    /// Inclusive, in weight units.
    var weight: UInt64
    /// Inclusive.
    var sigopCost: UInt64
    var transactions: Int
    /// Inclusive, in satoshis.
    var fees: UInt64
}

/// A choice of transactions in block order.
struct Selection: Sendable {
    /// Candidates, parents before children.
    var order: [Int32] = []
    var fees: UInt64 = 0
    var weight: UInt64 = 0
    var sigopCost: UInt64 = 0
    /// Candidates that could not be looked at: with them there would be more fees than money.
    var unusable: [Int32] = []

    func isWithin(_ limits: SelectionLimits) -> Bool {
        weight <= limits.weight && sigopCost <= limits.sigopCost && fees <= limits.fees
            && order.count <= limits.transactions
    }
}

/// Chooses among candidates from nothing: what a ``Mempool`` keeps ready, built for this one question.
///
/// This function is the whole choice: candidates and limits in, an order out.
func select(from table: CandidateTable, within limits: SelectionLimits) -> Selection {
    var graph = ClusterGraph()
    graph.reserve(table.count)
    var selection = Selection()
    var money: UInt64 = 0
    var isUnusable = [Bool](repeating: false, count: table.count)
    for candidate in 0..<table.count {
        let parents = table.parents[candidate]
        let fee = table.fees[candidate]
        isUnusable[candidate] = fee > limits.fees - money || parents.contains { isUnusable[Int($0)] }
        if isUnusable[candidate] {
            selection.unusable.append(Int32(candidate))
        } else {
            money += fee
        }
        let slot = graph.add(
            table.txids[candidate], baseFee: Int64(clamping: fee), fee: Int64(clamping: fee),
            weight: UInt32(clamping: table.weights[candidate]),
            sigopCost: UInt32(clamping: table.sigopCosts[candidate]),
            state: isUnusable[candidate] ? .blocked : .active)
        for parent in parents { graph.addDependency(of: slot, on: parent) }
    }
    graph.settle()
    let fill = graph.bestFill(
        FillLimits(weight: Int64(clamping: limits.weight), sigopCost: Int64(clamping: limits.sigopCost)))
    selection.order = fill.slots
    selection.fees = UInt64(clamping: fill.sums.baseFee)
    selection.weight = UInt64(clamping: fill.sums.weight)
    selection.sigopCost = UInt64(clamping: fill.sums.sigopCost)
    return selection
}
