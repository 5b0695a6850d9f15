public import NodeConnections
public import NodeRPC

/// Why a live source gave no mempool.
public struct LiveSourceFault: Error, Hashable, Sendable {
    public enum Reason: Hashable, Sendable {
        case node(NodeTrouble)
        /// So much of the mempool was here when the time was over.
        case tooSlow(LiveProgress, after: Duration)
        case cancelled
    }

    public var endpoint: NodeEndpoint
    public var reason: Reason
}

extension LiveSourceFault: CustomStringConvertible {
    /// A sentence for the operator: where, what, and what to do.
    public var description: String {
        switch reason {
        case .node(let trouble): endpoint.sentence(for: .down(trouble))
        case .tooSlow(let progress, let after):
            "The node at \(endpoint.place) has given \(progress) in \(Int(after.components.seconds)) seconds. Is it "
                + "busy, or far away? Try again, or give it more time."
        case .cancelled: "The node at \(endpoint.place) was not waited for."
        }
    }
}

/// How much of a mempool is here.
public struct LiveProgress: Hashable, Sendable, CustomStringConvertible {
    /// Transactions.
    public var held: Int
    /// With those that are still to come; grows while the node tells of more.
    public var total: Int

    public init(held: Int, total: Int) {
        self.held = held
        self.total = total
    }

    public var description: String { "\(held) of \(total) transactions" }
}
