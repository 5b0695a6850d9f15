/// BM1368. Sources: bm13xx.md §1, §6, §11.1, §13.
///
/// Unproven: reset values, which are the BM1370's with the core count of its own; whether chips are told apart by
/// register 0x0C (as here) or by address; whether a HASH_COUNTING_NUMBER of 0 stops it as it does the BM1370;
/// which report-enable bit stands for which cores; how long a temperature measurement takes.
extension EmulatedModel {
    public static let bm1368 = EmulatedModel(
        name: "BM1368", identity: 0x1368_0000,
        resetValues: [
            0x08: 0xC054_0165, 0x18: 0x0000_C100, 0x20: 0x0000_0007, 0x24: 0x0010_0000, 0x28: 0x0130_1A00,
            0x2C: 0x000F_0000, 0x30: 0x0000_0050, 0x40: 0x0802_0100, 0x58: 0x0001_2111, 0x5C: 0x0000_FFFF,
            0x60: 0x2050_0174, 0x64: 0x2050_0174, 0x6C: 0x0001_0200, 0x9C: 0x00F7_0073, 0xA4: 0x0000_FFFF,
            0xA8: 0x0007_0000, 0xBC: 0x0000_3313, 0xC0: 0x0000_2000,
        ],
        coreResetValues: [0: 0x52, 2: 0x55, 4: 0x08, 6: 0x08],
        hasTemperatureSensor: true, hasVoltageADC: true, cores: 80, hashUnits: 1276, layout: .modern,
        subCores: 16, opening: .coreEnable, sweepStart: .offset, stopsWithoutCount: true,
        echo: .shiftedAboveFourBits, excess: .halfBits, counters: .totals)
}
