import ASICWire

extension BM1366 {
    /// The order of ESP-Miner (bm13xx.md §15, "BM1366"), with the writes to the ends of voltage domains that an S19 XP's
    /// firmware has in its place, and the link's rate changed at the end. A chain of one domain gets no UART_RELAY:
    /// ESP-Miner's is a copy of the S19 XP's first value (§6.6).
    public func bringUp(_ plan: BringUpPlan) -> [BringUpStep] {
        let layout = plan.layout
        let (pause, longer) = (layout.writePause, layout.writePause * 3)
        let rolling = VersionRolling.registerValue(mask: plan.versionMask)
        var steps: [BringUpStep] = [.settle(.milliseconds(100))]
        for _ in 0..<3 { steps.write(.versionRolling, rolling, then: pause) }
        steps.append(.countChips)
        steps.write(.softResetControl, 0x0007_0000, then: pause)
        steps.write(.miscControl, 0xFF0F_C100, then: longer)
        steps.append(.chainInactive)
        steps.wait(longer)
        steps.setAddresses(layout, then: pause)
        steps.writeCores(0x05, 0x40, then: pause)  // clock select
        steps.writeCores(0x00, 0x20, then: pause)  // clock delay
        steps.write(.ticketMask, plan.ticket.registerValue, then: pause)
        steps.write(.analogMux, 3, then: pause)
        steps.write(.ioDriverStrength, 0x0211_1111, then: pause)
        steps.strengthenDomainEnds(layout, 0x0211_F111)
        steps.relayAcrossDomains(layout)
        for address in layout.commandAddresses { steps += openCores(of: .chip(address), pause) }
        steps += rampSteps(plan.ramp, on: layout)
        steps.write(.hashCountingNumber, plan.counting.registerValue, then: pause)
        steps.write(.versionRolling, rolling, then: pause)
        steps.changeLink(plan.baud)
        return steps + [.confirmChips]
    }

    /// Releases one chip's cores from reset and enables them.
    private func openCores(of chip: Recipient, _ pause: Duration) -> [BringUpStep] {
        var steps = [BringUpStep]()
        steps.write(.softResetControl, 0x0007_01F0, to: chip, then: pause)
        steps.write(.miscControl, 0xF000_C100, to: chip, then: pause)
        steps.writeCores(0x05, 0x40, to: chip, then: pause)
        steps.writeCores(0x00, 0x20, to: chip, then: pause)
        steps.writeCores(0x02, 0xAA, to: chip, then: pause)  // core enable
        return steps
    }
}
