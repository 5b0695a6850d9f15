import BaseTemplates
import BitcoinPrimitives
import SV2Codec
import TestSupport
import Testing
import Units

/// A pool that lies. Its list has five candidates; what is sent is of our own making.
struct HostileTests {
    private static func candidate(
        _ index: UInt16, _ number: Int? = nil, fee: UInt64 = 1_000, parents: [UInt16] = []
    ) -> Candidate {
        let number = number ?? Int(index)
        return Candidate(
            index: index, txid: Txid(id(number)), wtxid: Wtxid(id(number, 1)), fee: Satoshis(rawValue: fee),
            weight: 500, sigopCost: 1, parents: parents)
    }

    private static func bytes(_ candidates: [Candidate]) -> [UInt8] {
        var (bytes, previous) = ([UInt8](), UInt16?.none)
        for candidate in candidates {
            CandidateRecords.append(candidate, after: previous, to: &bytes)
            previous = candidate.index
        }
        return bytes
    }

    /// A rig whose client follows an honest server's list of five.
    private func following() -> Rig {
        var rig = Rig()
        rig.offer(.block(next(1), (0..<5).map { entry($0 + 100) }))
        rig.begin()
        rig.settle()
        rig.now = instant(10_000)
        rig.heard = []
        return rig
    }

    /// A rig whose client has asked.
    private func asked() -> Rig {
        var rig = Rig()
        rig.begin()
        rig.up = []
        return rig
    }

    private func success(
        of candidates: [Candidate], _ change: (inout RequestBaseTemplateSuccess) -> Void = { _ in }
    ) -> BaseTemplateMessage {
        var helper = BaseTemplateSource(rules: rules)
        _ = helper.handle(.block(next(1), []), at: instant(0), unixTime: clock)
        var server = BaseTemplateServer()
        let request = RequestBaseTemplate(requestId: 1, maxVersion: 1, reason: .first)
        let frame = (try? request.frame()) ?? []
        var message = RequestBaseTemplateSuccess()
        if let header = FrameHeader(frontOf: frame) {
            for action in server.handle(
                .frame(header, Array(frame.dropFirst(6))), from: &helper, at: instant(0))
            {
                if case .send(let frame) = action, frame[2] == RequestBaseTemplateSuccess.msgType {
                    message = (try? .init(decoding: Array(frame.dropFirst(6)))) ?? message
                }
            }
        }
        message.sequence = 50
        message.candidateCount = UInt16(candidates.count)
        message.listBytes = UInt32(Self.bytes(candidates).count)
        message.segmentCount = candidates.isEmpty ? 0 : 1
        change(&message)
        return .success(message)
    }

    private func outcome(
        of candidates: [Candidate], _ change: (inout RequestBaseTemplateSuccess) -> Void = { _ in }
    ) -> Rig {
        var rig = asked()
        rig.say(success(of: candidates, change))
        if rig.fault == nil, !candidates.isEmpty {
            rig.say(
                .segment(
                    BaseTemplateSegment(sequence: 50, segmentIndex: 0, candidates: Self.bytes(candidates))))
        }
        return rig
    }

    @Test
    func `a cycle, a repeated id and fees beyond all money end the rung`() {
        let cycle = [
            Self.candidate(0, parents: [2]), Self.candidate(1, parents: [0]),
            Self.candidate(2, parents: [1]),
        ]
        #expect(outcome(of: cycle).fault == .list(.cycle(Txid(id(0)))))
        let twice = [Self.candidate(0, 7), Self.candidate(1, 7)]
        #expect(outcome(of: twice).fault == .list(.duplicate(Txid(id(7)))))
        var witnesses = [Self.candidate(0, 7), Self.candidate(1, 8)]
        witnesses[1].wtxid = witnesses[0].wtxid
        #expect(outcome(of: witnesses).fault == .list(.duplicateWtxid(witnesses[0].wtxid)))
        let rich = [
            Self.candidate(0, fee: 2_099_999_999_999_999), Self.candidate(1, fee: 1),
            Self.candidate(2, fee: 1),
        ]
        #expect(outcome(of: rich).fault == .list(.moreFeesThanMoney))
        let rig = outcome(of: rich)
        #expect(!rig.client.isCurrent && rig.client.count == 0)
        // The server hears that nothing more is wanted.
        #expect(rig.up.last?[2] == StopBaseTemplate.msgType)
    }

    @Test
    func `parents may come in any order, and reach the mempool first`() {
        let list = [Self.candidate(0, parents: [3]), Self.candidate(3, parents: [9]), Self.candidate(9)]
        let rig = outcome(of: list)
        // Its sum is made up, which is all that is wrong.
        guard case .outOfStep(.checksum(stated: _, let actual))? = rig.lost.first else {
            Issue.record("expected a wrong sum")
            return
        }
        let right = outcome(of: list) { $0.checksum = actual }
        #expect(right.client.isCurrent)
        let order = right.heard.compactMap { action -> [Txid]? in
            if case .list(let entries) = action { entries.map(\.txid) } else { nil }
        }
        #expect(order == [[Txid(id(9)), Txid(id(3)), Txid(id(0))]])
    }

    @Test
    func `what a list announces is held against its bounds before anything is kept`() {
        func fault(_ change: (inout RequestBaseTemplateSuccess) -> Void) -> BaseTemplateFault? {
            var rig = asked()
            rig.say(success(of: [Self.candidate(0)], change))
            return rig.fault
        }
        #expect(
            fault { $0.listBytes = 2_097_153 }
                == .listSize(candidates: 1, bytes: 2_097_153, segments: 1))
        #expect(
            fault { ($0.candidateCount, $0.listBytes) = (32_769, 2_000_000) }
                == .listSize(candidates: 32_769, bytes: 2_000_000, segments: 1))
        #expect(
            fault { $0.segmentCount = 2 } == .listSize(candidates: 1, bytes: 72, segments: 2))
        #expect(fault { $0.segmentCount = 0 } == .listSize(candidates: 1, bytes: 72, segments: 0))
        #expect(fault { $0.usedVersion = 2 } == .version(2))
        #expect(fault { $0.requestId = 2 } == nil)  // not an answer of ours
    }

    @Test
    func `segments that never end are cut off at what was announced`() {
        var rig = asked()
        rig.say(success(of: [Self.candidate(0)]) { $0.listBytes = 100 })
        rig.say(
            .segment(
                BaseTemplateSegment(
                    sequence: 50, segmentIndex: 0,
                    candidates: Self.bytes([Self.candidate(0), Self.candidate(1)]))))
        #expect(rig.fault == .listDiffers(bytes: 142, announced: 100))
        var slow = asked()
        slow.say(success(of: [Self.candidate(0), Self.candidate(1)]) { $0.segmentCount = 2 })
        slow.say(
            .segment(
                BaseTemplateSegment(
                    sequence: 50, segmentIndex: 0, candidates: Self.bytes([Self.candidate(0)]))))
        slow.wait(10_000)
        #expect(slow.lost == [.deadline(.segment)])
        var skipped = asked()
        skipped.say(success(of: [Self.candidate(0), Self.candidate(1)]) { $0.segmentCount = 2 })
        skipped.say(.segment(BaseTemplateSegment(sequence: 50, segmentIndex: 1, candidates: [])))
        #expect(skipped.lost == [.segment(1, expected: 0)])
    }

    static let tips: [(@Sendable (inout TipFields) -> Void, TipFault)] = [
        ({ $0.version = 3 }, .version(3)),
        ({ $0.version = 0x8000_0004 }, .version(0x8000_0004)),
        ({ $0.height = 0 }, .height(0)),
        ({ $0.height = .max }, .height(.max)),
        ({ $0.nbits = 0x1780_0001 }, .bits(0x1780_0001)),
        ({ $0.nbits = 0 }, .bits(0)),
        ({ $0.target = .max }, .target(bits: 0x1703_255b)),
        ({ $0.headerTimestamp = $0.minNtime - 1 }, .times(minimum: clock - 999, header: clock - 1_000)),
        ({ $0.headerTimestamp = clock + 7_201 }, .ahead(of: clock, time: clock + 7_201)),
        ({ $0.subsidy = 5_000_000_001 }, .subsidy(5_000_000_001, most: 5_000_000_000)),
        ({ $0.coinbasePrefix = [0x51] }, .prefix([0x51], height: 900_001)),
        (
            { $0.coinbasePrefix += [UInt8](repeating: 0, count: 61) },
            .prefix(Script.heightPush(900_001) + [UInt8](repeating: 0, count: 61), height: 900_001)
        ),
        (
            { ($0.height, $0.coinbasePrefix) = (900_500, Script.heightPush(900_500)) },
            .sameTipDiffers(
                height: 900_500, was: 900_001, minimum: clock - 999, minimumWas: clock - 999)
        ),
        (
            { $0.minNtime += 1 },
            .sameTipDiffers(
                height: 900_001, was: 900_001, minimum: clock - 998, minimumWas: clock - 999)
        ),
        (
            {
                ($0.height, $0.coinbasePrefix) = (900_500, Script.heightPush(900_500))
                $0.prevHash = .zero
            }, .heightJump(from: 900_001, to: 900_500)
        ),
    ]

    /// What the client has heard last, as the server would say it again.
    private func tip(_ rig: Rig) -> NewBaseTemplateTip {
        var message = NewBaseTemplateTip()
        guard let tip = rig.client.tip else { return message }
        message.sequence = rig.source.sequence + 1
        message.listIsCurrent = true
        message.tip.prevHash = U256(wireBytes: tip.next.previousBlock.wireBytes) ?? .zero
        (message.tip.height, message.tip.version) = (tip.next.height, tip.next.version)
        message.tip.nbits = tip.next.bits.bits
        message.tip.target = U256(wireBytes: tip.next.blockTarget.wireBytes) ?? .zero
        (message.tip.minNtime, message.tip.headerTimestamp) = (
            tip.next.minimumTime, tip.next.currentTime
        )
        (message.tip.subsidy, message.tip.coinbasePrefix) = (tip.next.subsidy.rawValue, tip.coinbasePrefix)
        (message.candidateCount, message.checksum) = (UInt16(rig.client.count), rig.client.checksum)
        return message
    }

    @Test(arguments: 0..<15)
    func `a tip that cannot be ends the rung, with what is wrong`(_ index: Int) {
        var rig = following()
        var message = tip(rig)
        rig.say(.newTip(message))
        #expect(rig.fault == nil && rig.lost.isEmpty)
        message.sequence += 1
        Self.tips[index].0(&message.tip)
        rig.say(.newTip(message))
        #expect(rig.fault == .tip(Self.tips[index].1))
    }

    @Test
    func `where the network is known, new coins are exact`() {
        var configuration = BaseTemplateClient.Configuration()
        configuration.subsidies = .mainnet
        var rig = Rig(client: configuration)
        rig.offer(.block(next(1), []))
        rig.begin()
        rig.settle()
        #expect(rig.fault == nil)
        var message = tip(rig)
        message.tip.subsidy -= 1
        rig.say(.newTip(message))
        #expect(rig.fault == .tip(.subsidy(312_499_999, most: 312_500_000)))
    }

    private func delta(_ rig: Rig, _ change: (inout BaseTemplateDelta) -> Void) -> BaseTemplateMessage {
        var delta = BaseTemplateDelta()
        (delta.sequence, delta.headerTimestamp) = (rig.source.sequence + 1, clock)
        (delta.candidateCount, delta.checksum) = (UInt16(rig.client.count), rig.client.checksum)
        delta.listIsCurrent = true
        change(&delta)
        return .delta(delta)
    }

    @Test
    func `a change that is lost, repeated or does not fit is noticed, and the whole list asked for`() {
        func loss(_ change: (inout BaseTemplateDelta) -> Void) -> BaseTemplateLoss? {
            var rig = following()
            rig.say(delta(rig, change))
            #expect(rig.fault == nil && !rig.client.isCurrent)
            let found = rig.lost.first
            rig.settle()
            #expect(rig.client.isCurrent && rig.client.checksum == rig.source.published.checksum)
            return found
        }
        let expected = following().source.sequence + 1
        #expect(loss { $0.sequence += 1 } == .sequence(expected + 1, expected: expected))
        #expect(loss { $0.sequence -= 1 } == .sequence(expected - 1, expected: expected))
        #expect(loss { $0.removed = [77] } == .outOfStep(.unknownIndex(77)))
        #expect(loss { $0.removed = [1, 1] } == .outOfStep(.unknownIndex(1)))
        #expect(loss { $0.added = Self.bytes([Self.candidate(1, 900)]) } == .outOfStep(.indexInUse(1)))
        #expect(
            loss { $0.added = Self.bytes([Self.candidate(9, 900, parents: [77])]) }
                == .outOfStep(.unknownParent(77, of: 9)))
        #expect(loss { $0.candidateCount += 1 } == .outOfStep(.count(stated: 6, actual: 5)))
        let sum = following().client.checksum
        #expect(loss { $0.checksum ^= 1 } == .outOfStep(.checksum(stated: sum ^ 1, actual: sum)))
    }

    @Test
    func `a list that gets lost again and again is given up`() {
        var rig = following()
        for minute in 0..<5 {
            rig.now = instant(20_000 + Int64(minute) * 10_000)
            rig.say(delta(rig) { $0.checksum ^= 1 })
            rig.settle()
            #expect(rig.client.isCurrent, "after \(minute)")
        }
        rig.now = instant(80_000)
        rig.say(delta(rig) { $0.checksum ^= 1 })
        guard case .tooOftenLost? = rig.fault else {
            Issue.record("still trusted")
            return
        }
    }

    @Test
    func `requests of a client keep their distance`() {
        var rig = following()
        rig.say(delta(rig) { $0.checksum ^= 1 })
        rig.settle()
        let asked = rig.now
        rig.say(delta(rig) { $0.checksum ^= 1 })
        #expect(rig.up.isEmpty && rig.client.nextDeadline == asked + .seconds(5))
        rig.wait(5_000)
        #expect(rig.client.isCurrent)
    }

    @Test
    func `a flood of messages, of lists and of coinbases ends the rung`() {
        var rig = following()
        for number in 0..<250 {
            rig.say(delta(rig) { $0.sequence += UInt64(number) })
            if rig.fault != nil { break }
        }
        #expect(rig.fault == .tooManyMessages)
        var lists = following()
        for _ in 0..<20 where lists.fault == nil { lists.say(success(of: [])) }
        #expect(lists.fault == .tooManyLists)
        var restless = following()
        for number in 0..<20 where restless.fault == nil {
            let other = CoinbaseRules(
                demands: [.init(value: .zero, share: 1_000_000, script: [0x51, UInt8(number)])],
                maximumAdditionalSize: 0, maximumAdditionalSigops: 0)
            restless.now = instant(10_000 + Int64(number) * 1_000)
            restless.offer(.coinbase(other))
            restless.settle()
        }
        #expect(restless.fault == .restlessCoinbase)
    }

    static let demands: [(String, CoinbaseRulesFault)] = [
        ("", .none),
        ("00000000", .truncated(output: 0)),
        ("0000000000000000 00000000 0400 51", .truncated(output: 0)),
        ("0000000000000000 00000000 0000", .script(output: 0)),
        ("0000000000000000 00000000 0200 6a00", .script(output: 0)),
        ("0000000000000000 00000000 0100 51 0000000000000000 00000000 0100 51", .script(output: 1)),
        ("0140075af0750700 00000000 0100 51", .value(2_100_000_000_000_001, output: 0)),
        ("ffffffffffffffff 00000000 0100 51", .value(.max, output: 0)),
        ("0000000000000000 41420f00 0100 51", .shares(1_000_001)),
    ]

    @Test(arguments: 0..<9)
    func `demands on the coinbase that nobody can meet end the rung`(_ index: Int) {
        var rig = following()
        var message = SetBaseTemplateConstraints()
        message.sequence = rig.source.sequence + 1
        message.constraints.coinbaseOutputs = hex(Self.demands[index].0)
        rig.say(.constraints(message))
        #expect(rig.fault == .coinbase(Self.demands[index].1))
    }

    @Test
    func `a message that does not decode, and records that do not, are named`() {
        var rig = following()
        rig.tell(
            .frame(
                FrameHeader(extensionType: 0x4144, channelMsg: false, msgType: 5, msgLength: 1), [0]))
        #expect(
            rig.fault
                == .malformed(
                    "BaseTemplateDelta", .truncated(field: "sequence", needed: 8, left: 1)))
        var records = following()
        records.say(delta(records) { $0.added = [0x80] })
        #expect(records.fault == .record("BaseTemplateDelta", .flags(0x80, record: 0)))
        var unknown = following()
        let header = FrameHeader(extensionType: 0x4144, channelMsg: true, msgType: 99, msgLength: 1)
        unknown.tell(.frame(header, [1]))
        unknown.tell(.frame(header, [1]))
        #expect(unknown.heard.filter { $0 == .ignored("message 99") }.count == 1)
        #expect(unknown.client.ignoredMessages == 2 && unknown.client.isCurrent)
    }

    @Test
    func `a pool that does not know too many of its own transactions is not asked again`() {
        var configuration = BaseTemplateClient.Configuration()
        configuration.maximumUnknown = 2
        var rig = Rig(client: configuration)
        rig.offer(.block(next(1), (0..<5).map { entry($0) }))
        rig.begin()
        rig.settle()
        rig.tell(.unknownTransactions((0..<3).map { entry($0).wtxid }))
        #expect(rig.fault == .unknownTransactions(3))
    }

    // MARK: A client that lies

    @Test
    func `a client that acknowledges what was never sent is served no more`() {
        var rig = following()
        rig.up = [(try? AcknowledgeBaseTemplate(sequence: 99, segments: 0).frame()) ?? []]
        rig.settle()
        #expect(rig.served.last == .failed(.acknowledgedUnsent))
        rig.down = []
        rig.offer(.candidates((0..<9).map { entry($0) }))
        #expect(rig.down.isEmpty)
    }

    @Test
    func `a client that asks without end gets few lists, and then none`() {
        var rig = following()
        rig.served = []
        for _ in 0..<40 {
            rig.up.append(
                (try? RequestBaseTemplate(requestId: 9, maxVersion: 1, reason: .lost).frame()) ?? [])
            _ = rig.deliverUp()
        }
        let lists = rig.down.filter { $0[2] == RequestBaseTemplateSuccess.msgType }.count
        #expect(lists == 1)
        #expect(rig.served.contains(.failed(.tooManyRequests)))
    }

    @Test
    func `a client of a later version may ask, one of none may not`() {
        var rig = following()
        rig.up = [(try? RequestBaseTemplate(requestId: 9, maxVersion: 0, reason: .first).frame()) ?? []]
        _ = rig.deliverUp()
        #expect(rig.down.last?[2] == RequestBaseTemplateError.msgType)
        rig.down = []
        rig.now = instant(20_000)
        rig.up = [(try? RequestBaseTemplate(requestId: 10, maxVersion: 7, reason: .first).frame()) ?? []]
        _ = rig.deliverUp()
        #expect(rig.down.first?[2] == RequestBaseTemplateSuccess.msgType)
    }

    @Test
    func `what a pool offers beyond the bounds of a list is left out and counted`() {
        var source = BaseTemplateSource(rules: rules)
        var entries = (0..<10).map { entry($0) }
        entries[3] = entry(3, weight: 4_000_001)
        entries[4] = entry(4, parents: [3])  // its parent is not there
        entries[5] = entry(2)
        entries[6] = entry(6, sigops: 80_001)
        entries[7] = entry(7, parents: [8])  // comes later
        entries[9] = entry(9, fee: 2_100_000_000_000_001)
        let actions = source.handle(.block(next(1), entries), at: instant(0), unixTime: clock)
        #expect(actions.contains(.leftOut(6)))
        #expect(source.published.count == 4)
    }
}
