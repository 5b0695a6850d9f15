/// A chip's register, by its address. Names and fields: bm13xx.md §6; values are 32 bits, big-endian on the
/// wire.
///
/// Only registers that some model here writes or reads have a name; those of one model alone stand in its folder.
public struct Register: Hashable, Sendable {
    public let address: UInt8

    public init(_ address: UInt8) { self.address = address }

    public static let chipID = Register(0x00)
    /// Hash clock.
    public static let pll0 = Register(0x08)
    /// Where a chip's nonce counter starts, BM1368 and later: bit 31 enables, bits 15 to 0 are the counter's bits 24
    /// to 9.
    public static let chipNonceOffset = Register(0x0C)
    /// Deadline of a version batch in ticks of the 25 MHz reference.
    public static let hashCountingNumber = Register(0x10)
    public static let ticketMask = Register(0x14)
    /// Which quarters of the core array report nonces, pin functions; the link rate too on the BM1397.
    public static let miscControl = Register(0x18)
    /// Link rate of the BM1362 and later.
    public static let fastUART = Register(0x28)
    public static let uartRelay = Register(0x2C)
    /// Writes a register of every core: bit 31 all cores, bit 15 write, then register and value.
    public static let coreRegisterControl = Register(0x3C)
    public static let nonceErrorCounter = Register(0x4C)
    public static let analogMux = Register(0x54)
    public static let ioDriverStrength = Register(0x58)
    public static let pll1 = Register(0x60)
    /// Ring-oscillator pads of the BM1368 and later, under a guard word; PLL3 of the BM1397.
    public static let padGuard = Register(0x68)
    /// Divides the hash clock further.
    public static let pll0Divider = Register(0x70)
    /// Hashes of the whole chip, in units of 2^32; those of its four domains stand in 0x88 to 0x8B.
    public static let hashTotal = Register(0x8C)
    /// Version rolling and, with it, the long form of replies.
    public static let versionRolling = Register(0xA4)
    public static let softResetControl = Register(0xA8)
    /// Unnamed in the sources; BM1370 drivers write it around the analog multiplexer (bm13xx.md §13, §15).
    public static let analogControl = Register(0xB9)
}

/// The word for CORE_REGISTER_CONTROL that writes `value` to register `register` of all cores, BM1362 and later
/// (bm13xx.md §6.3).
func coreWrite(register: UInt8, value: UInt8) -> UInt32 {
    precondition(register < 32, "a core register's number has five bits")
    return 0x8000_8000 | UInt32(register) << 8 | UInt32(value)
}
