/// BM1362. Sources: bm13xx.md §1, §6, §10, §11.1.
///
/// Unproven: reset values but 0x28 and 0xA8, which are the BM1366's, its closest sister; the unit of byte x, the
/// same; which report-enable bit stands for which cores (cores of every quarter report under 0xB); where hash
/// counters are (the later chips' places here).
extension EmulatedModel {
    public static let bm1362 = EmulatedModel(
        name: "BM1362", identity: 0x1362_0300,
        resetValues: [
            0x08: 0xC054_0165, 0x18: 0x0000_C100, 0x20: 0x0000_0003, 0x24: 0x0010_0000, 0x28: 0x0130_1A00,
            0x2C: 0x000F_0000, 0x40: 0x1EAF_5FBE, 0x58: 0x0001_2111, 0x5C: 0x0000_FFFF, 0x60: 0x2050_0174,
            0x6C: 0x0001_0200, 0x9C: 0x00FD_0077, 0xA4: 0x0000_FFFF, 0xBC: 0x0000_3313, 0xC0: 0x0000_2000,
            0xD0: 0x0000_0070, 0xD4: 0x0037_6400, 0xD8: 0x3030_3030, 0xDC: 0x0000_FFFF, 0xEC: 0x0000_0008,
        ],
        coreResetValues: [0: 0x98, 2: 0x55, 5: 0x40, 6: 0x08, 7: 0x11],
        // 514 of 65 * 8 units are live.
        cores: 65, hashUnits: 514, layout: .modern, subCores: 8, opening: .coreEnable,
        sweepStart: .address(shift: 17), echo: .aboveThreeBits, excess: .bits, counters: .totals)
}
