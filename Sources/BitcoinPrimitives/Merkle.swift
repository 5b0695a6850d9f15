import CSHA256d

/// Merkle trees as Bitcoin builds them: pairs of SHA-256d, the last node of an odd level paired with itself.
public enum MerkleTree {
    /// Root over `leaves`; `nil` for an empty list, which has none.
    public static func root(of leaves: [Hash256]) -> Hash256? {
        guard !leaves.isEmpty else { return nil }
        var level = leaves
        while level.count > 1 { level = parents(of: level) }
        return level[0]
    }

    /// Siblings of the leftmost leaf from the leaf level upwards: what turns a coinbase into a merkle root.
    ///
    /// - Parameter others: the leaves after the leftmost one, which itself is not needed.
    /// - Returns: ⌈log2(others + 1)⌉ hashes, none for an empty list.
    public static func path(besides others: [Hash256]) -> [Hash256] {
        var path = [Hash256]()
        var level = [.zero] + others
        while level.count > 1 {
            path.append(level[1])
            level = parents(of: level)
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
        var level = leaves
        while level.count > 1 {
            for i in stride(from: 0, to: level.count - 1, by: 2) where level[i] == level[i + 1] {
                return true
            }
            level = parents(of: level)
        }
        return false
    }

    private static func parents(of level: [Hash256]) -> [Hash256] {
        let pairs = (level.count + 1) / 2
        var nodes = [UInt8]()
        nodes.reserveCapacity(64 * pairs)
        for hash in level { nodes += hash.wireBytes }
        if level.count % 2 == 1 { nodes += level[level.count - 1].wireBytes }
        nodes.withUnsafeMutableBufferPointer { adit_sha256d_pairs($0.baseAddress, pairs, $0.baseAddress) }
        return (0..<pairs).compactMap { Hash256(wireBytes: nodes[32 * $0..<32 * $0 + 32]) }
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
        let root = MerkleTree.root(of: [.zero] + wtxids.map(\.hash)) ?? .zero
        return scriptPrefix + Hash256(hashing: root.wireBytes + reservedValue).wireBytes
    }

    /// Whether an output script is a commitment; of several outputs that match, the last one counts.
    public static func isCommitment(_ script: [UInt8]) -> Bool {
        script.count >= 38 && script.starts(with: scriptPrefix)
    }
}
