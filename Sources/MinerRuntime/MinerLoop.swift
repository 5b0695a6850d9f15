import BitcoinPrimitives
import Boards
import CPUHashing
import MinerCore
import NIOCore
import Negotiation
import Synchronization
import TemplateBuilding
import Transports
import Units

/// What the miner's owner is told, on the miner's loop.
enum MinerLoopEvent: Sendable {
    case notice(MinerNotice)
    case block(FoundBlock)
    case build(CoinbasePlan)
    /// A port ended otherwise than by our closing it.
    case portEnded(BoardIndex, BoardPort, SerialClosure)
    /// A sentence about something that the miner lives with.
    case trouble(String)
}

/// The event loop of the miner: serial ports, pool connections, timers, and the core that they all feed.
///
/// Nothing stands between the bytes of a nonce and the bytes of its share: both are handled in one call.
///
/// Sendable by confinement: all state but `snapshot` is touched on `loop` only.
final class MinerLoop: @unchecked Sendable {
    let loop: any EventLoop
    /// What other threads may read: the statistics as of the last event.
    let snapshot: Mutex<MinerStatistics>

    private var miner: Miner
    private let endpoints: [RungEndpoint]
    private var links: LadderLinks?
    private let observe: @Sendable (MinerLoopEvent) -> Void
    private var ports: [BoardIndex: BoardPorts] = [:]
    private var clock: Scheduled<Void>?
    private var timers: [MinerTimer: Scheduled<Void>] = [:]
    private var safePromise: EventLoopPromise<Void>?
    private let processorOptions: CPUBoard.Options?
    private var processors: CPUBoard?

    /// - Parameters:
    ///   - endpoints: of each rung of the miner's ladder.
    ///   - processors: as many threads as the miner was made with; `nil` for none.
    init(
        _ miner: Miner, endpoints: [RungEndpoint], processors: CPUBoard.Options? = nil,
        on loop: any EventLoop,
        observe: @escaping @Sendable (MinerLoopEvent) -> Void
    ) {
        self.miner = miner
        self.endpoints = endpoints
        self.loop = loop
        self.observe = observe
        processorOptions = processors
        snapshot = Mutex(miner.statistics)
    }

    /// Opens the boards' ports, then begins. Fails with `SerialPortError`; nothing has been powered then.
    ///
    /// - Parameter boards: control and data path of each board, in the order of the miner's.
    func start(boards: [(control: String, data: String)]) -> EventLoopFuture<Void> {
        let opening = boards.map { BoardPorts.open(control: $0.control, data: $0.data, on: loop) }
        return EventLoopFuture.whenAllSucceed(opening, on: loop).map { opened in
            for (number, channels) in opened.enumerated() {
                self.attach(BoardPorts(control: channels.control, data: channels.data), BoardIndex(number))
            }
            self.links = LadderLinks(
                self.endpoints, on: self.loop, deliver: { self.handle(.ladder(.upstream($0, $1))) },
                trouble: { self.observe(.trouble($0)) })
            self.tellTime()
            self.handle(.begin)
            self.processors = self.processorOptions.map { options in
                CPUBoard(options) { index, event in
                    self.loop.execute { self.handle(.processor(index, event)) }
                }
            }
        }
    }

    /// What happens to the ladder beside its connections: templates, what the node says, pauses.
    func tell(_ event: LadderEvent) { loop.execute { self.handle(.ladder(event)) } }

    /// The wall clock, again and again: it may be set while we run.
    private func tellTime() {
        handle(.ladder(.clock(unixTime: unixTime())))
        clock = loop.scheduleTask(deadline: (Instant.now + .seconds(10)).deadline) { self.tellTime() }
    }

    /// Switches all boards off. Succeeds when each of them has ended with its power-off, which takes two seconds at most.
    func makeSafe() -> EventLoopFuture<Void> {
        loop.flatSubmit {
            let promise = self.loop.makePromise(of: Void.self)
            self.safePromise?.futureResult.cascade(to: promise)
            guard self.safePromise == nil else { return promise.futureResult }
            self.safePromise = promise
            self.handle(.stop)
            self.checkSafe()
            return promise.futureResult
        }
    }

    /// Ends this machine's own hashing threads, and waits for them.
    func stopProcessors() async { await (try? loop.submit { self.processors }.get())?.stop() }

    /// Leaves the pool and closes everything. After `makeSafe` and `stopProcessors`.
    func close() -> EventLoopFuture<Void> {
        loop.submit {
            self.clock?.cancel()
            self.handle(.ladder(.stop))
            for timer in self.timers.values { timer.cancel() }
            self.timers = [:]
            for ports in self.ports.values { ports.close() }
            self.links?.closeAll()
            self.links = nil
        }
    }

    private func handle(_ event: MinerEvent) {
        for action in miner.handle(event, at: .now) { carryOut(action) }
        snapshot.withLock { $0 = miner.statistics }
        if case .woke(.statistics) = event { return }
        checkSafe()
    }

    private func checkSafe() {
        if miner.isSafe { safePromise?.succeed() }
    }

    private func carryOut(_ action: MinerAction) {
        switch action {
        case .control(let board, let bytes): ports[board]?.sendControl(bytes)
        case .data(let board, let bytes): ports[board]?.sendData(bytes)
        case .setBaudRate(let board, let rate): setBaudRate(rate, of: board)
        case .discardData(let board): discardData(of: board)
        case .processorWork(let index, let unit): processors?.work(unit, for: index)
        case .upstream(let rung, let action): links?.carryOut(action, of: rung)
        case .wake(let timer, let instant): wake(timer, at: instant)
        case .build(let plan): observe(.build(plan))
        case .block(let block): observe(.block(block))
        case .notice(let notice): observe(.notice(notice))
        }
    }

    private func wake(_ timer: MinerTimer, at instant: Instant) {
        timers[timer]?.cancel()
        timers[timer] = loop.scheduleTask(deadline: instant.deadline) { self.handle(.woke(timer)) }
    }

    // MARK: boards

    private func attach(_ ports: BoardPorts, _ index: BoardIndex) {
        self.ports[index] = ports
        ports.start(
            handle: { self.handle(.board(index, $0)) },
            closed: { port, closure in
                guard closure != .closedHere else { return }
                self.observe(.portEnded(index, port, closure))
                switch closure {
                case .writeStalled(_, _, let time): self.handle(.board(index, .writeBlocked(port, for: time)))
                case .closedHere, .hungUp, .writeQueueFull, .failed:
                    self.handle(.board(index, .portLost(port)))
                }
            })
    }

    private func setBaudRate(_ rate: BaudRate, of board: BoardIndex) {
        guard let ports = ports[board] else { return }
        ports.setBaudRate(rate).whenComplete { result in
            switch result {
            case .success(let actual): self.handle(.board(board, .baudRate(actual)))
            case .failure(let error): self.observe(.trouble("\(error)"))  // the chain's deadline ends it
            }
        }
    }

    private func discardData(of board: BoardIndex) {
        do throws(SerialPortError) {
            try ports[board]?.discardData()
        } catch {
            observe(.trouble("\(error)"))
        }
    }
}
