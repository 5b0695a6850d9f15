import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Messages
import SV2Roles
import Scheduling
import TemplateBuilding
import Units

/// An upstream, its owner and a scripted pool in virtual time. Messages arrive at once and in order.
struct Exchange {
    var upstream: PoolUpstream
    var pool = ScriptedPool()
    private(set) var now = Instant(nanoseconds: 0)
    /// Connection attempts that lead nowhere: neither up nor refused.
    var deadLinks: Set<Link> = []
    var refusingLinks: Set<Link> = []
    /// The message, counted from 0 over both links and directions, at which its connection breaks.
    var dropAt: Int?
    /// The pool closes the mining link as soon as it took a job.
    var hangsUpAfterAcknowledgement = false
    /// Messages wait here instead of arriving while this is true.
    var holdsAnswers = false

    private(set) var messageCount = 0
    private(set) var jobs: [Job] = []
    private(set) var found: [Share] = []
    private(set) var settled: [(share: Share, outcome: ShareOutcome)] = []
    private(set) var acknowledged: [JobOrigin] = []
    private(set) var refused: [(origin: JobOrigin, refusal: JobRefusal)] = []
    private(set) var blocks: [Share] = []
    /// Those that only the pool can put together.
    private(set) var poolBlocks: [Share] = []
    private(set) var notices: [NegotiationNotice] = []
    private(set) var hopeless: [UpstreamFault] = []
    private(set) var constraints: [CoinbaseConstraints] = []
    private(set) var connects: [(link: Link, at: Instant)] = []
    /// Of the last event, in order.
    private(set) var lastActions: [UpstreamAction] = []

    private enum Delivery {
        case toPool(UpstreamMessage), toUpstream(UpstreamMessage), connection(UpstreamEvent, Link)

        var link: Link {
            switch self {
            case .toPool(let message), .toUpstream(let message): message.link
            case .connection(_, let link): link
            }
        }
    }

    private var queue: [Delivery] = []
    private var held: [UpstreamMessage] = []
    private var upLinks: Set<Link> = []
    private var isDelivering = false
    private var wake: Instant?
    private var nextProposal: UInt64 = 1
    private var nextNonce: UInt32 = 0

    init(_ change: (inout UpstreamConfiguration) -> Void = { _ in }) {
        let identity = ClientIdentity(
            endpointHost: "pool", endpointPort: 1, vendor: "Adit", hardwareVersion: "", firmware: "")
        var configuration = UpstreamConfiguration(
            index: 4, miningIdentity: identity, declarationIdentity: identity, userIdentity: "miner",
            nominalHashRate: HashRate(hashesPerSecond: 1e9), minimumExtranonceSize: 8, seed: 1)
        change(&configuration)
        upstream = PoolUpstream(configuration)
        _ = upstream.handle(.clock(unixTime: ScriptedPool.unixTime), at: now)
    }

    mutating func send(_ event: UpstreamEvent) {
        let actions = upstream.handle(event, at: now)
        lastActions = actions
        for action in actions { perform(action) }
        if hangsUpAfterAcknowledgement,
            actions.contains(where: { if case .acknowledged = $0 { true } else { false } })
        {
            breakLink(.mining)
        }
        deliver()
    }

    /// The pool speaks on its own.
    mutating func poolSends(_ messages: [UpstreamMessage]) {
        queue += messages.map { .toUpstream($0) }
        deliver()
    }

    mutating func releaseAnswers() {
        holdsAnswers = false
        queue += held.map { .toUpstream($0) }
        held = []
        deliver()
    }

    mutating func breakLink(_ link: Link) {
        guard upLinks.remove(link) != nil else { return }
        pool.disconnected(link)
        queue.removeAll { $0.link == link }
        held.removeAll { $0.link == link }
        send(.closed(link, "connection reset"))
    }

    /// Lets virtual time pass, with every timer at its time.
    mutating func run(for duration: Duration) {
        let end = now + duration
        while let time = wake, time <= end {
            now = max(now, time)
            wake = nil
            send(.woke)
        }
        now = end
    }

    private mutating func perform(_ action: UpstreamAction) {
        switch action {
        case .connectLine, .audited: preconditionFailure("not of such an upstream")
        case .connect(let link):
            connects.append((link, now))
            if refusingLinks.contains(link) {
                queue.append(.connection(.failed(link, "connection refused"), link))
            } else if !deadLinks.contains(link) {
                upLinks.insert(link)
                queue.append(.connection(.connected(link), link))
            }
        case .disconnect(let link):
            upLinks.remove(link)
            pool.disconnected(link)
            queue.removeAll { $0.link == link }
            held.removeAll { $0.link == link }
        case .send(let message): queue.append(.toPool(message))
        case .coinbaseConstraints(let new): constraints.append(new)
        case .activate(let job): jobs.append(job)
        case .acknowledged(let origin): acknowledged.append(origin)
        case .refused(let origin, let refusal): refused.append((origin, refusal))
        case .shareSettled(let share, let outcome): settled.append((share, outcome))
        case .block(let share, _): blocks.append(share)
        case .blockWithoutTransactions(let share): poolBlocks.append(share)
        case .upstreamFailed(let fault, _): hopeless.append(fault)
        case .notice(let notice): notices.append(notice)
        case .wake(let time): wake = time
        }
    }

    private mutating func deliver() {
        guard !isDelivering else { return }
        isDelivering = true
        defer { isDelivering = false }
        while !queue.isEmpty {
            let next = queue.removeFirst()
            if case .toUpstream(let message) = next, holdsAnswers {
                held.append(message)
                continue
            }
            if case .connection(let event, _) = next {
                send(event)
                continue
            }
            guard upLinks.contains(next.link) else { continue }
            messageCount += 1
            if messageCount - 1 == dropAt {
                breakLink(next.link)
                continue
            }
            switch next {
            case .toPool(let message):
                pool.now = now
                queue += pool.receive(message).map { .toUpstream($0) }
            case .toUpstream(let message): send(.received(message))
            case .connection: break
            }
        }
    }
}

extension Exchange {
    /// A proposal built with the constraints given last.
    mutating func proposal(tip: UInt8 = 1, fees: UInt64 = 1_000, height: UInt32? = nil) -> Proposal {
        let terms =
            constraints.last ?? CoinbaseConstraints(outputs: [], extranoncePrefixSize: 4, extranonceSize: 8)
        defer { nextProposal += 1 }
        let entries = (0..<4).map { index in
            let bytes = [
                tip, UInt8(truncatingIfNeeded: nextProposal), UInt8(nextProposal >> 8), UInt8(index),
            ]
            let hash = Hash256(hashing: bytes)
            return MempoolEntry(
                txid: Txid(hash), wtxid: Wtxid(hash), weight: Weight(weightUnits: 400), sigopCost: 0,
                fee: Satoshis(rawValue: fees / 4), parents: [], wireBytes: bytes)
        }
        let next = NextBlock(
            previousBlock: Hash256(hashing: [tip]), height: height ?? 100 + UInt32(tip), version: 0x2000_0000,
            bits: CompactTarget(bits: 0x207f_ffff), blockTarget: .max, minimumTime: 1_700_000_000,
            currentTime: 1_700_000_100 + UInt32(nextProposal), subsidy: Satoshis(rawValue: 5_000_000_000))
        let coinbase = CoinbaseParts(
            version: 2, scriptPrefix: [1, 100, UInt8(terms.fullExtranonceSize)],
            extranonceSize: terms.fullExtranonceSize, sequence: 0xffff_fffe,
            outputs: terms.outputs.map {
                TransactionOutput(value: Satoshis(rawValue: 5_000_000_000 + fees), script: $0.script)
            }, lockTime: 99)
        return Proposal(
            id: nextProposal, next: next, transactions: entries, coinbase: coinbase,
            merklePath: MerkleTree.path(besides: entries.map(\.txid.hash)), fees: Satoshis(rawValue: fees),
            weight: Weight(weightUnits: 3_000), sigopCost: 0, nodeFigures: nil)
    }

    /// Begins, and gives the first proposal.
    mutating func start() {
        send(.begin)
        let first = proposal()
        send(.proposal(first))
    }

    /// A share of `job` (the newest one unless given), with a header and a hash of its own.
    func share(of job: Job, nonce: UInt32, isBlock: Bool = false) -> Share {
        var extranonce = [UInt8](repeating: 0, count: job.extranonceSize)
        extranonce[extranonce.count - 1] = UInt8(truncatingIfNeeded: nonce >> 8)
        let root = CoinbaseParts.merkleRoot(
            strippedPrefix: job.coinbasePrefix, extranonce: job.extranoncePrefix + extranonce,
            strippedSuffix: job.coinbaseSuffix, path: job.merklePath)
        let header = Header(
            version: job.version | 0x2000, previousBlock: job.previousBlock, merkleRoot: root,
            time: job.minimumTime + 1, bits: job.bits, nonce: nonce)
        return Share(
            origin: job.origin, extranonce: extranonce, header: header, hash: header.hash, isBlock: isBlock)
    }

    /// The chips find shares of the newest job, or of the one given.
    @discardableResult
    mutating func find(_ count: Int, of job: Job? = nil, isBlock: Bool = false) -> [Share] {
        guard let job = job ?? jobs.last else { return [] }
        return (0..<count).map { _ in
            nextNonce += 1
            let share = share(of: job, nonce: nextNonce, isBlock: isBlock)
            found.append(share)
            send(.share(share))
            return share
        }
    }

    func outcome(of share: Share) -> ShareOutcome? { settled.first { $0.share == share }?.outcome }

    var faults: [UpstreamFault] {
        notices.compactMap { if case .upstreamFailure(let fault, _) = $0 { fault } else { nil } }
    }
    var drops: [ProposalFault] {
        notices.compactMap { if case .proposalDropped(_, let fault) = $0 { fault } else { nil } }
    }
    func count(_ name: String) -> Int { pool.received.count { $0 == name } }
}

extension Exchange {
    /// Shares that were accepted by pool and miner alike, exactly once, and no others.
    var isLossless: Bool {
        settled.allSatisfy { $0.outcome == .accepted } && settled.count == found.count
            && Set(settled.map(\.share)) == Set(found) && pool.accepted == Set(found.map(\.hash))
    }
}

/// A function of its own, so that a failed expectation does not print the world.
func isLossless(_ world: Exchange) -> Bool { world.isLossless }
