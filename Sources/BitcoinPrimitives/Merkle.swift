import CSHA256d

/// Merkle trees as Bitcoin builds them: pairs of SHA-256d, the last node of an odd level paired with itself.
public enum MerkleTree {
    /// Root over `leaves`; `nil` for an empty list, which has none.
    public static func root(of leaves: [Hash256]) -> Hash256? {
        guard !leaves.isEmpty else { return nil }
        var level = MerkleLevel(leaves)
        while level.count > 1 { level = level.parents() }
        return level[0]
    }

    /// Siblings of the leftmost leaf from the leaf level upwards: what turns a coinbase into a merkle root.
    ///
    /// - Parameter others: the leaves after the leftmost one, which itself is not needed.
    /// - Returns: ⌈log2(others + 1)⌉ hashes, none for an empty list.
    public static func path(besides others: [Hash256]) -> [Hash256] {
        var path = [Hash256]()
        var level = MerkleLevel([.zero] + others)
        while level.count > 1 {
            path.append(level[1])
            level = level.parents()
        }
        return path
    }

    /// Root above the leftmost leaf `leaf` with the siblings `path`.
    public static func root(leaf: Hash256, path: [Hash256]) -> Hash256 {
        path.reduce(leaf) { Hash256(hashing: $0.wireBytes + $1.wireBytes) }
    }

    /// Whether two neighbours that form a pair are equal on some level: a list whose tail is repeated has the
    /// same root as the list without the repetition, so that a root alone does not tell them apart
    /// (CVE-2012-2459).
    public static func isMutated(_ leaves: [Hash256]) -> Bool {
        var level = MerkleLevel(leaves)
        while level.count > 1 {
            for i in stride(from: 0, to: level.count - 1, by: 2) where level[i] == level[i + 1] {
                return true
            }
            level = level.parents()
        }
        return false
    }
}

/// A merkle tree that keeps its inner nodes, so that a change costs what it touches: a new tail recomputes the right
/// edge, and the nodes over what stays are not hashed again.
public struct KeptMerkleTree: Sendable {
    /// The leaf level first. The levels have the sizes n, ⌈n/2⌉, … 1; there is none for an empty list.
    private var levels: [MerkleLevel] = []

    public init(_ leaves: [Hash256] = []) { replaceTail(from: 0, with: leaves) }

    public var count: Int { levels.first?.count ?? 0 }

    /// `nil` for an empty list, which has none.
    public var root: Hash256? { levels.last.map { $0[0] } }

    /// Siblings of the leftmost leaf from the leaf level upwards, as ``MerkleTree/path(besides:)``: they do
    /// not depend on that leaf.
    public var path: [Hash256] { levels.dropLast().map { $0[1] } }

    public subscript(leaf: Int) -> Hash256 { levels[0][leaf] }

    /// Makes these the leaves, keeping what they have in common with the present ones at the front.
    ///
    /// - Returns: how many pairs were hashed.
    @discardableResult
    public mutating func update(to leaves: [Hash256]) -> Int {
        let common = levels.first?.commonPrefix(with: leaves) ?? 0
        guard common < leaves.count || common < count else { return 0 }
        return replaceTail(from: common, with: leaves[common...])
    }

    /// Replaces the leaves from `start` on. On the level of 2^k leaves a node, it hashes one pair for every 2^k
    /// new leaves or part of them, and one more at most: about as many as there are new leaves, and two a level.
    ///
    /// - Parameter start: 0 to `count`; anything else is a wrong call.
    /// - Returns: how many pairs were hashed.
    @discardableResult
    public mutating func replaceTail(from start: Int, with tail: some Sequence<Hash256>) -> Int {
        precondition((0...count).contains(start), "the tail begins within the leaves or right after them")
        if levels.isEmpty { levels.append(MerkleLevel([])) }
        levels[0].replaceTail(from: start, with: tail)
        guard levels[0].count > 0 else {
            levels = []
            return 0
        }
        var hashed = 0
        var height = 0
        var changed = start
        while levels[height].count > 1 {
            if height + 1 == levels.count { levels.append(MerkleLevel([])) }
            changed /= 2
            hashed += levels[height].hashPairs(from: changed, into: &levels[height + 1])
            height += 1
        }
        levels.removeSubrange((height + 1)...)
        return hashed
    }
}

/// The two trees of a block (txids and wtxids), kept from one template to the next.
///
/// The coinbase has no leaf of its own here: the path from it and the commitment inside it do not depend on it.
public struct BlockTrees: Sendable {
    private var txids = KeptMerkleTree([.zero])
    private var wtxids = KeptMerkleTree([.zero])

    public init() {}

    /// Siblings from the coinbase up to the merkle root, leaf level first.
    public var merklePath: [Hash256] { txids.path }

    /// The script of the output that commits to the witnesses.
    public var commitmentScript: [UInt8] {
        WitnessCommitment.script(root: wtxids.root ?? .zero)
    }

    /// The transactions of the next template, in block order, without the coinbase. Equal ones at the front cost a
    /// comparison; from the first that differs on, the right edge of both trees is recomputed.
    ///
    /// - Returns: how many pairs were hashed in both trees together.
    @discardableResult
    public mutating func update(txids: [Txid], wtxids: [Wtxid]) -> Int {
        precondition(txids.count == wtxids.count, "every transaction has both")
        let first = self.txids.update(to: [.zero] + txids.map(\.hash))
        return first + self.wtxids.update(to: [.zero] + wtxids.map(\.hash))
    }
}

/// One level of a tree: hashes back to back in memory, as the hashing kernel takes them.
private struct MerkleLevel: Sendable {
    private(set) var bytes: [UInt8]

    var count: Int { bytes.count / 32 }

    init(_ hashes: some Collection<Hash256>) {
        bytes = []
        bytes.reserveCapacity(32 * hashes.count)
        for hash in hashes { bytes.append(hash: hash) }
    }

    subscript(index: Int) -> Hash256 {
        guard let hash = Hash256(wireBytes: bytes[32 * index..<32 * index + 32]) else {
            preconditionFailure("a node has 32 bytes")
        }
        return hash
    }

    func parents() -> MerkleLevel {
        var above = MerkleLevel([])
        _ = hashPairs(from: 0, into: &above)
        return above
    }

    /// Leaves at the front that are the same as those of `hashes`.
    func commonPrefix(with hashes: [Hash256]) -> Int {
        let limit = Swift.min(count, hashes.count)
        return bytes.withUnsafeBytes { bytes in
            func limb(_ index: Int, of leaf: Int) -> UInt64 {
                UInt64(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: 32 * leaf + 8 * index, as: UInt64.self))
            }
            let first = (0..<limit).first {
                let number = hashes[$0].number
                return limb(0, of: $0) != number.l0 || limb(1, of: $0) != number.l1
                    || limb(2, of: $0) != number.l2 || limb(3, of: $0) != number.l3
            }
            return first ?? limit
        }
    }

    mutating func replaceTail(from start: Int, with tail: some Sequence<Hash256>) {
        bytes.removeSubrange((32 * start)...)
        for hash in tail { bytes.append(hash: hash) }
    }

    /// Makes `above` the parents of this level, of which those before `first` are right already.
    ///
    /// - Returns: how many pairs were hashed.
    func hashPairs(from first: Int, into above: inout MerkleLevel) -> Int {
        let pairs = (count + 1) / 2
        let whole = count / 2
        precondition(first <= pairs && first <= above.count, "what is kept is there")
        above.bytes.resize(to: 32 * pairs)
        bytes.withUnsafeBufferPointer { nodes in
            above.bytes.withUnsafeMutableBufferPointer { out in
                guard let source = nodes.baseAddress, let target = out.baseAddress else { return }
                if first < whole {
                    adit_sha256d_pairs(source + 64 * first, whole - first, target + 32 * first)
                }
                guard first < pairs, whole < pairs else { return }
                // The last node of an odd level, paired with itself.
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { pair in
                    guard let start = pair.baseAddress else { return }
                    start.initialize(from: source + 64 * whole, count: 32)
                    (start + 32).initialize(from: source + 64 * whole, count: 32)
                    adit_sha256d_pairs(start, 1, target + 32 * whole)
                }
            }
        }
        return pairs - Swift.min(first, pairs)
    }
}

extension [UInt8] {
    fileprivate mutating func append(hash: Hash256) {
        let number = hash.number
        let words = (
            number.l0.littleEndian, number.l1.littleEndian, number.l2.littleEndian, number.l3.littleEndian
        )
        Swift.withUnsafeBytes(of: words) { append(contentsOf: $0) }
    }

    /// Cuts or pads with zeros.
    fileprivate mutating func resize(to size: Int) {
        if count > size {
            removeSubrange(size...)
        } else {
            append(contentsOf: repeatElement(0, count: size - count))
        }
    }
}

/// The commitment to all witnesses of a block (BIP 141).
public enum WitnessCommitment {
    /// What the coinbase's witness holds by convention: 32 zero bytes.
    public static let reservedValue = [UInt8](repeating: 0, count: 32)

    /// Bytes with which the script of a commitment output begins: OP_RETURN, a push of 36, and the four-byte
    /// mark.
    public static let scriptPrefix: [UInt8] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed]

    /// The output script (38 bytes) that commits to a block of these transactions.
    ///
    /// - Parameter wtxids: of all transactions after the coinbase, in block order.
    public static func script(wtxids: [Wtxid], reservedValue: [UInt8] = reservedValue) -> [UInt8] {
        // The coinbase's own leaf is zero, so the tree is never empty.
        script(
            root: MerkleTree.root(of: [.zero] + wtxids.map(\.hash)) ?? .zero, reservedValue: reservedValue)
    }

    /// The output script (38 bytes) for a known root over the wtxids, in which the coinbase's leaf is zero.
    public static func script(root: Hash256, reservedValue: [UInt8] = reservedValue) -> [UInt8] {
        scriptPrefix + Hash256(hashing: root.wireBytes + reservedValue).wireBytes
    }

    /// Whether an output script is a commitment; of several outputs that match, the last one counts.
    public static func isCommitment(_ script: [UInt8]) -> Bool {
        script.count >= 38 && script.starts(with: scriptPrefix)
    }
}
