/// BM1370. Sources: bm13xx.md §1, §6, §10, §11.1, §13; the share captured on a Bitaxe Gamma.
///
/// Unproven: reset values but 0x18 and 0x28, which come from one library. The low half bit of byte x is 0, as on
/// a Bitaxe; an S21 Pro sends ones too. Register 0xB4 reads 0: the sensor is not wired up.
extension EmulatedModel {
    public static let bm1370 = EmulatedModel(
        name: "BM1370", identity: 0x1370_0000,
        resetValues: [
            0x08: 0xC054_0165, 0x18: 0x0000_C100, 0x20: 0x0000_0007, 0x24: 0x0010_0000, 0x28: 0x0130_1A00,
            0x2C: 0x000F_0000, 0x30: 0x0000_0080, 0x40: 0x0802_0100, 0x58: 0x0001_2111, 0x5C: 0x0000_FFFF,
            0x60: 0x2050_0174, 0x64: 0x2050_0174, 0x6C: 0x0001_0200, 0x9C: 0x00F7_0073, 0xA4: 0x0000_FFFF,
            0xA8: 0x0007_0000, 0xB8: 0x2000_0000, 0xBC: 0x0000_3313, 0xC0: 0x0000_2000, 0xC4: 0x0000_B850,
        ],
        coreResetValues: [0: 0x52, 2: 0x55, 4: 0x08, 6: 0x08],
        hasVoltageADC: true, cores: 128, hashUnits: 2040, layout: .modern, subCores: 16,
        opening: .coreEnable, reportEnables: .quarters, sweepStart: .offset, stopsWithoutCount: true,
        echo: .shiftedAboveFourBits, excess: .halfBits, counters: .totals)
}
