/// How good a hash must be: so many zero bits at the top, then zeros where the ticket mask has ones
/// (bm13xx.md §8).
struct ReportThreshold: Hashable, Sendable {
    let zeroBits: Int
    /// Bit 0 is the bit next to the zero bits at the top.
    let ticket: UInt32

    /// - Parameter register: the ticket mask's; its bits stand reversed within each byte.
    init(zeroBits: Int, ticketRegister register: UInt32) {
        self.zeroBits = zeroBits
        // Reversing all 32 bits and then the bytes leaves the bytes in place and reverses what is in each.
        var reversed: UInt32 = 0
        for bit in 0..<32 where register >> UInt32(bit) & 1 == 1 { reversed |= 0x8000_0000 >> UInt32(bit) }
        ticket = reversed.byteSwapped
    }

    /// Zero bits from the top without a gap that every good hash has.
    var requiredZeros: Int { zeroBits + ticket.trailingOnes }

    /// Zero bits that a good hash has, wherever they are: one hash in 2^this is good.
    var neededBits: Int { zeroBits + ticket.nonzeroBitCount }

    /// What the top 32 bits of a good hash cannot exceed.
    var topLimit: UInt32 { requiredZeros >= 32 ? 0 : UInt32.max >> UInt32(requiredZeros) }

    /// Zero bits beyond those required; `nil` when the hash is not good enough. `digest` ends with its top
    /// byte.
    func excessBits(of digest: [32 of UInt8]) -> Int? {
        var top: UInt32 = 0
        for index in 0..<4 { top = top << 8 | UInt32(digest[31 - index]) }
        guard top <= topLimit else { return nil }
        func bit(_ fromTop: Int) -> Bool { digest[31 - fromTop / 8] >> UInt8(7 - fromTop % 8) & 1 == 1 }
        let zeros = (0..<256).first(where: bit) ?? 256
        guard zeros >= requiredZeros else { return nil }
        for index in 0..<32 where ticket >> UInt32(index) & 1 == 1 {
            if bit(zeroBits + index) { return nil }
        }
        return zeros - requiredZeros
    }
}

extension UInt32 {
    fileprivate var trailingOnes: Int { (~self).trailingZeroBitCount }
}
