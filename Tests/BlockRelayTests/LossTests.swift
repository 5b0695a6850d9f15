import BitcoinPrimitives
import Testing
import Units

@testable import BlockRelay

/// A node as BIP 152 describes it, with part of the block in its mempool. What it has adopted, outlasts a
/// connection.
private struct Node {
    enum Manner: CaseIterable { case highBandwidth, lowBandwidth, slowLink, withoutCompact }

    let manner: Manner
    let tip: Hash256
    let mempool: [Transaction]
    var adopted: [Block] = []
    private var partial: PartialBlock?
    private var asked: Hash256?
    private var reader = FrameReader(network: .regtest)

    init(_ manner: Manner, tip: Hash256, mempool: [Transaction]) {
        self.manner = manner
        self.tip = tip
        self.mempool = mempool
    }

    mutating func hangUp() {
        partial = nil
        asked = nil
        reader = FrameReader(network: .regtest)
    }

    mutating func receive(_ bytes: [UInt8]) throws -> [PeerMessage] {
        reader.receive(bytes)
        var answers = [PeerMessage]()
        while let frame = try reader.next() { answers += try answer(PeerMessage(frame)) }
        return answers
    }

    private mutating func answer(_ message: PeerMessage) throws -> [PeerMessage] {
        switch message {
        case .version: return [.version(nodeVersion()), .wtxidrelay, .sendaddrv2, .verack]
        case .verack:
            if manner == .withoutCompact { return [.ping(1)] }
            let low = PeerMessage.sendcmpct(SendCompact(announce: false, version: 2))
            let high = PeerMessage.sendcmpct(SendCompact(announce: true, version: 2))
            return manner == .highBandwidth ? [low, high, .ping(1)] : [low, .ping(1)]
        case .headers(let headers):
            guard let header = headers.last, adopted.isEmpty, header.previousBlock == tip else { return [] }
            asked = header.hash
            return [.getdata([InventoryItem(kind: InventoryItem.compactBlock, hash: header.hash)])]
        case .cmpctblock(let compact):
            guard adopted.isEmpty, manner == .highBandwidth || asked == compact.header.hash else { return [] }
            let partial = try PartialBlock(compact, wtxids: mempool.map(\.wtxid)) { mempool[$0] }
            guard !partial.missing.isEmpty else {
                adopted.append(try partial.filled(with: []))
                return []
            }
            self.partial = partial
            return [
                .getblocktxn(
                    BlockTransactionsRequest(block: compact.header.hash, indexes: partial.missing))
            ]
        case .blocktxn(let answer):
            guard let partial else { return [] }
            adopted.append(try partial.filled(with: answer.transactions))
            self.partial = nil
            return []
        case .block(let bytes):
            if adopted.isEmpty { adopted.append(try Block(wireBytes: bytes)) }
            return []
        case .getheaders(let question):
            return [.headers(question.locator == [tip] ? adopted.map(\.header) : [])]
        case .ping(let nonce): return [.pong(nonce)]
        case .wtxidrelay, .sendaddrv2, .sendheaders, .sendcmpct, .pong, .inv, .getdata, .notfound,
            .getblocktxn, .feefilter, .other:
            return []
        }
    }
}

/// A session and a node with a line between them that cuts every message into pieces, and breaks once.
private struct Line {
    var session: PeerSession
    var node: Node
    var now = Instant(nanoseconds: 0)
    var chance: SplitMix64
    /// Pieces that are carried before the line breaks; with `nil` it holds.
    var breaksAfter: Int?
    var carried = 0
    private var isUp = false
    private var toNode: [[UInt8]] = []
    private var toSession: [[UInt8]] = []
    private var wake: Instant?

    init(session: PeerSession, node: Node, chance: SplitMix64, breaksAfter: Int?) {
        self.session = session
        self.node = node
        self.chance = chance
        self.breaksAfter = breaksAfter
    }

    mutating func tell(_ event: PeerSession.Event) {
        var isConnecting = false
        for action in session.handle(event, at: now) {
            switch action {
            case .connect: isConnecting = true
            case .send(let bytes): toNode += pieces(bytes)
            case .disconnect: hangUp()
            case .wake(let time): wake = time
            case .notice: continue
            }
        }
        if isConnecting {
            hangUp()
            isUp = true
            tell(.connected(unixTime: 0))
        }
    }

    private mutating func hangUp() {
        isUp = false
        toNode = []
        toSession = []
        node.hangUp()
    }

    private mutating func pieces(_ bytes: [UInt8]) -> [[UInt8]] {
        let cut = Int(chance.next() % UInt64(bytes.count + 1))
        return [Array(bytes[..<cut]), Array(bytes[cut...])].filter { !$0.isEmpty }
    }

    /// One piece, or, when nothing is on the way, the time until the session wants to be woken.
    mutating func step() throws {
        if isUp, carried == breaksAfter {
            carried += 1
            hangUp()
            return tell(.disconnected)
        }
        if isUp, !toNode.isEmpty {
            carried += 1
            for message in try node.receive(toNode.removeFirst()) {
                toSession += pieces(message.frame.wireBytes(on: .regtest))
            }
        } else if isUp, !toSession.isEmpty {
            carried += 1
            tell(.received(toSession.removeFirst()))
        } else if let time = wake {
            now = max(now, time)
            wake = nil
            tell(.woke)
        }
    }
}

@Test(arguments: Node.Manner.allCases)
private func `a block arrives whole, wherever the line breaks`(manner: Node.Manner) throws {
    let block = madeBlock(transactions: 12, seed: 9)
    let ours = found(block)
    var longest = 0
    for breaksAfter in [nil] + (0..<60).map(Optional.some) {
        var configuration = PeerSession.Configuration(network: .regtest, userAgent: "/adit:test/")
        configuration.link = manner == .slowLink ? .slow : .fast
        let node = Node(
            manner, tip: block.header.previousBlock, mempool: Array(block.transactions.dropFirst(4)))
        var line = Line(
            session: PeerSession(configuration: configuration, seed: 4), node: node,
            chance: SplitMix64(seed: UInt64(breaksAfter ?? 100)), breaksAfter: breaksAfter)
        line.tell(.start)
        for _ in 0..<20 { try line.step() }
        line.tell(.announce(ours))
        for _ in 0..<400 where line.session.blocks.first?.progress != .adopted { try line.step() }
        #expect(line.session.blocks.map(\.progress) == [.adopted], "broken after \(breaksAfter ?? -1)")
        #expect(line.node.adopted == [block], "broken after \(breaksAfter ?? -1)")
        #expect(line.now < Instant(nanoseconds: 0) + .seconds(60))
        if breaksAfter == nil { longest = line.carried }
    }
    #expect((20..<60).contains(longest))  // so that every step was cut once
}
