public import BitcoinPrimitives
import SV2Roles
public import TemplateBuilding

extension FinishedTemplate {
    /// What nodes keep free for the signature operations of coinbase outputs (templates.md §5). Providers may not
    /// hand on the number that they are asked for (sv2-notes §7.2).
    public static let sigopReserve = 400

    /// A block of ours with the provider's transactions, all of them: its coinbase has the version, height, sequence,
    /// lock time and last outputs that the provider asks for, and in front our own outputs, which divide all that it
    /// leaves to us.
    ///
    /// Of the proposal's transactions the unknown fees are 0, and sigop costs are upper bounds, as is their sum; its
    /// `fees` are right.
    ///
    /// - Parameters:
    ///   - id: of the proposal, by the owner's count.
    ///   - plan: whom the coinbase pays.
    public func proposal(id: UInt64, plan: CoinbasePlan) throws(FinishedTemplateFault) -> Proposal {
        guard let subsidy else { throw .unknownSubsidy }
        guard subsidy <= value else { throw .lessThanSubsidy(value, subsidy: subsidy) }
        let next = offer.nextBlock(subsidy: subsidy)
        let fees = value - subsidy
        let coinbase = try coinbase(plan, next, fees)
        let whole =
            weight + coinbase.weight + FinishedTemplate.framing(transactions: transactions.count + 1)
        guard whole <= .block else { throw .tooHeavy(whole) }
        let blank = [UInt8](repeating: 0, count: plan.extranonceSize)
        let ours = coinbase.transaction(extranonce: blank).legacySigopCost
        guard leastSigopCost + ours <= maximumBlockSigopCost else {
            throw .tooManySigops(leastSigopCost + ours)
        }
        // Where the bound does not prove that there is room, the node's own reserve does.
        guard greatestSigopCost + ours <= maximumBlockSigopCost || ours <= FinishedTemplate.sigopReserve
        else { throw .sigopsWithoutReserve(ours, reserve: FinishedTemplate.sigopReserve) }
        return Proposal(
            id: id, next: next, transactions: transactions.map(\.mempoolEntry), coinbase: coinbase,
            merklePath: offer.template.merklePath, fees: fees, weight: whole,
            sigopCost: greatestSigopCost + ours, nodeFigures: figures)
    }

    private func coinbase(
        _ plan: CoinbasePlan, _ next: NextBlock, _ fees: Satoshis
    ) throws(FinishedTemplateFault) -> CoinbaseParts {
        let ours: CoinbaseParts
        do throws(CoinbaseFault) { ours = try plan.parts(for: next, fees: fees, commitment: nil) } catch {
            throw .coinbase(error)
        }
        // Behind the height: one push that holds tag and extranonce.
        let behindHeight = Array(ours.scriptPrefix.dropFirst(Script.heightPush(next.height).count))
        let template = offer.template
        guard
            let coinbase = template.coinbase(
                paying: ours.outputs, tag: behindHeight, extranonceSize: plan.extranonceSize)
        else {
            throw .scriptTooLong(
                template.coinbasePrefix.count + behindHeight.count + plan.extranonceSize)
        }
        return coinbase
    }
}

/// Why a finished template makes no block with a plan.
public enum FinishedTemplateFault: Error, Hashable, Sendable {
    /// The chain's subsidy schedule was not given, so that fees are not known.
    case unknownSubsidy
    case lessThanSubsidy(Satoshis, subsidy: Satoshis)
    case coinbase(CoinbaseFault)
    /// So many bytes, where a scriptSig has at most 100: the provider's prefix is longer than a height.
    case scriptTooLong(Int)
    /// The outputs are larger than the constraints that the provider was given.
    case tooHeavy(Weight)
    case tooManySigops(Int)
    /// The coinbase's outputs cost more than nodes keep free, and that there is more room cannot be shown.
    case sigopsWithoutReserve(Int, reserve: Int)
}
