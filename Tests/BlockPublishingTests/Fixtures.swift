import BitcoinPrimitives
import BlockPublishing
import BlockRelay
import BlockRoutes
import Foundation
import Glibc
import LiveSources
import NIOCore
import NIOSupport
import NodeConnections
import NodeSupport
import StateFiles
import Synchronization

/// What the first blocks of these tests stand on.
let root = Hash256(hashing: [9])

/// A whole block of regtest, its proof of work done.
func mined(
    _ number: UInt32, on parent: Hash256 = root, height: UInt32 = 200, paying script: [UInt8] = Script.opTrue,
    job: UInt64 = 0, upstream: [BlockRoute] = [], transactions count: Int = 2, size: Int = 0
) -> MinedBlock {
    let others = (0..<count).map { index in
        Transaction(
            version: 2,
            inputs: [
                TransactionInput(
                    previousOutput: OutPoint(txid: Txid(Hash256(hashing: [7])), index: UInt32(index)),
                    scriptSig: [],
                    sequence: 0, witness: [[UInt8](repeating: 1, count: 3 + size / max(count, 1))])
            ],
            outputs: [TransactionOutput(value: Satoshis(rawValue: 1_000), script: Script.opTrue)], lockTime: 0
        )
    }
    let coinbase = Transaction(
        version: 2,
        inputs: [
            TransactionInput(
                previousOutput: .coinbase,
                scriptSig: Script.heightPush(height)
                    + withUnsafeBytes(of: number.littleEndian) { [4] + Array($0) },
                sequence: .max, witness: [WitnessCommitment.reservedValue])
        ],
        outputs: [
            TransactionOutput(value: Satoshis(rawValue: 50), script: script),
            TransactionOutput(value: .zero, script: WitnessCommitment.script(wtxids: others.map(\.wtxid))),
        ], lockTime: 0)
    let all = [coinbase] + others
    var header = Header(
        version: 0x2000_0000, previousBlock: parent,
        merkleRoot: MerkleTree.root(of: all.map(\.txid.hash)) ?? .zero, time: 1_700_000_000,
        bits: CompactTarget(bits: 0x207f_ffff), nonce: 0)
    while header.bits.target?.isMet(by: header.hash) != true { header.nonce += 1 }
    let bytes = Block(header: header, transactions: all).wireBytes
    guard let block = MinedBlock(wireBytes: bytes, height: height, job: job, upstreamRoutes: upstream) else {
        preconditionFailure("long enough")
    }
    return block
}

extension MinedBlock {
    var name: StoredBlock { StoredBlock(hash: hash, height: height) }
}

final class Folder: Sendable {
    let path = FileManager.default.temporaryDirectory
        .appendingPathComponent("adit-publishing-\(UInt64.random(in: .min ... .max))").path

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Files of blocks that are not settled.
    var blocks: [String] { names.filter { $0.hasSuffix(".block") } }
    var settled: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path + "/settled")) ?? [] }
    private var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
}

/// The system's files, of which a test can make one call fail.
final class FailingFiles: FileCalls {
    private let system = SystemFiles()
    private let failing = Mutex<(call: String, errno: CInt)?>(nil)

    func fail(_ call: String, with errno: CInt) { failing.withLock { $0 = (call, errno) } }
    func heal() { failing.withLock { $0 = nil } }

    private func check(_ call: String) throws(FileCallError) {
        guard let (name, errno) = failing.withLock({ $0 }), name == call else { return }
        throw FileCallError(call: call, errno: errno)
    }

    func open(_ path: String, for use: FileUse) throws(FileCallError) -> CInt {
        try check("open")
        return try system.open(path, for: use)
    }
    func write(_ bytes: ArraySlice<UInt8>, to file: CInt) throws(FileCallError) -> Int {
        try check("write")
        return try system.write(bytes, to: file)
    }
    func read(_ count: Int, from file: CInt) throws(FileCallError) -> [UInt8] {
        try system.read(count, from: file)
    }
    func sync(_ file: CInt) throws(FileCallError) {
        try check("fsync")
        try system.sync(file)
    }
    func close(_ file: CInt) throws(FileCallError) { try system.close(file) }
    func rename(_ path: String, to newPath: String) throws(FileCallError) {
        try check("rename")
        try system.rename(path, to: newPath)
    }
    func remove(_ path: String) throws(FileCallError) { try system.remove(path) }
    func makeFolder(_ path: String) throws(FileCallError) {
        try check("mkdir")
        try system.makeFolder(path)
    }
    func names(in folder: String) throws(FileCallError) -> [String] { try system.names(in: folder) }
}

/// A publisher with what it said. Its loop is its own; nodes are followed on it too.
final class Desk: Sendable {
    enum Said: Hashable, Sendable {
        case answered(Hash256, BlockRoute, BlockAnswer)
        case confirmed(Hash256, BlockRoute)
        case settled(Hash256, BlockOutcome)
        case alarm(BlockAlarm)
        case again(Hash256, BlockRoute, Int)
        case payout(UInt32)
        case trouble(PublishingTrouble)
        case other
    }

    let publisher: BlockPublisher
    let nodes: LiveNodes?
    let words: BlockWords
    let said = Recorder<Said>()
    let sentences = Recorder<String>()
    let reports = Recorder<BlockReport>()

    init(
        _ store: BlockStore, nodes endpoints: [NodeEndpoint] = [],
        ways: BlockPublisher.Ways = .init(network: .regtest),
        payouts: PayoutAccount? = nil, on loop: any EventLoop
    ) {
        nodes = endpoints.isEmpty ? nil : LiveNodes(endpoints, seed: 1, on: loop)
        var ways = ways
        ways.nodes = nodes
        publisher = BlockPublisher(store: store, ways: ways, payouts: payouts, on: loop)
        words = BlockWords(names: RouteNames(of: ways, pools: [3: "example.org"]), store: store)
    }

    @discardableResult
    func start() async throws -> BlockPublisher.Start {
        let start = try publisher.start { news in
            self.said.append(Self.said(news))
            if let sentence = self.words.sentence(for: news) { self.sentences.append(sentence) }
            if let report = self.words.report(of: news) { self.reports.append(report) }
        }
        if let nodes { try await publisher.loop.submit { nodes.start { _ in } }.get() }
        return start
    }

    func found(_ blocks: MinedBlock...) async throws {
        try await publisher.loop.submit { for block in blocks { self.publisher.found(block) } }.get()
    }

    func stop() async throws {
        try await publisher.loop.flatSubmit { self.publisher.stop() }.get()
        if let nodes { try await publisher.loop.submit { nodes.stop() }.get() }
    }

    var alarms: [BlockAlarm] { said.all.compactMap { if case .alarm(let alarm) = $0 { alarm } else { nil } } }

    private static func said(_ news: BlockPublisher.News) -> Said {
        switch news {
        case .notice(.answered(let hash, let route, let answer)): .answered(hash, route, answer)
        case .notice(.confirmed(let block, let route, _)): .confirmed(block.hash, route)
        case .notice(.settled(let block, let outcome)): .settled(block.hash, outcome)
        case .notice(.setAside), .notice(.tooManyStored): .other
        case .alarm(let alarm): .alarm(alarm)
        case .again(let block, let route, let attempt): .again(block.hash, route, attempt)
        case .payout(let payout): .payout(payout.index)
        case .trouble(let trouble): .trouble(trouble)
        }
    }
}

func endpoint(_ port: Int) -> NodeEndpoint {
    NodeEndpoint(host: "127.0.0.1", port: port, credentials: .password(user: "u", password: "p"))
}

/// A port where nothing listens, for as long as the machine is kind.
func unusedPort(on loop: any EventLoop) async throws -> Int {
    let server = try await NodeServer.start(on: loop) { _, _ in .close }
    let port = server.port
    try await server.stop()
    return port
}
