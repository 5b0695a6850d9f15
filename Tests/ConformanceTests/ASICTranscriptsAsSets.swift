import ASICChips
import ASICWire
import TestSupport
import Testing
import Units

/// Our bring-ups beside sequences in another driver's order, or parts of one: as sets of frames, each difference with
/// its reason. Stops of our ramp, where the other driver jumps, are left out on both sides but for the last.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct ASICTranscriptsAsSets {
    private let models = ChipsUnderTest.self

    private func check(_ name: String, _ ours: OurStart, _ differences: [Difference]) throws {
        let theirs = try RecordedStart.named(name).sent.map(\.frame)
        let lastClock = ours.sent.last { TranscriptText.line($0.frame).hasPrefix("W 08") }
        let sent = ours.sent.map(\.frame).filter {
            !TranscriptText.line($0).hasPrefix("W 08") || $0 == lastClock?.frame
        }
        StartComparison.checkSets(theirs, sent, differences)
    }

    private static let ids = Difference(ours: ["R 00"], reason: "ids are read; this list begins after that")
    private static let otherDividers = "the same clock by gekko's dividers, with five among them"

    @Test func `a captured session with one BM1397`() throws {
        let ours = try OurStart(models.bm1397, chips: 1, .powerOfTwoShare, megahertz: 200, ticket: 1)
        try check(
            "bm1397_sniff", ours,
            [Difference(theirs: ["W 08 40a00225"], ours: ["W 08 40400241"], reason: Self.otherDividers)])
    }

    @Test func `a CompacF`() throws {
        let ours = try OurStart(
            models.bm1397, chips: 1, .powerOfTwoShare, megahertz: 200, ticket: 16, baud: 0)
        try check(
            "bm1397_compacf", ours,
            [
                Difference(theirs: ["W 08 40a00225"], ours: ["W 08 40400241"], reason: Self.otherDividers),
                Difference(theirs: ["R 08"], reason: "we ask the last chip only, after each stop"), Self.ids,
                Difference(
                    ours: ["W 18 00007a31"], reason: "ESP-Miner's and the captured session's first rate"),
            ])
    }

    @Test func `an R909`() throws {
        let ours = try OurStart(
            models.bm1397, chips: 6, .powerOfTwoShare, megahertz: 200, ticket: 64, baud: 0)
        try check(
            "bm1397_r909", ours,
            [
                Difference(
                    theirs: ["A 2a", "A 54", "A 7e", "A a8", "A d2"],
                    ours: ["A 20", "A 40", "A 60", "A 80", "A a0"],
                    reason: "addresses are multiples of 4 here, so that all six bits in a nonce tell"),
                Difference(theirs: ["W 08 40a00225"], ours: ["W 08 40400241"], reason: Self.otherDividers),
                Difference(theirs: ["R 08"], reason: "we ask the last chip only, after each stop"), Self.ids,
                Difference(
                    ours: ["W 18 00007a31"], reason: "ESP-Miner's and the captured session's first rate"),
            ])
    }

    @Test func `a Compac A1`() throws {
        let ours = try OurStart(models.bm1362, chips: 2, .powerOfTwoShare, megahertz: 300, ticket: 16)
        try check(
            "bm1362_compac_a1", ours,
            [
                Difference(
                    theirs: ["W 08 40780240", "W 70 0f0f0f00"], ours: ["W 08 40a80260"],
                    reason:
                        "the same clock by an oscillator of 2100 MHz; gekko's has 1500, below the model's limit. "
                        + "Its further divider is at its reset value"),
                Difference(theirs: ["R 08"], reason: "we ask the last chip only, after each stop"), Self.ids,
                Difference(
                    theirs: ["W 10 000012c9"], ours: ["W 10 000aa9e2"],
                    reason: "a slice of half the counter each"),
                Difference(
                    ours: ["W 18 b000c100", "W a8 00000000"],
                    reason: "the S19j Pro's firmware, before addresses"),
            ])
    }

    @Test func `a Compac A2`() throws {
        let ours = try OurStart(models.bm1370, chips: 2, .powerOfTwoShare, megahertz: 300, ticket: 32)
        try check(
            "bm1370_compac_a2", ours,
            [
                Difference(
                    theirs: ["55aa53050018f000c10002"],
                    reason: "malformed: a write of register 18 under the header of CHAIN_INACTIVE"),
                Difference(
                    theirs: ["C 00 2c 00130007", "R 002c"],
                    reason: "meant for other chips, but the address stays 0; one domain relays nothing"),
                Difference(
                    theirs: ["C 00 58 0001f111", "C 80 58 0001f111", "R 0058", "R 58", "R 8058", "R 18"],
                    reason: "both chips taken for ends of domains, and read back; there is one domain here"),
                Difference(
                    theirs: ["W 08 40780240", "W 70 0f0f0f00"], ours: ["W 08 40a80260"],
                    reason: "the same clock by an oscillator within the model's limits"),
                Difference(theirs: ["R 08"], reason: "we ask the last chip only, after each stop"), Self.ids,
                Difference(
                    theirs: ["W 10 00000f25"], ours: ["W 10 000aa99e"],
                    reason: "a slice of half the counter each"),
                Difference(
                    theirs: ["W 3c 8000800e", "W 3c 800082aa", "W a8 000701f0"],
                    ours: [
                        "W 3c 8000800c", "C 00 a8 000701f0", "C 00 18 f000c100", "C 00 3c 80008b00",
                        "C 00 3c 8000800c", "C 00 3c 800082aa", "C 80 a8 000701f0", "C 80 18 f000c100",
                        "C 80 3c 80008b00", "C 80 3c 8000800c", "C 80 3c 800082aa",
                    ],
                    reason:
                        "cores are opened chip by chip with ESP-Miner's clock delay, not all at once with gekko's"
                ),
                Difference(
                    theirs: ["W 3c 80008d04", "W 54 00000003", "W 68 5aa55aa5"],
                    ours: ["W 3c 80008dee", "W 54 00000002", "W b9 00004480"],
                    reason:
                        "ESP-Miner's settings of nonce overflow and temperature diode; pads on hashboards only"
                ),
                Difference(
                    ours: ["C 00 0c 80000000", "C 80 0c 80008000"],
                    reason: "two chips are told where to start"),
                Difference(ours: ["W a4 9000ffff"], reason: "version rolling is missing in this list"),
            ])
    }

    @Test func `one BM1366 that mined at its reset clock`() throws {
        let ours = try OurStart(models.bm1366, chips: 1, .powerOfTwoShare, megahertz: 485)
        try check(
            "bm1366_sniff_minimal", ours,
            [
                Difference(
                    ours: [
                        "W 3c 80008020", "W 14 000000ff", "W 54 00000003", "W 58 02111111",
                        "C 00 a8 000701f0",
                        "C 00 18 f000c100", "C 00 3c 80008540", "C 00 3c 80008020", "C 00 3c 800082aa",
                        "W 08 50c20240", "W 10 000d315c",
                    ], reason: "clock delay, ticket, pins, cores and clock: what this minimum does without")
            ])
    }

    /// Lists of domain settings only: what they have, we have, and nothing else of the same registers.
    private func checkDomains(_ name: String, _ ours: OurStart, _ differences: [Difference]) throws {
        let registers = Set(["58", "2c", "68", "28"])
        let sent = ours.sent.map(\.frame).filter { frame in
            let words = TranscriptText.line(frame).split(separator: " ").map(String.init)
            return words[0] == "W" && registers.contains(words[1])
                || words[0] == "C" && registers.contains(words[2])
        }
        try StartComparison.checkSets(RecordedStart.named(name).sent.map(\.frame), sent, differences)
        guard differences.isEmpty else { return }
        // In the same order too, but for the link's rate, which is last in both.
        #expect(try RecordedStart.named(name).sent.map(\.frame) == sent)
    }

    @Test func `domains of an S19 XP, in its order`() throws {
        let ours = try OurStart(
            models.bm1366, chips: 110, domains: 11, .stride(2), megahertz: 485, baud: 0)
        try checkDomains("bm1366_s19xp_domain_and_baud", ours, [])
    }

    @Test func `domains of an S21 XP`() throws {
        let ours = try OurStart(
            models.bm1370, chips: 91, domains: 13, .stride(2), megahertz: 525, baud: 1)
        let ends = (1...13).map { $0 * 14 - 2 }.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        try checkDomains(
            "bm1370_s21xp_domain_and_baud", ours,
            [
                Difference(
                    theirs: ends.map { "C \($0) 58 00013111" }, ours: ends.map { "C \($0) 58 0001f111" },
                    reason: "the S21 Pro's clock strength, the higher of the two that a BM1370 was seen with")
            ])
    }
}

/// Nothing of the recordings is skipped.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct ASICTranscriptsWhole {
    @Test func `every recorded sequence is compared`() throws {
        let compared = [
            "bm1366_ultra", "bm1366_hex", "bm1368_supra", "bm1368_suprahex", "bm1370_gamma",
            "bm1370_gammaturbo",
            "bm1373_two_chip", "bm1397_max", "bm1362_s19jpro_factory", "bm1370_s21pro_factory",
            "bm1397_sniff",
            "bm1397_compacf", "bm1397_r909", "bm1362_compac_a1", "bm1370_compac_a2", "bm1366_sniff_minimal",
            "bm1366_s19xp_domain_and_baud", "bm1370_s21xp_domain_and_baud",
        ]
        let recorded = try RecordedStart.files.flatMap(RecordedStart.all)
        #expect(recorded.map(\.name).sorted() == compared.sorted())
    }

    @Test(arguments: RecordedStart.files)
    func `every recorded frame decodes, and encodes back`(file: String) throws {
        var frames = 0
        for start in try RecordedStart.all(in: file) {
            for sent in start.sent {
                frames += 1
                // gekko's malformed frame is none of ours.
                if sent.frame == hex("55AA53050018F000C10002") { continue }
                guard case .frame(let command, sent.frame.count) = decodeCommand(sent.frame[...]) else {
                    Issue.record("\(start.name): \(TranscriptText.line(sent.frame))")
                    continue
                }
                #expect(command.wireBytes() == sent.frame || sent.frame[3] == 0x36)
            }
            for received in start.received {
                frames += 1
                let format: ResponseFormat = received.count == 9 ? .short : .long
                guard case .frame(let response, received.count) = decodeResponse(received[...], format) else {
                    Issue.record("\(start.name): no response")
                    continue
                }
                #expect(response.wireBytes(format) == received)
            }
        }
        #expect(frames == (try VectorIndex.items(file)))
    }
}
