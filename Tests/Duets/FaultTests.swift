import ASICChains
import ASICChips
import Emulator
import SimulationKit
import Testing
import Units

/// A fault that comes while a chain is at work, and what must be true of it.
struct Trial: CustomTestStringConvertible, Sendable {
    let kind: Fault.Kind
    /// Chance for each byte or nonce; 1 for states.
    var probability = 1.0
    /// Only nonces that are wrong may be reported as what they are.
    var bringsWrongNonces = false
    var direction = Fault.Direction.toHost
    var onOneChip = false

    var testDescription: String { "\(kind)" }

    static let all: [Trial] = [
        // One frame in thirty-two with a wrong bit in it passes the check; the verifier finds it out.
        Trial(kind: .flippedBits, probability: 0.003, bringsWrongNonces: true, direction: .both),
        Trial(kind: .lostBytes, probability: 0.003, bringsWrongNonces: true, direction: .both),
        Trial(kind: .repeatedBytes, probability: 0.003, bringsWrongNonces: true, direction: .both),
        Trial(kind: .strayBytes, probability: 0.01, bringsWrongNonces: true, direction: .both),
        Trial(kind: .slowLink(.milliseconds(40)), direction: .both),
        Trial(kind: .port(.garbage), bringsWrongNonces: true),
        Trial(kind: .port(.halfFrames), bringsWrongNonces: true),
        Trial(kind: .port(.silent)),
        Trial(kind: .deadChip, onOneChip: true),
        // It goes on with its last job long after the slot has had others: only the verifier can tell.
        Trial(kind: .deafChip, bringsWrongNonces: true, onOneChip: true),
        Trial(kind: .silentChip, onOneChip: true),
        Trial(kind: .wrongNonces, probability: 0.3, bringsWrongNonces: true),
        Trial(kind: .duplicateNonces, probability: 0.5),
        Trial(kind: .stuckTemperature(-1)),
        Trial(kind: .unaskedRegister(0x40)),
        Trial(kind: .brownOut),
        Trial(kind: .unplugged),
    ]
}

/// How long the fault lasts.
private let length = Duration.seconds(8)

@Test(arguments: Pairing.all([1, 2, 12, 65, 126]), Trial.all)
func `whatever goes wrong, nothing false is believed, and the chain works again or says why not`(
    pairing: Pairing, trial: Trial
) throws {
    var healthy = pairing.duet()
    healthy.bringUp()
    let readyAt = try #require(healthy.readyAt) - Instant(nanoseconds: 0)
    let fault = Fault(
        trial.kind, chip: trial.onOneChip ? pairing.chips / 2 : nil, direction: trial.direction,
        schedule: FaultSchedule(
            start: readyAt + .seconds(1), length: length, probability: trial.probability), seed: 7)
    var duet = pairing.duet(faults: [fault])
    duet.bringUp()
    #expect(duet.readyAt == healthy.readyAt, "the fault came too early")
    duet.run(for: .seconds(1) + length)
    if !trial.bringsWrongNonces { #expect(duet.wrong == 0) }
    // A recovery brings the whole chain up again, once or twice; what needs none is well at once.
    let limit = duet.now + readyAt * 2 + .seconds(60)
    var isWell = false
    while !isWell, duet.end == nil, duet.now < limit {
        let before = (
            honest: duet.honest + duet.repeated, wrong: duet.wrong, recoveries: duet.recoveries.count
        )
        duet.run(for: .seconds(6))
        let reports = Double(duet.honest + duet.repeated - before.honest)
        let summary = try #require(duet.summary)
        let expected =
            summary.expected.hashesPerSecond * 6 / Double(UInt64(1) << UInt64(summary.ticketZeroBits))
        isWell =
            reports > 0.8 * expected - 4 * expected.squareRoot() && duet.wrong == before.wrong
            && duet.recoveries.count == before.recoveries
    }
    switch duet.end {
    case nil: #expect(isWell, "after \(duet.recoveries), \(duet.wrong) wrong, \(duet.honest) honest")
    case .failed(let fault): #expect(fault.isTransient, "\(fault)")
    case .quiet: Issue.record("nobody asked for quiet")
    }
}
