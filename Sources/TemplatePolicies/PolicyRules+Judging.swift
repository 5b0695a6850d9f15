public import BitcoinPrimitives

/// What the rules say of one transaction.
public enum PolicyVerdict: Hashable, Sendable {
    /// No rule keeps it out.
    case allowed
    case excluded(PolicyMatch)
    /// No rule keeps it out, but those about content could not be asked: there are no bytes, or they are no
    /// transaction.
    case unread
    /// No rule keeps it out, but of so many of its inputs it is not known what they spend.
    case partlyRead(unknownInputs: Int)
}

extension PolicyRules {
    /// Judges a transaction as it arrives. The time is linear in its size.
    ///
    /// - Parameter spending: the script of an output that it spends, where it is known. Asked only if
    ///   ``readsSpentScripts``.
    public func verdict(
        on entry: MempoolEntry, spending: (OutPoint) -> [UInt8]? = { _ in nil }
    ) -> PolicyVerdict {
        if let path = excludedTxids[entry.txid] { return .excluded(PolicyMatch(.txid, at: path)) }
        if let path = excludedWtxids[entry.wtxid] { return .excluded(PolicyMatch(.wtxid, at: path)) }
        if let largest = largestVirtualSize {
            let size = (entry.weight.weightUnits + 3) / 4
            if size > largest.value {
                return .excluded(PolicyMatch(.size(size, limit: largest.value), at: largest.path))
            }
        }
        guard readsContent else { return .allowed }
        guard let transaction = try? Transaction(wireBytes: entry.wireBytes) else { return .unread }
        if let match = outputMatch(in: transaction) ?? inscriptionMatch(in: transaction) {
            return .excluded(match)
        }
        return inputVerdict(on: transaction, spending)
    }

    private func outputMatch(in transaction: Transaction) -> PolicyMatch? {
        for (index, output) in transaction.outputs.enumerated() {
            if let path = excludedScripts[output.script] {
                return PolicyMatch(.paysTo(output: index, script: output.script), at: path)
            }
            if let longest = longestReturn, output.script.first == opReturn,
                output.script.count > longest.value
            {
                return PolicyMatch(
                    .longReturn(output: index, bytes: output.script.count, limit: longest.value),
                    at: longest.path)
            }
        }
        return nil
    }

    private func inscriptionMatch(in transaction: Transaction) -> PolicyMatch? {
        guard let path = inscriptionsExcludedAt else { return nil }
        let input = transaction.inputs.firstIndex { Inscription.isIn(witness: $0.witness) }
        return input.map { PolicyMatch(.inscription(input: $0), at: path) }
    }

    private func inputVerdict(
        on transaction: Transaction, _ spending: (OutPoint) -> [UInt8]?
    ) -> PolicyVerdict {
        guard !excludedScripts.isEmpty else { return .allowed }
        var unknown = 0
        for (index, input) in transaction.inputs.enumerated() {
            guard let script = spending(input.previousOutput) else {
                unknown += 1
                continue
            }
            if let path = excludedScripts[script] {
                return .excluded(PolicyMatch(.spendsFrom(input: index, script: script), at: path))
            }
        }
        return unknown == 0 ? .allowed : .partlyRead(unknownInputs: unknown)
    }
}

private let opReturn: UInt8 = 0x6a
