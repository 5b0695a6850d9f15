public import BitcoinPrimitives

/// A reward divided among several scripts by share: the same way every time, and to the last satoshi.
///
/// Each part gets its exact share rounded down, and the satoshis left over go one each to the parts that lost most by
/// rounding, earlier parts first where they lost the same.
///
/// A part that would get less than it costs to spend (dust) is not paid: its share goes to the largest part, the first
/// of several. Which parts these are is decided by the amount that is certain before fees are known, so that the
/// coinbase has one size whatever the fees are, and its weight can be reserved exactly.
public struct PayoutSplit: Hashable, Sendable {
    public struct Part: Hashable, Sendable {
        /// The output script that is paid.
        public var script: [UInt8]
        /// How many parts of the sum of all shares; above zero.
        public var share: UInt64

        public init(script: [UInt8], share: UInt64) {
            self.script = script
            self.share = share
        }
    }

    /// Why parts are no split. Indexes count from 0 in the given order.
    public enum Fault: Error, Hashable, Sendable {
        case noPart
        /// More than ``maximumParts``.
        case tooManyParts(Int)
        case zeroShare(index: Int)
        /// The shares add up to more than 2^64 - 1.
        case totalOverflows
        /// Percentages that add up to so many hundredths of a percent, and not to 10,000.
        case percentTotal(hundredths: UInt64)
    }

    /// A part that is not paid.
    public struct Folded: Hashable, Sendable {
        /// Index of the part, and of the one that its share goes to.
        public var part: Int
        public var into: Int
        /// What it would have got for certain, which is below its limit.
        public var worth: Satoshis
        public var limit: Satoshis
    }

    /// The most parts there may be. A coinbase of so many outputs still weighs less than half a percent of a
    /// block.
    public static let maximumParts = 100

    /// In the order of the outputs.
    public let parts: [Part]
    private let total: UInt64

    /// Shares of any size: each part gets its share of their sum.
    public init(_ parts: [Part]) throws(Fault) {
        guard !parts.isEmpty else { throw .noPart }
        guard parts.count <= Self.maximumParts else { throw .tooManyParts(parts.count) }
        var total: UInt64 = 0
        for (index, part) in parts.enumerated() {
            guard part.share > 0 else { throw .zeroShare(index: index) }
            let (sum, overflow) = total.addingReportingOverflow(part.share)
            guard !overflow else { throw .totalOverflows }
            total = sum
        }
        self.parts = parts
        self.total = total
    }

    /// Shares in hundredths of a percent, which must add up to 10,000.
    public init(hundredthsOfPercent parts: [Part]) throws(Fault) {
        try self.init(parts)
        guard total == 10_000 else { throw .percentTotal(hundredths: total) }
    }

    /// What is not paid when this much is certain, and why.
    public func folded(assured: Satoshis) -> [Folded] {
        let largest = self.largest
        return parts.indices.compactMap { index in
            let worth = Satoshis(rawValue: quota(of: parts[index].share, in: assured).satoshis)
            let limit = Self.dustLimit(of: parts[index].script)
            guard index != largest, worth < limit else { return nil }
            return Folded(part: index, into: largest, worth: worth, limit: limit)
        }
    }

    /// The outputs, whose values add up to `amount`.
    ///
    /// - Parameter assured: what is certain before fees are known, at most `amount`. It decides how many
    ///   outputs there are.
    public func outputs(of amount: Satoshis, assured: Satoshis) -> [TransactionOutput] {
        precondition(assured <= amount, "what is certain is part of the amount")
        var shares = parts.map(\.share)
        for fold in folded(assured: assured) {
            shares[fold.into] += shares[fold.part]
            shares[fold.part] = 0
        }
        let quotas = shares.map { quota(of: $0, in: amount) }
        var values = quotas.map(\.satoshis)
        // Fewer than there are parts with a remainder: their remainders add up to this many times the total.
        let left = Int(amount.rawValue - values.reduce(0, +))
        let byRemainder = quotas.indices.sorted {
            quotas[$0].remainder != quotas[$1].remainder
                ? quotas[$0].remainder > quotas[$1].remainder : $0 < $1
        }
        for index in byRemainder.prefix(left) { values[index] += 1 }
        return parts.indices.filter { shares[$0] > 0 }.map {
            TransactionOutput(value: Satoshis(rawValue: values[$0]), script: parts[$0].script)
        }
    }

    /// The first of the parts with the largest share.
    private var largest: Int {
        parts.indices.reduce(0) { parts[$1].share > parts[$0].share ? $1 : $0 }
    }

    /// The share of an amount rounded down, and what rounding took, in `total`ths of a satoshi.
    private func quota(of share: UInt64, in amount: Satoshis) -> (satoshis: UInt64, remainder: UInt64) {
        // No share is above the total, so the quotient is not above the amount.
        let quota = total.dividingFullWidth(amount.rawValue.multipliedFullWidth(by: share))
        return (quota.quotient, quota.remainder)
    }

    /// Below this an output costs more to spend than it is worth: 3 satoshis a virtual byte for the output and for the
    /// input that spends it (67 virtual bytes with a witness, 148 without). Zero for what can never be spent.
    /// Source: what Bitcoin Core relays by default (policy/policy.cpp, GetDustThreshold).
    public static func dustLimit(of script: [UInt8]) -> Satoshis {
        guard !Script.isUnspendable(script) else { return .zero }
        let isWitness =
            (4...42).contains(script.count) && Int(script[1]) == script.count - 2
            && (script[0] == 0 || 0x51...0x60 ~= script[0])
        let output = 8 + compactSizeLength(script.count) + script.count
        return Satoshis(rawValue: UInt64(3 * (output + (isWitness ? 67 : 148))))
    }
}
