import ASICChips
import ASICWire
import TestSupport
import Testing
import Units

/// Our bring-ups beside the recorded start-up sequences that they follow, step by step. Each difference is listed with
/// its reason; one that is not listed, or is listed and no longer there, fails.
///
/// Pauses differ in four places only. Where recordings wait for a second of silence after the first read, the chain
/// counts answers instead. The clock's last stop gets the 100 ms of all others. A change of the link's rate gets 60 ms,
/// the factory's, where the recording says "drain". And a BM1397 is given time to take CHAIN_INACTIVE, as gekko does.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct ASICTranscriptsInOrder {
    private let models = ChipsUnderTest.self

    static let proof = Difference(
        ours: ["R 00"], reason: "we read the ids at the new rate, to know that the chips followed")
    private static let copiedRelay = Difference(
        theirs: ["C 00 2c 007c0003"],
        reason: "a copy of the S19 XP's value for its first domain; a chain of one domain relays nothing")

    @Test func `a Bitaxe Ultra starts as ESP-Miner starts it`() throws {
        let theirs = try RecordedStart.named("bm1366_ultra").sent
        let ours = try OurStart(models.bm1366, chips: 1, .powerOfTwoShare, megahertz: 485, baud: 0)
        StartComparison.check(
            theirs, ours,
            [
                Self.copiedRelay,
                Difference(
                    theirs: ["W 10 000d3224"], ours: ["W 10 000d315c"],
                    reason: "less 200 ticks, by which chips overrun (bm13xx.md §10)"),
                Self.proof,
            ],
            pauses: ["R 00: 1000 -> 0 ms", "W 08 50c20240: 0 -> 100 ms", "W 28 11300200: 0 -> 60 ms"])
        #expect(theirs.count == 92 && ours.confirmations == 70)
    }

    @Test func `a Bitaxe Hex starts as ESP-Miner starts it`() throws {
        let theirs = try RecordedStart.named("bm1366_hex").sent
        let ours = try OurStart(models.bm1366, chips: 6, .stride(42), megahertz: 485, baud: 0)
        StartComparison.check(
            theirs, ours,
            [
                Self.copiedRelay,
                Difference(
                    theirs: ["W 10 0001a644"], ours: ["W 10 00022972"],
                    reason: "a slice of 42 addresses, not the 32 of the next power of two; less 200 ticks"),
                Self.proof,
            ],
            pauses: ["R 00: 1000 -> 0 ms", "W 08 50c20240: 0 -> 100 ms", "W 28 11300200: 0 -> 60 ms"])
    }

    @Test func `a Bitaxe Supra starts as ESP-Miner starts it`() throws {
        let theirs = try RecordedStart.named("bm1368_supra").sent
        let ours = try OurStart(models.bm1368, chips: 1, .powerOfTwoShare, megahertz: 490, baud: 0)
        StartComparison.check(
            theirs, ours,
            [
                Difference(
                    theirs: ["W 10 000d0fac"], ours: ["W 10 000d0ee4"],
                    reason: "less 200 ticks, by which chips overrun (bm13xx.md §10)"),
                Self.proof,
            ],
            pauses: ["R 00: 1000 -> 0 ms", "W 08 50c40240: 0 -> 100 ms", "W 28 11300200: 0 -> 60 ms"])
    }

    @Test func `a Bitaxe SupraHex starts as ESP-Miner starts it`() throws {
        let theirs = try RecordedStart.named("bm1368_suprahex").sent
        let ours = try OurStart(models.bm1368, chips: 6, .stride(42), megahertz: 490, baud: 0)
        StartComparison.check(
            theirs, ours,
            [
                Difference(
                    theirs: ["W 10 0001a1f5"],
                    ours: [
                        "C 00 0c 80000000", "C 2a 0c 80002a00", "C 54 0c 80005400", "C 7e 0c 80007e00",
                        "C a8 0c 8000a800", "C d2 0c 8000d200", "W 10 000223ca",
                    ],
                    reason:
                        "several chips are told where to start; a slice of 42 addresses, not 32, less 200 ticks"
                ),
                Self.proof,
            ],
            pauses: ["R 00: 1000 -> 0 ms", "W 08 50c40240: 0 -> 100 ms", "W 28 11300200: 0 -> 60 ms"])
    }

    private static let lastRolling = Difference(
        ours: ["W a4 9000ffff"],
        reason: "version rolling once more after the ramp, as earlier releases and a capture do")

    @Test func `a Bitaxe Gamma starts as ESP-Miner starts it`() throws {
        let theirs = try RecordedStart.named("bm1370_gamma").sent
        let ours = try OurStart(models.bm1370, chips: 1, .powerOfTwoShare, megahertz: 525, baud: 0)
        #expect(theirs.count == 100)
        StartComparison.check(
            theirs, ours, [Self.lastRolling, Self.proof],
            pauses: ["R 00: 1000 -> 0 ms", "W 28 11300200: 0 -> 60 ms"])
    }

    @Test func `a Bitaxe GammaTurbo starts as ESP-Miner starts it`() throws {
        let theirs = try RecordedStart.named("bm1370_gammaturbo").sent
        let ours = try OurStart(models.bm1370, chips: 2, .powerOfTwoShare, megahertz: 525, baud: 0)
        StartComparison.check(
            theirs, ours,
            [
                Difference(
                    ours: ["C 00 0c 80000000", "C 80 0c 80008000"],
                    reason: "two chips are told where to start: without it the start floats (bm13xx.md §10)"),
                Self.lastRolling, Self.proof,
            ], pauses: ["R 00: 1000 -> 0 ms", "W 28 11300200: 0 -> 60 ms"])
    }

    @Test func `two BM1373 start as ESP-Miner starts them`() throws {
        let theirs = try RecordedStart.named("bm1373_two_chip").sent
        let ours = try OurStart(models.bm1372, chips: 2, .powerOfTwoShare, megahertz: 327, baud: 0)
        StartComparison.check(
            theirs, ours,
            [
                Difference(
                    ours: ["C 00 0c 80000000", "C 04 0c 80008000"],
                    reason: "two chips are told where to start, as a BM1370's are"),
                Self.proof,
            ],
            pauses: ["R 00: 1000 -> 0 ms", "W 28 80000000: 10 -> 60 ms", "W 08 40b70260: 0 -> 100 ms"])
    }

    @Test func `a Bitaxe Max starts as ESP-Miner starts it`() throws {
        let theirs = try RecordedStart.named("bm1397_max").sent
        let ours = try OurStart(models.bm1397, chips: 1, .powerOfTwoShare, megahertz: 425, baud: 1)
        StartComparison.check(
            theirs, ours,
            [
                Difference(
                    ours: ["inactive", "inactive"],
                    reason: "three times, as in a captured session and in gekko's driver"),
                Self.proof,
            ],
            pauses: [
                "R 00: 1020 -> 20 ms", "inactive: 0 -> 100 ms", "A 00: 0 -> 10 ms",
                "W 18 00006031: 0 -> 60 ms",
            ])
        #expect(theirs.count == 252 && ours.confirmations == 120)
    }

    // Recordings of factory firmware list the first and the last stop of the ramp only; so do we here.

    @Test func `BM1362 start as an S19j Pro starts them`() throws {
        let theirs = try RecordedStart.named("bm1362_s19jpro_factory").sent
        let ours = try OurStart(
            models.bm1362, chips: 126, domains: 42, .stride(2), megahertz: 525, baud: 1, endsOfRampOnly: true)
        StartComparison.check(
            theirs, ours,
            [
                Difference(
                    theirs: ["A fc", "A fe"],
                    reason: "the factory sends all 128 addresses, we as many as there are chips"),
                Difference(
                    theirs: ["W 28 11300000", "W 08 40a20255"], ours: ["W 08 40bd0265"],
                    reason: "the link's rate changes last; 56.25 MHz by other dividers, the first larger"),
                Difference(
                    theirs: ["W 10 00001381"], ours: ["W 10 00001799"],
                    reason: "6041 ticks fill a slice of 2^18 but for the guard; 4993 leave a fifth"),
                Difference(
                    ours: ["W 28 11300000", "R 00"], reason: "the link's rate, and a read that proves it"),
            ], pauses: ["W 08 40a80230: 0 -> 100 ms"])
    }

    @Test func `BM1370 start as an S21 Pro starts them`() throws {
        let theirs = try RecordedStart.named("bm1370_s21pro_factory").sent
        let ours = try OurStart(
            models.bm1370, chips: 65, domains: 13, .stride(2), megahertz: 600, baud: 1, endsOfRampOnly: true)
        let unused = stride(from: 0x82, through: 0xFE, by: 2).map { "A " + String($0, radix: 16) }
        StartComparison.check(
            theirs, ours,
            [
                Difference(
                    ours: ["W a4 9000ffff"], reason: "four times before the addresses, as ESP-Miner"),
                Difference(
                    theirs: unused,
                    reason: "the factory sends all 128 addresses, we as many as there are chips"),
                Difference(theirs: ["W 28 01300000"], reason: "the link's rate changes last"),
                Difference(
                    theirs: ["W 08 40a20255"], ours: ["W 08 40bd0265"],
                    reason: "56.25 MHz by other dividers, the first larger"),
                Difference(
                    theirs: ["W 10 00001eb5"], ours: ["W 10 000028f4"],
                    reason: "10484 ticks fill 65 even slices but for the guard; 7861 leave a quarter"),
                Difference(
                    ours: ["W 28 01300000", "R 00"], reason: "the link's rate, and a read that proves it"),
            ], pauses: ["W 08 50c00230: 0 -> 100 ms"])
    }
}
