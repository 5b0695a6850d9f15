/// How hard a hash must be, beyond the chip's own minimum, to be reported: a power of two. Source: bm13xx.md
/// §8.
public struct TicketMask: Hashable, Sendable {
    /// Zero bits required on top of those the chip requires anyway (32 on a real chip).
    public let zeroBits: Int

    /// - Parameter zeroBits: 0 to 32.
    public init(zeroBits: Int) {
        precondition((0...32).contains(zeroBits), "the mask has 32 bits")
        self.zeroBits = zeroBits
    }

    /// The mask of this difficulty, rounded down to a power of two; `nil` for 0.
    public init?(difficulty: UInt32) {
        guard difficulty > 0 else { return nil }
        self.init(zeroBits: UInt32.bitWidth - 1 - difficulty.leadingZeroBitCount)
    }

    /// The mask with which a chip of `hashesPerSecond` reports about once a second (between 0.7 and 1.4
    /// times), or less often where even the easiest mask is too hard.
    ///
    /// - Parameter hashesPerSecond: of one real chip, which reports from 32 zero bits.
    public init(reportingOncePerSecondAt hashesPerSecond: Double) {
        var bits = 0
        var reports = hashesPerSecond / 0x1p32
        while reports > 2.0.squareRoot(), bits < 32 {
            reports /= 2
            bits += 1
        }
        self.init(zeroBits: bits)
    }

    /// The value of TICKET_MASK: a one for each bit that must be zero, bits reversed inside each byte.
    public var registerValue: UInt32 {
        let mask = zeroBits == 32 ? UInt32.max : (1 << UInt32(zeroBits)) - 1
        return (0..<4).reduce(0) { value, byte in
            let shift = UInt32(8 * byte)
            return value | UInt32(reversed(UInt8(truncatingIfNeeded: mask >> shift))) << shift
        }
    }
}

private func reversed(_ byte: UInt8) -> UInt8 { (0..<8).reduce(0) { $0 << 1 | byte >> UInt8($1) & 1 } }
