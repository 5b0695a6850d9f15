import ASICChips
import ASICWire
import Units

// Who watches over a chain at work: its counters are read, and silence is answered in stages.
extension Chain {
    mutating func pollCounters(at now: Instant) -> [ChainAction] {
        guard case .working(var working) = state, let register = working.poll?.read(at: now) else {
            return []
        }
        state = .working(working)
        return [send(.read(register: register.address, from: .everyChip))]
    }

    mutating func lookForSilence(at now: Instant) -> [ChainAction] {
        guard case .working(let working) = state else { return [] }
        switch watch.check(at: now) {
        case nil:
            return []
        case .first(let silence):
            var actions: [ChainAction] = [.notice(.silent(silence, .sendWorkAgain))]
            // The same job once more would only make healthy chips repeat themselves: it is a new one.
            actions += sendNextVersions(at: now)
            if case .satisfied = working.demand { actions += askForWork(at: now) }
            return actions
        case .lasting(let silence):
            return answer(silence, working, at: now)
        }
    }

    private mutating func answer(_ silence: Silence, _ working: Working, at now: Instant) -> [ChainAction] {
        let tried = now - working.begun < Working.proven ? working.recovered : nil
        let recovery: Recovery
        switch tried {
        case nil: recovery = .reinitialise
        case .reinitialise: recovery = .powerCycle
        case .powerCycle:
            // One dead chip is no reason to switch off those that work.
            guard let chips = silence.chips else {
                return [.notice(.silent(silence, .giveUp))] + fail(.silent(silence))
            }
            watch.giveUp(chips)
            return [.notice(.silent(silence, .goOnWithout))]
        }
        state = .over(.silent(silence))
        return [.notice(.silent(silence, .recover(recovery))), .recover(recovery, silence)]
    }
}
