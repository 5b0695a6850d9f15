/// How a sensor writes temperatures. Source: boards.md §6, bm13xx.md §13.
public enum TemperatureFormat: Hashable, Sendable {
    /// A word, high byte first: twelve bits in two's complement above four that are always 0; 1/16 °C.
    case tmp1075
    /// High byte, then low byte with four bits of it in use, 0 to 127.9375 °C (the part's standard range).
    case tmp451
    /// High byte, then low byte: eleven bits in two's complement above five that are always 0; 1/8 °C.
    case emc2101External
    /// One byte in two's complement, whole degrees.
    case emc2101Internal
    /// As `emc2101External`, with a fault code of its own.
    case emc2103
    /// Four bytes of the chip's register 0xB4, high byte first: bit 31 valid, `code * 0.171342 - 299.5144` °C.
    case bm1368

    /// Why bytes are no temperature.
    public enum Flaw: Error, Hashable, Sendable {
        /// Nothing is connected where the sensor's diode should be.
        case open
        case shorted
        /// The sensor has not measured yet.
        case notReady
        /// Bits that this sensor cannot send: a dead line reads so.
        case nonsense
    }

    public var byteCount: Int {
        switch self {
        case .tmp1075, .tmp451, .emc2101External, .emc2103: 2
        case .emc2101Internal: 1
        case .bm1368: 4
        }
    }

    /// The temperature that `byteCount` bytes stand for. What the sensor cannot have sent is an error; whether the
    /// temperature makes sense where the sensor sits is for its plan to say.
    public func celsius(_ bytes: [UInt8]) throws(Flaw) -> Celsius {
        guard bytes.count == byteCount else { throw .nonsense }
        switch self {
        case .tmp1075:
            let word = Int16(bitPattern: UInt16(bytes[0]) << 8 | UInt16(bytes[1]))
            guard word & 0xF == 0 else { throw .nonsense }
            return .sixteenths(Int(word >> 4))
        case .tmp451:
            guard bytes[0] < 0x80 else { throw .nonsense }
            return .sixteenths(Int(bytes[0]) << 4 | Int(bytes[1] >> 4))
        case .emc2101Internal:
            return .sixteenths(Int(Int8(bitPattern: bytes[0])) * 16)
        case .emc2101External:
            let code = try Self.elevenBits(bytes)
            if code == 0x3F8 { throw .open }
            if code == 0x3FF { throw .shorted }
            return .sixteenths(code * 2)
        case .emc2103:
            let code = try Self.elevenBits(bytes)
            if code == -0x400 { throw .open }  // 0x8000; the part does not tell an open diode from a short
            return .sixteenths(code * 2)
        case .bm1368:
            guard bytes[0] & 0x80 != 0 else { throw .notReady }
            let code = Double(Int(bytes[2]) << 8 | Int(bytes[3]))
            return .degrees(code * 0.171342 - 299.5144)
        }
    }

    private static func elevenBits(_ bytes: [UInt8]) throws(Flaw) -> Int {
        let word = Int16(bitPattern: UInt16(bytes[0]) << 8 | UInt16(bytes[1]))
        guard word & 0x1F == 0 else { throw .nonsense }
        return Int(word >> 5)
    }
}

extension TemperatureFormat {
    /// What a BM1368 must be told before register 0xB4 holds a temperature: register, value, and the time until the
    /// next. They travel on the chips' own line, not on a bus.
    public static let bm1368Measurement: [(register: UInt8, value: UInt32, wait: Duration)] = [
        (0xB0, 0x0002_0000, .milliseconds(10)), (0xB0, 0x0102_0000, .milliseconds(10)),
        (0xB0, 0x1002_0000, .milliseconds(10)),
    ]

    /// Where sensors on a board are believed: mujina's 0 to 120 °C without the 0, which is what a dead line reads.
    /// A chip that works, and the board around it, are above it.
    public static let usuallySensible = Celsius.degrees(0.0625)...Celsius.degrees(120)
}
