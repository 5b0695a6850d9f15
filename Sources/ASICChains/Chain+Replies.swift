import ASICChips
import ASICWire
import Units

// What chips send: nonces become reports, register values go to whoever waits for them, and the rest is noted. Nothing
// is guessed.
extension Chain {
    mutating func received(_ bytes: [UInt8], at now: Instant) -> [ChainAction] {
        if case .over = state { return [] }
        var actions: [ChainAction] = []
        var skipped = 0
        reader.feed(bytes)
        while let item = reader.next() {
            switch item {
            case .response(.nonce(let reply)): report(reply, to: &actions, at: now)
            case .response(.register(let reply)): actions += registerValue(reply, at: now)
            case .skipped(let run):
                skipped += run.count
                actions += resume(with: .skipped(run.count), at: now)
            }
        }
        if skipped > 0 {
            log.bytesSkipped += skipped
            actions.append(.notice(.bytesSkipped(skipped)))
        }
        return actions
    }

    private mutating func registerValue(_ reply: RegisterValue, at now: Instant) -> [ChainAction] {
        let run: StepRun? =
            switch state {
            case .bringingUp(let run), .rampingDown(let run): run
            case .working(let working): working.retune?.run
            case .idle, .probing, .over: nil
            }
        if let run, run.awaits(reply) { return resume(with: .reply(reply), at: now) }
        guard let chip = layout?.index(of: reply.chipAddress) else {
            return [.notice(.unknownAddress(reply))]
        }
        if case .working(var working) = state,
            working.poll?.take(reply, from: chip, expected: working.plan.expectedChipRate, at: now) == true
        {
            state = .working(working)
            return []
        }
        return [.notice(.unsolicitedRegister(reply))]
    }

    private mutating func report(_ reply: NonceResponse, to actions: inout [ChainAction], at now: Instant) {
        guard let layout else { return }
        let nonce = profile.model.decode(reply, on: layout)
        guard let found = table.find(nonce.jobByte) else {
            log.strays += 1
            actions.append(.notice(.unknownSlot(jobByte: nonce.jobByte)))
            return
        }
        let entry: WorkTable.Entry
        switch table.judge(found, nonce, nonce: reply.nonce, at: now) {
        case .current(let current): entry = current
        case .retired(let old):
            log.retired += 1
            actions.append(.notice(.retiredSlot(jobByte: nonce.jobByte, workID: old.workID)))
            return
        }
        guard let versionBits = entry.versionBits(of: nonce) else {
            log.strays += 1
            actions.append(.notice(.unknownMidstate(workID: entry.workID, index: nonce.midstate ?? 0)))
            return
        }
        guard versionBits & ~entry.versions.mask == 0 else {
            log.strays += 1
            actions.append(.notice(.versionOutsideMask(workID: entry.workID, versionBits: versionBits)))
            return
        }
        let key = RecentNonces.Key(job: entry.number, nonce: reply.nonce, versionBits: versionBits)
        guard recent.insert(key) else {
            log.duplicates += 1
            actions.append(.notice(.duplicateNonce(workID: entry.workID, nonce: reply.nonce)))
            return
        }
        if case .beyondChain(let index) = nonce.chip {
            actions.append(.notice(.nonceBeyondChain(workID: entry.workID, index: index)))
        }
        let chip: Int? =
            switch nonce.chip {
            case .chip(let index): index
            case .unknown, .beyondChain: nil
            }
        log.report(chip: chip, ticketZeroBits: entry.ticketZeroBits, at: now)
        actions.append(
            .report(
                NonceReport(
                    workID: entry.workID, nonce: reply.nonce, versionBits: versionBits, chip: chip,
                    core: nonce.core, ticketZeroBits: entry.ticketZeroBits, at: now)))
    }
}
