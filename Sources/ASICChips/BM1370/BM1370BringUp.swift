import ASICWire

extension BM1370 {
    /// The order of ESP-Miner (bm13xx.md §15, "BM1370, ESP-Miner"), with the last write of VERSION_ROLLING that earlier
    /// releases and the capture of a Bitaxe have, and the link's rate changed at the end. Chains of several voltage
    /// domains get what an S21 Pro's firmware writes for them, and where it writes it.
    public func bringUp(_ plan: BringUpPlan) -> [BringUpStep] {
        let layout = plan.layout
        let (pause, longer) = (layout.writePause, layout.writePause * 3)
        let rolling = VersionRolling.registerValue(mask: plan.versionMask)
        var steps: [BringUpStep] = [.settle(.milliseconds(100))]
        for _ in 0..<3 { steps.write(.versionRolling, rolling, then: pause) }
        steps.append(.countChips)
        steps.write(.versionRolling, rolling, then: pause)
        steps.write(.softResetControl, 0x0007_0000, then: pause)
        steps.write(.miscControl, 0xF000_C100, then: longer)
        steps.append(.chainInactive)
        steps.wait(longer)
        steps.setAddresses(layout, then: pause)
        steps.writeCores(0x0B, 0x00, then: pause)  // clock select
        steps.writeCores(0x00, 0x0C, then: pause)  // clock delay
        steps.write(.ticketMask, plan.ticket.registerValue, then: pause)
        steps.write(.ioDriverStrength, 0x0001_1111, then: pause)
        if layout.domains > 1 {
            steps.strengthenDomainEnds(layout, 0x0001_F111)
            steps.write(.padGuard, 0x5AA5_5AA5, then: pause)
            steps.relayAcrossDomains(layout)
        }
        for address in layout.commandAddresses { steps += openCores(of: .chip(address), pause) }
        steps.write(.analogControl, 0x0000_4480, then: pause)
        steps.write(.analogMux, 2, then: pause)  // temperature diode
        steps.write(.analogControl, 0x0000_4480, then: pause)
        steps.writeCores(0x0D, 0xEE, then: pause)  // nonce overflow control on
        steps += rampSteps(plan.ramp, on: layout)
        steps.writeNonceOffsets(self, layout)
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
        steps.writeCores(0x0B, 0x00, to: chip, then: pause)
        steps.writeCores(0x00, 0x0C, to: chip, then: pause)
        steps.writeCores(0x02, 0xAA, to: chip, then: pause)  // core enable
        return steps
    }
}
