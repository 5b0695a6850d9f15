/// BM1366. Sources: bm13xx.md §1, §6, §10, §11.1, §16.7; the testnet capture of an early ESP-Miner.
///
/// Unproven: which report-enable bit stands for which cores.
extension EmulatedModel {
    public static let bm1366 = EmulatedModel(
        name: "BM1366", identity: 0x1366_0000,
        resetValues: [
            0x04: 0x0001_2A89, 0x08: 0xC054_0165, 0x18: 0x0000_C100, 0x20: 0x0000_0003, 0x24: 0x0010_0000,
            0x28: 0x0130_1A00, 0x2C: 0x000F_0000, 0x30: 0x0000_0070, 0x40: 0x1EAF_5FBE, 0x58: 0x0001_2111,
            0x5C: 0x0000_FFFF, 0x60: 0x2050_0174, 0x6C: 0x0001_0200, 0x9C: 0x00FD_0077, 0xA4: 0x0000_FFFF,
            0xA8: 0x0007_0000, 0xBC: 0x0000_3313, 0xC0: 0x0000_2000, 0xD0: 0x0000_0070, 0xD4: 0x0037_6400,
            0xD8: 0x3030_3030, 0xDC: 0x0000_FFFF, 0xEC: 0x0000_0008,
        ],
        coreResetValues: [0: 0x98, 2: 0x55, 5: 0x40, 6: 0x08, 7: 0x11],
        cores: 112, hashUnits: 894, layout: .modern, subCores: 8, opening: .coreEnableOrClockSelect,
        sweepStart: .address(shift: 17), echo: .aboveThreeBits, excess: .bits, counters: .totals)
}
