import BaseTemplates
import BitcoinPrimitives
import SV2Roles
import TemplateBuilding
import Units

/// A pool's base template on one job declaration connection, and the templates that are made of it.
struct LightWork: Sendable {
    /// What a template depends on, but for the candidates themselves: another one is worth a look at once.
    struct Terms: Hashable, Sendable {
        let previousBlock: Hash256
        let isCurrent: Bool
        let constraints: CoinbaseConstraints
        let rules: CoinbaseRules
    }

    var client: BaseTemplateClient
    private var templates: LightTemplates
    private let tag: [UInt8]
    /// Whether templates may be made of the list, as the actions taken so far say.
    private var isCurrent = false
    /// Since the last look.
    private(set) var hasNews = false
    private(set) var lastLook: (terms: Terms, at: Instant)?
    /// Why the last look brought nothing, and how long that may last.
    private(set) var problem: (fault: LightFault, until: Instant)?

    init(_ configuration: UpstreamConfiguration.Light, seed: UInt64) {
        client = BaseTemplateClient(configuration.client)
        templates = LightTemplates(seed: seed)
        templates.policy = configuration.policy
        tag = configuration.coinbaseTag
    }

    var nextDeadline: Instant? {
        [client.nextDeadline, problem?.until].compactMap { $0 }.min()
    }

    mutating func take(_ actions: [BaseTemplateClient.Action]) {
        templates.take(actions)
        for action in actions {
            switch action {
            case .list, .mempool, .tip, .coinbase: hasNews = true
            case .current(let isCurrent): (self.isCurrent, hasNews) = (isCurrent, true)
            case .send, .lost, .refused, .ignored, .failed, .wake: break
            }
        }
    }

    /// `nil` until the pool has said what to build on and whom to pay.
    func terms(_ constraints: CoinbaseConstraints) -> Terms? {
        guard let tip = client.tip, let rules = client.rules else { return nil }
        return Terms(
            previousBlock: tip.next.previousBlock, isCurrent: isCurrent, constraints: constraints,
            rules: rules)
    }

    /// The best template of the candidates as they are; `nil` while they are between two states.
    ///
    /// - Parameter deadline: until when it has to succeed again, where it fails.
    mutating func look(
        _ terms: Terms, id: UInt64, at now: Instant, deadline: Duration
    ) throws(LightFault) -> Proposal? {
        lastLook = (terms, now)
        hasNews = false
        do throws(LightFault) {
            let proposal = try build(terms, id: id)
            problem = nil
            return proposal
        } catch {
            problem = (error, problem?.until ?? now + deadline)
            throw error
        }
    }

    private mutating func build(_ terms: Terms, id: UInt64) throws(LightFault) -> Proposal? {
        guard let tip = client.tip else { return nil }
        let (rules, demanded) = (terms.rules, terms.constraints.outputs)
        guard let payout = demanded.first, rules.demands.contains(where: { $0.script == payout.script })
        else {
            throw .payoutsDiffer
        }
        var outputs = rules.demands.map { TransactionOutput(value: .zero, script: $0.script) }
        for wanted in demanded where !outputs.contains(where: { $0.script == wanted.script }) {
            outputs.append(TransactionOutput(value: .zero, script: wanted.script))
        }
        // Room for the pool's bytes of the script is kept as if they were part of our tag.
        let poolTag = Array(tip.coinbasePrefix.dropFirst(Script.heightPush(tip.next.height).count))
        let plan = CoinbasePlan(
            payouts: outputs, tag: poolTag + tag, extranonceSize: terms.constraints.fullExtranonceSize)
        let offer: TemplateBuilder.Offer?
        do throws(TemplateFault) {
            offer = try templates.build(plan: plan)
        } catch {
            throw .template(error)
        }
        guard var proposal = offer?.proposal else { return nil }
        proposal.id = id
        proposal.isStopgap = !isCurrent
        try pay(rules, in: &proposal)
        try write(poolTag, in: &proposal)
        if let shortfall = rules.shortfall(of: proposal.coinbase, for: tip, fees: proposal.fees) {
            throw .coinbase(shortfall)
        }
        guard proposal.coinbase.pays(demanded) else { throw .payoutsDiffer }
        return proposal
    }

    /// The demands have values that depend on the fees; an output's size does not depend on its value.
    private func pay(_ rules: CoinbaseRules, in proposal: inout Proposal) throws(LightFault) {
        let reward = proposal.next.subsidy + proposal.fees
        let due = rules.demands.map { $0.due(of: reward) }
        let sum = due.reduce(Satoshis.zero, +)
        guard sum <= reward else { throw .demands(sum, reward: reward) }
        for (index, value) in due.enumerated() { proposal.coinbase.outputs[index].value = value }
        proposal.coinbase.outputs[0].value += reward - sum
    }

    /// Puts the pool's bytes behind the height, where they are opcodes, in front of the push of ours.
    private func write(_ poolTag: [UInt8], in proposal: inout Proposal) throws(LightFault) {
        guard !poolTag.isEmpty else { return }
        let before = proposal.coinbase.sigopCost
        let pushed = tag.count + proposal.coinbase.extranonceSize
        let push = pushed <= 75 ? [UInt8(pushed)] : [0x4c, UInt8(pushed)]
        proposal.coinbase.scriptPrefix = Script.heightPush(proposal.next.height) + poolTag + push + tag
        proposal.sigopCost += proposal.coinbase.sigopCost - before
        guard proposal.sigopCost <= Self.maximumSigopCost else {
            throw .signatureOperations(cost: proposal.sigopCost)
        }
    }

    /// Of a block (BIP 141).
    private static let maximumSigopCost = 80_000
}

extension CoinbaseParts {
    fileprivate var sigopCost: Int {
        transaction(extranonce: [UInt8](repeating: 0, count: extranonceSize)).legacySigopCost
    }
}
