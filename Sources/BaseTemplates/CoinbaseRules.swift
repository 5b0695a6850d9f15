public import BitcoinPrimitives

/// What is wrong with a pool's demands. `output` counts from 0.
public enum CoinbaseRulesFault: Error, Hashable, Sendable {
    case truncated(output: Int)
    case tooMany(bytes: Int)
    /// No script, one that came before, or for the first output one that can never be spent.
    case script(output: Int)
    case value(UInt64, output: Int)
    /// Millionths, in all.
    case shares(UInt64)
    /// There is no output at all, so nobody would be paid.
    case none
}

/// What a pool wants in a coinbase, and what it leaves to the client.
///
/// A record is value (U64), share (U32), length of the script (U16) and script. Source:
/// docs/base-template-extension.md, "Outputs".
public struct CoinbaseRules: Hashable, Sendable {
    public struct Demand: Hashable, Sendable {
        /// The least that the output is paid, besides its share.
        public var value: Satoshis
        /// Millionths of subsidy and fees, the sum rounded down.
        public var share: UInt32
        public var script: [UInt8]

        public init(value: Satoshis, share: UInt32, script: [UInt8]) {
            self.value = value
            self.share = share
            self.script = script
        }

        /// What the output must have of a reward.
        public func due(of reward: Satoshis) -> Satoshis {
            let part = reward.rawValue / 1_000_000 * UInt64(share)
            let rest = reward.rawValue % 1_000_000 * UInt64(share) / 1_000_000
            return value + Satoshis(rawValue: part + rest)
        }
    }

    static let shareOfAll: UInt32 = 1_000_000

    /// The pool's payout first; at least one.
    public var demands: [Demand]
    /// Bytes and sigop cost of outputs that the client adds, witness commitment apart.
    public var maximumAdditionalSize: UInt32
    public var maximumAdditionalSigops: UInt16

    public init(demands: [Demand], maximumAdditionalSize: UInt32, maximumAdditionalSigops: UInt16) {
        self.demands = demands
        self.maximumAdditionalSize = maximumAdditionalSize
        self.maximumAdditionalSigops = maximumAdditionalSigops
    }

    init(_ fields: ConstraintFields) throws(CoinbaseRulesFault) {
        let limit = BaseTemplateExtension.maximumOutputBytes
        guard fields.coinbaseOutputs.count <= limit else {
            throw .tooMany(bytes: fields.coinbaseOutputs.count)
        }
        var demands = [Demand]()
        var reader = RecordReader(fields.coinbaseOutputs)
        while !reader.isAtEnd {
            let output = demands.count
            guard output < BaseTemplateExtension.maximumOutputs else {
                throw .tooMany(bytes: fields.coinbaseOutputs.count)
            }
            guard let value = reader.integer(8), let share = reader.integer(4),
                let length = reader.integer(2), let script = reader.take(Int(length))
            else { throw .truncated(output: output) }
            demands.append(
                Demand(value: Satoshis(rawValue: value), share: UInt32(share), script: Array(script)))
        }
        self.init(
            demands: demands, maximumAdditionalSize: fields.coinbaseOutputMaxAdditionalSize,
            maximumAdditionalSigops: fields.coinbaseOutputMaxAdditionalSigops)
        try check()
    }

    /// Throws unless the demands can be met by a reward that is large enough.
    func check() throws(CoinbaseRulesFault) {
        guard !demands.isEmpty else { throw .none }
        guard demands.count <= BaseTemplateExtension.maximumOutputs,
            fields.coinbaseOutputs.count <= BaseTemplateExtension.maximumOutputBytes
        else { throw .tooMany(bytes: fields.coinbaseOutputs.count) }
        var scripts: Set<[UInt8]> = []
        var (money, shares): (UInt64, UInt64) = (0, 0)
        for (output, demand) in demands.enumerated() {
            guard !demand.script.isEmpty, !Script.isUnspendable(demand.script) || output > 0,
                scripts.insert(demand.script).inserted
            else { throw .script(output: output) }
            guard demand.value.rawValue <= BaseTemplateExtension.maximumFee - money else {
                throw .value(demand.value.rawValue, output: output)
            }
            money += demand.value.rawValue
            shares += UInt64(demand.share)
        }
        guard shares <= UInt64(CoinbaseRules.shareOfAll) else { throw .shares(shares) }
    }

    var fields: ConstraintFields {
        var fields = ConstraintFields()
        for demand in demands {
            precondition(demand.script.count <= 0xFFFF, "a script has a length of two bytes")
            fields.coinbaseOutputs.appendLittleEndian(demand.value.rawValue)
            fields.coinbaseOutputs.appendLittleEndian(demand.share)
            fields.coinbaseOutputs.appendLittleEndian(UInt16(demand.script.count))
            fields.coinbaseOutputs += demand.script
        }
        fields.coinbaseOutputMaxAdditionalSize = maximumAdditionalSize
        fields.coinbaseOutputMaxAdditionalSigops = maximumAdditionalSigops
        return fields
    }

    /// The demands as `CoinbasePlan(payouts:)` takes them: the first gets all that the others leave. `nil` where another
    /// than the first wants a share, whose value depends on the fees.
    public var payouts: [TransactionOutput]? {
        guard demands.dropFirst().allSatisfy({ $0.share == 0 }) else { return nil }
        return demands.enumerated().map { index, demand in
            TransactionOutput(value: index == 0 ? .zero : demand.value, script: demand.script)
        }
    }

    /// Where a coinbase falls short.
    public enum Shortfall: Hashable, Sendable {
        case scriptPrefix
        /// What outputs with the script of that demand are paid, and must be.
        case output(Int, paid: Satoshis, due: Satoshis)
        case additionalSize(Int, most: UInt32)
        case additionalSigops(Int, most: UInt16)
    }

    /// The first thing that a coinbase for this tip lacks; `nil` when the pool has what it wants.
    public func shortfall(
        of coinbase: CoinbaseParts, for tip: BaseTemplateTip, fees: Satoshis
    ) -> Shortfall? {
        guard coinbase.scriptPrefix.starts(with: tip.coinbasePrefix) else { return .scriptPrefix }
        let reward = tip.next.subsidy + fees
        for (index, demand) in demands.enumerated() {
            let outputs = coinbase.outputs.filter { $0.script == demand.script }
            let paid = outputs.reduce(Satoshis.zero) { $0 + $1.value }
            let due = demand.due(of: reward)
            guard !outputs.isEmpty, paid >= due else { return .output(index, paid: paid, due: due) }
        }
        let scripts = Set(demands.map(\.script))
        let own = coinbase.outputs.filter {
            !scripts.contains($0.script) && !WitnessCommitment.isCommitment($0.script)
        }
        let size = own.reduce(0) { $0 + $1.wireBytes.count }
        guard size <= Int(maximumAdditionalSize) else {
            return .additionalSize(size, most: maximumAdditionalSize)
        }
        let sigops = Transaction(version: 2, inputs: [], outputs: own, lockTime: 0).legacySigopCost
        guard sigops <= Int(maximumAdditionalSigops) else {
            return .additionalSigops(sigops, most: maximumAdditionalSigops)
        }
        return nil
    }
}
