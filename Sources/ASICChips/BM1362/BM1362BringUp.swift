import ASICWire

extension BM1362 {
    /// The order of the S19j Pro's firmware (bm13xx.md §15, "BM1362", right column), but for the link's rate,
    /// which is changed at the end: until then everything runs at the rate after reset, and the last read
    /// proves the new one.
    public func bringUp(_ plan: BringUpPlan) -> [BringUpStep] {
        let layout = plan.layout
        let rolling = write(.versionRolling, VersionRolling.registerValue(mask: plan.versionMask))
        var steps: [BringUpStep] = [.settle(.milliseconds(100))] + rolling + [.countChips]
        steps += rolling + rolling + write(.softResetControl, 0)
        steps += write(.miscControl, 0xB000_C100, then: .milliseconds(30))
        steps += [.chainInactive, .settle(.milliseconds(30))]
        steps += layout.addresses.flatMap { [BringUpStep.setAddress($0), .settle(Self.pause)] }
        steps += write(.coreRegisterControl, coreWrite(register: 0x05, value: 0x40))  // clock select
        steps += write(.coreRegisterControl, coreWrite(register: 0x00, value: 0x08))  // clock delay
        steps += write(.ticketMask, plan.ticket.registerValue)
        steps += write(.analogMux, 3)
        steps += write(.ioDriverStrength, 0x0001_1111)
        steps += rampSteps(plan.ramp)
        steps += layout.addresses.flatMap(openCores)
        steps += write(.hashCountingNumber, plan.counting.registerValue) + rolling
        return steps + linkSteps(plan.baud) + [.confirmChips]
    }

    /// Releases one chip's cores from reset and enables them.
    private func openCores(of address: UInt8) -> [BringUpStep] {
        write(.softResetControl, 2, to: .chip(address))
            + write(.miscControl, 0xB000_C100, to: .chip(address))
            + write(.coreRegisterControl, coreWrite(register: 0x05, value: 0x40), to: .chip(address))
            + write(.coreRegisterControl, coreWrite(register: 0x00, value: 0x08), to: .chip(address))
            // core enable
            + write(.coreRegisterControl, coreWrite(register: 0x02, value: 0xAA), to: .chip(address))
    }

    /// Between writes, as the factory paces them.
    private static let pause = Duration.milliseconds(10)

    private func write(
        _ register: Register, _ value: UInt32, to recipient: Recipient = .everyChip,
        then pause: Duration = pause
    ) -> [BringUpStep] {
        [.write(register, value, to: recipient), .settle(pause)]
    }
}
