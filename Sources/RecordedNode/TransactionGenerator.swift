import BitcoinPrimitives
import Units

/// Keeps the mempool filled with transactions like the recorded ones: it spends coins that anyone can spend.
///
/// Forms, fee rates and dependencies follow the recording (11,950 entries): half are one input to two
/// outputs, fee rates spread over three orders of magnitude, and outputs of unconfirmed transactions are
/// spent like others. All choices come from the seed. The coins last as long as their value does: fees go to
/// whoever mines, and come back when the mined outputs are of the same form and mature.
struct TransactionGenerator: Sendable {
    /// An output that is ours to spend.
    private struct Purse: Sendable {
        var outPoint: OutPoint
        var value: UInt64
    }

    /// Two and a half blocks: when one has gone, there is still more than the next one can hold.
    static let wantedWeight = Weight(weightUnits: 10_000_000)
    /// As nodes before version 31 count: a transaction and its unconfirmed ancestors together.
    static let maximumPackage = 25
    /// More coins than this are left alone.
    static let maximumCoins = 200_000
    /// Above this many coins they are rather joined than split.
    private static let comfortableCoins = 30_000
    private static let maximumAttempts = 40_000
    private static let smallestOutput: UInt64 = 1_000
    static let script = Script.payToWitnessScriptHash(Script.opTrue)

    /// Thousandths of a satoshi a virtual byte at 0, 5, 10, … 95 and 100 %, read off the recorded mempool.
    private static let rates: [UInt64] = [
        1_060, 1_680, 2_160, 2_800, 3_450, 4_180, 5_050, 6_050, 7_150, 8_450, 9_950, 11_800, 14_100, 17_000,
        20_500,
        24_900, 31_500, 43_000, 66_400, 116_800, 400_000,
    ]

    private var random: SplitMix64
    private var purse: [Purse] = []
    /// Coinbase outputs with the first height at which they may be spent: those of at most 100 blocks.
    private var maturing: [(height: UInt32, coin: Purse)] = []

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    /// Takes note of the outputs of a transaction that may be spent from now on, or once they are mature.
    mutating func note(_ transaction: Transaction, txid: Txid, matureAt height: UInt32?) {
        for (index, output) in transaction.outputs.enumerated() where output.script == Self.script {
            let coin = Purse(
                outPoint: OutPoint(txid: txid, index: UInt32(index)), value: output.value.rawValue)
            if let height { maturing.append((height, coin)) } else { keep(coin) }
        }
    }

    /// Takes note of a coin whose spender left the mempool.
    mutating func note(_ outPoint: OutPoint, _ coin: Coin) {
        guard coin.script == Self.script else { return }
        keep(Purse(outPoint: outPoint, value: coin.value.rawValue))
    }

    private mutating func keep(_ coin: Purse) {
        if purse.count < Self.maximumCoins { purse.append(coin) }
    }

    /// Adds transactions until the mempool holds two and a half blocks, or no more can be made.
    ///
    /// - Parameter height: of the next block.
    /// - Returns: the new entries, parents before children.
    mutating func fill(_ pool: inout Pool, from coins: CoinSet, height: UInt32) -> [MempoolEntry] {
        let ripe = maturing.prefix { $0.height <= height }
        for entry in ripe { keep(entry.coin) }
        maturing.removeFirst(ripe.count)
        var added = [MempoolEntry]()
        var tooDeep = [Purse]()
        var attempts = 0
        while pool.weight < Self.wantedWeight, attempts < Self.maximumAttempts, !purse.isEmpty {
            attempts += 1
            guard let (entry, transaction) = make(pool, coins, &tooDeep) else { continue }
            guard pool.append(entry, spending: transaction.inputs.map(\.previousOutput)) else { continue }
            note(transaction, txid: entry.txid, matureAt: nil)
            added.append(entry)
        }
        for coin in tooDeep { keep(coin) }
        return added
    }

    private mutating func make(
        _ pool: Pool, _ coins: CoinSet, _ tooDeep: inout [Purse]
    ) -> (MempoolEntry, Transaction)? {
        var (inputCount, outputCount) = shape()
        var spent = [Purse]()
        var ancestors = Set<Txid>()
        var parents = [Txid]()
        while spent.count < inputCount, let coin = pick(pool, coins) {
            let txid = coin.outPoint.txid
            if pool.contains(txid), !ancestors.contains(txid) || !parents.contains(txid) {
                let more = ancestors.union(pool.ancestors(of: [txid], limit: Self.maximumPackage))
                guard more.count < Self.maximumPackage else {
                    tooDeep.append(coin)
                    inputCount -= 1
                    continue
                }
                ancestors = more
                if !parents.contains(txid) { parents.append(txid) }
            }
            spent.append(coin)
        }
        guard !spent.isEmpty else { return nil }
        let total = spent.reduce(0) { $0 + $1.value }
        if total < 8 * Self.smallestOutput * UInt64(outputCount) { outputCount = 1 }
        guard let values = values(of: total, inputs: spent.count, outputs: outputCount) else { return nil }
        let transaction = Transaction(
            version: 2,
            inputs: spent.map {
                TransactionInput(
                    previousOutput: $0.outPoint, scriptSig: [], sequence: 0xffff_fffd,
                    witness: [Script.opTrue])
            },
            outputs: values.map { TransactionOutput(value: Satoshis(rawValue: $0), script: Self.script) },
            lockTime: 0)
        let fee = Satoshis(rawValue: total - values.reduce(0, +))
        let scripts = [[UInt8]](repeating: Self.script, count: spent.count)
        return (MempoolEntry(transaction, fee: fee, parents: parents, spentScripts: scripts), transaction)
    }

    /// Any coin that is still there and unspent; those that are not are forgotten.
    private mutating func pick(_ pool: Pool, _ coins: CoinSet) -> Purse? {
        while !purse.isEmpty {
            let i = Int.random(in: purse.indices, using: &random)
            purse.swapAt(i, purse.count - 1)
            let coin = purse.removeLast()
            let exists = coins[coin.outPoint] != nil || pool.contains(coin.outPoint.txid)
            if exists, !pool.isSpent(coin.outPoint) { return coin }
        }
        return nil
    }

    private mutating func shape() -> (inputs: Int, outputs: Int) {
        switch Int.random(in: 0..<100, using: &random) {
        case ..<54: return (1, 2)
        case ..<74: return (1, 1)
        case ..<84: return (Int.random(in: 2...6, using: &random), 2)
        case ..<90: return (Int.random(in: 2...6, using: &random), 1)
        case ..<97 where purse.count > Self.comfortableCoins:
            return (Int.random(in: 4...30, using: &random), 1)
        default: return (1, Int.random(in: 5...39, using: &random))
        }
    }

    /// Values of the outputs, after a fee at a rate of the recorded distribution; `nil` when the coins cannot
    /// pay 1 satoshi a virtual byte.
    private mutating func values(of total: UInt64, inputs: Int, outputs: Int) -> [UInt64]? {
        let weight = 4 * (10 + 41 * inputs + 43 * outputs) + 2 + 3 * inputs
        let size = UInt64((weight + 3) / 4)
        guard total >= 2 * size + Self.smallestOutput else { return nil }
        let fee = max(size + 1, min(rate() * size / 1_000, total / 4))
        var rest = total - fee
        guard rest >= Self.smallestOutput * UInt64(outputs) else { return nil }
        guard rest >= 4 * Self.smallestOutput * UInt64(outputs) else {
            let share = rest / UInt64(outputs)
            return .init(repeating: share, count: outputs)
        }
        var values = [UInt64]()
        for left in stride(from: outputs, to: 1, by: -1) {
            let value = rest / UInt64(left) / 100 * UInt64.random(in: 50...149, using: &random)
            values.append(max(value, Self.smallestOutput))
            rest -= values[values.count - 1]
        }
        return values + [rest]
    }

    private mutating func rate() -> UInt64 {
        let step = Int.random(in: 0..<(Self.rates.count - 1), using: &random)
        return UInt64.random(in: Self.rates[step]...Self.rates[step + 1], using: &random)
    }
}

extension MempoolEntry {
    /// The entry for a transaction, everything but the fee computed from it.
    init(_ transaction: Transaction, fee: Satoshis, parents: [Txid], spentScripts: [[UInt8]]) {
        let stripped = transaction.strippedBytes
        let whole = transaction.wireBytes
        self.init(
            txid: Txid(Hash256(hashing: stripped)), wtxid: Wtxid(Hash256(hashing: whole)),
            weight: Weight(weightUnits: UInt64(3 * stripped.count + whole.count)),
            sigopCost: transaction.sigopCost(spentScripts: spentScripts), fee: fee, parents: parents,
            wireBytes: whole)
    }
}
