import Foundation
import GRDB

/// What a ledger adds up to.
public struct LedgerReport: Hashable, Sendable, Codable {
    public struct User: Hashable, Sendable, Codable {
        public var name: String
        public var shares: Int
        /// Of the shares' targets, in sum: what was worked, in units of 2^32 hashes.
        public var difficulty: Double
        /// Not counting those that nodes refused.
        public var blocks: Int
        /// Seconds since 1970.
        public var lastShare: Int
        public var workers: [Part]
    }

    /// What somebody has of something.
    public struct Part: Hashable, Sendable, Codable {
        /// Empty for shares that named no worker.
        public var name: String
        public var shares: Int
        public var difficulty: Double
    }

    public struct Block: Hashable, Sendable, Codable {
        public var hash: String
        public var height: Int
        /// Seconds since 1970.
        public var time: Int
        public var user: String
        /// As ``BlockState`` spells it.
        public var state: String
        /// The node's word for what is wrong.
        public var detail: String?
        /// Whether its client was to publish it.
        public var isClients: Bool
    }

    /// All shares from one block to the next one that was not refused; that one is the last of its round.
    public struct Round: Hashable, Sendable, Codable {
        /// Counts from 1.
        public var number: Int
        /// The block that ended it; `nil` for the one under way.
        public var block: String?
        public var users: [Part]
    }

    public var shares: Int
    public var difficulty: Double
    /// By what they worked, the most first.
    public var users: [User]
    /// The newest first, at most ``limit``.
    public var blocks: [Block]
    /// The same of rounds, the one under way first.
    public var rounds: [Round]

    public static let limit = 50

    /// Reads a ledger, also one that a pool is writing to.
    public init(path: String) throws(LedgerFault) {
        guard FileManager.default.fileExists(atPath: path) else { throw .missing(path: path) }
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(LedgerFile.patience)
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            defer { try? queue.close() }
            self = try queue.read { db in
                try LedgerFile.recognise(db, path)
                guard try !LedgerSchema.migrator.hasBeenSuperseded(db) else {
                    throw LedgerFault.newer(path: path)
                }
                return try LedgerReport(db)
            }
        } catch {
            throw LedgerFault(error, path: path)
        }
    }

    private init(_ db: Database) throws {
        users = try Self.users(db)
        shares = users.reduce(0) { $0 + $1.shares }
        difficulty = users.reduce(0) { $0 + $1.difficulty }
        blocks = try Row.fetchAll(
            db,
            sql: """
                SELECT b.*, u.name FROM blocks b JOIN shares s ON s.id = b.share JOIN users u ON u.id = s.user
                ORDER BY b.share DESC LIMIT \(Self.limit)
                """
        ).map { row in
            Block(
                hash: (row["hash"] as Data).hexadecimal, height: row["height"], time: row["time"],
                user: row["name"], state: row["state"], detail: row["detail"], isClients: row["clients"])
        }
        rounds = try Self.rounds(db)
    }

    private static func users(_ db: Database) throws -> [User] {
        let workers = Dictionary(
            grouping: try Row.fetchAll(
                db,
                sql: """
                    SELECT user, ifnull(worker, '') AS worker, count(*) AS shares, sum(difficulty) AS difficulty
                    FROM shares GROUP BY user, worker ORDER BY difficulty DESC, worker
                    """)
        ) { $0["user"] as Int64 }
        let blocks = Dictionary(
            try Row.fetchAll(
                db,
                sql: """
                    SELECT s.user, count(*) AS blocks FROM blocks b JOIN shares s ON s.id = b.share
                    WHERE b.state <> 'refused' GROUP BY s.user
                    """
            ).map { ($0["user"] as Int64, $0["blocks"] as Int) }, uniquingKeysWith: { first, _ in first })
        return try Row.fetchAll(db, sql: "SELECT * FROM users ORDER BY difficulty DESC, name").map { row in
            let id: Int64 = row["id"]
            return User(
                name: row["name"], shares: row["shares"], difficulty: row["difficulty"],
                blocks: blocks[id] ?? 0, lastShare: row["last"],
                workers: (workers[id] ?? []).map {
                    Part(name: $0["worker"], shares: $0["shares"], difficulty: $0["difficulty"])
                })
        }
    }

    private static func rounds(_ db: Database) throws -> [Round] {
        let ends = try Row.fetchAll(
            db, sql: "SELECT share, hash FROM blocks WHERE state <> 'refused' ORDER BY share")
        var rounds: [Round] = []
        var upper = Int64.max
        var block: String?
        for index in stride(from: ends.count, through: max(0, ends.count - limit + 1), by: -1) {
            let lower: Int64 = index == 0 ? 0 : ends[index - 1]["share"]
            rounds.append(
                Round(number: index + 1, block: block, users: try parts(after: lower, through: upper, db)))
            guard index > 0 else { break }
            upper = lower
            block = (ends[index - 1]["hash"] as Data).hexadecimal
        }
        return rounds
    }

    private static func parts(after lower: Int64, through upper: Int64, _ db: Database) throws -> [Part] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT u.name, count(*) AS shares, sum(s.difficulty) AS difficulty
                FROM shares s JOIN users u ON u.id = s.user WHERE s.id > ? AND s.id <= ?
                GROUP BY u.id ORDER BY difficulty DESC, u.name
                """, arguments: [lower, upper]
        ).map { Part(name: $0["name"], shares: $0["shares"], difficulty: $0["difficulty"]) }
    }
}

extension Data {
    fileprivate var hexadecimal: String {
        map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
