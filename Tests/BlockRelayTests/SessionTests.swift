import BitcoinPrimitives
import Testing
import Units

@testable import BlockRelay

private let block = madeBlock(transactions: 30)
private let ours = found(block)
/// What follows every push: what comes after its parent in the peer's best chain?
private let question = PeerMessage.getheaders(
    GetHeaders(protocolVersion: 70_016, locator: [block.header.previousBlock], stop: ours.hash))

@Test func `we introduce ourselves, answer the introduction, and offer compact blocks`() throws {
    var bench = Bench()
    bench.tell(.start)
    #expect(bench.connects == 1)
    bench.tell(.connected(unixTime: 1_700_000_000))
    guard case .version(let version)? = bench.take().first else {
        Issue.record("a version comes first")
        return
    }
    #expect(version.protocolVersion == 70_016)
    #expect(version.services == .witness)  // never NETWORK: other blocks cannot be had from us
    #expect(version.time == 1_700_000_000)
    #expect(version.relay == false)
    #expect(version.printableUserAgent == "/adit:test/")
    bench.receive(.version(nodeVersion()))
    #expect(bench.take() == [.verack])
    bench.receive(.wtxidrelay, .sendaddrv2, .other(Frame(command: "sendtxrcncl", payload: [1])))
    #expect(bench.take().isEmpty)
    bench.receive(.verack)
    #expect(bench.take() == [.sendcmpct(SendCompact(announce: false, version: 2))])
    #expect(bench.session.phase == .ready)
    #expect(bench.notices == [.ready(userAgent: "/node:31/", protocolVersion: 70_016)])
}

@Test func `who asked for high bandwidth gets the compact block at once, the others the whole block`() {
    var high = Bench()
    high.becomeReady(highBandwidth: true)
    high.tell(.announce(ours))
    #expect(high.take() == [.cmpctblock(CompactBlock(block, nonce: 7)), question])

    var low = Bench()
    low.becomeReady()
    low.tell(.announce(ours))
    #expect(low.take() == [.block(block.wireBytes), question])

    var slow = Bench { $0.link = .slow }
    slow.becomeReady()
    slow.tell(.announce(ours))
    #expect(slow.take() == [.headers([block.header])])

    // A wish that is taken back, one for a version nobody speaks, and a node that is too old for it.
    var back = Bench()
    back.becomeReady(highBandwidth: true)
    back.receive(.sendcmpct(SendCompact(announce: false, version: 2)))
    back.tell(.announce(ours))
    #expect(back.take().first == .block(block.wireBytes))
    for version: UInt64 in [1, 3] {
        var other = Bench()
        other.becomeReady()
        other.receive(.sendcmpct(SendCompact(announce: true, version: version)))
        other.tell(.announce(ours))
        #expect(other.take().first == .block(block.wireBytes))
    }
    var old = Bench()
    old.becomeReady(nodeVersion(protocolVersion: 70_014), highBandwidth: true)
    old.tell(.announce(ours))
    #expect(old.take().first == .block(block.wireBytes))
}

@Test func `a block is pushed once, and taken as arrived when the peer names it`() {
    let names: [PeerMessage] = [
        .headers([block.header]), .inv([InventoryItem(kind: InventoryItem.block, hash: ours.hash)]),
        .cmpctblock(CompactBlock(block, nonce: 99)),
    ]
    for name in names {
        var bench = Bench()
        bench.becomeReady(highBandwidth: true)
        bench.tell(.announce(ours))
        bench.tell(.announce(ours))
        #expect(bench.take().count == 2)
        bench.receive(.headers([]), .headers([madeBlock(transactions: 2).header]))
        #expect(bench.session.blocks.map(\.progress) == [.announced(.compact)])
        bench.now = bench.now + .seconds(2)
        bench.receive(name)
        #expect(bench.session.blocks.map(\.progress) == [.adopted])
        #expect(bench.notices.last == .adopted(ours.hash, after: .seconds(2)))
        bench.wait(.seconds(20))
        #expect(bench.take().isEmpty)
    }
}

@Test func `a short announcement without effect is followed by the block, and that by one more question`() {
    var bench = Bench()
    bench.becomeReady(highBandwidth: true)
    bench.tell(.announce(ours))
    _ = bench.take()
    bench.wait(.seconds(9))
    #expect(bench.take().isEmpty)
    bench.wait(.seconds(2))
    #expect(bench.take() == [.block(block.wireBytes), question])
    bench.wait(.seconds(10))
    #expect(bench.take() == [question])
    #expect(bench.notices.last == .unconfirmed(ours.hash))
    bench.receive(.headers([block.header]))  // late is not never
    #expect(bench.session.blocks.map(\.progress) == [.adopted])
}

@Test func `what a peer asks for it gets, in the form it asks for`() throws {
    var bench = Bench { $0.link = .slow }
    bench.becomeReady()
    bench.tell(.announce(ours))
    _ = bench.take()
    func ask(_ kind: UInt32, _ hash: Hash256 = ours.hash) -> PeerMessage {
        .getdata([InventoryItem(kind: kind, hash: hash)])
    }
    bench.receive(ask(InventoryItem.compactBlock))
    #expect(bench.take() == [.cmpctblock(CompactBlock(block, nonce: 7)), question])
    bench.receive(ask(InventoryItem.witnessBlock))
    #expect(bench.take() == [.block(block.wireBytes), question])
    bench.receive(ask(InventoryItem.block))
    guard case .block(let stripped)? = bench.take().first else {
        Issue.record("a block")
        return
    }
    let bare = try Block(wireBytes: stripped)
    #expect(bare.transactions.map(\.txid) == block.transactions.map(\.txid))
    #expect(bare.transactions.allSatisfy { !$0.hasWitness })

    bench.receive(.getblocktxn(BlockTransactionsRequest(block: ours.hash, indexes: [0, 29])))
    let wanted = BlockTransactions(
        block: ours.hash, transactions: [block.transactions[0], block.transactions[29]])
    #expect(bench.take() == [.blocktxn(wanted), question])

    // Not ours: blocks of others, transactions, filtered blocks. Nothing is relayed.
    for message in [ask(InventoryItem.witnessBlock, .zero), ask(1), ask(3), ask(5), ask(0x4000_0001)] {
        guard case .getdata(let items) = message else { preconditionFailure("a question") }
        bench.receive(message)
        #expect(bench.take() == [.notfound(items)])
    }
    bench.receive(.getblocktxn(BlockTransactionsRequest(block: .zero, indexes: [0])))
    #expect(bench.take().isEmpty)
    #expect(bench.session.phase == .ready)
}

@Test func `a peer that never spoke of compact blocks gets none`() {
    var bench = Bench()
    bench.tell(.start)
    bench.tell(.connected(unixTime: 0))
    bench.receive(.version(nodeVersion()), .verack)
    bench.tell(.announce(ours))
    _ = bench.take()
    bench.receive(.getdata([InventoryItem(kind: InventoryItem.compactBlock, hash: ours.hash)]))
    #expect(bench.take().first == .block(block.wireBytes))
}

@Test func `headers are answered from the first block that is known`() {
    let second = madeBlock(transactions: 2, on: ours.hash, seed: 2)
    var bench = Bench()
    bench.becomeReady()
    bench.tell(.announce(ours))
    bench.tell(.announce(found(second)))
    _ = bench.take()
    let far = Hash256(hashing: [1])
    let cases: [(locator: [Hash256], stop: Hash256, answer: [Header])] = [
        ([far, block.header.previousBlock], .zero, [block.header, second.header]),
        ([block.header.previousBlock], ours.hash, [block.header]),
        ([ours.hash, block.header.previousBlock], .zero, [second.header]),
        ([second.header.hash], .zero, []), ([far], .zero, []),
        ([], second.header.hash, [second.header]), ([], far, []),
    ]
    for (locator, stop, answer) in cases {
        bench.receive(.getheaders(GetHeaders(protocolVersion: 70_016, locator: locator, stop: stop)))
        #expect(bench.take() == [.headers(answer)])
    }
}

@Test func `a block found without a connection is pushed as soon as there is one`() {
    var bench = Bench()
    bench.tell(.start)
    bench.tell(.announce(ours))
    bench.tell(.disconnected)
    #expect(bench.connects == 1)
    let other = found(madeBlock(transactions: 2, seed: 3))
    bench.tell(.announce(other))  // a block does not wait for the next try
    #expect(bench.connects == 2)
    bench.tell(.connected(unixTime: 0))
    bench.receive(.version(nodeVersion()), .verack)
    let blocks = bench.take().compactMap { message in
        if case .block(let bytes) = message { bytes } else { nil }
    }
    #expect(blocks == [ours.wireBytes, other.wireBytes])
}

@Test func `an old block is announced no more, but served, and then forgotten`() {
    var bench = Bench()
    bench.tell(.start)
    bench.tell(.announce(ours))
    bench.tell(.disconnected)
    bench.now = bench.now + .seconds(601)
    bench.tell(.woke)
    bench.greet()
    #expect(bench.session.blocks.map(\.progress) == [.waiting])
    let question = PeerMessage.getdata([InventoryItem(kind: InventoryItem.witnessBlock, hash: ours.hash)])
    bench.receive(question)
    #expect(bench.take().first == .block(block.wireBytes))
    bench.now = bench.now + .seconds(1_200)
    bench.tell(.woke)
    #expect(bench.session.blocks.isEmpty)

    // Nor is a short announcement of long ago followed up on a new connection.
    var later = Bench()
    later.becomeReady(highBandwidth: true)
    later.tell(.announce(ours))
    later.tell(.disconnected)
    later.now = later.now + .seconds(601)
    later.tell(.woke)
    later.greet()
    later.wait(.seconds(20))
    #expect(later.take().isEmpty)
}

@Test func `four blocks are kept, the newest`() {
    var bench = Bench()
    bench.becomeReady()
    let blocks = (1...6).map { found(madeBlock(transactions: 2, seed: $0)) }
    for block in blocks { bench.tell(.announce(block)) }
    #expect(bench.session.blocks.map(\.hash) == blocks.suffix(4).map(\.hash))
}

@Test func `pings are answered, and sent; one without an answer ends the connection`() {
    var bench = Bench()
    bench.becomeReady()
    bench.receive(.ping(5))
    #expect(bench.take() == [.pong(5)])
    bench.wait(.seconds(31))
    guard case .ping(let nonce)? = bench.take().first else {
        Issue.record("a ping")
        return
    }
    bench.wait(.seconds(80))
    bench.receive(.pong(nonce &+ 1), .pong(nonce))
    bench.wait(.seconds(29))
    #expect(bench.take().isEmpty)
    bench.wait(.seconds(2))
    #expect(bench.take().count == 1)
    bench.wait(.seconds(91))
    #expect(bench.fault == .deadline(.pong, after: .seconds(90)))
    #expect(bench.disconnects == 1)
}

@Test func `a node that does not answer, or not to the end, is tried again later and later`() {
    var bench = Bench()
    bench.tell(.start)
    bench.wait(.seconds(10))
    #expect(bench.fault == .deadline(.connect, after: .seconds(10)))
    bench.waitForConnect()
    bench.tell(.connected(unixTime: 0))
    bench.receive(.version(nodeVersion()))
    bench.wait(.seconds(20))
    #expect(bench.fault == .deadline(.handshake, after: .seconds(20)))

    for i in 0..<12 {
        bench.waitForConnect()
        bench.tell(.disconnected)
        let delay = bench.lastDown?.delay ?? .zero
        let longest = min(Duration.seconds(4) * (1 << i), .seconds(300))
        #expect(delay >= longest / 2 && delay <= longest, "failure \(i + 3)")
    }
    // A connection that lasts makes it forget; one that the peer spoilt makes it wait long.
    bench.waitForConnect()
    bench.greet()
    bench.now = bench.now + .seconds(61)
    bench.tell(.disconnected)
    #expect(bench.fault == .disconnected)
    #expect((bench.lastDown?.delay ?? .zero) <= .seconds(1))
    bench.waitForConnect()
    bench.greet()
    bench.receive(.verack)
    #expect(bench.fault == .outOfTurn(command: "verack"))
    #expect((bench.lastDown?.delay ?? .zero) >= .seconds(150))
}

@Test func `after stop nothing happens any more`() {
    var bench = Bench()
    bench.becomeReady()
    bench.tell(.stop)
    #expect(bench.disconnects == 1)
    bench.tell(.announce(ours))
    bench.receive(.ping(1))
    bench.wait(.seconds(1_000))
    #expect(bench.session.phase == .stopped)
    #expect(bench.take().isEmpty)
    #expect(bench.connects == 1)
}
