import BitcoinPrimitives
public import LiveTemplates
public import TemplateBuilding

// What an operator reads about templates as they are made.

extension TemplateWarning {
    public var sentence: String {
        switch self {
        case .belowSource(let difference, let cause):
            "This template earns \(Words.satoshis(difference.rawValue)) less than the node's own: \(cause.words)."
        case .feesDiffer(let stated, let counted):
            "The node says that its template pays \(Words.satoshis(stated.rawValue)) in fees, and its transactions pay "
                + "\(Words.satoshis(counted.rawValue)): a block may claim too much. Is the node a real one, and up to "
                + "date?"
        case .ownTemplateTooLong(let count):
            "The node's own template has \(Words.grouped(count)) transactions, more than a block can hold; it is not "
                + "compared with."
        case .policyLeavesNothing(let cost):
            "The policy keeps everything out: blocks are empty, which costs \(Words.satoshis(cost.rawValue)) a block."
        case .mempoolFull(let refused):
            "\(Words.transactions(refused)) were not taken: the mempool here holds as many as it may. Let the node keep "
                + "a smaller one (maxmempool)."
        }
    }
}

extension TemplateWarning.Shortfall {
    fileprivate var words: String {
        switch self {
        case .mempoolBehind: "the mempool is not that of the new tip yet"
        case .policy: "the policy keeps transactions of its list out"
        case .notHeld(let count): "\(Words.transactions(count)) of its list are not known here yet"
        case .unfit: "some of its transactions are held to be unfit for a block"
        case .room: "the coinbase leaves less room than its list takes"
        case .unknown: "its list is not known, or adds up to less than it says"
        }
    }
}

extension TemplateFault {
    public var sentence: String {
        switch self {
        case .noPayout: "No template: nobody is named whom a block pays. Give a payout."
        case .payoutsExceedReward:
            "No template: the fixed payouts ask for more than a block earns. Lower them, or make them shares."
        case .coinbaseScriptTooLong(let bytes):
            "No template: height, tag and extranonce take \(bytes) bytes of the coinbase script, which has 100. Shorten "
                + "the tag."
        case .coinbaseTooLarge(let weight, let sigopCost):
            "No template: the coinbase alone weighs \(Words.grouped(weight.weightUnits)) WU at a sigop cost of "
                + "\(Words.grouped(sigopCost)), more than a block may have. Pay fewer outputs."
        case .valuesOutOfRange:
            "No template: the node names more money than there is. Is it the network that is meant?"
        }
    }
}
