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

    /// Every setting, with the output still off. It ends with a look at what must end a fault without a host: chips
    /// go on hashing when the host is gone, and then these limits are all that is left.
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
        ] + boardsOwn + [
            .write(.vinOn, .fine(settings.inputOn.volts)),
            .write(.vinOff, .fine(settings.inputOff.volts)),
            .write(.vinOVFaultLimit, .fine(settings.inputOverVoltage.volts)),
            .write(.vinOVFaultResponse, .byte(0xB7)),  // shut down, six retries, then latch
            .write(.voutScaleLoop, .fine(settings.feedbackRatio)),
            try outputVoltage(rail),
            .write(.voutMax, .output(settings.outputBounds.upperBound)),
            .write(.voutMin, .output(settings.outputBounds.lowerBound)),
        ] + outputLimits + protection.map { .write($0.register, $0.value) } + timing + [
            .write(.pinDetectOverride, .word(0xFFFF)),
            .write(.clearFaults, .nothing),
        ] + armedCheck
    }

    /// That the limits on current and temperature stand in the part as they were written.
    public var armedCheck: [Step] { protection.map { .confirmArmed($0.register, $0.value) } }

    private var protection: [(register: Register, value: Value)] {
        [
            (.ioutOCWarnLimit, .fine(settings.outputCurrentWarning.amperes)),
            (.ioutOCFaultLimit, .fine(settings.outputCurrentFault.amperes)),
            (.ioutOCFaultResponse, .byte(0xC0)),  // shut down and latch
            (.otWarnLimit, .whole(Int(Self.overTemperatureWarning.degrees))),
            (.otFaultLimit, .whole(Int(Self.overTemperatureFault.degrees))),
            (.otFaultResponse, .byte(0xFF)),  // wait until cool, try for ever
        ]
    }

    /// Of the part itself, the same on every board.
    public static let overTemperatureWarning = Celsius.degrees(105)
    public static let overTemperatureFault = Celsius.degrees(145)

    /// What only some boards write.
    private var boardsOwn: [Step] {
        (settings.compensation.map { [.write(.compensationConfig, .block($0))] } ?? [])
            + (settings.inputUnderVoltageWarning.map { [.write(.vinUVWarnLimit, .fine($0.volts))] } ?? [])
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
