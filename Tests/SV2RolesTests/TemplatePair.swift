import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Units

@testable import SV2Roles

/// A template client and a template server in one thread: frames that travel as bytes, latency, a node that takes its time
/// to make a template, and a connection that may break. What the server offers changes as a plan says.
struct TemplatePair {
    struct Faults {
        var seed: UInt64 = 1
        /// Each way, in milliseconds.
        var latency: ClosedRange<UInt64> = 1...1
        /// Until a wanted template is there, in milliseconds.
        var node: ClosedRange<UInt64> = 1...1
        /// The connection breaks at this message, once; what is on its way is lost.
        var cutAfter: Int?
        /// Transactions may come later than templates sent after them, in their own order.
        var delaysTransactions = false
    }

    private enum Delivery {
        case toServer(ConnectionID, [UInt8])
        case toClient(ConnectionID, [UInt8])
        case connect, solve, clientWake, serverWake
        case made(ConnectionID, CoinbaseOutputConstraints)
        case offer(ProvidedTemplate)
        case constrain(UInt32)
    }

    private(set) var server = TemplateDistributionServer()
    private(set) var client: TemplateDistributionClient
    let faults: Faults
    private(set) var now = TemplateFixture.start
    private var timeline: [(at: Instant, order: Int, what: Delivery)] = []
    private var lastOrder = 0
    private var chance: SplitMix64
    private var connection = ConnectionID(rawValue: 0)
    private var isConnected = false
    private var lastArrival: [String: Instant] = [:]
    private var offered: ProvidedTemplate
    /// What the server asked for last.
    private var wanted = TemplateFixture.constraints

    // What came of it.
    private(set) var messages = 0
    private(set) var active: [ActiveTemplate] = []
    private(set) var mistrusted: [TemplateMistrust] = []
    private(set) var faultsSeen: [String] = []
    private(set) var published: [Hash256] = []
    private(set) var refused: [SolutionRefusal] = []
    private(set) var solved: [Hash256] = []

    init(_ faults: Faults, first: ProvidedTemplate) {
        self.faults = faults
        chance = SplitMix64(seed: faults.seed)
        offered = first
        client = TemplateDistributionClient(
            TemplateDistributionClient.Configuration(
                identity: TemplateFixture.identity, constraints: TemplateFixture.constraints))
        plan(.connect, at: now)
    }

    mutating func planOffer(_ provided: ProvidedTemplate, at seconds: Double) {
        plan(.offer(provided), at: now + .seconds(seconds))
    }

    /// The client finds a block of what it hashes then.
    mutating func planBlock(at seconds: Double) { plan(.solve, at: now + .seconds(seconds)) }

    mutating func planConstraints(_ size: UInt32, at seconds: Double) {
        plan(.constrain(size), at: now + .seconds(seconds))
    }

    mutating func run(for duration: Duration) {
        let end = now + duration
        while let next = timeline.indices.min(by: {
            (timeline[$0].at, timeline[$0].order) < (timeline[$1].at, timeline[$1].order)
        }), timeline[next].at <= end {
            let (at, _, what) = timeline.remove(at: next)
            now = at
            happen(what)
        }
        now = end
    }

    private mutating func plan(_ what: Delivery, at: Instant) {
        lastOrder += 1
        timeline.append((at, lastOrder, what))
    }

    private mutating func happen(_ what: Delivery) {
        switch what {
        case .toServer(let id, let frame):
            if arrives(id), let message = read(frame) { tellServer(.received(id, message)) }
        case .toClient(let id, let frame):
            if arrives(id), let message = read(frame) { tellClient(.received(message)) }
        case .connect:
            connection = ConnectionID(rawValue: connection.rawValue + 1)
            isConnected = true
            client = TemplateDistributionClient(client.configuration)
            tellServer(.connected(connection))
            tellClient(.connected)
        case .solve:
            guard let current = client.current,
                let parts = current.template.coinbase(
                    paying: [TemplateFixture.payout], tag: [0x00], extranonceSize: 4)
            else { return }
            solve(current, parts)
        case .clientWake: tellClient(.woke)
        case .serverWake: tellServer(.woke)
        case .made(let id, let constraints):
            if id == connection { tellServer(.template(offered, for: id, constraints)) }
        case .offer(let provided):
            offered = provided
            tellServer(.template(provided, for: connection, wanted))
        case .constrain(let size):
            tellClient(
                .constrain(
                    CoinbaseOutputConstraints(
                        coinbaseOutputMaxAdditionalSize: size, coinbaseOutputMaxAdditionalSigops: 0)))
        }
    }

    private mutating func arrives(_ id: ConnectionID) -> Bool {
        guard id == connection, isConnected else { return false }
        messages += 1
        guard let cut = faults.cutAfter, messages == cut + 1 else { return true }
        isConnected = false
        lastArrival = [:]
        tellServer(.closed(connection))
        plan(.connect, at: now + .milliseconds(300))
        return false
    }

    private func read(_ frame: [UInt8]) -> TemplateDistributionMessage? {
        guard let header = FrameHeader(frontOf: frame),
            case .message(let message, _)? = try? TemplateDistributionMessage.read(
                header, Array(frame[FrameHeader.byteCount...]))
        else { return nil }
        return message
    }

    private mutating func pick(_ range: ClosedRange<UInt64>) -> Int64 {
        Int64(range.lowerBound + chance.next() % (range.upperBound - range.lowerBound + 1))
    }

    private mutating func send(_ message: TemplateDistributionMessage, toServer: Bool) {
        guard let frame = try? message.frame() else {
            preconditionFailure("a message of ours can be written")
        }
        guard isConnected else { return }
        var track = toServer ? "up" : "down"
        var delay = pick(faults.latency)
        if faults.delaysTransactions, case .requestTransactionDataSuccess = message {
            (track, delay) = ("transactions", delay + pick(0...300))
        }
        let arrival = max(lastArrival[track] ?? now, now + .milliseconds(delay))
        lastArrival[track] = arrival
        plan(toServer ? .toServer(connection, frame) : .toClient(connection, frame), at: arrival)
    }

    private mutating func tellServer(_ event: TemplateDistributionServer.Event) {
        for action in server.handle(event, at: now) {
            switch action {
            case .send(let id, let message): if id == connection { send(message, toServer: false) }
            case .close(_, let fault): faultsSeen.append("\(fault)")
            case .wanted(let id, let constraints):
                wanted = constraints
                plan(.made(id, constraints), at: now + .milliseconds(pick(faults.node)))
            case .publish(_, let hash, _): published.append(hash)
            case .solutionRefused(_, _, let refusal): refused.append(refusal)
            case .wake(let at): plan(.serverWake, at: max(at, now))
            case .ignored(_, let name): faultsSeen.append("server ignored \(name)")
            }
        }
    }

    private mutating func tellClient(_ event: TemplateDistributionClient.Event) {
        for action in client.handle(event, at: now) {
            switch action {
            case .send(let message): send(message, toServer: true)
            case .active(let template): active.append(template)
            case .mistrusted(let doubt): mistrusted.append(doubt)
            case .failed(let fault): faultsSeen.append("\(fault)")
            case .ignored(let name): faultsSeen.append("client ignored \(name)")
            case .wake(let at): plan(.clientWake, at: max(at, now))
            case .future, .transactions, .tipWithoutTemplate, .withdrawn, .refused, .stillWaiting,
                .solutionNotSent, .reconnectAsked:
                break
            }
        }
    }

    private mutating func solve(_ current: ActiveTemplate, _ parts: CoinbaseParts) {
        let coinbase = parts.transaction(extranonce: [1, 2, 3, 4])
        var header = Header(
            version: current.template.version, previousBlock: current.tip.previousBlock,
            merkleRoot: MerkleTree.root(leaf: coinbase.txid.hash, path: current.template.merklePath),
            time: current.tip.headerTimestamp, bits: current.tip.bits, nonce: 0)
        while !current.tip.blockTarget.isMet(by: header.hash) { header.nonce += 1 }
        solved.append(header.hash)
        let solution = TemplateSolution(
            templateId: current.templateId, header: header, coinbaseTx: coinbase.wireBytes)
        tellClient(.solved(solution))
    }
}
