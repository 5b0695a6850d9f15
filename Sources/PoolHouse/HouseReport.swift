import Glibc
public import PoolLedger

/// What a pool's ledger adds up to, with what each user has earned of each round once the operator's fee is off.
public struct HouseReport: Encodable, Sendable {
    /// What somebody has of a round.
    public struct Part: Encodable, Hashable, Sendable {
        public var user: String
        public var shares: Int
        public var difficulty: Double
        /// Of what the round's block pays, after the fee: 0 to 1.
        public var part: Double
    }

    public struct Round: Encodable, Hashable, Sendable {
        public var number: Int
        /// `nil` for the one under way.
        public var block: String?
        public var users: [Part]
    }

    public struct User: Encodable, Hashable, Sendable {
        public var user: String
        public var shares: Int
        public var difficulty: Double
        public var blocks: Int
        public var last_share: Int
        public var workers: [LedgerReport.Part]
    }

    public struct Block: Encodable, Hashable, Sendable {
        public var hash: String
        public var height: Int
        public var time: Int
        public var user: String
        public var state: String
        public var detail: String?
        public var published_by: String
    }

    public var ledger: String
    public var shares: Int
    public var difficulty: Double
    public var fee_percent: Double
    public var users: [User]
    public var blocks: [Block]
    public var rounds: [Round]

    /// Reads the ledger of a pool, which may be running.
    public init(_ configuration: HouseConfiguration) throws(HouseFault) {
        let report: LedgerReport
        do throws(LedgerFault) { report = try LedgerReport(path: configuration.ledger) } catch {
            throw .ledger(error)
        }
        self.init(report, ledger: configuration.ledger, feeBasisPoints: configuration.feeBasisPoints)
    }

    init(_ report: LedgerReport, ledger: String, feeBasisPoints: Int) {
        self.ledger = ledger
        shares = report.shares
        difficulty = report.difficulty
        fee_percent = Double(feeBasisPoints) / 100
        users = report.users.map {
            User(
                user: $0.name, shares: $0.shares, difficulty: $0.difficulty, blocks: $0.blocks,
                last_share: $0.lastShare, workers: $0.workers)
        }
        blocks = report.blocks.map {
            Block(
                hash: $0.hash, height: $0.height, time: $0.time, user: $0.user, state: $0.state,
                detail: $0.detail, published_by: $0.isClients ? "client" : "pool")
        }
        rounds = report.rounds.map { round in
            let sum = round.users.reduce(0) { $0 + $1.difficulty }
            return Round(
                number: round.number, block: round.block,
                users: round.users.map {
                    Part(
                        user: $0.name, shares: $0.shares, difficulty: $0.difficulty,
                        part: sum > 0 ? $0.difficulty / sum * Double(10_000 - feeBasisPoints) / 10_000 : 0)
                })
        }
    }

    /// For a terminal. - Parameter rounds: how many of the newest are shown.
    public func lines(rounds shown: Int = 3) -> [String] {
        guard shares > 0 else { return ["\(ledger): no shares yet"] }
        let valid = blocks.count { $0.state != BlockState.refused.rawValue }
        var lines = [
            "\(ledger): \(counted(shares, "share")) of \(counted(users.count, "user")), difficulty "
                + "\(number(difficulty)) in sum, \(counted(valid, "block"))"
        ]
        let width = max(4, users.map(\.user.count).max() ?? 0)
        lines.append(
            "\(padded("user", width))  \(right("shares"))  \(right("difficulty"))  blocks  last share")
        for user in users {
            lines.append(
                "\(padded(user.user, width))  \(right("\(user.shares)"))  \(right(number(user.difficulty)))  "
                    + "\(right("\(user.blocks)", 6))  \(date(user.last_share))")
        }
        for round in rounds.prefix(shown) {
            lines.append(
                "Round \(round.number), " + (round.block.map { "ended by block \($0)" } ?? "under way")
                    + (round.users.isEmpty ? ", no shares yet" : ":"))
            for part in round.users {
                lines.append(
                    "  \(padded(part.user, width))  \(right("\(part.shares)"))  \(right(number(part.difficulty)))  "
                        + "\(right(number(part.part * 100), 6)) %")
            }
        }
        for block in blocks {
            lines.append(
                "Block \(block.height) \(block.hash) by \(block.user), \(date(block.time)): \(block.state)"
                    + (block.detail.map { ", \($0)" } ?? ""))
        }
        return lines
    }

    private func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }

    /// With two decimals, where those say something.
    private func number(_ value: Double) -> String {
        // No pool works that much; test networks work that little.
        guard value < 1e15, value == 0 || value >= 0.1 else { return "\(Float(value))" }
        let hundredths = Int((value * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private func right(_ text: String, _ width: Int = 12) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    /// By UTC.
    private func date(_ seconds: Int) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)) UTC"
    }
}
