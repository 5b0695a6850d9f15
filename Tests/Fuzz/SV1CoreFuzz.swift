// Fuzz entry for both cores of Stratum V1 as state machines: lines of the other side, what the owner wants, time, and
// connections that break. Built in one module with SV1's own files.
//
// Input: one byte that chooses the core, then steps of a byte and what the step reads. Whatever comes, the core must end,
// must not trap, must settle each share once, and must keep its bounds.

import BitcoinPrimitives
import Units

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    let choice = input.byte()
    if choice & 1 == 0 {
        var run = ClientRun(choice: choice)
        for _ in 0..<512 where !input.isOver && !run.isStopped { run.step(&input) }
    } else {
        var run = ServerRun(choice: choice)
        for _ in 0..<512 where !input.isOver { run.step(&input) }
    }
    return 0
}

private let easy = JSONNumber(coefficient: 1, exponent: -9).flatMap { ShareDifficulty($0) } ?? .one

extension FuzzInput {
    /// The line without its end, mostly as it was meant; else with a byte of it changed, or cut short.
    fileprivate mutating func arriving(_ line: [UInt8]) -> [UInt8] {
        var line = line
        if line.last == 0x0A { line.removeLast() }
        let choice = byte()
        switch choice {
        case 0xE0...0xEF where !line.isEmpty: line[Int(byte()) % line.count] = byte()
        case 0xF0...0xFF: line.removeLast(min(line.count, Int(byte())))
        case _: break
        }
        return line
    }

    /// - Parameter tip: counted up at a new one.
    fileprivate mutating func work(_ tip: inout UInt8) -> NotifyParameters {
        if byte() & 3 == 0, tip < .max { tip += 1 }
        return NotifyParameters(
            jobID: "\(below(4))", previousBlock: Hash256(hashing: [tip]), coinbase1: [1], coinbase2: [2],
            merkleBranch: [], version: 0x2000_0000,
            bits: CompactTarget(bits: byte() & 3 == 0 ? 0x1f7f_ffff : 0x1705_c739),
            time: 0x6600_0000, cleanJobs: byte() & 1 == 0)
    }
}

// MARK: The client

private struct ClientRun {
    private enum Line { case none, asked, up }

    private var client: SV1Client
    private var now = Instant(nanoseconds: 0)
    private var timers = Timers()
    private var line = Line.none
    private(set) var isStopped = false
    /// Requests of this connection without an answer.
    private var requests: [MinerMessage] = []
    private var waiting: Set<UInt64> = []
    private var lastTicket: UInt64 = 0
    private var jobs: [SV1Job] = []
    private var tip: UInt8 = 0

    init(choice: UInt8) {
        let url = PoolURL(speech: .stratumV1(tls: false), host: "a.pool.example", port: 1)
        var configuration = SV1Client.Configuration(url: url, user: "u", userAgent: "f/1")
        configuration.versionMask = choice & 2 == 0 ? 0x1fff_e000 : 0
        configuration.suggestedDifficulty = choice & 4 == 0 ? nil : easy
        client = SV1Client(configuration: configuration, seed: UInt64(choice))
        tell(.start)
        if choice & 8 == 0 { tell(.connected) }
    }

    mutating func step(_ input: inout FuzzInput) {
        let choice = input.byte() % 32
        switch choice {
        case 0...6: if line == .up, let answer = answer(&input) { tell(.received(answer)) }
        case 7...14: if line == .up { tell(.received(input.arriving(poolsLine(choice, &input)))) }
        case 15: if line == .up { tell(.received(input.bytes(input.below(80)))) }
        case 16...20: submit(&input)
        case 21: if line == .asked { tell(.connected) }
        case 22: if line != .none { tell(.disconnected) }
        case 23...25: pass(until: timers.first ?? now + .seconds(1))
        case 26, 27: pass(until: now + .milliseconds(Int64(input.byte()) * 100))
        case 28: tell(.woke)
        case 29: if input.byte() == 0xFF { tell(.stop) }
        case _: tell(input.byte() & 1 == 0 ? .connected : .disconnected)  // late news of another connection
        }
    }

    private mutating func pass(until instant: Instant) {
        now = max(now, instant)
        if timers.fire(at: now) { tell(.woke) }
    }

    private mutating func answer(_ input: inout FuzzInput) -> [UInt8]? {
        guard !requests.isEmpty else { return nil }
        let request = requests.remove(at: input.byte() & 1 == 0 ? 0 : requests.count - 1)
        guard let id = request.id else { return nil }
        let isGranted = input.byte() & 7 != 7
        let error = isGranted ? nil : RPCError(code: 20 + input.below(6), message: "no\u{7}")
        let result: JSONValue =
            switch request {
            case .subscribe:
                SubscribeResult(
                    grant: ExtranonceGrant(extranonce1: input.bytes(4), extranonce2Size: 1 + input.below(8)),
                    session: nil
                ).json
            case .configure:
                .object([
                    .init("version-rolling", .bool(true)), .init("version-rolling.mask", .string("1fffe000")),
                ])
            case _: .bool(isGranted)
            }
        return input.arriving(RPCResponse(id: id, result: isGranted ? result : .null, error: error).line)
    }

    private mutating func poolsLine(_ choice: UInt8, _ input: inout FuzzInput) -> [UInt8] {
        switch choice {
        case 7, 8, 9: return PoolMessage.notify(input.work(&tip)).line
        case 10:
            let exponent = -Int(input.below(16))
            guard let number = JSONNumber(coefficient: 1, exponent: exponent),
                let new = ShareDifficulty(number)
            else { return [] }
            return PoolMessage.setDifficulty(new).line
        case 11:
            return PoolMessage.setExtranonce(
                ExtranonceGrant(extranonce1: input.bytes(input.below(9)), extranonce2Size: input.below(9))
            ).line
        case 12: return PoolMessage.setVersionMask(input.word()).line
        case 13:
            let hosts: [String?] = [nil, "b.pool.example", "b.other.example"]
            return PoolMessage.reconnect(host: hosts[input.below(3)], port: nil, wait: input.below(256)).line
        case _: return PoolMessage.ping(.number(input.below(9))).line
        }
    }

    private mutating func submit(_ input: inout FuzzInput) {
        let job = input.byte() & 3 == 0 ? input.pick(jobs) : client.currentJob
        lastTicket += 1
        waiting.insert(lastTicket)
        let size = job?.grant.extranonce2Size ?? input.below(5)
        tell(
            .submit(
                SV1Client.Share(
                    job: job?.serial ?? UInt64(input.byte()),
                    extranonce2: [UInt8](repeating: input.byte(), count: size),
                    version: (job?.work.version ?? 0) ^ (input.byte() & 3 == 0 ? 0x2000 : 0),
                    time: job?.work.time ?? 0, nonce: UInt32(input.byte()), ticket: lastTicket)))
    }

    private mutating func tell(_ event: SV1Client.Event) {
        switch event {
        case .connected where line == .asked: line = .up
        case .disconnected: line = .none
        case _: break
        }
        for action in client.handle(event, at: now) { check(action, event) }
        precondition(waiting.count <= SV1Client.maximumPending, "no more wait than may")
        precondition(client.isWorking == (client.currentJob != nil), "working is having a job")
        precondition((client.session != nil) == (line == .up), "a connection has one session")
        guard let session = client.session else {
            return precondition(waiting.isEmpty, "no share waits without a line")
        }
        precondition(
            session.jobs.count <= SV1Client.maximumJobs && session.retired.count <= SV1Client.maximumJobs)
        precondition(session.courtesyIDs.count <= 2)
    }

    private mutating func check(_ action: SV1Client.Action, _ event: SV1Client.Event) {
        switch action {
        case .connect:
            precondition(line == .none && !isStopped, "one connection at a time")
            (line, requests) = (.asked, [])
        case .disconnect: line = .none
        case .send(let bytes):
            precondition(line == .up, "nothing is sent on a closed line")
            guard bytes.last == 0x0A, let message = try? MinerMessage(line: Array(bytes.dropLast())) else {
                preconditionFailure("what is sent is read by the other side")
            }
            if message.id != nil { requests = requests.suffix(300) + [message] }
        case .shareAccepted(let ticket), .shareRejected(let ticket, _), .shareWithheld(let ticket, _),
            .shareUnanswered(let ticket):
            precondition(waiting.remove(ticket) != nil, "a share has one outcome")
        case .job(let job): jobs = jobs.suffix(15) + [job]
        case .down(let fault, let retryAfter):
            if fault == .stopped { isStopped = true }
            precondition((retryAfter == nil) == isStopped, "it tries again until it is stopped")
            precondition(retryAfter.map { $0 >= .zero && $0 <= .seconds(300) } ?? true, "a wait has bounds")
        case .wake(let instant):
            if event == .woke {
                precondition(instant > now || timers.wanted.isEmpty && instant >= now, "not in the past")
            }
            timers.want(max(instant, now))
        case .message(let text):
            precondition(text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } && text.count <= 200)
        case .working, .reconnectRefused, .ignored: break
        }
    }
}

extension MinerMessage {
    fileprivate var id: RequestID? {
        switch self {
        case .configure(let id, _), .subscribe(let id, _, _), .authorize(let id, _, _),
            .suggestDifficulty(let id, _),
            .suggestTarget(let id, _), .extranonceSubscribe(let id), .submit(let id, _), .ping(let id),
            .other(let id, _):
            id
        case .response: nil
        }
    }
}

// MARK: The server

private struct ServerRun {
    private var server: SV1Server
    private var now = Instant(nanoseconds: 0)
    private var timers = Timers()
    private var open: [UInt64] = []
    private var lastConnection: UInt64 = 0
    private var credited: Set<Hash256> = []
    private var tip: UInt8 = 0

    init(choice: UInt8) {
        var configuration = SV1Server.Configuration()
        (configuration.minimumDifficulty, configuration.startDifficulty) = (easy, easy)
        configuration.maximumConnections = 3
        configuration.maximumSeen = 12
        configuration.maximumSeenPerConnection = 8
        configuration.connectionBytes = 2 + Int(choice / 2 % 3)
        if choice & 8 != 0 { configuration.admission = .only(["u", "v"]) }
        server = SV1Server(configuration: configuration, firstNumber: choice & 16 == 0 ? 1 : .max)
        (lastConnection, open) = (1, [1])
        tell(.connected(1))
    }

    mutating func step(_ input: inout FuzzInput) {
        let choice = input.byte() % 32
        let connection = input.pick(open)
        switch choice {
        case 0...15:
            if let connection { receive(input.arriving(minersLine(choice, &input)), from: connection) }
        case 16: if let connection { receive(input.bytes(input.below(80)), from: connection) }
        case 17...19: tell(.job(input.work(&tip)))
        case 20:
            lastConnection += 1
            open.append(lastConnection)
            tell(.connected(lastConnection))
        case 21:
            guard let connection else { return }
            open.removeAll { $0 == connection }
            tell(.disconnected(connection))
        case 22: tell(.setDifficulty(connection ?? 99, input.byte() & 1 == 0 ? easy : .one))
        case 23: tell(.setVersionMask(input.word()))
        case 24:
            tell(.setExtranonce(prefix: input.bytes(input.below(4)), extranonce2Size: 1 + input.below(8)))
        case 25: tell(.showMessage(connection ?? 99, "hello\u{7}"))
        case 26: tell(.reconnect(connection ?? 99, host: nil, port: nil, wait: input.below(256)))
        case 27, 28: pass(until: timers.first ?? now + .seconds(1))
        case 29, 30: pass(until: now + .seconds(Int64(input.byte())))
        case _: tell(.woke)
        }
    }

    private mutating func pass(until instant: Instant) {
        now = max(now, instant)
        guard timers.fire(at: now) else { return }
        tell(.woke)
        let late = server.miners.values.contains {
            !$0.isReady && now >= $0.opened + server.configuration.handshakeDeadline
        }
        precondition(!late, "who does not subscribe is closed")
    }

    private mutating func minersLine(_ choice: UInt8, _ input: inout FuzzInput) -> [UInt8] {
        let id = RequestID.number(input.below(9))
        switch choice {
        case 0, 1: return MinerMessage.subscribe(id, userAgent: "f", session: nil).line
        case 2, 3:
            return MinerMessage.authorize(id, user: ["u", "v", "w"][input.below(3)], password: "x").line
        case 4:
            return MinerMessage.configure(
                id, ConfigureParameters(versionMask: input.word(), minimumBits: 2, subscribesExtranonce: true)
            ).line
        case 5: return MinerMessage.suggestDifficulty(id, input.byte() & 1 == 0 ? easy : .one).line
        case 6: return MinerMessage.suggestTarget(id, Target(leadingZeroBits: input.below(80))).line
        case 7: return MinerMessage.extranonceSubscribe(id).line
        case 8: return MinerMessage.ping(id).line
        case _:
            let job = input.byte() & 3 == 0 ? input.pick(server.jobs) : server.jobs.last
            return MinerMessage.submit(
                id,
                SubmitParameters(
                    user: ["u", "v"][input.below(2)], jobID: job?.work.jobID ?? "1",
                    extranonce2: [UInt8](repeating: 1, count: server.configuration.extranonce2Size),
                    time: 0x6600_0000, nonce: UInt32(input.byte()),
                    versionBits: input.byte() & 3 == 0 ? 0x2000 : nil)
            ).line
        }
    }

    private mutating func receive(_ line: [UInt8], from connection: UInt64) {
        tell(.received(connection, line))
    }

    private mutating func tell(_ event: SV1Server.Event) {
        var verdicts = 0
        for action in server.handle(event, at: now) {
            switch action {
            case .share(let share):
                precondition(credited.insert(share.hash).inserted, "a header counts once")
                precondition(
                    share.difficulty.target.isMet(by: share.hash) || share.isBlock, "it meets its target")
                precondition(share.header.hash == share.hash && open.contains(share.connection))
                verdicts += 1
            case .shareRejected: verdicts += 1
            case .close(let connection, _):
                precondition(open.contains(connection), "a line is closed once")
                open.removeAll { $0 == connection }
            case .send(let connection, let line):
                precondition(open.contains(connection), "nothing is sent on a closed line")
                precondition(
                    line.last == 0x0A && (try? PoolMessage(line: Array(line.dropLast()))) != nil, "it is read"
                )
            case .wake(let instant):
                precondition(instant > now, "no deadline stays in the past")
                timers.want(instant)
            case .subscribed, .authorized, .refused, .suggested, .cannotFollow, .ignored: break
            }
        }
        precondition(verdicts <= 1, "a share has one verdict")
        expectBounds()
    }

    private func expectBounds() {
        precondition(server.miners.count <= server.configuration.maximumConnections)
        precondition(Set(server.miners.keys) == Set(open).intersection(server.miners.keys), "links agree")
        precondition(server.jobs.count <= SV1Server.maximumJobs)
        let numbers = server.miners.values.map(\.number)
        precondition(Set(numbers).count == numbers.count, "no two connections have one extranonce")
        for miner in server.miners.values {
            precondition(
                miner.users.count <= SV1Server.maximumUsers && miner.badLines < SV1Server.maximumBadLines)
            precondition(miner.issues.count <= SV1Server.maximumJobs + 1)
        }
    }
}
