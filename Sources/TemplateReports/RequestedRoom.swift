import BitcoinPrimitives
import Payouts
import TemplateBuilding
import TemplatePolicies
import TemplateSources

/// What of a block's limits is for transactions, as a request asks for it.
struct RequestedRoom {
    /// Whom a block would pay.
    let plan: CoinbasePlan
    /// The tip, or one that gives a coinbase the same size.
    let next: NextBlock
    /// Whether a block can be made: the tip and the transactions are there, and whom it pays is known.
    let canMakeBlock: Bool
    let payout: Payout
    /// Exactly what is left.
    private let exact: BlockRoom
    private let reserve: UInt64?

    enum Payout: Hashable {
        /// As the operator said: the first script of the descriptor.
        case given(PayoutIndex)
        /// P2WSH(OP_TRUE), which anyone can spend: on regtest only.
        case anyone
        /// Nobody; the size of a P2TR output is reserved.
        case nobody

        var script: [UInt8] {
            switch self {
            case .given(let index): index.script
            case .anyone: Script.payToWitnessScriptHash(Script.opTrue)
            case .nobody: [0x51, 0x20] + [UInt8](repeating: 0, count: 32)
            }
        }
    }

    init(
        _ request: TemplateRequest, _ source: TemplateSource, _ network: BitcoinNetwork?
    ) throws(TemplateCommandFault) {
        if let text = request.payout {
            payout = .given(PayoutIndex(try Self.descriptor(text, network)))
        } else {
            payout = network == .regtest ? .anyone : .nobody
        }
        plan = try Self.plan(paying: payout)
        next = source.next ?? Self.someTip
        canMakeBlock = source.next != nil && source.hasTransactions && payout != .nobody
        do throws(TemplateFault) { exact = try BlockRoom(for: next, plan: plan) } catch {
            throw .coinbase("\(error)")
        }
        reserve = request.reserve
        if canMakeBlock, let reserve {
            let needed = reserved(transactions: source.entries.count).weightUnits
            guard reserve >= needed else { throw .reserveTooSmall(reserve, needed: needed) }
        }
    }

    /// Weight units that are not for transactions, in a block of so many beside the coinbase.
    func reserved(transactions: Int) -> Weight { .block - exact.weight(transactions: transactions) }

    /// What a report gives as the reserve.
    func statedReserve(transactions: Int) -> UInt64 {
        reserve ?? reserved(transactions: transactions).weightUnits
    }

    /// Inclusive limits for transactions.
    func limits(transactions: Int) -> (weight: Weight, sigopCost: Int) {
        guard let reserve else { return (exact.weight(transactions: transactions), exact.sigopCost) }
        // A node stays below its limits.
        return (Weight(weightUnits: Weight.block.weightUnits - reserve - 1), min(79_599, exact.sigopCost))
    }

    /// The best choice, which is never worse than the node's own where the policy allows that one.
    func best(of mempool: inout Mempool, own: TemplateSource.Own?, rules: PolicyRules?) -> Choice {
        let limits = limits(transactions: mempool.count)
        let choice =
            reserve == nil
            ? mempool.choose(in: exact) : mempool.choose(weight: limits.weight, sigopCost: limits.sigopCost)
        // A list of the node's does without what the operator includes, and may hold what pays too little.
        guard let own, rules?.minimumRate == nil, rules?.included.isEmpty ?? true else {
            return Choice(choice: choice)
        }
        let room = self.limits(transactions: own.txids.count)
        guard
            let theirs = mempool.choice(of: own.txids, weight: room.weight, sigopCost: room.sigopCost),
            theirs.orderingFees > choice.orderingFees
        else { return Choice(choice: choice) }
        return Choice(choice: theirs, isNodesOwn: true)
    }

    /// On the network that is known, or on any.
    static func descriptor(
        _ text: String, _ network: BitcoinNetwork?
    ) throws(TemplateCommandFault) -> PayoutDescriptor {
        var first: DescriptorFault?
        for network in network.map({ [$0] }) ?? BitcoinNetwork.allCases {
            do throws(DescriptorFault) {
                return try PayoutDescriptor(addressOrDescriptor: text, on: network)
            } catch {
                if first == nil { first = error }
            }
        }
        guard let first else { preconditionFailure("there are networks") }
        throw .payout(text, first)
    }

    /// All of the reward to one script.
    static func plan(paying payout: Payout) throws(TemplateCommandFault) -> CoinbasePlan {
        do throws(PayoutSplit.Fault) {
            return CoinbasePlan(
                reward: .split(try PayoutSplit([.init(script: payout.script, share: 1)])), tag: tag,
                extranonceSize: extranonceSize)
        } catch {
            throw .coinbase("\(error)")
        }
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
