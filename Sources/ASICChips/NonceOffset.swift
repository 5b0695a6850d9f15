import ASICWire

/// CHIP_NONCE_OFFSET: where the nonce counter of a chip starts whose nonces hold no address. Source: bm13xx.md §10.
public enum NonceOffset {
    /// Bit 31: the lower bits are valid.
    private static let enable: UInt32 = 0x8000_0000

    /// Nonces that one unit of the register stands for.
    private static let unit: UInt32 = 512

    /// What a chip is told that shall start at `start`, a multiple of 512 below 2^25.
    static func registerValue(start: UInt32) -> UInt32 {
        precondition(start % unit == 0 && start < 1 << 25, "a start that the register can hold")
        return enable | start / unit
    }

    /// Where the chip at `index` starts when all share the counter evenly: ⌈index × 2^16 ÷ chips⌉ units, as an S21
    /// Pro's firmware does it.
    static func evenStart(of index: Int, on layout: ChainLayout) -> UInt32 {
        precondition((0..<layout.chips).contains(index), "chip \(index) of \(layout.chips)")
        return UInt32((index << 16 + layout.chips - 1) / layout.chips) * unit
    }

    /// The shortest distance between two such starts, in nonces.
    static func evenSlice(_ layout: ChainLayout) -> UInt32 { (1 << 16) / UInt32(layout.chips) * unit }
}

extension [BringUpStep] {
    /// Tells each chip where `model` wants its counter to start. A chip alone has the whole counter, and is told nothing.
    mutating func writeNonceOffsets(_ model: some ChipModel, _ layout: ChainLayout) {
        guard layout.chips > 1 else { return }
        for index in 0..<layout.chips {
            write(
                .chipNonceOffset,
                NonceOffset.registerValue(start: model.nonceStart(of: index, on: layout)),
                to: .chip(layout.commandAddress(of: index)), then: layout.writePause)
        }
    }
}
