import BitcoinPrimitives
import TemplateBuilding
import TemplatePolicies

/// Takes out of a list that is valid as a block what an operator does not want, and what does not fit.
struct ListSieve {
    var rules: PolicyRules?
    var room: BlockRoom
    /// Ids that rules about content keep out, as far as they were judged already.
    var excluded: Set<Txid> = []

    init(rules: PolicyRules?, room: BlockRoom) {
        self.rules = rules
        self.room = room
    }

    /// What is left, in the same order. With a transaction goes all of the list that depends on it; the list ends where
    /// the block is full. A minimum rate is asked of each transaction by itself, where a choice asks it of chunks.
    ///
    /// - Parameter list: parents before children.
    func sifted(_ list: [MempoolEntry]) -> [MempoolEntry] {
        let weightLimit = room.weight(transactions: list.count)
        var gone = Set<Txid>()
        var result = [MempoolEntry]()
        var (weight, sigopCost) = (Weight.zero, 0)
        for entry in list {
            guard !isUnwanted(entry), !entry.parents.contains(where: gone.contains) else {
                gone.insert(entry.txid)
                continue
            }
            guard weight + entry.weight <= weightLimit, sigopCost + entry.sigopCost <= room.sigopCost else {
                break
            }
            weight += entry.weight
            sigopCost += entry.sigopCost
            result.append(entry)
        }
        return result
    }

    private func isUnwanted(_ entry: MempoolEntry) -> Bool {
        if excluded.contains(entry.txid) { return true }
        guard let rules else { return false }
        if case .excluded = rules.verdict(on: entry) { return true }
        guard let rate = rules.minimumRate?.value.satoshisPerKiloWeight else { return false }
        let asked = rate.multipliedFullWidth(by: entry.weight.weightUnits)
        let paid = entry.fee.rawValue.multipliedFullWidth(by: 1_000)
        return paid.high != asked.high ? paid.high < asked.high : paid.low < asked.low
    }
}
