import ASICWire

/// BM1397: midstates, 9-byte replies. Sources: bm13xx.md §1, §6, §7, §10, §11.2, §12.2.
///
/// Unproven: what byte x of a nonce says (0 here; 1 and 2 were captured); what HASH_COUNTING_NUMBER does (its
/// drivers leave it at 0, and a chip then sweeps its whole counter, so that chips meet unless the next job comes
/// in time, which is how ESP-Miner's interval is computed); the unit of register 0x04 (2^20 as in ESP-Miner, 2^24
/// in the chip's own notes).
extension EmulatedModel {
    public static let bm1397 = EmulatedModel(
        name: "BM1397", identity: 0x1397_1800, jobs: .midstates, replies: .nine,
        resetValues: [
            0x04: 0x8000_0000, 0x08: 0xC060_0161, 0x18: 0x0000_3A01, 0x1C: 0x0100_0000, 0x20: 0x0000_FFFF,
            0x28: 0x0600_000F, 0x2C: 0x000F_0000, 0x3C: 0x0000_4000, 0x44: 0x0000_0100, 0x48: 0xFF00_0000,
            0x58: 0x0211_2111, 0x5C: 0x0000_FFFF, 0x60: 0x0064_0111, 0x64: 0x0068_0111, 0x68: 0x0070_0111,
            0x70: 0x0304_0607, 0x74: 0x0304_0506, 0x78: 0x0304_0506, 0x7C: 0x0304_0506, 0x80: 0xD95C_8410,
            0x84: 0xFB73_EA62, 0x90: 0x0000_0070, 0x94: 0x0037_6400, 0x98: 0x3030_3030, 0x9C: 0x0000_FFFF,
        ],
        baud: .bm1397, clock: .rawDivided, cores: 168, hashUnits: 672, layout: .bm1397, opening: .always,
        reportEnables: .always,
        // Address bits 7-2 are bits 21-16 (gekko).
        sweepStart: .address(shift: 14), echo: .aboveTwoBits, excess: .unknown, counters: .rate04)
}
