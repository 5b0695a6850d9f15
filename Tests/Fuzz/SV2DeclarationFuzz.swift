// Fuzz entry for the client core of job declaration, fed with what a server may send. Its modules are built apart with the
// same sanitizers and linked to it: CSHA256d, Units, BitcoinPrimitives, SV2Codec, SV2Messages, SV2Roles.
//
// Input: one byte that chooses the client's configuration, then steps of a byte and what the step reads: a message of the
// server (honest, or changed on its way), something that the owner wants, time that passes, or a lost connection. Whatever
// comes, the core must end, must not trap, must settle each declaration once at most, and must keep its bounds.

import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import Units

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    var run = DeclarationRun(choice: input.byte())
    for _ in 0..<1_024 where !input.isOver { run.step(&input) }
    return 0
}

private let kinds = kindsInOrder(of: JobDeclarationMessage.self)
private let payouts: [[UInt8]] = [[0x51], [0x52]]

private struct DeclarationRun {
    private let configuration: JobDeclarationClient.Configuration
    private var client: JobDeclarationClient
    private var now = Instant(nanoseconds: 0)
    private var timers = Timers()
    private var isOver = false

    // What the client said and has had no answer to.
    private var tokenRequests: [UInt32] = []
    private var declarations: [(requestId: UInt32, ticket: UInt64, transactions: [[UInt8]])] = []
    private var lastTicket: UInt64 = 0
    private var lastAsked: [UInt16] = []
    private var extensionRequests = 0

    init(choice: UInt8) {
        let identity = ClientIdentity(
            endpointHost: "pool.example", endpointPort: 3334, vendor: "Adit", hardwareVersion: "",
            firmware: "")
        var configuration = JobDeclarationClient.Configuration(identity: identity, userIdentifier: "u")
        configuration.tokenStock = 1 + Int(choice % 4)
        if choice & 4 != 0 { configuration.extensions = [0x4000, 0x4001] }
        self.configuration = configuration
        client = JobDeclarationClient(configuration)
        tell(.connected)
        if choice & 8 != 0 {
            tell(.received(.common(.setupConnectionSuccess(.init(usedVersion: 2, flags: 0)))))
        }
    }

    mutating func step(_ input: inout FuzzInput) {
        let choice = input.byte() % 32
        switch choice {
        case 0...17: arrive(input.arriving(message(choice, &input))?.message)
        case 18: arrive(input.anything(kinds, as: JobDeclarationMessage.self)?.message)
        case 19...23: declare(&input)
        case 24: if client.isReady { tell(.pushSolution(header, extranonce: input.bytes(input.below(33)))) }
        case 25, 26: pass(until: timers.first ?? now + .seconds(1))
        case 27, 28: pass(until: now + .milliseconds(Int64(input.byte()) * 20))
        case 29: pass(until: now + .seconds(Int64(input.byte()) * 30))
        case 30: tell(.woke)
        case _: reconnect()
        }
    }

    private mutating func arrive(_ message: JobDeclarationMessage?) {
        guard let message else { return }
        if case .provideMissingTransactions(let asked) = message { lastAsked = asked.unknownTxPositionList }
        tell(.received(message))
    }

    private mutating func reconnect() {
        client = JobDeclarationClient(configuration)
        (timers, isOver, tokenRequests, declarations, extensionRequests) = (Timers(), false, [], [], 0)
        tell(.connected)
    }

    private mutating func pass(until instant: Instant) {
        now = max(now, instant)
        guard timers.fire(at: now) else { return }
        tell(.woke)
        precondition(client.nextDeadline.map { $0 > now } ?? true, "no deadline stays in the past")
    }

    // MARK: The server

    private mutating func message(_ choice: UInt8, _ input: inout FuzzInput) -> JobDeclarationMessage {
        let declaration = input.pick(declarations)
        switch choice {
        case 0: return .common(.setupConnectionSuccess(.init(usedVersion: 2, flags: 0)))
        case 1: return .common(.setupConnectionError(.init(flags: 1, errorCode: "no")))
        case 2:
            let granted: [[UInt16]] = [[], [0x4000], [0x4000, 0x4001], [9]]
            return .common(
                .requestExtensionsSuccess(
                    .init(requestId: 1 + UInt16(input.below(2)), supportedExtensions: granted[input.below(4)])
                ))
        case 3:
            return .common(
                .requestExtensionsError(
                    .init(
                        requestId: 1 + UInt16(input.below(2)), unsupportedExtensions: [],
                        requiredExtensions: [[], [0x4001], [9]][input.below(3)])))
        case 4...8:
            let script = payouts[input.below(2)]
            let outputs = TransactionOutput.wireBytes(of: [TransactionOutput(value: .zero, script: script)])
            return .allocateMiningJobTokenSuccess(
                .init(
                    requestId: tokenRequests.first ?? 1, miningJobToken: input.bytes(2),
                    coinbaseTxOutputs: input.byte() & 15 == 15 ? input.bytes(12) : outputs))
        case 9...11:
            return .declareMiningJobSuccess(
                .init(requestId: declaration?.requestId ?? input.id(), newMiningJobToken: [9]))
        case 12:
            return .declareMiningJobError(
                .init(requestId: declaration?.requestId ?? input.id(), errorCode: "no", errorDetails: []))
        case 13...16:
            let positions = input.bytes(input.below(5)).map { UInt16($0 % 5) }
            return .provideMissingTransactions(
                .init(requestId: declaration?.requestId ?? input.id(), unknownTxPositionList: positions))
        case _: return .common(.reconnect(.init(newHost: "", newPort: 0)))
        }
    }

    // MARK: The owner

    private mutating func declare(_ input: inout FuzzInput) {
        let count = input.below(5)
        let coinbase = CoinbaseParts(
            version: 2, scriptPrefix: [1, 100], extranonceSize: 8, sequence: 0,
            outputs: [TransactionOutput(value: Satoshis(rawValue: 1), script: payouts[input.below(2)])],
            lockTime: 0)
        guard client.isReady, client.canDeclare(coinbase, at: now) else { return }
        let job = ComposedJob(
            version: 4, previousBlock: .zero, minimumTime: 0, bits: CompactTarget(bits: 0x207f_ffff),
            coinbase: coinbase, merklePath: [],
            transactions: (0..<count).map {
                ComposedJob.Entry(wtxid: Wtxid(Hash256(hashing: [UInt8($0)])), wireBytes: [UInt8($0)])
            })
        lastTicket += 1
        tell(.declare(job, ticket: lastTicket))
    }

    private var header: Header {
        Header(
            version: 4, previousBlock: .zero, merkleRoot: .zero, time: 0,
            bits: CompactTarget(bits: 0x207f_ffff),
            nonce: 0)
    }

    // MARK: What must hold

    private mutating func tell(_ event: JobDeclarationClient.Event) {
        let wasOver = isOver
        let actions = client.handle(event, at: now)
        if case .received(.allocateMiningJobTokenSuccess(let answer)) = event,
            actions.contains(.tokenReceived)
        {
            tokenRequests.removeAll { $0 == answer.requestId }
        }
        for action in actions { check(action, event) }
        if wasOver {
            precondition(
                !actions.contains { if case .ignored = $0 { false } else { true } }, "failed is failed")
        }
        if isOver { (tokenRequests, declarations) = ([], []) }
        precondition(tokenRequests.count <= configuration.tokenStock, "no more is asked for than may be held")
        precondition(actions.count < 12, "one event has few consequences")
        precondition(
            client.grantedExtensions.isSubset(of: configuration.extensions),
            "nothing is granted that nobody wants")
        if let deadline = client.nextDeadline {
            precondition(timers.wanted.contains(deadline), "the owner knows of the next deadline")
        }
    }

    private mutating func check(_ action: JobDeclarationClient.Action, _ event: JobDeclarationClient.Event) {
        switch action {
        case .send(let message):
            precondition(!isOver, "nothing is sent on a closed link")
            checkSent(message, limit: 128 << 10)
            sent(message, event)
        case .tokenReceived: precondition(client.payoutOutputs?.isEmpty == false, "a token says who is paid")
        case .declared(let ticket, _), .refused(let ticket, _, _):
            guard let index = declarations.firstIndex(where: { $0.ticket == ticket }) else {
                preconditionFailure("a declaration is settled once")
            }
            declarations.remove(at: index)
            if case .declared = action {
                precondition(client.lastDeclared == ticket, "the last one is known")
            }
        case .transactionsProvided(let ticket, let count):
            precondition(
                declarations.contains { $0.ticket == ticket } && count == lastAsked.count, "as was asked")
        case .token: preconditionFailure("in full-template mode tokens are for declarations")
        case .reconnectAsked, .ignored: break
        case .failed: isOver = true
        case .wake(let instant):
            precondition(instant >= now, "a wake is wanted later")
            timers.want(instant)
        }
    }

    private mutating func sent(_ message: JobDeclarationMessage, _ event: JobDeclarationClient.Event) {
        switch message {
        case .common(.requestExtensions(let request)):
            extensionRequests += 1
            precondition(
                extensionRequests <= 2 && !client.isReady, "extensions are asked for twice at most, and first"
            )
            precondition(Set(request.requestedExtensions).isSubset(of: configuration.extensions))
        case .allocateMiningJobToken(let request):
            tokenRequests.append(request.requestId)
        case .declareMiningJob(let declared):
            guard case .declare(let job, let ticket) = event else {
                preconditionFailure("the owner declares")
            }
            if declarations.count == JobDeclarationClient.maximumDeclarations { declarations.removeFirst() }
            declarations.append((declared.requestId, ticket, job.transactions.map(\.wireBytes)))
        case .provideMissingTransactionsSuccess(let answer):
            guard let index = declarations.firstIndex(where: { $0.requestId == answer.requestId }) else {
                preconditionFailure("transactions are for a declaration")
            }
            let wanted = lastAsked.map { declarations[index].transactions[Int($0)] }
            precondition(answer.transactionList == wanted, "in the order asked, no more and no less")
        case _: break
        }
    }
}
