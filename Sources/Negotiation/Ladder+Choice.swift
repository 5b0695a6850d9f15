import BitcoinPrimitives
import Scheduling
import TemplateBuilding
import Units

// Which rung is mined, and which ones are tried. Source of the rules: sv2-notes §9.
extension Ladder {
    /// After every event: the chips get the best work there is.
    mutating func choose(at now: Instant) {
        compareTips()
        climb(at: now)
        if pause != .mining {
            let fit = rungs.indices.first { isFit($0, at: now) }
            let best = fit ?? lastResort(at: now)
            if let best, best != mined?.number {
                take(best, isFit: fit != nil, at: now)
            } else if let mined, rungs[mined.number].hasWork,
                let job = rungs[mined.number].machine.currentJob,
                job.origin != currentJob?.origin
            {
                activate(job)  // it was made while the rung was about to be left
            }
            coolDown(at: now)
        }
        reviewPlan()
    }

    /// Whether a rung may be given the chips, or keep them.
    private func isFit(_ index: Int, at now: Instant) -> Bool {
        let rung = rungs[index]
        guard rung.hasWork, !isPaused(rung.kind), !isOutOfTemplates(rung.kind, at: now),
            !isStale(rung, at: now)
        else { return false }
        if let since = rung.earningSince { return rung.isTrusted || now - since >= configuration.proof }
        guard rung.isTrusted, let since = rung.waitingSince else { return false }
        return now - since < configuration.patience
    }

    /// Whether its job is on a tip that our node left a while ago, and our node is there to say so.
    private func isStale(_ rung: Rung, at now: Instant) -> Bool {
        guard templatesLostAt == nil, let job = rung.machine.currentJob,
            let index = ownTips.firstIndex(where: { $0.tip == job.previousBlock }),
            index + 1 < ownTips.count
        else { return false }
        // Since the next one, and not since the newest: blocks may come faster than patience ends.
        return now - ownTips[index + 1].since >= configuration.tipPatience
    }

    /// When nothing is fit: what is mined anyway, if its pool may still take it; else the first job there is.
    private func lastResort(at now: Instant) -> Int? {
        if let mined, rungs[mined.number].hasWork, !isPaused(rungs[mined.number].kind) { return mined.number }
        return rungs.indices.first { rungs[$0].hasWork && !isPaused(rungs[$0].kind) }
    }

    private func isPaused(_ kind: RungKind) -> Bool {
        switch pause {
        case .negotiation: kind.negotiates
        case .mining: true
        case nil: false
        }
    }

    private func hasTemplates(_ kind: RungKind) -> Bool { !kind.needsOwnTemplates || templatesLostAt == nil }

    private func isOutOfTemplates(_ kind: RungKind, at now: Instant) -> Bool {
        guard kind.needsOwnTemplates, let templatesLostAt else { return false }
        return now - templatesLostAt >= configuration.templatePatience || isTipLeft
    }

    /// Looks whether a pool that earns is on another tip than our last template, while nobody of ours can say which is
    /// right: then ours is taken to be old.
    private mutating func compareTips() {
        guard templatesLostAt != nil, let tip = proposal?.next.previousBlock else { return }
        isTipLeft =
            isTipLeft
            || rungs.contains { rung in
                guard !rung.kind.needsOwnTemplates, rung.earningSince != nil,
                    let job = rung.machine.currentJob
                else { return false }
                return job.previousBlock != tip
            }
    }

    private mutating func take(_ index: Int, isFit: Bool, at now: Instant) {
        guard let job = rungs[index].machine.currentJob else { preconditionFailure("a fit rung has a job") }
        let reason = reason(for: index, isFit: isFit, at: now)
        emit(.notice(.switched(from: mined, to: RungIndex(index), reason)))
        mined = RungIndex(index)
        coolAt = now + configuration.warmth
        activate(job)
    }

    private func reason(for index: Int, isFit: Bool, at now: Instant) -> SwitchReason {
        guard let mined else { return .first }
        let before = rungs[mined.number]
        if !isFit { return .lastResort }
        if isPaused(before.kind) { return .paused }
        if index < mined.number { return .preferred }
        if isOutOfTemplates(before.kind, at: now) { return .templatesLost }
        if !before.isTrusted { return .upstreamFailed }
        return before.hasWork ? .patience : .jobRefused
    }

    // MARK: Trying

    /// Begins what should be running: the first rung and our own work at once, and one more each step while nothing
    /// earns.
    mutating func climb(at now: Instant) {
        guard isBegun, pause != .mining else { return }
        for index in rungs.indices where rungs[index].kind == .solo { wake(index, at: now) }
        let candidates = rungs.indices.filter {
            rungs[$0].kind != .solo && !isPaused(rungs[$0].kind)
        }
        // What earns and may keep the chips; below it nothing has to be tried.
        let floor = candidates.first {
            rungs[$0].earningSince != nil && isFit($0, at: now) && hasTemplates(rungs[$0].kind)
        }
        for index in candidates where floor.map({ index < $0 }) ?? false { wake(index, at: now) }
        guard floor == nil else {
            stepAt = nil
            return
        }
        guard let next = candidates.first(where: { !rungs[$0].isRunning }) else {
            stepAt = nil
            return
        }
        let isFirst = next == candidates.first
        let allFailed = candidates.prefix { $0 != next }.allSatisfy {
            !rungs[$0].isTrusted || !hasTemplates(rungs[$0].kind)
        }
        if isFirst || allFailed || stepAt.map({ now >= $0 }) ?? false {
            wake(next, at: now)
            stepAt = now + configuration.step
        } else if stepAt == nil {
            stepAt = now + configuration.step
        }
    }

    private mutating func wake(_ index: Int, at now: Instant) {
        if !rungs[index].isRunning { begin(index, at: now) }
    }

    /// Leaves the rungs below the one that earns, after a while.
    private mutating func coolDown(at now: Instant) {
        guard let mined, rungs[mined.number].earningSince != nil, rungs[mined.number].kind != .solo,
            hasTemplates(rungs[mined.number].kind)
        else {
            coolAt = now + configuration.warmth
            return
        }
        guard let coolAt, now >= coolAt else { return }
        for index in rungs.indices where index > mined.number && rungs[index].kind != .solo {
            leave(index, at: now)
        }
    }

    // MARK: Pauses

    mutating func begin(_ wanted: Pause, at now: Instant) {
        // Where everything is negotiated, there is nothing left to mine.
        let wanted = rungs.allSatisfy(\.kind.negotiates) ? .mining : wanted
        guard pause != wanted else { return }
        let wasMining = pause != .mining
        pause = wanted
        emit(.notice(.paused(wanted)))
        for index in rungs.indices where isPaused(rungs[index].kind) { leave(index, at: now) }
        switch wanted {
        case .mining:
            (stepAt, coolAt) = (nil, nil)
            if wasMining { emit(.rest) }
        case .negotiation: if !wasMining { emit(.work) }
        }
    }

    /// A fresh template is built and declared while the boards come up.
    mutating func resume(at now: Instant) {
        guard let before = pause else { return }
        pause = nil
        emit(.notice(.resumed))
        wantsFreshTemplate = true
        if before == .mining { emit(.work) }
    }
}
