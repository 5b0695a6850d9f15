import ASICChains
import ASICChips
import Emulator
import SimulationKit
import Testing
import Units

@Test(arguments: Pairing.all([1, 2, 12, 65, 126]))
func `every chain comes up, works at the rate that it should, and reports nothing wrong`(pairing: Pairing)
    throws
{
    var duet = pairing.duet()
    duet.bringUp()
    let came = "came to \(String(describing: duet.end)), after \(duet.notices.suffix(3))"
    let summary = try #require(duet.summary, "\(came)")
    #expect(summary.chips == pairing.chips)
    let before = duet.honest
    duet.run(for: .seconds(20))
    #expect(duet.end == nil && duet.wrong == 0 && duet.recoveries.isEmpty)
    // Hashes that a report stands for, against the rate of the data sheet's formula.
    let perReport = Double(UInt64(1) << UInt64(summary.ticketZeroBits))
    let reports = Double(duet.honest - before + duet.repeated)
    let expected = summary.expected.hashesPerSecond * 20 / perReport
    #expect(
        (reports / expected - 1).magnitude < 0.05 + 5 / expected.squareRoot(), "\(reports) of \(expected)")
}
