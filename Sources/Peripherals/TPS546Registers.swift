public import Units

extension TPS546 {
    /// PMBus command codes of the part. The store commands are missing on purpose.
    public enum Register: UInt8, Sendable {
        case operation = 0x01
        case onOffConfig = 0x02
        case clearFaults = 0x03
        case phase = 0x04
        case voutMode = 0x20
        case voutCommand = 0x21
        case voutMax = 0x24
        case voutMarginHigh = 0x25
        case voutMarginLow = 0x26
        case voutScaleLoop = 0x29
        case voutMin = 0x2B
        case frequencySwitch = 0x33
        case vinOn = 0x35
        case vinOff = 0x36
        case voutOVFaultLimit = 0x40
        case voutOVWarnLimit = 0x42
        case voutUVWarnLimit = 0x43
        case voutUVFaultLimit = 0x44
        case ioutOCFaultLimit = 0x46
        case ioutOCFaultResponse = 0x47
        case ioutOCWarnLimit = 0x4A
        case otFaultLimit = 0x4F
        case otFaultResponse = 0x50
        case otWarnLimit = 0x51
        case vinOVFaultLimit = 0x55
        case vinOVFaultResponse = 0x56
        case vinUVWarnLimit = 0x58
        case tonDelay = 0x60
        case tonRise = 0x61
        case tonMaxFaultLimit = 0x62
        case tonMaxFaultResponse = 0x63
        case toffDelay = 0x64
        case toffFall = 0x65
        case statusWord = 0x79
        case statusVout = 0x7A
        case statusIout = 0x7B
        case statusInput = 0x7C
        case statusTemperature = 0x7D
        case statusCML = 0x7E
        case statusOther = 0x7F
        case statusMFR = 0x80
        case readVin = 0x88
        case readVout = 0x8B
        case readIout = 0x8C
        case readTemperature1 = 0x8D
        case deviceID = 0xAD
        case compensationConfig = 0xB1
        case syncConfig = 0xE4
        case stackConfig = 0xEC
        case pinDetectOverride = 0xEE
    }

    /// What follows the command code, before encoding.
    public enum Value: Hashable, Sendable {
        /// A "send byte" command.
        case nothing
        case byte(UInt8)
        case word(UInt16)
        /// Its length in a byte, then the bytes.
        case block([UInt8])
        /// LINEAR11 with the finest exponent.
        case fine(Double)
        /// LINEAR11 of a whole number.
        case whole(Int)
        /// ULINEAR16 with the part's own exponent.
        case output(Volts)
        /// ULINEAR16, a ratio of VOUT_COMMAND.
        case ratio(millionths: Int64)
    }
}

/// Why a regulator may not be, or stay, switched on.
public enum RegulatorFault: Error, Hashable, Sendable {
    /// IC_DEVICE_ID as read, block length first.
    case unknownPart([UInt8])
    /// VOUT_MODE names a number format that we do not write.
    case outputFormat(UInt8)
    case answerLength(Int, expected: Int)
    /// A rail is asked for, and the profile gives no core voltage.
    case noVoltage
    case notEncodable(TPS546.Register, TPS546.Value)
    case voltageRefused(Volts, allowed: ClosedRange<Volts>)
    /// OPERATION read back otherwise than written.
    case operation(UInt8, on: Bool)
    /// A limit reads back otherwise than it was written, so the part would not end what it should.
    case notArmed(TPS546.Register, TPS546.Value, read: [UInt8])
    case faulted(RegulatorStatus)
    case stillOn(RegulatorStatus)
    case outputVoltage(Volts, expected: ClosedRange<Volts>)
}
