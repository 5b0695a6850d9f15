import BitcoinPrimitives
import Testing

private func leaf(_ number: Int) -> Hash256 { Hash256(hashing: Array("leaf-\(number)".utf8)) }
private func leaves(_ numbers: some Sequence<Int>) -> [Hash256] { numbers.map(leaf) }

/// Numerical Recipes' generator, so that a failing step can be repeated.
private struct Dice {
    var state: UInt64
    mutating func below(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(bound))
    }
}

private func isSame(_ tree: KeptMerkleTree, as list: [Hash256]) -> Bool {
    tree.count == list.count && tree.root == MerkleTree.root(of: list)
        && tree.path == (list.isEmpty ? [] : MerkleTree.path(besides: Array(list.dropFirst())))
}

@Test(arguments: 1...20)
func `a kept tree is what a tree from nothing would be, after any change of its tail`(seed: Int) {
    var dice = Dice(state: UInt64(seed))
    var tree = KeptMerkleTree()
    var list = [Hash256]()
    for step in 0..<60 {
        let start = dice.below(list.count + 1)
        let tail = leaves((0..<dice.below(seed * 4)).map { step * 1_000 + $0 })
        list = Array(list[..<start]) + tail
        tree.replaceTail(from: start, with: tail)
        #expect(isSame(tree, as: list), "seed \(seed), step \(step)")
    }
}

@Test func `every size of a small tree grows and shrinks to every other`() {
    for old in 0...17 {
        for new in 0...17 {
            for common in 0...min(old, new) {
                var tree = KeptMerkleTree(leaves(0..<old))
                let list = leaves(0..<common) + leaves((common..<new).map { $0 + 100 })
                tree.update(to: list)
                #expect(isSame(tree, as: list), "\(old) to \(new), \(common) in common")
            }
        }
    }
}

@Test func `a change at the tail hashes what is new and the right edge, not the tree`() {
    var list = leaves(0..<4_001)
    var tree = KeptMerkleTree()
    #expect(tree.update(to: list) == 2_001 + 1_001 + 501 + 251 + 126 + 63 + 32 + 16 + 8 + 4 + 2 + 1)
    #expect(tree.update(to: list) == 0)
    for (changed, bound) in [(1, 12), (10, 10 + 24), (100, 100 + 24)] {
        list = Array(list.dropLast(changed)) + leaves((0..<changed).map { $0 + 10_000 * changed })
        let hashed = tree.update(to: list)
        #expect(hashed <= bound && hashed >= 12, "\(changed) leaves: \(hashed) pairs")
        #expect(isSame(tree, as: list))
    }
    // One more, and one less again: the right edge only.
    #expect(tree.update(to: list + [leaf(-1)]) <= 12)
    #expect(tree.update(to: list) <= 12)
    #expect(isSame(tree, as: list))
}

@Test func `the trees of a block give path and commitment without the coinbase`() {
    let txids = (0..<300).map { Txid(leaf($0)) }
    let wtxids = (0..<300).map { Wtxid(leaf($0 + 1_000)) }
    var trees = BlockTrees()
    #expect(trees.merklePath.isEmpty)
    #expect(trees.commitmentScript == WitnessCommitment.script(wtxids: []))
    for count in [300, 1, 299, 0, 254, 256] {
        trees.update(txids: Array(txids.prefix(count)), wtxids: Array(wtxids.prefix(count)))
        #expect(trees.merklePath == MerkleTree.path(besides: txids.prefix(count).map(\.hash)))
        #expect(trees.commitmentScript == WitnessCommitment.script(wtxids: Array(wtxids.prefix(count))))
    }
    // Other witnesses, the same txids: one tree is left alone.
    let other = Array(wtxids.prefix(255)) + [Wtxid(leaf(-5))]
    #expect(trees.update(txids: Array(txids.prefix(256)), wtxids: other) <= 9)
}
