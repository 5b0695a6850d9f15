import ASICChains
import ASICChips
import BitcoinPrimitives
import Boards
import Peripherals
import Testing
import Units

/// A board core and a scripted board in virtual time: answers take a millisecond, wakes come when they were asked for.
struct Bench {
    /// Far more than any of these scenes has.
    private static let eventLimit = 50_000

    enum Line { case works, answersLost, dead }

    var board: Board
    var script: ScriptedBoard
    var control = Line.works
    /// Answers requests for work.
    var givesWork = false
    /// What the chips report after each job.
    var found: () -> [UInt8] = { [] }
    private(set) var now = Instant(nanoseconds: 1_000_000_000)
    private(set) var actions: [BoardAction] = []
    /// Events given to the board so far.
    private(set) var events = 0
    private var wake: Instant?
    private var inbox: [(at: Instant, event: BoardEvent)] = []

    init(_ profile: BoardProfile, _ script: ScriptedBoard, emulated: Bool = false) {
        board = Board(profile, emulated: emulated)
        self.script = script
    }

    mutating func give(_ event: BoardEvent) {
        events += 1
        for action in board.handle(event, at: now) { perform(action) }
    }

    /// Lets time pass until an action of this kind was taken, nothing is left to happen, or `events` is reached.
    ///
    /// - Parameter start: actions before it do not count.
    mutating func run(
        events limit: Int = .max, after start: Int = 0, until isLast: (BoardAction) -> Bool = { _ in false }
    ) {
        var seen = start
        while events < limit {
            guard events < Self.eventLimit else {
                Issue.record("a board that wakes for ever")
                return
            }
            if actions[seen...].contains(where: isLast) { return }
            seen = actions.count
            guard let next = inbox.first?.at ?? wake, now < Instant(nanoseconds: 600_000_000_000) else {
                return
            }
            if let wake, wake < next || inbox.isEmpty {
                now = max(now, wake)
                self.wake = nil
                give(.woke)
            } else {
                now = max(now, next)
                give(inbox.removeFirst().event)
            }
        }
    }

    private mutating func perform(_ action: BoardAction) {
        actions.append(action)
        let soon = now + .milliseconds(1)
        switch action {
        case .sendControl(let bytes):
            guard control != .dead else { return }
            let answer = script.control(bytes)
            if control == .works { inbox.append((soon, .controlReceived(answer))) }
        case .sendData(let bytes):
            let answer = script.data(bytes)
            if !answer.isEmpty { inbox.append((soon, .dataReceived(answer))) }
        case .setBaudRate(let rate): inbox.append((soon, .baudRate(rate)))
        case .wake(let instant): wake = instant
        case .needWork:
            guard givesWork else { return }
            inbox.append((soon, .work(work)))
            let nonces = found()
            if !nonces.isEmpty { inbox.append((soon + .milliseconds(1), .dataReceived(nonces))) }
        case .discardData, .ready, .retuned, .report, .notice, .fail, .safe: break
        }
    }
}

extension BoardAction {
    var isReady: Bool { if case .ready = self { true } else { false } }
    var isSafe: Bool { if case .safe = self { true } else { false } }
    var fault: BoardFault? { if case .fail(let fault) = self { fault } else { nil } }
}

let work = ChainWork(
    id: 1, version: 0x2000_0000, previousBlock: Hash256(hashing: [1]), merkleRoot: Hash256(hashing: [2]),
    time: 1_700_000_000, bits: CompactTarget(bits: 0x1703_4219))

/// Numbers of Hardware/chips/bm1370.toml and Hardware/boards/bitaxe-gamma.toml, with a ramp short enough for a test.
let bm1370 = ChipFacts(
    name: "BM1370", chipIDs: [0x1370], cores: 128, subCores: 16, hashUnits: 2040,
    minimumFrequency: .megahertz(50),
    maximumFrequency: .megahertz(800), defaultFrequency: .megahertz(525),
    coreVoltage: CoreVoltageWindow(
        minimum: .millivolts(1000), maximum: .millivolts(1250), standard: .millivolts(1150)),
    maximumChips: 128, maximumChipsReason: "", jobSlots: 16, initialResponseBytes: 9, responseBytes: 11,
    unproven: [], source: "test")

private let regulator = TPS546.Settings(
    stackConfig: 0, syncConfig: 0x10, phase: 0, inputOn: .volts(4.8), inputOff: .volts(4.5),
    inputOverVoltage: .volts(6.5), feedbackRatio: 0.25, outputBounds: .volts(1)...Volts.volts(2),
    outputCurrentWarning: .amperes(25), outputCurrentFault: .amperes(30))

func gammaProfile() throws -> BoardProfile {
    let address = try #require(I2CAddress(0x24))
    return BoardProfile(
        name: "gamma", title: "Gamma", provenance: .untested, unproven: [], sources: [],
        chain: ChainShape(
            chip: bm1370, chips: 1, domains: 1, frequency: .megahertz(100), coreVoltage: .millivolts(1150),
            addressRule: .powerOfTwoShare, baud: BaudRate(1_000_000), reportZeroBits: 32,
            emulatedReportZeroBits: 10),
        usb: USBIdentity(
            vendor: 0xC0DE, product: 0xCAFE, manufacturerText: "OSMU", productText: "Bitaxe",
            controlInterface: 0,
            dataInterface: 2),
        control: ControlFormats(format: .payloadLength, formatFromMinor1: nil),
        regulator: .tps546(address: address, regulator),
        pins: [BoardPin(role: .reset, number: 0, isActiveHigh: false)],
        powerOn: [
            .drive(.reset, active: true), .busClock(Hertz(hertz: 100_000)), .settle(.milliseconds(15)),
            .regulator(.prepare), .regulator(.configure), .settle(.milliseconds(100)), .regulator(.enable),
            .settle(.milliseconds(500)), .regulator(.check), .confirm(.reset, active: true),
            .settle(.milliseconds(500)), .drive(.reset, active: false), .settle(.milliseconds(200)),
        ],
        powerOff: [
            .regulator(.disable), .drive(.reset, active: true), .regulator(.confirmOff),
            .confirm(.reset, active: true),
        ])
}

/// The pins and order of Hardware/boards/emberone00.toml, around a chain of one BM1370 that the script can play.
func threePinProfile() throws -> BoardProfile {
    var profile = try gammaProfile()
    profile.regulator = nil
    profile.chain.coreVoltage = nil
    profile.control.formatFromMinor1 = .status
    profile.pins += [
        BoardPin(role: .corePower, number: 1, isActiveHigh: true),
        BoardPin(role: .ioPower, number: 2, isActiveHigh: true),
    ]
    profile.powerOn = [
        .drive(.reset, active: true), .drive(.corePower, active: false), .drive(.ioPower, active: true),
        .settle(.milliseconds(5)), .drive(.corePower, active: true), .settle(.milliseconds(500)),
        .confirm(.corePower, active: true), .drive(.reset, active: false), .settle(.milliseconds(200)),
    ]
    profile.powerOff = [
        .drive(.reset, active: true), .drive(.corePower, active: false), .drive(.ioPower, active: false),
        .confirm(.reset, active: true), .confirm(.corePower, active: false),
        .confirm(.ioPower, active: false),
    ]
    return profile
}

let threePins: ScriptedBoard = {
    var script = ScriptedBoard()
    script.pins = [0: 1, 1: 0, 2: 0]
    script.hasRegulator = false
    return script
}()
