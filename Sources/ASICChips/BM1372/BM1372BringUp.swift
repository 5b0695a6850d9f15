import ASICWire

extension BM1372 {
    /// The order of ESP-Miner (bm13xx.md §15, "BM1372/73"), link and all: the rate changes before the chips are released
    /// from reset, because nobody knows whether it can change later. Ids are read before VERSION_ROLLING is written, so
    /// that replies are short until the end.
    public func bringUp(_ plan: BringUpPlan) -> [BringUpStep] {
        let layout = plan.layout
        let pause = Duration.milliseconds(10)
        var steps: [BringUpStep] = [.settle(.milliseconds(100)), .countChips, .chainInactive, .settle(pause)]
        steps.setAddresses(layout)
        steps.append(.settle(pause))
        steps.writeCores(0x0D, 0x04)
        steps.write(.ticketMask, plan.ticket.registerValue)
        steps.write(.ioDriverStrength, 0x0001_1111)
        for domain in (0..<layout.domains).reversed() where layout.chips > 1 {
            let last = layout.ends(ofDomain: domain).last
            steps.write(.ioDriverStrength, 0x0001_F111, to: .chip(layout.commandAddress(of: last)))
        }
        steps.write(.padGuard, 0x5AA5_5AA5, then: pause)
        steps.changeLink(plan.baud)
        steps.write(.softResetControl, 0xF007_01F0, then: .milliseconds(20))
        steps.write(.miscControl, 0xFF00_C100, then: pause)
        steps.write(.miscControlAdd, 0, then: pause)
        steps.writeCores(0x0B, 0x00, then: pause)  // clock select
        steps.writeCores(0x00, 0x5A, then: pause)  // clock delay
        steps.writeCores(0x02, 0xAA, then: pause)  // core enable
        steps.write(.analogMux, 2)
        steps += rampSteps(plan.ramp, on: layout)
        steps.writeNonceOffsets(self, layout)
        steps.write(.hashCountingNumber, plan.counting.registerValue)
        steps.write(.versionRolling, VersionRolling.registerValue(mask: plan.versionMask))
        return steps + [.confirmChips]
    }
}
