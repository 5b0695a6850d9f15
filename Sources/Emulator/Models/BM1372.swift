/// BM1372 and BM1373, one chip with two identities. Sources: bm13xx.md §1, §5, §7.3, §11.1, §15; ESP-Miner.
///
/// Unproven: nearly all but what ESP-Miner sends. The core byte of the identity, reset values, the number of
/// sub-cores (16, as the echo has room for) and how chips are told apart are the BM1370's. Chips are addressed
/// 0x10 apart and answer with that address, but commands reach them at a quarter of it: ESP-Miner's rule, which
/// NerdQAxe does not follow.
extension EmulatedModel {
    public static let bm1372 = sibling("BM1372", 0x1372_0000)
    public static let bm1373 = sibling("BM1373", 0x1373_0000)

    private static func sibling(_ name: String, _ identity: UInt32) -> EmulatedModel {
        EmulatedModel(
            name: name, identity: identity, unicastShift: 2,
            resetValues: EmulatedModel.bm1370.resetValues,
            coreResetValues: EmulatedModel.bm1370.coreResetValues,
            baud: .bm1372, hasVoltageADC: false, cores: 128, hashUnits: 6725, layout: .modern, subCores: 16,
            opening: .coreEnable, sweepStart: .offset, stopsWithoutCount: true,
            echo: .shiftedAboveFourBits, excess: .halfBits, counters: .totals)
    }
}
