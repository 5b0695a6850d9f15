import BitcoinPrimitives
import NIOCore
import NodeSupport
import Synchronization

/// A regtest node that takes blocks: its tip is the block that it took last, and it does not take one whose parent it does
/// not know.
final class TakingNode: Sendable {
    private struct State {
        var tip: Hash256
        var height: UInt32
        var known: Set<Hash256>
        var taken: [Hash256] = []
        /// Instead of its own judgement, as JSON; or nothing at all.
        var verdict: String?
        var isSilent = false
        var polls: [(EventLoopPromise<[UInt8]>, id: Substring)] = []
    }

    private let state: Mutex<State>
    private let loop: any EventLoop

    init(tip: Hash256, height: UInt32, on loop: any EventLoop) {
        state = Mutex(State(tip: tip, height: height, known: [tip]))
        self.loop = loop
    }

    /// Blocks that were handed to it, whatever it said.
    var taken: [Hash256] { state.withLock { $0.taken } }
    func say(_ verdict: String?) { state.withLock { $0.verdict = verdict } }
    /// Blocks get no answer any more, or again.
    func fallSilent(_ isSilent: Bool) { state.withLock { $0.isSilent = isSilent } }

    /// A block of somebody else's.
    func move(to tip: Hash256, height: UInt32) {
        let polls = state.withLock { state in
            (state.tip, state.height) = (tip, height)
            state.known.insert(tip)
            defer { state.polls = [] }
            return state.polls.map { ($0.0, reply(result("getblocktemplate", &state), $0.id)) }
        }
        for (promise, answer) in polls { promise.succeed(Array(answer.utf8)) }
    }

    func serve(port: Int = 0) async throws -> NodeServer {
        try await NodeServer.start(on: loop, port: port) { _, body in self.answer(body) }
    }

    private func answer(_ body: [UInt8]) -> NodeServer.Reply {
        let text = String(decoding: body, as: UTF8.self)
        let parts = text.split(separator: #"{"jsonrpc""#).filter { $0.contains("method") }
        if text.contains("longpollid"), let part = parts.first {
            let promise = loop.makePromise(of: [UInt8].self)
            let isCurrent = state.withLock { state in
                guard part.contains(state.tip.displayHex) else { return false }
                // A long poll that is given up leaves its promise here; it goes with the next one.
                for (old, _) in state.polls { old.fail(ChannelError.eof) }
                state.polls = [(promise, id(part))]
                return true
            }
            if isCurrent { return .later(promise.futureResult) }
            promise.fail(ChannelError.eof)
        }
        var answers = [String]()
        var moved: (Hash256, UInt32)?
        for part in parts {
            if part.contains("submitblock") {
                guard let (verdict, tip) = take(part) else { return .silence }
                answers.append(reply(verdict, id(part)))
                moved = tip ?? moved
            } else {
                answers.append(reply(state.withLock { result(String(part), &$0) }, id(part)))
            }
        }
        if let moved { move(to: moved.0, height: moved.1) }
        let whole = text.hasPrefix("[") ? "[\(answers.joined(separator: ","))]" : answers.joined()
        return .answer(status: 200, body: Array(whole.utf8))
    }

    private func id(_ part: Substring) -> Substring {
        part.split(separator: #""id":"#)[1].prefix { $0.isNumber }
    }

    private func reply(_ result: String, _ id: some StringProtocol) -> String {
        #"{"jsonrpc":"2.0","result":\#(result),"id":\#(id)}"#
    }

    private func take(_ part: Substring) -> (String, (Hash256, UInt32)?)? {
        let hex = part.split(separator: #""params":[""#)[1].prefix(2 * Header.size)
        guard let header = Header(wireBytes: bytes(hex)) else { return ("\"rejected\"", nil) }
        return state.withLock { state in
            state.taken.append(header.hash)
            if state.isSilent { return nil }
            if let verdict = state.verdict { return (verdict, nil) }
            if state.known.contains(header.hash) { return ("\"duplicate\"", nil) }
            guard state.known.contains(header.previousBlock) else { return ("\"prev-blk-not-found\"", nil) }
            state.known.insert(header.hash)
            guard header.previousBlock == state.tip else { return ("\"inconclusive\"", nil) }
            return ("null", (header.hash, state.height + 1))
        }
    }

    private func bytes(_ hex: Substring) -> [UInt8] {
        var out = [UInt8]()
        var rest = hex
        while rest.count >= 2, let byte = UInt8(rest.prefix(2), radix: 16) {
            out.append(byte)
            rest = rest.dropFirst(2)
        }
        return out
    }

    private func result(_ part: String, _ state: inout State) -> String {
        let tip = state.tip.displayHex
        if part.contains("getblockchaininfo") {
            return
                #"{"chain":"regtest","blocks":\#(state.height),"headers":\#(state.height),"bestblockhash":"\#(tip)"}"#
        }
        if part.contains("getnetworkinfo") { return #"{"version":310000}"# }
        if part.contains("getzmqnotifications") { return "[]" }
        if part.contains("getbestblockhash") { return "\"\(tip)\"" }
        if part.contains("getrawmempool") { return #"{"txids":[],"mempool_sequence":1}"# }
        let value = SubsidySchedule.regtest.subsidy(at: state.height + 1).rawValue
        return #"{"version":536870912,"rules":["!segwit"],"previousblockhash":"\#(tip)","transactions":[],"#
            + #""coinbasevalue":\#(value),"longpollid":"\#(tip)","mintime":1,"curtime":2,"#
            + #""bits":"207fffff","height":\#(state.height + 1)}"#
    }
}
