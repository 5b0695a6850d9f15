import Foundation
import GRDB
import Testing

@testable import PoolLedger

@Suite struct LedgerFaultTests {
    private func fault(opening path: String) -> LedgerFault? {
        do throws(LedgerFault) {
            try ShareLedger(path: path) { _ in }.close()
            return nil
        } catch {
            return error
        }
    }

    // MARK: At the start

    @Test func `a ledger is one pool's at a time`() async throws {
        let folder = try TestFolder()
        try await withLedger(at: folder.ledger) { _, _ in
            #expect(fault(opening: folder.ledger) == .inUse(path: folder.ledger))
        }
        #expect(fault(opening: folder.ledger) == nil)
    }

    @Test func `a path that cannot hold a ledger is named`() throws {
        let folder = try TestFolder()
        let nowhere = "\(folder.path)/none/shares.db"
        #expect(fault(opening: nowhere) == .missingFolder(path: nowhere))
        #expect(fault(opening: folder.path) == .isDirectory(path: folder.path))
        #expect(throws: LedgerFault.missing(path: folder.ledger)) { try LedgerReport(path: folder.ledger) }
    }

    @Test func `another kind of file is left alone`() throws {
        let folder = try TestFolder()
        let text = "This is my diary, and no database at all. " + String(repeating: "x", count: 5_000)
        try text.write(toFile: folder.ledger, atomically: true, encoding: .utf8)
        #expect(fault(opening: folder.ledger) == .notALedger(path: folder.ledger))
        #expect(try String(contentsOfFile: folder.ledger, encoding: .utf8) == text)
        #expect(throws: LedgerFault.notALedger(path: folder.ledger)) { try LedgerReport(path: folder.ledger) }
    }

    @Test func `another program's database is left alone`() throws {
        let folder = try TestFolder()
        let queue = try DatabaseQueue(path: folder.ledger)
        try queue.write { try $0.execute(sql: "CREATE TABLE recipes (name TEXT)") }
        #expect(fault(opening: folder.ledger) == .notALedger(path: folder.ledger))
        let tables = try queue.read { try String.fetchAll($0, sql: "SELECT name FROM sqlite_master") }
        #expect(tables == ["recipes"])
    }

    @Test func `a ledger of a later version is left alone`() async throws {
        let folder = try TestFolder()
        try await withLedger(at: folder.ledger) { _, _ in }
        try await DatabaseQueue(path: folder.ledger).write {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99')")
        }
        #expect(fault(opening: folder.ledger) == .newer(path: folder.ledger))
        #expect(throws: LedgerFault.newer(path: folder.ledger)) { try LedgerReport(path: folder.ledger) }
    }

    @Test func `a damaged ledger is not written to`() async throws {
        let folder = try TestFolder()
        try await withLedger(at: folder.ledger) { ledger, _ in
            for number in UInt64(1)...2_000 { ledger.keep(share(number)) }
        }
        let file = try #require(FileHandle(forWritingAtPath: folder.ledger))
        try file.seek(toOffset: 5 * 4_096)
        file.write(Data(repeating: 0xa5, count: 3 * 4_096))
        try file.close()
        guard case .damaged(folder.ledger, _)? = fault(opening: folder.ledger) else {
            Issue.record("not seen to be damaged: \(String(describing: fault(opening: folder.ledger)))")
            return
        }
    }

    @Test func `a database that another program holds is a clear error`() async throws {
        let folder = try TestFolder()
        try await withLedger(at: folder.ledger) { _, _ in }
        let lock = try DatabaseLock(folder.ledger)
        #expect(fault(opening: folder.ledger) == .locked(path: folder.ledger))
        try lock.release()
        #expect(fault(opening: folder.ledger) == nil)
    }

    @Test func `without the right to write there is no ledger`() async throws {
        let folder = try TestFolder()
        try await withLedger(at: folder.ledger) { _, _ in }
        let path = folder.ledger
        for (mode, name) in [(0o500, "folder"), (0o700, "file")] {
            chmod(folder.path, 0o755)
            chmod(path, 0o644)
            if name == "folder" { unlink(path + ".lock") }
            chmod(folder.path, mode == 0o500 ? 0o555 : 0o777)
            // As somebody whose file it is not: root may write anything.
            await #expect(processExitsWith: .success) { [path = path as String] in
                if getuid() == 0 { setuid(65_534) } else { chmod(path, 0o444) }
                do throws(LedgerFault) {
                    try ShareLedger(path: path) { _ in }.close()
                    exit(2)
                } catch {
                    switch error {
                    case .noPermission(path), .readOnly(path): exit(0)
                    case _: exit(3)
                    }
                }
            }
            chmod(folder.path, 0o700)
        }
    }

    // MARK: While it runs

    @Test func `while the database is locked nothing is said to be kept, and then everything is`()
        async throws
    {
        let folder = try TestFolder()
        let path = folder.ledger
        let (heard, left) = try await withLedger(at: path) { ledger, heard in
            ledger.keep(share(1))
            try await eventually { heard.kept == 1 }
            let lock = try DatabaseLock(path)
            for number in UInt64(2)...40 { ledger.keep(share(number)) }
            try await eventually { !heard.faults.isEmpty }
            #expect(heard.kept == 1)
            try lock.release()
            try await eventually { heard.kept == 40 }
            try await eventually { heard.all.last == .recovered }
        }
        #expect(left == 0)
        #expect(heard.faults == [.locked(path: path)], "said once, not with every attempt")
        #expect(try LedgerReport(path: path).shares == 40)
    }

    @Test func `on a full disk exactly what is said to be kept is there after a restart`() async throws {
        let folder = try TestFolder()
        let path = folder.ledger
        let (heard, left) = try await withLedger(
            at: path,
            {
                $0.maximumPages = 24
                $0.maximumBatch = 50
            }
        ) { ledger, heard in
            for number in UInt64(1)...2_000 { ledger.keep(share(number)) }
            try await eventually { !heard.faults.isEmpty }
        }
        #expect(heard.faults == [.full(path: path)])
        #expect(heard.kept > 0)
        #expect(left == 2_000 - Int(heard.kept))
        #expect(try LedgerReport(path: path).shares == Int(heard.kept))
        // With room again it goes on, on the same file.
        try await withLedger(at: path) { ledger, heard in
            for number in UInt64(1)...2_000 { ledger.keep(share(number)) }
            try await eventually { heard.kept == 2_000 }
        }
        #expect(try LedgerReport(path: path).shares == 2_000)
    }

    @Test(arguments: [1, 700, 3_000] as [UInt64])
    func `kill -9 loses nothing that was said to be kept`(target: UInt64) async throws {
        let folder = try TestFolder()
        let path = folder.ledger
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = path as String, target = target as UInt64] in
            let words = open("\(path).words", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            let heard = Heard()
            var settings = ShareLedger.Settings()
            settings.gathering = .milliseconds(2)
            settings.maximumBatch = 100
            let ledger = try ShareLedger(path: path, settings: settings) { news in
                heard.hear(news)
                guard case .kept(var number) = news else { return }
                write(words, &number, 8)
            }
            // The shares go on while it is killed, in the middle of whatever the writer is doing.
            var number: UInt64 = 0
            while true {
                number += 1
                ledger.keep(share(number))
                if number % 50 == 0 {
                    usleep(500)
                    if heard.kept >= target { kill(getpid(), SIGKILL) }
                }
            }
        }
        let words = try Data(contentsOf: URL(fileURLWithPath: "\(path).words"))
        let kept = words.withUnsafeBytes {
            $0.loadUnaligned(fromByteOffset: words.count - 8, as: UInt64.self)
        }
        #expect(kept >= target)
        try await withLedger(at: path) { _, _ in }
        let hashes = try await DatabaseQueue(path: path).read { db in
            try Set(Data.fetchAll(db, sql: "SELECT hash FROM shares"))
        }
        let lost = (1...kept).filter { !hashes.contains(Data(hash($0).displayBytes)) }
        #expect(lost.isEmpty)
    }
}
