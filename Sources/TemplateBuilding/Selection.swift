/// What a choice of transactions may amount to; the coinbase, header and count are already subtracted.
struct SelectionLimits: Hashable, Sendable {
    /// Candidates with more ancestors than this are left out: what keeps the work in bounds for any input.
    static let maximumAncestors = 1_000

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
    /// Candidates that could not be looked at: too many ancestors, or too rich ones.
    var unusable: [Int32] = []

    func hasRoom(for package: PackageQueue.Package, within limits: SelectionLimits) -> Bool {
        package.weight <= limits.weight - weight && package.sigopCost <= limits.sigopCost - sigopCost
            && package.fees <= limits.fees - fees && package.count <= limits.transactions - order.count
    }

    func isWithin(_ limits: SelectionLimits) -> Bool {
        weight <= limits.weight && sigopCost <= limits.sigopCost && fees <= limits.fees
            && order.count <= limits.transactions
    }

    mutating func append(_ package: PackageQueue.Package, members: [Int32]) {
        order += members
        fees += package.fees
        weight += package.weight
        sigopCost += package.sigopCost
    }
}

/// Chooses transactions: packages by fee rate, and an exact search for what fills the end of the block best.
///
/// This function is the whole choice: candidates and limits in, an order out.
func select(from table: CandidateTable, within limits: SelectionLimits) -> Selection {
    var queue = PackageQueue(table, limits: limits)
    let lightest = table.weights.min() ?? 0
    var body = Selection()
    body.unusable = queue.unusable
    // The last few thousand weight units are left to the search.
    let tail = Swift.min(limits.weight, TailSearch.freedWeight)
    while limits.weight - body.weight > tail, let package = queue.next() {
        guard body.hasRoom(for: package, within: limits) else { continue }
        body.append(package, members: queue.take(package))
    }

    var greedy = body
    var greedyQueue = queue
    while limits.weight - greedy.weight >= lightest, let package = greedyQueue.next() {
        guard greedy.hasRoom(for: package, within: limits) else { continue }
        greedy.append(package, members: greedyQueue.take(package))
    }
    let searched = TailSearch(after: body, in: table, queue: queue, limits: limits).best()
    let isBetter = searched.isWithin(limits) && searched.fees > greedy.fees
    return isBetter ? searched : greedy
}
