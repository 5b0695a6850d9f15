import BitcoinPrimitives
import NIOCore
import NIOSupport
import NodeConnections
import NodeRPC
import NodeSupport
import Testing
import Units

@testable import LiveSources

/// Two nodes with servers of their own, and everything that is said of them.
private final class Pair: Sendable {
    enum Said: Equatable, Sendable {
        case using(Int?)
        case tip(UInt32, node: Int)
        case identified(node: Int)
        case own(node: Int)
    }

    let nodes: LiveNodes
    let models: [Guarded<CannedNode>]
    let said = Recorder<Said>()
    let sentences = Recorder<String>()

    init(_ nodes: LiveNodes, _ models: [Guarded<CannedNode>]) {
        self.nodes = nodes
        self.models = models
    }

    func start() async throws {
        try await nodes.loop.submit {
            self.nodes.start { news in
                switch news {
                case .using(let node): self.said.append(.using(node))
                case .change(.tip(let next), let node): self.said.append(.tip(next.height, node: node))
                case .change(.identified, let node): self.said.append(.identified(node: node))
                case .change(.ownTemplate, let node): self.said.append(.own(node: node))
                case .change(.mempool, _), .change(.sigopCosts, _): break
                case .health(_, let node, let sentence): self.sentences.append("\(node): \(sentence)")
                }
            }
        }.get()
    }

    var heights: [UInt32] { tips.map { if case .tip(let height, _) = $0 { height } else { 0 } } }
    var tips: [Said] { said.all.filter { if case .tip = $0 { true } else { false } } }
    var uses: [Said] { said.all.filter { if case .using = $0 { true } else { false } } }
}

private func withPair(
    proof: Duration = .milliseconds(200), _ body: (Pair, [NodeServer], any EventLoop) async throws -> Void
) async throws {
    try await withLoop { loop in
        let models = [Guarded(CannedNode()), Guarded(CannedNode())]
        var servers = [NodeServer]()
        for model in models {
            servers.append(
                try await NodeServer.start(on: loop) { _, body in model.with { $0.reply(to: body) } })
        }
        let endpoints = servers.map {
            NodeEndpoint(host: "127.0.0.1", port: $0.port, credentials: .password(user: "u", password: "p"))
        }
        let pair = Pair(LiveNodes(endpoints, seed: 1, proof: proof, on: loop), models)
        try await pair.start()
        try await eventually {
            Set(pair.said.all.compactMap(\.owner)) == [0, 1] && pair.uses.last == .using(0)
        }
        try await body(pair, servers, loop)
        try await loop.submit { pair.nodes.stop() }.get()
        for server in servers { try? await server.stop() }
    }
}

extension Pair.Said {
    /// Whose template it is.
    fileprivate var owner: Int? { if case .own(let node) = self { node } else { nil } }
}

@Suite(.serialized) struct LiveNodesTests {
    @Test
    func `when the node in use dies the next one is used, and the better one taken back after its proof`()
        async throws
    {
        try await withPair { pair, servers, loop in
            let port = servers[0].port
            let death = ContinuousClock.now
            try await servers[0].stop()
            try await eventually { pair.uses.last == .using(1) }
            #expect(ContinuousClock.now - death < .seconds(5), "three, and two for a busy machine")
            #expect(pair.sentences.all.contains { $0.hasPrefix("0: The node at 127.0.0.1:\(port) ") })
            #expect(pair.tips.count == 1, "the same tip is no news")
            let model = pair.models[0]
            let back = try await NodeServer.start(on: loop, port: port) { _, body in
                model.with { $0.reply(to: body) }
            }
            try await eventually { pair.uses.last == .using(0) }
            #expect(pair.uses.suffix(2) == [.using(1), .using(0)])
            try await back.stop()
        }
    }

    @Test func `a tip is passed on once, from whoever tells it first; a node that lags moves nobody back`()
        async throws
    {
        try await withPair { pair, _, _ in
            #expect(pair.tips.count == 1)
            pair.models[1].with { $0.block = 2 }
            try await eventually { pair.tips.count == 2 }
            #expect(pair.tips[1] == .tip(3, node: 1), "the node that is not in use was first")
            // The other one hears of a block in between first, then of the same.
            pair.models[0].with { $0.block = 3 }
            try await eventually { pair.tips.count == 3 }
            pair.models[1].with { $0.block = 3 }
            let before = pair.said.all.filter { $0.owner == 1 }.count
            try await eventually { pair.said.all.filter { $0.owner == 1 }.count > before }
            #expect(pair.heights == [2, 3, 4])
            // It takes its blocks back; the one in use does not.
            pair.models[1].with { $0.block = 1 }
            try await eventually {
                try await pair.nodes.loop.submit { pair.nodes.services[1].nextBlock?.height == 2 }.get()
            }
            #expect(pair.heights == [2, 3, 4])
        }
    }

    @Test func `a block goes to every node at once, and every verdict is told`() async throws {
        try await withPair { pair, servers, loop in
            pair.models[0].with { $0.verdict = "\"high-hash\"" }
            pair.models[1].with { $0.verdict = "null" }
            let submission = try await loop.submit { pair.nodes.submit(block: [1]) }.get()
            let first = try #require(try await submission.first.get())
            #expect(first.node == 1 && first.verdict == .accepted)
            let all = try await submission.all.get()
            #expect(all == [.success(.refused("high-hash")), .success(.accepted)])
            // A node that is gone does not keep the others' verdicts back.
            try await servers[1].stop()
            let last = try await loop.submit { pair.nodes.submit(block: [1]) }.get()
            #expect(try await last.first.get() == nil, "nobody has it")
            guard case .failure(.call) = try await last.all.get()[1] else {
                Issue.record("no verdict from a node that is gone")
                return
            }
        }
    }

    @Test func `a second observer sees each node's own tip, also where it is no news`() async throws {
        try await withPair { pair, _, loop in
            let seen = Recorder<[Int]>()
            try await loop.submit {
                pair.nodes.watch { sight in
                    if case .tip(let next, let node) = sight { seen.append([node, Int(next.height)]) }
                }
            }.get()
            pair.models[1].with { $0.block = 2 }
            try await eventually { seen.all == [[1, 3]] }
            pair.models[0].with { $0.block = 2 }
            try await eventually { seen.all == [[1, 3], [0, 3]] }
            #expect(pair.heights == [2, 3], "told once")
            try await loop.submit { pair.nodes.watch(nil) }.get()
            pair.models[0].with { $0.block = 3 }
            try await eventually { pair.heights == [2, 3, 4] }
            #expect(seen.all.count == 2)
        }
    }

    @Test func `a proposal goes to the node in use alone`() async throws {
        try await withPair { pair, servers, loop in
            let answer = try await loop.flatSubmit { pair.nodes.propose(block: [1]) }.get()
            #expect(answer.node == 0 && answer.verdict == .accepted)
            for server in servers { try await server.stop() }
            try await eventually { pair.uses.last == .using(nil) }
            await #expect(throws: LiveNodes.ProposalFailure.noNodeInUse) {
                _ = try await loop.flatSubmit { pair.nodes.propose(block: [1]) }.get()
            }
        }
    }
}
