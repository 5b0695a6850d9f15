import ASICWire

extension BM1370 {
    /// The order of ESP-Miner (bm13xx.md §15, "BM1370, ESP-Miner"), with the last write of VERSION_ROLLING
    /// that earlier releases and the capture of a Bitaxe have, and the link's rate changed at the end.
    public func bringUp(_ plan: BringUpPlan) -> [BringUpStep] {
        let layout = plan.layout
        let rolling = BringUpStep.write(
            .versionRolling, VersionRolling.registerValue(mask: plan.versionMask), to: .everyChip)
        var steps: [BringUpStep] = [.settle(.milliseconds(100)), rolling, rolling, rolling, .countChips]
        steps += [
            rolling,
            .write(.softResetControl, 0x0007_0000, to: .everyChip),
            .write(.miscControl, 0xF000_C100, to: .everyChip),
            .chainInactive,
        ]
        steps += layout.addresses.map { .setAddress($0) }
        steps += [
            // clock select
            .write(.coreRegisterControl, coreWrite(register: 0x0B, value: 0x00), to: .everyChip),
            // clock delay
            .write(.coreRegisterControl, coreWrite(register: 0x00, value: 0x0C), to: .everyChip),
            .write(.ticketMask, plan.ticket.registerValue, to: .everyChip),
            .write(.ioDriverStrength, 0x0001_1111, to: .everyChip),
        ]
        steps += layout.addresses.flatMap(openCores)
        steps += [
            .write(.analogControl, 0x0000_4480, to: .everyChip),
            .write(.analogMux, 2, to: .everyChip),  // temperature diode
            .write(.analogControl, 0x0000_4480, to: .everyChip),
            // nonce overflow control on
            .write(.coreRegisterControl, coreWrite(register: 0x0D, value: 0xEE), to: .everyChip),
        ]
        steps += rampSteps(plan.ramp)
        if layout.chips > 1 {
            steps += (0..<layout.chips).map {
                .write(.chipNonceOffset, nonceOffset(of: $0, on: layout), to: .chip(layout.address(of: $0)))
            }
        }
        steps += [.write(.hashCountingNumber, plan.counting.registerValue, to: .everyChip), rolling]
        return steps + linkSteps(plan.baud) + [.confirmChips]
    }

    /// Releases one chip's cores from reset and enables them.
    private func openCores(of address: UInt8) -> [BringUpStep] {
        [
            .write(.softResetControl, 0x0007_01F0, to: .chip(address)),
            .write(.miscControl, 0xF000_C100, to: .chip(address)),
            .write(.coreRegisterControl, coreWrite(register: 0x0B, value: 0x00), to: .chip(address)),
            .write(.coreRegisterControl, coreWrite(register: 0x00, value: 0x0C), to: .chip(address)),
            // core enable
            .write(.coreRegisterControl, coreWrite(register: 0x02, value: 0xAA), to: .chip(address)),
        ]
    }
}
