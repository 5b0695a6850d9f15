import BitcoinPrimitives
public import BlockRoutes
import Payouts
public import StateFiles
import Units

/// Sentences for people about found blocks: what, where, and what to do.
public struct BlockWords: Sendable {
    public var names: RouteNames
    /// Where files of blocks are.
    private let store: BlockStore

    public init(names: RouteNames, store: BlockStore) {
        self.names = names
        self.store = store
    }

    /// `nil` for what the miner is to do, and people need not know.
    public func sentence(for news: BlockPublisher.News) -> String? {
        switch news {
        case .notice(let notice): sentence(for: notice)
        case .alarm(let alarm): sentence(for: alarm)
        case .again: nil
        case .payout(let payout) where payout.isLast:
            "The payout's descriptor has no further address: blocks from now on all pay number \(payout.index). "
                + "Give another descriptor."
        case .payout(let payout): "The next block pays address \(payout.index) of the payout's descriptor."
        case .trouble(let trouble): sentence(for: trouble)
        }
    }

    public func sentence(for notice: BlockDelivery.Notice) -> String {
        switch notice {
        case .answered(let hash, let route, let answer):
            "Block \(hash.displayHex): \(names.name(of: route)) \(words(for: answer))."
        case .confirmed(let block, let route, let after):
            "\(name(block)) is in the best chain of \(names.name(of: route)), \(time(after)) after it was found."
        case .settled(let block, .confirmed): "\(name(block)) is settled: it is in the best chain."
        case .settled(let block, .replaced):
            "\(name(block)) is settled: another block has its place in the chain, and it pays nothing."
        case .settled(let block, .delivered):
            "\(name(block)) is settled: it was taken; whether it is in the best chain was not seen."
        case .settled(let block, .unconfirmed):
            "\(name(block)) is settled: nobody was heard to have it. Its file is kept in \(store.folder)/settled."
        case .setAside(let block):
            "\(name(block)) waits in its file for newer ones, and comes back when there is room."
        case .tooManyStored(let count): "\(count) files of blocks wait in \(store.folder) for the next start."
        }
    }

    public func sentence(for alarm: BlockAlarm) -> String {
        let block = name(alarm.block)
        switch alarm.reason {
        case .unconfirmed(let after):
            return
                "\(block) is in no node's best chain \(time(after)) after it was found. "
                + ([routes(alarm)] + [views(alarm), advice(alarm)].compactMap { $0 }).joined(separator: " ")
        case .notWritten(let why):
            return
                "\(block) is in no file, and a crash now would lose it; it is on its way by every route. \(why)."
        case .notOnDisk(let why):
            return
                "\(block) may be lost from its file in a power cut; it is on its way by every route. \(why)."
        case .reorganised(let route):
            return
                "\(block) was in the best chain of \(names.name(of: route)), and has left it: another branch has "
                + "more work. Whether it comes back is decided by the blocks to come; there is nothing to do."
        case .dropped:
            return
                "\(block) is dropped: newer blocks took its room in memory, nobody has confirmed it, and no file holds "
                + "it. Free some space in \(store.folder) for the next ones."
        }
    }

    public func sentence(for trouble: PublishingTrouble) -> String {
        switch trouble {
        case .unusableFile(let fault): "A found block cannot be sent: \(fault)."
        case .filesNotRead(let count):
            "\(count) files of found blocks in \(store.folder) were not read: there are too many. Move old ones away."
        case .indexNotSaved(let fault):
            "Which address the next block pays is not in its file: \(fault). It is tried again every 15 seconds."
        case .indexSaved(let index): "That the next block pays address \(index) is in its file now."
        case .notSettled(let fault):
            "A settled block stays among those that the next start sends again, which does no harm: \(fault)."
        }
    }

    // MARK: parts

    private func name(_ block: StoredBlock) -> String { "Block \(block.height) (\(block.hash.displayHex))" }

    /// What each route has come to.
    private func routes(_ alarm: BlockAlarm) -> String {
        guard !alarm.routes.isEmpty else { return "There is no route by which it could leave." }
        let parts = alarm.routes.map { report in "\(names.name(of: report.route)) \(words(for: report))" }
        let text = parts.joined(separator: "; ")
        return "\(text.prefix(1).uppercased())\(text.dropFirst())."
    }

    private func words(for report: BlockAlarm.RouteReport) -> String {
        let last = report.answer.map { words(for: $0) }
        switch report.state {
        case .down: return last.map { "\($0), and is away now" } ?? "is away"
        case .underWay: return last.map { "\($0), and was asked again" } ?? "has not answered yet"
        case .waiting: return "\(last ?? "has not answered"), and is asked again soon"
        case .done: return last ?? "has it"
        case .forgotten: return "came back, and knew nothing of the job any more"
        case .givenUp:
            return "\(last ?? "has not answered"), and was given up after \(report.attempts) attempts"
        }
    }

    func words(for answer: BlockAnswer) -> String {
        switch answer {
        case .sent: "was told of it, and does not answer to such"
        case .accepted: "took it"
        case .duplicate: "has it already, as a valid one"
        case .stale: "holds it for valid, and has another block in its place"
        case .unanswered(let time): "said nothing for \(self.time(time))"
        case .parentUnknown: "does not know the block that it stands on"
        case .refused(let word): "refuses it: \(plain(word))"
        case .failed(let why): "could not be told (\(plain(why)))"
        }
    }

    /// What the nodes have in its place.
    private func views(_ alarm: BlockAlarm) -> String? {
        guard !alarm.nodes.isEmpty else { return "No node tells its tip, so none could confirm it." }
        let others = alarm.nodes.compactMap { report -> String? in
            switch report.view {
            case .other(let hash)?: "\(names.name(of: report.route)) has \(hash.displayHex) at its height"
            case .ours?: nil
            case nil where report.height < alarm.block.height:
                "\(names.name(of: report.route)) stands at height \(report.height)"
            case nil: "\(names.name(of: report.route)) stands at height \(report.height), beyond it"
            }
        }
        guard !others.isEmpty else { return nil }
        let text = others.joined(separator: "; ")
        return "\(text.prefix(1).uppercased())\(text.dropFirst())."
    }

    private func advice(_ alarm: BlockAlarm) -> String? {
        let answers = alarm.routes.compactMap(\.answer)
        let isRefused = alarm.routes.contains { report in
            guard case .node = report.route, case .refused? = report.answer else { return false }
            return true
        }
        let isTaken = answers.contains { answer in
            switch answer {
            case .accepted, .duplicate, .stale: true
            case .sent, .unanswered, .parentUnknown, .refused, .failed: false
            }
        }
        let isReplaced = alarm.nodes.contains { if case .other? = $0.view { true } else { false } }
        if isReplaced {
            return
                "Two blocks were found at about the same time, and the next one decides; there is nothing to do."
        }
        if isTaken { return "Somebody has it and holds it for valid; look it up in a block explorer." }
        if isRefused {
            return "Keep \(kept(alarm)) and report this: the block breaks a rule, or the node another one."
        }
        guard alarm.isWritten else { return "It is sent again by itself; do not stop this program." }
        return
            "It is sent again by itself for an hour, and after the next start. By hand, on a machine with a node: "
            + "xxd -p -c 0 \(store.path(of: alarm.block)) | bitcoin-cli -stdin submitblock"
    }

    private func kept(_ alarm: BlockAlarm) -> String {
        alarm.isWritten ? store.path(of: alarm.block) : "the log of this program"
    }

    func time(_ time: Duration) -> String {
        let (seconds, attoseconds) = time.components
        let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
        if milliseconds < 1_000 { return "\(milliseconds) ms" }
        let tenths = milliseconds / 100
        return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
    }

    /// Words of others, without what plays with a terminal, and without a full stop.
    private func plain(_ text: String) -> String {
        let scalars = text.unicodeScalars.filter {
            switch $0.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: false
            default: true
            }
        }
        var text = String(String.UnicodeScalarView(scalars))
        while text.hasSuffix(".") { text.removeLast() }
        return text
    }
}
