import ASICChips
import ASICWire
import Foundation
import TestSupport
import Testing
import Units

/// A recorded start-up sequence of `init_transcripts.json` or `init_transcripts_factory.json`.
struct RecordedStart: Decodable {
    struct Step: Decodable { var dir: String, frame: String?, wait_ms: Int? }
    private struct File: Decodable { var transcripts: [RecordedStart] }

    var name: String, chip: String, chips: Int, steps: [Step]

    static let files = ["init_transcripts.json", "init_transcripts_factory.json"]

    static func all(in file: String) throws -> [RecordedStart] {
        try Shared.json(File.self, "hardware/vectors/\(file)").transcripts
    }

    static func named(_ name: String) throws -> RecordedStart {
        try #require(try files.flatMap(all).first { $0.name == name })
    }

    /// A frame and the pause after it.
    struct Sent: Equatable {
        var frame: [UInt8]
        var wait: Duration
    }

    /// What the host sent; waits of its own actions count for the frame before.
    var sent: [Sent] {
        steps.reduce(into: []) { sent, step in
            let wait = Duration.milliseconds(step.wait_ms ?? 0)
            if step.dir == "tx", let frame = step.frame {
                sent.append(Sent(frame: hex(frame), wait: wait))
            } else if !sent.isEmpty {
                sent[sent.count - 1].wait += wait
            }
        }
    }

    var received: [[UInt8]] { steps.compactMap { $0.dir == "rx" ? $0.frame.map(hex) : nil } }
}

/// What we send in a bring-up.
struct OurStart {
    var sent: [RecordedStart.Sent] = []
    /// Reads of the clock register after each stop. No recording has them: every comparison leaves them out.
    private(set) var confirmations = 0

    /// - Parameter stops: the first and the last stop of the ramp only, as some recordings list them.
    init(
        _ model: any ChipModel, chips: Int, domains: Int = 1, _ rule: AddressRule, megahertz: Double,
        ticket: UInt32 = 256, baud: Int? = nil, endsOfRampOnly: Bool = false
    ) throws {
        let layout = try #require(model.layout(chips: chips, rule: rule, domains: domains))
        var ramp = try #require(
            model.clockLimits.ramp(from: ClockLimits.resetFrequency, to: .megahertz(megahertz)))
        let clock = try #require(ramp.last)
        if endsOfRampOnly { ramp = [ramp[0], clock] }
        let plan = BringUpPlan(
            layout: layout, ramp: ramp,
            counting: model.hashCounting(layout, clock: clock, versionMask: VersionRolling.bits),
            ticket: try #require(TicketMask(difficulty: ticket)), versionMask: VersionRolling.bits,
            baud: baud.map { model.baudSteps[$0] })
        for step in model.bringUp(plan) {
            if case .confirmClock = step {
                confirmations += 1
            } else if let command = step.command {
                sent.append(.init(frame: command.wireBytes(model.dialect), wait: .zero))
            } else if case .settle(let pause) = step, !sent.isEmpty {
                sent[sent.count - 1].wait += pause
            }
        }
    }
}

/// Frames that one side has and the other has not, with the reason why. Written shorter than the frames are: `W 08
/// 40bd0265` writes a register of every chip, `C 04 58 0001f111` of one, `A 04` gives an address, `R 00` reads.
struct Difference {
    var theirs: [String] = []
    var ours: [String] = []
    var reason: String
}

enum TranscriptText {
    static func line(_ frame: [UInt8]) -> String {
        func digits(_ bytes: some Sequence<UInt8>) -> String {
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        guard case .frame(let command, frame.count) = decodeCommand(frame[...]) else { return digits(frame) }
        return switch command {
        case .setAddress(let address): "A " + digits([address])
        case .write(let register, _, .everyChip): "W " + digits([register]) + " " + digits(frame[6..<10])
        case .write(let register, _, .chip(let chip)):
            "C " + digits([chip]) + " " + digits([register]) + " " + digits(frame[6..<10])
        case .read(let register, .everyChip): "R " + digits([register])
        case .read(let register, .chip(let chip)): "R " + digits([chip, register])
        case .chainInactive: "inactive"
        case .job, .midstateJob: digits(frame)
        }
    }
}

/// Two starts side by side.
enum StartComparison {
    /// Step by step, in order: runs of frames that are not in both, by the longest common subsequence, and pauses after
    /// those that are.
    static func check(
        _ theirs: [RecordedStart.Sent], _ ours: OurStart, _ expected: [Difference],
        pauses expectedPauses: [String]
    ) {
        let found = runs(theirs.map(\.frame), ours.sent.map(\.frame))
        for (run, difference) in zip(found, expected) {
            #expect(run.theirs == difference.theirs, "\(difference.reason)")
            #expect(run.ours == difference.ours, "\(difference.reason)")
        }
        for run in found.dropFirst(expected.count) { Issue.record("not explained: \(run)") }
        for difference in expected.dropFirst(found.count) { Issue.record("no longer there: \(difference)") }
        #expect(pauses(theirs, ours) == expectedPauses)
    }

    /// As sets of frames, for sequences of another driver's making.
    static func checkSets(_ theirs: [[UInt8]], _ ours: [[UInt8]], _ expected: [Difference]) {
        let (their, our) = (Set(theirs.map(TranscriptText.line)), Set(ours.map(TranscriptText.line)))
        let (missing, more) = (their.subtracting(our), our.subtracting(their))
        #expect(missing.sorted() == expected.flatMap(\.theirs).sorted())
        #expect(more.sorted() == expected.flatMap(\.ours).sorted())
    }

    /// Pauses after the frames that both have, in order; as text, those that differ.
    static func pauses(_ theirs: [RecordedStart.Sent], _ ours: OurStart) -> [String] {
        let change = ours.sent.map(\.frame).difference(from: theirs.map(\.frame))
        var removed = Set<Int>()
        var inserted = Set<Int>()
        for one in change {
            switch one {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        let kept = theirs.indices.filter { !removed.contains($0) }.map { theirs[$0] }
        let same = ours.sent.indices.filter { !inserted.contains($0) }.map { ours.sent[$0] }
        return zip(kept, same).filter { $0.wait != $1.wait }.map {
            TranscriptText.line($0.frame) + ": \($0.wait.inMilliseconds) -> \($1.wait.inMilliseconds) ms"
        }
    }

    static func runs(_ theirs: [[UInt8]], _ ours: [[UInt8]]) -> [(theirs: [String], ours: [String])] {
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
                runs[runs.count - 1].theirs.append(TranscriptText.line(theirs[i]))
                i += 1
            } else if new {
                runs[runs.count - 1].ours.append(TranscriptText.line(ours[j]))
                j += 1
            } else {
                i += 1
                j += 1
            }
        }
        return runs
    }
}

extension Duration {
    fileprivate var inMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
