import Emulator
import EmulatorHost
import Testing

/// Scenario files, and the options of `adit emulate`.
@Suite struct ScenarioTests {
    private static func problem(_ text: String) -> ScenarioError.Problem? {
        do throws(ScenarioError) {
            _ = try Scenario(parsing: text, file: "f").faults(chips: 4, seed: 1, file: "f")
            return nil
        } catch {
            return error.problem
        }
    }

    private static func fault(_ keys: String) -> String { "title = \"t\"\n[[fault]]\n\(keys)" }

    @Test func `a fault says what, where, when and how often`() throws {
        let text = Self.fault(
            "kind = \"wrong-nonces\"\nchip = 3\nprobability = 0.25\nat_s = 60\nfor_s = 0.5\nevery_s = 300\nseed = 7"
        )
        let faults = try Scenario(parsing: text, file: "f").faults(chips: 4, seed: 1, file: "f")
        let schedule = FaultSchedule(
            start: .seconds(60), length: .milliseconds(500), period: .seconds(300), probability: 0.25)
        #expect(faults == [Fault(.wrongNonces, chip: 3, schedule: schedule, seed: 7)])
    }

    @Test func `faults without a seed of their own take the run's, counted up`() throws {
        let text = Self.fault("kind = \"garbage\"\n[[fault]]\nkind = \"lost-bytes\"\ndirection = \"both\"")
        let faults = try Scenario(parsing: text, file: "f").faults(chips: 1, seed: 40, file: "f")
        #expect(faults == [Fault(.port(.garbage), seed: 40), Fault(.lostBytes, direction: .both, seed: 41)])
    }

    @Test(
        arguments: [
            ("kind = \"flipped-bits\"\nchip = 1", "fault[0].chip"),
            ("kind = \"brown-out\"\nprobability = 0.5", "fault[0].probability"),
            ("kind = \"silent-chip\"\ndirection = \"both\"", "fault[0].direction"),
            ("kind = \"garbage\"\nprobabilty = 1", "fault[0].probabilty"),
        ])
    func `a key that has no meaning for its fault is refused by name`(keys: String, path: String) {
        guard case .unknownKey(path, _) = Self.problem(Self.fault(keys)) else {
            Issue.record("\(String(describing: Self.problem(Self.fault(keys))))")
            return
        }
    }

    @Test(
        arguments: [
            ("kind = \"explosion\"", "fault[0].kind"),
            ("kind = \"garbage\"\nprobability = 0", "fault[0].probability"),
            ("kind = \"garbage\"\nprobability = \"often\"", "fault[0].probability"),
            ("kind = \"slow-link\"\ndelay_ms = 1.5", "fault[0].delay_ms"),
            ("kind = \"dead-chip\"\nchip = -1", "fault[0].chip"),
            ("kind = \"unasked-register\"\nregister = 256", "fault[0].register"),
            ("kind = \"garbage\"\nevery_s = 0", "fault[0].every_s"),
        ])
    func `a value that is not allowed is refused with its key`(keys: String, path: String) {
        guard case .wrong(path, _, _) = Self.problem(Self.fault(keys)) else {
            Issue.record("\(String(describing: Self.problem(Self.fault(keys))))")
            return
        }
    }

    @Test func `what is missing is named`() {
        #expect(Self.problem("") == .missing("title", expected: "text"))
        guard case .missing("fault[0].chip", _) = Self.problem(Self.fault("kind = \"dead-chip\"")) else {
            Issue.record("a dead chip needs a place")
            return
        }
        #expect(
            Self.problem(Self.fault("kind = \"deaf-chip\"\nchip = 4"))
                == .noSuchChip("fault[0].chip", chip: 4, chips: 4))
        guard case .syntax(_, line: 2, _) = Self.problem("title = \"t\"\n[[fault]\n") else {
            Issue.record("line and column")
            return
        }
    }

    @Test(arguments: ScenarioLibrary().names)
    func `every scenario that the program carries is right`(name: String) throws {
        let scenario = try ScenarioLibrary().scenario(name)
        #expect(!scenario.title.isEmpty)
        #expect(try !scenario.faults(chips: 4, seed: 1, file: name).isEmpty)
    }

    @Test func `the program carries scenarios`() { #expect(ScenarioLibrary().names.count >= 11) }

    private static func usage(
        chip: String? = nil, chips: Int? = nil, board: String? = nil, hashRate: String? = nil,
        zeroBits: Int? = nil, drawn: Bool = false, scenario: String? = nil, duration: Double? = nil
    ) -> EmulateUsageFault? {
        do throws(EmulateUsageFault) {
            _ = try EmulateOptions(
                chip: chip, chips: chips, board: board, hashRate: hashRate, reportZeroBits: zeroBits,
                drawn: drawn,
                seed: 1, scenario: scenario, link: nil, transcript: nil, duration: duration, json: false)
            return nil
        } catch {
            return error
        }
    }

    @Test func `options that contradict one another, or mean nothing, are refused`() {
        #expect(Self.usage() == .nothing)
        #expect(Self.usage(chip: "BM1370", board: "bitaxe-gamma") == .both)
        #expect(Self.usage(chips: 2, board: "bitaxe-gamma") == .both)
        #expect(Self.usage(chip: "BM1371") == .chip("BM1371"))
        #expect(Self.usage(chip: "bm1387", chips: 129) == .chips(129))
        #expect(Self.usage(board: "bitaxe") == .board("bitaxe"))
        #expect(Self.usage(chip: "BM1370", hashRate: "fast") == .hashRate("fast"))
        #expect(Self.usage(chip: "BM1370", hashRate: "0") == .hashRate("0"))
        #expect(Self.usage(chip: "BM1370", hashRate: "1M", drawn: true) == .drawnRate)
        #expect(Self.usage(chip: "BM1370", zeroBits: 33) == .zeroBits(33, limit: 32))
        #expect(Self.usage(chip: "BM1370", zeroBits: 17, drawn: true) == .zeroBits(17, limit: 16))
        #expect(Self.usage(chip: "BM1370", duration: 0) == .duration(0))
        #expect(Self.usage(chip: "bm1373", chips: 16, hashRate: "1.5G", duration: 0.5) == nil)
        #expect(Self.usage(board: "emberone00", hashRate: "max") == nil)
    }
}
