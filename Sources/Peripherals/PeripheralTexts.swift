import Units

// What parts' faults and steps say to an operator: a sentence that names the part and where it sits.

extension PeripheralPlace: CustomStringConvertible {
    public var description: String { "\(part.rawValue.uppercased()) at 0x\(hexText([address.sevenBits]))" }
}

extension PeripheralStep: CustomStringConvertible {
    public var description: String {
        switch self {
        case .write(let place, let register, let bytes, _):
            "writing \(hexText(bytes)) to register 0x\(hexText([register])) of the \(place)"
        case .modify(let place, let register, let mask, let bits):
            "setting the bits \(hexText([mask])) of register 0x\(hexText([register])) of the \(place) to \(hexText([bits]))"
        case .read(let place, let spans, _):
            "reading \(spans.map { "0x\(hexText([$0.register]))" }.joined(separator: ", ")) of the \(place)"
        case .settle(let duration): "waiting \(duration)"
        }
    }
}

extension PeripheralFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noAnswer(let place, let attempts):
            "the \(place) did not answer \(attempts) times; is it there, and does the board have power?"
        case .answerLength(let place, let count, let expected):
            "the \(place) answered \(count) bytes instead of \(expected)"
        case .unknownPart(let place, let register, let bytes):
            "what answers as \(place) is no such part: register 0x\(hexText([register])) says \(hexText(bytes))"
        case .notAsWritten(let place, let register, let wrote, let read):
            "register 0x\(hexText([register])) of the \(place) reads \(hexText(read)) after \(hexText(wrote)) was written"
        case .diode(let place, let flaw): "the \(place) has no reading of its diode: \(flaw)"
        case .nonsense(let place, let bytes): "the \(place) said what it cannot mean: \(hexText(bytes))"
        case .temperature(let place, let celsius, let sensible):
            "the \(place) says \(celsius.degrees) °C, which is not believed outside \(sensible.lowerBound.degrees) "
                + "to \(sensible.upperBound.degrees) °C"
        case .voltage(let place, let volts, let sensible):
            "the \(place) says \(volts.volts) V, which is not believed outside \(sensible.lowerBound.volts) to "
                + "\(sensible.upperBound.volts) V"
        case .current(let place, let current, let sensible):
            "the \(place) says \(current.amperes) A, which is not believed outside \(sensible.lowerBound.amperes) "
                + "to \(sensible.upperBound.amperes) A"
        case .voltageRefused(let place, let volts, let allowed):
            "\(volts.volts) V is not for the \(place): \(allowed.lowerBound.volts) to \(allowed.upperBound.volts) V"
        }
    }
}

extension TemperatureFormat.Flaw: CustomStringConvertible {
    public var description: String {
        switch self {
        case .open: "nothing is connected"
        case .shorted: "it is shorted"
        case .notReady: "it has not been measured yet"
        case .nonsense: "its bytes mean nothing"
        }
    }
}
