import BitcoinPrimitives
import Foundation
import TestSupport
import Testing

private struct FamousHeader: Decodable {
    var header: String
    var hash: String
    var target: String
    var difficulty: Double
    var hash_as_share_difficulty: Double
}

private struct CompactVectors: Decodable {
    struct Compact: Decodable {
        var target: String
        var negative: Bool
        var overflow: Bool
        var difficulty: Double?
    }
    var compact: [Compact]
}

@Suite(.enabled(if: Shared.isPresent || ProcessInfo.processInfo.environment["CI"] == "true"))
struct HeadersByKernel {
    @Test(arguments: HashKernel.all.filter { $0.standing == .usable })
    func `every kernel hashes ten thousand real headers, which form a chain`(kernel: HashKernel) throws {
        let bytes = [UInt8](try Shared.data("data/headers/mainnet-0-10236.bin"))
        #expect(bytes.count == 10_237 * Header.size)
        let together = try #require(kernel.use { Header.hashes(wireBytes: bytes) })
        #expect(together.count == 10_237)
        var previous = Hash256.zero
        for (index, hash) in together.enumerated() {
            let header = try #require(
                Header(wireBytes: Array(bytes[Header.size * index..<Header.size * (index + 1)])))
            #expect(header.previousBlock == previous)
            #expect(header.bits.target?.isMet(by: hash) == true)
            let (alone, known) = try #require(
                kernel.use {
                    (header.hash, HeaderMidstate(header).hash(time: header.time, nonce: header.nonce))
                })
            #expect(alone == hash && known == hash)
            previous = hash
        }
        // Block 10,236 has no successor here that would vouch for its hash, but it has the proof of work.
        #expect(previous.displayHex.hasPrefix("00000000"))
    }

    @Test(arguments: HashKernel.all.filter { $0.standing == .usable })
    func `every kernel gives famous headers their published hash`(kernel: HashKernel) throws {
        let headers = try Shared.json([FamousHeader].self, "data/headers/famous.json")
        let hashes = try #require(kernel.use { Header.hashes(wireBytes: headers.flatMap { hex($0.header) }) })
        #expect(hashes.map(\.displayHex) == headers.map(\.hash))
    }

    @Test func `difficulties are the published ones to the last bit, and lead back to the target`() throws {
        var pairs = [(target: String, difficulty: Double)]()
        for header in try Shared.json([FamousHeader].self, "data/headers/famous.json") {
            pairs += [(header.target, header.difficulty), (header.hash, header.hash_as_share_difficulty)]
        }
        for vector in try Shared.json(CompactVectors.self, "data/vectors/nbits.json").compact {
            guard !vector.negative, !vector.overflow, let difficulty = vector.difficulty else { continue }
            pairs.append((vector.target, difficulty))
        }
        #expect(pairs.count > 60)
        for (text, difficulty) in pairs {
            let padded = String(repeating: "0", count: 64 - text.count) + text
            let target = try #require(Target(displayHex: padded))
            #expect(target.difficulty == difficulty, "\(text)")
            // The way back rounds down to a whole target, which changes nothing that a Double shows unless the target
            // is a small number itself.
            guard difficulty < 1e40 else { continue }
            let back = try #require(Target(difficulty: difficulty))
            #expect(back.difficulty == difficulty, "\(text)")
        }
    }
}
