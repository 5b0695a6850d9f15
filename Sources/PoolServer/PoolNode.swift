public import BitcoinPrimitives

/// What a node says of a proposed block.
public enum PoolVerdict: Hashable, Sendable {
    case acceptable
    /// The word for what is wrong, as `submitblock` gives it (BIP 22).
    case refused(String)
    /// It could not be asked, or did not answer: why, for people.
    case unknown(String)
}

/// The node behind a pool: it judges proposals and takes blocks.
public struct PoolNode: Sendable {
    /// Everything about a block but its proof of work. `done` may be called on any thread, once.
    public var judge: @Sendable (_ block: [UInt8], _ done: @escaping @Sendable (PoolVerdict) -> Void) -> Void
    /// Takes a found block.
    public var publish: @Sendable (_ block: [UInt8], _ hash: Hash256) -> Void

    public init(
        judge:
            @escaping @Sendable (_ block: [UInt8], _ done: @escaping @Sendable (PoolVerdict) -> Void)
            -> Void,
        publish: @escaping @Sendable (_ block: [UInt8], _ hash: Hash256) -> Void
    ) {
        self.judge = judge
        self.publish = publish
    }

    /// A node that always answers: nil for an acceptable block, else the word for what is wrong.
    public init(
        check: @escaping @Sendable (_ block: [UInt8], _ done: @escaping @Sendable (String?) -> Void) -> Void,
        publish: @escaping @Sendable (_ block: [UInt8], _ hash: Hash256) -> Void
    ) {
        self.init(
            judge: { block, done in
                check(block) { refusal in done(refusal.map { .refused($0) } ?? .acceptable) }
            }, publish: publish)
    }
}
