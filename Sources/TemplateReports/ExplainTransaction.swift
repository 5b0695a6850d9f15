import BitcoinPrimitives
import TemplateBuilding
import TemplatePolicies
public import TemplateSources

/// Why a transaction is in a template, or not.
public struct ExplainReport: Hashable, Sendable, Encodable {
    public enum Verdict: String, Hashable, Sendable, Encodable {
        /// In, by its chunk's rate.
        case chosen
        /// In, by the operator's wish.
        case included
        /// Not in the source at all.
        case notInMempool = "not_in_mempool"
        /// In the source, but not taken into the mempool.
        case refused
        /// No block may hold it now.
        case notMinable = "not_minable"
        /// A rule of the policy is against it.
        case excluded
        /// It needs a transaction that is left out.
        case parentLeftOut = "parent_left_out"
        case belowMinimumRate = "below_minimum_rate"
        /// Better ones fill the block.
        case outbid
        /// Its rate would do, but the end of the block is filled better without it.
        case doesNotFit = "does_not_fit"
    }

    /// Transactions that are in or out together, because they pay for one another.
    public struct Chunk: Hashable, Sendable, Encodable {
        public var transactions: Int
        /// Deltas of the policy included.
        public var fee: Int64
        /// Weight units.
        public var weight: UInt64
        public var sigops: Int
    }

    public var txid: String
    public var isIn: Bool
    public var verdict: Verdict
    /// In the block, the coinbase being 0.
    public var position: Int?
    public var fee: UInt64?
    public var weight: UInt64?
    public var sigops: Int?
    public var chunk: Chunk?
    /// The chunk with the lowest rate that is in, not counting what was included.
    public var lowestIn: Chunk?
    /// The key path of the policy's rule.
    public var rule: String?
    /// Why, in full sentences.
    public var sentences: [String]

    private enum CodingKeys: String, CodingKey {
        case txid, verdict, position, weight, sigops, chunk, rule, sentences
        case isIn = "in_template"
        case fee = "fee_sat"
        case lowestIn = "lowest_chunk_in"
    }
}

/// Says for a transaction why the template that ``buildTemplate(_:)`` would build has it, or not.
///
/// - Parameters:
///   - text: 64 hexadecimal digits, as explorers print them.
///   - source: what the request's source holds; it is opened as a file otherwise.
public func explainTransaction(
    _ text: String, _ request: TemplateRequest, from source: TemplateSource? = nil
) throws(TemplateCommandFault) -> ExplainReport {
    guard let hash = Hash256(displayHex: text) else { throw .notAnID(text) }
    var bench = try Workbench(request, Workbench.opened(source, request))
    let chosen = bench.choose()
    return bench.explain(Txid(hash), chosen)
}

extension Workbench {
    func explain(_ txid: Txid, _ chosen: Choice) -> ExplainReport {
        var report = ExplainReport(
            txid: txid.displayHex, isIn: false, verdict: .notInMempool, sentences: [])
        let entry = mempool.entry(txid)
        report.fee = entry?.fee.rawValue
        report.weight = entry?.weight.weightUnits
        report.sigops = entry?.sigopCost
        let lowest = lowestChunk(in: chosen.choice)
        report.lowestIn = lowest.map(ExplainReport.Chunk.init)
        if let entry { report.sentences.append(entry.sentence) }
        switch mempool.explain(txid, in: chosen.choice) {
        case .unknown: explainAbsent(txid, &report)
        case .included(let position):
            report.isIn = true
            report.verdict = .included
            report.position = position + 1
            report.rule = rules?.included[txid]
            let why =
                report.rule.map { "\($0) of the policy asks for it" }
                ?? "something that the policy includes needs it"
            report.sentences.append("It is in the template at place \(position + 1), because \(why).")
        case .chosen(let position, let chunk):
            report.isIn = true
            report.verdict = .chosen
            report.position = position + 1
            report.chunk = .init(chunk)
            report.sentences.append("It is in the template at place \(position + 1).")
            report.sentences.append(chunk.sentence)
            if let lowest, lowest != chunk {
                report.sentences.append("The lowest rate that is still in is \(lowest.rate).")
            }
            if chosen.isNodesOwn {
                report.sentences.append("The template is the node's own list: nothing better was found.")
            }
        case .keptOut(let reason): explainKeptOut(txid, reason, &report)
        case .belowMinimumRate(let chunk):
            report.verdict = .belowMinimumRate
            report.chunk = .init(chunk)
            report.rule = rules?.minimumRate?.path
            report.sentences.append("It is not in the template. \(chunk.sentence)")
            let asked =
                rules?.minimumRate.map { Words.thousandths($0.value.millisatoshisPerVirtualByte) } ?? "0"
            report.sentences.append(
                "The policy's minimum_rate is \(asked) sat/vB, and the rate that counts is that of what must be mined "
                    + "together.")
        case .outbid(let chunk, let cutoff):
            report.verdict = .outbid
            report.chunk = .init(chunk)
            report.sentences.append("It is not in the template: others pay more. \(chunk.sentence)")
            report.sentences.append(
                "The best that is left out pays \(cutoff.rate)"
                    + (lowest.map { ", the lowest that is in \($0.rate)." } ?? "."))
        case .doesNotFit(let chunk):
            report.verdict = .doesNotFit
            report.chunk = .init(chunk)
            report.sentences.append(
                "It is not in the template: what is left of the block is filled better without it.")
            report.sentences.append(chunk.sentence)
            let room = room.limits(transactions: chosen.choice.transactions)
            if chunk.weight > room.weight {
                report.sentences.append(
                    "It is too big for any block with these limits: \(Words.grouped(room.weight.weightUnits)) WU are "
                        + "for transactions.")
            }
        }
        if let delta = rules?.feeDeltas[txid] {
            report.sentences.append(
                "The policy (\(delta.path)) orders it as if it paid \(Words.difference(delta.value)) more; the block "
                    + "gets its real fee.")
        }
        return report
    }

    private func explainAbsent(_ txid: Txid, _ report: inout ExplainReport) {
        guard let refusal = refusals[txid] else {
            report.sentences.append("It is not in the mempool of this source.")
            return
        }
        report.verdict = .refused
        report.sentences.append("The source has it, but it was not taken: \(refusal.words).")
    }

    private func explainKeptOut(_ txid: Txid, _ reason: Mempool.KeptOut, _ report: inout ExplainReport) {
        switch reason {
        case .flaw: report.verdict = .notMinable
        case .rule: report.verdict = .excluded
        case .parent: report.verdict = .parentLeftOut
        }
        if let match = ledger?.matches[txid] {
            report.rule = match.path
            report.sentences.append(
                "It is not in the template: \(match.path) of the policy excludes it, because \(match.finding.words)."
            )
            if let wish = rules?.included[txid] {
                report.sentences.append("\(wish) asks for it all the same; excluding wins.")
            }
        } else {
            report.sentences.append("It is not in the template: \(words(reason)).")
        }
    }

    /// The chunk with the lowest rate of those that were chosen. Chunks are in the order of their rates but for the
    /// tail, so the end of the list is enough; all of it, unless the source has transactions smaller than any can be.
    func lowestChunk(in choice: MempoolChoice) -> Explanation.Figures? {
        var lowest: Explanation.Figures?
        for txid in mempool.txids(of: choice).suffix(16_384) {
            switch mempool.explain(txid, in: choice) {
            case .chosen(_, let chunk):
                if let other = lowest, !chunk.isCheaper(than: other) { continue }
                lowest = chunk
            case .unknown, .included, .keptOut, .belowMinimumRate, .outbid, .doesNotFit: break
            }
        }
        return lowest
    }
}

extension MempoolEntry {
    fileprivate var sentence: String {
        "It pays \(Words.satoshis(fee.rawValue)) and weighs \(Words.grouped(weight.weightUnits)) WU: "
            + "\(Words.rate(fee: Int64(fee.rawValue), weight: weight.weightUnits)) by itself."
    }
}

extension Explanation.Figures {
    var rate: String { Words.rate(fee: fee, weight: weight.weightUnits) }

    fileprivate var sentence: String {
        transactions == 1
            ? "It is judged by itself, at \(rate)."
            : "It is mined together with \(transactions - 1) other\(transactions == 2 ? "" : "s") that "
                + "\(transactions == 2 ? "pays or is" : "pay or are") paid for, at \(rate) for all "
                + "\(transactions): \(Words.satoshis(fee)), \(Words.grouped(weight.weightUnits)) WU."
    }

    func isCheaper(than other: Self) -> Bool {
        let mine = fee.multipliedFullWidth(by: Int64(clamping: other.weight.weightUnits))
        let theirs = other.fee.multipliedFullWidth(by: Int64(clamping: weight.weightUnits))
        return mine.high != theirs.high ? mine.high < theirs.high : mine.low < theirs.low
    }
}

extension ExplainReport.Chunk {
    fileprivate init(_ figures: Explanation.Figures) {
        self.init(
            transactions: figures.transactions, fee: figures.fee, weight: figures.weight.weightUnits,
            sigops: figures.sigopCost)
    }

    private enum CodingKeys: String, CodingKey {
        case transactions, weight, sigops
        case fee = "fee_sat"
    }
}
