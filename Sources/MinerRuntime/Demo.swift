import BitcoinPrimitives
import Boards
import CPUHashing
import EmulatorHost
import MinerCore
import NIOCore
import NIOPosix
import Negotiation
import PoolServer
import Synchronization
import Transports
import Units
import UnixSignals

/// Runs the demo and says how it went. Every end, also an error or a signal, leads through the boards' power-off.
///
/// - Returns: the exit status: 0, or 1 with sentences about why.
public func runDemo(_ options: DemoOptions) async -> Int32 {
    let console = Console(toStandardError: options.json)
    do {
        let demo = try await DemoRun(options, console)
        let outcome = await demo.run()
        for line in StatusText.summary(outcome, blockOut: options.blockOut) { console.line(line) }
        for reason in outcome.reasons { console.line(reason, .bad) }
        if options.json { print(try DemoReport(outcome, seed: options.seed).json()) }
        return outcome.reasons.isEmpty ? 0 : 1
    } catch {
        console.line("adit demo: \(error)", .bad)
        return 1
    }
}

/// Everything that the demo is made of, wired together. One instance, one run.
final class DemoRun: Sendable {
    /// Why a run ends, and what it waits for on the way.
    enum Event: Sendable {
        case duration, signal
        case fatal(String)
        case boardReady(BoardIndex)
        case boardEnded(BoardIndex)
    }

    private let options: DemoOptions
    private let console: Console
    private let group: MultiThreadedEventLoopGroup
    private let node: NodeService
    private let pool: PoolService
    private let devices: [EmulatedDevice]
    private let templates: TemplateService
    private let miner: MinerLoop
    private let ledger: BlockLedger
    private let events: AsyncStream<Event>
    /// Since when each board has hashed.
    private let hashingSince = Mutex<[Int: Instant]>([:])
    /// Since when the machine's own threads have found something.
    private let processorsSince = Mutex<Instant?>(nil)
    private let begun = Instant.now

    /// A block is due so often on average, at the boards' expected or measured hash rate.
    static let blocksPerMinute = 10.0
    /// Of the one channel: about one share a second.
    static let sharesPerMinute = 60.0
    /// How long shares on their way may still be acknowledged after the boards are off.
    static let settling = Duration.milliseconds(1_500)

    /// Loads, opens and starts everything but the boards. What fails here has powered nothing.
    init(_ options: DemoOptions, _ console: Console) async throws {
        self.options = options
        self.console = console
        ledger = BlockLedger(
            file: try options.blockOut.map { path throws(FileSinkError) in try FileSink(appendingTo: path) })
        // At most two events a board and one of the pool.
        let (events, event) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingOldest(32))
        self.events = events
        console.line("Loading the recorded node")
        let recorded = try DemoParts.loadNode(options)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 6)
        self.group = group
        do {
            node = NodeService(recorded, on: group.next())
            let own = options.processors.map {
                CPUBoard.measure().hashesPerSecond * Double($0.threads) * $0.duty
            }
            let rate = DemoParts.expectedRate(options.boards) + (own ?? 0)
            node.announceAtOnce(Target(hashesPerSecond: rate, sharesPerMinute: Self.blocksPerMinute))
            let parts = DemoParts(options: options, console: console, node: node, ledger: ledger)
            pool = try await parts.startPool(on: group.next())
            devices = try await parts.plugIn(on: group.next(), hasher: HashingThread(on: group.next()))
            templates = TemplateService(on: group.next())
            miner = parts.makeMiner(pool, event, builder: templates, on: group.next())
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    /// Mines until the duration is over, a signal comes, or nothing is left to mine with.
    func run() async -> DemoOutcome {
        // Trapped before anything is powered, and until everything is off again: no signal ends the process between.
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        var failures: [String] = []
        do {
            try await miner.start(boards: devices.map { ($0.controlPath, $0.dataPath) }).get()
            console.line("Boards on " + devices.map(\.dataPath).joined(separator: ", ") + "; Ctrl-C ends")
            if case .fatal(let sentence) = await waitForEnd(signals) { failures.append(sentence) }
        } catch {
            failures.append("\(error)")
        }
        let outcome = await finish(failures)
        withExtendedLifetime(signals) {}
        return outcome
    }

    private func waitForEnd(_ signals: UnixSignalsSequence) async -> Event {
        await withTaskGroup(of: Event?.self) { tasks in
            tasks.addTask { await self.waitForFatal() }
            tasks.addTask {
                for await _ in signals { return .signal }
                return nil
            }
            if let duration = options.duration {
                tasks.addTask {
                    try? await Task.sleep(for: duration - (Instant.now - self.begun))
                    return .duration
                }
            }
            tasks.addTask {
                await self.watch()
                return nil
            }
            defer { tasks.cancelAll() }
            for await end in tasks { if let end { return end } }
            return .signal
        }
    }

    /// Follows the boards; nil when it is cancelled.
    private func waitForFatal() async -> Event? {
        var running = Set(devices.indices)
        for await event in events {
            switch event {
            case .boardReady(let board): hashingSince.withLock { $0[board.number] = Instant.now }
            case .boardEnded(let board):
                running.remove(board.number)
                if running.isEmpty, options.processors == nil {
                    return .fatal("no board is left to mine with")
                }
            case .duration, .signal, .fatal: return event
            }
        }
        return nil
    }

    /// The status line, and what the node's target follows.
    private func watch() async {
        var unpluggable = options.fault == .unplug && !options.boards.isEmpty
        var losable = options.fault == .nodeGone
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            let statistics = miner.snapshot.withLock { $0 }
            if let own = statistics.processors, own.nonces > 0 {
                processorsSince.withLock { $0 = $0 ?? Instant.now }
            }
            console.status(
                StatusText.line(
                    statistics, blocksAccepted: ledger.totals.accepted, elapsed: Instant.now - begun))
            if statistics.noncesVerified >= 50 {
                node.announce(
                    Target(
                        hashesPerSecond: statistics.hashRate.hashesPerSecond,
                        sharesPerMinute: Self.blocksPerMinute))
            }
            if unpluggable, statistics.boards[0].nonces >= 5 {
                unpluggable = false
                console.line("--fault unplug: the first board is pulled out now")
                devices[0].unplug()
            }
            if losable, statistics.sharesAccepted >= 5 {
                losable = false
                console.line("--fault node-gone: our node tells nothing more from now on; the pool's goes on")
                templates.loseNode()
                miner.tell(.templatesLost)
            }
        }
    }

    private func finish(_ failures: [String]) async -> DemoOutcome {
        let ended = Instant.now
        console.line("Switching the boards off")
        await miner.stopProcessors()
        try? await miner.makeSafe().get()
        let settled = Instant.now + Self.settling
        while Instant.now < settled,
            miner.snapshot.withLock({ $0.sharesPending > 0 && $0.upstream == .earning })
        {
            try? await Task.sleep(for: .milliseconds(50))
        }
        try? await miner.close().get()
        try? await pool.stop().get()
        var outcome = DemoOutcome(
            statistics: miner.snapshot.withLock { $0 }, duration: Instant.now - begun,
            hashingSince: hashingSince.withLock { $0 }, processorsSince: processorsSince.withLock { $0 },
            ended: ended)
        outcome.failures = failures
        for (index, device) in devices.enumerated() where (try? await device.isCorePowered().get()) ?? true {
            outcome.failures.append(
                "board \(options.boards[index].name): the emulator says that core power is still on")
        }
        for board in outcome.statistics.boards {
            if let fault = board.fault { outcome.failures.append("board \(board.name): \(fault)") }
        }
        for device in devices { try? await device.unplug().get() }
        let totals = ledger.drain()
        outcome.blocksAccepted = totals.accepted
        outcome.lastBlock = totals.last
        outcome.blocksAgreed = totals.agreed
        outcome.failures += totals.failures
        try? await group.shutdownGracefully()
        return outcome
    }
}
