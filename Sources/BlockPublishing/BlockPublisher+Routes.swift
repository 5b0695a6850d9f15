import BitcoinPrimitives
import BlockRelay
import BlockRoutes
import Dispatch
import LiveSources
import NIOCore
import NodeConnections
import NodeRPC
import PeerConnections
import ProviderTemplates
import TemplateProviders

extension BlockPublisher {
    func send(_ block: MinedBlock, _ route: BlockRoute, _ attempt: Int) {
        switch route {
        case .node(let index): submit(block, to: index, attempt)
        case .peers: announce(block, attempt)
        case .templateProvider(let index) where ways.providers.indices.contains(index):
            solve(block, at: ways.providers[index], route, attempt)
        case .templateProvider, .jobDeclarator, .pool:
            // In the step that found the block the miner has sent it.
            if attempt > 1 { tell(.again(block, route, attempt: attempt)) }
        }
    }

    // MARK: nodes

    private func submit(_ block: MinedBlock, to index: Int, _ attempt: Int) {
        guard let nodes = ways.nodes else { preconditionFailure("there are routes to configured nodes only") }
        let hash = block.hash
        on(nodes.loop) {
            nodes.services[index].submit(block: block.wireBytes).whenComplete { result in
                let answer = BlockAnswer(result, at: nodes.services[index].endpoint)
                self.on(self.loop) { self.handle(.answered(hash, .node(index), attempt: attempt, answer)) }
            }
        }
    }

    /// Listens to the nodes, whoever else does.
    func watchNodes() {
        guard let nodes = ways.nodes else { return }
        on(nodes.loop) {
            nodes.watch { sight in
                switch sight {
                case .tip(let next, let node): self.heard(next, of: node)
                case .health(let health, let node):
                    // Not the other way round: one that is behind, or that cannot be followed, may take a block.
                    guard health.isUsable else { return }
                    self.on(self.loop) { self.handle(.up(.node(node), remembers: true)) }
                }
            }
            for (index, service) in nodes.services.enumerated() {
                if let next = service.nextBlock { self.heard(next, of: index) }
            }
        }
    }

    private func heard(_ next: NextBlock, of node: Int) {
        guard next.height > 0 else { return }
        on(loop) { self.see(next.previousBlock, next.height - 1, of: .node(node)) }
    }

    /// - Parameter hash: which may be a block of ours, so that what it stands on is known too: of two blocks that follow
    ///   each other closely a node may tell the second only.
    func see(_ hash: Hash256, _ height: UInt32, of route: BlockRoute) {
        var ancestors = [Hash256]()
        while ancestors.count < BlockDelivery.maximumAncestors,
            let block = ours.last(where: { $0.hash == ancestors.last ?? hash })
        {
            ancestors.append(block.previousBlock)
        }
        handle(.tip(route, ChainTip(hash: hash, height: height, ancestors: ancestors)))
    }

    // MARK: template providers

    private func solve(
        _ block: MinedBlock, at provider: TemplateProviderService, _ route: BlockRoute, _ attempt: Int
    ) {
        let hash = block.hash
        guard let id = ours.last(where: { $0.hash == hash })?.template, let coinbase = block.coinbaseBytes,
            let header = Header(wireBytes: Array(block.wireBytes[..<Header.size]))
        else {
            return handle(.answered(hash, route, attempt: attempt, .refused("no template is known for it")))
        }
        let solution = ProviderSolution(id: id, header: header, coinbaseTx: coinbase)
        on(provider.loop) {
            let taken = provider.submit(solution)
            self.on(self.loop) {
                self.handle(.answered(hash, route, attempt: attempt, BlockAnswer(taken)))
            }
        }
    }

    // MARK: peers

    private func announce(_ block: MinedBlock, _ attempt: Int) {
        guard let announcer = ways.announcer else { preconditionFailure("there are no peers without one") }
        let (network, loop) = (ways.network, loop)
        // Every id of the block is computed for it.
        workshop.async {
            let answer: BlockAnswer
            do throws(FoundBlockFault) {
                let made = try FoundBlock(
                    wireBytes: block.wireBytes, on: network, nonce: .random(in: .min ... .max))
                announcer.announce(made)
                answer = .sent
            } catch {
                answer = .refused(error.words)
            }
            loop.execute { self.handle(.answered(block.hash, .peers, attempt: attempt, answer)) }
        }
    }

    // MARK: loops

    /// In this step where that is possible.
    func on(_ other: any EventLoop, _ body: @escaping @Sendable () -> Void) {
        if other.inEventLoop { body() } else { other.execute(body) }
    }
}
