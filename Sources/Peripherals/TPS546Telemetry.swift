import Units

/// What can be read while the part works, in any state and without anything known about it. Source: boards.md §4.2.
extension TPS546 {
    private var place: PeripheralPlace { PeripheralPlace(.tps546, at: address) }

    /// `.inputVoltage`. A part that answers has an input: what a dead line reads, 0 V, is an error.
    public var readInputVoltage: [PeripheralStep] {
        [read([.readVin], .inputVoltage(sensible: .volts(2.5)...Volts.volts(20)))]
    }

    /// `.outputVoltage`, of the rail; 0 V is what a part says that is off.
    public var readOutputVoltage: [PeripheralStep] {
        [read([.voutMode, .readVout], .outputVoltage(sensible: .volts(0)...Volts.volts(6)))]
    }

    /// `.outputCurrent`; a little below 0 without a load, as such parts measure.
    public var readOutputCurrent: [PeripheralStep] {
        [read([.readIout], .outputCurrent(sensible: .amperes(-2)...Amperes.amperes(200)))]
    }

    /// `.temperature`, of the part itself.
    public var readTemperature: [PeripheralStep] { Self.readTemperature(at: address) }

    /// `.temperature` of the part at an address, whatever it is set to.
    public static func readTemperature(
        at address: I2CAddress, sensible: ClosedRange<Celsius> = sensibleTemperature
    )
        -> [PeripheralStep]
    {
        let span = RegisterSpan(Register.readTemperature1.rawValue, count: 2)
        return [
            .read(PeripheralPlace(.tps546, at: address), [span], .regulatorTemperature(sensible: sensible))
        ]
    }

    /// Up to where the part is long off, so that a hot one is hot and no error.
    public static let sensibleTemperature = Celsius.degrees(0.0625)...Celsius.degrees(175)

    /// `.status`: every register of it.
    public var readStatus: [PeripheralStep] {
        [
            read(
                [
                    .voutMode, .statusWord, .statusVout, .statusIout, .statusInput, .statusTemperature,
                    .statusCML, .statusOther, .statusMFR,
                ], .regulatorStatus)
        ]
    }

    private func read(_ registers: [Register], _ meaning: RegisterMeaning) -> PeripheralStep {
        .read(place, registers.map { RegisterSpan($0.rawValue, count: $0.isByte ? 1 : 2) }, meaning)
    }
}

extension TPS546.Register {
    /// Of the registers that are read here: one byte, all others a word.
    fileprivate var isByte: Bool {
        switch self {
        case .voutMode, .statusVout, .statusIout, .statusInput, .statusTemperature, .statusCML, .statusOther,
            .statusMFR:
            true
        case .operation, .onOffConfig, .clearFaults, .phase, .voutCommand, .voutMax, .voutMarginHigh,
            .voutMarginLow, .voutScaleLoop, .voutMin, .frequencySwitch, .vinOn, .vinOff, .voutOVFaultLimit,
            .voutOVWarnLimit, .voutUVWarnLimit, .voutUVFaultLimit, .ioutOCFaultLimit, .ioutOCFaultResponse,
            .ioutOCWarnLimit, .otFaultLimit, .otFaultResponse, .otWarnLimit, .vinOVFaultLimit,
            .vinOVFaultResponse, .vinUVWarnLimit, .tonDelay, .tonRise, .tonMaxFaultLimit,
            .tonMaxFaultResponse,
            .toffDelay, .toffFall, .statusWord, .readVin, .readVout, .readIout, .readTemperature1, .deviceID,
            .compensationConfig, .syncConfig, .stackConfig, .pinDetectOverride:
            false
        }
    }
}
