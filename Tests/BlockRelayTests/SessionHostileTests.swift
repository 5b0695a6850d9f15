import BitcoinPrimitives
import Testing
import Units

@testable import BlockRelay

private let block = madeBlock(transactions: 30)
private let ours = found(block)

@Test(arguments: [
    (nodeVersion(protocolVersion: 70_013), PeerFault.tooOld(protocolVersion: 70_013)),
    (nodeVersion(services: [.network]), .notAFullNode([.network])),
    (nodeVersion(services: [.witness]), .notAFullNode([.witness])),
])
func `a node that is of no use is told so by name`(version: VersionMessage, fault: PeerFault) {
    var bench = Bench()
    bench.tell(.start)
    bench.tell(.connected(unixTime: 0))
    bench.receive(.version(version))
    #expect(bench.fault == fault)
    #expect(bench.disconnects == 1)
}

@Test func `a pruned node will do`() {
    var bench = Bench()
    bench.becomeReady(nodeVersion(services: [.networkLimited, .witness]))
    #expect(bench.session.phase == .ready)
}

@Test func `the wrong network, another protocol, ourselves: each has its name`() {
    func fault(_ bytes: [UInt8]) -> PeerFault? {
        var bench = Bench()
        bench.tell(.start)
        bench.tell(.connected(unixTime: 0))
        bench.tell(.received(bytes))
        return bench.fault
    }
    let version = PeerMessage.version(nodeVersion()).frame
    #expect(fault(version.wireBytes(on: .testnet3)) == .frame(.otherNetwork(.testnet3)))
    #expect(fault(Array("HTTP/1.1 400".utf8)) == .frame(.foreign(Array("HTTP".utf8))))
    #expect(fault(PeerMessage.verack.frame.wireBytes(on: .regtest)) == .versionExpected(command: "verack"))
    #expect(fault(version.wireBytes(on: .regtest)) == nil)

    var bench = Bench()
    bench.tell(.start)
    bench.tell(.connected(unixTime: 0))
    guard case .version(let own)? = bench.take().first else {
        Issue.record("a version")
        return
    }
    bench.receive(.version(own))
    #expect(bench.fault == .connectedToSelf)

    var silent = Bench()
    silent.tell(.start)
    silent.tell(.connected(unixTime: 0))
    silent.tell(.disconnected)
    #expect(silent.fault == .closedWithoutAWord)
}

@Test func `introductions come once`() {
    for message in [PeerMessage.version(nodeVersion()), .verack] {
        var bench = Bench()
        bench.becomeReady()
        bench.receive(message)
        #expect(bench.fault == .outOfTurn(command: message.frame.command))
    }
    var early = Bench()
    early.tell(.start)
    early.tell(.connected(unixTime: 0))
    early.receive(.version(nodeVersion()), .version(nodeVersion(nonce: 5)))
    #expect(early.fault == .outOfTurn(command: "version"))
}

@Test func `a message that cannot be read ends the connection, one that is not ours to read does not`() {
    var bench = Bench()
    bench.becomeReady()
    for command in ["tx", "block", "blocktxn", "addr", "addrv2", "notfound", "inventedlate"] {
        bench.receive(.other(Frame(command: command, payload: [0xff, 0xff])))
    }
    #expect(bench.session.phase == .ready)
    #expect(bench.take().isEmpty)
    bench.receive(.other(Frame(command: "getdata", payload: [2])))
    #expect(bench.fault == .message(command: "getdata", .badCount(offset: 0)))

    var compact = Bench()
    compact.becomeReady()
    compact.receive(.other(Frame(command: "cmpctblock", payload: [1, 2])))
    #expect(compact.fault == .message(command: "cmpctblock", .truncated(offset: 2)))
}

@Test func `a flood of pings is cut off, and one below a hundred a second is not`() {
    var bench = Bench()
    bench.becomeReady()
    var pings = 0
    while bench.session.phase == .ready, pings < 100_000 {
        bench.receive(.ping(1))
        pings += 1
    }
    #expect(bench.fault == .flood(.messages))
    #expect(pings <= 4_000)

    var steady = Bench()
    steady.becomeReady()
    for _ in 0..<6_000 where steady.session.phase == .ready {
        steady.now = steady.now + .milliseconds(11)
        steady.receive(.ping(1))
    }
    #expect(steady.session.phase == .ready)
    for _ in 0..<10_000 where steady.session.phase == .ready {
        steady.now = steady.now + .milliseconds(5)
        steady.receive(.ping(1))
    }
    #expect(steady.fault == .flood(.messages))
}

@Test func `endless headers are cut off after a few megabytes, and nothing of them is kept`() {
    var bench = Bench()
    bench.becomeReady()
    bench.tell(.announce(ours))
    _ = bench.take()
    let others = (0..<2_000).map { i in
        var header = block.header
        header.nonce = header.nonce &+ UInt32(i) + 1
        return header
    }
    var messages = 0
    while bench.session.phase == .ready, messages < 1_000 {
        bench.receive(.headers(others))
        messages += 1
    }
    #expect(bench.fault == .flood(.bytes))
    #expect(messages < 55)
}

@Test func `a frame that never ends is held to four megabytes`() {
    var bench = Bench()
    bench.becomeReady()
    let frame = Frame(command: "tx", payload: [UInt8](repeating: 1, count: 4_000_000)).wireBytes(on: .regtest)
    for _ in 0..<3 where bench.session.phase == .ready {
        for start in stride(from: 0, to: frame.count, by: 65_536) {
            bench.tell(.received(Array(frame[start..<min(start + 65_536, frame.count)])))
            #expect((bench.session.connection?.reader.held ?? 0) <= Frame.maximumPayload + Frame.headerSize)
        }
    }
    #expect(bench.fault == .flood(.bytes))
}

@Test func `a question for transactions beyond the end of a block ends the connection`() {
    var bench = Bench()
    bench.becomeReady()
    bench.tell(.announce(ours))
    _ = bench.take()
    bench.receive(.getblocktxn(BlockTransactionsRequest(block: ours.hash, indexes: [29])))
    #expect(bench.take().count == 2)
    bench.receive(.getblocktxn(BlockTransactionsRequest(block: ours.hash, indexes: [3, 30])))
    #expect(bench.fault == .noSuchTransaction(index: 30, of: 30))
    #expect(bench.take().isEmpty)
}

@Test func `a block is served eight times on a connection, however the questions are put`() {
    let item = InventoryItem(kind: InventoryItem.witnessBlock, hash: ours.hash)
    var bench = Bench()
    bench.becomeReady()
    bench.tell(.announce(ours))
    _ = bench.take()
    bench.receive(.getdata([InventoryItem](repeating: item, count: 50_000)))
    #expect(bench.fault == .tooManyRequests(ours.hash))
    let blocks = bench.take().filter { if case .block = $0 { true } else { false } }
    #expect(blocks.count == 8)

    // The next connection begins anew.
    bench.waitForConnect()
    bench.greet()
    bench.receive(.getdata([item]))
    #expect(bench.take().contains(.block(block.wireBytes)))
    #expect(bench.session.phase == .ready)
}

@Test func `bytes at random never do more than end the connection`() {
    var chance = SplitMix64(seed: 5)
    for _ in 0..<300 {
        var bench = Bench()
        bench.becomeReady()
        bench.tell(.announce(ours))
        var messages: [PeerMessage] = [
            .getblocktxn(BlockTransactionsRequest(block: ours.hash, indexes: [1, 5])),
            .getdata([InventoryItem(kind: 4, hash: ours.hash)]), .headers([block.header]), .ping(1),
            .getheaders(GetHeaders(protocolVersion: 1, locator: [.zero, ours.hash], stop: .zero)),
        ]
        messages.shuffle(using: &chance)
        for message in messages {
            var payload = message.frame.payload
            for _ in 0..<Int(chance.next() % 4) {
                payload[Int(chance.next() % UInt64(payload.count))] = UInt8(truncatingIfNeeded: chance.next())
            }
            bench.receive(.other(Frame(command: message.frame.command, payload: payload)))
        }
        switch bench.session.phase {
        case .ready, .waiting: continue
        case .idle, .connecting, .greeting, .stopped: Issue.record("a session is up or down")
        }
    }
}
