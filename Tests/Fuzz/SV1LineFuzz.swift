// Fuzz entry for Stratum V1: the line codec, both ways, and both cores. Built in one module with SV1's own
// files.
//
// Input: one byte that chooses what reads it, then the stream. Whatever stands in it, reading ends; what is
// accepted is written as a line that is read as the same message again; and the cores keep to their bounds.

import BitcoinPrimitives
import Units

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let stream = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    switch start[0] % 5 {
    case 0: readJSON(stream)
    case 1: for line in lines(stream) { readPoolLine(line) }
    case 2: for line in lines(stream) { readMinerLine(line) }
    case 3: feedClient(lines(stream))
    default: feedServer(lines(stream))
    }
    return 0
}

private func lines(_ stream: [UInt8]) -> [[UInt8]] {
    var splitter = LineSplitter(limit: 2_048)
    var lines = [[UInt8]]()
    do {
        try splitter.receive(stream, into: &lines)
        if !splitter.held.isEmpty { lines.append(splitter.held) }
    } catch {}
    precondition(lines.allSatisfy { (1...2_048).contains($0.count) && !$0.contains(0x0A) }, "lines are lines")
    return lines
}

private func readJSON(_ bytes: [UInt8]) {
    guard let value = try? JSONValue(parsing: bytes) else { return }
    let written = value.utf8
    precondition(!written.contains(0x0A), "a text is one line")
    guard let again = try? JSONValue(parsing: written) else { preconditionFailure("what is written is read") }
    precondition(again == value && again.utf8 == written, "what was read is written the same")
}

private func readPoolLine(_ line: [UInt8]) {
    guard let message = try? PoolMessage(line: line) else { return }
    let written = message.line
    precondition(written.last == 0x0A && written.count(where: { $0 == 0x0A }) == 1, "a message is one line")
    guard let again = try? PoolMessage(line: Array(written.dropLast())) else {
        preconditionFailure("what is written is read")
    }
    precondition(again == message, "what was read is written the same")
    if case .response(let response) = message {
        _ = try? SubscribeResult(response.result)
        _ = try? ConfigureResult(response.result)
    }
    if case .setDifficulty(let difficulty) = message, let cover = ShareDifficulty(covering: difficulty.target)
    {
        precondition(cover.target >= difficulty.target, "a cover asks no more")
    }
}

private func readMinerLine(_ line: [UInt8]) {
    guard let message = try? MinerMessage(line: line) else { return }
    let written = message.line
    precondition(written.last == 0x0A && written.count(where: { $0 == 0x0A }) == 1, "a message is one line")
    guard let again = try? MinerMessage(line: Array(written.dropLast())) else {
        preconditionFailure("what is written is read")
    }
    precondition(again == message, "what was read is written the same")
}

private func feedClient(_ lines: [[UInt8]]) {
    let url = PoolURL(speech: .stratumV1(tls: false), host: "a.pool.example", port: 1)
    let configuration = SV1Client.Configuration(url: url, user: "u", userAgent: "f/1")
    var client = SV1Client(configuration: configuration, seed: 1)
    var now = Instant(nanoseconds: 0)
    var waiting = Set<UInt64>()
    var ticket: UInt64 = 0

    func tell(_ event: SV1Client.Event) {
        for action in client.handle(event, at: now) {
            switch action {
            case .shareAccepted(let ticket), .shareRejected(let ticket, _), .shareWithheld(let ticket, _),
                .shareUnanswered(let ticket):
                precondition(waiting.remove(ticket) != nil, "a share has one outcome")
            case .wake(let at): precondition(at >= now - .seconds(1_000), "a deadline is not long past")
            case .connect, .disconnect, .send, .working, .job, .down, .message, .reconnectRefused, .ignored:
                break
            }
        }
        precondition(waiting.count <= SV1Client.maximumPending, "no more wait than may")
        precondition(client.isWorking == (client.currentJob != nil), "working is having a job")
    }

    tell(.start)
    tell(.connected)
    for line in lines {
        tell(.received(line))
        if let job = client.currentJob {
            for nonce in UInt32(0)..<4 {
                ticket += 1
                waiting.insert(ticket)
                let extranonce2 = [UInt8](repeating: 0, count: job.grant.extranonce2Size)
                tell(
                    .submit(
                        SV1Client.Share(
                            job: job.serial, extranonce2: extranonce2, version: job.work.version,
                            time: job.work.time, nonce: nonce, ticket: ticket)))
            }
        }
        now = now + .seconds(1)
        tell(.woke)
        tell(.connected)
    }
    tell(.stop)
    precondition(waiting.isEmpty, "at the end no share waits")
}

private func feedServer(_ lines: [[UInt8]]) {
    var configuration = SV1Server.Configuration()
    configuration.maximumSeen = 16
    if let easy = JSONNumber(coefficient: 1, exponent: -9).flatMap({ ShareDifficulty($0) }) {
        configuration.minimumDifficulty = easy
        configuration.startDifficulty = easy
    }
    var server = SV1Server(configuration: configuration)
    let now = Instant(nanoseconds: 0)
    var credited = Set<Hash256>()
    var isOpen = true

    func tell(_ event: SV1Server.Event) {
        for action in server.handle(event, at: now) {
            switch action {
            case .share(let share):
                precondition(credited.insert(share.hash).inserted, "a header counts once")
                precondition(
                    share.difficulty.target.isMet(by: share.hash) || share.isBlock, "it meets its target")
            case .close: isOpen = false
            case .send(_, let line): precondition(line.last == 0x0A, "a line has an end")
            case .subscribed, .authorized, .refused, .suggested, .shareRejected, .cannotFollow, .ignored,
                .wake:
                break
            }
        }
    }

    tell(.connected(1))
    let work = NotifyParameters(
        jobID: "", previousBlock: .zero, coinbase1: [1], coinbase2: [2], merkleBranch: [],
        version: 0x2000_0000,
        bits: CompactTarget(bits: 0x1705_c739), time: 0x6600_0000, cleanJobs: true)
    tell(.job(work))
    for line in lines where isOpen { tell(.received(1, line)) }
}
