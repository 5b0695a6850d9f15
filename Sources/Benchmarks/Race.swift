import CBenchPeers

/// Something that hashes.
struct Contender {
    let name: String
    /// Hashes in one call.
    let hashes: Int
    /// Operations of `ScanBound` for sixteen hashes, where a bound is known.
    var boundOperations: Double?
    let call: () -> Void
}

/// Contenders for one kind of work. The first one of them is the baseline when `hasBaseline`.
struct Contest {
    let title: String
    let baseline: String?
    var contenders: [Contender]
}

/// Times contenders against each other in one process, in short slices of processor time that take turns.
struct Race {
    let rounds: Int
    let sliceNanoseconds: Double

    init(rounds: Int, slice: Duration) {
        precondition(rounds > 0 && slice > .zero, "a race has a length")
        self.rounds = rounds
        sliceNanoseconds = slice / .nanoseconds(1)
    }

    func run(_ contest: Contest) -> [HashRow] {
        let plans = contest.contenders.map { (contender: $0, calls: calls($0)) }
        var samples = [[Sample]](repeating: [], count: plans.count)
        for _ in 0..<rounds {
            for (index, plan) in plans.enumerated() {
                samples[index].append(sample(plan.contender, calls: plan.calls))
            }
        }
        let baseline = contest.contenders.firstIndex { $0.name == contest.baseline }
        let widest =
            contest.contenders.contains { $0.boundOperations != nil } ? wideOperationsPerCycle() : nil
        return contest.contenders.indices.map { index in
            let figures = Figures(samples[index], against: baseline.map { samples[$0] })
            var share: Double?
            if let operations = contest.contenders[index].boundOperations, let widest {
                share = ScanBound.share(
                    cyclesPerNonce: figures.bestCycles, operations: operations, operationsPerCycle: widest)
            }
            return HashRow(
                contest: contest.title, name: contest.contenders[index].name, figures: figures,
                isBaseline: index == baseline, shareOfBound: share)
        }
    }

    /// How many calls fill a slice, from the second of two tries: the first one warms up.
    private func calls(_ contender: Contender) -> Int {
        contender.call()
        let once = nanoseconds { contender.call() }
        return max(1, Int(sliceNanoseconds / max(once, 20)))
    }

    private func sample(_ contender: Contender, calls: Int) -> Sample {
        // A tenth first, untimed: caches, predictors, and the clock that wide vectors lower.
        for _ in 0..<(calls / 10 + 1) { contender.call() }
        let before = gigahertz()
        let time = nanoseconds { for _ in 0..<calls { contender.call() } }
        let pace = max(before, gigahertz())
        return Sample(nanosecondsPerHash: time / Double(calls * contender.hashes), gigahertz: pace)
    }

    /// One addition a cycle, each waiting for the one before.
    private func gigahertz() -> Double {
        let additions: UInt64 = 200_000
        return Double(additions) / nanoseconds { adit_dependent_additions(additions) }
    }

    /// What this processor starts in a cycle; `nil` without AVX-512.
    func wideOperationsPerCycle() -> Double? {
        guard adit_wide_operations(1_000_000) > 0 else { return nil }
        return median(
            (0..<max(21, rounds)).map { _ in
                let before = gigahertz()
                var count: UInt64 = 0
                let time = nanoseconds { count = adit_wide_operations(1_000_000) }
                return Double(count) / (time * max(before, gigahertz()))
            })
    }

    /// Processor time of this thread.
    private func nanoseconds(_ body: () -> Void) -> Double {
        let start = adit_thread_nanoseconds()
        body()
        return Double(max(1, adit_thread_nanoseconds() - start))
    }
}
