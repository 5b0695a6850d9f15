import ASICWire
@testable import Emulator
import TestSupport
import Testing
import Units

/// Transcripts are text, reviewed like code.
@Suite struct TranscriptTests {
    /// Plays frames to a chain, and gives the transcript.
    private static func lines(_ parameters: EmulatedChainParameters, _ frames: [String]) -> [String] {
        var chain = EmulatedChain(parameters)
        var transcript = Transcript(parameters.model)
        var now = Instant(nanoseconds: 5_000_000_000)
        var lines = [String]()
        for frame in frames {
            lines += transcript.toChips(hex(frame), at: now)
            lines += chain.receive(hex(frame), at: now).map { transcript.toHost($0) }
            now = now + .milliseconds(10)
        }
        return lines
    }

    @Test func `a start-up reads as it was said`() {
        let lines = Self.lines(
            .bm1370(chips: 2, reportZeroBits: 32, seed: 1),
            [
                "55AA 5205 0000 0A", "55AA 5109 00A4 9000FFFF 1C", "55AA 5305 0000 03", "55AA 4005 0400 03",
                "55AA 5205 0000 0A", "55AA 4205 0408 1C", "55AA 4205 0408 07",
            ])
        #expect(
            lines == [
                "0.000  >  55 AA 52 05 00 00 0A  read CHIP_ID of every chip",
                "0.001  <  AA 55 13 70 00 00 00 00 06  BM1370, no address yet, or 00",
                "0.002  <  AA 55 13 70 00 00 00 00 06  BM1370, no address yet, or 00",
                "0.010  >  55 AA 51 09 00 A4 90 00 FF FF 1C  write VERSION_ROLLING = 9000FFFF to every chip",
                "0.020  >  55 AA 53 05 00 00 03  chain inactive",
                "0.030  >  55 AA 40 05 04 00 03  set address 04",
                "0.040  >  55 AA 52 05 00 00 0A  read CHIP_ID of every chip",
                "0.041  <  AA 55 13 70 00 04 04 00 00 00 1F  BM1370, address 04",
                "0.042  <  AA 55 13 70 00 00 00 00 00 00 10  BM1370, no address yet, or 00",
                "0.050  >  55 AA 42 05 04 08 1C  read PLL0_PARAMETER of chip 04",
                "0.051  <  AA 55 C0 54 01 65 04 08 00 00 17  PLL0_PARAMETER of chip 04 = C0540165",
                "0.060  >  55 AA 42 05 04 08 07  no frame",
            ])
    }

    @Test func `bytes that are no frame have a line of their own`() {
        var transcript = Transcript(.bm1370)
        let now = Instant(nanoseconds: 0)
        #expect(transcript.toChips(hex("00 55 55AA 52"), at: now).isEmpty, "the rest may be a frame yet")
        #expect(
            transcript.toChips(hex("05 0000 0A"), at: now + .milliseconds(1_234)) == [
                "0.000  >  00 55  no frame", "0.000  >  55 AA 52 05 00 00 0A  read CHIP_ID of every chip",
            ])
        #expect(
            transcript.toHost(EmulatedOutput(bytes: [1, 2, 3], at: now + .milliseconds(2_468)))
                == "1.234  <  01 02 03  no frame")
    }

    @Test func `nonces and jobs say what they hold`() throws {
        var transcript = Transcript(.bm1370)
        let now = Instant(nanoseconds: 0)
        let job = FullHeaderJob(
            jobByte: 0x68, bits: 0x1702_3A04, time: 1_750_362_327, merkleRoot: .init(repeating: 0),
            previousBlock: .init(repeating: 0), version: 0x2000_0000)
        let line = try #require(transcript.toChips(ChipCommand.job(job).wireBytes(), at: now).first)
        #expect(line.hasPrefix("0.000  >  55 AA 21 56 68 01 00 00 00 00 04 3A (74 more) "))
        #expect(line.hasSuffix("  job 68: version 20000000, time 1750362327, bits 17023A04"))
        #expect(
            transcript.toHost(EmulatedOutput(bytes: hex("AA554C0352750CD205A29C"), at: now))
                == "0.000  <  AA 55 4C 03 52 75 0C D2 05 A2 9C  nonce 7552034C: job D2, core 38, version counter 05A2"
        )
        #expect(transcript.note("brown-out", at: now) == "0.000  #  brown-out")
    }

    @Test func `a BM1387 has its own words`() {
        let lines = Self.lines(
            EmulatedChainParameters(.bm1387, chips: 1, reportZeroBits: 32, seed: 1),
            ["5405 0000 19", "5809 001C 40209A80 00"])
        #expect(
            lines == [
                "0.000  >  54 05 00 00 19  read CHIP_ID of every chip",
                "0.001  <  13 87 90 00 00 00 07  register value 13879000",
                "0.010  >  58 09 00 1C 40 20 9A 80 00  write MISC_CONTROL = 40209A80 to every chip",
            ])
    }
}
