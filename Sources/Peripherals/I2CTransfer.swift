/// The seven address bits of a device on an I²C bus, without the read/write bit.
public struct I2CAddress: Hashable, Sendable {
    public let sevenBits: UInt8

    /// - Returns: `nil` for anything that does not fit in seven bits.
    public init?(_ address: Int) {
        guard let byte = UInt8(exactly: address), byte < 0x80 else { return nil }
        sevenBits = byte
    }
}

/// One transfer on an I²C bus, as a value: a driver plans it, and whoever holds a bus carries it out.
public struct I2CTransfer: Hashable, Sendable {
    public enum Operation: Hashable, Sendable {
        case write([UInt8])
        case read(count: Int)
        /// Writes, then reads after a repeated start.
        case writeRead([UInt8], count: Int)
    }

    public let address: I2CAddress
    public let operation: Operation

    public init(_ operation: Operation, at address: I2CAddress) {
        self.address = address
        self.operation = operation
    }

    /// Bytes that come back when every device has acknowledged: none for a write.
    public var answerCount: Int {
        switch operation {
        case .write: 0
        case .read(let count), .writeRead(_, let count): count
        }
    }
}
