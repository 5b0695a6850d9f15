// Fuzz entry for a node's answers: the JSON reader, the envelopes, and every answer's parser. Built in one module
// with the files of NodeRPC, TemplateBuilding, BitcoinPrimitives and Units:
//
//     swiftc -parse-as-library -sanitize=fuzzer,address -O Tests/Fuzz/NodeRPCFuzz.swift Sources/NodeRPC/*.swift …
//
// Input: one byte that chooses the reader, then the bytes. Whatever stands there, reading ends; a fault lies within
// the bytes; and a template that is accepted keeps what it promises.

import BitcoinPrimitives
import TemplateBuilding
import Units

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    let part = JSONPart(bytes)
    switch start[0] % 8 {
    case 0: passOver(bytes)
    case 1: readTemplate(bytes)
    case 2: readReply(bytes)
    case 3:
        _ = try? ChainInfo(part)
        _ = try? NetworkInfo(part)
        _ = try? ZMQNotification.list(part)
    case 4:
        _ = try? MempoolFigures(part)
        _ = try? MempoolFigures.list(part)
        _ = try? MempoolIDs(part)
    case 5:
        _ = try? BlockSummary(part)
        _ = try? BlockVerdict(part)
        _ = try? PlainAnswer.hash(part)
        _ = try? PlainAnswer.transaction(part)
    case 6: publish(bytes)
    default: follow(bytes)
    }
    return 0
}

private func passOver(_ bytes: [UInt8]) {
    var reader = JSONReader(bytes)
    do throws(JSONReader.Fault) {
        let range = try reader.skip()
        try reader.finish()
        precondition(range.upperBound <= bytes.count && !range.isEmpty, "a value is in the text")
        var number = JSONReader(bytes, in: range)
        _ = try? number.bitcoins()
        var text = JSONReader(bytes, in: range)
        _ = try? text.string(limit: 1_000)
    } catch {
        precondition((0...bytes.count).contains(error.offset), "a fault is in the text")
    }
}

private func readTemplate(_ bytes: [UInt8]) {
    guard let template = try? BlockTemplate(file: bytes) else { return }
    precondition(template.subsidy + template.fees == template.coinbaseValue, "the amounts add up")
    precondition(template.target == template.bits.target, "the target is that of the bits")
    for (position, transaction) in template.transactions.enumerated() {
        precondition(transaction.parents?.allSatisfy((0..<position).contains) ?? true, "parents come first")
    }
    _ = template.figures
    guard let entries = try? template.entries() else { return }
    var mempool = Mempool()
    for entry in entries { _ = mempool.add(entry) }
}

private func readReply(_ bytes: [UInt8]) {
    for calls in [[NodeCall.getBestBlockHash], [.getBestBlockHash, .getNetworkInfo]] {
        let request = NodeRequest(firstID: 1, calls: calls)
        guard let answers = try? NodeReply.answers(status: 200, body: bytes, to: request) else { continue }
        precondition(answers.count == calls.count, "an answer for each question")
    }
}

private func publish(_ bytes: [UInt8]) {
    let parts = bytes.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).map(Array.init)
    _ = try? ZMQMessage(parts: parts)
    for topic in ZMQMessage.Topic.allCases {
        _ = try? ZMQMessage(parts: [Array(topic.rawValue.utf8), bytes, [1, 0, 0, 0]])
    }
}

/// Answers every question of a follower with pieces of the input, the last one first; one that begins with `~` is for
/// the long poll.
private func follow(_ bytes: [UInt8]) {
    var follower = NodeFollower()
    var pieces = bytes.split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
    var now = Instant(nanoseconds: 0)
    var open: [NodeFollower.Lane: UInt64] = [:]

    func tell(_ event: NodeFollower.Event) {
        for action in follower.handle(event, at: now) {
            switch action {
            case .call(let request, let lane):
                precondition(open[lane] == nil, "one question on a lane")
                open[lane] = request.firstID
            case .abandon(_, let lane): open[lane] = nil
            case .wake(let at): precondition(at > now, "a wake-up is in the future")
            case .subscribe, .publish, .health: break
            }
        }
    }

    tell(.start)
    while let piece = pieces.popLast() {
        if let message = try? ZMQMessage(parts: [Array("sequence".utf8), piece, [1, 0, 0, 0]]) {
            tell(.message(message))
        }
        let isForPoll = piece.first == UInt8(ascii: "~") || open[.main] == nil
        if let id = open.removeValue(forKey: isForPoll ? .longPoll : .main) {
            tell(.answered(id, status: 200, body: Array(piece.drop { $0 == UInt8(ascii: "~") })))
        }
        now = now + .milliseconds(300)
        tell(.woke)
        let progress = follower.progress
        precondition(progress.held == follower.mempool.count, "what is held is counted")
        precondition(follower.boundedSigopCosts <= progress.held, "bounds are of what is held")
    }
}
