import BitcoinPrimitives
import TemplateBuilding
import TemplatePolicies
import TemplateSources

extension TemplateSource.Kind {
    var words: String {
        switch self {
        case .nodeCapture: "recording of a regtest node"
        case .table: "table of figures"
        case .blockTemplate: "a node's template"
        case .node: "a node"
        case .candidates: "a mempool service, whose word nobody vouches for"
        }
    }
}

extension Workbench {
    /// Why a transaction that was to be included is not.
    func whyNotIncluded(_ txid: Txid) -> String {
        if let match = ledger?.matches[txid] {
            return "\(match.path) excludes it, because \(match.finding.words)"
        }
        if let refusal = refusals[txid], !mempool.contains(txid) { return refusal.words }
        guard mempool.contains(txid) else { return "it is not in the mempool" }
        if let reason = mempool.keptOut.first(where: { $0.txid == txid })?.reason { return words(reason) }
        return "it and its ancestors do not fit into the block beside the others that are included"
    }

    /// Why a transaction is in no template at this tip, up to the transaction that is the cause.
    func words(_ reason: Mempool.KeptOut) -> String {
        switch reason {
        case .flaw(let flaw): return flaw.words
        case .rule: return "the policy excludes it"
        case .parent(let parent):
            return "it needs \(parent.displayHex), which is left out\(cause(of: parent))"
        }
    }

    private func cause(of parent: Txid) -> String {
        let reasons = Dictionary(mempool.keptOut.map { ($0.txid, $0.reason) }) { first, _ in first }
        var current = parent
        // A chain of ancestors is as long as the mempool at most.
        for _ in 0..<mempool.count {
            if let match = ledger?.matches[current] {
                let who = current == parent ? "" : " through \(current.displayHex)"
                return "\(who): \(match.path) excludes it, because \(match.finding.words)"
            }
            switch reasons[current] {
            case .parent(let next): current = next
            case .flaw(let flaw):
                let who = current == parent ? "" : " through \(current.displayHex)"
                return "\(who): \(flaw.words)"
            case .rule, nil: return ""
            }
        }
        return ""
    }
}

extension PolicyMatch.Finding {
    var words: String {
        switch self {
        case .txid: "its txid is listed"
        case .wtxid: "its wtxid is listed"
        case .paysTo(let output, let script): "output \(output) pays to the script \(script.hex)"
        case .spendsFrom(let input, let script): "input \(input) spends from the script \(script.hex)"
        case .longReturn(let output, let bytes, let limit):
            "output \(output) is an OP_RETURN script of \(Words.grouped(bytes)) bytes, above \(Words.grouped(limit))"
        case .inscription(let input): "the witness of input \(input) holds an inscription"
        case .size(let size, let limit):
            "it has \(Words.grouped(size)) virtual bytes, above \(Words.grouped(limit))"
        }
    }
}

extension Mempool.KeptOut {
    /// In few words, without the transaction's own figures, so that equal reasons count together.
    var summary: String {
        switch self {
        case .flaw(let flaw): flaw.summary
        case .rule: "excluded by the policy"
        case .parent: "they need a transaction that is left out"
        }
    }
}

extension TransactionFlaw {
    var summary: String {
        switch self {
        case .malformed: "their bytes are no transaction"
        case .weightDiffers: "their weight is not that of their bytes"
        case .sixtyFourBytes: "64 bytes without witness, which could pass for a node of a merkle tree"
        case .tooManySigops: "more signature operations than BIP 54 allows"
        case .notFinal: "their lock time has not come"
        case .missingParent: "they need a transaction that is not in the mempool"
        }
    }

    var words: String {
        switch self {
        case .malformed(let fault): "its bytes are no transaction (\(fault))"
        case .weightDiffers(let stated, let actual):
            "its bytes weigh \(Words.grouped(actual.weightUnits)) WU, and not \(Words.grouped(stated.weightUnits))"
        case .sixtyFourBytes:
            "it has 64 bytes without witness, and could pass for a node of a merkle tree (BIP 54)"
        case .tooManySigops(let count):
            "its inputs hold \(Words.grouped(count)) signature operations, and BIP 54 allows 2,500"
        case .notFinal(let lockTime): "its lock time \(lockTime) has not come"
        case .missingParent(let parent):
            "it needs \(parent.displayHex), which is neither in the mempool nor in a block"
        }
    }
}

extension Mempool.Refusal {
    var summary: String {
        switch self {
        case .duplicate: "their txid came twice; the first one counts"
        case .full: "the mempool is full"
        case .conflict: "they spend what one before them spends"
        case .cyclic: "they depend on themselves"
        case .outOfRange: "weight, fee or sigop cost that no block can have"
        case .moreFeesThanMoney: "with them there would be more fees than money"
        }
    }

    var words: String {
        switch self {
        case .duplicate: "its txid came twice; the first one counts"
        case .full: "the mempool is full with \(Words.grouped(Mempool.maximumTransactions)) transactions"
        case .conflict(let other): "it spends what \(other.displayHex) spends, which came first"
        case .cyclic: "it depends on itself, directly or through others"
        case .outOfRange: "its weight, fee or sigop cost is more than any block can have"
        case .moreFeesThanMoney: "with it there would be more fees than money"
        }
    }
}
