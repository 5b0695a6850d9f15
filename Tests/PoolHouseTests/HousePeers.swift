import BitcoinPrimitives
import Foundation
import NIOCore
import NIOSupport
import PoolLedger
import RecordedNode
import SV2Codec
import SV2Connections
import SV2Messages
import SV2Noise
import SV2Roles
import Testing

@testable import PoolHouse
@testable import PoolServer

/// A client of a pool's port, played message by message.
final class Peer<Message: LinkMessage>: Sendable {
    let messages = Recorder<Message>()
    /// Frames that are none of the protocol's messages.
    let others = Recorder<(FrameHeader, [UInt8])>()
    private let connection: SV2Connection

    init(
        port: Int, key: AuthorityPublicKey, _ options: SV2LinkOptions, on loop: any EventLoop
    ) async throws {
        connection = try await SV2Connection.connect(
            to: "127.0.0.1", port: port, authority: key, on: loop, options: options
        ).get()
        let (connection, messages, others) = (connection, messages, others)
        try await loop.submit {
            connection.start(
                onFrame: { header, payload in
                    if case .message(let message, _)? = try? Message.read(header, payload) {
                        messages.append(message)
                    } else {
                        others.append((header, payload))
                    }
                }, onClosed: { _ in })
        }.get()
    }

    func send(_ message: Message) async throws { try await send(frame: message.frame()) }

    func send(frame: [UInt8]) async throws {
        let connection = connection
        try await connection.loop.submit { connection.send(frame) }.get()
    }

    func close() async throws {
        let connection = connection
        try await connection.loop.submit { connection.close() }.get()
    }

    /// The first message in which something is found.
    func first<Found: Sendable>(_ find: @Sendable (Message) -> Found?) async throws -> Found {
        var found: Found?
        try await eventually {
            found = messages.all.lazy.compactMap(find).first
            return found != nil
        }
        return try #require(found)
    }
}

func setup(protocol number: UInt8, flags: UInt32) -> SetupConnection {
    SetupConnection(
        protocol: number, minVersion: 2, maxVersion: 2, flags: flags, endpointHost: "127.0.0.1",
        endpointPort: 1, vendor: "test", hardwareVersion: "", firmware: "", deviceId: "")
}

/// A miner that takes the pool's own jobs on one extended channel.
struct OwnJobMiner {
    let peer: Peer<MiningMessage>
    let channel: OpenExtendedMiningChannelSuccess

    /// - Parameter flags: 0b010 for a miner that chooses its work.
    init(
        port: Int, key: AuthorityPublicKey, user: WireText = "alice", flags: UInt32 = 0b100,
        on loop: any EventLoop
    ) async throws {
        peer = try await Peer(port: port, key: key, .miningClient, on: loop)
        try await peer.send(.common(.setupConnection(setup(protocol: 0, flags: flags))))
        _ = try await peer.first { if case .common(.setupConnectionSuccess) = $0 { true } else { nil } }
        try await peer.send(
            .openExtendedMiningChannel(
                OpenExtendedMiningChannel(
                    requestId: 1, userIdentity: user, nominalHashRate: 1, maxTarget: .max,
                    minExtranonceSize: 8)))
        channel = try await peer.first {
            if case .openExtendedMiningChannelSuccess(let success) = $0 { success } else { nil }
        }
    }

    /// The newest job of the pool's making, and what it is for.
    func job() async throws -> (NewExtendedMiningJob, SetNewPrevHash) {
        let tip = try await peer.first { if case .setNewPrevHash(let tip) = $0 { tip } else { nil } }
        let job = try await peer.first {
            if case .newExtendedMiningJob(let job) = $0, job.jobId == tip.jobId { job } else { nil }
        }
        return (job, tip)
    }

    /// So many shares of a job, none of which is a block by `blockTarget`; or as many blocks.
    func shares(
        _ count: Int, of job: NewExtendedMiningJob, at tip: SetNewPrevHash, blockTarget: Target,
        blocks: Bool = false
    ) -> [SubmitSharesExtended] {
        let rolled = [UInt8](repeating: 0, count: Int(channel.extranonceSize))
        let root = CoinbaseParts.merkleRoot(
            strippedPrefix: job.coinbaseTxPrefix, extranonce: channel.extranoncePrefix + rolled,
            strippedSuffix: job.coinbaseTxSuffix,
            path: job.merklePath.compactMap { Hash256(wireBytes: $0.wireBytes) })
        let midstate = HeaderMidstate(
            Header(
                version: job.version, previousBlock: Hash256(wireBytes: tip.prevHash.wireBytes) ?? .zero,
                merkleRoot: root, time: tip.minNtime, bits: CompactTarget(bits: tip.nbits), nonce: 0))
        let target = Target(wireBytes: channel.target.wireBytes) ?? .max
        var shares: [SubmitSharesExtended] = []
        var nonce: UInt32 = 0
        while shares.count < count {
            let hash = midstate.hash(time: tip.minNtime, nonce: nonce)
            if blocks ? blockTarget.isMet(by: hash) : target.isMet(by: hash) && !blockTarget.isMet(by: hash) {
                shares.append(
                    SubmitSharesExtended(
                        channelId: channel.channelId, sequenceNumber: UInt32(shares.count + 1),
                        jobId: job.jobId, nonce: nonce, ntime: tip.minNtime, version: job.version,
                        extranonce: rolled))
            }
            nonce += 1
        }
        return shares
    }

    /// Shares acknowledged until now.
    var acknowledged: Int {
        peer.messages.all.reduce(0) {
            if case .submitSharesSuccess(let success) = $1 {
                $0 + Int(success.newSubmitsAcceptedCount)
            } else {
                $0
            }
        }
    }
}

/// A folder with what a pool on the recording needs.
final class TestHouse: Sendable {
    let folder: String

    init() throws {
        folder =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("adit-house-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var generator = SystemRandomNumberGenerator()
        try AuthorityKeyFile.create(.generate(using: &generator), at: "\(folder)/pool.key")
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    static var recording: String {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        return root.appendingPathComponent("Hardware/captures/regtest-node.json.gz").path
    }

    /// - Parameter more: lines for the end.
    func toml(_ more: String = "") -> String {
        """
        [listen]
        mining = "127.0.0.1:0"
        declaration = "127.0.0.1:0"
        [pool]
        authority_key = "pool.key"
        payout = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
        network = "regtest"
        [nodes]
        recording = "\(Self.recording)"
        \(more)
        """
    }

    func configuration(_ more: String = "") throws -> HouseConfiguration {
        try HouseFile.configuration(toml: toml(more), folder: folder)
    }

    /// Read once: in a debug build that takes seconds.
    static let node = Result { try RecordedFeed.node(file: recording, seed: 4_411) }

    /// Hard enough that shares are no blocks, unless a test wants them.
    static let rareBlocks = Target(leadingZeroBits: 64)

    func settings(_ change: (inout House.Settings) -> Void = { _ in }) throws -> House.Settings {
        var settings = House.Settings()
        settings.recordedNode = try Self.node.get()
        settings.seed = 4_411
        settings.recordedBlockTarget = Self.rareBlocks
        settings.ledger.gathering = .milliseconds(5)
        settings.ledger.retry = .milliseconds(20)
        change(&settings)
        return settings
    }

    /// A running pool, which is ended again.
    func withPool<T: Sendable>(
        _ more: String = "", _ change: (inout House.Settings) -> Void = { _ in },
        _ body: (PoolService, Recorder<HouseNews>) async throws -> T
    ) async throws -> T {
        let news = Recorder<HouseNews>()
        let house = try await House.open(
            try configuration(more), settings: try settings(change), observe: news.append)
        do {
            let result = try await body(try #require(house.service), news)
            await house.stop()
            return result
        } catch {
            await house.stop()
            throw error
        }
    }
}
