import ASICWire
public import Units

// MARK: - Hashing, outside time
extension EmulatedChain {
    /// Emulated hashes a second of all chips together, as their clocks are set now; 0 when none hashes.
    public var hashRate: HashRate {
        HashRate(hashesPerSecond: isRunning ? chips.reduce(0) { $0 + $1.hashesPerSecond } : 0)
    }

    /// What the chips would hash next, chip after chip in turns as long as each is fast.
    ///
    /// - Parameter hashes: enough when the unit has this many; at least one row (one counter value on all
    ///   cores of a chip) is given. A unit is also bounded by its count of rows.
    /// - Returns: `nil` when no chip has anything to hash, or when the chain's reports are drawn.
    public mutating func nextSearch(budget hashes: UInt64) -> SearchUnit? {
        guard parameters.search == .ground, isRunning else { return nil }
        let fastest = chips.reduce(0) { max($0, $1.hashesPerSecond) }
        guard fastest > 0 else { return nil }
        var rows = [SearchRow]()
        var total: UInt64 = 0
        var emptyTurns = 0
        while total < max(hashes, 1), rows.count < SearchUnit.maximumRows, emptyTurns < chips.count {
            turn = (turn + 1) % chips.count
            let isDry = takeTurn(turn, share: chips[turn].hashesPerSecond / fastest, &rows, &total)
            emptyTurns = isDry ? emptyTurns + 1 : 0
        }
        return rows.isEmpty ? nil : SearchUnit(hashes: total, rows: rows, life: life)
    }

    /// Rows of one chip, until what it has been credited is used up.
    ///
    /// - Returns: whether it has nothing to hash.
    private mutating func takeTurn(
        _ index: Int, share: Double, _ rows: inout [SearchRow], _ total: inout UInt64
    ) -> Bool {
        guard share > 0, let perRow = chips[index].work?.plan.hashesPerRow else { return true }
        // Two rows of the fastest chip.
        let quantum = 2 * Double(perRow)
        chips[index].credit = min(chips[index].credit + quantum * share, quantum)
        while chips[index].credit > 0 {
            guard let row = chips[index].nextRow(position: index) else {
                chips[index].credit = 0
                return true
            }
            chips[index].credit -= Double(perRow)
            total += perRow
            rows.append(row)
        }
        return false
    }

    /// Reports what a unit found. Hits of a job that has been replaced since are reported with that job's
    /// slot, as a late nonce is; hits from before a reset are forgotten.
    public mutating func finished(_ unit: SearchUnit, hits: [SearchHit], at now: Instant) -> [EmulatedOutput]
    {
        var outputs = advance(to: now)
        guard unit.life == life, isRunning else { return outputs }
        let speed = Double(UInt64(1) << UInt64(32 - parameters.reportZeroBits))
        for row in unit.rows { chips[row.chip].counter.add(Double(row.hashes) * speed) }
        var reports = [EmulatedOutput]()
        for hit in hits {
            reports += report(unit.rows[hit.row], nonce: hit.nonce, excessBits: hit.excessBits, at: now)
        }
        outputs += faults.pass(reports)
        return outputs
    }

    /// Sends one nonce, unless it would wait too long for the line.
    mutating func report(_ row: SearchRow, nonce: UInt32, excessBits: Int, at now: Instant)
        -> [EmulatedOutput]
    {
        guard outputBusyUntil < now + Self.longestQueue else {
            chips[row.chip].countOverflow()
            return []
        }
        let model = parameters.model
        var response = NonceResponse(
            nonce: nonce, excess: model.excess.byte(bits: excessBits),
            jobByte: model.echo.byte(row.job.jobByte, lane: row.lane), versionCounter: row.versionCounter)
        guard !faults.isEmpty else { return send(.nonce(response), from: row.chip, at: now) }
        if let chance = faults.wrongNonce(of: row.chip) {
            response.nonce = row.wrongNonce(near: nonce, chance: chance)
            chips[row.chip].counter.countError()
        }
        var outputs = send(.nonce(response), from: row.chip, at: now)
        if faults.duplicates(of: row.chip) { outputs += send(.nonce(response), from: row.chip, at: now) }
        return outputs
    }

    /// Lets every chip whose sweep reaches this nonce go on from its row: for replaying a captured answer
    /// without hashing all that lies before it.
    ///
    /// - Parameters:
    ///   - version: the version counter, header version bits 28-13; the index of the midstate where the host
    ///     rolls.
    ///   - nonce: as a number in the header's little-endian field.
    public mutating func seek(version: UInt16, nonce: UInt32) {
        for index in chips.indices {
            let isRolling = parameters.model.rollsVersions
            chips[index].seek(
                versionIndex: isRolling
                    ? extracted(version, under: chips[index].versionMask) : UInt32(version),
                nonce: nonce)
        }
    }
}

extension SearchRow {
    /// A nonce of the same core and nearly the same counter whose hash is not good enough.
    func wrongNonce(near nonce: UInt32, chance: UInt64) -> UInt32 {
        let state = job.midstate(version: version, lane: Int(lane))
        var chance = SplitMix64(seed: chance)
        // One in 2^zeroBits of the others is good too; with the fewest zero bits that is every second one.
        for _ in 0..<64 {
            let counter = plan.layout.counter(of: nonce) ^ UInt32(1 + chance.next() % 0x3ff)
            let wrong = plan.layout.nonce(core: plan.layout.core(of: nonce), smallCore: 0, counter: counter)
            if excessBits(of: wrong, state) == nil { return wrong }
        }
        return ~nonce
    }
}
