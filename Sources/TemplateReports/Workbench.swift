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
    let room: RequestedRoom
    /// With the policy.
    var mempool: Mempool
    /// Which transactions the policy keeps out by its own rules, and why.
    let ledger: PolicyLedger?
    /// Entries of the source that the mempool did not take, of some of which it has another one with the same id.
    let refusals: [Txid: Mempool.Refusal]

    static func opened(
        _ source: TemplateSource?, _ request: TemplateRequest
    ) throws(TemplateCommandFault) -> TemplateSource {
        if let source { return source }
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
        room = try RequestedRoom(request, source, network)
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
