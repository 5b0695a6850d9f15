import BitcoinPrimitives
import Foundation
import Testing

@testable import PoolLedger

@Suite struct LedgerTests {
    @Test func `accepted shares are added up by user and worker`() async throws {
        let folder = try TestFolder()
        try await withLedger(at: folder.ledger) { ledger, heard in
            ledger.keep(share(1, worker: "barn", difficulty: 2))
            ledger.keep(share(2, worker: "attic", difficulty: 3))
            ledger.keep(share(3, worker: "barn", difficulty: 4))
            ledger.keep(share(4, user: "bob", difficulty: 0.5))
            try await eventually { heard.kept == 4 }
        }
        let report = try LedgerReport(path: folder.ledger)
        #expect(report.shares == 4)
        #expect(report.difficulty == 9.5)
        #expect(report.users.map(\.name) == ["alice", "bob"])
        #expect(report.users[0].workers.map(\.name) == ["barn", "attic"])
        #expect(report.users[0].workers.map(\.difficulty) == [6, 3])
        #expect(report.users[0].lastShare == 1_700_000_003)
        #expect(report.users[1].workers.map(\.name) == [""])
        #expect(report.blocks.isEmpty)
        #expect(report.rounds.map(\.users.count) == [2])
    }

    @Test func `a header counts once, whatever restart lies between`() async throws {
        let folder = try TestFolder()
        for _ in 0..<2 {
            try await withLedger(at: folder.ledger) { ledger, heard in
                ledger.keep(share(1, difficulty: 8))
                ledger.keep(share(2, difficulty: 8))
                try await eventually { heard.kept == 2 }
            }
        }
        let report = try LedgerReport(path: folder.ledger)
        #expect((report.shares, report.difficulty) == (2, 16))
    }

    @Test func `closing writes what waits`() async throws {
        let folder = try TestFolder()
        let (_, left) = try await withLedger(at: folder.ledger, { $0.gathering = .seconds(30) }) {
            ledger, _ in
            for number in UInt64(1)...2_500 { ledger.keep(share(number)) }
        }
        #expect(left == 0)
        #expect(try LedgerReport(path: folder.ledger).shares == 2_500)
    }

    @Test func `shares are kept in their order, and the word comes batch by batch`() async throws {
        let folder = try TestFolder()
        let (heard, _) = try await withLedger(at: folder.ledger, { $0.maximumBatch = 10 }) { ledger, heard in
            for number in UInt64(1)...35 { ledger.keep(share(number)) }
            try await eventually { heard.kept == 35 }
        }
        let numbers = heard.all.compactMap { if case .kept(let number) = $0 { number } else { nil } }
        #expect(numbers == numbers.sorted())
        #expect(numbers.count >= 4)
    }

    @Test func `rounds end with blocks, but not with those that were refused`() async throws {
        let folder = try TestFolder()
        try await withLedger(at: folder.ledger) { ledger, heard in
            ledger.keep(share(1))
            ledger.keep(share(2, user: "bob", block: .pools))
            ledger.keep(share(3, difficulty: 10))
            ledger.keep(share(4, user: "bob", block: .pools))
            ledger.keep(share(5, user: "carol"))
            ledger.keep(share(6, block: .clients))
            ledger.keep(share(7, user: "dora"))
            ledger.note(block: hash(2), .accepted, unixTime: 1)
            ledger.note(block: hash(4), .refused, detail: "bad-cb-amount", unixTime: 2)
            ledger.note(block: hash(6), .inChain, unixTime: 3)
            try await eventually { heard.kept == 7 }
        }
        let report = try LedgerReport(path: folder.ledger)
        #expect(report.blocks.map(\.state) == ["in-chain", "refused", "accepted"])
        #expect(report.blocks.map(\.detail) == [nil, "bad-cb-amount", nil])
        #expect(report.blocks.map(\.isClients) == [true, false, false])
        #expect(report.blocks[2].hash == hash(2).displayHex)
        #expect(report.rounds.map(\.number) == [3, 2, 1])
        #expect(report.rounds.map(\.block) == [nil, hash(6).displayHex, hash(2).displayHex])
        #expect(report.rounds[2].users.map(\.name) == ["alice", "bob"])
        #expect(report.rounds[1].users.map(\.name) == ["alice", "bob", "carol"])
        #expect(report.rounds[1].users.map(\.difficulty) == [11, 1, 1])
        #expect(report.rounds[0].users.map(\.name) == ["dora"])
        #expect(report.users.map(\.blocks) == [1, 1, 0, 0])
    }

    @Test func `what was in the chain stays valid, whatever is said later`() async throws {
        let folder = try TestFolder()
        try await withLedger(at: folder.ledger) { ledger, _ in
            ledger.keep(share(1, block: .pools))
            ledger.note(block: hash(1), .inChain, unixTime: 1)
            ledger.note(block: hash(1), .refused, detail: "duplicate-invalid", unixTime: 2)
        }
        #expect(try LedgerReport(path: folder.ledger).blocks.map(\.state) == ["in-chain"])
    }

    @Test func `a report is read while the pool writes`() async throws {
        let folder = try TestFolder()
        try await withLedger(at: folder.ledger) { ledger, heard in
            ledger.keep(share(1))
            try await eventually { heard.kept == 1 }
            #expect(try LedgerReport(path: folder.ledger).shares == 1)
            ledger.keep(share(2))
            try await eventually { heard.kept == 2 }
            #expect(try LedgerReport(path: folder.ledger).shares == 2)
        }
    }

    @Test func `who mines how much is the owner's to read`() async throws {
        let folder = try TestFolder()
        try await withLedger(at: folder.ledger) { ledger, heard in
            ledger.keep(share(1))
            try await eventually { heard.kept == 1 }
            for name in ["", "-wal", ".lock"] {
                let facts = try FileManager.default.attributesOfItem(atPath: folder.ledger + name)
                #expect(facts[.posixPermissions] as? Int == 0o600, "\(name)")
            }
        }
    }
}
