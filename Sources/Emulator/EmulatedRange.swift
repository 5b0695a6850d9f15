/// What one chip sweeps of the job it has, for proofs that no two chips try the same header.
public struct EmulatedRange: Hashable, Sendable {
    /// The headers that differ in their nonces only.
    public enum Versions: Hashable, Sendable {
        /// Header bytes 4 to 63, the version without the bits that the chip rolls, and those bits.
        case rolled(header: [UInt8], base: UInt32, mask: UInt32)
        /// SHA-256 states of eight words, those that the chip tries.
        case midstates([[UInt32]])
    }

    /// Position on the chain.
    public let chip: Int
    public let versions: Versions
    /// Header bytes 64 to 75.
    public let tail: [UInt8]
    /// Values of the counter, which stands with the core in each nonce: from `start` so many, modulo
    /// `counterValues`. All cores try each of them.
    public let counterStart: UInt32
    public let counterLength: UInt32
    public let counterValues: UInt32
    /// How fast the counter moves on the real chip.
    public let countersPerSecond: Double
    /// Batches of versions, each of which sweeps the counter anew; after the last one the chip repeats itself.
    public let batches: UInt32

    /// Whether the two chips try some header both, when both go on for so long from the job's load; `nil` for ever.
    public func meets(_ other: EmulatedRange, within time: Duration? = nil) -> Bool {
        guard tail == other.tail, shareVersions(other) else { return false }
        let (mine, others) = (length(within: time), other.length(within: time))
        let ahead = (other.counterStart &- counterStart) % counterValues
        let behind = (counterStart &- other.counterStart) % counterValues
        return ahead < mine || behind < others
    }

    /// Counter values that the chip reaches in that time.
    public func length(within time: Duration?) -> UInt32 {
        guard let time else { return counterLength }
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
        return UInt32(min((countersPerSecond * seconds).rounded(.up), Double(counterLength)))
    }

    private func shareVersions(_ other: EmulatedRange) -> Bool {
        switch (versions, other.versions) {
        case (.midstates(let a), .midstates(let b)): !Set(a).isDisjoint(with: b)
        case (.rolled(let a, let baseA, let maskA), .rolled(let b, let baseB, let maskB)):
            a == b && (baseA ^ baseB) & ~(maskA | maskB) == 0
        case (.rolled, .midstates), (.midstates, .rolled): false
        }
    }
}

extension EmulatedChain {
    /// What each chip sweeps now; chips that do not hash are left out.
    public func ranges() -> [EmulatedRange] {
        guard isRunning else { return [] }
        return chips.indices.compactMap { index in
            let chip = chips[index]
            guard let work = chip.work, let job = chip.job else { return nil }
            let versions: EmulatedRange.Versions
            switch job.content {
            case .header(let front, let version):
                let mask = UInt32(chip.versionMask) << 13
                versions = .rolled(header: Array(front[4...]), base: version & ~mask, mask: mask)
            case .midstates(let states):
                versions = .midstates(
                    states.prefix(Int(work.shape.versions)).map { state in (0..<8).map { state[$0] } })
            }
            return EmulatedRange(
                chip: index, versions: versions, tail: job.tail, counterStart: chip.sweepBegin,
                counterLength: work.shape.length, counterValues: work.shape.counterValues,
                countersPerSecond: work.pace, batches: work.shape.batches)
        }
    }
}
