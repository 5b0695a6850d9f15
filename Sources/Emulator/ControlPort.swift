import Units

/// How replies on a control port are framed (boards.md §2.2).
public enum ControlResponseFormat: Hashable, Sendable {
    /// bitaxe-raw, and EmberOne00 firmware before minor version 1: the length counts the payload only.
    case v0
    /// EmberOne00 firmware from minor version 1: the length counts the whole packet, and a status follows the
    /// id.
    case v1
}

/// What a request asks for, whoever may be able to do it (boards.md §2.3).
enum ControlRequest: Hashable, Sendable {
    case setI2CClock(hertz: UInt32)
    case i2cWrite(address: UInt8, [UInt8])
    case i2cRead(address: UInt8, count: Int)
    case i2cWriteRead(address: UInt8, [UInt8], count: Int)
    case readPin(UInt8)
    case setPin(UInt8, high: Bool)
    case readADC(UInt8)
    case setLED([UInt8])
}

/// What came of it.
enum ControlResult: Hashable, Sendable {
    case success([UInt8])
    /// Not a request that this board knows.
    case invalid
    case failure(ControlFailure)
}

/// Failures that the firmware puts into words.
enum ControlFailure: String, Hashable, Sendable {
    case i2cClock = "I2C Set Frequency Error"
    case i2cWrite = "I2C Write Error"
    case i2cRead = "I2C Read Error"
    case i2cWriteRead = "I2C WriteRead Error"
}

/// The framing of a bitaxe-raw control port, as its firmware reads and writes it. Source: boards.md §2.
struct ControlPort: Sendable {
    enum Arrival: Hashable, Sendable {
        case request(id: UInt8, ControlRequest)
        /// A packet whose length or content is nothing; without an id where not even that could be read.
        case unknown(id: UInt8)
    }

    private static let patience = Duration.milliseconds(4)
    private static let bufferSize = 4098
    private static let headerSize = 6

    let format: ControlResponseFormat
    private var buffer = [UInt8]()
    private var lastByteAt = Instant(nanoseconds: .min)

    init(format: ControlResponseFormat) { self.format = format }

    /// Bytes of one transfer. The reader looks at what it holds once a transfer: a second request in the same
    /// one waits until more bytes come, and is thrown away if they take longer than 4 ms, as any unfinished
    /// packet is.
    mutating func receive(_ bytes: [UInt8], at now: Instant) -> Arrival? {
        if !buffer.isEmpty, now > lastByteAt + Self.patience { buffer = [] }
        lastByteAt = now
        buffer += bytes.prefix(Self.bufferSize - buffer.count)
        guard buffer.count >= 5 else { return nil }
        let length = Int(buffer[0]) | Int(buffer[1]) << 8
        guard (Self.headerSize...Self.bufferSize).contains(length) else {
            buffer = []
            return .unknown(id: 0xff)
        }
        guard buffer.count >= length else { return nil }
        let packet = Array(buffer[..<length])
        buffer.removeFirst(length)
        guard let request = Self.request(page: packet[4], command: packet[5], Array(packet[6...])) else {
            return .unknown(id: packet[2])
        }
        return .request(id: packet[2], request)
    }

    private static func request(page: UInt8, command: UInt8, _ data: [UInt8]) -> ControlRequest? {
        switch (page, command, data.count) {
        case (0x05, 0x10, 4):
            return .setI2CClock(hertz: data.reversed().reduce(0) { $0 << 8 | UInt32($1) })
        case (0x05, 0x20, 1...): return .i2cWrite(address: data[0], Array(data[1...]))
        case (0x05, 0x30, 2): return .i2cRead(address: data[0], count: Int(data[1]))
        case (0x05, 0x40, 2...):
            return .i2cWriteRead(
                address: data[0], Array(data[1..<(data.count - 1)]), count: Int(data[data.count - 1]))
        case (0x06, let pin, 0): return .readPin(pin)
        case (0x06, let pin, 1): return .setPin(pin, high: data[0] != 0)
        case (0x07, let input, 0): return .readADC(input)
        case (0x08, 0x10, 3): return .setLED(data)
        case _: return nil
        }
    }

    /// The reply packet.
    func encoded(_ result: ControlResult, id: UInt8) -> [UInt8] {
        switch result {
        case .success(let payload):
            switch format {
            case .v0: return Self.length(payload.count) + [id] + payload
            case .v1: return Self.length(payload.count + 4) + [id, 0x00] + payload
            }
        case .invalid:
            // Older firmware refuses such a request while parsing it, before it knows the id.
            return Self.length(4) + [format == .v0 ? 0xff : id, 0x11]
        case .failure(let failure):
            // In both formats the length of a failure counts the whole packet.
            let text = Array(failure.rawValue.utf8)
            return Self.length(text.count + 4) + [id, 0xff] + text
        }
    }

    private static func length(_ value: Int) -> [UInt8] { [UInt8(value & 0xff), UInt8(value >> 8 & 0xff)] }
}
