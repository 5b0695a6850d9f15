import ASICWire

extension BM1397 {
    /// The order of ESP-Miner (bm13xx.md §15, "BM1397"), with three CHAIN_INACTIVE, as a captured session and gekko send
    /// them.
    public func bringUp(_ plan: BringUpPlan) -> [BringUpStep] {
        let layout = plan.layout
        var steps: [BringUpStep] = [.settle(.milliseconds(100)), .countChips, .settle(.milliseconds(20))]
        for _ in 0..<3 { steps += [.chainInactive, .settle(.milliseconds(100))] }
        steps.setAddresses(layout, then: .milliseconds(10))
        steps.write(.clockOrderControl0, 0)
        steps.write(.clockOrderControl1, 0)
        steps.write(.orderedClockEnable, 1)
        // Core register 0: hash clock on, several midstates (bit 2).
        steps.write(.coreRegisterControl, 0x8000_8074)
        steps.write(.ticketMask, plan.ticket.registerValue)
        steps.write(.pll3, 0xC070_0111)  // 400 MHz, for links above 3.125 M
        steps.write(.fastUART, 0x0600_000F)
        steps.write(.miscControl, 0x0000_7A31)
        steps += rampSteps(plan.ramp, on: layout)
        steps.changeLink(plan.baud)
        return steps + [.confirmChips]
    }

    /// ESP-Miner's, each write twice and 10 ms apart. A stop takes 150 ms so; asking twice in it keeps a lost chain from
    /// going unnoticed.
    public func rampSteps(_ stops: [ClockSetting], on layout: ChainLayout) -> [BringUpStep] {
        let pause = Duration.milliseconds(10)
        var steps = [BringUpStep]()
        for stop in stops {
            steps.append(.settle(pause))
            for _ in 0..<2 { steps.write(.pll0Divider, 0x0F0F_0F00, then: pause) }
            steps += [.setClock(stop), .settle(pause), .setClock(stop), .settle(.milliseconds(40))]
            steps.append(.confirm(stop, on: layout))
            steps += [.settle(.milliseconds(70)), .confirm(stop, on: layout)]
        }
        return steps
    }

    /// Nothing counts ticks here.
    public func retune(_ plan: BringUpPlan) -> [BringUpStep] {
        [.write(.ticketMask, plan.ticket.registerValue, to: .everyChip)]
    }
}

extension Register {
    static let orderedClockEnable = Register(0x20)
    static let pll3 = Register(0x68)
    static let clockOrderControl0 = Register(0x80)
    static let clockOrderControl1 = Register(0x84)
}
