import ASICWire

extension BM1362 {
    /// The order of the S19j Pro's firmware (bm13xx.md §15, "BM1362", right column), but for the link's rate,
    /// which is changed at the end: until then everything runs at the rate after reset, and the last read
    /// proves the new one. That machine has 42 voltage domains and tells their ends nothing (§6.6).
    public func bringUp(_ plan: BringUpPlan) -> [BringUpStep] {
        let layout = plan.layout
        let rolling = VersionRolling.registerValue(mask: plan.versionMask)
        let pause = Self.pause
        var steps: [BringUpStep] = [.settle(.milliseconds(100))]
        steps.write(.versionRolling, rolling, then: pause)
        steps.append(.countChips)
        for _ in 0..<2 { steps.write(.versionRolling, rolling, then: pause) }
        steps.write(.softResetControl, 0, then: pause)
        steps.write(.miscControl, 0xB000_C100, then: .milliseconds(30))
        steps += [.chainInactive, .settle(.milliseconds(30))]
        steps.setAddresses(layout, then: pause)
        steps.writeCores(0x05, 0x40, then: pause)  // clock select
        steps.writeCores(0x00, 0x08, then: pause)  // clock delay
        steps.write(.ticketMask, plan.ticket.registerValue, then: pause)
        steps.write(.analogMux, 3, then: pause)
        steps.write(.ioDriverStrength, 0x0001_1111, then: pause)
        steps += rampSteps(plan.ramp, on: layout)
        for address in layout.commandAddresses { steps += openCores(of: .chip(address)) }
        steps.write(.hashCountingNumber, plan.counting.registerValue, then: pause)
        steps.write(.versionRolling, rolling, then: pause)
        steps.changeLink(plan.baud)
        return steps + [.confirmChips]
    }

    /// Releases one chip's cores from reset and enables them.
    private func openCores(of chip: Recipient) -> [BringUpStep] {
        var steps = [BringUpStep]()
        steps.write(.softResetControl, 2, to: chip, then: Self.pause)
        steps.write(.miscControl, 0xB000_C100, to: chip, then: Self.pause)
        steps.writeCores(0x05, 0x40, to: chip, then: Self.pause)
        steps.writeCores(0x00, 0x08, to: chip, then: Self.pause)
        steps.writeCores(0x02, 0xAA, to: chip, then: Self.pause)  // core enable
        return steps
    }

    /// Between writes, as the factory paces them.
    private static let pause = Duration.milliseconds(10)
}
