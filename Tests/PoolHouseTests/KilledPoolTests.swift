import BitcoinPrimitives
import Foundation
import GRDB
import NIOCore
import NIOSupport
import PoolLedger
import SV2Messages
import Testing

@testable import PoolHouse
@testable import PoolServer

/// A pool that is killed while shares flow.
@Suite(.serialized) struct KilledPoolTests {
    @Test(arguments: [1, 60, 250])
    func `kill -9 loses no share that a miner was told of`(target: Int) async throws {
        let house = try TestHouse()
        let folder = house.folder
        try house.toml("\n").write(toFile: "\(folder)/pool.toml", atomically: true, encoding: .utf8)
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [folder = folder as String, target = target as Int] in
            let configuration = try HouseFile.configuration(file: "\(folder)/pool.toml")
            var settings = House.Settings()
            settings.recordedBlockTarget = TestHouse.rareBlocks
            settings.ledger.gathering = .milliseconds(2)
            let pool = try await House.open(configuration, settings: settings) { _ in }
            let service = try #require(pool.service)
            let words = open("\(folder)/words", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            try await withLoop { loop in
                let miner = try await OwnJobMiner(port: service.miningPort, key: service.authority, on: loop)
                let (job, tip) = try await miner.job()
                let shares = miner.shares(3_000, of: job, at: tip, blockTarget: TestHouse.rareBlocks)
                for (index, share) in shares.enumerated() {
                    try await miner.peer.send(.submitSharesExtended(share))
                    guard index % 5 == 0 else { continue }
                    try await Task.sleep(for: .milliseconds(1))
                    var told = miner.acknowledged
                    write(words, &told, 8)
                    if told >= target { kill(getpid(), SIGKILL) }
                }
                while true {
                    var told = miner.acknowledged
                    write(words, &told, 8)
                    if told >= target { kill(getpid(), SIGKILL) }
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
        }
        let words = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/words"))
        let told = words.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: words.count - 8, as: Int.self) }
        #expect(told >= target)
        // Acknowledged are always the oldest.
        let kept = try await DatabaseQueue(path: "\(folder)/shares.db").read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM shares") ?? 0
        }
        #expect(kept >= told)
    }
}
