import GRDB
import Glibc

/// Why a ledger cannot be used, or not now.
public enum LedgerFault: Error, Hashable, Sendable {
    case missingFolder(path: String)
    case isDirectory(path: String)
    case noPermission(path: String)
    /// There is none, and none is to be made.
    case missing(path: String)
    case readOnly(path: String)
    /// Another pool writes to it.
    case inUse(path: String)
    /// Another program holds the database for itself.
    case locked(path: String)
    /// Another kind of file, or another program's database.
    case notALedger(path: String)
    /// What SQLite says is wrong.
    case damaged(path: String, String)
    /// Written by a later version of this program.
    case newer(path: String)
    case full(path: String)
    case system(path: String, call: String, errno: Int32)
    /// A code of SQLite and its words.
    case database(path: String, code: Int32, String)

    init(_ error: any Error, path: String) {
        guard let error = error as? DatabaseError else {
            self = error as? LedgerFault ?? .database(path: path, code: 0, "\(error)")
            return
        }
        let words = error.message ?? "no details"
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .locked(path: path)
        case .SQLITE_READONLY: self = .readOnly(path: path)
        case .SQLITE_NOTADB: self = .notALedger(path: path)
        case .SQLITE_CORRUPT: self = .damaged(path: path, words)
        case .SQLITE_FULL: self = .full(path: path)
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH: self = .noPermission(path: path)
        default: self = .database(path: path, code: error.extendedResultCode.rawValue, words)
        }
    }
}

extension LedgerFault: CustomStringConvertible {
    /// A sentence for the operator: what, where, and what to do.
    public var description: String {
        switch self {
        case .missingFolder(let path):
            "the folder of the share ledger \(path) does not exist; make it, or change ledger.path"
        case .isDirectory(let path): "\(path) is a folder; ledger.path names a file"
        case .noPermission(let path):
            "no permission to use the share ledger \(path): the user that the pool runs as must own it and its folder"
        case .missing(let path): "there is no share ledger at \(path); the pool makes it when it first runs"
        case .readOnly(let path):
            "the share ledger \(path) can only be read: check the mode of the file and its folder, and whether the disk "
                + "is mounted read-only"
        case .inUse(let path):
            "another pool is using the share ledger \(path); stop it, or give this one a ledger of its own"
        case .locked(let path):
            "another program holds the share ledger \(path); end it (a sqlite3 shell within a transaction, a backup)"
        case .notALedger(let path):
            "\(path) is something else than a share ledger, and is left alone; change ledger.path"
        case .damaged(let path, let words):
            "the share ledger \(path) is damaged (\(words)); move it away and restore a copy, or let the pool begin a "
                + "new one. What can be read of it: sqlite3 \(path) .recover"
        case .newer(let path):
            "the share ledger \(path) was written by a later version of this program; use that version"
        case .full(let path): "the disk is full: the share ledger \(path) cannot grow; make room"
        case .system(let path, let call, let errno):
            "\(call) failed on \(path): \(String(cString: strerror(errno)))"
        case .database(let path, let code, let words):
            "the share ledger \(path) failed: \(words) (SQLite \(code))"
        }
    }
}
