import BitcoinPrimitives
import SV2Roles
import Units

// Which tip is the chain's, and which templates of it are good.
extension ProviderChoice {
    /// Providers whose word counts: those in good standing; where there are none, those that are set aside.
    func counted(_ now: Instant) -> [Int] {
        let usable = seats.indices.filter { seats[$0].health.isUsable && seats[$0].offer != nil }
        let good = usable.filter { !seats[$0].isAside(now) }
        return good.isEmpty ? usable : good
    }

    /// Stays where it was while nobody can be asked.
    mutating func findTip(_ now: Instant) {
        let counted = counted(now)
        let heights = counted.compactMap { index in seats[index].height.map { (index, $0) } }
        func near(_ height: UInt32) -> [(Int, UInt32)] {
            heights.filter { ($0.1 > height ? $0.1 - height : height - $0.1) <= configuration.nearTips }
        }
        // The largest group; of equal ones the first, which is that of the provider trusted most.
        var group: [(Int, UInt32)] = []
        for (_, height) in heights where near(height).count > group.count { group = near(height) }
        guard let top = group.map(\.1).max() else { return }
        let there = group.filter { $0.1 == top }.map(\.0)
        // The first that was heard of stays.
        guard !there.contains(where: { seats[$0].tip == tip }) else { return }
        func votes(_ index: Int) -> Int { there.count { seats[$0].tip == seats[index].tip } }
        var best = there[0]
        for index in there where votes(index) > votes(best) { best = index }
        tip = seats[best].tip
        bits = seats[best].bits
        challenger = nil
    }

    /// Whether the tip's hash meets what its chain asks for, or four times that: work changes by so much at most, every
    /// 2,016 blocks. A provider that makes up a tip would have to find it.
    func showsWork(_ offer: ProviderOffer) -> Bool {
        guard configuration.checksWork else { return true }
        return [offer.tip.bits, bits].compactMap { $0 }.allSatisfy { bits in
            bits.fourfold.isMet(by: offer.tip.previousBlock)
        }
    }

    /// Looks whether a checked template is of use to us.
    mutating func judge(_ index: Int, _ actions: inout [Action]) {
        guard let template = seats[index].finished else { return }
        let before = seats[index].refusal
        seats[index].refusal = refusal(of: template)
        if let refusal = seats[index].refusal, refusal != before {
            actions.append(.refused(provider: index, template.id, refusal))
        }
    }

    private func refusal(of template: FinishedTemplate) -> ProviderRefusal? {
        guard let last = template.offer.template.coinbaseTxOutputs.last,
            WitnessCommitment.isCommitment(last.script)
        else { return .strangeOutputs }
        if let rules, let refusal = template.check(rules).refusal { return .policy(refusal) }
        guard let plan else { return nil }
        do throws(FinishedTemplateFault) {
            _ = try template.proposal(id: 0, plan: plan)
            return nil
        } catch {
            return .plan(error)
        }
    }

    /// Of two that say different things of the same transactions, the one that promises more is not believed: a coinbase
    /// that pays too little is a block, one that pays too much is none.
    mutating func compare(_ index: Int, _ now: Instant, _ actions: inout [Action]) {
        guard let template = seats[index].finished else { return }
        for other in seats.indices where other != index {
            guard let theirs = seats[other].finished, seats[other].tip == seats[index].tip,
                theirs.txids.count == template.txids.count,
                theirs.offer.template.merklePath == template.offer.template.merklePath,
                theirs.value != template.value, theirs.txids == template.txids
            else { continue }
            let (more, less) = theirs.value > template.value ? (other, index) : (index, other)
            let difference = max(theirs.value, template.value) - min(theirs.value, template.value)
            let isOffered = offered?.provider == more && offered?.template == seats[more].finished?.id
            setAside(more, .promisesMore(difference, than: less), now, &actions)
            if isOffered { offered?.void = .withdrawn }
            if more == index { return }
        }
    }
}

extension CompactTarget {
    /// A target four times as easy, rounded towards easier; the easiest of all where there is none.
    fileprivate var fourfold: Target {
        let (size, mantissa) = (bits >> 24, bits & 0x7f_ffff)
        guard target != nil, size < 32 else { return .max }
        let eased = CompactTarget(bits: (size + 1) << 24 | ((mantissa >> 6) + 1))
        return eased.target ?? .max
    }
}
