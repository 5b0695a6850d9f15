import BitcoinPrimitives
import TestSupport
import Testing

@testable import BlockRelay

/// Messages of the main network. Source: Bitcoin's protocol documentation (bitcoin.it, "Protocol
/// documentation").
private let recordedVerack = hex("f9beb4d9 76657261636b000000000000 00000000 5df6e0e2")
private let recordedVersion = hex(
    """
    f9beb4d976657273696f6e0000000000640000003b648d5a62ea0000010000000000000011b2d05000000000010000000000
    000000000000000000000000ffff000000000000010000000000000000000000000000000000ffff0000000000003b2eb35d
    8ce617650f2f5361746f7368693a302e372e322fc03e0300
    """)

private func frames(_ bytes: [UInt8], on network: PeerNetwork = .main, chunk: Int) throws(FrameFault)
    -> [Frame]
{
    var reader = FrameReader(network: network)
    var frames = [Frame]()
    for start in stride(from: 0, to: bytes.count, by: chunk) {
        reader.receive(Array(bytes[start..<min(start + chunk, bytes.count)]))
        while let frame = try reader.next() { frames.append(frame) }
    }
    return frames
}

@Test(arguments: [1, 7, 24, 25, 1_000])
func `messages are found whatever pieces they come in`(chunk: Int) throws {
    let found = try frames(recordedVersion + recordedVerack + recordedVerack, chunk: chunk)
    #expect(found.map(\.command) == ["version", "verack", "verack"])
    #expect(found.flatMap { $0.wireBytes(on: .main) } == recordedVersion + recordedVerack + recordedVerack)
}

@Test func `a recorded introduction is read, and written byte for byte`() throws {
    let frame = try #require(try frames(recordedVersion, chunk: 1_000).first)
    guard case .version(let version) = try PeerMessage(frame) else {
        Issue.record("a version")
        return
    }
    #expect(version.protocolVersion == 60_002)
    #expect(version.services == .network)
    #expect(version.time == 0x50d0_b211)
    #expect(version.printableUserAgent == "/Satoshi:0.7.2/")
    #expect(version.startHeight == 212_672)
    #expect(version.relay == nil)
    #expect(PeerMessage.version(version).frame.wireBytes(on: .main) == recordedVersion)
}

@Test func `each network is told by its magic, as soon as four bytes are there`() {
    for network in PeerNetwork.allCases where network != .main {
        #expect(throws: FrameFault.otherNetwork(network)) { try frames(network.magic, chunk: 4) }
    }
    #expect(throws: FrameFault.foreign(Array("HTTP".utf8))) {
        try frames(Array("HTTP/1.1 400 Bad Request".utf8), chunk: 100)
    }
    #expect(FrameFault.otherNetwork(.testnet4).description == "this node is on testnet4")
}

@Test func `a wrong checksum, an endless message and an unreadable name end the stream for good`() throws {
    var wrong = recordedVersion
    wrong[60] ^= 1
    #expect(throws: FrameFault.badChecksum(command: "version")) { try frames(wrong, chunk: 50) }

    var long = recordedVerack
    long.replaceSubrange(16..<20, with: [0x01, 0x09, 0x3d, 0x00])  // 4,000,001
    #expect(throws: FrameFault.tooLong(command: "verack", 4_000_001)) { try frames(long, chunk: 24) }
    long.replaceSubrange(16..<20, with: [0x00, 0x09, 0x3d, 0x00])
    #expect(try frames(long, chunk: 24).isEmpty)  // the rest may come

    for name in [[UInt8](repeating: 0, count: 12), Array("ver\u{0}ck".utf8), [0x80, 0x20, 0x20]] {
        var nameless = recordedVerack
        nameless.replaceSubrange(4..<16, with: (name + [UInt8](repeating: 0, count: 12)).prefix(12))
        #expect(throws: FrameFault.badCommand(Array(nameless[4..<16]))) { try frames(nameless, chunk: 24) }
    }

    var reader = FrameReader(network: .main)
    reader.receive(wrong)
    #expect(throws: FrameFault.self) { try reader.next() }
    reader.receive(recordedVerack)
    #expect(throws: FrameFault.badChecksum(command: "version")) { try reader.next() }
    #expect(reader.held == 0)
}

@Test func `what is held is one message, not the stream before it`() throws {
    var reader = FrameReader(network: .main)
    let ping = PeerMessage.ping(5).frame.wireBytes(on: .main)
    for _ in 0..<1_000 {
        reader.receive(ping + ping.prefix(10))
        #expect(try reader.next()?.command == "ping")
        #expect(try reader.next() == nil)
        reader.receive(Array(ping.dropFirst(10)))
        #expect(try reader.next()?.command == "ping")
        #expect(reader.held == 0)
    }
}

private let hash = Hash256(hashing: [1])
private let block = madeBlock(transactions: 5)
private let messages: [PeerMessage] = [
    .version(nodeVersion()), .verack, .wtxidrelay, .sendaddrv2, .sendheaders,
    .sendcmpct(SendCompact(announce: true, version: 1)), .sendcmpct(SendCompact(announce: false, version: 2)),
    .ping(1 << 63), .pong(2),
    .getheaders(GetHeaders(protocolVersion: 70_016, locator: [hash, .zero], stop: hash)),
    .headers([]), .headers([block.header, block.header]),
    .inv([InventoryItem(kind: InventoryItem.block, hash: hash)]),
    .getdata([InventoryItem(kind: InventoryItem.compactBlock, hash: hash)]),
    .notfound([InventoryItem(kind: InventoryItem.witnessBlock, hash: hash)]), .block(block.wireBytes),
    .cmpctblock(CompactBlock(block, nonce: 3, prefilling: [2])),
    .getblocktxn(BlockTransactionsRequest(block: hash, indexes: [0, 5, 6, 300])),
    .blocktxn(BlockTransactions(block: hash, transactions: block.transactions)), .feefilter(1_000),
    .other(Frame(command: "alert", payload: [1, 2, 3])),
]

@Test(arguments: messages)
func `a message is read back as it was written, and refused when it ends early or goes on`(
    message: PeerMessage
) throws {
    let frame = message.frame
    #expect(try PeerMessage(frame) == message)
    switch message {
    case .block, .other: return  // not looked into
    default: break  // all others are
    }
    for count in 0..<frame.payload.count {
        let short = Frame(command: frame.command, payload: Array(frame.payload.prefix(count)))
        // Of a version message the last field may be missing.
        if case .version = message, count == frame.payload.count - 1 { continue }
        #expect(throws: MessageFault.self, "\(count)") { try PeerMessage(short) }
    }
    let long = Frame(command: frame.command, payload: frame.payload + [0])
    if case .version = message {
        #expect(try PeerMessage(long) == message)
    } else {
        #expect(throws: MessageFault.trailing(count: 1)) { try PeerMessage(long) }
    }
}

@Test func `lists are refused by their count, before anything is kept`() {
    func refuses(_ command: String, _ start: [UInt8], count: [UInt8], _ fault: MessageFault) {
        let frame = Frame(command: command, payload: start + count + [UInt8](repeating: 0, count: 200))
        #expect(throws: fault, "\(command)") { try PeerMessage(frame) }
    }
    let version: [UInt8] = [0, 0, 0, 0]
    refuses("getheaders", version, count: [102], .tooMany(102, limit: 101))
    refuses("headers", [], count: [0xfd, 0xd1, 0x07], .tooMany(2_001, limit: 2_000))
    refuses("headers", [], count: [3], .badCount(offset: 0))
    refuses("inv", [], count: [0xfd, 0x51, 0xc3], .tooMany(50_001, limit: 50_000))
    refuses("getdata", [], count: [0xff] + [UInt8](repeating: 0xff, count: 8), .tooMany(.max, limit: 50_000))
    refuses("getdata", [], count: [0xfd, 1, 0], .badCount(offset: 0))
    refuses("sendcmpct", [2], count: [], .badFlag(2))
}

@Test(arguments: [
    ("node.example", "node.example:8333"), ("node.example:1", "node.example:1"),
    ("192.0.2.7", "192.0.2.7:8333"),
    ("2001:db8::7", "[2001:db8::7]:8333"), ("[2001:db8::7]", "[2001:db8::7]:8333"),
    ("[fe80::1%eth0]:18444", "[fe80::1%eth0]:18444"),
])
func `addresses of nodes are read with the port of their network`(text: String, meant: String) throws {
    #expect(try PeerAddress(text, on: .main).description == meant)
    #expect(try PeerAddress("n", on: .testnet4).port == 48_333)
}

@Test(arguments: [
    ("", PeerAddress.Fault.noHost), (":8333", .noHost), ("a b", .badHost("a b")), ("a/b:1", .badHost("a/b")),
    ("[::1", .badHost("[::1")), ("[node]:1", .badHost("[node]:1")), ("::-", .badHost("::-")),
    ("a:0", .badPort("0")), ("a:65536", .badPort("65536")), ("a:+1", .badPort("+1")), ("a:", .badPort("")),
])
func `what is no address is refused with the reason`(text: String, fault: PeerAddress.Fault) {
    #expect(throws: fault) { try PeerAddress(text, on: .main) }
}
