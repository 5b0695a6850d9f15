import BitcoinPrimitives
import TestSupport
import Testing

/// Header of Bitcoin's first block.
private let genesis = hex(
    """
    0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e6776
    8f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c
    """)

@Test func `the first header has the hash that everybody knows`() throws {
    let header = try #require(Header(wireBytes: genesis))
    #expect(header.wireBytes == genesis)
    #expect(header.hash.displayHex == "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f")
    #expect(HeaderMidstate(header).hash(time: header.time, nonce: header.nonce) == header.hash)
    #expect(header.bits.target == .difficultyOne)
    #expect(Header(wireBytes: Array(genesis.dropLast())) == nil)
    #expect(Hash256(displayHex: header.hash.displayHex) == header.hash)
    #expect(Hash256(wireBytes: header.hash.wireBytes) == header.hash)
    #expect(Hash256(wireBytes: header.hash.wireBytes.reversed()) != header.hash)
}

@Test func `a repeated tail has the same root and is seen`() {
    let leaves = (0..<7).map { Hash256(hashing: [UInt8($0)]) }
    for count in 1...7 {
        let list = Array(leaves.prefix(count))
        #expect(!MerkleTree.isMutated(list))
        #expect(
            MerkleTree.root(of: list)
                == MerkleTree.root(leaf: list[0], path: MerkleTree.path(besides: Array(list.dropFirst()))))
        guard count % 2 == 1, count > 1 else { continue }
        let repeated = list + [list[count - 1]]
        #expect(MerkleTree.root(of: repeated) == MerkleTree.root(of: list))
        #expect(MerkleTree.isMutated(repeated))
    }
    // Six leaves: the level above has three nodes, so the last two leaves can be repeated as a pair.
    let pair = Array(leaves.prefix(6)) + leaves[4...5]
    #expect(MerkleTree.root(of: pair) == MerkleTree.root(of: Array(leaves.prefix(6))))
    #expect(MerkleTree.isMutated(pair))
    #expect(MerkleTree.root(of: []) == nil)
}

@Test func `regtest halves every 150 blocks`() {
    let expected: [(UInt32, UInt64)] = [
        (0, 5_000_000_000), (149, 5_000_000_000), (150, 2_500_000_000),
        (228, 2_500_000_000), (300, 1_250_000_000), (9_599, 0), (9_600, 0),
    ]
    for (height, subsidy) in expected {
        #expect(SubsidySchedule.regtest.subsidy(at: height).rawValue == subsidy)
    }
}

@Test func `hexadecimal digits come in pairs and nothing else`() {
    #expect([UInt8](hex: "00fFaB") == [0, 255, 171])
    #expect([UInt8](hex: "") == [])
    for text in ["0", "0g", " 00", "0x00", "é"] { #expect([UInt8](hex: text) == nil) }
    #expect([UInt8]([0, 255, 171]).hex == "00ffab")
}
