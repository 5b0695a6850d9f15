import BitcoinPrimitives
import Crypto
import LiveTemplates
import MinerCore
import Negotiation
import NodeRPC
import SV2Codec
import SV2Messages
import SV2Noise
import TemplateBuilding

extension NegotiationBench {
    /// From a new tip, handed to the maker of templates, to the job frames for every chain. With the mempool of the tip
    /// at hand that is a full block; without, it is an empty one at once. Beside it SHA-256d alone of what has to be
    /// hashed for it: both trees of the block, and for each chain a coinbase and its path.
    func tipLatencies() throws -> [Latency] {
        try scale.chains.flatMap { chains -> [Latency] in
            var agent = try TipChanges(chains: chains, scale)
            var full = [(ours: Double, bare: Double)]()
            var empty = full
            var sizes = (full: 0, empty: 0)
            for _ in 0..<(rounds * scale.tips) {
                full.append(agent.change(isCaughtUp: true, &sizes.full))
                empty.append(agent.change(isCaughtUp: false, &sizes.empty))
            }
            let name = chains == 1 ? "1 chain" : "\(chains) chains"
            return [
                Latency(
                    "tip → full job at the ports of \(name)", byteCount: sizes.full,
                    bare:
                        "SHA-256d of two trees of \(scale.transactions) and a coinbase and path for each chain",
                    full),
                Latency(
                    "tip → empty job at the ports of \(name), mempool behind", byteCount: sizes.empty,
                    bare: "SHA-256d of a coinbase for each chain", empty),
            ]
        }
    }

    /// From a template to its declaration as it goes to the socket. Beside it ChaCha20-Poly1305 alone of as many bytes.
    func declarationLatency() throws -> Latency {
        var agent = try TipChanges(chains: 0, scale)
        let stream = DeclarationStream()
        var size = 0
        let samples = (0..<(rounds * scale.tips)).map { _ in agent.declare(through: stream, &size) }
        return Latency(
            "template of \(scale.transactions) transactions → declaration encrypted", byteCount: size,
            bare: "ChaChaPoly.seal of as many bytes alone", samples)
    }
}

/// An agent at work whose mempool becomes another one with each tip: every transaction is mined, and others have come.
private struct TipChanges {
    private var agent: NegotiationAgent
    private let mempools: [[MempoolEntry]]
    private let chains: Int
    private var tip: UInt32 = 1
    private var full, empty: BareHashes

    init(chains: Int, _ scale: NegotiationBench.Scale) throws {
        self.chains = chains
        mempools = [
            NegotiationScene.entries(scale.transactions),
            NegotiationScene.entries(scale.transactions, from: UInt32(scale.transactions)),
        ]
        agent = try NegotiationAgent(.full, chains: chains, chips: scale.chips)
        agent.tellPool(NegotiationScene.next(tip), mempools[1])
        let added = MempoolChange(added: mempools[1])
        agent.inform(.news(.mempool(added, tip: NegotiationScene.next(tip).previousBlock)))
        agent.inform(.news(.tip(NegotiationScene.next(tip))))
        agent.bringUp()
        guard let coinbase = agent.miner.statistics.proposal?.coinbase else {
            preconditionFailure("a template of ours is mined")
        }
        let size = coinbase.strippedPrefix.count + coinbase.extranonceSize + coinbase.strippedSuffix.count
        full = BareHashes(leaves: scale.transactions + 1, coinbaseSize: size)
        empty = BareHashes(leaves: 1, coinbaseSize: size)
    }

    private mutating func enterTip() -> (next: NextBlock, change: MempoolChange) {
        agent.run(for: .milliseconds(500))
        tip += 1
        let (gone, come) = (mempools[Int(tip + 1) % 2], mempools[Int(tip) % 2])
        let next = NegotiationScene.next(tip)
        agent.tellPool(next, come)
        return (next, MempoolChange(mined: gone.map(\.txid), added: come))
    }

    /// Nanoseconds from the tip to the bytes for all chains, and those of the bare hashes.
    mutating func change(isCaughtUp: Bool, _ size: inout Int) -> (ours: Double, bare: Double) {
        let (next, change) = enterTip()
        let news = TemplateMaker.Event.news(.mempool(change, tip: next.previousBlock))
        if isCaughtUp { agent.inform(news) }
        let (spent, actions) = agent.timed(.news(.tip(next)))
        let mined = agent.miner.statistics.proposal
        precondition(
            mined?.next == next && mined?.transactions.count == (isCaughtUp ? change.added.count : 0),
            "what is hashed is of the tip, and has what is known of its mempool")
        if !isCaughtUp { agent.inform(news) }
        var ports: Set<BoardIndex> = []
        size = 0
        for case .data(let board, let bytes) in actions {
            ports.insert(board)
            size += bytes.count
        }
        precondition(ports.count == chains, "every chain gets its job in the same turn")
        let bare = processorTime {
            if isCaughtUp {
                full.bothTrees()
                full.roots(chains)
            } else {
                empty.roots(chains)
            }
        }
        return (spent, bare)
    }

    mutating func declare(through stream: DeclarationStream, _ size: inout Int) -> (
        ours: Double, bare: Double
    ) {
        let (next, change) = enterTip()
        agent.inform(.news(.mempool(change, tip: next.previousBlock)))
        let (spent, encrypted) = agent.timedDeclaration(next, stream)
        size = encrypted
        return (spent, stream.sealAlone(size))
    }
}

extension NegotiationAgent {
    /// The template for a tip is made, and then its time begins. Returns nanoseconds and encrypted bytes.
    fileprivate mutating func timedDeclaration(
        _ next: NextBlock, _ stream: DeclarationStream
    ) -> (nanoseconds: Double, byteCount: Int) {
        var size = 0
        let spent = timed(.news(.tip(next))) { actions in
            for case .upstream(_, .send(.jobDeclaration(.declareMiningJob(let message)))) in actions {
                guard let frame = try? message.frame() else { preconditionFailure("it fits in a frame") }
                size += stream.encrypt(frame)
            }
        }
        precondition(size > 0, "a new tip's template is declared at once")
        return (spent, size)
    }
}

/// The sending end of a connection after its handshake, and a key of the same cipher without any protocol.
private final class DeclarationStream {
    private var transport: NoiseTransport
    private let key = SymmetricKey(size: .bits256)

    init() {
        var generator = SystemRandomNumberGenerator()
        let authority = AuthorityKeyPair.generate(using: &generator)
        let identity = ResponderIdentity.issue(by: authority, validity: 0...10, using: &generator)
        let limits = PayloadLimits(PayloadLimits.greatest)
        let initiator = HandshakeInitiator(authority: authority.publicKey, using: &generator)
        let responder = HandshakeResponder(identity: identity, using: &generator)
        guard let answer = try? responder.answer(act1: initiator.act1, limits: limits),
            let transport = try? initiator.finish(act2: answer.act2, now: 5, limits: limits)
        else { preconditionFailure("our own handshake") }
        self.transport = transport
    }

    /// Returns how many bytes go to the socket.
    func encrypt(_ frame: [UInt8]) -> Int {
        guard let bytes = try? transport.sending.encrypt(frame) else {
            preconditionFailure("2^64 nonces are not used up")
        }
        keep(bytes)
        return bytes.count
    }

    func sealAlone(_ count: Int) -> Double {
        let block = [UInt8](repeating: 0x5A, count: count)
        return processorTime {
            guard let box = try? ChaChaPoly.seal(block, using: key) else {
                preconditionFailure("anything is sealed")
            }
            keep(box)
        }
    }
}
