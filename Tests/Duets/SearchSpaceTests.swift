import ASICChains
import ASICChips
import Emulator
import SimulationKit
import Testing
import Units

/// Any chain that can be: model, length and clock by chance.
private func chance(_ seed: UInt64) -> (pairing: Pairing, frequency: Hertz) {
    var chance = SplitMix64(seed: seed)
    let models = Pairing.all([1])
    let one = models[Int.random(in: 0..<models.count, using: &chance)]
    let facts = one.model.facts
    let chips = Int.random(in: 1...min(facts.maximumChips, 126), using: &chance)
    let steps = Int((facts.maximumFrequency.megahertz - facts.minimumFrequency.megahertz) / 6.25)
    let frequency = Hertz.megahertz(
        facts.minimumFrequency.megahertz + 6.25 * Double(Int.random(in: 0...steps, using: &chance)))
    return (Pairing(model: one.model, emulated: one.emulated, chips: chips), frequency)
}

@Test(arguments: 0..<60 as Range<UInt64>)
func `no two chips of any chain hash the same header, and a chain has its next job before it runs dry`(
    seed: UInt64
) throws {
    let (pairing, frequency) = chance(seed)
    // The fastest link there is: chips that are given midstates want a job every few milliseconds.
    let baud = pairing.model.baudSteps.map(\.host).max()
    var duet = pairing.duet(baud: baud, frequency: frequency, seed: seed)
    duet.bringUp()
    guard let summary = duet.summary else {
        // Not every clock on the way up is one that the model's dividers give.
        guard case .failed(.noClockSetting)? = duet.end else {
            Issue.record(
                "\(pairing.testDescription) at \(frequency.megahertz) MHz: \(String(describing: duet.end))")
            return
        }
        return
    }
    duet.run(for: .seconds(2))
    let ranges = duet.chips.ranges()
    #expect(ranges.count == pairing.chips)
    var meetings: [String] = []
    for (index, one) in ranges.enumerated() {
        let lasts = Double(one.batches) * Double(one.counterLength) / one.countersPerSecond
        #expect(lasts >= summary.jobInterval.inSeconds, "chip \(index) of \(pairing.testDescription)")
        for other in ranges[(index + 1)...] where one.meets(other, within: summary.jobInterval) {
            meetings.append("\(index) and \(other.chip)")
        }
    }
    #expect(
        meetings.isEmpty,
        "\(pairing.testDescription) at \(frequency.megahertz) MHz, a job every \(summary.jobInterval): chips \(meetings.prefix(3))"
    )
}
