import BitcoinPrimitives
import NIOCore
import NIOSupport
import SV2Codec
import SV2Connections
import SV2Messages
import SV2Noise
import SV2Roles
import Synchronization
import Testing

@testable import PoolServer

/// Over TCP: what one client waits for, the others do not.
@Suite struct PoolIsolationTests {
    private static let payout = [0x00, 0x14] + [UInt8](repeating: 7, count: 20)
    private static let next = NextBlock(
        previousBlock: Hash256(hashing: [1]), height: 300, version: 0x2000_0000,
        bits: CompactTarget(bits: 0x207f_ffff), blockTarget: Target(leadingZeroBits: 64),
        minimumTime: 1_700_000_000, currentTime: 1_700_000_100, subsidy: Satoshis(rawValue: 1_250_000_000))

    /// Answers the first question when it is told to, and all others at once.
    private final class SlowNode: Sendable {
        private let first = Mutex<(@Sendable (PoolVerdict) -> Void)?>(nil)
        private let asked = Mutex(0)

        var node: PoolNode {
            PoolNode(
                judge: { _, done in
                    let number = self.asked.withLock { count in
                        count += 1
                        return count
                    }
                    if number == 1 { self.first.withLock { $0 = done } } else { done(.acceptable) }
                }, publish: { _, _ in })
        }

        var isAsked: Bool { first.withLock { $0 != nil } }
        func answer() { first.withLock { $0 }?(.acceptable) }
    }

    private struct Declarator {
        let peer: Peer<JobDeclarationMessage>

        init(_ service: PoolService, on loop: any EventLoop) async throws {
            peer = try await Peer(
                port: service.declarationPort, key: service.authority, .declarationClient, on: loop)
            try await peer.send(.common(.setupConnection(setup(protocol: 1, flags: 1))))
            try await peer.send(
                .allocateMiningJobToken(AllocateMiningJobToken(userIdentifier: "x", requestId: 1)))
        }

        func declare(_ wtxids: [U256] = []) async throws {
            let token = try await peer.first {
                if case .allocateMiningJobTokenSuccess(let success) = $0 {
                    success.miningJobToken
                } else {
                    nil
                }
            }
            let coinbase = CoinbaseParts(
                version: 2, scriptPrefix: Script.heightPush(300), extranonceSize: 12, sequence: .max,
                outputs: [
                    TransactionOutput(
                        value: PoolIsolationTests.next.subsidy, script: PoolIsolationTests.payout),
                    TransactionOutput(value: .zero, script: WitnessCommitment.script(wtxids: [])),
                ], lockTime: 0)
            try await peer.send(
                .declareMiningJob(
                    DeclareMiningJob(
                        requestId: 1, miningJobToken: token, version: 0x2000_0000,
                        coinbaseTxPrefix: coinbase.fullPrefix, coinbaseTxSuffix: coinbase.fullSuffix,
                        wtxidList: wtxids, excessData: [])))
        }

        var isDeclared: Bool {
            peer.messages.all.contains { if case .declareMiningJobSuccess = $0 { true } else { false } }
        }
        var isAsked: Bool {
            peer.messages.all.contains { if case .provideMissingTransactions = $0 { true } else { false } }
        }
    }

    private func withPool(_ node: PoolNode, _ body: (PoolService, any EventLoop) async throws -> Void)
        async throws
    {
        var configuration = PoolConfiguration(payoutScript: Self.payout, sharesPerMinute: 6, tokenSeed: 1)
        configuration.ownJobs = OwnJobs(tag: [])
        // Nothing in here is to run out while the machine is busy.
        configuration.checkDeadline = .seconds(300)
        configuration.missingTransactionsDeadline = .seconds(300)
        let (authority, configured) = (Self.authority, configuration)
        try await withLoop { poolLoop in
            let service = try await PoolService.start(
                configured, authority: authority, node: node, host: "127.0.0.1", miningPort: 0, on: poolLoop,
                observe: { _ in }
            ).get()
            service.tip(Self.next, transactions: [])
            try await withLoop { loop in try await body(service, loop) }
            try await service.stop().get()
        }
    }

    private static let authority: AuthorityKeyPair = {
        var generator = SystemRandomNumberGenerator()
        return .generate(using: &generator)
    }()

    @Test func `a node that takes its time with one declaration holds up no share and no other declaration`()
        async throws
    {
        let slow = SlowNode()
        try await withPool(slow.node) { service, loop in
            let first = try await Declarator(service, on: loop)
            try await first.declare()
            try await eventually { slow.isAsked }
            try await expectOthersServed(service, on: loop)
            #expect(!first.isDeclared)
            slow.answer()
            try await eventually { first.isDeclared }
        }
    }

    @Test func `a client that does not bring its transactions holds up no share and no other declaration`()
        async throws
    {
        let node = PoolNode(judge: { _, done in done(.acceptable) }, publish: { _, _ in })
        try await withPool(node) { service, loop in
            let first = try await Declarator(service, on: loop)
            try await first.declare([.max])
            try await eventually { first.isAsked }
            try await expectOthersServed(service, on: loop)
            #expect(!first.isDeclared)
        }
    }

    private func expectOthersServed(_ service: PoolService, on loop: any EventLoop) async throws {
        let miner = try await OwnJobMiner(port: service.miningPort, key: service.authority, on: loop)
        let (job, tip) = try await miner.job()
        for share in miner.shares(3, of: job, at: tip, blockTarget: Self.next.blockTarget) {
            try await miner.peer.send(.submitSharesExtended(share))
        }
        let second = try await Declarator(service, on: loop)
        try await second.declare()
        try await eventually { second.isDeclared }
        try await eventually { miner.acknowledged == 3 }
    }
}
