// Fuzz entry for both cores of template distribution. Its modules are built apart with the same sanitizers and linked to
// it: CSHA256d, Units, BitcoinPrimitives, SV2Codec, SV2Messages, SV2Roles.
//
// Input: one byte that chooses the core, then frames, header and payload, as the other side would send them. Message
// types that no protocol has stand for what else can happen: 0xFE time passes, 0xFD the owner speaks, 0xFC a block was
// found, 0xFB a client comes or goes. Whatever arrives, the core must end, must not trap, and must keep its bounds.

import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import Units

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let stream = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    if start[0] & 1 == 0 {
        var run = ClientRun(requestsTransactions: start[0] & 2 == 0)
        walk(stream) { run.take($0, $1) }
    } else {
        var run = ServerRun()
        walk(stream) { run.take($0, $1) }
    }
    return 0
}

private func walk(_ stream: [UInt8], _ take: (FrameHeader, [UInt8]) -> Void) {
    var position = 0
    while let header = FrameHeader(frontOf: Array(stream[position...].prefix(FrameHeader.byteCount))) {
        position += FrameHeader.byteCount
        let length = min(header.msgLength, stream.count - position)
        take(header, Array(stream[position..<position + length]))
        position += length
    }
}

private func message(_ header: FrameHeader, _ payload: [UInt8]) -> TemplateDistributionMessage? {
    guard case .message(let message, _)? = try? TemplateDistributionMessage.read(header, payload) else {
        return nil
    }
    return message
}

private struct ClientRun {
    private var client: TemplateDistributionClient
    private var now = Instant(nanoseconds: 0)
    private var isOver = false

    init(requestsTransactions: Bool) {
        let identity = ClientIdentity(
            endpointHost: "", endpointPort: 0, vendor: "Adit", hardwareVersion: "", firmware: "")
        var configuration = TemplateDistributionClient.Configuration(
            identity: identity, constraints: CoinbaseOutputConstraints())
        configuration.requestsTransactions = requestsTransactions
        client = TemplateDistributionClient(configuration)
        _ = client.handle(.connected, at: now)
        let success = SetupConnectionSuccess(usedVersion: 2, flags: 0)
        _ = client.handle(.received(.common(.setupConnectionSuccess(success))), at: now)
    }

    mutating func take(_ header: FrameHeader, _ payload: [UInt8]) {
        let before = client.current
        let actions: [TemplateDistributionClient.Action]
        switch header.msgType {
        case 0xFE:
            now = client.nextDeadline ?? now + .seconds(1)
            actions = client.handle(.woke, at: now)
        case 0xFD:
            let size = UInt32(payload.first ?? 0)
            actions = client.handle(
                .constrain(
                    CoinbaseOutputConstraints(
                        coinbaseOutputMaxAdditionalSize: size, coinbaseOutputMaxAdditionalSigops: 0)),
                at: now)
        case 0xFC:
            guard let current = client.current else { return }
            let header = Header(
                version: 0, previousBlock: current.tip.previousBlock, merkleRoot: .zero, time: 0,
                bits: current.tip.bits, nonce: 0)
            let solution = TemplateSolution(
                templateId: current.templateId, header: header, coinbaseTx: payload)
            _ = client.block(of: solution)
            actions = client.handle(.solved(solution), at: now)
        case _:
            guard let message = message(header, payload) else { return }
            actions = client.handle(.received(message), at: now)
        }
        check(actions, before)
    }

    private mutating func check(_ actions: [TemplateDistributionClient.Action], _ before: ActiveTemplate?) {
        precondition(
            !isOver || !actions.contains { if case .send = $0 { true } else { false } }, "failed is failed")
        for action in actions {
            switch action {
            case .active(let template):
                precondition(client.current == template, "what is to be hashed is what is current")
                if let before, before.tip.previousBlock == template.tip.previousBlock {
                    precondition(before.template.height == template.template.height, "one tip has one height")
                }
            case .send(let message):
                guard let frame = try? message.frame() else {
                    preconditionFailure("what is sent can be written")
                }
                precondition(frame.count < 1 << 17, "and is small")
            case .failed: isOver = true
            case .future, .transactions, .tipWithoutTemplate, .withdrawn, .refused, .mistrusted,
                .stillWaiting,
                .solutionNotSent, .reconnectAsked, .ignored, .wake:
                break
            }
        }
        precondition(actions.count < 12, "one event has few consequences")
    }
}

private struct ServerRun {
    private var server = TemplateDistributionServer()
    private var now = Instant(nanoseconds: 0)
    private var newest: UInt64 = 0
    private var open: Set<ConnectionID> = []

    init() { take(FrameHeader(extensionType: 0, channelMsg: false, msgType: 0xFB, msgLength: 0), []) }

    mutating func take(_ header: FrameHeader, _ payload: [UInt8]) {
        // The last byte of the extension's number, of no use to this protocol, says which client speaks.
        let speaker = ConnectionID(rawValue: UInt64(header.extensionType & 3))
        let actions: [TemplateDistributionServer.Action]
        switch header.msgType {
        case 0xFE:
            now = server.nextDeadline ?? now + .seconds(1)
            actions = server.handle(.woke, at: now)
        case 0xFD:
            let size = UInt32(payload.first ?? 0)
            let constraints = CoinbaseOutputConstraints(
                coinbaseOutputMaxAdditionalSize: size, coinbaseOutputMaxAdditionalSigops: 0)
            actions = server.handle(
                .template(offers[Int(payload.last ?? 0) % offers.count], for: speaker, constraints), at: now)
        case 0xFB:
            if !payload.isEmpty {
                open.remove(speaker)
                actions = server.handle(.closed(speaker), at: now)
            } else {
                let connection = ConnectionID(rawValue: newest)
                newest += 1
                open.insert(connection)
                var setup = SetupConnection()
                (setup.protocol, setup.minVersion, setup.maxVersion) = (2, 2, 2)
                actions =
                    server.handle(.connected(connection), at: now)
                    + server.handle(.received(connection, .common(.setupConnection(setup))), at: now)
            }
        case _:
            let plain = FrameHeader(
                extensionType: 0, channelMsg: false, msgType: header.msgType, msgLength: header.msgLength)
            guard let message = message(plain, payload) else { return }
            actions = server.handle(.received(speaker, message), at: now)
        }
        for action in actions {
            if case .close(let connection, _) = action { open.remove(connection) }
            if case .publish(let bytes, let hash, _) = action {
                guard let block = try? Block(wireBytes: bytes), block.header.hash == hash,
                    block.header.bits.target?.isMet(by: hash) == true
                else { preconditionFailure("what is published is a block") }
            }
        }
        precondition(actions.count < 40, "one event has few consequences")
    }
}

/// Three tips with two templates each.
private let offers: [ProvidedTemplate] = (1...3).flatMap { tip in
    (0...1).compactMap { count in
        let height = UInt32(100 + tip)
        let next = NextBlock(
            previousBlock: Hash256(hashing: [UInt8(tip)]), height: height, version: 0x2000_0000,
            bits: CompactTarget(bits: 0x207f_ffff), blockTarget: .max, minimumTime: 1, currentTime: 2,
            subsidy: SubsidySchedule.regtest.subsidy(at: height))
        let entries = (0..<count).map { number in
            let input = TransactionInput(
                previousOutput: OutPoint(txid: Txid(.zero), index: UInt32(number)), scriptSig: [],
                sequence: 0,
                witness: [[1]])
            let transaction = Transaction(
                version: 2, inputs: [input],
                outputs: [TransactionOutput(value: Satoshis(rawValue: 1), script: [0x51])], lockTime: 0)
            return MempoolEntry(
                txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: 0,
                fee: Satoshis(rawValue: 1), parents: [], wireBytes: transaction.wireBytes)
        }
        return ProvidedTemplate(next: next, transactions: entries)
    }
}
