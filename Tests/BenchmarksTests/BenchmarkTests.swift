import Testing

@testable import Benchmarks

private func samples(_ times: [Double], gigahertz: Double = 2) -> [Sample] {
    times.map { Sample(nanosecondsPerHash: $0, gigahertz: gigahertz) }
}

@Test func `the median is the middle, or lies between the two in the middle`() {
    #expect(median([]) == nil)
    #expect(median([3]) == 3)
    #expect(median([9, 1, 5]) == 5)
    #expect(median([9, 1, 5, 7]) == 6)
}

@Test func `figures tell the best slice from the one to expect`() {
    let figures = Figures(samples([30, 10, 20]), against: nil)
    #expect(figures.bestNanoseconds == 10)
    #expect(figures.medianNanoseconds == 20)
    #expect(figures.bestCycles == 20)
    #expect(figures.gigahertz == 2)
    #expect(figures.timesBaseline == nil)
}

@Test func `cycles are those of the best slice at the usual clock, even when a clock was misread`() {
    let mixed = [
        Sample(nanosecondsPerHash: 10, gigahertz: 1), Sample(nanosecondsPerHash: 12, gigahertz: 3),
        Sample(nanosecondsPerHash: 14, gigahertz: 3),
    ]
    #expect(Figures(mixed, against: nil).bestCycles == 30)
}

@Test func `a ratio compares slices of the same round`() {
    // Twice as fast in every round, while the machine slows down by ten in the last two.
    let mine = samples([10, 100, 100])
    #expect(Figures(mine, against: samples([20, 200, 200])).timesBaseline == 2)
    // One disturbed round does not move it.
    #expect(Figures(mine, against: samples([20, 200, 5_000])).timesBaseline == 2)
}

@Test func `the share of the bound is one when every cycle starts all the operations it can`() {
    let cycles = ScanBound.operations / 16 / 2
    #expect(
        ScanBound.share(cyclesPerNonce: cycles, operations: ScanBound.operations, operationsPerCycle: 2) == 1)
    #expect(
        ScanBound.share(cyclesPerNonce: 2 * cycles, operations: ScanBound.operations, operationsPerCycle: 2)
            == 0.5)
}

@Test(arguments: [
    (0, 2, "0.00"), (1.005, 1, "1.0"), (9.96, 1, "10.0"), (12.34, 0, "12"), (-0.26, 1, "-0.3"),
    (-0.01, 1, "0.0"),
    (3.05, 2, "3.05"), (.infinity, 1, "inf"),
])
func `numbers are printed with fixed places`(value: Double, places: Int, text: String) {
    #expect(decimal(value, places) == text)
}

@Test func `all ways to hash a header give one hash`() {
    let work = HashWork()
    let answers = work.answers()
    #expect(answers["Adit"] != nil)
    #expect(Set(answers.values).count == 1)
    #expect(Set(work.midstateAnswers()).count == 1)
}

@Test func `a short run has a row for every usable kernel in every contest, and prints each`() {
    let results = HashBenchmark(rounds: 1).run()
    let usable = results.kernels.filter { $0.value == "usable" }.keys
    #expect(usable.contains("portable"))
    for contest in Set(results.rows.map(\.contest)) {
        for kernel in usable { #expect(results.rows.contains { $0.contest == contest && $0.name == kernel }) }
    }
    #expect(results.rows.allSatisfy { $0.figures.bestNanoseconds > 0 && $0.figures.bestCycles > 0 })
    let hasOpenSSL = results.openSSL != nil
    #expect(results.rows.contains { $0.isBaseline } == hasOpenSSL)
    #expect(results.rows.allSatisfy { ($0.figures.timesBaseline != nil) == hasOpenSSL })
    let lines = table(results)
    for row in results.rows { #expect(lines.contains { $0.contains(row.name) }) }
}
