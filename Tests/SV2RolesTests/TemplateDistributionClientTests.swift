import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import Testing
import Units

private typealias Fixture = TemplateFixture

@Test func `a template client sends its constraints as soon as it is let in`() {
    var client = TemplateDistributionClient(
        .init(identity: Fixture.identity, constraints: Fixture.constraints))
    let first = client.handle(.connected, at: Fixture.start)
    guard case .send(.common(.setupConnection(let setup))) = first.first else {
        Issue.record("no SetupConnection")
        return
    }
    #expect(setup.protocol == 2)
    #expect(setup.flags == 0)
    #expect(
        client.receive(Fixture.setupSuccess).contains(.send(.coinbaseOutputConstraints(Fixture.constraints))))
    #expect(client.isReady)
}

@Test func `a template client gives up on refusal, another version and silence`() {
    func failure(_ messages: [TemplateDistributionMessage]) -> TemplateDistributionFault? {
        var client = TemplateDistributionClient(
            .init(identity: Fixture.identity, constraints: Fixture.constraints))
        var actions = client.handle(.connected, at: Fixture.start)
        for message in messages { actions += client.receive(message) }
        actions += client.handle(.woke, at: Fixture.start + .seconds(5))
        return actions.fault
    }
    #expect(failure([]) == .deadline(.setup))
    #expect(failure([Fixture.setupSuccess]) == nil)
    let other = SetupConnectionSuccess(usedVersion: 3, flags: 0)
    #expect(failure([.common(.setupConnectionSuccess(other))]) == .version(3))
    let refusal = SetupConnectionError(flags: 0, errorCode: "unsupported-protocol")
    #expect(
        failure([.common(.setupConnectionError(refusal))])
            == .setupRefused(flags: 0, errorCode: "unsupported-protocol"))
}

@Test func `a future template is prepared, and hashed when its tip comes`() {
    var client = Fixture.readyClient()
    let offered = Fixture.provided(onTip: 1)
    #expect(
        client.receive(offered.newTemplate(5, future: true)).contains(
            .future(templateId: 5, offered.template)))
    #expect(client.current == nil)
    #expect(client.receive(offered.setNewPrevHash(5)).activeIds == [5])
    #expect(client.current?.tip == offered.tip)
}

@Test func `a better template of the same tip is hashed at once`() {
    var client = Fixture.readyClient()
    let first = Fixture.provided(onTip: 1)
    _ = client.receive(first.newTemplate(5, future: true), first.setNewPrevHash(5), first.data(5))
    let better = Fixture.provided(onTip: 1, transactions: 7)
    let actions = client.receive(better.newTemplate(6, future: false))
    #expect(actions.activeIds == [6])
    #expect(actions.requestedIds == [6])
    #expect(client.current?.tip == first.tip)
    // Jobs of the one before are still good, so it is still there, with its transactions.
    #expect(client.activeTemplate(5)?.transactions?.txids.count == 3)
    #expect(client.activeTemplate(6)?.transactions == nil && client.activeTemplate(7) == nil)
}

@Test func `of several future templates the tip takes the one it names, and the others die`() {
    var client = Fixture.readyClient()
    let one = Fixture.provided(onTip: 1)
    let two = Fixture.provided(onTip: 1, transactions: 4)
    _ = client.receive(one.newTemplate(5, future: true), two.newTemplate(6, future: true))
    #expect(client.receive(one.setNewPrevHash(5)).activeIds == [5])
    let actions = client.receive(two.setNewPrevHash(6))
    #expect(actions.activeIds == [])
    #expect(actions.mistrust == [.unknownTemplate(6)])
    #expect(client.current?.templateId == 5, "the tip is the same, so its template still holds")
}

@Test func `of three future templates the oldest is withdrawn`() {
    var client = Fixture.readyClient()
    let offers = (0..<3).map { Fixture.provided(onTip: 1, transactions: $0) }
    _ = client.receive(offers[0].newTemplate(1, future: true), offers[1].newTemplate(2, future: true))
    let actions = client.receive(offers[2].newTemplate(3, future: true))
    #expect(actions.contains(.withdrawn(templateId: 1)))
}

// MARK: What must not be believed

@Test func `a template for the next height without its tip is not hashed`() {
    var client = Fixture.readyClient(requestsTransactions: false)
    let first = Fixture.provided(onTip: 1)
    _ = client.receive(first.newTemplate(5, future: true), first.setNewPrevHash(5))
    let actions = client.receive(Fixture.provided(onTip: 2).newTemplate(6, future: false))
    #expect(actions.activeIds == [])
    #expect(actions.mistrust == [.otherHeight(template: 102, tip: 101)])
    #expect(actions.asksAnew)
    #expect(client.current?.templateId == 5)
}

@Test func `while the answer is awaited further doubts ask nothing more`() {
    var client = Fixture.readyClient(requestsTransactions: false)
    let first = Fixture.provided(onTip: 1)
    _ = client.receive(first.newTemplate(5, future: true), first.setNewPrevHash(5))
    #expect(client.receive(Fixture.provided(onTip: 2).newTemplate(6, future: false)).asksAnew)
    for templateId in UInt64(7)...20 {
        let actions = client.receive(Fixture.provided(onTip: 2).newTemplate(templateId, future: false))
        #expect(!actions.asksAnew)
        #expect(actions.mistrust.isEmpty)
    }
    let pair = Fixture.provided(onTip: 2)
    #expect(client.receive(pair.newTemplate(21, future: true), pair.setNewPrevHash(21)).activeIds == [21])
}

@Test func `the first template without a tip is not hashed either`() {
    var client = Fixture.readyClient()
    let actions = client.receive(Fixture.provided(onTip: 2).newTemplate(6, future: false))
    #expect(actions.mistrust == [.otherHeight(template: 102, tip: nil)])
    #expect(actions.asksAnew)
    #expect(client.current == nil)
}

@Test func `a tip whose template is unknown stops the hashing`() {
    var client = Fixture.readyClient(requestsTransactions: false)
    let first = Fixture.provided(onTip: 1)
    _ = client.receive(first.newTemplate(5, future: true), first.setNewPrevHash(5))
    let next = Fixture.provided(onTip: 2)
    let actions = client.receive(next.setNewPrevHash(9))
    #expect(actions.contains(.tipWithoutTemplate(next.tip)))
    #expect(actions.mistrust == [.unknownTemplate(9)])
    #expect(actions.asksAnew)
    #expect(client.current == nil)
    // Not even the height is known now, so nothing but a pair can begin again.
    #expect(client.receive(next.newTemplate(10, future: false)).activeIds == [])
    #expect(client.receive(next.newTemplate(11, future: true), next.setNewPrevHash(11)).activeIds == [11])
}

@Test func `one tip has one height`() {
    var client = Fixture.readyClient(requestsTransactions: false)
    let first = Fixture.provided(onTip: 1)
    _ = client.receive(first.newTemplate(5, future: true), first.setNewPrevHash(5))
    // The next height's template, activated with the tip that we have.
    let actions = client.receive(
        Fixture.provided(onTip: 2).newTemplate(6, future: true), first.setNewPrevHash(6))
    #expect(actions.mistrust == [.otherHeight(template: 102, tip: 101)])
    #expect(actions.contains(.withdrawn(templateId: 6)))
    #expect(client.current?.templateId == 5)
}

@Test func `a number that two templates have is worth nothing`() {
    var client = Fixture.readyClient(requestsTransactions: false)
    let first = Fixture.provided(onTip: 1)
    _ = client.receive(first.newTemplate(5, future: true), first.setNewPrevHash(5))
    let actions = client.receive(Fixture.provided(onTip: 1, transactions: 9).newTemplate(5, future: false))
    #expect(actions.mistrust == [.numberTwice(5)])
    #expect(actions.contains(.withdrawn(templateId: 5)))
    #expect(client.current == nil)
}

@Test func `the same template and the same tip again change nothing`() {
    var client = Fixture.readyClient(requestsTransactions: false)
    let first = Fixture.provided(onTip: 1)
    _ = client.receive(first.newTemplate(5, future: true), first.setNewPrevHash(5))
    let before = client.current
    #expect(
        client.receive(first.newTemplate(5, future: true), first.setNewPrevHash(5)) == [
            .ignored("NewTemplate"), .ignored("SetNewPrevHash"),
        ])
    #expect(client.current == before)
}

private let brokenTemplates: [(TemplateDefect, @Sendable (inout NewTemplate) -> Void)] = [
    (.noHeight, { $0.coinbasePrefix = [] }),
    (.noHeight, { $0.coinbasePrefix = [2, 101] }),  // two bytes announced, one there
    (.noHeight, { $0.coinbasePrefix = [2, 101, 0] }),  // not the shortest push
    (.noHeight, { $0.coinbasePrefix = [1, 0x85] }),  // a negative height
    (.noHeight, { $0.coinbasePrefix = [5, 1, 1, 1, 1, 1] }),  // above 32 bits
    (.prefixTooLong(99), { $0.coinbasePrefix += [UInt8](repeating: 0, count: 97) }),
    (.tooMuchMoney(2_100_000_000_000_001), { $0.coinbaseTxValueRemaining = 2_100_000_000_000_001 }),
    (.pathTooLong(16), { $0.merklePath = [U256](repeating: .zero, count: 16) }),
    (.lockedUntil(101), { $0.coinbaseTxLocktime = 101 }),
    (.outputs(.badCount(offset: 0)), { $0.coinbaseTxOutputsCount = .max }),
    (.outputs(.trailing(count: 47)), { $0.coinbaseTxOutputsCount = 0 }),
]

@Test func `a template that can be no block is refused with its defect`() throws {
    for (defect, break_) in brokenTemplates {
        var client = Fixture.readyClient()
        var message = Fixture.provided(onTip: 1).template.newTemplate(templateId: 5, future: true)
        break_(&message)
        #expect(
            client.receive(.newTemplate(message)) == [.refused(templateId: 5, defect)], "\(defect)")
        // Its tip then is one without a template.
        #expect(client.receive(Fixture.provided(onTip: 1).setNewPrevHash(5)).asksAnew)
    }
}

@Test func `heights of one byte are read as BIP 34 writes them`() throws {
    for height: UInt32 in [0, 1, 16, 17, 127, 128, 255, 256, 32_767, 32_768, 8_388_608, .max] {
        var message = Fixture.provided(onTip: 1).template.newTemplate(templateId: 5, future: true)
        message.coinbasePrefix = Script.heightPush(height)
        message.coinbaseTxLocktime = 0
        message.coinbaseTxInputSequence = .max
        #expect(try DistributedTemplate(message).height == height)
    }
}

@Test func `a tip whose bits are no target ends the connection`() {
    var client = Fixture.readyClient()
    let message = TemplateSetNewPrevHash(
        templateId: 5, prevHash: .zero, headerTimestamp: 0, nBits: 0xff80_0000, target: .max)
    #expect(client.receive(.setNewPrevHash(message)).fault == .badTip(nBits: 0xff80_0000))
    #expect(
        client.receive(Fixture.provided(onTip: 1).newTemplate(1, future: true)) == [.ignored("NewTemplate")])
}

@Test func `a target easier than the bits is not believed`() {
    let tip = DistributedTip(
        previousBlock: .zero, headerTimestamp: 0, bits: CompactTarget(bits: 0x1d00_ffff), blockTarget: .max)
    #expect(tip?.blockTarget == .difficultyOne)
    let harder = Target(leadingZeroBits: 60)
    #expect(
        DistributedTip(
            previousBlock: .zero, headerTimestamp: 0, bits: CompactTarget(bits: 0x1d00_ffff),
            blockTarget: harder)?.blockTarget == harder)
}

// MARK: Asking anew has an end

@Test func `a provider that never answers is asked six times with growing pauses, then given up`() {
    var client = Fixture.readyClient(requestsTransactions: false)
    var asked = 0
    var actions = client.receive(Fixture.provided(onTip: 2).newTemplate(6, future: false))
    var now = Fixture.start
    while actions.fault == nil {
        if actions.asksAnew { asked += 1 }
        guard let next = client.nextDeadline else {
            Issue.record("nothing is awaited")
            return
        }
        now = next
        actions = client.handle(.woke, at: now)
    }
    #expect(actions.fault == .outOfSync(.noAnswer))
    #expect(asked == TemplateDistributionClient.maximumRestarts)
    // Six answers awaited for ten seconds each, and pauses of 1, 2, 4, 8 and 16 seconds.
    #expect(now == Fixture.start + .seconds(60 + 31))
}

@Test func `a node that loads the chain may take its time, and that is said once`() {
    var client = Fixture.readyClient()
    #expect(client.handle(.woke, at: Fixture.start + .seconds(10)) == [.stillWaiting])
    #expect(client.nextDeadline == nil)
    #expect(client.handle(.woke, at: Fixture.start + .seconds(86_400)) == [])
    let first = Fixture.provided(onTip: 1)
    #expect(client.receive(first.newTemplate(1, future: true), first.setNewPrevHash(1)).activeIds == [1])
}

@Test func `larger constraints are sent once, and answered with a pair`() {
    var client = Fixture.readyClient(requestsTransactions: false)
    let first = Fixture.provided(onTip: 1)
    _ = client.receive(first.newTemplate(5, future: true), first.setNewPrevHash(5))
    var larger = Fixture.constraints
    larger.coinbaseOutputMaxAdditionalSize = 200
    #expect(
        client.handle(.constrain(larger), at: Fixture.start).first
            == .send(.coinbaseOutputConstraints(larger)))
    #expect(client.handle(.constrain(larger), at: Fixture.start) == [])
    let again = Fixture.provided(onTip: 1, transactions: 2)
    #expect(client.receive(again.newTemplate(6, future: true), again.setNewPrevHash(6)).activeIds == [6])
    #expect(client.nextDeadline == nil)
}

@Test func `constraints count the bytes and signature operations of outputs`() {
    func script(_ text: [UInt8], _ hash: Int, _ end: [UInt8]) -> [UInt8] {
        text + [UInt8](repeating: 7, count: hash) + end
    }
    // Sizes and operations: sv2-notes §7.2.
    let forms: [(script: [UInt8], size: UInt32, sigops: UInt16)] = [
        (script([0x00, 0x14], 20, []), 31, 0), (script([0x51, 0x20], 32, []), 43, 0),
        (script([0x76, 0xa9, 0x14], 20, [0x88, 0xac]), 34, 4), (script([0xa9, 0x14], 20, [0x87]), 32, 0),
    ]
    for form in forms {
        let constraints = CoinbaseOutputConstraints(for: [
            TransactionOutput(value: .zero, script: form.script)
        ])
        #expect(constraints.coinbaseOutputMaxAdditionalSize == form.size)
        #expect(constraints.coinbaseOutputMaxAdditionalSigops == form.sigops)
    }
    #expect(Fixture.constraints.reservedWeight == Weight(weightUnits: 2000))
    var large = Fixture.constraints
    large.coinbaseOutputMaxAdditionalSize = 1_000
    #expect(large.reservedWeight == Weight(weightUnits: 5168))
}
