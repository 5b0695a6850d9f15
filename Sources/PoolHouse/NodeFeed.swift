import BitcoinPrimitives
import PoolServer

/// What a pool's nodes say and take. Every method may be called anywhere; news come on one thread.
protocol NodeFeed: AnyObject, Sendable {
    /// Begins. `observe` is called on the feed's own loop.
    func start(observe: @escaping @Sendable (FeedNews) -> Void)
    func propose(_ block: [UInt8], done: @escaping @Sendable (PoolVerdict) -> Void)
    /// Hands a found block to every node at once.
    func publish(_ block: [UInt8], done: @escaping @Sendable (BlockFate) -> Void)
    func stop() async
}

enum FeedNews: Sendable {
    /// A node was reached: which network it is on, and where it is.
    case chain(String, place: String)
    /// A new tip; or the same with other times or another target.
    case tip(NextBlock)
    /// The best of the node's mempool for that tip, parents before children: more than one block holds.
    case candidates([MempoolEntry])
    /// For people.
    case notice(String)
}

/// What became of a found block at the nodes.
public enum BlockFate: Hashable, Sendable {
    /// Where it was taken first.
    case accepted(place: String)
    /// No node took it, and this is what one of those that answered says.
    case refused(place: String, reason: String)
    /// No node answered, and why not.
    case unanswered(String)
}
