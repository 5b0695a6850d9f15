import BitcoinPrimitives
import NIOCore
import NodeRPC
import RecordedNode
import Transports

/// What a node says when its tip, its mempool or its target has changed.
struct NodeUpdate: Sendable {
    enum Reason: Sendable { case tip, mempool }
    var reason: Reason
    var next: NextBlock
    /// What became of the mempool since the update before; the first update has everything in `added`.
    var change: MempoolChange
    /// The node's own choice for the next block.
    var template: [MempoolEntry]
    var figures: TemplateFigures

    /// The same in the words of a live node. The tip comes last, so that all there is to it is there when it is built
    /// on.
    var changes: [NodeChange] {
        let own = OwnTemplate(next: next, figures: figures, txids: template.map(\.txid))
        let mempool = NodeChange.mempool(change, tip: next.previousBlock)
        return switch reason {
        case .tip: [mempool, .ownTemplate(own), .tip(next)]
        case .mempool: [mempool]
        }
    }
}

/// What became of a block that was handed in.
enum SubmissionResult: Sendable {
    case accepted(height: UInt32)
    case duplicate
    /// Its parent is the tip no longer.
    case tooLate
    case refused(String)
}

/// The recorded node on an event loop of its own, as a node is a process of its own: everybody asks, nobody waits.
///
/// Sendable by confinement: `node` and `observers` are touched on `loop` only.
final class NodeService: @unchecked Sendable {
    let loop: any EventLoop
    private var node: RecordedNode
    private var observers: [@Sendable (NodeUpdate) -> Void] = []
    /// To be announced with the next tip.
    private var nextTarget: Target?

    init(_ node: RecordedNode, on loop: any EventLoop) {
        self.node = node
        self.loop = loop
    }

    /// Calls `observer` on the node's loop: at once with all there is, then with each change.
    func observe(_ observer: @escaping @Sendable (NodeUpdate) -> Void) {
        loop.execute {
            self.observers.append(observer)
            observer(self.update(.tip, MempoolChange(added: self.node.mempool)))
        }
    }

    /// From the next tip on, the node announces this target instead of what its bits allow.
    func announce(_ target: Target) {
        loop.execute { self.nextTarget = target }
    }

    /// Sets the target of the tip that is there now; before anybody observes.
    func announceAtOnce(_ target: Target) {
        loop.execute { self.node.blockTarget = target }
    }

    /// Takes a whole block. `done` is called on the node's loop, before observers learn of a new tip.
    func submit(_ block: [UInt8], done: @escaping @Sendable (SubmissionResult) -> Void) {
        loop.execute {
            switch self.node.submit(block, unixTime: unixTime()) {
            case .accepted(let accepted):
                if let target = self.nextTarget { self.node.blockTarget = target }
                done(.accepted(height: accepted.height))
                self.tell(self.update(.tip, accepted.mempoolChange))
                self.tell(self.update(.mempool, MempoolChange(added: self.node.refill())))
            case .duplicate: done(.duplicate)
            case .refused(let refusal):
                let reason = refusal.reasonCode
                done(reason == "inconclusive-not-best-prevblk" ? .tooLate : .refused(reason))
            }
        }
    }

    /// Checks all of a block but its proof of work. `done` gets nil for an acceptable one, on the node's loop.
    func propose(_ block: [UInt8], done: @escaping @Sendable (String?) -> Void) {
        loop.execute { done(self.node.propose(block, unixTime: unixTime())?.reasonCode) }
    }

    private func tell(_ update: NodeUpdate) {
        for observer in observers { observer(update) }
    }

    private func update(_ reason: NodeUpdate.Reason, _ change: MempoolChange) -> NodeUpdate {
        NodeUpdate(
            reason: reason, next: node.nextBlock(unixTime: unixTime()), change: change,
            template: node.template,
            figures: node.templateFigures)
    }
}
