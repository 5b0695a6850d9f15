import BitcoinPrimitives
import Foundation
import Payouts
import TestSupport
import Testing

private struct WalletVectors: Decodable {
    struct Case: Decodable {
        struct Expected: Decodable {
            var scriptPubKey: String
            var bip350Address: String
        }
        struct Given: Decodable {
            var internalPubkey: String
        }
        struct Intermediary: Decodable {
            var merkleRoot: String?
        }
        var given: Given
        var intermediary: Intermediary
        var expected: Expected
    }
    var scriptPubKey: [Case]
}

@Suite(.enabled(if: Shared.isPresent || ProcessInfo.processInfo.environment["CI"] == "true"))
struct CoinbaseAddressConformance {
    @Test func `taproot outputs are those of BIP 341's wallet vectors`() throws {
        let vectors = try JSONDecoder().decode(
            WalletVectors.self, from: Shared.unzipped("data/vectors/bip341_wallet_vectors.json.gz"))
        var withoutScripts = 0
        for vector in vectors.scriptPubKey {
            let address = try PayoutAddress(vector.expected.bip350Address, on: .main)
            #expect(address.script.hex == vector.expected.scriptPubKey)
            #expect(address.text == vector.expected.bip350Address)
            guard vector.intermediary.merkleRoot == nil else { continue }
            let descriptor = try PayoutDescriptor("tr(\(vector.given.internalPubkey))", on: .main)
            #expect(descriptor.script()?.hex == vector.expected.scriptPubKey)
            withoutScripts += 1
        }
        #expect(vectors.scriptPubKey.count >= 7 && withoutScripts >= 1)
    }

    @Test func `every address in recorded blocks is written and read back to its script`() throws {
        let files: [(file: String, network: BitcoinNetwork)] = [
            ("mainnet-300025", .main), ("mainnet-702861", .main), ("mainnet-866342", .main),
            ("testnet3-1087400", .test),
        ]
        var kinds: Set<String> = []
        for (file, network) in files {
            let block = try Block(wireBytes: [UInt8](try Shared.data("data/blocks/\(file).raw")))
            let scripts = Set(block.transactions.lazy.flatMap(\.outputs).map(\.script))
            for script in scripts {
                guard let address = PayoutAddress(script: script, on: network) else { continue }
                let read = try PayoutAddress(address.text, on: network, allowingUnknownWitness: true)
                #expect(read == address && read.script == script)
                switch read.destination {
                case .publicKeyHash: kinds.insert("p2pkh")
                case .scriptHash: kinds.insert("p2sh")
                case .witness(let version, let program): kinds.insert("v\(version) of \(program.count)")
                }
            }
        }
        #expect(kinds.isSuperset(of: ["p2pkh", "p2sh", "v0 of 20", "v0 of 32", "v1 of 32"]))
    }
}
