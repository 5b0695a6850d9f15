import BitcoinPrimitives
import TestSupport
import Testing
import Units

@testable import BlockRelay

/// Source: the paper's appendix A (15 bytes 00 to 0e under the key 00 to 0f), and the reference's table.
private let sipVectors: [(length: Int, hash: UInt64)] = [
    (0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (7, 0xab02_00f5_8b01_d137),
    (8, 0x93f5_f579_9a93_2462), (15, 0xa129_ca61_49be_45e5), (32, 0x7127_512f_72f2_7cce),
]

@Test(arguments: sipVectors)
func `SipHash-2-4 gives what its reference gives`(length: Int, hash: UInt64) {
    let key = SipHash(k0: 0x0706_0504_0302_0100, k1: 0x0f0e_0d0c_0b0a_0908)
    #expect(key.hash((0..<length).map(UInt8.init)) == hash)
}

@Test(arguments: [
    ([0], "0100"), ([0, 1, 2], "03000000"), ([0, 5, 6, 300], "04000400fd2501"), ([65_535], "01fdffff"),
])
func `indexes are written as distances`(indexes: [Int], digits: String) throws {
    let request = BlockTransactionsRequest(block: .zero, indexes: indexes)
    #expect(Array(request.wireBytes.dropFirst(32)).hex == digits)
    #expect(try BlockTransactionsRequest(wireBytes: request.wireBytes) == request)
}

@Test(arguments: [
    ("02fdffff00", 1), ("01fe00000100", 0), ("01ffffffffffffffffff", 0), ("03fdfeff0000", 2),
])
func `indexes beyond 16 bits are refused`(digits: String, entry: Int) {
    #expect(throws: MessageFault.indexOverflow(entry: entry)) {
        try BlockTransactionsRequest(wireBytes: Hash256.zero.wireBytes + hex(digits))
    }
}

@Test(arguments: (0..<60).map(UInt64.init))
func `a block is put together from whatever part of it a mempool has`(seed: UInt64) throws {
    var chance = SplitMix64(seed: seed)
    let block = madeBlock(transactions: 1 + Int(chance.next() % 80), seed: seed)
    let prefilling = Set(block.transactions.indices.filter { _ in chance.next() % 10 == 0 })
    let compact = CompactBlock(block, nonce: chance.next(), prefilling: prefilling)
    let bytes = compact.wireBytes
    let received = try CompactBlock(wireBytes: bytes)
    #expect(received == compact)
    #expect(received.wireBytes == bytes)

    // Some of the block's transactions, and some of others, in any order.
    let share = chance.nextFraction()
    var mempool = block.transactions.dropFirst().filter { _ in chance.nextFraction() < share }
    for _ in 0..<20 { mempool.append(madeTransaction(&chance)) }
    mempool.shuffle(using: &chance)
    let partial = try PartialBlock(received, wtxids: mempool.map(\.wtxid)) { mempool[$0] }
    let known = Set(mempool.map(\.wtxid))
    #expect(
        partial.missing
            == block.transactions.indices.filter {
                $0 > 0 && !prefilling.contains($0) && !known.contains(block.transactions[$0].wtxid)
            })

    let request = BlockTransactionsRequest(block: block.header.hash, indexes: partial.missing)
    #expect(try BlockTransactionsRequest(wireBytes: request.wireBytes) == request)
    let frame = found(block).transactionsFrame(request.indexes)
    let answer = try BlockTransactions(wireBytes: Array(frame.dropFirst(Frame.headerSize)))
    #expect(answer.block == block.header.hash)
    let whole = try partial.filled(with: answer.transactions)
    #expect(whole == block)
    #expect(whole.wireBytes == block.wireBytes)
}

@Test func `what a found block sends is what the codec makes of it`() throws {
    let block = madeBlock(transactions: 40)
    let prefilling = [3, 17, 3]
    let found = try FoundBlock(wireBytes: block.wireBytes, on: .regtest, nonce: 5, prefilling: prefilling)
    #expect(found.wireBytes == block.wireBytes)
    #expect(found.compactBytes == CompactBlock(block, nonce: 5, prefilling: Set(prefilling)).wireBytes)
    #expect(found.blockFrame == PeerMessage.block(block.wireBytes).frame.wireBytes(on: .regtest))

    let entries = block.transactions.dropFirst().map {
        MempoolEntry(
            txid: $0.txid, wtxid: $0.wtxid, weight: $0.weight, sigopCost: 0, fee: .zero, parents: [],
            wireBytes: $0.wireBytes)
    }
    let assembled = try FoundBlock(
        header: block.header, coinbase: block.transactions[0], transactions: entries, on: .regtest, nonce: 5,
        prefilling: prefilling)
    #expect(assembled.compactFrame == found.compactFrame)
    #expect(assembled.blockFrame == found.blockFrame)

    var stripped = block.header.wireBytes
    stripped.append(40)
    for transaction in block.transactions { stripped += transaction.strippedBytes }
    #expect(found.strippedFrame() == PeerMessage.block(stripped).frame.wireBytes(on: .regtest))
}

@Test func `what is prefilled beside the coinbase stays under ten thousand bytes`() throws {
    let block = madeBlock(transactions: 400)
    let order = Array((1..<400).reversed())
    let found = try FoundBlock(wireBytes: block.wireBytes, on: .regtest, nonce: 5, prefilling: order)
    let prefilled = try CompactBlock(wireBytes: found.compactBytes).prefilled
    let size = prefilled.dropFirst().reduce(0) { $0 + $1.transaction.wireBytes.count }
    #expect((9_800...10_000).contains(size))
    #expect(prefilled.last?.index == 399)  // the first of the order given
}

@Test func `a block that peers would punish is never made ready`() throws {
    let block = madeBlock(transactions: 6)
    func fault(_ change: (inout Block) -> Void, grinding: Bool = true) -> FoundBlockFault? {
        var changed = block
        change(&changed)
        while grinding, changed.header.bits.target?.isMet(by: changed.header.hash) != true {
            changed.header.nonce += 1
        }
        do throws(FoundBlockFault) {
            _ = try FoundBlock(wireBytes: changed.wireBytes, on: .regtest, nonce: 1)
            return nil
        } catch {
            return error
        }
    }
    #expect(fault { _ in } == nil)
    #expect(fault { $0.header.merkleRoot = .zero } == .commitment(.merkleRoot))
    #expect(fault { $0.transactions.swapAt(1, 2) } == .commitment(.merkleRoot))
    #expect(fault { $0.transactions += $0.transactions[4...5] } == .commitment(.repeatedTransactions))
    #expect(fault { $0.transactions = [] } == .commitment(.noTransactions))
    #expect(fault { $0.transactions[1].inputs[0].witness = [[0x52]] } == .commitment(.witnessCommitment))
    #expect(fault { $0.transactions[0].inputs[0].witness = [] } == .commitment(.witnessCommitment))
    var header = block.header
    while header.bits.target?.isMet(by: header.hash) == true { header.nonce += 1 }
    #expect(fault({ $0.header = header }, grinding: false) == .proofOfWork(header.hash))
    #expect(throws: FoundBlockFault.malformed(.trailing(count: 1))) {
        try FoundBlock(wireBytes: block.wireBytes + [0], on: .regtest, nonce: 1)
    }
}

@Test func `equal short ids end the attempt`() throws {
    let block = madeBlock(transactions: 5)
    let compact = CompactBlock(block, nonce: 1)
    var bytes = compact.wireBytes
    // The second of the four ids, which begin behind header, nonce and count, becomes the first.
    bytes.replaceSubrange(95..<101, with: bytes[89..<95])
    let doubled = try CompactBlock(wireBytes: bytes)
    #expect(throws: ReconstructionFault.shortIDCollision(compact.shortIDs[0])) {
        try PartialBlock(doubled, wtxids: []) { _ in block.transactions[0] }
    }
}

@Test func `two transactions that match one id count as missing, one that is listed twice does not`() throws {
    // Under this header and nonce 0 these two numbers, as wtxids, have the same short id: found by search.
    let header = hex(
        """
        0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f
        617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c
        """)
    func wtxid(_ number: UInt32) throws -> Wtxid {
        var bytes = [UInt8](repeating: 0, count: 32)
        for i in 0..<4 { bytes[i] = UInt8(truncatingIfNeeded: number >> UInt32(8 * i)) }
        return Wtxid(try #require(Hash256(wireBytes: bytes)))
    }
    let (a, b, other) = (try wtxid(2_409_307), try wtxid(3_885_686), try wtxid(1))
    let key = ShortIDKey(header: try #require(Header(wireBytes: header)), nonce: 0)
    #expect(key.shortID(of: a) == key.shortID(of: b))
    #expect(key.shortID(of: a).rawValue == 0xda41_d540_f081)
    let block = madeBlock(transactions: 1)
    let ids = key.shortID(of: a).wireBytes + key.shortID(of: other).wireBytes
    let compact = try CompactBlock(
        wireBytes: header + [UInt8](repeating: 0, count: 8) + [2] + ids + [1, 0]
            + block.transactions[0].wireBytes)
    func missing(_ wtxids: Wtxid...) throws -> [Int] {
        try PartialBlock(compact, wtxids: wtxids) { _ in block.transactions[0] }.missing
    }
    #expect(try missing(a, other) == [])
    #expect(try missing(a, b, other) == [1])
    #expect(try missing(b, other, a, b) == [1])
    #expect(try missing(a, other, a, other) == [])
}

@Test func `a block filled with other transactions is refused, by root or by witness`() throws {
    let block = madeBlock(transactions: 5)
    let partial = try PartialBlock(CompactBlock(block, nonce: 1), wtxids: []) { _ in block.transactions[0] }
    var others = Array(block.transactions.dropFirst())
    #expect(throws: ReconstructionFault.wrongCount(3, expected: 4)) {
        try partial.filled(with: Array(others.dropFirst()))
    }
    others[2].inputs[0].witness = [[9]]
    #expect(throws: ReconstructionFault.commitment(.witnessCommitment)) { try partial.filled(with: others) }
    others[2].lockTime += 1
    #expect(throws: ReconstructionFault.commitment(.merkleRoot)) { try partial.filled(with: others) }
}

@Test func `a compact block is refused where it says more than a block can hold`() throws {
    let block = madeBlock(transactions: 3)
    let start = block.header.wireBytes + [UInt8](repeating: 0, count: 8)
    let coinbase = block.transactions[0].wireBytes
    func refuses(_ rest: [UInt8], _ fault: MessageFault) {
        #expect(throws: fault) { try CompactBlock(wireBytes: start + rest) }
    }
    let id: [UInt8] = [1, 2, 3, 4, 5, 6]
    #expect(throws: Never.self) { try CompactBlock(wireBytes: start + [1] + id + [1, 0] + coinbase) }
    #expect(throws: Never.self) { try CompactBlock(wireBytes: start + [1] + id + [1, 1] + coinbase) }
    refuses([1] + id + [1, 2] + coinbase, .indexOverflow(entry: 0))
    refuses([0, 2, 0] + coinbase + [1] + coinbase, .indexOverflow(entry: 1))
    refuses([0, 1, 0xfe, 0, 0, 1, 0] + coinbase, .indexOverflow(entry: 0))
    refuses([0, 0], .noTransactions)
    refuses([0xfe, 0, 0, 1, 0], .tooMany(65_536, limit: 65_535))
    refuses([0xff] + [UInt8](repeating: 0xff, count: 8), .tooMany(.max, limit: 65_535))
    refuses([2] + id, .badCount(offset: 88))
    refuses([0, 1, 0] + coinbase.dropLast(), .truncated(offset: 91 + coinbase.count - 1))
    refuses([0, 1, 0] + coinbase + [0], .trailing(count: 1))
    // Prefilled ones count together with ids.
    let many = [0xfd, 0xff, 0xff] + [UInt8](repeating: 7, count: 6 * 65_535)
    refuses(many + [1, 0] + coinbase, .tooMany(1, limit: 0))
}
