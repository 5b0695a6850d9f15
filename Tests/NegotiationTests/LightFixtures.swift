import BaseTemplates
import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Messages
import Units

/// A pool's side of the base-template extension for one client. The extension's own tests hold it against its document.
struct BaseTemplateHouse {
    private(set) var source: BaseTemplateSource
    private(set) var server = BaseTemplateServer()
    /// Instead of what the server would say, where a test lies.
    var script: [[UInt8]]?

    init(rules: CoinbaseRules) {
        source = BaseTemplateSource(rules: rules)
    }

    mutating func answer(_ header: FrameHeader, _ payload: [UInt8], at now: Instant) -> [UpstreamMessage] {
        if let script {
            self.script = []
            return script.map(message)
        }
        return messages(server.handle(.frame(header, payload), from: &source, at: now))
    }

    mutating func offer(_ event: BaseTemplateSource.Event, at now: Instant) -> [UpstreamMessage] {
        let actions = source.handle(event, at: now, unixTime: ScriptedPool.unixTime)
        return actions.contains(.published) ? messages(server.handle(.published, from: &source, at: now)) : []
    }

    /// Whatever waited for its time.
    mutating func tick(at now: Instant) -> [UpstreamMessage] {
        var answers = [UpstreamMessage]()
        if let due = source.nextDeadline, due <= now { answers += offer(.woke, at: now) }
        if let due = server.nextDeadline, due <= now {
            answers += messages(server.handle(.woke, from: &source, at: now))
        }
        return answers
    }

    private func messages(_ actions: [BaseTemplateServer.Action]) -> [UpstreamMessage] {
        actions.compactMap { if case .send(let frame) = $0 { message(frame) } else { nil } }
    }

    private func message(_ frame: [UInt8]) -> UpstreamMessage {
        guard let header = FrameHeader(frontOf: frame) else { preconditionFailure("frames have a header") }
        return .baseTemplate(header, Array(frame.dropFirst(FrameHeader.byteCount)))
    }
}

/// Light mode against a pool that serves the extension, in virtual time.
struct LightWorld {
    var world: Exchange

    /// The demands of the pool unless a test has others: all of the reward to one script.
    static let rules = CoinbaseRules(
        demands: [.init(value: .zero, share: 1_000_000, script: [0x51])], maximumAdditionalSize: 200,
        maximumAdditionalSigops: 80)

    init(
        rules: CoinbaseRules = LightWorld.rules, _ change: (inout UpstreamConfiguration) -> Void = { _ in }
    ) {
        world = Exchange {
            $0.mode = .light
            change(&$0)
        }
        world.pool.extensions = [BaseTemplateExtension.extensionType]
        world.pool.baseTemplates = BaseTemplateHouse(rules: rules)
    }

    static func next(_ tip: UInt8) -> NextBlock {
        let height = 900_000 + UInt32(tip)
        return NextBlock(
            previousBlock: Hash256(hashing: [tip]), height: height, version: 0x2000_0000,
            bits: CompactTarget(bits: 0x1703_255b),
            blockTarget: CompactTarget(bits: 0x1703_255b).target ?? .max,
            minimumTime: ScriptedPool.unixTime - 1_000 + UInt32(tip), currentTime: ScriptedPool.unixTime,
            subsidy: SubsidySchedule.mainnet.subsidy(at: height))
    }

    /// Without bytes, as a client has it.
    static func entry(_ number: UInt8, fee: UInt64 = 1_000, parents: [UInt8] = []) -> MempoolEntry {
        MempoolEntry(
            txid: txid(number), wtxid: Wtxid(Hash256(hashing: [number, 1])), weight: Weight(weightUnits: 600),
            sigopCost: 1, fee: Satoshis(rawValue: fee), parents: parents.map(txid), wireBytes: [])
    }

    static func txid(_ number: UInt8) -> Txid { Txid(Hash256(hashing: [number])) }

    /// The pool's node has a tip and candidates, and the pool all of them but those that it does not know.
    mutating func offer(_ event: BaseTemplateSource.Event, unknown: [UInt8] = []) {
        switch event {
        case .candidates(let entries), .block(_, let entries):
            let hidden = Set(unknown.map(Self.txid))
            world.pool.learn(entries.filter { !hidden.contains($0.txid) }.map(\.wtxid))
        case .tip, .coinbase, .woke: break
        }
        world.poolSends(world.pool.baseTemplates?.offer(event, at: world.now) ?? [])
    }

    /// Lets time pass second by second, with the pool's timers.
    mutating func run(seconds: Int) {
        for _ in 0..<seconds {
            world.run(for: .seconds(1))
            world.poolSends(world.pool.baseTemplates?.tick(at: world.now) ?? [])
        }
    }

    mutating func start(_ numbers: ClosedRange<UInt8> = 1...4, unknown: [UInt8] = []) {
        offer(.block(Self.next(1), numbers.map { Self.entry($0) }), unknown: unknown)
        world.send(.begin)
    }

    /// The outputs of the newest job, as the pool was told.
    func paid() throws -> [TransactionOutput] {
        let newest = world.pool.jobs.max { $0.key < $1.key }
        return try TransactionOutput.list(wireBytes: newest?.value.message.coinbaseTxOutputs ?? [])
    }

    /// How many transactions each declaration had.
    var declaredCounts: [Int] { world.pool.declarations.map(\.wtxidList.count) }
}
