import ASICWire

extension BM1387 {
    /// The order of an S9's start (bm13xx.md §17), with a ramp instead of one jump to the clock. The clock's last stop is
    /// written chip by chip too, as the S9 writes it.
    public func bringUp(_ plan: BringUpPlan) -> [BringUpStep] {
        let layout = plan.layout
        var steps: [BringUpStep] = [.settle(.seconds(1)), .countChips]
        for _ in 0..<3 { steps += [.chainInactive, .settle(.milliseconds(100))] }
        steps.setAddresses(layout, then: .milliseconds(10))
        steps += rampSteps(plan.ramp, on: layout)
        if let clock = plan.ramp.last {
            for address in layout.commandAddresses {
                steps.write(clock.register, clock.registerValue, to: .chip(address))
            }
            steps.append(.confirm(clock, on: layout))
        }
        steps.changeLink(plan.baud)
        steps.write(.bm1387Misc, Self.misc(plan.baud, midstates: false))
        steps.write(.bm1387Ticket, plan.ticket.registerValue)
        steps += openCores()
        steps.write(.bm1387Misc, Self.misc(plan.baud, midstates: true))
        return steps + [.confirmChips]
    }

    /// Nothing counts ticks here.
    public func retune(_ plan: BringUpPlan) -> [BringUpStep] {
        [.write(.bm1387Ticket, plan.ticket.registerValue, to: .everyChip)]
    }

    /// One job for each core, with all bits of nBits set and no work in it, opens them one after another. Paced as the
    /// factory paces writes elsewhere, so that the load rises slowly.
    private func openCores() -> [BringUpStep] {
        let nothing = MidstateJob(
            jobByte: 0, bits: 0xFFFF_FFFF, time: 0xFFFF_FFFF, merkleTail: .init(repeating: 0xFF),
            midstates: [.init(repeating: 0)])
        return (0..<facts.cores).flatMap { _ in [.job(nothing), .settle(.milliseconds(10))] }
    }

    /// The value of MISC_CONTROL that leaves the rate as it is (bit 30) and lets cores be opened (bit 15), inverted clock
    /// out (bit 21); with several midstates a job or one (bit 7). That of the reset rate with midstates is Braiins'
    /// 40209A80, and gekko writes the same form.
    private static func misc(_ baud: BaudStep?, midstates: Bool) -> UInt32 {
        let divider = (baud?.writes.last?.value ?? 0x0000_1A00) & 0x1F00
        return 0x4020_8000 | divider | (midstates ? 0x80 : 0)
    }
}
