import BitcoinPrimitives
import ProviderTemplates
import SV2Codec
import SV2Messages
import SV2Roles
import TemplateBuilding
import Units

/// A follower and a template distribution server in one thread: frames that travel as bytes with latency, a connection
/// that may break at any message, a provider that may fall silent or refuse, and a miner that may find a block.
struct ProviderWorld {
    private enum Delivery {
        case toServer(UInt64, [UInt8])
        case toFollower(UInt64, [UInt8])
        case established(UInt64)
        case refused(UInt64)
        case follow(ProviderFollower.Event)
        case serverWake
        case made(UInt64, CoinbaseOutputConstraints)
        case change(Change)
    }

    enum Change {
        case offer(ProvidedTemplate)
        /// The connection breaks.
        case cut
        /// Nobody listens, or again.
        case down(Bool)
        /// The server's answers are not sent any more, or again.
        case silent(Bool)
        /// Template ids begin anew, as in another process.
        case restart
        /// A message as if the server had sent it.
        case inject(TemplateDistributionMessage)
        /// The miner finds a block of the newest template.
        case solve
    }

    private(set) var follower: ProviderFollower
    private(set) var server = TemplateDistributionServer()
    private(set) var now = ProviderFixture.start
    private var timeline: [(at: Instant, order: Int, what: Delivery)] = []
    private var lastOrder = 0
    private var wake: Instant?
    private var connection: UInt64?
    private var offered: ProvidedTemplate
    private var wanted: CoinbaseOutputConstraints?
    private var isDown = false
    private var isSilent = false

    /// Messages that arrived, and the one at which the connection breaks.
    private(set) var messages = 0
    var cutAfter: Int?
    /// Changes a message on its way to the follower.
    var tamper: (TemplateDistributionMessage) -> TemplateDistributionMessage? = { $0 }

    enum News {
        case change(ProviderChange)
        case health(ProviderHealth)
    }

    // What came of it.
    /// Changes and health in their order.
    private(set) var news: [News] = []
    private(set) var changes: [ProviderChange] = []
    private(set) var health: [ProviderHealth] = []
    private(set) var healthAt: [Instant] = []
    private(set) var connects: [Instant] = []
    private(set) var sent: [TemplateDistributionMessage] = []
    private(set) var published: [Hash256] = []
    private(set) var solved: [Hash256] = []
    private(set) var routes: [SolutionRoute] = []
    private(set) var wakes = 0

    init(
        first: ProvidedTemplate,
        configuration: ProviderFollower.Configuration = ProviderFixture.configuration()
    ) {
        follower = ProviderFollower(configuration)
        offered = first
        plan(.follow(.start), at: now)
    }

    var templates: [FinishedTemplate] {
        changes.compactMap { if case .template(let template) = $0 { template } else { nil } }
    }
    var tips: [ProviderOffer] {
        changes.compactMap { if case .tip(let offer) = $0 { offer } else { nil } }
    }
    var withdrawn: [ProviderTemplateID] {
        changes.compactMap { if case .withdrawn(let id) = $0 { id } else { nil } }
    }
    /// Seconds from the start until the health became so.
    func firstTime(_ isIt: (ProviderHealth) -> Bool) -> Double? {
        zip(health, healthAt).first { isIt($0.0) }.map { ($0.1 - ProviderFixture.start).inSeconds }
    }

    mutating func plan(_ change: Change, at seconds: Double) {
        plan(.change(change), at: ProviderFixture.start + .seconds(seconds))
    }
    mutating func plan(_ event: ProviderFollower.Event, at seconds: Double) {
        plan(.follow(event), at: ProviderFixture.start + .seconds(seconds))
    }

    /// When something happens next.
    var nextAt: Instant? { (timeline.map(\.at) + [wake].compactMap { $0 }).min() }

    mutating func run(for duration: Duration) {
        let end = now + duration
        while true {
            let next = timeline.indices.min {
                (timeline[$0].at, timeline[$0].order) < (timeline[$1].at, timeline[$1].order)
            }
            let planned = next.map { timeline[$0].at }
            if let wake, wake <= end, planned.map({ wake < $0 }) ?? true {
                now = max(now, wake)
                self.wake = nil
                wakes += 1
                tell(.woke)
            } else if let next, let planned, planned <= end {
                now = planned
                happen(timeline.remove(at: next).what)
            } else {
                now = end
                return
            }
        }
    }

    private mutating func plan(_ what: Delivery, at: Instant) {
        lastOrder += 1
        timeline.append((at, lastOrder, what))
    }

    private mutating func happen(_ what: Delivery) {
        switch what {
        case .toServer(let number, let frame):
            if arrives(number), let message = read(frame) {
                tellServer(.received(ConnectionID(rawValue: number), message))
            }
        case .toFollower(let number, let frame):
            if arrives(number), let message = read(frame).flatMap(tamper) { tell(.received(number, message)) }
        case .established(let number):
            guard connection == number else { return }
            tellServer(.connected(ConnectionID(rawValue: number)))
            tell(.connected(number))
        case .refused(let number): if connection == number { lose(.refused) }
        case .follow(let event): tell(event)
        case .serverWake: tellServer(.woke)
        case .made(let number, let constraints):
            wanted = constraints
            tellServer(.template(offered, for: ConnectionID(rawValue: number), constraints))
        case .change(let change): happen(change)
        }
    }

    private mutating func happen(_ change: Change) {
        switch change {
        case .offer(let provided):
            offered = provided
            guard let connection, let wanted else { return }
            tellServer(.template(provided, for: ConnectionID(rawValue: connection), wanted))
        case .cut: lose(.closed)
        case .down(let isDown):
            self.isDown = isDown
            if isDown { lose(.closed) }
        case .silent(let isSilent): self.isSilent = isSilent
        case .restart:
            lose(.closed)
            server = TemplateDistributionServer()
        case .inject(let message): if let connection { tell(.received(connection, message)) }
        case .solve: solve()
        }
    }

    private mutating func arrives(_ number: UInt64) -> Bool {
        guard number == connection else { return false }
        messages += 1
        guard messages == cutAfter else { return true }
        lose(.closed)
        return false
    }

    private mutating func lose(_ failure: ProviderLinkFailure) {
        guard let number = connection else { return }
        connection = nil
        wanted = nil
        tellServer(.closed(ConnectionID(rawValue: number)))
        tell(.closed(number, failure))
    }

    private func read(_ frame: [UInt8]) -> TemplateDistributionMessage? {
        guard let header = FrameHeader(frontOf: frame),
            case .message(let message, _)? = try? TemplateDistributionMessage.read(
                header, Array(frame[FrameHeader.byteCount...]))
        else { return nil }
        return message
    }

    private func frame(_ message: TemplateDistributionMessage) -> [UInt8] {
        guard let frame = try? message.frame() else { preconditionFailure("our own messages can be written") }
        return frame
    }

    private mutating func tell(_ event: ProviderFollower.Event) {
        for action in follower.handle(event, at: now) {
            switch action {
            case .connect(let number):
                connects.append(now)
                connection = number
                plan(isDown ? .refused(number) : .established(number), at: now + .milliseconds(2))
            case .disconnect(let number):
                guard connection == number else { continue }
                connection = nil
                wanted = nil
                tellServer(.closed(ConnectionID(rawValue: number)))
            case .send(let number, let message):
                sent.append(message)
                plan(.toServer(number, frame(message)), at: now + .milliseconds(1))
            case .wake(let at): wake = at
            case .publish(let change):
                changes.append(change)
                news.append(.change(change))
            case .health(let health):
                news.append(.health(health))
                self.health.append(health)
                healthAt.append(now)
            case .solution(_, let route): routes.append(route)
            }
        }
    }

    private mutating func tellServer(_ event: TemplateDistributionServer.Event) {
        for action in server.handle(event, at: now) {
            switch action {
            case .send(let id, let message):
                if !isSilent { plan(.toFollower(id.rawValue, frame(message)), at: now + .milliseconds(1)) }
            case .close(let id, _): if connection == id.rawValue { lose(.closed) }
            case .wanted(let id, let constraints):
                plan(.made(id.rawValue, constraints), at: now + .milliseconds(1))
            case .publish(_, let hash, _): published.append(hash)
            case .wake(let at): plan(.serverWake, at: max(at, now))
            case .solutionRefused, .ignored: break
            }
        }
    }

    private mutating func solve() {
        guard let template = templates.last,
            let proposal = try? template.proposal(id: 1, plan: ProviderFixture.plan)
        else { return }
        let solution = ProviderFixture.solve(proposal, template.id)
        solved.append(solution.header.hash)
        tell(.solved(solution))
    }
}

extension ProviderFixture {
    /// A block of a proposal, ground.
    static func solve(_ proposal: Proposal, _ id: ProviderTemplateID) -> ProviderSolution {
        let coinbase = proposal.coinbase.transaction(extranonce: [1, 2, 3, 4, 5, 6, 7, 8])
        var header = Header(
            version: proposal.next.version, previousBlock: proposal.next.previousBlock,
            merkleRoot: MerkleTree.root(leaf: coinbase.txid.hash, path: proposal.merklePath),
            time: proposal.next.currentTime, bits: proposal.next.bits, nonce: 0)
        while !proposal.next.blockTarget.isMet(by: header.hash)
            || proposal.next.bits.target?.isMet(by: header.hash) != true
        {
            header.nonce += 1
        }
        return ProviderSolution(id: id, header: header, coinbaseTx: coinbase.wireBytes)
    }
}
