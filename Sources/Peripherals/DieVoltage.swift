public import Units

/// A voltage that a chip measures on itself: register 0xBD of a BM1368 or BM1370. Source: bm13xx.md §13.
///
/// It travels on the chips' own line, not on a bus; the writes that start a measurement belong to the chip's driver.
public enum DieVoltage {
    /// The voltage that the register's value stands for, to the nearest microvolt: bit 31 valid, bits 14 to 0 a code of
    /// 1/16384 V above -1 V. Of a BM1368 its firmware takes 0.6 of that.
    ///
    /// - Throws: `.notReady` before the chip has measured, `.nonsense` for all ones.
    public static func volts(register: UInt32) throws(TemperatureFormat.Flaw) -> Volts {
        guard register != .max else { throw .nonsense }
        guard register >> 31 == 1 else { throw .notReady }
        return .volts(Double(register & 0x7FFF) / 16_384 - 1)
    }
}
