import ASICChips
import ASICWire
import Units

// Another hash clock, while at work. The chips go on hashing on the way.
extension Chain {
    mutating func retune(to frequency: Hertz, at now: Instant) -> [ChainAction] {
        guard case .working(var working) = state else {
            return [.notice(.retuneRefused(frequency, .notAtWork))]
        }
        do throws(ChainFault) {
            var profile = profile
            profile.frequency = frequency
            profile.versionMask = working.plan.summary.versionMask
            let target = try ChainPlan(profile, baud: working.plan.baud)
            guard let steps = target.retuning(from: working.frequency) else {
                throw .noClockSetting(frequency)
            }
            // A ramp under way is left at the stop that it has reached.
            working.retune = Working.Retune(
                run: stepRun(steps, from: working.frequency, to: target), target: target)
            watch.expect(
                reportsPerSecond: min(working.plan.reportsPerSecond, target.reportsPerSecond), at: now)
            state = .working(working)
            return resume(with: .begin, at: now)
        } catch {
            return [.notice(.retuneRefused(frequency, .fault(error)))]
        }
    }

    private func stepRun(_ steps: [BringUpStep], from frequency: Hertz, to target: ChainPlan) -> StepRun {
        StepRun(
            steps, on: subject(target), from: frequency, to: target.summary.frequency,
            at: target.summary.baudRate)
    }

    /// After the ramp come the settings that depend on the clock, then new work.
    mutating func retuneStepsTaken(at now: Instant) -> [ChainAction] {
        guard case .working(var working) = state, let retune = working.retune else { return [] }
        let target = retune.target
        switch retune.phase {
        case .ramp:
            working.retune?.phase = .settings
            working.retune?.run = stepRun(target.settings, from: target.summary.frequency, to: target)
            state = .working(working)
            // Chips that still work on older jobs go by the new ticket too.
            table.relax(to: target.summary.ticketZeroBits)
            return resume(with: .begin, at: now)
        case .settings:
            working.plan = target
            working.retune = nil
            state = .working(working)
            plan = .success(target)
            watch.expect(reportsPerSecond: target.reportsPerSecond, at: now)
            return [.retuned(target.summary)] + sendNextVersions(at: now) + askForWork(at: now)
        }
    }
}
