import BaseTemplates
import BitcoinPrimitives
import LiveSources
import LiveTemplates
import NIOCore
import NodeConnections
import NodeRPC
import PoolServer
import TemplateBuilding
import Transports
import Units

/// Nodes over RPC and ZMQ: templates from the first that is well, tips from whoever tells first, blocks to all of them.
///
/// Each node's mempool is kept, whether it is in use or not. Sendable by confinement: everything happens on `loop`.
final class LiveFeed: NodeFeed, @unchecked Sendable {
    /// Between two looks at the mempool at one tip; none while nothing has changed.
    private static let refresh = Duration.seconds(3)

    private let loop: any EventLoop
    private let nodes: LiveNodes
    /// Without a plan they make no templates, and follow the mempools all the same.
    private var makers: [TemplateMaker]
    private var observe: (@Sendable (FeedNews) -> Void)?
    private var tip: NextBlock?
    private var hasChanged = false
    private var lastLook: Instant?
    private var timer: Scheduled<Void>?

    init(_ endpoints: [NodeEndpoint], seed: UInt64, on loop: any EventLoop) {
        self.loop = loop
        nodes = LiveNodes(endpoints, seed: seed, on: loop)
        var settings = TemplateMaker.Settings()
        settings.seed = seed
        makers = endpoints.map { _ in TemplateMaker(settings) }
    }

    func start(observe: @escaping @Sendable (FeedNews) -> Void) {
        loop.execute {
            self.observe = observe
            self.nodes.start { self.heard($0) }
        }
    }

    func stop() async {
        try? await loop.submit {
            self.observe = nil
            self.timer?.cancel()
            self.nodes.stop()
        }.get()
    }

    // MARK: Blocks

    func propose(_ block: [UInt8], done: @escaping @Sendable (PoolVerdict) -> Void) {
        loop.execute {
            let answer = self.nodes.propose(block: block)
            answer.whenComplete { result in
                switch result {
                case .success(let (_, verdict)): done(Self.verdict(verdict))
                case .failure(let error): done(.unknown(Self.sentence(error)))
                }
            }
        }
    }

    func publish(_ block: [UInt8], done: @escaping @Sendable (BlockFate) -> Void) {
        loop.execute {
            let submission = self.nodes.submit(block: block)
            submission.first.assumeIsolated().whenSuccess { first in
                guard let first else { return }
                done(.accepted(place: self.place(first.node)))
            }
            submission.all.assumeIsolated().whenSuccess { results in
                if let fate = self.fate(results) { done(fate) }
            }
        }
    }

    /// `nil` when a node has it.
    private func fate(_ results: [Result<BlockVerdict, VerdictFailure>]) -> BlockFate? {
        var refusal: BlockFate?
        var failure = "no node is configured"
        for (index, result) in results.enumerated() {
            switch result {
            case .success(.accepted), .success(.duplicate): return nil
            case .success(let verdict):
                refusal = refusal ?? .refused(place: place(index), reason: Self.word(verdict))
            case .failure(let error): failure = "\(place(index)): \(Self.sentence(error))"
            }
        }
        return refusal ?? .unanswered(failure)
    }

    private func place(_ index: Int) -> String { nodes.services[index].endpoint.place }

    private static func verdict(_ verdict: BlockVerdict) -> PoolVerdict {
        switch verdict {
        case .accepted, .duplicate: .acceptable
        case .duplicateInvalid, .duplicateInconclusive, .inconclusive, .notOnTip, .refused:
            .refused(word(verdict))
        }
    }

    /// As the node spells it.
    private static func word(_ verdict: BlockVerdict) -> String {
        switch verdict {
        case .accepted: "accepted"
        case .duplicate: "duplicate"
        case .duplicateInvalid: "duplicate-invalid"
        case .duplicateInconclusive: "duplicate-inconclusive"
        case .inconclusive: "inconclusive"
        case .notOnTip: "inconclusive-not-best-prevblk"
        case .refused(let word): word
        }
    }

    private static func sentence(_ error: any Error) -> String {
        if let failure = error as? LiveNodes.ProposalFailure {
            switch failure {
            case .noNodeInUse: return "no node can be used now"
            case .node(_, let failure): return sentence(failure)
            }
        }
        guard let failure = error as? VerdictFailure else { return "\(error)" }
        switch failure {
        case .call: return "it cannot be reached"
        case .reply, .answer: return "its answer is not that of a node"
        case .node(let error): return "it answers with error \(error.code)"
        case .timedOut(let after): return "no answer within \(after.components.seconds) s"
        case .queueFull(let count): return "\(count) blocks wait for its answer already"
        case .stopped: return "the pool is ending"
        }
    }

    // MARK: News

    private func heard(_ news: LiveNodes.News) {
        switch news {
        case .using(let index):
            guard let index else {
                observe?(
                    .notice(
                        "no node can be used: the pool goes on with its last template, and judges nothing"))
                break
            }
            if makers.count > 1 { observe?(.notice("templates come from \(place(index)) now")) }
            if let tip { follow(.tip(tip), in: index) }
            changed()
        case .change(.tip(let next), _):
            tip = next
            for index in makers.indices { follow(.tip(next), in: index) }
            observe?(.tip(next))
            lastLook = nil
            changed()
        case .change(let change, let index):
            if case .identified(let chain, _) = change {
                observe?(.chain(chain.chain, place: place(index)))
            }
            follow(change, in: index)
            guard index == nodes.current else { break }
            if case .ownTemplate(let own) = change { renew(own.next) }
            changed()
        case .health(let health, let index, let sentence):
            observe?(.notice(sentence))
            if case .down = health { makers[index].lose() }
        }
    }

    private func follow(_ change: NodeChange, in index: Int) {
        _ = makers[index].handle(.news(change), at: .now)
    }

    /// Times go on, and on test networks the target, while the tip is the same. The earliest header time does not change
    /// within a tip. Source: sv2-notes §8.5.
    private func renew(_ next: NextBlock) {
        guard var tip, tip.previousBlock == next.previousBlock else { return }
        var renewed = next
        renewed.minimumTime = tip.minimumTime
        renewed.currentTime = max(next.currentTime, tip.currentTime)
        guard renewed != tip else { return }
        tip = renewed
        self.tip = tip
        observe?(.tip(tip))
    }

    /// Something about the mempool is new: a look at once for a new tip, then in its turn.
    private func changed() {
        hasChanged = true
        guard timer == nil else { return }
        if let lastLook, Instant.now < lastLook + Self.refresh {
            timer = loop.scheduleTask(deadline: (lastLook + Self.refresh).deadline) {
                self.timer = nil
                self.look()
            }
        } else {
            look()
        }
    }

    private func look() {
        guard hasChanged, let tip, let index = nodes.current, makers[index].mempoolTip == tip.previousBlock
        else { return }
        hasChanged = false
        lastLook = .now
        var mempool = makers[index].mempool
        mempool.setTip(tip)
        observe?(.candidates(BaseTemplateSource.candidates(of: &mempool)))
    }
}

extension TemplateMaker {
    fileprivate mutating func lose() { _ = handle(.lost, at: .now) }
}
