import ASICWire

/// How long a model's replies are (bm13xx.md §3.2).
enum ReplyForm: Hashable, Sendable {
    /// 7 bytes without preamble.
    case seven
    /// 9 bytes always.
    case nine
    /// 9 bytes after reset, 11 once register 0xA4 bit 31 has been written.
    case elevenOnceRolling
}

/// How a PLL word becomes a frequency (§7.1, §17). All of them: 25 MHz * FBDIV / (REFDIV * P1 * P2).
enum ClockRule: Hashable, Sendable {
    /// Post-dividers stored minus one; bit 30 enables, bit 31 reads as locked.
    case minusOne
    /// Post-dividers stored as they are, and a divider in register 0x70; bits 30 and 31 as above.
    case rawDivided
    /// Post-dividers as they are in fields of four bits, no enable, no lock bit.
    case rawBare
}

/// Which register sets the chips' side of the line (§7.3).
enum BaudRule: Hashable, Sendable {
    /// Register 0x1C bits 12-8, unless bit 30 of the write says to leave it.
    case bm1387
    /// Register 0x18, from CLKI or PLL3.
    case bm1397
    /// Register 0x28, from CLKI or PLL1.
    case fastUART
    /// Register 0x28 of the reset value, or 0x80000000 for 3,000,000; no other value is known.
    case bm1372
}

/// What makes a chip's cores hash.
enum CoreOpening: Hashable, Sendable {
    /// They do from reset.
    case always
    /// A write of 0xAA to core register 2 (§6.3), for the cores it names; another value closes them.
    case coreEnable
    /// The same, or 0x40 in core register 5: a captured BM1366 mined after that alone (§15, §16.7).
    case coreEnableOrClockSelect
    /// A job whose nbits are all ones opens one core (§17).
    case dummyJobs
}

/// Which cores may report (§6.1).
enum ReportEnables: Hashable, Sendable {
    /// All, always.
    case always
    /// All, once any of bits 31-28 of MISC_CONTROL is set: which bit stands for which cores is not known.
    case anyBit
    /// Each of those bits is a quarter of 128 cores.
    case quarters
}

/// Where in the counter a sweep begins (§10).
enum SweepStart: Hashable, Sendable {
    /// The chip's address, shifted left by so many bits.
    case address(shift: UInt32)
    /// Register 0x0C bits 15-0, shifted left by 9, when its bit 31 is set; otherwise it floats from job to job.
    case offset
}

/// What comes back for a job byte (§11.1, §11.2, §17).
enum JobEcho: Hashable, Sendable {
    /// Above three bits of sub-core, where it was sent.
    case aboveThreeBits
    /// One bit up, above four bits of sub-core.
    case shiftedAboveFourBits
    /// Above two bits of midstate index.
    case aboveTwoBits
    /// The midstate index is added.
    case added

    /// - Parameter lane: the sub-core, or the index of the midstate.
    func byte(_ jobByte: UInt8, lane: UInt8) -> UInt8 {
        switch self {
        case .aboveThreeBits: (jobByte & 0xf8) | (lane & 0x07)
        case .shiftedAboveFourBits: (jobByte << 1 & 0xf0) | (lane & 0x0f)
        case .aboveTwoBits: (jobByte & 0xfc) | (lane & 0x03)
        case .added: jobByte &+ lane
        }
    }
}

/// Unit of the byte of a nonce that says how far it went beyond the ticket (§11.1).
enum ExcessUnit: Hashable, Sendable {
    case bits, halfBits
    /// The byte is there, but nobody knows what it says: 0 here.
    case unknown

    /// For a hash with so many zero bits more than the ticket asks for.
    func byte(bits: Int) -> UInt8 {
        switch self {
        case .bits: UInt8(clamping: bits)
        case .halfBits: UInt8(clamping: 2 * bits)
        case .unknown: 0
        }
    }
}

/// Which registers count hashes (§14).
enum CounterRule: Hashable, Sendable {
    /// 0x8C in units of 2^32 hashes, 0x88 to 0x8B a quarter of the chip each, 0x4C errors.
    case totals
    /// 0x04 is a rate in units of 2^20 hashes a second, 0x4C counts errors.
    case rate04
    /// 0x08 is a rate in units of 2^24 hashes a second.
    case rate08
}
