import BitcoinPrimitives
import BlockRelay
import Foundation
import TestSupport
import Testing
import Units

private struct SipVectors: Decodable {
    struct Uint256: Decodable {
        var message_hex: String
        var out: String
    }
    var k0: String
    var k1: String
    var outputs: [String]
    var uint256_case: Uint256
}

private struct BIP152Vectors: Decodable {
    struct Prefilled: Decodable {
        var index: Int
        var txid: String
    }
    struct Compact: Decodable {
        var message_payload: String?
        var block: String
        var nonce: UInt64
        var k0: String
        var k1: String
        var prefilled: [Prefilled]?
        var short_id_count: Int
        var first_short_ids: [String]
        var last_short_id: String
        var sha256_of_all_ids_6byte_le: String?
        var cmpctblock_payload_size: Int?
        var cmpctblock_payload_sha256: String?
        var getblocktxn_every_7th_from_1_sha256: String?
        var getblocktxn_size: Int?
        var blocktxn_sha256: String?
        var blocktxn_size: Int?
    }
    struct Differential: Decodable {
        var indexes: [Int]
        var count_and_diffs_hex: String
    }
    var compact_blocks: [Compact]
    var differential_encoding: [Differential]
}

private func vectors() throws -> BIP152Vectors {
    try Shared.json(BIP152Vectors.self, "data/vectors/bip152.json")
}

private func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Shared.data("data/\(path)")) }

/// As the vectors write ids and keys: the most significant byte first.
private func big(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: digits - text.count) + text
}

@Suite(.enabled(if: Shared.isPresent || ProcessInfo.processInfo.environment["CI"] == "true"))
struct BlockRelayVectors {
    @Test func `SipHash-2-4 gives every output of the reference`() throws {
        let vectors = try Shared.json(SipVectors.self, "data/vectors/siphash.json")
        let key = SipHash(
            k0: try #require(UInt64(vectors.k0, radix: 16)), k1: try #require(UInt64(vectors.k1, radix: 16)))
        #expect(vectors.outputs.count == 64)
        for (length, output) in vectors.outputs.enumerated() {
            #expect(big(key.hash((0..<length).map { UInt8($0) }), digits: 16) == output, "\(length) bytes")
        }
        #expect(big(key.hash(hex(vectors.uint256_case.message_hex)), digits: 16) == vectors.uint256_case.out)
    }

    @Test func `compact blocks have the keys, ids and bytes of the vectors`() throws {
        let all = try vectors().compact_blocks
        #expect(all.count == 5)
        for vector in all {
            let block = try Block(wireBytes: try bytes(vector.block))
            let compact = CompactBlock(block, nonce: vector.nonce)
            let key = ShortIDKey(header: block.header, nonce: vector.nonce)
            #expect(big(key.hash.k0, digits: 16) == vector.k0)
            #expect(big(key.hash.k1, digits: 16) == vector.k1)
            #expect(compact.shortIDs.count == vector.short_id_count)
            let ids = compact.shortIDs.map { big($0.rawValue, digits: 12) }
            #expect(Array(ids.prefix(vector.first_short_ids.count)) == vector.first_short_ids)
            #expect(ids.last == vector.last_short_id)
            if let digest = vector.sha256_of_all_ids_6byte_le {
                #expect(sha256(compact.shortIDs.flatMap(\.wireBytes)).hex == digest)
            }
            let payload = compact.wireBytes
            #expect(try CompactBlock(wireBytes: payload) == compact)
            if let size = vector.cmpctblock_payload_size { #expect(payload.count == size) }
            if let digest = vector.cmpctblock_payload_sha256 { #expect(sha256(payload).hex == digest) }
        }
    }

    @Test func `recorded compact blocks are read, and written byte for byte`() throws {
        let recorded = try vectors().compact_blocks.filter { $0.message_payload != nil }
        #expect(recorded.count == 2)
        for vector in recorded {
            let payload = try bytes(try #require(vector.message_payload))
            let compact = try CompactBlock(wireBytes: payload)
            #expect(compact.wireBytes == payload)
            #expect(compact.prefilled.map(\.index) == vector.prefilled?.map(\.index))
            #expect(compact.prefilled.map(\.transaction.txid.displayHex) == vector.prefilled?.map(\.txid))
            let block = try Block(wireBytes: try bytes(vector.block))
            #expect(CompactBlock(block, nonce: vector.nonce).wireBytes == payload)
            // Its block, with its own ids, from a mempool that has every second of its transactions.
            let pool = block.transactions.indices.filter { $0 > 0 && $0 % 2 == 0 }.map {
                block.transactions[$0]
            }
            let partial = try PartialBlock(compact, wtxids: pool.map(\.wtxid)) { pool[$0] }
            let missing = block.transactions.indices.filter { $0 % 2 == 1 }
            #expect(partial.missing == missing)
            #expect(try partial.filled(with: missing.map { block.transactions[$0] }) == block)
        }
    }

    @Test func `what is found goes out, and is fetched, as the vectors say`() throws {
        for vector in try vectors().compact_blocks {
            let raw = try bytes(vector.block)
            let network: PeerNetwork = vector.block.contains("testnet3") ? .testnet3 : .main
            let found = try FoundBlock(wireBytes: raw, on: network, nonce: vector.nonce)
            #expect(found.wireBytes == raw)
            #expect(
                found.compactBytes == CompactBlock(try Block(wireBytes: raw), nonce: vector.nonce).wireBytes)
            guard let question = vector.getblocktxn_every_7th_from_1_sha256 else { continue }

            // A session that is asked for every seventh transaction.
            let indexes = Array(stride(from: 1, to: found.transactionCount, by: 7))
            let request = BlockTransactionsRequest(block: found.hash, indexes: indexes)
            #expect(sha256(request.wireBytes).hex == question)
            #expect(request.wireBytes.count == vector.getblocktxn_size)
            var line = ReadyPeer(network)
            _ = line.tell(.announce(found))
            let sent = line.receive(.getblocktxn(request))
            let answer = try #require(sent.first { $0.command == "blocktxn" })
            #expect(answer.payload.count == vector.blocktxn_size)
            #expect(sha256(answer.payload).hex == vector.blocktxn_sha256)
        }
    }

    @Test func `the block of 4,864 transactions is pushed whole or as 29,538 bytes`() throws {
        let raw = try bytes("blocks/mainnet-866342.raw")
        let found = try FoundBlock(wireBytes: raw, on: .main, nonce: 1)
        #expect(raw.count == 1_581_623)
        #expect(found.compactBytes.count == 29_538)
        var line = ReadyPeer(.main)
        #expect(line.tell(.announce(found)).first?.payload == raw)
        var fast = ReadyPeer(.main)
        _ = fast.receive(.sendcmpct(SendCompact(announce: true, version: 2)))
        let sent = fast.tell(.announce(found))
        #expect(sent.first?.command == "cmpctblock")
        #expect(sent.first?.payload == found.compactBytes)
    }

    @Test func `every recorded block passes as one that peers would take`() throws {
        struct Entry: Decodable {
            var file: String
            var hash: String?
        }
        let entries = try Shared.json([Entry].self, "data/blocks/manifest.json")
            .filter { $0.file.hasSuffix(".raw") }
        #expect(entries.count >= 12)
        for entry in entries {
            let raw = try bytes(entry.file)
            let found = try FoundBlock(wireBytes: raw, on: .main, nonce: 3)
            #expect(found.hash.displayHex == entry.hash)
            #expect(found.wireBytes == raw)
        }
    }

    @Test func `indexes are coded as the vectors have it`() throws {
        let all = try vectors().differential_encoding
        #expect(all.count == 4)
        for vector in all {
            let bytes = Hash256.zero.wireBytes + hex(vector.count_and_diffs_hex)
            guard vector.indexes.allSatisfy({ $0 <= 0xffff }) else {
                let entry = try #require(vector.indexes.firstIndex { $0 > 0xffff })
                #expect(throws: MessageFault.indexOverflow(entry: entry)) {
                    try BlockTransactionsRequest(wireBytes: bytes)
                }
                continue
            }
            let request = BlockTransactionsRequest(block: .zero, indexes: vector.indexes)
            #expect(request.wireBytes == bytes)
            #expect(try BlockTransactionsRequest(wireBytes: bytes) == request)
        }
    }
}

/// A session that has greeted a node of version 70016.
private struct ReadyPeer {
    let network: PeerNetwork
    private var session: PeerSession

    init(_ network: PeerNetwork) {
        self.network = network
        session = PeerSession(
            configuration: PeerSession.Configuration(network: network, userAgent: "/adit:test/"), seed: 1)
        _ = tell(.start)
        _ = tell(.connected(unixTime: 0))
        let version = VersionMessage(
            protocolVersion: 70_016, services: [.network, .witness], time: 0, nonce: 5, userAgent: [],
            startHeight: 0, relay: true)
        _ = receive(.version(version))
        _ = receive(.verack)
    }

    mutating func receive(_ message: PeerMessage) -> [Frame] {
        tell(.received(message.frame.wireBytes(on: network)))
    }

    mutating func tell(_ event: PeerSession.Event) -> [Frame] {
        var reader = FrameReader(network: network)
        var frames = [Frame]()
        for action in session.handle(event, at: .init(nanoseconds: 0)) {
            guard case .send(let bytes) = action else { continue }
            reader.receive(bytes)
            while let frame = try? reader.next() { frames.append(frame) }
        }
        return frames
    }
}
