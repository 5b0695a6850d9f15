import ASICChips
import ASICWire
import Foundation
import TestSupport
import Testing
import Units

/// Our bring-ups beside the recorded start-up sequences, step by step. Each difference is listed with its
/// reason; one that is not listed, or is listed and no longer there, fails.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct ASICChipsTranscript {
    struct File: Decodable {
        struct Transcript: Decodable {
            struct Step: Decodable { var dir: String, frame: String?, wait_ms: Int? }
            var name: String, chips: Int, steps: [Step]
        }
        var transcripts: [Transcript]
    }

    /// A frame and the pause after it, as either side has them.
    struct Sent: Equatable {
        var frame: [UInt8]
        var wait: Duration
    }

    struct Difference: Equatable {
        /// What the recording has and we do not; empty where we send something more.
        var theirs: [String]
        var ours: [String]
        var reason: String
    }

    private func recorded(_ file: String, _ name: String) throws -> [Sent] {
        let transcripts = try Shared.json(File.self, "hardware/vectors/\(file)").transcripts
        let transcript = try #require(transcripts.first { $0.name == name })
        return transcript.steps.compactMap { step in
            guard step.dir == "tx", let frame = step.frame else { return nil }
            return Sent(frame: hex(frame), wait: .milliseconds(step.wait_ms ?? 0))
        }
    }

    private func ours(_ model: any ChipModel, chips: Int, megahertz: Double, ticket: UInt32, baud: Int) throws
        -> [Sent]
    {
        let layout = try #require(ChainLayout(chips: chips, rule: .stride(2)))
        let ramp = try #require(
            model.clockLimits.ramp(from: ClockLimits.resetFrequency, to: .megahertz(megahertz)))
        let clock = try #require(ramp.last)
        let plan = BringUpPlan(
            layout: layout, ramp: ramp,
            counting: model.hashCounting(layout, clock: clock, versionMask: VersionRolling.bits),
            ticket: try #require(TicketMask(difficulty: ticket)), versionMask: VersionRolling.bits,
            baud: model.baudSteps[baud])
        var sent = [Sent]()
        for step in model.bringUp(plan) {
            if let command = step.command {
                sent.append(Sent(frame: command.wireBytes, wait: .zero))
            } else if case .settle(let pause) = step, !sent.isEmpty {
                sent[sent.count - 1].wait += pause
            }
        }
        return sent
    }

    /// Frames of either side that are not in both, in runs, by the longest common subsequence.
    private func differences(_ theirs: [[UInt8]], _ ours: [[UInt8]]) -> [(theirs: [String], ours: [String])] {
        var runs = [(theirs: [String], ours: [String])]()
        let change = ours.difference(from: theirs)
        let removed = Set(
            change.removals.map { if case .remove(let offset, _, _) = $0 { offset } else { -1 } })
        let inserted = Set(
            change.insertions.map { if case .insert(let offset, _, _) = $0 { offset } else { -1 } })
        var (i, j, isOpen) = (0, 0, false)
        while i < theirs.count || j < ours.count {
            let (gone, new) = (removed.contains(i), inserted.contains(j))
            if gone || new, !isOpen { runs.append(([], [])) }
            isOpen = gone || new
            if gone {
                runs[runs.count - 1].theirs.append(text(theirs[i]))
                i += 1
            } else if new {
                runs[runs.count - 1].ours.append(text(ours[j]))
                j += 1
            } else {
                i += 1
                j += 1
            }
        }
        return runs
    }

    private func text(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func check(_ theirs: [Sent], _ ours: [Sent], _ expected: [Difference]) {
        let found = differences(theirs.map(\.frame), ours.map(\.frame))
        for (run, difference) in zip(found, expected) {
            #expect(run.theirs == difference.theirs, "\(difference.reason)")
            #expect(run.ours == difference.ours, "\(difference.reason)")
        }
        for run in found.dropFirst(expected.count) { Issue.record("not explained: \(run)") }
        for difference in expected.dropFirst(found.count) { Issue.record("no longer there: \(difference)") }
    }

    @Test func `a Bitaxe Gamma starts as ESP-Miner starts it`() throws {
        let theirs = try recorded("init_transcripts.json", "bm1370_gamma")
        let ours = try ours(ChipsUnderTest.bm1370, chips: 1, megahertz: 525, ticket: 256, baud: 0)
        #expect(theirs.count == 100)
        check(
            theirs, ours,
            [
                Difference(
                    theirs: [], ours: ["55aa510900a49000ffff1c"],
                    reason:
                        "version rolling once more after the ramp, as earlier releases and a capture do"
                ),
                Difference(
                    theirs: [], ours: ["55aa520500000a"],
                    reason: "we read the id at the new rate, to know that the chip followed"),
            ])
        // Pauses: the same after every frame of the ramp; 60 ms where the recording only says "drain".
        let waits = zip(theirs, ours.prefix(97)).filter { $0.wait != $1.wait }
        #expect(waits.isEmpty)
        let baud = try #require(ours.first { $0.frame == hex("55aa510900281130020003") })
        #expect(baud.wait == .milliseconds(60))
    }

    @Test func `BM1362 start as an S19j Pro starts them`() throws {
        // The recording lists the first and the last stop of the ramp only; so do we here.
        let theirs = try recorded("init_transcripts_factory.json", "bm1362_s19jpro_factory")
        let all = try ours(ChipsUnderTest.bm1362, chips: 126, megahertz: 525, ticket: 256, baud: 1)
        let clocks = all.indices.filter {
            all[$0].frame[4] == 0 && all[$0].frame[2] == 0x51 && all[$0].frame[5] == 0x08
        }
        let ours = all.indices.filter { !clocks.dropFirst().dropLast().contains($0) }.map { all[$0] }
        #expect(clocks.count == 76)
        check(
            theirs, ours,
            [
                Difference(
                    theirs: ["55aa4005fc0002", "55aa4005fe001f"], ours: [],
                    reason: "the factory sends all 128 addresses, we as many as there are chips"),
                Difference(
                    theirs: ["55aa51090028113000001e", "55aa5109000840a202550f"],
                    ours: ["55aa5109000840bd026501"],
                    reason:
                        "the link's rate changes last; 56.25 MHz by other dividers, the first larger"
                ),
                Difference(
                    theirs: ["55aa510900100000138108"], ours: ["55aa510900100000179900"],
                    reason:
                        "6041 ticks fill a slice of 2^18 but for the guard; 4993 leave a fifth"
                ),
                Difference(
                    theirs: [], ours: ["55aa51090028113000001e", "55aa520500000a"],
                    reason: "the link's rate, and a read that proves it"),
            ])
    }
}
