import ASICChips
import BaseTemplates
import BitcoinPrimitives
import Boards
import CPUHashing
import CResources
import Emulator
import EmulatorHost
import MinerCore
import Negotiation
import NIOCore
import NodeCapture
import PoolServer
import RecordedNode
import SV2Codec
import SV2Noise
import SV2Roles
import TemplateBuilding
import TemplateReports
import Transports
import Units

/// How the demo's parts are made, and what they are told.
struct DemoParts: Sendable {
    let options: DemoOptions
    let console: Console
    let node: NodeService
    let ledger: BlockLedger

    static func loadNode(_ options: DemoOptions) throws -> RecordedNode {
        if let path = options.recording {
            let recording = try NodeCapture.recording(file: path)
            return try NodeCapture.node(playing: recording, seed: options.seed, source: path)
        }
        let source = "the embedded recording"
        guard let resource = adit_resource_named("captures/regtest-node.json.gz") else {
            preconditionFailure("the recording is part of the program")
        }
        let bytes = UnsafeRawBufferPointer(start: resource.pointee.bytes, count: resource.pointee.count)
        let recording = try NodeCapture.recording(gzip: bytes, source: source)
        return try NodeCapture.node(playing: recording, seed: options.seed, source: source)
    }

    /// Hashes a second of all boards by their profiles, on the emulated scale.
    static func expectedRate(_ boards: [BoardProfile]) -> Double {
        boards.reduce(0) { sum, board in
            let shape = board.chain
            let full = Double(shape.frequency.hertz) * Double(shape.chip.hashUnits) * Double(shape.chips)
            return sum + full / Double(UInt64(1) << UInt64(32 - shape.emulatedReportZeroBits))
        }
    }

    /// The pool pays itself with a script that anyone can spend, as all coins of this chain.
    func startPool(on loop: any EventLoop) async throws -> PoolService {
        var configuration = PoolConfiguration(
            payoutScript: Self.payoutScript,
            sharesPerMinute: DemoRun.sharesPerMinute, tokenSeed: options.seed)
        // A new tip reaches the pool a template's time before it reaches the chips.
        configuration.lateShareGrace = .seconds(2)
        configuration.declarationModes = [.fullTemplate, .coinbaseOnly]
        configuration.ownJobs = OwnJobs(tag: Array("/demo pool/".utf8))
        let authority = try poolAuthority()
        let poolNode = PoolNode(
            check: { block, done in node.propose(block, done: done) },
            publish: { block, hash in submit(block, hash, by: .pool) })
        // The pool gets all of a reward: nobody else is known here.
        let rules = CoinbaseRules(
            demands: [.init(value: .zero, share: 1_000_000, script: Self.payoutScript)],
            maximumAdditionalSize: 0, maximumAdditionalSigops: 0)
        let desk = BaseTemplateDesk(rules, on: loop) { _ in }
        let service = try await PoolService.start(
            configuration, authority: authority, node: poolNode, host: "127.0.0.1",
            miningPort: options.poolPort, droppedDeclarations: options.fault?.droppedDeclarations ?? 0,
            extensions: [desk], on: loop,
            observe: { [console] notice in
                if let line = NoticeText.line(notice) { console.line(line, .bad) }
            }
        ).get()
        node.observe { update in
            switch update.reason {
            case .tip:
                service.tip(update.next, transactions: update.template)
                desk.tip(update.next)
                desk.candidates(update.template)
            case .mempool: break  // the pool knows what its node's template holds
            }
        }
        console.line("Pool at stratum2+tcp://127.0.0.1:\(service.miningPort)/\(authority.publicKey)")
        return service
    }

    private func poolAuthority() throws(AuthorityKeyFileError) -> AuthorityKeyPair {
        if let file = options.poolKey { return try AuthorityKeyFile.read(file) }
        var generator = SystemRandomNumberGenerator()
        return .generate(using: &generator)
    }

    func plugIn(on loop: any EventLoop, hasher: HashingThread) async throws -> [EmulatedDevice] {
        var devices: [EmulatedDevice] = []
        for (index, profile) in options.boards.enumerated() {
            let seed = options.seed &+ UInt64(index)
            guard let board = emulatedBoard(profile, seed: seed) else {
                preconditionFailure("options name emulated boards only")
            }
            let fault = index == 0 ? options.fault?.port(seed: seed) : nil
            devices.append(
                try await EmulatedDevice.start(board, fault: fault, on: loop, hasher: hasher).get())
        }
        return devices
    }
}

// MARK: - The miner
extension DemoParts {
    func makeMiner(
        _ pool: PoolService, _ events: AsyncStream<DemoRun.Event>.Continuation, builder: TemplateService,
        on loop: any EventLoop
    ) -> MinerLoop {
        let address = PoolAddress(
            host: "127.0.0.1", miningPort: pool.miningPort, declarationPort: pool.declarationPort,
            authority: pool.authority)
        let (ladder, endpoints) = ladder(address)
        let core = Miner(
            boards: options.boards.map { Board($0, emulated: true) },
            processors: options.processors?.threads ?? 0, ladder: ladder)
        let miner = MinerLoop(core, endpoints: endpoints, processors: options.processors, on: loop) { event in
            switch event {
            case .notice(let notice): say(notice, events)
            case .build(let plan): builder.use(plan)
            case .block(let block): submit(block.wireBytes, block.hash, by: .miner)
            case .portEnded(let board, let port, let closure):
                console.line("\(name(board)): \(port.rawValue) port: \(closure)", .bad)
            case .trouble(let sentence): console.line(sentence, .bad)
            }
        }
        builder.start(
            deliver: { [console] result in
                switch result {
                case .success(let proposal): miner.tell(.proposal(proposal))
                case .failure(let fault): console.line(fault.sentence, .bad)
                }
            }, warn: { [console] in console.line($0.sentence, .bad) })
        node.observe { update in
            builder.nodeChanged(update)
            miner.tell(.reference(update.next))
        }
        return miner
    }

    private func name(_ board: BoardIndex) -> String { options.boards[board.number].name }

    private func name(_ rung: RungIndex) -> String {
        options.rungs[rung.number] == .solo ? "solo" : LadderText.words(options.rungs[rung.number].kind)
    }

    private func say(_ notice: MinerNotice, _ events: AsyncStream<DemoRun.Event>.Continuation) {
        if let line = NoticeText.line(notice, board: name, rung: name) {
            console.line(line, NoticeText.isTrouble(notice) ? .bad : .plain)
        }
        switch notice {
        case .boardSafe(let board, _): events.yield(.boardEnded(board))
        case .boardReady(let board, _): events.yield(.boardReady(board))
        case .boardFailed, .board, .ladder, .audited, .blockLeftToPool, .jobAcknowledged, .jobRefused,
            .shareFound, .shareRejected, .shareLost:
            break
        }
    }

    /// Hands a block to the node, and keeps it when the node has taken it. Both sides call this for each block: the
    /// second one hears that the node has it.
    func submit(_ bytes: [UInt8], _ hash: Hash256, by source: BlockLedger.Source) {
        ledger.submitted(bytes, hash: hash, by: source)
        node.submit(bytes) { result in
            switch result {
            case .accepted(let height):
                console.line("block \(height) \(hash.displayHex)", .good)
                ledger.accepted(bytes, hash: hash) { console.line($0, .bad) }
            case .duplicate: break
            case .tooLate:
                console.line("block \(hash.displayHex) came too late: its parent is no longer the tip")
            case .refused(let reason):
                let sentence = "the node refused block \(hash.displayHex): \(reason)"
                console.line(sentence, .bad)
                ledger.fail(sentence)
            }
        }
    }
}
