import BitcoinPrimitives
import Payouts
import TemplateBuilding
import TemplatePolicies
public import TemplateSources

/// What `adit template build` has to show.
public struct TemplateBuildOutcome: Sendable {
    public var report: TemplateReport
    /// For the terminal, a line each.
    public var lines: [String]
    /// Sentences that must not be passed over, whatever else is printed.
    public var warnings: [String]
    /// `nil` where none can be made; ``lines`` say why.
    public var block: FinishedBlock?

    public init(report: TemplateReport, lines: [String], warnings: [String], block: FinishedBlock?) {
        self.report = report
        self.lines = lines
        self.warnings = warnings
        self.block = block
    }
}

/// Builds the template that earns most from a file's transactions, under a policy if there is one, and compares it with
/// what the node would have mined and with what the policy costs.
///
/// Reads files and a clock, and writes nothing.
///
/// - Parameter source: what the request's source holds; it is opened as a file otherwise.
public func buildTemplate(
    _ request: TemplateRequest, from source: TemplateSource? = nil
) throws(TemplateCommandFault) -> TemplateBuildOutcome {
    // Reading a file is no part of building.
    let source = try Workbench.opened(source, request)
    let clock = ContinuousClock()
    let start = clock.now
    var bench = try Workbench(request, source)
    let chosen = bench.choose()
    let proposal = try bench.proposal(chosen.choice)
    let elapsed = start.duration(to: clock.now)

    let best = bench.bestWithoutPolicy(chosen)
    let fees = Int64(chosen.choice.fees.rawValue)
    let nodeFees = source.own.map { Int64(clamping: $0.figures.fees.rawValue) }
    let report = TemplateReport(
        source: source.path, transactions: chosen.choice.transactions,
        feesSat: chosen.choice.fees.rawValue, weight: chosen.choice.weight.weightUnits,
        sigops: chosen.choice.sigopCost,
        reservedWeight: bench.room.statedReserve(transactions: chosen.choice.transactions),
        nodeFeesSat: nodeFees.map { UInt64($0) }, gainSat: nodeFees.map { fees - $0 },
        policyCostSat: Int64(best.fees.rawValue) - fees, buildMs: milliseconds(elapsed))
    let block = bench.room.canMakeBlock ? FinishedBlock(proposal, isSearched: bench.isRegtest) : nil
    return TemplateBuildOutcome(
        report: report, lines: buildLines(report, bench, chosen, block),
        warnings: warnings(report, bench, chosen, best), block: block)
}

/// With three decimals.
private func milliseconds(_ duration: Duration) -> Double {
    let (seconds, attoseconds) = duration.components
    return Double(seconds * 1_000_000 + attoseconds / 1_000_000_000_000) / 1_000
}

extension Workbench {
    /// Whether blocks of this chain can be found by trying.
    var isRegtest: Bool { source.network == .regtest }

    func proposal(_ choice: MempoolChoice) throws(TemplateCommandFault) -> Proposal {
        let entries = mempool.entries(of: choice)
        let coinbase: CoinbaseParts
        do throws(CoinbaseFault) {
            coinbase = try room.plan.parts(
                for: room.next, fees: choice.fees,
                commitment: WitnessCommitment.script(wtxids: entries.map(\.wtxid)))
        } catch {
            throw .coinbase("\(error)")
        }
        return Proposal(
            id: 1, next: room.next, transactions: entries, coinbase: coinbase,
            merklePath: MerkleTree.path(besides: entries.map(\.txid.hash)), fees: choice.fees,
            weight: room.reserved(transactions: entries.count) + choice.weight, sigopCost: choice.sigopCost,
            nodeFigures: source.own?.figures)
    }

    /// The best choice that the same transactions give without the policy.
    func bestWithoutPolicy(_ chosen: Choice) -> MempoolChoice {
        guard let rules, !rules.isEmpty else { return chosen.choice }
        var free = freeMempool
        return room.best(of: &free, own: source.own, rules: nil).choice
    }
}

// MARK: - Sentences

private func buildLines(
    _ report: TemplateReport, _ bench: Workbench, _ chosen: Choice, _ block: FinishedBlock?
) -> [String] {
    var lines = [
        "\(report.source): \(bench.source.kind.words), \(Words.transactions(bench.source.entries.count))",
        "template        \(Words.transactions(report.transactions)), \(Words.satoshis(chosen.choice.fees.rawValue)) in fees",
        "weight          \(Words.grouped(report.weight)) WU, and \(Words.grouped(report.reservedWeight)) WU reserved "
            + "for header, count and coinbase",
        "sigop cost      \(Words.grouped(report.sigops)) of 80,000",
    ]
    if let node = report.nodeFeesSat, let gain = report.gainSat {
        lines.append("node's own      \(Words.satoshis(node)): \(Words.difference(gain)) with this template")
    } else {
        lines.append("node's own      not known from this source")
    }
    if chosen.isNodesOwn {
        lines.append("choice          the node's own list: nothing better was found")
    }
    if let rules = bench.rules {
        let cost = report.policyCostSat
        lines.append(
            "policy          \(rules.source): "
                + (cost == 0
                    ? "costs nothing" : "\(cost > 0 ? "costs" : "earns") \(Words.satoshis(cost.magnitude))")
                + " against the best without it")
    }
    switch bench.room.payout {
    case .given(let payout): lines.append(PayoutWords.line(payout))
    case .anyone, .nobody: break  // the line about the block says so
    }
    lines.append("built in        \(report.buildMs) ms")
    lines += leftOutLines(bench)
    lines.append(blockLine(bench, block))
    return lines
}

/// How many the mempool holds or refused that no template of this policy has, by reason.
private func leftOutLines(_ bench: Workbench) -> [String] {
    var counts: [String: Int] = [:]
    for (_, reason) in bench.mempool.keptOut { counts[reason.summary, default: 0] += 1 }
    for refusal in bench.refusals.values { counts[refusal.summary, default: 0] += 1 }
    return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
        "left out        \(Words.transactions($0.value)): \($0.key)"
    }
}

private func blockLine(_ bench: Workbench, _ block: FinishedBlock?) -> String {
    guard let block else {
        let why =
            !bench.source.hasTransactions
            ? "the source has figures, but no transactions" : "a payout is needed: give it with --payout"
        let size = bench.room.payout == .nobody ? "; a P2TR output was reserved for" : ""
        return "block           none: \(why)\(size)"
    }
    let size = "\(Words.grouped(block.wireBytes.count)) bytes"
    let payee = bench.room.payout == .anyone ? ", pays P2WSH(OP_TRUE), which anyone can spend" : ""
    switch block.work {
    case .ground(let nonce):
        return "block           \(block.hash.displayHex), \(size), valid with nonce \(nonce)\(payee)"
    case .unsearched:
        return "block           \(size), written with nonce 0: no work was done for it\(payee)"
    case .givenUp(let tries):
        return
            "block           \(size), written with nonce 0: no nonce was found in \(Words.grouped(tries)) tries"
            + payee
    }
}

private func warnings(
    _ report: TemplateReport, _ bench: Workbench, _ chosen: Choice, _ best: MempoolChoice
) -> [String] {
    var warnings = [String]()
    if report.transactions == 0, best.transactions > 0 {
        warnings.append(
            "The policy leaves nothing to mine but the coinbase: the block is empty, and that costs "
                + "\(Words.satoshis(best.fees.rawValue)) in fees. Loosen \(bench.rules?.source ?? "the policy")."
        )
    }
    if let gain = report.gainSat, gain < 0 {
        let why =
            report.policyCostSat > 0
            ? "the policy costs \(Words.satoshis(report.policyCostSat))"
            : "the node's list does not fit these limits"
        warnings.append(
            "This template earns \(Words.satoshis(gain.magnitude)) less than the node's own: \(why).")
    }
    if bench.source.boundedSigops > 0 {
        warnings.append(
            "The sigop cost of \(Words.transactions(bench.source.boundedSigops)) is counted as the most that it can be, "
                + "because the node does not tell all of what they spend.")
    }
    if bench.source.unknownSigops > 0 {
        warnings.append(
            "The sigop cost of \(Words.transactions(bench.source.unknownSigops)) is not known and counts as 0: a real "
                + "block of them could be over the limit of 80,000.")
    }
    switch bench.room.payout {
    case .given(let payout):
        if let warning = PayoutWords.warning(payout.descriptor) { warnings.append(warning) }
    case .anyone, .nobody: break
    }
    if bench.source.hasInventedIDs {
        warnings.append("The table has no transaction ids; they are made up from its indexes.")
    }
    return warnings + policyWarnings(bench, chosen)
}

private func policyWarnings(_ bench: Workbench, _ chosen: Choice) -> [String] {
    guard let rules = bench.rules, let ledger = bench.ledger else { return [] }
    var warnings = [String]()
    for txid in chosen.choice.omitted.sorted() {
        let path = rules.included[txid] ?? "include"
        let why = bench.whyNotIncluded(txid)
        warnings.append("\(rules.source): \(path) is not granted for \(txid.displayHex): \(why).")
    }
    if let rate = rules.minimumRate, !rate.value.isExact {
        let counted = Words.thousandths(4 * rate.value.satoshisPerKiloWeight)
        warnings.append(
            "\(rules.source): \(rate.path) counts as \(counted) sat/vB, the next rate that whole satoshis per 1,000 "
                + "weight units can tell.")
    }
    if ledger.unread > 0 {
        warnings.append(
            "\(rules.source): rules about addresses, OP_RETURN and inscriptions could not see "
                + "\(Words.transactions(ledger.unread)), of which the source has no bytes.")
    }
    if ledger.unknownInputs > 0 {
        warnings.append(
            "\(rules.source): rules about addresses saw what is paid to, but of "
                + "\(Words.grouped(ledger.unknownInputs)) inputs not what they spend from.")
    }
    return warnings
}
