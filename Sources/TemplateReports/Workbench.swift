import BitcoinPrimitives
import Payouts
import PolicyFiles
import TemplateBuilding
import TemplatePolicies
import TemplateSources

/// A source with a policy applied: what all commands about templates start from.
struct Workbench {
    let source: TemplateSource
    let rules: PolicyRules?
    let room: BlockRoom
    /// With the policy.
    var mempool: Mempool
    /// Which transactions the policy keeps out by its own rules, and why.
    let ledger: PolicyLedger?
    /// Entries of the source that the mempool did not take, of some of which it has another one with the same id.
    let refusals: [Txid: Mempool.Refusal]

    static func open(_ request: TemplateRequest) throws(TemplateCommandFault) -> TemplateSource {
        do throws(SourceFault) { return try TemplateSource(file: request.source) } catch {
            throw .source(error)
        }
    }

    init(_ request: TemplateRequest, _ source: TemplateSource) throws(TemplateCommandFault) {
        if let reserve = request.reserve, reserve >= Weight.block.weightUnits {
            throw .reserveTooLarge(reserve)
        }
        self.source = source
        let network = request.network ?? source.network
        var rules: PolicyRules?
        if let file = request.policy {
            do throws(PolicyFileFault) { rules = try PolicyFile.rules(file: file, network: network) } catch {
                throw .policy(error)
            }
        }
        self.rules = rules
        room = try BlockRoom(request, source, network)
        var mempool = Mempool(seed: .random(in: .min ... .max))
        mempool.reserve(source.entries.count)
        var refusals: [Txid: Mempool.Refusal] = [:]
        for entry in source.entries {
            switch mempool.add(entry) {
            case .taken, .keptOut: break
            case .refused(let refusal): refusals[entry.txid] = refusal
            }
        }
        if let next = source.next { mempool.setTip(next) }
        ledger = rules.map { Self.judged(source, by: $0) }
        if let ledger { mempool.setPolicy(ledger.enginePolicy) }
        self.mempool = mempool
        self.refusals = refusals
    }

    private static func judged(_ source: TemplateSource, by rules: PolicyRules) -> PolicyLedger {
        var ledger = PolicyLedger(rules)
        let scripts = rules.readsSpentScripts ? source.spentScripts() : [:]
        for entry in source.entries { ledger.judge(entry) { scripts[$0] } }
        return ledger
    }

    /// The best choice with the policy.
    mutating func choose() -> Choice { room.best(of: &mempool, own: source.own, rules: rules) }

    /// The mempool without the policy.
    var freeMempool: Mempool {
        var free = mempool
        free.setPolicy(TemplatePolicy())
        return free
    }
}

/// What is chosen, and whose choice it is.
struct Choice {
    var choice: MempoolChoice
    /// The node's own list, because nothing better was found.
    var isNodesOwn = false
}

/// What of a block's limits is for transactions.
struct BlockRoom {
    /// Whom a block would pay.
    let plan: CoinbasePlan
    /// The tip, or one that gives a coinbase the same size.
    let next: NextBlock
    /// Whether a block can be made: the tip and the transactions are there, and whom it pays is known.
    let canMakeBlock: Bool
    let payout: Payout
    private let coinbaseWeight: Weight
    private let coinbaseSigopCost: Int
    private let reserve: UInt64?

    enum Payout: Hashable {
        /// As the operator said.
        case given(String)
        /// P2WSH(OP_TRUE), which anyone can spend: on regtest only.
        case anyone
        /// Nobody; the size of a P2TR output is reserved.
        case nobody
    }

    init(
        _ request: TemplateRequest, _ source: TemplateSource, _ network: BitcoinNetwork?
    ) throws(TemplateCommandFault) {
        let script: [UInt8]
        if let text = request.payout {
            script = try Self.script(of: text, network)
            payout = .given(text)
        } else if network == .regtest {
            script = Script.payToWitnessScriptHash(Script.opTrue)
            payout = .anyone
        } else {
            script = [0x51, 0x20] + [UInt8](repeating: 0, count: 32)
            payout = .nobody
        }
        do throws(PayoutSplit.Fault) {
            plan = CoinbasePlan(
                reward: .split(try PayoutSplit([.init(script: script, share: 1)])), tag: Self.tag,
                extranonceSize: Self.extranonceSize)
        } catch {
            throw .coinbase("\(error)")
        }
        next = source.next ?? Self.someTip
        canMakeBlock = source.next != nil && source.hasTransactions && payout != .nobody
        do throws(CoinbaseFault) {
            (coinbaseWeight, coinbaseSigopCost) = try plan.reservation(for: next)
        } catch {
            throw .coinbase("\(error)")
        }
        reserve = request.reserve
        if canMakeBlock, let reserve {
            let needed = reserved(transactions: source.entries.count).weightUnits
            guard reserve >= needed else { throw .reserveTooSmall(reserve, needed: needed) }
        }
    }

    /// Weight units that are not for transactions, in a block of so many beside the coinbase.
    func reserved(transactions: Int) -> Weight {
        Weight(weightUnits: UInt64(4 * (Header.size + compactSizeLength(transactions + 1)))) + coinbaseWeight
    }

    /// What a report gives as the reserve.
    func statedReserve(transactions: Int) -> UInt64 {
        reserve ?? reserved(transactions: transactions).weightUnits
    }

    /// Inclusive limits for transactions.
    func limits(transactions: Int) -> (weight: Weight, sigopCost: Int) {
        if let reserve {
            // A node stays below its limits.
            return (
                Weight(weightUnits: Weight.block.weightUnits - reserve - 1),
                min(79_599, maximumBlockSigopCost - coinbaseSigopCost)
            )
        }
        return (.block - reserved(transactions: transactions), maximumBlockSigopCost - coinbaseSigopCost)
    }

    /// The best choice, which is never worse than the node's own where the policy allows that one.
    ///
    /// The count before the transactions takes one byte up to 252 and three from there on, so there are two problems.
    func best(of mempool: inout Mempool, own: TemplateSource.Own?, rules: PolicyRules?) -> Choice {
        let fewest = min(mempool.count, 251)
        let (few, many) = (limits(transactions: fewest), limits(transactions: mempool.count))
        var choice = mempool.choose(weight: many.weight, sigopCost: many.sigopCost)
        if few != many, choice.transactions <= fewest {
            let other = mempool.choose(weight: few.weight, sigopCost: few.sigopCost)
            if other.transactions <= fewest, other.orderingFees > choice.orderingFees { choice = other }
        }
        // A list of the node's does without what the operator includes, and may hold what pays too little.
        guard let own, rules?.minimumRate == nil, rules?.included.isEmpty ?? true else {
            return Choice(choice: choice)
        }
        let room = limits(transactions: own.txids.count)
        guard
            let theirs = mempool.choice(of: own.txids, weight: room.weight, sigopCost: room.sigopCost),
            theirs.orderingFees > choice.orderingFees
        else { return Choice(choice: choice) }
        return Choice(choice: theirs, isNodesOwn: true)
    }

    /// On the network that is known, or on any.
    private static func script(
        of text: String, _ network: BitcoinNetwork?
    ) throws(TemplateCommandFault) -> [UInt8] {
        var first: DescriptorFault?
        for network in network.map({ [$0] }) ?? BitcoinNetwork.allCases {
            do throws(DescriptorFault) {
                let descriptor = try PayoutDescriptor(addressOrDescriptor: text, on: network)
                if let script = descriptor.script() { return script }
            } catch {
                if first == nil { first = error }
            }
        }
        throw .payout(text, first ?? .unspendable)
    }

    private static let tag = Array("/adit/".utf8)
    /// As much as an upstream and a miner roll together.
    private static let extranonceSize = 16
    /// Any height of three bytes has a coinbase of the same size.
    private static let someTip = NextBlock(
        previousBlock: .zero, height: 900_000, version: 0x2000_0000, bits: CompactTarget(bits: 0x1d00_ffff),
        blockTarget: .max, minimumTime: 0, currentTime: 0,
        subsidy: SubsidySchedule.mainnet.subsidy(at: 900_000))
}
