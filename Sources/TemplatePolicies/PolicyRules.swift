public import BitcoinPrimitives

/// What an operator wants in blocks and what not, each wish with the place where it is written.
///
/// Judging a transaction is a pure function of the transaction and of the outputs it spends, so that it is done once,
/// on arrival (templates.md §11).
public struct PolicyRules: Hashable, Sendable {
    /// A wish and its place: a key path as in TOML, `exclude.txids[3]`.
    public struct Placed<Value: Hashable & Sendable>: Hashable, Sendable {
        public var value: Value
        public var path: String

        public init(_ value: Value, at path: String) {
            self.value = value
            self.path = path
        }
    }

    /// The most that each list may have.
    public static let maximumList = 10_000

    /// The file, for what is said of the rules.
    public var source: String
    public var minimumRate: Placed<PolicyRate>?
    /// Taken before all choice, with their ancestors. The values are key paths, as in all of these.
    public var included: [Txid: String] = [:]
    public var excludedTxids: [Txid: String] = [:]
    public var excludedWtxids: [Wtxid: String] = [:]
    /// Output scripts: transactions that pay to one, or spend from one, are left out.
    public var excludedScripts: [[UInt8]: String] = [:]
    /// Transactions with an OP_RETURN output whose script has more bytes than this are left out.
    public var longestReturn: Placed<Int>?
    /// Where it says that inscriptions are left out.
    public var inscriptionsExcludedAt: String?
    /// Larger transactions are left out: virtual bytes.
    public var largestVirtualSize: Placed<UInt64>?
    /// Satoshis by which a transaction is ordered as if it paid more, or less. They never enter a coinbase.
    public var feeDeltas: [Txid: Placed<Int64>] = [:]

    public init(source: String) { self.source = source }

    /// Two wishes that cannot both be granted.
    public struct Conflict: Error, Hashable, Sendable {
        public var txid: Txid
        public var included: String
        public var excluded: String
    }

    /// Transactions that are to be in and out at once, by their own ids; those that only a rule about content keeps
    /// out show when they arrive.
    public var conflicts: [Conflict] {
        included.compactMap { txid, path in
            excludedTxids[txid].map { Conflict(txid: txid, included: path, excluded: $0) }
        }.sorted { $0.txid < $1.txid }
    }

    /// Whether there is no wish at all.
    public var isEmpty: Bool {
        minimumRate == nil && included.isEmpty && feeDeltas.isEmpty && !excludes
    }

    /// Whether any transaction could be left out by ``match(_:spending:)``.
    var excludes: Bool {
        readsContent || !excludedTxids.isEmpty || !excludedWtxids.isEmpty || largestVirtualSize != nil
    }

    /// Whether some rule is about what a transaction holds, so that its bytes are read.
    public var readsContent: Bool {
        !excludedScripts.isEmpty || longestReturn != nil || inscriptionsExcludedAt != nil
    }

    /// Whether some rule is about the outputs that a transaction spends.
    public var readsSpentScripts: Bool { !excludedScripts.isEmpty }
}

/// The rule that keeps a transaction out, what it found, and where it is written.
public struct PolicyMatch: Hashable, Sendable {
    public enum Finding: Hashable, Sendable {
        case txid
        case wtxid
        /// Pays to the script with its output of that index.
        case paysTo(output: Int, script: [UInt8])
        /// Spends an output of the script with its input of that index.
        case spendsFrom(input: Int, script: [UInt8])
        /// The OP_RETURN script of that output has so many bytes.
        case longReturn(output: Int, bytes: Int, limit: Int)
        /// The witness of that input holds an inscription.
        case inscription(input: Int)
        /// Virtual bytes.
        case size(UInt64, limit: UInt64)
    }

    public var finding: Finding
    /// A key path as in TOML.
    public var path: String

    public init(_ finding: Finding, at path: String) {
        self.finding = finding
        self.path = path
    }
}
