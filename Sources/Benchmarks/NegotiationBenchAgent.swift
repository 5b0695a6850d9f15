import ASICChips
import BaseTemplates
import BitcoinPrimitives
import Boards
import Emulator
import HardwareData
import LiveTemplates
import MinerCore
import Negotiation
import NodeRPC
import SV2Codec
import SV2Messages
import SV2Roles
import TemplateBuilding
import Units

/// How an agent comes to its jobs.
public enum AgentMode: String, Hashable, Sendable, Codable, CaseIterable {
    case full, light
    case poolJob = "pool-job"
}

/// A miner with boards of emulated chips, its pool, and what makes its templates, in virtual time. Messages take none of
/// it; whatever the pool asks of its node is answered at once.
struct NegotiationAgent {
    enum Happening {
        case timer(MinerTimer, planned: UInt64)
        case control(Int, [UInt8])
        case data(Int, [UInt8])
        case draw(Int, planned: UInt64)
        case miner(MinerEvent)
        case pool(PoolEvent)
        case poolWoke
        case baseTemplate(FrameHeader, [UInt8])
        case maker(TemplateMaker.Event)
        case makerWoke(planned: UInt64)
    }

    private struct Chips {
        var board: EmulatedBoard
        var drawAt: Instant?
        var drawsPlanned: UInt64 = 0
    }

    static let rung = RungIndex(0)
    private static let wire = Duration.microseconds(500)
    private static let mining = ConnectionID(rawValue: 1)
    private static let declaration = ConnectionID(rawValue: 2)

    let mode: AgentMode
    private(set) var now = Instant(nanoseconds: 0)
    private(set) var miner: Miner
    private var boards: [Chips]
    private(set) var maker = TemplateMaker()
    private var pool: Pool
    private var source: BaseTemplateSource
    private var server = BaseTemplateServer()
    private var timers: [MinerTimer: UInt64] = [:]
    private var makerWakes: UInt64 = 0
    private var planned: [(at: Instant, order: UInt64, happening: Happening)] = []
    private var order: UInt64 = 0

    /// - Parameters:
    ///   - chains: boards, each with one chain of `chips`.
    init(_ mode: AgentMode, chains: Int, chips: Int) throws {
        self.mode = mode
        var profile = try HardwareLibrary().board(named: "emberone00")
        profile.chain.emulatedReportZeroBits = 1
        profile.chain.chips = chips
        profile.chain.baud = BaudRate(3_125_000)
        boards = (0..<chains).map { number in
            Chips(
                board: .emberOne00(
                    format: .v0, reportZeroBits: 1, seed: UInt64(number + 1), chips: chips, search: .drawn))
        }
        let shape = profile.chain
        let rate = Double(shape.frequency.hertz) * Double(shape.chip.hashUnits) * Double(chips) / 0x1p31
        var configuration = PoolConfiguration(
            payoutScript: NegotiationScene.payoutScript, sharesPerMinute: 30, tokenSeed: 1)
        switch mode {
        case .full: break
        case .light: configuration.declarationExtensions = [BaseTemplateExtension.extensionType]
        case .poolJob: configuration.ownJobs = OwnJobs(tag: Array("bench".utf8))
        }
        pool = Pool(configuration)
        source = BaseTemplateSource(rules: BaseTemplateLink.rules)
        miner = Miner(
            boards: (0..<chains).map { _ in Board(profile, emulated: true) },
            ladder: Self.ladder(mode, HashRate(hashesPerSecond: rate * Double(max(1, chains)))))
    }

    private static func ladder(_ mode: AgentMode, _ rate: HashRate) -> LadderConfiguration {
        let identity = ClientIdentity(
            endpointHost: "pool", endpointPort: 3333, vendor: "Adit", hardwareVersion: "bench",
            firmware: "bench")
        var upstream = UpstreamConfiguration(
            index: 0, miningIdentity: identity, declarationIdentity: identity, userIdentity: "bench",
            nominalHashRate: rate, minimumExtranonceSize: 8, seed: 1)
        let rung: RungConfiguration
        switch mode {
        case .full: rung = .composed(upstream)
        case .light:
            upstream.mode = .light
            rung = .composed(upstream)
        case .poolJob:
            rung = .poolJob(GivenConfiguration(upstream: upstream, rules: AuditRules(level: .warn)))
        }
        return LadderConfiguration(rungs: [rung], tag: Array("bench".utf8))
    }

    private static func unixTime(at now: Instant) -> UInt32 {
        NegotiationScene.start + UInt32(clamping: now.nanoseconds / 1_000_000_000)
    }

    // MARK: Driving

    /// Until every board hashes a job that the pool knows.
    mutating func bringUp() {
        perform(.ladder(.clock(unixTime: Self.unixTime(at: now))))
        perform(.begin)
        let limit = now + .seconds(300)
        while !isAtWork, now < limit { run(for: .milliseconds(100)) }
        precondition(isAtWork, "a healthy miner gets to work: \(miner.statistics)")
    }

    var isAtWork: Bool {
        miner.statistics.upstream == .earning
            && miner.statistics.boards.allSatisfy { if case .hashing = $0.phase { true } else { false } }
    }

    mutating func run(for duration: Duration) {
        let end = now + duration
        while let index = nextIndex, planned[index].at <= end {
            let next = planned.remove(at: index)
            now = max(now, next.at)
            happen(next.happening)
        }
        now = end
    }

    private var nextIndex: Int? {
        planned.indices.min { a, b in
            (planned[a].at.nanoseconds, planned[a].order) < (planned[b].at.nanoseconds, planned[b].order)
        }
    }

    private mutating func plan(_ happening: Happening, at instant: Instant? = nil) {
        order += 1
        planned.append((max(instant ?? now, now), order, happening))
    }

    /// What the pool's node says; in light mode the pool offers it too.
    mutating func tellPool(_ next: NextBlock, _ entries: [MempoolEntry]) {
        tell(.tip(next))
        tell(.knownTransactions(entries))
        guard mode == .light else { return }
        let unixTime = Self.unixTime(at: now)
        guard source.handle(.block(next, entries), at: now, unixTime: unixTime).contains(.published) else {
            return
        }
        carryOut(server.handle(.published, from: &source, at: now))
    }

    /// The pool goes, and what it took of the memory.
    mutating func dropPool() {
        pool = Pool(
            PoolConfiguration(payoutScript: NegotiationScene.payoutScript, sharesPerMinute: 30, tokenSeed: 1))
        source = BaseTemplateSource(rules: BaseTemplateLink.rules)
        boards = []
        planned = []
    }

    mutating func perform(_ event: MinerEvent) {
        for action in miner.handle(event, at: now) { carryOut(action) }
    }

    mutating func inform(_ event: TemplateMaker.Event) {
        for action in maker.handle(event, at: now) { carryOut(action) }
    }

    private mutating func tell(_ event: PoolEvent) {
        for action in pool.handle(event, at: now, unixTime: Self.unixTime(at: now)) { carryOut(action) }
    }

    /// An event for the maker, and its templates for the miner, with the processor time that both take. What they want
    /// done is done afterwards.
    ///
    /// - Returns: nanoseconds, and what the miner wanted.
    mutating func timed(_ event: TemplateMaker.Event) -> (nanoseconds: Double, actions: [MinerAction]) {
        var made = [TemplateMaker.Action]()
        var wanted = [MinerAction]()
        let spent = processorTime {
            made = maker.handle(event, at: now)
            for case .publish(let offer) in made {
                wanted += miner.handle(.ladder(.proposal(offer.proposal)), at: now)
            }
        }
        finish(made, wanted)
        return (spent, wanted)
    }

    /// The same without the maker's time, and with what is done with the miner's wishes at once.
    mutating func timed(
        _ event: TemplateMaker.Event, sending: ([MinerAction]) -> Void
    ) -> Double {
        let made = maker.handle(event, at: now)
        var wanted = [MinerAction]()
        let spent = processorTime {
            for case .publish(let offer) in made {
                wanted += miner.handle(.ladder(.proposal(offer.proposal)), at: now)
            }
            sending(wanted)
        }
        finish(made, wanted)
        return spent
    }

    private mutating func finish(_ made: [TemplateMaker.Action], _ wanted: [MinerAction]) {
        for action in made {
            if case .publish = action { continue }
            carryOut(action)
        }
        for action in wanted { carryOut(action) }
    }

    // MARK: What happens

    private mutating func happen(_ happening: Happening) {
        switch happening {
        case .timer(let timer, let planned): if timers[timer] == planned { perform(.woke(timer)) }
        case .control(let index, let bytes):
            for output in boards[index].board.receiveControl(bytes, at: now) {
                plan(
                    .miner(.board(BoardIndex(index), .controlReceived(output.bytes))),
                    at: output.at + Self.wire)
            }
            planDraw(index)
        case .data(let index, let bytes): answer(boards[index].board.receiveData(bytes, at: now), of: index)
        case .draw(let index, let planned):
            guard boards[index].drawsPlanned == planned else { return }
            answer(boards[index].board.draw(until: now), of: index)
        case .miner(let event): perform(event)
        case .pool(let event): tell(event)
        case .poolWoke: tell(.woke)
        case .baseTemplate(let header, let payload):
            carryOut(server.handle(.frame(header, payload), from: &source, at: now))
        case .maker(let event): inform(event)
        case .makerWoke(let planned): if planned == makerWakes { inform(.woke) }
        }
    }

    private mutating func answer(_ outputs: [EmulatedOutput], of index: Int) {
        for output in outputs {
            plan(.miner(.board(BoardIndex(index), .dataReceived(output.bytes))), at: output.at + Self.wire)
        }
        planDraw(index)
    }

    /// These chips say themselves when they have something to report; nothing else happens for them between.
    private mutating func planDraw(_ index: Int) {
        guard let next = boards[index].board.nextDrawAt, next != boards[index].drawAt else { return }
        boards[index].drawAt = next
        boards[index].drawsPlanned += 1
        plan(.draw(index, planned: boards[index].drawsPlanned), at: next)
    }

    // MARK: What is wanted

    private mutating func carryOut(_ action: MinerAction) {
        switch action {
        case .control(let board, let bytes): plan(.control(board.number, bytes), at: now + Self.wire)
        case .data(let board, let bytes): plan(.data(board.number, bytes), at: now + Self.wire)
        case .setBaudRate(let board, let rate):
            boards[board.number].board.setHostBaud(rate)
            plan(.miner(.board(board, .baudRate(rate))), at: now + Self.wire)
        case .upstream(_, let action): carryOut(action)
        case .wake(let timer, let instant):
            timers[timer, default: 0] += 1
            plan(.timer(timer, planned: timers[timer, default: 0]), at: instant)
        case .build(let constraints): plan(.maker(.plan(constraints)))
        case .discardData, .processorWork, .block, .notice: break  // no target of a block is ever met
        }
    }

    private mutating func carryOut(_ action: UpstreamAction) {
        switch action {
        case .connect(let link):
            tell(link == .mining ? .miningConnected(Self.mining) : .declarationConnected(Self.declaration))
            plan(.miner(.ladder(.upstream(Self.rung, .connected(link)))))
        case .send(.mining(let message)): plan(.pool(.mining(Self.mining, message)))
        case .send(.jobDeclaration(let message)): plan(.pool(.declaration(Self.declaration, message)))
        case .send(.baseTemplate(let header, let payload)): plan(.baseTemplate(header, payload))
        case .send(.line), .connectLine, .disconnect, .coinbaseConstraints, .activate, .acknowledged,
            .refused,
            .shareSettled, .block, .blockWithoutTransactions, .audited, .upstreamFailed, .notice, .wake:
            preconditionFailure("a pool without faults, of Stratum V2: \(action)")
        }
    }

    private mutating func carryOut(_ action: TemplateMaker.Action) {
        switch action {
        case .publish(let offer): perform(.ladder(.proposal(offer.proposal)))
        case .wake(let instant):
            makerWakes += 1
            plan(.makerWoke(planned: makerWakes), at: instant)
        case .failed(let fault): preconditionFailure("a scene's mempool makes a template: \(fault)")
        case .policyCost, .warn: break
        }
    }

    private mutating func carryOut(_ action: PoolAction) {
        switch action {
        case .sendMining(_, let message): receive(.mining(message))
        case .sendDeclaration(_, let message): receive(.jobDeclaration(message))
        case .check(let check, _): plan(.pool(.checked(check, refusal: nil)))
        case .wake(let instant): plan(.poolWoke, at: instant)
        case .close, .refused: preconditionFailure("a client without faults: \(action)")
        case .publish, .shareAccepted, .shareRejected, .declared, .customJobAccepted, .ignored: break
        }
    }

    private mutating func carryOut(_ actions: [BaseTemplateServer.Action]) {
        for case .send(let frame) in actions {
            guard let header = FrameHeader(frontOf: frame) else { preconditionFailure("a whole frame") }
            receive(.baseTemplate(header, Array(frame.dropFirst(FrameHeader.byteCount))))
        }
    }

    private mutating func receive(_ message: UpstreamMessage) {
        plan(.miner(.ladder(.upstream(Self.rung, .received(message)))))
    }
}
