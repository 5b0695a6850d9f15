public import Units

/// The plans: what to do to the part, in the order that working firmware does it. Source: boards.md §4.2.
extension TPS546 {
    /// Finds the part, makes sure its output is off, and learns its number format.
    public var preparation: [Step] { [.identify] + shutdown + [.readOutputFormat] }

    /// Output off: by OPERATION, and by letting OPERATION decide in case the part was never configured. Needs
    /// nothing known about the part, so it is right in any state.
    public var shutdown: [Step] {
        [
            .write(.operation, .byte(Self.operation(on: false))),
            .write(.onOffConfig, .byte(0x1F)),
        ]
    }

    /// Whether `shutdown` has worked.
    public var shutdownCheck: [Step] { [.confirmOperation(on: false), .confirmOff] }

    /// Every setting, with the output still off; VIN_UV_WARN is left alone, as writing it on a 5 V board raises a
    /// false input fault.
    ///
    /// - Parameter rail: output voltage to start from, inside `settings.outputBounds`.
    /// - Throws: `.voltageRefused` outside those bounds.
    public func configuration(rail: Volts) throws(RegulatorFault) -> [Step] {
        [
            .write(.onOffConfig, .byte(0x1B)),
            .write(.stackConfig, .word(settings.stackConfig)),
            .write(.syncConfig, .byte(settings.syncConfig)),
            .write(.phase, .byte(settings.phase)),
            .write(.frequencySwitch, .whole(650)),  // kHz
            .write(.vinOn, .fine(settings.inputOn.volts)),
            .write(.vinOff, .fine(settings.inputOff.volts)),
            .write(.vinOVFaultLimit, .fine(settings.inputOverVoltage.volts)),
            .write(.vinOVFaultResponse, .byte(0xB7)),  // shut down, six retries, then latch
            .write(.voutScaleLoop, .fine(settings.feedbackRatio)),
            try outputVoltage(rail),
            .write(.voutMax, .output(settings.outputBounds.upperBound)),
            .write(.voutMin, .output(settings.outputBounds.lowerBound)),
        ] + outputLimits + [
            .write(.ioutOCWarnLimit, .fine(settings.outputCurrentWarning.amperes)),
            .write(.ioutOCFaultLimit, .fine(settings.outputCurrentFault.amperes)),
            .write(.ioutOCFaultResponse, .byte(0xC0)),  // shut down and latch
            .write(.otWarnLimit, .whole(105)),  // °C
            .write(.otFaultLimit, .whole(145)),
            .write(.otFaultResponse, .byte(0xFF)),  // wait until cool, try for ever
        ] + timing + [
            .write(.pinDetectOverride, .word(0xFFFF)),
            .write(.clearFaults, .nothing),
        ]
    }

    /// Sets the rail and switches it on.
    ///
    /// - Throws: `.voltageRefused` outside `settings.outputBounds`.
    public func enabling(rail: Volts) throws(RegulatorFault) -> [Step] {
        [
            try outputVoltage(rail),
            .write(.operation, .byte(Self.operation(on: true))),
            .confirmOperation(on: true),
        ]
    }

    /// No fault, and the rail within a tenth of what was asked for (the factory self-test's window, boards.md §7).
    public func check(rail: Volts) -> [Step] {
        let tenth = rail.microvolts / 10
        let low = Volts(microvolts: rail.microvolts - tenth)
        return [.confirmNoFault, .confirmOutput(low...Volts(microvolts: rail.microvolts + tenth))]
    }

    /// VOUT_COMMAND. The part does not guard its bounds against the host, so the host does; 0 V is `shutdown`.
    private func outputVoltage(_ rail: Volts) throws(RegulatorFault) -> Step {
        guard settings.outputBounds.contains(rail) else {
            throw .voltageRefused(rail, allowed: settings.outputBounds)
        }
        return .write(.voutCommand, .output(rail))
    }

    /// Margins and limits as ratios of VOUT_COMMAND.
    private var outputLimits: [Step] {
        [
            .write(.voutOVFaultLimit, .ratio(millionths: 1_250_000)),
            .write(.voutOVWarnLimit, .ratio(millionths: 1_160_000)),
            .write(.voutMarginHigh, .ratio(millionths: 1_100_000)),
            .write(.voutMarginLow, .ratio(millionths: 900_000)),
            .write(.voutUVWarnLimit, .ratio(millionths: 900_000)),
            .write(.voutUVFaultLimit, .ratio(millionths: 750_000)),
        ]
    }

    /// Soft start in 3 ms, everything else at once.
    private var timing: [Step] {
        [
            .write(.tonDelay, .whole(0)),
            .write(.tonRise, .whole(3)),
            .write(.tonMaxFaultLimit, .whole(0)),
            .write(.tonMaxFaultResponse, .byte(0x3B)),
            .write(.toffDelay, .whole(0)),
            .write(.toffFall, .whole(0)),
        ]
    }
}
