import Units

/// How a chip hashes, as its registers say.
struct ChipWork: Sendable {
    let plan: SearchPlan
    let shape: NonceSweep.Shape
    /// Hashes a second of the real chip, and of the emulated one.
    let real: Double
    let slow: Double

    /// Counter values that go by in a second, for each batch of versions.
    var pace: Double { real / Double(plan.hashesPerRow * UInt64(shape.lanes)) }

    /// Reports a second.
    var reportsPerSecond: Double {
        let reporting = Double(plan.reporting.count) / Double(plan.hashing.count)
        return slow * reporting / Double(UInt64(1) << UInt64(min(plan.threshold.neededBits, 63)))
    }

    /// `nil` unless a job is loaded, cores are on and may report, and the clock runs.
    ///
    /// - Parameter versions: that the chip tries for its job.
    init?(_ chip: EmulatedChip, versions: UInt32) {
        let (model, parameters) = (chip.model, chip.design.parameters)
        let reporting = chip.openCores.intersection(chip.reportingCores)
        guard versions > 0, !reporting.isEmpty, chip.sweepLength > 0, let clock = chip.hashClock else {
            return nil
        }
        plan = SearchPlan(
            layout: model.layout, hashing: chip.openCores, reporting: reporting,
            threshold: ReportThreshold(
                zeroBits: parameters.reportZeroBits,
                ticketRegister: chip.registers[Int(model.registers.ticketMask)]))
        shape = NonceSweep.Shape(
            length: chip.sweepLength, counterValues: model.layout.counterValues, versions: versions,
            lanes: model.rollsVersions ? min(model.subCores, versions) : versions)
        let share = Double(chip.openCores.count) / Double(parameters.coresPerChip)
        real = 25e6 * Double(clock.multiplier) / Double(clock.divisor) * parameters.hashUnits * share
        slow = real / Double(UInt64(1) << UInt64(chip.design.slowdown))
    }
}

// MARK: - What the registers mean
extension EmulatedChip {
    private subscript(register: UInt8) -> UInt32 { registers[Int(register)] }

    /// The hash clock as a multiple of the 25 MHz reference; `nil` while PLL 0 is off or set to nothing.
    var hashClock: (multiplier: UInt64, divisor: UInt64)? {
        pll(self[model.registers.pll0], isHashClock: true)
    }

    /// §7.1.
    private func pll(_ word: UInt32, isHashClock: Bool = false) -> (multiplier: UInt64, divisor: UInt64)? {
        let feedback: UInt64
        let divisor: UInt64
        switch model.clock {
        case .minusOne:
            guard word & 0x4000_0000 != 0 else { return nil }
            feedback = UInt64(word >> 16 & 0xfff)
            divisor = UInt64(word >> 8 & 0x3f) * UInt64((word >> 4 & 7) + 1) * UInt64((word & 7) + 1)
        case .rawDivided:
            guard word & 0x4000_0000 != 0 else { return nil }
            feedback = UInt64(word >> 16 & 0xfff)
            let after = isHashClock ? UInt64(self[Register.pll0Divider] & 0xf) + 1 : 1
            divisor = UInt64(word >> 8 & 0x3f) * UInt64(word >> 4 & 7) * UInt64(word & 7) * after
        case .rawBare:
            feedback = UInt64(word >> 16 & 0xff)
            divisor = UInt64(word >> 8 & 0xf) * UInt64(word >> 4 & 0xf) * UInt64(word & 0xf)
        }
        return feedback > 0 && divisor > 0 ? (feedback, divisor) : nil
    }

    /// Bit 31 of the hash clock's register, where the model has it.
    var lockBit: UInt32 {
        switch model.clock {
        case .minusOne, .rawDivided: hashClock == nil ? 0 : 0x8000_0000
        case .rawBare: self[model.registers.pll0] & 0x8000_0000
        }
    }

    /// Symbols a second that the registers ask for (§7.3); `nil` when the clock for it is off.
    var lineRate: BaudRate? {
        func rate(_ numerator: UInt64, _ denominator: UInt64) -> BaudRate? {
            let whole = numerator / denominator
            return whole > 0 ? BaudRate(UInt32(clamping: whole)) : nil
        }
        switch model.baud {
        case .bm1387:
            return rate(25_000_000, 8 * (UInt64(self[model.registers.miscControl] >> 8 & 0x1f) + 1))
        case .bm1397:
            let word = self[model.registers.miscControl]
            let divider = 8 * (UInt64(word >> 24 & 0xf) << 5 + UInt64(word >> 8 & 0x1f) + 1)
            guard word & 0x1_0000 != 0 else { return rate(25_000_000, divider) }
            guard let clock = pll(self[Register.pll3]) else { return nil }
            let after = UInt64(self[Register.fastUART] >> 24 & 0xf) + 1
            return rate(25_000_000 * clock.multiplier, clock.divisor * after * divider)
        case .fastUART:
            let word = self[Register.fastUART]
            let divider = UInt64(word >> 8 & 0xff) + 1
            if word >> 26 & 3 == 0 { return rate(25_000_000, 8 * divider) }
            guard let clock = pll(self[Register.pll1]) else { return nil }
            let after = UInt64(word >> 20 & 0xf) + 1
            return rate(25_000_000 * clock.multiplier, clock.divisor * after * 2 * divider)
        case .bm1372:
            return self[Register.fastUART] == 0x8000_0000 ? BaudRate(3_000_000) : rate(25_000_000, 8 * 27)
        }
    }

    /// Nonce-report enables (§6.1).
    var reportingCores: CoreSet {
        let enables = self[model.registers.miscControl] >> 28
        switch model.reportEnables {
        case .always: return design.allCores
        case .anyBit: return enables == 0 ? CoreSet() : design.allCores
        case .quarters:
            var cores = CoreSet()
            for core in 0..<design.parameters.coresPerChip where enables >> UInt32(core / 32) & 1 == 1 {
                cores.insert(core)
            }
            return cores
        }
    }

    /// Counter values of one sweep: two a hash clock for HASH_COUNTING_NUMBER ticks and the overrun (§10).
    var sweepLength: UInt32 {
        let ticks = UInt64(self[model.registers.hashCountingNumber])
        guard ticks > 0 else { return model.stopsWithoutCount ? 0 : model.layout.counterValues }
        guard let clock = hashClock else { return 0 }
        let values = 2 * (ticks + overrun) * clock.multiplier / clock.divisor
        return UInt32(min(values, UInt64(model.layout.counterValues)))
    }
}
