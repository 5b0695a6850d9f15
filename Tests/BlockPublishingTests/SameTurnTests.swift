import BitcoinPrimitives
import BlockPublishing
import BlockRelay
import BlockRoutes
import Glibc
import LiveSources
import NIOCore
import NIOPosix
import NIOSupport
import NodeSupport
import PeerConnections
import ProviderTemplates
import SV2Codec
import SV2Messages
import SV2Noise
import SV2Roles
import StateFiles
import TemplateBuilding
import TemplateProviders
import Testing
import Units

private let payout = TransactionOutput(value: .zero, script: [0x00, 0x14] + [UInt8](repeating: 7, count: 20))

private func provided() throws -> ProvidedTemplate {
    let next = NextBlock(
        previousBlock: root, height: 200, version: 0x2000_0000, bits: CompactTarget(bits: 0x207f_ffff),
        blockTarget: .max, minimumTime: 1_700_000_000, currentTime: 1_700_000_600,
        subsidy: SubsidySchedule.regtest.subsidy(at: 200))
    return try #require(ProvidedTemplate(next: next, transactions: []))
}

private func solve(_ template: FinishedTemplate) throws -> MinedBlock {
    let plan = CoinbasePlan(payouts: [payout], tag: [], extranonceSize: 4)
    let proposal = try template.proposal(id: 1, plan: plan)
    let coinbase = proposal.coinbase.transaction(extranonce: [1, 2, 3, 4])
    var header = Header(
        version: proposal.next.version, previousBlock: proposal.next.previousBlock,
        merkleRoot: MerkleTree.root(leaf: coinbase.txid.hash, path: proposal.merklePath),
        time: proposal.next.currentTime, bits: proposal.next.bits, nonce: 0)
    while proposal.next.bits.target?.isMet(by: header.hash) != true { header.nonce += 1 }
    let bytes = Block(header: header, transactions: [coinbase]).wireBytes
    return try #require(
        MinedBlock(wireBytes: bytes, height: 200, upstreamRoutes: [.templateProvider(0), .pool(0)]))
}

/// Waits on this very thread, which does nothing else meanwhile.
private func standStill(until condition: () -> Bool) -> Bool {
    for _ in 0..<20_000 {
        if condition() { return true }
        usleep(1_000)
    }
    return false
}

@Suite(.serialized, .timeLimit(.minutes(3))) struct SameTurnTests {
    /// The loop that found the block is held at its very call: what the others get, left in that step.
    @Test func `a block has left on every route before the loop does anything else`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
        let (here, there, servers) = (group.next(), group.next(), group.next())
        let folder = try Folder()
        let provider = try await SolutionServer.open(provided(), on: servers)
        let node = TakingNode(tip: root, height: 199, on: servers)
        let server = try await node.serve()

        // Nodes and peers on another loop than the miner's; the provider on the miner's own.
        let announcer = BlockAnnouncer(
            .init(
                peers: [.init(address: PeerAddress(host: "127.0.0.1", port: 1))],
                session: .init(network: .regtest, userAgent: "/adit:test/")), on: there
        ) { _ in }
        announcer.start()
        let identity = ClientIdentity(
            endpointHost: "127.0.0.1", endpointPort: 0, vendor: "Adit", hardwareVersion: "", firmware: "")
        var configuration = ProviderFollower.Configuration(
            identity: identity, constraints: CoinbaseOutputConstraints(for: [payout]), seed: 1)
        configuration.schedule = .regtest
        let service = TemplateProviderService(
            TemplateProviderEndpoint(
                host: "127.0.0.1", port: provider.port, authority: SolutionServer.authority.publicKey),
            configuration: configuration, on: here)
        let templates = Recorder<FinishedTemplate>()
        try await here.submit { () -> Void in
            service.start(
                onChange: { if case .template(let template) = $0 { templates.append(template) } },
                onHealth: { _ in })
        }.get()
        let nodes = LiveNodes([endpoint(server.port)], seed: 1, on: there)
        let publisher = BlockPublisher(
            store: BlockStore(folder: folder.path),
            ways: .init(nodes: nodes, announcer: announcer, network: .regtest, providers: [service]), on: here
        )
        let answers = Recorder<(BlockRoute, BlockAnswer)>()
        try publisher.start { news in
            if case .notice(.answered(_, let route, let answer)) = news { answers.append((route, answer)) }
        }
        try await there.submit { nodes.start { _ in } }.get()
        try await eventually { !templates.all.isEmpty }
        try await eventually { try await there.submit { nodes.current == 0 }.get() }
        let template = templates.all[0]
        let block = try solve(template)

        let left: [Bool] = try await here.submit {
            publisher.found(block, template: template.id)
            return [
                folder.blocks.count == 1,
                standStill { provider.published.all == [block.hash] },
                standStill { node.taken == [block.hash] },
                standStill { announcer.status[0].blocks.map(\.hash) == [block.hash] },
            ]
        }.get()
        #expect(left == [true, true, true, true], "file, provider, node, peers")
        try await eventually { answers.all.count == 3 }
        #expect(answers.all.contains { $0 == (.templateProvider(0), .sent) })
        #expect(answers.all.contains { $0 == (.node(0), .accepted) })
        #expect(answers.all.contains { $0 == (.peers, .sent) })

        // A solution for a connection that is gone is of no use, and said so once.
        let late = mined(7, upstream: [.templateProvider(0)])
        try await here.submit { () -> Void in
            publisher.found(late, template: ProviderTemplateID(connection: 77, templateId: 1))
        }.get()
        try await eventually {
            answers.all.contains { route, answer in
                if case (.templateProvider(0), .refused) = (route, answer) { true } else { false }
            }
        }
        try await here.flatSubmit { publisher.stop() }.get()
        try await here.submit { service.stop() }.get()
        try await there.submit { nodes.stop() }.get()
        try await announcer.close().get()
        try await provider.close()
        try await server.stop()
        try await group.shutdownGracefully()
    }

    @Test func `a large block does not hold up the loop that found it`() async throws {
        try await withLoop { loop in
            let folder = try Folder()
            let desk = Desk(BlockStore(folder: folder.path), on: loop)
            try await desk.start()
            let block = mined(1, transactions: 4_000, size: 2_000_000)
            #expect(block.wireBytes.count > 2_000_000)
            let time = try await loop.submit {
                let start = ContinuousClock.now
                desk.publisher.found(block)
                return ContinuousClock.now - start
            }.get()
            // A figure to read, not to hold anybody to: the machine may be busy.
            print("a block of \(block.wireBytes.count) bytes was handed over in \(time)")
            #expect(folder.blocks.count == 1)
            try await desk.stop()
        }
    }
}
