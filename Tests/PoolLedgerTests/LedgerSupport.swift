import BitcoinPrimitives
import Foundation
import Synchronization

@testable import PoolLedger

/// A folder for one test; it goes with the value.
final class TestFolder: Sendable {
    let path: String
    var ledger: String { "\(path)/shares.db" }

    init() throws {
        path =
            FileManager.default.temporaryDirectory.appendingPathComponent("adit-ledger-\(UUID().uuidString)")
            .path
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// What a ledger has said.
final class Heard: Sendable {
    private let news = Mutex<[LedgerNews]>([])

    var all: [LedgerNews] { news.withLock { $0 } }
    var kept: UInt64 {
        all.reduce(0) { if case .kept(let number) = $1 { max($0, number) } else { $0 } }
    }
    var faults: [LedgerFault] {
        all.compactMap { if case .failing(let fault, _) = $0 { fault } else { nil } }
    }

    func hear(_ one: LedgerNews) { news.withLock { $0.append(one) } }
}

/// Share `number`; its hash is another one for each number and salt.
func share(
    _ number: UInt64, user: String = "alice", worker: String? = nil, difficulty: Double = 1,
    block: LedgerShare.BlockRole? = nil, salt: UInt8 = 0
) -> LedgerShare {
    LedgerShare(
        number: number, user: user, worker: worker, difficulty: difficulty,
        unixTime: 1_700_000_000 + UInt32(number), height: 300, hash: hash(number, salt: salt), isCustom: true,
        block: block)
}

func hash(_ number: UInt64, salt: UInt8 = 0) -> Hash256 {
    Hash256(hashing: [salt] + withUnsafeBytes(of: number.littleEndian, Array.init))
}

/// A ledger that is closed again, with its news.
@discardableResult
func withLedger(
    at path: String, _ change: (inout ShareLedger.Settings) -> Void = { _ in },
    _ body: (ShareLedger, Heard) async throws -> Void
) async throws -> (heard: Heard, left: Int) {
    var settings = ShareLedger.Settings()
    settings.gathering = .milliseconds(5)
    settings.retry = .milliseconds(20)
    change(&settings)
    let heard = Heard()
    let ledger = try ShareLedger(path: path, settings: settings, observe: heard.hear)
    do {
        try await body(ledger, heard)
    } catch {
        ledger.close()
        throw error
    }
    return (heard, ledger.close())
}

struct TookTooLong: Error {}

/// Waits for a condition, generously: the machine may be busy.
func eventually(_ condition: () -> Bool) async throws {
    for _ in 0..<6_000 {
        if condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    throw TookTooLong()
}
