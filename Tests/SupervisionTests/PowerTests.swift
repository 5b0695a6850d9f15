import Peripherals
import Supervision
import Testing
import Units

/// Every end is the safe state.
@Suite struct PowerTests {
    @Test func `a pause switches off, and what was wanted before is there afterwards`() {
        var bench = Bench.running()
        bench.tell(.pause)
        #expect(bench.cuts == [.paused] && bench.supervisor.state == .paused)
        bench.seconds(60)
        #expect(!bench.isPermitted)
        bench.tell(.run(Bench.wished))
        bench.seconds(2)
        #expect(bench.isRunning)
    }

    @Test func `a cut is repeated until the board says that it is off`() {
        var bench = Bench.running()
        bench.obeys = false
        bench.tell(.pause)
        bench.seconds(10)
        #expect((8...11).contains(bench.cuts.count))
        #expect(
            bench.actions.contains { if case .notice(.powerNotCut(.paused, _)) = $0 { true } else { false } })
        #expect(bench.actions.contains(.idleChips(.paused)), "the chips' own line is what is left")
        bench.tell(.core(.off))
        bench.forget()
        bench.seconds(10)
        #expect(bench.cuts.isEmpty)
    }

    @Test func `after shutdown nothing is done any more, and power is off`() {
        var bench = Bench.running()
        bench.tell(.shutDown)
        #expect(bench.cuts == [.shutDown] && bench.supervisor.state == .ended)
        bench.forget()
        bench.tell(.run(Bench.wished))
        bench.seconds(30)
        #expect(bench.actions.isEmpty)
    }

    @Test func `a shutdown while it cools down ends too`() {
        var bench = Bench.running()
        bench.celsius = [:]
        bench.seconds(5)
        #expect(bench.trips.count == 1)
        bench.tell(.shutDown)
        #expect(bench.supervisor.state == .ended)
    }

    @Test func `a board that switches itself off needs permission again`() {
        var bench = Bench.running()
        bench.celsius[Bench.beside] = 255
        bench.seconds(3)
        bench.obeys = false
        bench.tell(.core(.off))
        bench.seconds(30)
        #expect(!bench.isPermitted)
        bench.celsius[Bench.beside] = 25
        bench.seconds(5)
        #expect(bench.isPermitted && bench.trips.isEmpty)
    }

    @Test func `fans stop long after the power, however little sensors say`() {
        var bench = Bench.running()
        bench.tell(.pause)
        bench.celsius = [:]
        bench.seconds(200)
        #expect(bench.duties.last == 100)
        bench.seconds(150)
        #expect(bench.duties.last == 25)
    }
}
