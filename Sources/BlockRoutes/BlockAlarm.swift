public import BitcoinPrimitives
import Units

/// How a block ended.
public enum BlockOutcome: Hashable, Sendable {
    /// A node's best chain had it.
    case confirmed
    /// Nodes have another block in its place.
    case replaced
    /// A node or pool took it; whether it is in the best chain was not seen.
    case delivered
    /// Nobody was heard to have it.
    case unconfirmed
}

/// What must be said loudly of a block.
public struct BlockAlarm: Hashable, Sendable {
    public enum Reason: Hashable, Sendable {
        /// No node has it in its best chain.
        case unconfirmed(after: Duration)
        /// No file holds it: a crash now would lose it. In the edge's words.
        case notWritten(String)
        /// Its file may not outlive a power cut. In the edge's words.
        case notOnDisk(String)
        /// The last of those that had it in their best chain has left it.
        case reorganised(BlockRoute)
        /// Newer blocks took its room in memory, undecided, and no file holds it: no route gets it any more.
        case dropped
    }

    /// What a node's best chain has at the block's height.
    public enum View: Hashable, Sendable {
        case ours
        case other(Hash256)
    }

    public struct RouteReport: Hashable, Sendable {
        public enum State: Hashable, Sendable {
            /// Not up since the block was found, or not any more.
            case down
            case underWay
            /// Tried again soon.
            case waiting
            case done
            /// It came back and knew nothing of the job.
            case forgotten
            case givenUp
        }

        public var route: BlockRoute
        public var state: State
        public var attempts: Int
        /// The last one.
        public var answer: BlockAnswer?
    }

    /// Of a node, or of a template provider, which has a node behind it.
    public struct NodeReport: Hashable, Sendable {
        public var route: BlockRoute
        public var tip: Hash256
        public var height: UInt32
        /// `nil` when its chain does not reach the block's height, or goes too far beyond.
        public var view: View?
    }

    public var block: StoredBlock
    public var reason: Reason
    /// Whether a file holds the block.
    public var isWritten: Bool
    /// In the order in which the block was sent.
    public var routes: [RouteReport]
    /// Of those whose tip is known, in the order in which they first told it. None: nobody could confirm the block.
    public var nodes: [NodeReport]
}

extension BlockDelivery {
    func alarm(_ i: Int, _ reason: BlockAlarm.Reason) -> BlockAlarm {
        let entry = entries[i]
        let isWritten =
            switch entry.file {
            case .there: true
            case .writing, .failed: false
            }
        return BlockAlarm(
            block: entry.name, reason: reason, isWritten: isWritten,
            routes: entry.lanes.map {
                BlockAlarm.RouteReport(
                    route: $0.route, state: .init($0.state), attempts: $0.attempts, answer: $0.answer)
            },
            nodes: chains.map { route, chain in
                BlockAlarm.NodeReport(
                    route: route, tip: chain.hashes[0], height: chain.height, view: entry.views[route])
            })
    }
}

extension BlockAlarm.RouteReport.State {
    init(_ state: BlockDelivery.Lane.State) {
        self =
            switch state {
            case .closed: .down
            case .underWay: .underWay
            case .waiting: .waiting
            case .done: .done
            case .forgotten: .forgotten
            case .givenUp: .givenUp
            }
    }
}
