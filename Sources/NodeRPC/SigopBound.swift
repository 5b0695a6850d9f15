public import BitcoinPrimitives

/// What a transaction's signature operations cost (BIP 141), as well as it is known.
///
/// The cost depends on the outputs that are spent. Where one of them is not known, its kind is guessed from how it is
/// spent, and the dearest guess counts: so the cost is exact, or an upper bound and says so.
public struct SigopBound: Hashable, Sendable {
    public let cost: Int
    /// Whether no guess was needed.
    public let isExact: Bool

    /// - Parameter script: of a spent output, where it is known.
    public init(_ transaction: Transaction, script: (OutPoint) -> [UInt8]?) {
        var cost = transaction.legacySigopCost
        var isExact = true
        if !transaction.isCoinbase {
            for input in transaction.inputs {
                let (least, most) = SigopBound.costs(of: input, script: script(input.previousOutput))
                cost += most
                if least != most { isExact = false }
            }
        }
        self.cost = cost
        self.isExact = isExact
    }

    /// What one input may cost beside what its scriptSig costs in any case.
    private static func costs(of input: TransactionInput, script: [UInt8]?) -> (least: Int, most: Int) {
        if let script {
            let cost = cost(of: input, spending: script)
            return (cost, cost)
        }
        let guesses = guesses(for: input).map { cost(of: input, spending: $0) }
        return (guesses.min() ?? 0, guesses.max() ?? 0)
    }

    /// Scripts that could be spent so: a script hash only by a scriptSig with a push, a witness program only by an
    /// empty one and a witness, a key hash only by two items. Everything else costs nothing more.
    private static func guesses(for input: TransactionInput) -> [[UInt8]] {
        if !input.scriptSig.isEmpty {
            // A witness beside a scriptSig is only valid for a script hash.
            return input.witness.isEmpty ? [[], scriptHash] : [scriptHash]
        }
        guard !input.witness.isEmpty else { return [[]] }
        return input.witness.count == 2 ? [[], witnessScriptHash, witnessKeyHash] : [[], witnessScriptHash]
    }

    private static func cost(of input: TransactionInput, spending script: [UInt8]) -> Int {
        let alone = Transaction(version: 2, inputs: [input], outputs: [], lockTime: 0)
        return alone.sigopCost(spentScripts: [script]) - alone.legacySigopCost
    }

    private static let hash20 = [UInt8](repeating: 0, count: 20)
    private static let scriptHash: [UInt8] = [0xa9, 0x14] + hash20 + [0x87]
    private static let witnessKeyHash: [UInt8] = [0x00, 0x14] + hash20
    private static let witnessScriptHash: [UInt8] = [0x00, 0x20] + [UInt8](repeating: 0, count: 32)
}
