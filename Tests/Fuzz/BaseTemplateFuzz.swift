// Fuzz entry for both cores of the base-template extension. Its modules are built apart with the same sanitizers and
// linked to it: CSHA256d, Units, BitcoinPrimitives, SV2Codec, TemplateBuilding, BaseTemplates.
//
// Input: one byte that chooses the core, then what happens, read from the front. A server's messages are either raw bytes
// or made of small numbers, with sums that are right, so that they get past the first check. Whatever comes, the core must
// end, must not trap, must keep its bounds, and must encode what it accepted to the same bytes.

@testable import BaseTemplates
import BitcoinPrimitives
import SV2Codec
import TemplateBuilding
import Units

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    if input.byte() & 1 == 0 {
        var run = ClientRun()
        while !input.isOver { run.step(&input) }
    } else {
        var run = ServerRun()
        while !input.isOver { run.step(&input) }
    }
    return 0
}

private let clock: UInt32 = 1_800_000_000
private let rules = CoinbaseRules(
    demands: [.init(value: .zero, share: 1_000_000, script: [0x51])], maximumAdditionalSize: 100,
    maximumAdditionalSigops: 4)

private func id(_ number: UInt8, _ salt: UInt8) -> Hash256 { Hash256(hashing: [number, salt]) }

private func next(_ tip: UInt8) -> NextBlock {
    NextBlock(
        previousBlock: id(tip, 9), height: 1_000 + UInt32(tip), version: 0x2000_0000,
        bits: CompactTarget(bits: 0x207f_ffff), blockTarget: CompactTarget(bits: 0x207f_ffff).target ?? .max,
        minimumTime: clock - 100, currentTime: clock, subsidy: Satoshis(rawValue: 5_000_000_000))
}

private func candidate(_ input: inout FuzzInput) -> Candidate {
    let number = input.byte()
    let parents = Set((0..<input.below(4)).map { _ in UInt16(input.below(16)) })
    let index = UInt16(input.below(16))
    let shape = input.byte()
    return Candidate(
        index: index, txid: Txid(id(number, 0)), wtxid: Wtxid(id(number, shape & 1)),
        fee: Satoshis(rawValue: shape & 2 == 0 ? UInt64(input.byte()) : 1 << UInt64(input.below(51))),
        weight: shape & 4 == 0 ? 400 : UInt32(1 + input.below(256)) * 10_000,
        sigopCost: shape & 8 == 0 ? UInt32(input.byte()) : 20_000,
        parents: parents.subtracting([index]).sorted())
}

private func records(_ input: inout FuzzInput) -> (bytes: [UInt8], count: Int) {
    var (bytes, previous) = ([UInt8](), UInt16?.none)
    let count = input.below(6)
    for _ in 0..<count {
        let candidate = candidate(&input)
        // What no record can say is left to raw bytes.
        guard candidate.weight <= 4_000_000 else { continue }
        CandidateRecords.append(candidate, after: previous, to: &bytes)
        previous = candidate.index
    }
    return (bytes, count)
}

private struct ClientRun {
    private var client = BaseTemplateClient()
    private var light = LightTemplates(seed: 1)
    private var now = Instant(nanoseconds: 0)
    private var request: UInt32 = 0
    private var isOver = false

    init() { handle(.negotiated([BaseTemplateExtension.extensionType])) }

    mutating func step(_ input: inout FuzzInput) {
        switch input.below(10) {
        case 0: raw(&input)
        case 1: list(&input)
        case 2, 3, 4: delta(&input)
        case 5: tip(&input)
        case 6: handle(.unknownTransactions([Wtxid(id(input.byte(), input.byte() & 1))]))
        case 7:
            now = client.nextDeadline.map { max(now, $0) } ?? now + .seconds(1)
            handle(.woke)
        case 8: now = now + .seconds(Int64(input.byte()))
        case _: handle(input.byte() & 1 == 0 ? .resync : .stop)
        }
    }

    private mutating func raw(_ input: inout FuzzInput) {
        let type = UInt8(input.below(11))
        let payload = input.bytes(input.below(200))
        let header = FrameHeader(
            extensionType: BaseTemplateExtension.extensionType, channelMsg: false, msgType: type,
            msgLength: payload.count)
        if let message = try? BaseTemplateMessage.read(header, payload) {
            guard let again = try? message.message.encode() else {
                preconditionFailure("what was read can be written")
            }
            precondition(
                again == Array(payload.prefix(again.count)) || again.count <= payload.count,
                "what was read is written in as many bytes")
            guard let same = try? BaseTemplateMessage.read(header, again), same == message else {
                preconditionFailure("what was read is read again")
            }
        }
        if let list = try? CandidateRecords.read(payload) {
            var (bytes, previous) = ([UInt8](), UInt16?.none)
            for candidate in list {
                CandidateRecords.append(candidate, after: previous, to: &bytes)
                previous = candidate.index
            }
            precondition(bytes == payload, "a list has one form")
        }
        handle(.frame(header, payload))
    }

    private mutating func list(_ input: inout FuzzInput) {
        let (bytes, _) = records(&input)
        var message = RequestBaseTemplateSuccess()
        (message.requestId, message.usedVersion, message.sequence) = (request, 1, UInt64(input.byte()))
        message.listIsCurrent = input.byte() & 1 == 0
        message.tip = BaseTemplateTip(next(input.byte() & 3)).fields
        message.constraints = rules.fields
        message.candidateCount = UInt16((try? CandidateRecords.read(bytes))?.count ?? 0)
        message.listBytes = UInt32(bytes.count)
        message.segmentCount = bytes.isEmpty ? 0 : 1
        let segment = BaseTemplateSegment(sequence: message.sequence, segmentIndex: 0, candidates: bytes)
        var trial = client
        let actions =
            ClientRun.say(.success(message), to: &trial, at: now)
            + ClientRun.say(.segment(segment), to: &trial, at: now)
        if let sum = ClientRun.sum(actions) { message.checksum = sum }
        say(.success(message))
        if !bytes.isEmpty { say(.segment(segment)) }
    }

    private mutating func delta(_ input: inout FuzzInput) {
        var message = BaseTemplateDelta()
        message.sequence = client.sequence &+ (input.byte() < 250 ? 1 : 2)
        message.listIsCurrent = input.byte() & 7 != 0
        message.headerTimestamp = clock
        message.removed = (0..<input.below(4)).map { _ in UInt16(input.below(16)) }
        message.added = records(&input).bytes
        let unsettled = message
        say(
            settled { count, sum in
                var message = unsettled
                (message.candidateCount, message.checksum) = (count, sum)
                return .delta(message)
            })
    }

    private mutating func tip(_ input: inout FuzzInput) {
        var message = NewBaseTemplateTip()
        message.sequence = client.sequence &+ 1
        message.listIsCurrent = input.byte() & 1 == 0
        message.tip = BaseTemplateTip(next(input.byte() & 3)).fields
        message.removed = (0..<input.below(4)).map { _ in UInt16(input.below(16)) }
        let unsettled = message
        say(
            settled { count, sum in
                var message = unsettled
                (message.candidateCount, message.checksum) = (count, sum)
                return .newTip(message)
            })
    }

    /// The message with count and sum that are right, from what copies of the client say of wrong ones.
    private func settled(_ message: (UInt16, UInt64) -> BaseTemplateMessage) -> BaseTemplateMessage {
        var (trial, count) = (client, UInt16(0))
        for action in ClientRun.say(message(.max, 0), to: &trial, at: now) {
            if case .lost(.outOfStep(.count(stated: _, let actual))) = action { count = UInt16(actual) }
        }
        trial = client
        let sum = ClientRun.sum(ClientRun.say(message(count, 0), to: &trial, at: now))
        return message(count, sum ?? 0)
    }

    private static func sum(_ actions: [BaseTemplateClient.Action]) -> UInt64? {
        for action in actions {
            if case .lost(.outOfStep(.checksum(stated: _, let actual))) = action { return actual }
        }
        return nil
    }

    private static func say(
        _ message: BaseTemplateMessage, to client: inout BaseTemplateClient, at now: Instant
    ) -> [BaseTemplateClient.Action] {
        guard let frame = try? message.frame(), let header = FrameHeader(frontOf: frame) else { return [] }
        return client.handle(.frame(header, Array(frame.dropFirst(6))), at: now, unixTime: clock)
    }

    private mutating func say(_ message: BaseTemplateMessage) {
        guard let frame = try? message.frame(), let header = FrameHeader(frontOf: frame) else { return }
        handle(.frame(header, Array(frame.dropFirst(6))))
    }

    private mutating func handle(_ event: BaseTemplateClient.Event) {
        let actions = client.handle(event, at: now, unixTime: clock)
        precondition(actions.count < 10, "one event has few consequences")
        light.take(actions)
        for action in actions {
            switch action {
            case .send(let message):
                precondition(!isOver, "failed is failed")
                guard let frame = try? message.frame(), frame.count < 32 else {
                    preconditionFailure("what a client sends is short")
                }
                if case .request(let message) = message { request = message.requestId }
            case .failed: isOver = true
            case .list, .mempool, .tip, .coinbase, .current, .lost, .refused, .ignored, .wake: break
            }
        }
        precondition(client.count <= BaseTemplateExtension.maximumCandidates)
        precondition(!isOver || !client.isCurrent, "nothing is built of a list that failed")
        if client.isCurrent, client.withheld.isEmpty {
            precondition(light.mempool.count <= client.count, "a mempool has what the list has")
        }
        let plan = CoinbasePlan(
            payouts: [TransactionOutput(value: .zero, script: [0x51])], tag: [], extranonceSize: 8)
        if let offer = try? light.build(plan: plan), let tip = client.tip {
            precondition(offer.proposal.weight <= .block && offer.proposal.next == tip.next || !isOver)
        }
    }
}

private struct ServerRun {
    private var source: BaseTemplateSource
    private var servers = [BaseTemplateServer(), BaseTemplateServer()]
    private var failed = [false, false]
    private var now = Instant(nanoseconds: 0)

    init() {
        var configuration = BaseTemplateSource.Configuration()
        (configuration.maximumLog, configuration.maximumSnapshots) = (4, 2)
        source = BaseTemplateSource(configuration, rules: rules)
    }

    mutating func step(_ input: inout FuzzInput) {
        let speaker = Int(input.byte() & 1)
        switch input.below(8) {
        case 0:
            let type = UInt8(input.below(11))
            let payload = input.bytes(input.below(40))
            let header = FrameHeader(
                extensionType: BaseTemplateExtension.extensionType, channelMsg: false, msgType: type,
                msgLength: payload.count)
            serve(.frame(header, payload), speaker)
        case 1: say(.request(RequestBaseTemplate(requestId: 1, maxVersion: 1, reason: .first)), speaker)
        case 2:
            let number = source.sequence &- UInt64(input.below(8))
            say(
                .acknowledge(AcknowledgeBaseTemplate(sequence: number, segments: UInt16(input.below(4)))),
                speaker)
        case 3: offer(.tip(next(input.byte() & 3)))
        case 4: offer(.candidates(entries(&input)))
        case 5: offer(.block(next(input.byte() & 3), entries(&input)))
        case 6:
            now = now + .milliseconds(Int64(input.byte()) * 20)
            if let due = source.nextDeadline, due <= now { offer(.woke) }
            for index in 0...1 {
                if let due = servers[index].nextDeadline, due <= now { serve(.woke, index) }
            }
        case _: say(.stop(StopBaseTemplate(requestId: 1)), speaker)
        }
    }

    private func entries(_ input: inout FuzzInput) -> [MempoolEntry] {
        (0..<input.below(12)).map { _ in
            let number = input.byte() & 31
            return MempoolEntry(
                txid: Txid(id(number, 0)), wtxid: Wtxid(id(number, input.byte() & 1)),
                weight: Weight(weightUnits: UInt64(input.word()) >> UInt64(input.below(32))),
                sigopCost: Int(input.byte()) - 10,
                fee: Satoshis(rawValue: UInt64(input.word()) << UInt64(input.below(33))),
                parents: (0..<input.below(3)).map { _ in Txid(id(input.byte() & 31, 0)) }, wireBytes: [])
        }
    }

    private mutating func offer(_ event: BaseTemplateSource.Event) {
        let actions = source.handle(event, at: now, unixTime: clock)
        guard actions.contains(.published) else { return }
        for index in 0...1 { serve(.published, index) }
    }

    private mutating func say(_ message: BaseTemplateMessage, _ index: Int) {
        guard let frame = try? message.frame(), let header = FrameHeader(frontOf: frame) else { return }
        serve(.frame(header, Array(frame.dropFirst(6))), index)
    }

    private mutating func serve(_ event: BaseTemplateServer.Event, _ index: Int) {
        let actions = servers[index].handle(event, from: &source, at: now)
        precondition(actions.count < 24, "one event has few consequences")
        for action in actions {
            switch action {
            case .send(let frame):
                precondition(!failed[index], "failed is failed")
                precondition(frame.count <= 6 + BaseTemplateExtension.maximumPayload)
            case .failed: failed[index] = true
            case .requested, .fellBehind, .ignored, .wake: break
            }
        }
        precondition(servers[index].unacknowledged <= BaseTemplateExtension.messageWindow, "windows hold")
        precondition(source.published.count <= 32)
    }
}
