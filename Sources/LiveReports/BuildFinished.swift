import BitcoinPrimitives
import Payouts
import PolicyFiles
public import ProviderTemplates
import SV2Roles
import TemplateBuilding
import TemplatePolicies
public import TemplateReports

/// What `adit template build` says of a template provider's template: it is used whole, so there is nothing to choose,
/// but it can be checked against a policy, and made a block of ours.
public func buildTemplate(
    _ request: TemplateRequest, from finished: FinishedTemplate, at place: String
) throws(TemplateCommandFault) -> TemplateBuildOutcome {
    let wishes = try TemplateWishes(request)
    let clock = ContinuousClock()
    let start = clock.now
    var proposal: Proposal?
    var problem: String?
    do throws(FinishedTemplateFault) { proposal = try finished.proposal(id: 1, plan: wishes.plan) } catch {
        problem = words(error)
    }
    let elapsed = start.duration(to: clock.now)
    let coinbase = finished.offer.template.coinbaseTxOutputs.count
    let reserved = proposal.map { ($0.weight - finished.weight).weightUnits } ?? 0
    let fees = finished.fees?.rawValue
    let report = TemplateReport(
        source: place, transactions: finished.transactions.count, feesSat: fees,
        weight: finished.weight.weightUnits, sigops: finished.greatestSigopCost, reservedWeight: reserved,
        nodeFeesSat: fees, gainSat: fees == nil ? nil : 0, policyCostSat: 0,
        buildMs: Double(elapsed.components.seconds) * 1e3
            + (Double(elapsed.components.attoseconds) / 1e12).rounded() / 1e3)
    var lines = [
        "\(place): a template provider, height \(finished.offer.template.height)",
        "template        \(report.transactions) transactions, used whole: the protocol does not tell what each pays",
        "value           \(finished.value.rawValue) sat for the coinbase"
            + (fees.map { ", \($0) of them fees" } ?? "; give --network to tell fees from new coins"),
        "weight          \(report.weight) WU; \(coinbase) coinbase output\(coinbase == 1 ? "" : "s") of the provider",
        "sigop cost      \(finished.leastSigopCost) at least, \(finished.greatestSigopCost) at most",
    ]
    var warnings = [String]()
    if let rules = wishes.rules {
        let check = finished.check(rules)
        if let refusal = check.refusal {
            warnings.append(
                "\(rules.source) does not allow this template: \(words(refusal)). The agent would not mine it"
                    + (check.refusals > 1 ? "; \(check.refusals) transactions are against the rules." : "."))
        } else {
            lines.append("policy          \(rules.source): allows it")
        }
        for rule in check.untold { warnings.append(words(rule)) }
    }
    let canMakeBlock = wishes.isPaid && proposal != nil
    if let line = wishes.payoutLine { lines.append(line) }
    if canMakeBlock, let proposal {
        lines.append("block           \(proposal.weight.weightUnits) WU with header and coinbase")
    } else {
        let why = problem ?? "a payout is needed: give it with --payout"
        lines.append("block           none: \(why)")
    }
    let block =
        canMakeBlock ? proposal.map { FinishedBlock($0, isSearched: request.network == .regtest) } : nil
    return TemplateBuildOutcome(report: report, lines: lines, warnings: warnings, block: block)
}

private func words(_ fault: FinishedTemplateFault) -> String {
    switch fault {
    case .unknownSubsidy: "new coins cannot be told from fees: give --network"
    case .lessThanSubsidy(let value, let subsidy):
        "the provider leaves \(value.rawValue) sat, and new coins alone are \(subsidy.rawValue): is it the network of "
            + "--network?"
    case .coinbase(let fault): "no coinbase can be made: \(fault)"
    case .scriptTooLong(let bytes): "its coinbase script would have \(bytes) bytes, where 100 are allowed"
    case .tooHeavy(let weight): "it would weigh \(weight.weightUnits) WU"
    case .tooManySigops(let cost): "its signature operations would cost \(cost) of 80000"
    case .sigopsWithoutReserve(let cost, let reserve):
        "the payout's signature operations cost \(cost), and providers keep \(reserve) free"
    }
}

private func words(_ refusal: TemplatePolicyRefusal) -> String {
    switch refusal {
    case .holds(let txid, let match): "it holds \(txid), against \(match.path)"
    case .lacks(let txid, let path): "it is without \(txid), which \(path) asks for"
    case .paysTooLittle(let txid, let fee, _, let path):
        "\(txid) pays \(fee.rawValue) sat, too little for \(path)"
    }
}

private func words(_ rule: UntoldRule) -> String {
    switch rule {
    case .spentScripts(let inputs):
        "Of \(inputs) inputs the provider does not tell whose outputs they spend: rules about addresses and scripts are "
            + "not checked there."
    case .feeRates(let transactions, let path):
        "What \(transactions) transactions pay is not told, so \(path) is not checked there."
    }
}
