import ASICChips
import ASICWire
import BitcoinPrimitives
import Units

// Work out: asked for in time, told to the chips in the form that their model takes.
extension Chain {
    mutating func askForWork(at now: Instant) -> [ChainAction] {
        guard case .working(var working) = state else { return [] }
        let since: Instant
        switch working.demand {
        case .satisfied: since = now
        case .asked(let first, _): since = first
        }
        working.demand = .asked(
            since: since, repeatAt: now + max(Working.shortestRepeat, working.jobInterval))
        state = .working(working)
        return [.needWork]
    }

    /// Whatever has become due in a chain at work.
    mutating func work(at now: Instant) -> [ChainAction] {
        var actions = resume(with: .woke, at: now)
        guard case .working(let working) = state else { return actions }
        if let nextJob = working.nextJob, now >= nextJob { actions += sendNextVersions(at: now) }
        switch working.demand {
        case .satisfied(let until) where now >= until:
            actions += askForWork(at: now)
        case .asked(let since, let repeatAt) where now >= repeatAt:
            actions.append(.notice(.workLate(now - since)))
            actions += workIsLate(at: now) + askForWork(at: now)
        case .satisfied, .asked: break
        }
        return actions + pollCounters(at: now) + lookForSilence(at: now)
    }

    /// Without new work chips repeat themselves or stop, and their silence says nothing; but where the host rolls
    /// versions there may be some left.
    private mutating func workIsLate(at now: Instant) -> [ChainAction] {
        guard case .working(let working) = state, working.nextJob == nil else { return [] }
        watch.pause()
        return []
    }

    mutating func take(_ work: ChainWork, at now: Instant) -> [ChainAction] {
        switch state {
        case .working: break
        case .idle, .probing, .bringingUp: return [.notice(.workRefused(workID: work.id, .comingUp))]
        case .rampingDown: return [.notice(.workRefused(workID: work.id, .goingDown))]
        case .over(let fault): return [.notice(.workRefused(workID: work.id, .ended(fault)))]
        }
        precondition(work.version & work.versionMask == 0, "rolled bits start from zero")
        switch profile.model.work {
        case .fullHeader: return sendFullHeader(work, at: now)
        case .midstates(let count): return begin(RolledWork(work, midstates: count), at: now)
        }
    }

    // MARK: versions rolled by the chips

    private mutating func sendFullHeader(_ work: ChainWork, at now: Instant) -> [ChainAction] {
        var actions = tellVersionMask(work.versionMask & VersionRolling.bits)
        guard case .working(var working) = state else { return actions }
        let entry = WorkTable.Entry(
            workID: work.id, header: work.header,
            versions: VersionSet(mask: work.versionMask & VersionRolling.bits),
            ticketZeroBits: working.ticketZeroBits)
        let job = FullHeaderJob(
            jobByte: table.place(entry, at: now), bits: work.bits.bits, time: work.time,
            merkleRoot: fixed(work.merkleRoot), previousBlock: fixed(work.previousBlock),
            version: work.version)
        working.demand = .satisfied(until: now + working.jobInterval)
        watch.worked(at: now)
        state = .working(working)
        actions.append(send(.job(job)))
        return actions
    }

    /// Chips roll the bits that this work leaves to them, and no others: a header that another chain has must not be
    /// hashed here too. ESP-Miner changes the mask of chips at work in the same way, when its pool does.
    private mutating func tellVersionMask(_ mask: UInt32) -> [ChainAction] {
        guard case .working(var working) = state, mask != working.plan.summary.versionMask else { return [] }
        let was = working.plan.summary.versionMask
        working.plan = working.plan.rolling(mask)
        if let target = working.retune?.target { working.retune?.target = target.rolling(mask) }
        plan = .success(working.plan)
        state = .working(working)
        let command = ChipCommand.write(
            register: Register.versionRolling.address, value: VersionRolling.registerValue(mask: mask),
            to: .everyChip)
        return [.notice(.versionMask(mask, was: was)), send(command)]
    }

    // MARK: versions rolled by the host

    private mutating func begin(_ rolled: RolledWork, at now: Instant) -> [ChainAction] {
        guard case .working(var working) = state else { return [] }
        working.rolled = rolled
        let jobs = Int(clamping: min(rolled.jobs, 1 << 20))
        working.demand = .satisfied(until: now + min(Working.workLifetime, working.jobInterval * jobs))
        state = .working(working)
        return sendNextVersions(at: now)
    }

    /// The next job of the work in hand; nothing when all its versions are used up.
    mutating func sendNextVersions(at now: Instant) -> [ChainAction] {
        guard case .working(var working) = state else { return [] }
        guard var rolled = working.rolled, let versions = rolled.take() else {
            working.nextJob = nil
            state = .working(working)
            return []
        }
        let entry = WorkTable.Entry(
            workID: rolled.work.id, header: rolled.work.header, versions: versions,
            ticketZeroBits: working.ticketZeroBits)
        let job = rolled.job(versions, jobByte: table.place(entry, at: now))
        working.rolled = rolled
        working.nextJob = now + working.jobInterval
        watch.worked(at: now)
        state = .working(working)
        return [send(.midstateJob(job))]
    }
}

private func fixed(_ hash: Hash256) -> [32 of UInt8] {
    let bytes = hash.wireBytes
    return .init { bytes[$0] }
}
