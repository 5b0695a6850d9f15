import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import TemplateBuilding
import Testing
import Units

/// The upstream against the project's own pool: two readings of the protocol by different hands.
private struct PoolWorld: VirtualClock {
    var upstream: PoolUpstream
    var pool: Pool
    var now = Instant(nanoseconds: 0)
    var dropAt: Int?
    private(set) var messageCount = 0
    private(set) var job: Job?
    private(set) var found: [Share] = []
    private(set) var settled: [Share: [ShareOutcome]] = [:]
    private(set) var poolAccepted: [Hash256] = []
    private(set) var poolComplaints: [String] = []
    private(set) var published = 0

    private enum Item {
        case connect(Link), closed(Link), toPool(UpstreamMessage), toUpstream(UpstreamMessage, ConnectionID)
    }
    private var queue: [Item] = []
    private var links: [Link: ConnectionID] = [:]
    private var nextConnection: UInt64 = 1
    var wakes = VirtualWakes()
    private var outputs: [TransactionOutput] = []
    private var nextProposal: UInt64 = 1
    private var nonce: UInt32 = 0
    private static let start: UInt32 = 1_700_000_000

    init() {
        let identity = ClientIdentity(
            endpointHost: "pool", endpointPort: 1, vendor: "Adit", hardwareVersion: "", firmware: "")
        upstream = PoolUpstream(
            UpstreamConfiguration(
                index: 0, miningIdentity: identity, declarationIdentity: identity, userIdentity: "miner",
                nominalHashRate: HashRate(hashesPerSecond: 1), minimumExtranonceSize: 8, seed: 7))
        var configuration = PoolConfiguration(payoutScript: [0x51], sharesPerMinute: 6, tokenSeed: 1)
        configuration.acknowledgementBatch = 3
        pool = Pool(configuration)
        toPool(.tip(Self.next(1)))
    }

    static func next(_ tip: UInt8) -> NextBlock {
        NextBlock(
            previousBlock: Hash256(hashing: [tip]), height: 299 + UInt32(tip), version: 0x2000_0000,
            bits: CompactTarget(bits: 0x207f_ffff), blockTarget: Target(leadingZeroBits: 14),
            minimumTime: start - 1_000, currentTime: start, subsidy: Satoshis(rawValue: 1_250_000_000))
    }

    private var unixTime: UInt32 { Self.start + UInt32(now.nanoseconds / 1_000_000_000) }

    mutating func newTip(_ tip: UInt8) {
        toPool(.tip(Self.next(tip)))
        propose(tip)
    }

    /// A block without transactions but its coinbase; each has a tag of its own.
    mutating func propose(_ tip: UInt8) {
        let next = Self.next(tip)
        let tag = [UInt8(truncatingIfNeeded: nextProposal >> 8), UInt8(truncatingIfNeeded: nextProposal)]
        let commitment = TransactionOutput(value: .zero, script: WitnessCommitment.script(wtxids: []))
        let coinbase = CoinbaseParts(
            version: 2, scriptPrefix: Script.heightPush(next.height) + [14] + tag, extranonceSize: 12,
            sequence: 0xffff_fffe,
            outputs: outputs.map { TransactionOutput(value: next.subsidy, script: $0.script) } + [commitment],
            lockTime: next.height - 1)
        let fees = Satoshis(rawValue: nextProposal * 1_000)  // said only, so that each is worth a declaration
        let proposal = Proposal(
            id: nextProposal, next: next, transactions: [], coinbase: coinbase, merklePath: [], fees: fees,
            weight: coinbase.weight, sigopCost: 0, nodeFigures: nil)
        nextProposal += 1
        toUpstream(.proposal(proposal))
    }

    /// Tries nonces until one is a share of the job at hand.
    mutating func find() {
        guard let job else { return }
        var extranonce = [UInt8](repeating: 0, count: job.extranonceSize)
        extranonce[0] = 1
        let root = CoinbaseParts.merkleRoot(
            strippedPrefix: job.coinbasePrefix, extranonce: job.extranoncePrefix + extranonce,
            strippedSuffix: job.coinbaseSuffix, path: job.merklePath)
        while true {
            nonce += 1
            let header = Header(
                version: job.version, previousBlock: job.previousBlock, merkleRoot: root,
                time: job.minimumTime,
                bits: job.bits, nonce: nonce)
            guard job.target.isMet(by: header.hash) else { continue }
            let share = Share(
                origin: job.origin, extranonce: extranonce, header: header, hash: header.hash,
                isBlock: job.blockTarget.isMet(by: header.hash))
            found.append(share)
            return toUpstream(.share(share))
        }
    }

    mutating func wakePeer() {
        toPool(.woke)
        deliver()
    }

    mutating func toUpstream(_ event: UpstreamEvent) {
        for action in upstream.handle(event, at: now) {
            switch action {
            case .connect(let link): queue.append(.connect(link))
            case .disconnect(let link): if let id = links.removeValue(forKey: link) { toPool(.closed(id)) }
            case .send(let message): queue.append(.toPool(message))
            case .coinbaseConstraints(let constraints): outputs = constraints.outputs
            case .activate(let new): job = new
            case .shareSettled(let share, let outcome): settled[share, default: []].append(outcome)
            case .wake(let time): wakes.upstream = time
            case .acknowledged, .refused, .block, .upstreamFailed, .notice: break
            case .connectLine, .audited, .blockWithoutTransactions:
                preconditionFailure("not of such an upstream")
            }
        }
        deliver()
    }

    private mutating func toPool(_ event: PoolEvent) {
        for action in pool.handle(event, at: now, unixTime: unixTime) {
            switch action {
            case .sendMining(let id, let message): queue.append(.toUpstream(.mining(message), id))
            case .sendDeclaration(let id, let message):
                queue.append(.toUpstream(.jobDeclaration(message), id))
            case .close(let id, let fault):
                poolComplaints.append("\(fault)")
                if let link = links.first(where: { $0.value == id })?.key { queue.append(.closed(link)) }
            case .check(let check, _): toPool(.checked(check, refusal: nil))
            case .publish: published += 1
            case .shareAccepted(_, _, _, let hash, _): poolAccepted.append(hash)
            case .shareRejected(_, _, let refusal): poolComplaints.append("\(refusal)")
            case .refused(_, let what, let code, let details):
                poolComplaints.append("\(what) \(code) \(details)")
            case .ignored(_, let what): poolComplaints.append("ignored \(what)")
            case .declared, .customJobAccepted: break
            case .wake(let time): wakes.peer.append(time)
            }
        }
    }

    private var isDelivering = false

    private mutating func deliver() {
        guard !isDelivering else { return }
        isDelivering = true
        defer { isDelivering = false }
        while !queue.isEmpty {
            switch queue.removeFirst() {
            case .connect(let link):
                let id = ConnectionID(rawValue: nextConnection)
                nextConnection += 1
                links[link] = id
                toPool(link == .mining ? .miningConnected(id) : .declarationConnected(id))
                toUpstream(.connected(link))
            case .closed(let link): cut(link)
            case .toPool(let message):
                guard let id = links[message.link], !isDropped(message.link) else { continue }
                switch message {
                case .mining(let message): toPool(.mining(id, message))
                case .jobDeclaration(let message): toPool(.declaration(id, message))
                case .baseTemplate, .line: preconditionFailure("not of such an upstream")
                }
            case .toUpstream(let message, let id):
                guard links[message.link] == id, !isDropped(message.link) else { continue }
                toUpstream(.received(message))
            }
        }
    }

    private mutating func isDropped(_ link: Link) -> Bool {
        messageCount += 1
        guard messageCount - 1 == dropAt else { return false }
        cut(link)
        return true
    }

    private mutating func cut(_ link: Link) {
        guard let id = links.removeValue(forKey: link) else { return }
        toPool(.closed(id))
        toUpstream(.closed(link, "connection reset"))
    }
}

@Suite struct PoolRole {
    /// 30 s on one tip with two templates, then a quiet minute.
    private static func session(dropAt: Int?) -> PoolWorld {
        var world = PoolWorld()
        world.dropAt = dropAt
        world.toUpstream(.begin)
        for second in 0..<30 {
            if second % 5 == 1 { world.propose(1) }
            world.find()
            world.run(for: .seconds(1))
        }
        world.run(for: .seconds(60))
        return world
    }

    private static func problems(_ world: PoolWorld) -> [String] {
        var problems = [String]()
        if Set(world.poolAccepted).count != world.poolAccepted.count { problems.append("counted twice") }
        if Set(world.poolAccepted) != Set(world.found.map(\.hash)) { problems.append("lost on the way") }
        if !world.found.allSatisfy({ world.settled[$0] == [.accepted] }) {
            problems.append("settled otherwise")
        }
        if world.upstream.state != .earning { problems.append("\(world.upstream.state)") }
        return problems
    }

    @Test func `a session with our own pool has nothing to complain about`() {
        let world = Self.session(dropAt: nil)
        #expect(Self.problems(world) == [])
        #expect(world.poolComplaints == [])
        #expect(world.found.count == 29)
        #expect(world.messageCount > 50)
    }

    @Test func `a drop at every message of a session with our own pool loses and repeats no share`() {
        for index in 0..<Self.session(dropAt: nil).messageCount {
            let problems = Self.problems(Self.session(dropAt: index))
            #expect(problems == [], "dropped at message \(index)")
        }
    }

    @Test func `tips in quick succession end with the newest one being earned on`() {
        var world = PoolWorld()
        world.toUpstream(.begin)
        for tip in 1...6 as ClosedRange<UInt8> { world.newTip(tip) }
        world.run(for: .seconds(1))
        world.find()
        world.run(for: .seconds(5))
        #expect(Self.problems(world) == [])
        #expect(world.poolComplaints == [])
    }
}
