import BaseTemplates
import BitcoinPrimitives
import NIOCore
import NIOSupport
import SV2Codec
import SV2Connections
import SV2Messages
import SV2Roles
import Testing

@testable import PoolHouse
@testable import PoolServer

/// The base template of a whole pool, over TCP.
@Suite(.serialized) struct BaseTemplateDeskTests {
    private func declarator(
        _ service: PoolService, on loop: any EventLoop
    ) async throws -> Peer<JobDeclarationMessage> {
        let peer = try await Peer<JobDeclarationMessage>(
            port: service.declarationPort, key: service.authority, .declarationClient, on: loop)
        try await peer.send(.common(.setupConnection(setup(protocol: 1, flags: 0))))
        return peer
    }

    private func ask(_ peer: Peer<JobDeclarationMessage>) async throws {
        try await peer.send(
            .common(
                .requestExtensions(
                    RequestExtensions(
                        requestId: 5, requestedExtensions: [BaseTemplateExtension.extensionType]))))
    }

    private func request() throws -> [UInt8] {
        var request = RequestBaseTemplate()
        (request.requestId, request.maxVersion) = (9, BaseTemplateExtension.version)
        return try request.frame()
    }

    private func success(_ peer: Peer<JobDeclarationMessage>) -> RequestBaseTemplateSuccess? {
        for (header, payload) in peer.others.all where BaseTemplateMessage.owns(header) {
            if case .success(let success)? = try? BaseTemplateMessage.read(header, payload) { return success }
        }
        return nil
    }

    @Test func `a client without a node gets the tip, what the coinbase must pay, and the candidates`()
        async throws
    {
        let house = try TestHouse()
        try await house.withPool { service, _ in
            try await withLoop { loop in
                let peer = try await declarator(service, on: loop)
                try await ask(peer)
                let granted = try await peer.first {
                    if case .common(.requestExtensionsSuccess(let success)) = $0 {
                        success.supportedExtensions
                    } else {
                        nil
                    }
                }
                #expect(granted == [BaseTemplateExtension.extensionType])
                try await peer.send(frame: try request())
                try await eventually { success(peer) != nil }
                let answer = try #require(success(peer))
                #expect(answer.candidateCount > 0)
                #expect(answer.listIsCurrent)
                let payout = try house.configuration().payoutScript
                #expect(answer.constraints.coinbaseOutputs.suffix(payout.count) == payout[...])
                try await eventually {
                    peer.others.all.contains { $0.0.msgType == BaseTemplateSegment.msgType }
                }
                // Declarations go on beside it.
                try await peer.send(
                    .allocateMiningJobToken(AllocateMiningJobToken(userIdentifier: "x", requestId: 3)))
                _ = try await peer.first {
                    if case .allocateMiningJobTokenSuccess(let success) = $0 {
                        success.requestId
                    } else {
                        nil
                    }
                }
            }
        }
    }

    @Test func `who was not granted the extension is not answered`() async throws {
        let house = try TestHouse()
        try await house.withPool { service, _ in
            try await withLoop { loop in
                let peer = try await declarator(service, on: loop)
                try await peer.send(frame: try request())
                try await peer.send(
                    .allocateMiningJobToken(AllocateMiningJobToken(userIdentifier: "x", requestId: 3)))
                _ = try await peer.first {
                    if case .allocateMiningJobTokenSuccess(let success) = $0 {
                        success.requestId
                    } else {
                        nil
                    }
                }
                #expect(peer.others.all.isEmpty)
            }
        }
    }

    @Test func `a pool told not to offer it does not`() async throws {
        let house = try TestHouse()
        try await house.withPool("[modes]\nbase_template = false") { service, _ in
            try await withLoop { loop in
                let peer = try await declarator(service, on: loop)
                try await ask(peer)
                _ = try await peer.first {
                    if case .common(.requestExtensionsError(let error)) = $0 { error.requestId } else { nil }
                }
            }
        }
    }

    @Test func `a new block reaches the client as a new tip`() async throws {
        let house = try TestHouse()
        let blockTarget = Target(leadingZeroBits: 8)
        try await house.withPool("", { $0.recordedBlockTarget = blockTarget }) { service, _ in
            try await withLoop { loop in
                let peer = try await declarator(service, on: loop)
                try await ask(peer)
                _ = try await peer.first {
                    if case .common(.requestExtensionsSuccess) = $0 { true } else { nil }
                }
                try await peer.send(frame: try request())
                try await eventually { success(peer) != nil }
                let answer = try #require(success(peer))
                try await acknowledge(answer, to: peer)
                let miner = try await OwnJobMiner(port: service.miningPort, key: service.authority, on: loop)
                let (job, tip) = try await miner.job()
                let block = miner.shares(1, of: job, at: tip, blockTarget: blockTarget, blocks: true)[0]
                try await miner.peer.send(.submitSharesExtended(block))
                try await eventually {
                    peer.others.all.contains { $0.0.msgType == NewBaseTemplateTip.msgType }
                }
            }
        }
    }

    /// Says that all segments have come.
    private func acknowledge(
        _ answer: RequestBaseTemplateSuccess, to peer: Peer<JobDeclarationMessage>
    ) async throws {
        var told: UInt16 = 0
        while told < answer.segmentCount {
            let come = UInt16(peer.others.all.count { $0.0.msgType == BaseTemplateSegment.msgType })
            guard come > told else {
                try await Task.sleep(for: .milliseconds(5))
                continue
            }
            told = come
            var message = AcknowledgeBaseTemplate()
            (message.sequence, message.segments) = (answer.sequence, told)
            try await peer.send(frame: try message.frame())
        }
    }
}
