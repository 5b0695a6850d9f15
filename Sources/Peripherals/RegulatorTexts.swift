import Units

// What a regulator's faults and steps say to an operator.

extension RegulatorFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknownPart(let bytes):
            "the regulator is no known part; it says (hexadecimal) \(hexText(bytes))"
        case .outputFormat(let mode):
            "the regulator writes voltages in another format (VOUT_MODE 0x\(hexText([mode])))"
        case .answerLength(let count, let expected):
            "the regulator answered \(count) bytes instead of \(expected)"
        case .noVoltage: "no core voltage is given for the regulator"
        case .notEncodable(let register, let value): "\(value) does not fit into the register \(register)"
        case .voltageRefused(let volts, let allowed):
            "\(volts.text) is outside the regulator's bounds of \(allowed.text)"
        case .operation(let byte, let on):
            "the regulator did not accept being switched \(on ? "on" : "off") (OPERATION 0x\(hexText([byte])))"
        case .notArmed(let register, let value, let read):
            "the regulator's \(register) reads (hexadecimal) \(hexText(read)), and \(value) was written"
        case .faulted(let status): "the regulator reports: \(status.names.joined(separator: ", "))"
        case .stillOn(let status):
            "the regulator's output is still on; it reports: "
                + (status.isEmpty ? "nothing" : status.names.joined(separator: ", "))
        case .outputVoltage(let volts, let expected): "the rail is at \(volts.text), not in \(expected.text)"
        }
    }
}

extension TPS546.Step: CustomStringConvertible {
    public var description: String {
        switch self {
        case .identify: "asking the regulator what it is"
        case .readOutputFormat: "reading the regulator's number format"
        case .write(let register, let value): "writing \(value) to the regulator's \(register)"
        case .confirmArmed(let register, _): "reading the regulator's \(register) back"
        case .confirmOperation: "reading the regulator's switch back"
        case .confirmNoFault, .confirmOff: "reading the regulator's status"
        case .confirmOutput: "measuring the rail"
        }
    }
}

extension Volts {
    fileprivate var text: String { "\(volts) V" }
}

extension ClosedRange<Volts> {
    fileprivate var text: String { "\(lowerBound.volts) to \(upperBound.volts) V" }
}

func hexText(_ bytes: [UInt8]) -> String {
    bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined(separator: " ")
}
