import ASICWire

/// BM1387: no preambles, midstates, 7-byte replies. Sources: bm13xx.md §1, §17, §12.2; Braiins' open firmware,
/// gekko.
///
/// Unproven: which reset values registers have (all are zero here but the baud divider, so the chip has no hash
/// clock before it is told one); how a sweep goes on beyond the address's own low bits; what byte 4 of a nonce
/// says (0 here; 0 and 1 were captured); that bit 7 of MISC_CONTROL decides how many midstates are used.
extension EmulatedModel {
    public static let bm1387 = EmulatedModel(
        name: "BM1387", identity: 0x1387_9000, dialect: .bare, jobs: .midstates,
        replies: .seven,
        registers: RegisterMap(
            pll0: 0x0C, hashCountingNumber: 0x14, ticketMask: 0x18, miscControl: 0x1C, errorFlag: nil,
            nonceOverflow: nil, coreControl: nil),
        // 25 MHz / (8 * (26 + 1)), the link rate of every chip at reset (§2).
        resetValues: [0x1C: 0x0000_1A00],
        baud: .bm1387, clock: .rawBare, cores: 114, hashUnits: 114, layout: .bm1387, opening: .dummyJobs,
        reportEnables: .always, sweepStart: .address(shift: 17), echo: .added, excess: .unknown,
        counters: .rate08)
}
