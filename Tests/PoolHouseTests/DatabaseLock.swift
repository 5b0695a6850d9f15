import GRDB

/// Another program that holds a database for itself.
final class DatabaseLock: Sendable {
    private let queue: DatabaseQueue

    init(_ path: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        configuration.allowsUnsafeTransactions = true
        queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
    }

    func release() throws { try queue.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") } }
}
