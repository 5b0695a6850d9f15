import BitcoinPrimitives
import BlockRelay
import NIOCore
import NIOSupport
import PeerConnections
import Testing

/// Runs `body` with an announcer for these ports of this machine, and closes it whatever happens.
func withAnnouncer(
    ports: [Int], host: String = "127.0.0.1", link: PeerSession.Link = .fast,
    _ change: (inout BlockAnnouncer.Configuration) -> Void = { _ in },
    _ body: (Announcing) async throws -> Void
) async throws {
    var configuration = BlockAnnouncer.Configuration(
        peers: ports.map { .init(address: PeerAddress(host: host, port: $0), link: link) },
        session: PeerSession.Configuration(network: .regtest, userAgent: "/adit:test/"))
    change(&configuration)
    try await withLoop { loop in
        let reports = Recorder<PeerReport>()
        let announcer = BlockAnnouncer(configuration, on: loop) { reports.append($0) }
        announcer.start()
        do {
            try await body(Announcing(announcer, reports))
        } catch {
            try await announcer.close().get()
            throw error
        }
        try await announcer.close().get()
    }
}

private let block = madeBlock(transactions: 60, seed: 3)
private let ours = found(block)
private let tip = block.header.previousBlock

@Suite(.timeLimit(.minutes(2))) struct AnnouncerTests {
    @Test(arguments: [0, 20, 59])
    func `a node that asked for high bandwidth puts the block together from the compact form`(lacking: Int)
        async throws
    {
        let peer = try PythonPeer(
            tip: tip, mempool: Array(block.transactions.dropFirst(1 + lacking)), "--bandwidth", "high")
        defer { peer.end() }
        try await withAnnouncer(ports: [try await peer.port()]) { line in
            try await eventually { line.status.isHighBandwidth }
            line.announcer.announce(ours)
            try await check(peer, route: lacking == 0 ? "cmpctblock" : "blocktxn")
            try await line.adopted()
            #expect(line.forms == [.compact])
            #expect(line.served == (lacking == 0 ? [] : [.transactions(lacking)]))
            #expect(try await peer.first("compact").missing == lacking)
            let version = try await peer.first("version")
            #expect(version.services == 8)
            #expect(version.relay == 0)
            let wish = try await peer.first("sendcmpct")
            #expect(wish.version == 2 && wish.high == 0)
            #expect(try await peer.first("pong").right == true)
        }
    }

    @Test func `a node that did not ask gets the whole block`() async throws {
        let peer = try PythonPeer(tip: tip)
        defer { peer.end() }
        try await withAnnouncer(ports: [try await peer.port()]) { line in
            try await line.ready()
            line.announcer.announce(ours)
            try await check(peer, route: "block")
            try await line.adopted()
            #expect(line.forms == [.full])
            #expect(line.served.isEmpty)
        }
    }

    @Test func `a node behind a slow line is offered the header and fetches the compact form`() async throws {
        let peer = try PythonPeer(tip: tip, mempool: Array(block.transactions.dropFirst(5)))
        defer { peer.end() }
        try await withAnnouncer(ports: [try await peer.port()], link: .slow) { line in
            try await line.ready()
            line.announcer.announce(ours)
            try await check(peer, route: "blocktxn")
            try await line.adopted()
            #expect(line.forms == [.headers])
            #expect(line.served.contains(.compact))
            #expect(line.served.contains(.transactions(4)))
        }
    }

    @Test func `a node without compact blocks fetches the whole block by its header`() async throws {
        let peer = try PythonPeer(tip: tip, "--no-compact")
        defer { peer.end() }
        try await withAnnouncer(ports: [try await peer.port()], link: .slow) { line in
            try await line.ready()
            line.announcer.announce(ours)
            try await check(peer, route: "block")
            try await line.adopted()
            #expect(line.served.contains(.full))
        }
    }

    @Test func `who brought a block is asked for the next in compact form, and brings it so`() async throws {
        let next = madeBlock(transactions: 10, on: ours.hash, seed: 8)
        let peer = try PythonPeer(tip: tip, mempool: Array(next.transactions.dropFirst()), "--choose")
        defer { peer.end() }
        try await withAnnouncer(ports: [try await peer.port()]) { line in
            try await line.ready()
            line.announcer.announce(ours)
            try await eventually { line.status.isHighBandwidth }
            line.announcer.announce(found(next))
            try await eventually { peer.events.all.count { $0.event == "block" } == 2 }
            #expect(peer.events.all.filter { $0.event == "block" }.map(\.route) == ["block", "cmpctblock"])
            try await eventually { line.status.blocks.allSatisfy { $0.progress == .adopted } }
            #expect(line.forms == [.full, .compact])
        }
    }

    @Test(arguments: ["version", "verack", "block", "headers", "cmpctblock", "getblocktxn", "blocktxn"])
    func `a node that hangs up half-way gets the block on the next connection`(stage: String) async throws {
        let isShort = ["headers", "cmpctblock", "getblocktxn", "blocktxn"].contains(stage)
        let peer = try PythonPeer(
            tip: tip, mempool: Array(block.transactions.dropFirst(9)), "--hang-up", stage)
        defer { peer.end() }
        try await withAnnouncer(ports: [try await peer.port()], link: isShort ? .slow : .fast) { line in
            line.announcer.announce(ours)
            try await check(peer, route: isShort ? "blocktxn" : "block")
            try await line.adopted()
            #expect(try await peer.first("hung-up").stage == stage)
        }
    }

    @Test func `several nodes get it at once, and one that is missing keeps nobody waiting`() async throws {
        let peers = [
            try PythonPeer(tip: tip), try PythonPeer(tip: tip, "--bandwidth", "high"),
            try PythonPeer(tip: tip),
        ]
        defer { for peer in peers { peer.end() } }
        var ports = [try await unusedPort()]
        for peer in peers { ports.append(try await peer.port()) }
        try await withAnnouncer(ports: ports) { line in
            try await eventually { line.announcer.status.dropFirst().allSatisfy { $0.phase == .ready } }
            try await eventually { line.announcer.status[2].isHighBandwidth }
            line.announcer.announce(ours)
            for peer in peers { try await check(peer) }
            try await eventually {
                line.announcer.status.dropFirst().allSatisfy { $0.blocks.last?.progress == .adopted }
            }
            #expect(line.announcer.status[0].blocks.map(\.progress) == [.waiting])
            #expect(line.announcer.status[0].lastProblem == .refused)
        }
    }

    @Test func `a node of another network is called by it`() async throws {
        let peer = try PythonPeer(tip: tip, "--network", "testnet3", "--speak-first")
        defer { peer.end() }
        try await withAnnouncer(ports: [try await peer.port()]) { line in
            try await line.expect(.peer(.frame(.otherNetwork(.testnet3))))
            #expect(line.status.lastProblem.map(String.init(describing:)) == "this node is on testnet3")
        }
        let silent = try PythonPeer(tip: tip, "--network", "main")
        defer { silent.end() }
        try await withAnnouncer(ports: [try await silent.port()]) { line in
            try await line.expect(.peer(.closedWithoutAWord))
        }
    }

    @Test func `a block that is closed upon is not cut off`() async throws {
        let large = madeBlock(transactions: 3, seed: 5, padding: 3_900_000)
        let peer = try PythonPeer(tip: large.header.previousBlock)
        defer { peer.end() }
        try await withAnnouncer(ports: [try await peer.port()]) { line in
            try await line.ready()
            line.announcer.announce(found(large))
        }
        try await check(peer, large, route: "block")
    }

    /// What the peer took, byte for byte, and by which way; the peer has checked it by itself.
    private func check(_ peer: PythonPeer, _ expected: Block = block, route: String? = nil) async throws {
        let taken = try await peer.first("block")
        #expect(taken.hash == expected.header.hash.displayHex)
        #expect(taken.sha256 == sha256(expected.wireBytes).hex)
        #expect(taken.transactions == expected.transactions.count)
        if let route { #expect(taken.route == route) }
        #expect(peer.complaints == "")
    }
}
