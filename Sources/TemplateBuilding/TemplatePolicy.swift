public import BitcoinPrimitives

/// What the operator wants in blocks, and what not.
///
/// Excluding takes out all that depends on what is excluded; including takes in all that it depends on, at
/// its true cost. Where both are asked for, excluding wins, and the explanation of the transaction says so.
public struct TemplatePolicy: Hashable, Sendable {
    /// Chunks that pay less are left out: satoshis per 1,000 weight units; 250 is 1 sat/vB.
    public var minimumRate: UInt64 = 0
    /// Transactions taken before all choice.
    public var included: Set<Txid> = []
    public var excludedTxids: Set<Txid> = []
    public var excludedWtxids: Set<Wtxid> = []
    /// Transactions with an output of one of these scripts are left out.
    public var excludedScripts: Set<[UInt8]> = []
    /// Transactions with an OP_RETURN output whose script is longer are left out.
    public var maximumReturnSize: Int?
    /// Leaves out transactions with an inscription envelope in a taproot script.
    public var excludesInscriptions = false
    /// Heavier transactions are left out.
    public var maximumWeight: Weight?
    /// Satoshis by which a transaction is ordered as if it paid more, or less. They never enter a coinbase.
    public var feeDeltas: [Txid: Int64] = [:]

    public init() {}

    /// One way of excluding.
    public enum Rule: Hashable, Sendable {
        case txid
        case wtxid
        case script([UInt8])
        case returnSize(Int)
        case inscription
        case weight(Weight)
    }

    /// Why this policy alone keeps a transaction out; `nil` if it does not. Rules about content do not apply
    /// to what has no bytes, or bytes that are no transaction.
    public func rule(against entry: MempoolEntry) -> Rule? {
        if excludedTxids.contains(entry.txid) { return .txid }
        if excludedWtxids.contains(entry.wtxid) { return .wtxid }
        if let maximumWeight, entry.weight > maximumWeight { return .weight(entry.weight) }
        guard readsContent, let transaction = try? Transaction(wireBytes: entry.wireBytes) else { return nil }
        for output in transaction.outputs {
            if excludedScripts.contains(output.script) { return .script(output.script) }
            if let maximumReturnSize, output.script.first == 0x6a, output.script.count > maximumReturnSize {
                return .returnSize(output.script.count)
            }
        }
        let isInscribed = excludesInscriptions && transaction.inputs.contains { hasEnvelope($0.witness) }
        return isInscribed ? .inscription : nil
    }

    /// Whether anything could be kept out by ``rule(against:)``.
    var hasRules: Bool {
        looksBeyondIDs || !excludedTxids.isEmpty
    }

    /// Whether anything could be kept out for more than its txid.
    var looksBeyondIDs: Bool { readsContent || !excludedWtxids.isEmpty || maximumWeight != nil }

    private var readsContent: Bool {
        !excludedScripts.isEmpty || maximumReturnSize != nil || excludesInscriptions
    }

    /// Whether a taproot script path (BIP 341: script and control block last, an annex after them) holds
    /// `OP_FALSE OP_IF "ord"`, with which ordinal inscriptions begin.
    private func hasEnvelope(_ witness: [[UInt8]]) -> Bool {
        var items = witness[...]
        if items.count >= 2, items.last?.first == 0x50 { items = items.dropLast() }
        guard items.count >= 2, let control = items.last, control.count >= 33, control.count % 32 == 1 else {
            return false
        }
        let script = items[items.endIndex - 2]
        let mark: [UInt8] = [0x00, 0x63, 0x03, 0x6f, 0x72, 0x64]
        guard script.count >= mark.count else { return false }
        return (0...script.count - mark.count).contains { script[$0..<$0 + mark.count].elementsEqual(mark) }
    }
}
