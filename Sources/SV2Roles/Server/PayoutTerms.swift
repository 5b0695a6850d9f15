import BitcoinPrimitives

/// What a coinbase must pay to the pool. Source: sv2-notes §8.3.
struct PayoutTerms: Hashable {
    /// A share of everything.
    static let all: UInt32 = 1_000_000

    let script: [UInt8]
    /// Millionths of all that the coinbase pays.
    let share: UInt32

    init(_ configuration: PoolConfiguration) {
        script = configuration.payoutScript
        share = configuration.payoutShare
    }

    /// What the outputs must have to the script, of all that they pay.
    ///
    /// - Parameter total: no more than all money.
    func due(of total: Satoshis) -> Satoshis {
        let whole = total.rawValue / UInt64(Self.all) * UInt64(share)
        let rest = total.rawValue % UInt64(Self.all) * UInt64(share) / UInt64(Self.all)
        return max(Satoshis(rawValue: whole + rest), Satoshis(rawValue: 1))
    }

    /// What is paid to the script, however many outputs it has.
    ///
    /// - Parameter outputs: with a sum that is no more than all money.
    func paid(by outputs: [TransactionOutput]) -> Satoshis {
        outputs.reduce(.zero) { $1.script == script ? $0 + $1.value : $0 }
    }
}

/// `nil` when a value or the sum is more money than there is.
func sum(_ values: some Sequence<Satoshis>) -> Satoshis? {
    var total = Satoshis.zero
    for value in values {
        guard value <= .max else { return nil }
        total += value
        guard total <= .max else { return nil }
    }
    return total
}
