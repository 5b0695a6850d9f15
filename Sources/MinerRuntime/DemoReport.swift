import ASICChains
import BitcoinPrimitives
import Boards
import Foundation
import MinerCore
import TemplateBuilding
import Units

/// What the demo prints at the end with `--json`. Names and units are part of the program's interface.
struct DemoReport: Encodable, Equatable {
    struct Board: Encodable, Equatable {
        var name: String
        var chip: String
        var chips: Int
        var nonces: Int
        var hardware_errors: Int
        /// From verified nonces, over the time since the board was up.
        var hashrate_hs: Double
    }

    struct Processors: Encodable, Equatable {
        var threads: Int
        var nonces: Int
        var hardware_errors: Int
        var hashrate_hs: Double
    }

    struct Template: Encodable, Equatable {
        var transactions: Int
        var fees_sat: UInt64
        /// Of the transactions, coinbase not included, as in `node_template`.
        var weight: UInt64
        var sigops: Int
    }

    struct NodeTemplate: Encodable, Equatable {
        var transactions: Int
        var fees_sat: UInt64
        var weight: UInt64
    }

    var duration_s: Double
    var boards: [Board]
    /// This machine's own hashing threads, when there are any.
    var cpu: Processors?
    var nonces_verified: Int
    var shares_sent: Int
    var shares_accepted: Int
    var shares_rejected: Int
    var blocks_found: Int
    var blocks_accepted: Int
    var declared_jobs: Int
    var custom_jobs_accepted: Int
    /// The way to earn that was mined last, by its name in `--rungs`, and how often it changed.
    var rung: String?
    var rung_changes: Int
    /// Ours at the last tip that was mined on, and the node's own choice at the same tip.
    var template: Template?
    var node_template: NodeTemplate?
    var last_block_hash: String?
    var seed: UInt64

    enum CodingKeys: CodingKey {
        case duration_s, boards, cpu, nonces_verified, shares_sent, shares_accepted, shares_rejected,
            blocks_found
        case blocks_accepted, declared_jobs, custom_jobs_accepted, rung, rung_changes, template,
            node_template, last_block_hash,
            seed
    }

    /// Every key is there in every report; what has no value is null.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(duration_s, forKey: .duration_s)
        try container.encode(boards, forKey: .boards)
        try container.encode(cpu, forKey: .cpu)
        try container.encode(nonces_verified, forKey: .nonces_verified)
        try container.encode(shares_sent, forKey: .shares_sent)
        try container.encode(shares_accepted, forKey: .shares_accepted)
        try container.encode(shares_rejected, forKey: .shares_rejected)
        try container.encode(blocks_found, forKey: .blocks_found)
        try container.encode(blocks_accepted, forKey: .blocks_accepted)
        try container.encode(declared_jobs, forKey: .declared_jobs)
        try container.encode(custom_jobs_accepted, forKey: .custom_jobs_accepted)
        try container.encode(rung, forKey: .rung)
        try container.encode(rung_changes, forKey: .rung_changes)
        try container.encode(template, forKey: .template)
        try container.encode(node_template, forKey: .node_template)
        try container.encode(last_block_hash, forKey: .last_block_hash)
        try container.encode(seed, forKey: .seed)
    }

    /// One object, keys in the order of their names.
    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}

extension DemoReport {
    init(_ outcome: DemoOutcome, seed: UInt64) {
        let statistics = outcome.statistics
        duration_s = (outcome.duration.inSeconds * 1000).rounded() / 1000
        boards = statistics.boards.enumerated().map { index, board in
            Board(
                name: board.name, chip: board.summary?.chipName ?? "", chips: board.summary?.chips ?? 0,
                nonces: board.nonces, hardware_errors: board.hardwareErrors,
                hashrate_hs: outcome.hashRate(at: index).hashesPerSecond.rounded())
        }
        cpu = statistics.processors.map {
            Processors(
                threads: $0.threads, nonces: $0.nonces, hardware_errors: $0.hardwareErrors,
                hashrate_hs: outcome.processorHashRate.hashesPerSecond.rounded())
        }
        nonces_verified = statistics.noncesVerified
        shares_sent = statistics.sharesFound - statistics.sharesLost
        shares_accepted = statistics.sharesAccepted
        shares_rejected = statistics.sharesRejected
        blocks_found = statistics.blocksFound
        blocks_accepted = outcome.blocksAccepted
        declared_jobs = statistics.declaredJobs
        custom_jobs_accepted = statistics.customJobsAccepted
        rung = statistics.rung.map(DemoRung.word)
        rung_changes = statistics.switches
        if let proposal = statistics.proposal {
            let figures = proposal.figures
            template = Template(
                transactions: figures.transactions, fees_sat: figures.fees.rawValue,
                weight: figures.weight.weightUnits, sigops: proposal.sigopCost)
            node_template = proposal.nodeFigures.map {
                NodeTemplate(
                    transactions: $0.transactions, fees_sat: $0.fees.rawValue, weight: $0.weight.weightUnits)
            }
        }
        last_block_hash = outcome.lastBlock?.displayHex
        self.seed = seed
    }
}

/// How a demo ended, for its report and its exit status.
struct DemoOutcome: Sendable {
    var statistics: MinerStatistics
    var duration: Duration
    /// Since when each board has hashed.
    var hashingSince: [Int: Instant]
    /// Since when the machine's own threads have found something.
    var processorsSince: Instant?
    /// When the boards were told to switch off.
    var ended: Instant
    var blocksAccepted = 0
    var lastBlock: Hash256?
    /// Blocks that the miner and the pool assembled on their own, byte for byte the same.
    var blocksAgreed = 0
    /// Sentences about what went wrong and makes the run a failure.
    var failures: [String] = []

    /// From this much mining on, a run without a block is a failure: ten blocks are due in it on average.
    static let blockIsDueAfter = Duration.seconds(60)

    /// From verified nonces, over all the time since the board was up.
    func hashRate(at index: Int) -> HashRate {
        guard let since = hashingSince[index] else { return .zero }
        return HashRate(hashesPerSecond: statistics.boards[index].hashes / max(1, (ended - since).inSeconds))
    }

    /// Of the machine's own threads together.
    var processorHashRate: HashRate {
        guard let processorsSince, let own = statistics.processors else { return .zero }
        return HashRate(hashesPerSecond: own.hashes / max(1, (ended - processorsSince).inSeconds))
    }

    /// Time during which at least one board, or the machine itself, hashed.
    var miningTime: Duration {
        let since = Array(hashingSince.values) + (processorsSince.map { [$0] } ?? [])
        return since.min().map { ended - $0 } ?? .zero
    }

    /// Everything that keeps the exit status from being 0.
    var reasons: [String] {
        var reasons = failures
        if statistics.sharesAccepted == 0 {
            reasons.append(
                hashingSince.isEmpty && processorsSince == nil
                    ? "no share was accepted: the run ended before a board had been brought up"
                    : "no share was accepted")
        }
        if statistics.sharesRejected > 0 {
            reasons.append("\(statistics.sharesRejected) shares were rejected")
        }
        if blocksAccepted == 0, miningTime >= Self.blockIsDueAfter {
            reasons.append("no block was accepted in \(Int(miningTime.inSeconds)) s of mining")
        }
        return reasons
    }
}
