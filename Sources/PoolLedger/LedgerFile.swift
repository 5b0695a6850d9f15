import BitcoinPrimitives
import Foundation
import GRDB
import Glibc
import Synchronization

/// The database of a ledger, opened for writing by one pool at a time. Every call may block for as long as a disk takes.
///
/// Journal in WAL mode, so that a report can be read meanwhile; `synchronous = FULL`, so that what was committed
/// outlives a power cut as well as a crash.
final class LedgerFile: Sendable {
    /// "ADIT": tells our databases from others.
    static let applicationID: Int32 = 0x4144_4954
    /// For another program's transaction to end.
    static let patience = 2.0

    let path: String
    private let queue: DatabaseQueue
    /// Held until `close`; the system lets it go with the process, however that ends. -1 then.
    private let lock: Mutex<CInt>

    /// - Parameter maximumPages: of 4,096 bytes; fewer than the disk has room for, in tests.
    init(path: String, maximumPages: Int?) throws(LedgerFault) {
        self.path = path
        let lock = try Self.takeLock(path)
        do {
            try Self.makeFile(path)
            queue = try Self.open(path, maximumPages)
        } catch {
            Glibc.close(lock)
            throw LedgerFault(error, path: path)
        }
        self.lock = Mutex(lock)
    }

    deinit { letGo() }

    /// Ends the use of the file, whose journal is then part of it, and lets others have it.
    func close() {
        try? queue.close()
        letGo()
    }

    private func letGo() {
        lock.withLock { file in
            if file >= 0 { Glibc.close(file) }
            file = -1
        }
    }

    /// Writes all or nothing, and returns when the disk has it.
    ///
    /// - Returns: shares that were there already.
    func write(_ entries: ArraySlice<LedgerEntry>) throws(LedgerFault) -> Int {
        do {
            return try queue.writeWithoutTransaction { db in
                var known = 0
                try db.inTransaction(.immediate) {
                    known = 0
                    for entry in entries {
                        switch entry {
                        case .share(let share): if try !Self.insert(share, db) { known += 1 }
                        case .block(let hash, let state, let detail, let time):
                            try Self.update(hash, state, detail, time, db)
                        }
                    }
                    return .commit
                }
                return known
            }
        } catch {
            throw LedgerFault(error, path: path)
        }
    }

    // MARK: Opening

    private static func takeLock(_ path: String) throws(LedgerFault) -> CInt {
        var facts = stat()
        if stat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR { throw .isDirectory(path: path) }
        let name = path + ".lock"
        let file = Glibc.open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else {
            switch errno {
            case ENOENT, ENOTDIR: throw .missingFolder(path: path)
            case EACCES, EPERM: throw .noPermission(path: path)
            case EROFS: throw .readOnly(path: path)
            case ENOSPC, EDQUOT: throw .full(path: path)
            default: throw .system(path: name, call: "open", errno: errno)
            }
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            Glibc.close(file)
            throw code == EWOULDBLOCK
                ? .inUse(path: path) : .system(path: name, call: "flock", errno: code)
        }
        return file
    }

    /// Shares say who mines how much: a new file is the owner's to read. SQLite gives its journal the same mode.
    private static func makeFile(_ path: String) throws(LedgerFault) {
        let file = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0o600)
        guard file >= 0 else {
            switch errno {
            case EACCES, EPERM: throw .noPermission(path: path)
            case EROFS: throw .readOnly(path: path)
            case ENOSPC, EDQUOT: throw .full(path: path)
            default: throw .system(path: path, call: "open", errno: errno)
            }
        }
        Glibc.close(file)
    }

    private static func open(_ path: String, _ maximumPages: Int?) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.busyMode = .timeout(patience)
        configuration.foreignKeysEnabled = true
        configuration.label = "share ledger"
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.writeWithoutTransaction { db in
            try recognise(db, path)
            try db.execute(sql: "PRAGMA journal_mode = WAL")
            try db.execute(sql: "PRAGMA synchronous = FULL")
            if let maximumPages { try db.execute(sql: "PRAGMA max_page_count = \(maximumPages)") }
            let problems = try String.fetchAll(db, sql: "PRAGMA quick_check(1)")
            guard problems == ["ok"] else {
                throw LedgerFault.damaged(path: path, problems.first ?? "no answer")
            }
        }
        guard try !queue.read(LedgerSchema.migrator.hasBeenSuperseded) else {
            throw LedgerFault.newer(path: path)
        }
        try LedgerSchema.migrator.migrate(queue)
        // Whether it can be written to shows when it is.
        try queue.writeWithoutTransaction { db in
            try db.inTransaction(.immediate) {
                try db.execute(sql: "PRAGMA application_id = \(applicationID)")
                try db.execute(sql: "UPDATE openings SET count = count + 1")
                return .commit
            }
        }
        return queue
    }

    /// Nothing is done to a database that is not a ledger.
    static func recognise(_ db: Database, _ path: String) throws {
        let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        let number = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        guard tables == 0 && number == 0 || number == applicationID else {
            throw LedgerFault.notALedger(path: path)
        }
    }

    // MARK: Writing

    /// - Returns: whether it is new: a header counts once, whatever restart lies between.
    private static func insert(_ share: LedgerShare, _ db: Database) throws -> Bool {
        let user = try userID(share.user, db)
        let insertion = try db.cachedStatement(
            sql: """
                INSERT INTO shares (user, worker, difficulty, time, height, hash, custom)
                VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hash) DO NOTHING
                """)
        try insertion.execute(
            arguments: [
                user, share.worker, share.difficulty, Int64(share.unixTime), Int64(share.height),
                Data(share.hash.displayBytes), share.isCustom,
            ])
        guard db.changesCount == 1 else { return false }
        let id = db.lastInsertedRowID
        try db.cachedStatement(
            sql: """
                UPDATE users SET shares = shares + 1, difficulty = difficulty + ?, last = max(last, ?)
                WHERE id = ?
                """
        ).execute(arguments: [share.difficulty, Int64(share.unixTime), user])
        if let role = share.block {
            try db.execute(
                sql: """
                    INSERT INTO blocks (hash, share, height, time, clients, state, changed)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    Data(share.hash.displayBytes), id, Int64(share.height), Int64(share.unixTime),
                    role == .clients, BlockState.found.rawValue, Int64(share.unixTime),
                ])
        }
        return true
    }

    private static func userID(_ name: String, _ db: Database) throws -> Int64 {
        let look = try db.cachedStatement(sql: "SELECT id FROM users WHERE name = ?")
        if let known = try Int64.fetchOne(look, arguments: [name]) { return known }
        try db.cachedStatement(sql: "INSERT INTO users (name) VALUES (?)").execute(arguments: [name])
        return db.lastInsertedRowID
    }

    /// A state that says more than the one before takes its place: what was in the chain once was valid.
    private static func update(
        _ hash: Hash256, _ state: BlockState, _ detail: String?, _ time: UInt32, _ db: Database
    ) throws {
        try db.cachedStatement(
            sql: "UPDATE blocks SET state = ?, detail = ?, changed = ? WHERE hash = ? AND state <> ?"
        ).execute(
            arguments: [
                state.rawValue, detail, Int64(time), Data(hash.displayBytes), BlockState.inChain.rawValue,
            ])
    }
}

/// One line of the queue to the file.
enum LedgerEntry: Hashable, Sendable {
    case share(LedgerShare)
    /// `time` in seconds since 1970.
    case block(Hash256, BlockState, detail: String?, time: UInt32)
}

enum LedgerSchema {
    /// Times are seconds since 1970, hashes in display order, difficulties those of the shares' targets.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE users (
                        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, shares INTEGER NOT NULL DEFAULT 0,
                        difficulty REAL NOT NULL DEFAULT 0, last INTEGER NOT NULL DEFAULT 0
                    ) STRICT;
                    CREATE TABLE shares (
                        id INTEGER PRIMARY KEY, user INTEGER NOT NULL REFERENCES users (id), worker TEXT,
                        difficulty REAL NOT NULL, time INTEGER NOT NULL, height INTEGER NOT NULL,
                        hash BLOB NOT NULL UNIQUE, custom INTEGER NOT NULL
                    ) STRICT;
                    CREATE TABLE blocks (
                        hash BLOB PRIMARY KEY, share INTEGER NOT NULL UNIQUE REFERENCES shares (id),
                        height INTEGER NOT NULL, time INTEGER NOT NULL, clients INTEGER NOT NULL,
                        state TEXT NOT NULL, detail TEXT, changed INTEGER NOT NULL
                    ) STRICT;
                    CREATE TABLE openings (count INTEGER NOT NULL) STRICT;
                    INSERT INTO openings VALUES (0);
                    """)
        }
        return migrator
    }
}
