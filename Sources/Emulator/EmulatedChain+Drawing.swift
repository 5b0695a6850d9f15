import ASICWire
public import Units

/// When the next drawn report is due, and what of the chips decides it.
struct DrawingBoard: Sendable {
    var nextAt: Instant?
    /// Reports a second of all chips up to and including each.
    var cumulative = [Double]()
    /// Room for the nonces of one row.
    var buffer = [UInt32](repeating: 0, count: 256)
    var chance: SplitMix64

    init(seed: UInt64) { chance = SplitMix64(seed: SplitMix64.mix(seed &+ 0x6472_6177)) }

    var reportsPerSecond: Double { cumulative.last ?? 0 }

    mutating func stop() { (nextAt, cumulative) = (nil, []) }

    /// An exponentially distributed time with the mean of the rate, which is above 0; at most 2^32 s.
    mutating func interval() -> Duration {
        let seconds = -logarithm(1 - chance.nextFraction()) / reportsPerSecond
        return .nanoseconds(Int64(min(seconds, 0x1p32) * 1e9))
    }

    /// A chip, as likely as it reports often.
    mutating func chip() -> Int {
        let mark = chance.nextFraction() * reportsPerSecond
        var (low, high) = (0, cumulative.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] > mark { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

// MARK: - Reports that are drawn
extension EmulatedChain {
    /// When the next report comes, for a chain whose reports are drawn; `nil` while it does not hash. It may
    /// change with every call of another method, so it is to be asked for after each.
    public var nextDrawAt: Instant? { drawing.nextAt }

    /// All reports up to a moment, each as true as a real chip's: its header is one that its chip sweeps then.
    public mutating func draw(until end: Instant) -> [EmulatedOutput] {
        var outputs = advance(to: end)
        guard isRunning else { return outputs }
        while let now = drawing.nextAt, now <= end {
            drawing.nextAt = now + drawing.interval()
            if let (row, nonce, excess) = drawReport(at: now) {
                outputs += faults.pass(report(row, nonce: nonce, excessBits: excess, at: now))
            }
        }
        return outputs
    }

    /// Rates may have changed: what was planned is planned anew. Exponential times have no memory, so nothing
    /// is lost by that.
    mutating func replanDraws(at now: Instant) {
        guard parameters.search == .drawn else { return }
        var total = 0.0
        var cumulative = [Double]()
        cumulative.reserveCapacity(chips.count)
        for chip in chips {
            total += chip.work?.reportsPerSecond ?? 0
            cumulative.append(total)
        }
        let before = drawing.reportsPerSecond
        drawing.cumulative = cumulative
        guard total > 0, isRunning else { return drawing.stop() }
        if total != before || drawing.nextAt == nil { drawing.nextAt = now + drawing.interval() }
    }

    /// Candidates of one chip, drawn until one is good enough; `nil` when none of very many is.
    private mutating func drawReport(at now: Instant) -> (SearchRow, nonce: UInt32, excessBits: Int)? {
        let index = drawing.chip()
        guard let work = chips[index].work, let job = chips[index].job else { return nil }
        let needed = work.plan.threshold.neededBits
        let hashesPerRow = Double(work.plan.hashesPerRow)
        // Ten times as many as are needed on average fail once in 22,000 times.
        let rows = 1 + Int(min(10 * Double(UInt64(1) << UInt64(min(needed, 40))) / hashesPerRow, 1e6))
        for _ in 0..<(needed < 5 ? rows + 400 : rows) {
            let row = drawRow(index, work, job, at: now)
            if needed < 5 {
                if let hit = drawSingly(row) { return (row, hit.0, hit.1) }
            } else if let hit = drawFromAllCores(row) {
                return (row, hit.0, hit.1)
            }
        }
        return nil
    }

    /// A row of what the chip sweeps at that moment: of the batch of versions that time has brought it to, with a
    /// counter value of the batch's sweep.
    private mutating func drawRow(_ index: Int, _ work: ChipWork, _ job: LoadedJob, at now: Instant)
        -> SearchRow
    {
        let shape = work.shape
        let elapsed = max((now - chips[index].loadedAt).inSeconds, 0)
        let batch = UInt32(UInt64(elapsed * work.pace / Double(shape.length)) % UInt64(shape.batches))
        let lanes = min(shape.lanes, shape.versions - batch * shape.lanes)
        let random = drawing.chance.next()
        let lane = UInt32(random >> 48) % lanes
        // Where the host tells chips apart by time alone, a chip goes no further than time has brought it.
        let reach =
            shape.batches == 1 ? min(Double(shape.length), max(elapsed * work.pace, 1)) : Double(shape.length)
        let offset = UInt32(random & 0xffff_ffff) % UInt32(reach)
        return chips[index].row(
            NonceSweep.Row(
                versionIndex: batch * shape.lanes + lane,
                counter: (chips[index].sweepBegin &+ offset) % shape.counterValues),
            work, job, position: index)
    }

    /// One core of the row.
    private mutating func drawSingly(_ row: SearchRow) -> (UInt32, Int)? {
        let random = drawing.chance.next()
        let layout = row.plan.layout
        let core = Int(random >> 32) % row.plan.reporting.bound
        guard row.plan.reporting.contains(core) else { return nil }
        let small = Int(random & 0xff) % layout.noncesPerCore
        let nonce = layout.nonce(core: core, smallCore: small, counter: row.place.counter)
        let state = row.job.midstate(version: row.version, lane: Int(row.lane))
        return row.excessBits(of: nonce, state).map { (nonce, $0) }
    }

    /// Any of the hits of the row.
    private mutating func drawFromAllCores(_ row: SearchRow) -> (UInt32, Int)? {
        var hits = [(UInt32, Int)]()
        row.search(&drawing.buffer) { hits.append(($0, $1)) }
        guard !hits.isEmpty else { return nil }
        return hits[Int(drawing.chance.next() >> 32) % hits.count]
    }
}
