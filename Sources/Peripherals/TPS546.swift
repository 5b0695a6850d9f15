public import Units

/// The TPS546D24 buck regulator of the newer Bitaxe boards, over PMBus. Source: boards.md §4.2.
///
/// A plan is a list of `Step`s in engineering units, so it can be printed and compared; `transfer(for:)` turns one
/// into bytes for the bus, `accept(_:for:)` judges what came back. Nothing here can write the part's non-volatile
/// memory: a store is said to brick it, so the settings are written at every power-on instead.
public struct TPS546: Sendable {
    public let address: I2CAddress
    public let settings: Settings
    private var format = Format.unread

    /// Known once VOUT_MODE was read; no output voltage can be encoded before.
    private enum Format { case unread, known(OutputVoltageFormat) }

    public init(address: I2CAddress, settings: Settings) {
        self.address = address
        self.settings = settings
    }

    /// What differs from board to board. The rest is the same on all and stands in `configuration`.
    public struct Settings: Hashable, Sendable {
        public var stackConfig: UInt16
        public var syncConfig: UInt8
        public var phase: UInt8
        public var inputOn: Volts
        public var inputOff: Volts
        public var inputOverVoltage: Volts
        /// VOUT_SCALE_LOOP: the feedback divider.
        public var feedbackRatio: Double
        /// VOUT_MIN to VOUT_MAX, of the **rail**: core voltage times domains in series.
        public var outputBounds: ClosedRange<Volts>
        public var outputCurrentWarning: Amperes
        public var outputCurrentFault: Amperes
        /// `nil` on boards of 5 V, where writing it raises a false input fault.
        public var inputUnderVoltageWarning: Volts?
        /// COMPENSATION_CONFIG, five bytes; `nil` leaves the part's own.
        public var compensation: [UInt8]?

        public init(
            stackConfig: UInt16, syncConfig: UInt8, phase: UInt8, inputOn: Volts, inputOff: Volts,
            inputOverVoltage: Volts, feedbackRatio: Double, outputBounds: ClosedRange<Volts>,
            outputCurrentWarning: Amperes, outputCurrentFault: Amperes,
            inputUnderVoltageWarning: Volts? = nil, compensation: [UInt8]? = nil
        ) {
            self.stackConfig = stackConfig
            self.syncConfig = syncConfig
            self.phase = phase
            self.inputOn = inputOn
            self.inputOff = inputOff
            self.inputOverVoltage = inputOverVoltage
            self.feedbackRatio = feedbackRatio
            self.outputBounds = outputBounds
            self.outputCurrentWarning = outputCurrentWarning
            self.outputCurrentFault = outputCurrentFault
            self.inputUnderVoltageWarning = inputUnderVoltageWarning
            self.compensation = compensation
        }
    }

    /// One access to the part.
    public enum Step: Hashable, Sendable {
        /// IC_DEVICE_ID must name a part that is known to work.
        case identify
        /// VOUT_MODE: how output voltages are written from here on.
        case readOutputFormat
        case write(Register, Value)
        /// A limit must read back as it was written, to within a twentieth or one unit: the part may round.
        case confirmArmed(Register, Value)
        /// OPERATION must read as written: 0x80 on, 0x00 off.
        case confirmOperation(on: Bool)
        /// STATUS_WORD must show none of `RegulatorStatus.faults`.
        case confirmNoFault
        /// STATUS_WORD must say that the output is off.
        case confirmOff
        /// READ_VOUT must lie in these bounds.
        case confirmOutput(ClosedRange<Volts>)
    }

    /// What an accepted answer told.
    public enum Finding: Hashable, Sendable { case nothing, part(Part), output(Volts) }

    public enum Part: Hashable, Sendable { case d24A, d24S, b24A }

    /// How often and how far apart `identify` is tried: the part needs time after power. Source: boards.md §4.2.
    public static let identifyAttempts = 6
    public static let identifyPause = Duration.milliseconds(3)

    /// The bus transfer for `step`. An output voltage before `readOutputFormat` is a wrong call.
    ///
    /// - Throws: `.notEncodable` for a value that its number format cannot hold.
    public func transfer(for step: Step) throws(RegulatorFault) -> I2CTransfer {
        switch step {
        case .identify: read(.deviceID, count: 7)
        case .readOutputFormat: read(.voutMode, count: 1)
        case .write(let register, let value):
            I2CTransfer(.write([register.rawValue] + (try encode(value, for: register))), at: address)
        case .confirmArmed(let register, let value):
            read(register, count: try encode(value, for: register).count)
        case .confirmOperation: read(.operation, count: 1)
        case .confirmNoFault, .confirmOff: read(.statusWord, count: 2)
        case .confirmOutput: read(.readVout, count: 2)
        }
    }

    /// Judges the bytes that answered `transfer(for: step)`; a write has none.
    public mutating func accept(_ bytes: [UInt8], for step: Step) throws(RegulatorFault) -> Finding {
        let wanted = try transfer(for: step).answerCount
        guard bytes.count == wanted else { throw .answerLength(bytes.count, expected: wanted) }
        switch step {
        case .identify: return .part(try identify(bytes))
        case .readOutputFormat:
            guard let read = OutputVoltageFormat(voutMode: bytes[0]) else { throw .outputFormat(bytes[0]) }
            format = .known(read)
        case .write: break
        case .confirmArmed(let register, let value):
            guard isArmed(bytes, as: value) else { throw .notArmed(register, value, read: bytes) }
        case .confirmOperation(let on):
            guard bytes[0] == Self.operation(on: on) else { throw .operation(bytes[0], on: on) }
        case .confirmNoFault:
            let status = Self.status(bytes)
            guard status.isDisjoint(with: .faults) else { throw .faulted(status) }
        case .confirmOff:
            let status = Self.status(bytes)
            guard status.contains(.off) else { throw .stillOn(status) }
        case .confirmOutput(let bounds):
            let volts = knownFormat.volts(Self.word(bytes))
            guard bounds.contains(volts) else { throw .outputVoltage(volts, expected: bounds) }
            return .output(volts)
        }
        return .nothing
    }

    /// Known identities, block length first. Source: boards.md §4.2 (the last one accepted by one driver only).
    static let knownIdentities: [(bytes: [UInt8], part: Part)] = [
        ([6, 0x54, 0x49, 0x54, 0x6D, 0x24, 0x41], .d24A), ([6, 0x54, 0x49, 0x54, 0x6D, 0x24, 0x62], .d24S),
        ([6, 0x54, 0x49, 0x54, 0x6B, 0x24, 0x41], .b24A),
    ]

    private func identify(_ bytes: [UInt8]) throws(RegulatorFault) -> Part {
        guard let known = Self.knownIdentities.first(where: { $0.bytes == bytes }) else {
            throw .unknownPart(bytes)
        }
        return known.part
    }

    /// Numbers to within a twentieth or one unit, all else to the bit.
    private func isArmed(_ bytes: [UInt8], as value: Value) -> Bool {
        switch value {
        case .byte, .word, .nothing, .block: return (try? encode(value, for: .operation)) == bytes
        case .fine(let number): return Self.isNear(Linear11(word: Self.word(bytes)).value, number)
        case .whole(let number): return Self.isNear(Linear11(word: Self.word(bytes)).value, Double(number))
        case .output(let volts): return Self.isNear(knownFormat.volts(Self.word(bytes)).volts, volts.volts)
        case .ratio(let millionths):
            return Self.isNear(knownFormat.volts(Self.word(bytes)).volts, Double(millionths) / 1e6)
        }
    }

    private static func isNear(_ read: Double, _ written: Double) -> Bool {
        // A unit is much for a voltage and a rounding for amperes and degrees.
        abs(read - written) <= max(written / 20, written >= 10 ? 1 : 0)
    }

    private func read(_ register: Register, count: Int) -> I2CTransfer {
        I2CTransfer(.writeRead([register.rawValue], count: count), at: address)
    }

    private func encode(_ value: Value, for register: Register) throws(RegulatorFault) -> [UInt8] {
        let bytes: [UInt8]? =
            switch value {
            case .nothing: []
            case .byte(let byte): [byte]
            case .word(let word): [UInt8(truncatingIfNeeded: word), UInt8(word >> 8)]
            case .block(let block): block.count <= 32 ? [UInt8(block.count)] + block : nil
            case .fine(let number): Linear11(finest: number)?.wireBytes
            case .whole(let number): Linear11(whole: number)?.wireBytes
            case .output(let volts): knownFormat.word(for: volts).map(Self.wireBytes)
            case .ratio(let millionths): knownFormat.word(forMillionths: millionths).map(Self.wireBytes)
            }
        guard let bytes else { throw .notEncodable(register, value) }
        return bytes
    }

    private var knownFormat: OutputVoltageFormat {
        switch format {
        case .known(let format): format
        case .unread: preconditionFailure("VOUT_MODE is read before an output voltage is written or read")
        }
    }

    static func operation(on: Bool) -> UInt8 { on ? 0x80 : 0x00 }
    private static func status(_ bytes: [UInt8]) -> RegulatorStatus { RegulatorStatus(rawValue: word(bytes)) }
    private static func word(_ bytes: [UInt8]) -> UInt16 { UInt16(bytes[0]) | UInt16(bytes[1]) << 8 }
    private static func wireBytes(_ word: UInt16) -> [UInt8] {
        [UInt8(truncatingIfNeeded: word), UInt8(word >> 8)]
    }
}
