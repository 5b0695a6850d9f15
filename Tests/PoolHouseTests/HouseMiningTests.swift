import BitcoinPrimitives
import Foundation
import NIOCore
import NIOSupport
import PoolLedger
import SV2Codec
import SV2Connections
import SV2Messages
import SV2Roles
import Testing

@testable import PoolHouse
@testable import PoolServer

/// Whole pools on loopback, on the recording of a node.
@Suite(.serialized) struct HouseMiningTests {
    @Test func `a device mines the pool's job, is acknowledged, and is in the ledger`() async throws {
        let house = try TestHouse()
        try await house.withPool { service, _ in
            try await withLoop { loop in
                let miner = try await OwnJobMiner(
                    port: service.miningPort, key: service.authority, user: "alice.barn", on: loop)
                let (job, tip) = try await miner.job()
                for share in miner.shares(12, of: job, at: tip, blockTarget: TestHouse.rareBlocks) {
                    try await miner.peer.send(.submitSharesExtended(share))
                }
                try await eventually { miner.acknowledged == 12 }
                let report = try LedgerReport(path: "\(house.folder)/shares.db")
                #expect(report.shares == 12)
                #expect(report.users.map(\.name) == ["alice.barn"])
                try await miner.peer.close()
            }
        }
    }

    @Test func `a found block is published, told, and in the ledger with what became of it`() async throws {
        let house = try TestHouse()
        let blockTarget = Target(leadingZeroBits: 8)
        try await house.withPool("", { $0.recordedBlockTarget = blockTarget }) { service, news in
            try await withLoop { loop in
                let miner = try await OwnJobMiner(
                    port: service.miningPort, key: service.authority, on: loop)
                let (job, tip) = try await miner.job()
                let block = miner.shares(1, of: job, at: tip, blockTarget: blockTarget, blocks: true)[0]
                try await miner.peer.send(.submitSharesExtended(block))
                try await eventually { miner.acknowledged == 1 }
                func states() -> [BlockState] {
                    news.all.compactMap { if case .block(let block) = $0 { block.state } else { nil } }
                }
                try await eventually { states().contains(.inChain) }
                #expect(states() == [.found, .accepted, .inChain])
                // Miners go on, on the block.
                let next = try await miner.peer.first {
                    if case .setNewPrevHash(let next) = $0, next.prevHash != tip.prevHash {
                        next
                    } else {
                        nil
                    }
                }
                try await eventually {
                    try LedgerReport(path: "\(house.folder)/shares.db").blocks.first?.state == "in-chain"
                }
                let kept = try LedgerReport(path: "\(house.folder)/shares.db").blocks[0]
                #expect(kept.hash == Hash256(wireBytes: next.prevHash.wireBytes)?.displayHex)
                #expect((kept.user, kept.isClients) == ("alice", false))
            }
        }
    }

    @Test func `a coinbase-only miner spends its token on a custom job`() async throws {
        let house = try TestHouse()
        try await house.withPool { service, news in
            try await withLoop { loop in
                let declarator = try await Peer<JobDeclarationMessage>(
                    port: service.declarationPort, key: service.authority, .declarationClient, on: loop)
                try await declarator.send(.common(.setupConnection(setup(protocol: 1, flags: 0))))
                try await declarator.send(
                    .allocateMiningJobToken(AllocateMiningJobToken(userIdentifier: "bob", requestId: 1)))
                let token = try await declarator.first {
                    if case .allocateMiningJobTokenSuccess(let success) = $0 { success } else { nil }
                }
                // What is to be built on, from the pool's own job on another connection.
                let device = try await OwnJobMiner(port: service.miningPort, key: service.authority, on: loop)
                let (_, tip) = try await device.job()
                let miner = try await OwnJobMiner(
                    port: service.miningPort, key: service.authority, user: "bob", flags: 0b110, on: loop)
                let next = try #require(try await self.next(of: house))
                var outputs = try TransactionOutput.list(wireBytes: token.coinbaseTxOutputs)
                outputs[0].value = next.subsidy
                try await miner.peer.send(
                    .setCustomMiningJob(
                        SetCustomMiningJob(
                            channelId: miner.channel.channelId, requestId: 1,
                            miningJobToken: token.miningJobToken, version: 0x2000_0000,
                            prevHash: tip.prevHash, minNtime: tip.minNtime, nbits: tip.nbits,
                            coinbaseTxVersion: 2, coinbasePrefix: Script.heightPush(next.height),
                            coinbaseTxInputNSequence: .max,
                            coinbaseTxOutputs: TransactionOutput.wireBytes(of: outputs),
                            coinbaseTxLocktime: 0,
                            merklePath: [])))
                _ = try await miner.peer.first {
                    if case .setCustomMiningJobSuccess(let success) = $0 { success.jobId } else { nil }
                }
            }
        }
    }

    /// What the recorded node would build at its beginning.
    private func next(of house: TestHouse) async throws -> NextBlock? {
        let told = Recorder<NextBlock>()
        try await withLoop { loop in
            let feed = RecordedFeed(
                try TestHouse.node.get(), blockTarget: TestHouse.rareBlocks, on: loop)
            feed.start { if case .tip(let next) = $0 { told.append(next) } }
            try await eventually { !told.all.isEmpty }
            await feed.stop()
        }
        return told.all.first
    }

    @Test func `a declared job passes the node's judgement, and a wrong one does not`() async throws {
        let house = try TestHouse()
        try await house.withPool { service, _ in
            try await withLoop { loop in
                let next = try #require(try await self.next(of: house))
                let declarator = try await Peer<JobDeclarationMessage>(
                    port: service.declarationPort, key: service.authority, .declarationClient, on: loop)
                try await declarator.send(.common(.setupConnection(setup(protocol: 1, flags: 1))))
                for request in UInt32(1)...2 {
                    try await declarator.send(
                        .allocateMiningJobToken(
                            AllocateMiningJobToken(userIdentifier: "bob", requestId: request)))
                    let token = try await declarator.first {
                        if case .allocateMiningJobTokenSuccess(let success) = $0, success.requestId == request
                        {
                            success
                        } else {
                            nil
                        }
                    }
                    var outputs = try TransactionOutput.list(wireBytes: token.coinbaseTxOutputs)
                    outputs[0].value = next.subsidy
                    outputs.append(
                        TransactionOutput(value: .zero, script: WitnessCommitment.script(wtxids: [])))
                    let coinbase = CoinbaseParts(
                        version: 2, scriptPrefix: Script.heightPush(next.height), extranonceSize: 12,
                        sequence: .max, outputs: outputs, lockTime: 0)
                    try await declarator.send(
                        .declareMiningJob(
                            DeclareMiningJob(
                                requestId: request, miningJobToken: token.miningJobToken,
                                // Only the node knows which versions of its chain are right.
                                version: request == 1 ? next.version : 4,
                                coinbaseTxPrefix: coinbase.fullPrefix, coinbaseTxSuffix: coinbase.fullSuffix,
                                wtxidList: [], excessData: [])))
                    let isTaken = try await declarator.first {
                        switch $0 {
                        case .declareMiningJobSuccess(let success) where success.requestId == request: true
                        case .declareMiningJobError(let error) where error.requestId == request: false
                        case _: nil
                        }
                    }
                    if request == 1 { #expect(isTaken) }
                }
            }
        }
    }

    @Test func `a restart goes on with the ledger, and nobody gets another's extranonces`() async throws {
        let house = try TestHouse()
        var prefixes: Set<[UInt8]> = []
        for round in 1...2 {
            let prefix = try await house.withPool("", { $0.seed = UInt64(round) << 40 | 7 }) { service, _ in
                try await withLoop { loop in
                    let miner = try await OwnJobMiner(
                        port: service.miningPort, key: service.authority, on: loop)
                    let (job, tip) = try await miner.job()
                    for share in miner.shares(3, of: job, at: tip, blockTarget: TestHouse.rareBlocks) {
                        try await miner.peer.send(.submitSharesExtended(share))
                    }
                    try await eventually { miner.acknowledged == 3 }
                    return miner.channel.extranoncePrefix
                }
            }
            prefixes.insert(prefix)
            #expect(try LedgerReport(path: "\(house.folder)/shares.db").shares == 3 * round)
        }
        #expect(prefixes.count == 2)
    }

    @Test func `while the ledger cannot be written to, nothing is acknowledged and everybody is told`()
        async throws
    {
        let house = try TestHouse()
        try await house.withPool { service, news in
            try await withLoop { loop in
                let miner = try await OwnJobMiner(port: service.miningPort, key: service.authority, on: loop)
                let (job, tip) = try await miner.job()
                let lock = try DatabaseLock("\(house.folder)/shares.db")
                for share in miner.shares(5, of: job, at: tip, blockTarget: TestHouse.rareBlocks) {
                    try await miner.peer.send(.submitSharesExtended(share))
                }
                func lines() -> [String] { news.all.map { HouseNewsReport($0).line } }
                try await eventually { lines().contains { $0.hasPrefix("NO SHARE IS ACKNOWLEDGED") } }
                #expect(miner.acknowledged == 0)
                try lock.release()
                try await eventually { miner.acknowledged == 5 }
                try await eventually { lines().contains { $0.hasPrefix("the share ledger works again") } }
            }
        }
        #expect(try LedgerReport(path: "\(house.folder)/shares.db").shares == 5)
    }
}
