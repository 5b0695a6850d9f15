import BitcoinPrimitives
import BlockRoutes
import Payouts
import StateFiles
import Units

/// News of found blocks for programs: one JSON object each. Hashes are in display order.
public struct BlockReport: Hashable, Sendable, Encodable {
    public enum Event: String, Hashable, Sendable, Encodable {
        case answered, confirmed, settled, setAside, tooManyStored
        case unconfirmed, notWritten, notOnDisk, reorganised, dropped
        case payout, trouble
    }

    public struct Route: Hashable, Sendable, Encodable {
        public var route: String
        public var state: String
        public var attempts: Int
        /// `accepted`, `refused` …, and the other side's word where there is one.
        public var answer: String?
        public var word: String?
    }

    public struct Node: Hashable, Sendable, Encodable {
        public var route: String
        public var tip: String
        public var height: UInt32
        /// What its best chain has at the block's height.
        public var blockAtHeight: String?
    }

    public var event: Event
    public var isAlarm: Bool
    public var sentence: String
    public var hash: String?
    public var height: UInt32?
    public var outcome: String?
    /// Since it was found.
    public var milliseconds: Int64?
    public var isWritten: Bool?
    public var payoutIndex: UInt32?
    public var routes: [Route]?
    public var nodes: [Node]?

    init(_ event: Event, isAlarm: Bool = false, _ sentence: String) {
        self.event = event
        self.isAlarm = isAlarm
        self.sentence = sentence
    }
}

extension BlockWords {
    /// `nil` for what the miner is to do.
    public func report(of news: BlockPublisher.News) -> BlockReport? {
        guard let sentence = sentence(for: news) else { return nil }
        switch news {
        case .notice(let notice): return report(of: notice, sentence)
        case .alarm(let alarm): return report(of: alarm, sentence)
        case .again: return nil
        case .payout(let payout):
            var report = BlockReport(.payout, isAlarm: payout.isLast, sentence)
            report.payoutIndex = payout.index
            return report
        case .trouble(let trouble):
            switch trouble {
            case .unusableFile, .filesNotRead, .indexNotSaved, .notSettled:
                return BlockReport(.trouble, isAlarm: true, sentence)
            case .indexSaved: return BlockReport(.trouble, sentence)
            }
        }
    }

    private func report(of notice: BlockDelivery.Notice, _ sentence: String) -> BlockReport {
        var report: BlockReport
        switch notice {
        case .answered(let hash, let route, let answer):
            report = BlockReport(.answered, sentence)
            report.hash = hash.displayHex
            report.routes = [
                .init(
                    route: names.name(of: route), state: "answered", attempts: 0, answer: answer.kind,
                    word: answer.word)
            ]
        case .confirmed(let block, let route, let after):
            report = BlockReport(.confirmed, sentence)
            report.name(block)
            report.milliseconds = milliseconds(after)
            report.nodes = [
                .init(
                    route: names.name(of: route), tip: block.hash.displayHex, height: block.height,
                    blockAtHeight: block.hash.displayHex)
            ]
        case .settled(let block, let outcome):
            report = BlockReport(.settled, isAlarm: outcome == .unconfirmed, sentence)
            report.name(block)
            report.outcome = "\(outcome)"
        case .setAside(let block):
            report = BlockReport(.setAside, sentence)
            report.name(block)
        case .tooManyStored: report = BlockReport(.tooManyStored, isAlarm: true, sentence)
        }
        return report
    }

    private func report(of alarm: BlockAlarm, _ sentence: String) -> BlockReport {
        var report: BlockReport
        switch alarm.reason {
        case .unconfirmed(let after):
            report = BlockReport(.unconfirmed, isAlarm: true, sentence)
            report.milliseconds = milliseconds(after)
        case .notWritten: report = BlockReport(.notWritten, isAlarm: true, sentence)
        case .notOnDisk: report = BlockReport(.notOnDisk, isAlarm: true, sentence)
        case .reorganised: report = BlockReport(.reorganised, isAlarm: true, sentence)
        case .dropped: report = BlockReport(.dropped, isAlarm: true, sentence)
        }
        report.name(alarm.block)
        report.isWritten = alarm.isWritten
        report.routes = alarm.routes.map {
            .init(
                route: names.name(of: $0.route), state: "\($0.state)", attempts: $0.attempts,
                answer: $0.answer?.kind, word: $0.answer?.word)
        }
        report.nodes = alarm.nodes.map { node in
            let found: String? =
                switch node.view {
                case .ours?: alarm.block.hash.displayHex
                case .other(let hash)?: hash.displayHex
                case nil: nil
                }
            return .init(
                route: names.name(of: node.route), tip: node.tip.displayHex, height: node.height,
                blockAtHeight: found)
        }
        return report
    }

    private func milliseconds(_ time: Duration) -> Int64 {
        time.components.seconds * 1_000 + time.components.attoseconds / 1_000_000_000_000_000
    }
}

extension BlockReport {
    fileprivate mutating func name(_ block: StoredBlock) {
        hash = block.hash.displayHex
        height = block.height
    }
}

extension BlockAnswer {
    fileprivate var kind: String {
        switch self {
        case .sent: "sent"
        case .accepted: "accepted"
        case .duplicate: "duplicate"
        case .stale: "stale"
        case .unanswered: "unanswered"
        case .parentUnknown: "parentUnknown"
        case .refused: "refused"
        case .failed: "failed"
        }
    }

    fileprivate var word: String? {
        switch self {
        case .refused(let word), .failed(let word): word
        case .sent, .accepted, .duplicate, .stale, .unanswered, .parentUnknown: nil
        }
    }
}
