public import Peripherals
public import Units

/// One request of the bitaxe-raw control protocol. Source: boards.md §2.1 and §2.3.
///
/// It knows the shape of its answer, because two of the three answer formats cannot be told apart without.
public struct ControlRequest: Hashable, Sendable {
    /// What an answer's payload looks like when the request was carried out.
    public enum Answer: Hashable, Sendable {
        /// An echo, or the number of bytes written: anything else means that it did not happen.
        case exactly([UInt8])
        case bytes(count: Int)
        /// One byte: 0 low, 1 high.
        case level
    }

    public let page: UInt8
    public let command: UInt8
    public let data: [UInt8]
    public let answer: Answer

    /// - Parameter data: at most 256 bytes, and an answer of at most 61: one USB packet (boards.md §2.2).
    public init(page: UInt8, command: UInt8, data: [UInt8] = [], answer: Answer) {
        self.page = page
        self.command = command
        self.data = data
        self.answer = answer
        precondition(data.count <= 256 && payloadCount <= 61, "a request and its answer fit in their packets")
    }

    /// Bytes on the wire: whole length (little-endian), id, bus 0, page, command, data.
    func wireBytes(id: UInt8) -> [UInt8] {
        let length = UInt16(6 + data.count)
        return [UInt8(truncatingIfNeeded: length), UInt8(length >> 8), id, 0, page, command] + data
    }

    var payloadCount: Int {
        switch answer {
        case .exactly(let bytes): bytes.count
        case .bytes(let count): count
        case .level: 1
        }
    }

    /// Whether `payload` says that the request was carried out.
    func isAnswered(by payload: ArraySlice<UInt8>) -> Bool {
        switch answer {
        case .exactly(let bytes): payload.elementsEqual(bytes)
        case .bytes(let count): payload.count == count
        case .level: payload.elementsEqual([0]) || payload.elementsEqual([1])
        }
    }
}

extension ControlRequest {
    /// Sets the clock of the I²C bus.
    public static func busClock(_ clock: Hertz) -> Self {
        let hertz = UInt32(clamping: clock.hertz)
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: hertz >> ($0 * 8)) }
        return Self(page: 0x05, command: 0x10, data: bytes, answer: .exactly(bytes))
    }

    public static func transfer(_ transfer: I2CTransfer) -> Self {
        let address = transfer.address.sevenBits
        return switch transfer.operation {
        case .write(let bytes):
            Self(page: 0x05, command: 0x20, data: [address] + bytes, answer: .exactly([UInt8(bytes.count)]))
        case .read(let count):
            Self(page: 0x05, command: 0x30, data: [address, UInt8(count)], answer: .bytes(count: count))
        case .writeRead(let bytes, let count):
            Self(
                page: 0x05, command: 0x40, data: [address] + bytes + [UInt8(count)],
                answer: .bytes(count: count))
        }
    }

    /// Drives a pin; the firmware answers the level it set.
    public static func setPin(_ pin: UInt8, high: Bool) -> Self {
        Self(page: 0x06, command: pin, data: [high ? 1 : 0], answer: .exactly([high ? 1 : 0]))
    }

    public static func readPin(_ pin: UInt8) -> Self { Self(page: 0x06, command: pin, answer: .level) }
}
