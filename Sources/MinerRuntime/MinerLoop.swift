import BitcoinPrimitives
import Boards
import CPUHashing
import MinerCore
import NIOCore
import Negotiation
import SV2Codec
import SV2Connections
import SV2Messages
import SV2Noise
import Synchronization
import TemplateBuilding
import Transports
import Units

/// Where the two links of the pool lead.
struct PoolAddress: Sendable {
    var host: String
    var miningPort: Int
    var declarationPort: Int
    var authority: AuthorityPublicKey
}

/// What the miner's owner is told, on the miner's loop.
enum MinerLoopEvent: Sendable {
    case notice(MinerNotice)
    case block(FoundBlock)
    case build(CoinbaseConstraints)
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
    private let pool: PoolAddress
    private let observe: @Sendable (MinerLoopEvent) -> Void
    private var ports: [BoardIndex: BoardPorts] = [:]
    private var links: [Link: SV2Connection] = [:]
    /// Counts attempts, so that what is left of an abandoned one is told from the present one.
    private var attempts: [Link: Int] = [:]
    private var timers: [MinerTimer: Scheduled<Void>] = [:]
    private var safePromise: EventLoopPromise<Void>?
    private let processorOptions: CPUBoard.Options?
    private var processors: CPUBoard?

    /// - Parameter processors: as many threads as the miner was made with; `nil` for none.
    init(
        _ miner: Miner, pool: PoolAddress, processors: CPUBoard.Options? = nil, on loop: any EventLoop,
        observe: @escaping @Sendable (MinerLoopEvent) -> Void
    ) {
        self.miner = miner
        self.pool = pool
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
            self.handle(.begin)
            self.processors = self.processorOptions.map { options in
                CPUBoard(options) { index, event in
                    self.loop.execute { self.handle(.processor(index, event)) }
                }
            }
        }
    }

    func propose(_ proposal: Proposal) { loop.execute { self.handle(.proposal(proposal)) } }

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
            self.handle(.upstream(.stop))
            for timer in self.timers.values { timer.cancel() }
            self.timers = [:]
            for ports in self.ports.values { ports.close() }
            for link in self.links.values { link.close() }
            self.links = [:]
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
        case .connect(let link): connect(link)
        case .disconnect(let link): disconnect(link)
        case .send(.mining(let message)): send(message, on: .mining)
        case .send(.jobDeclaration(let message)): send(message, on: .jobDeclaration)
        case .wake(let timer, let instant): wake(timer, at: instant)
        case .build(let constraints): observe(.build(constraints))
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

    // MARK: the pool

    private func connect(_ link: Link) {
        let attempt = attempts[link, default: 0] + 1
        attempts[link] = attempt
        let (port, options): (Int, SV2LinkOptions) =
            switch link {
            case .mining: (pool.miningPort, .miningClient)
            case .jobDeclaration: (pool.declarationPort, .declarationClient)
            }
        SV2Connection.connect(
            to: pool.host, port: port, authority: pool.authority, on: loop, options: options
        )
        .whenComplete { result in
            switch result {
            case .success(let connection): self.connected(connection, link, attempt)
            case .failure(let error):
                guard self.attempts[link] == attempt else { return }
                self.handle(.upstream(.failed(link, "\(error)")))
            }
        }
    }

    private func connected(_ connection: SV2Connection, _ link: Link, _ attempt: Int) {
        guard attempts[link] == attempt else {
            connection.start(onFrame: { _, _ in }, onClosed: { _ in })
            connection.close()
            return
        }
        links[link] = connection
        connection.start(
            onFrame: { header, payload in
                guard self.attempts[link] == attempt else { return }
                self.received(header, payload, on: link)
            },
            onClosed: { closure in
                guard self.attempts[link] == attempt else { return }
                self.links[link] = nil
                self.handle(.upstream(.closed(link, "\(closure)")))
            })
        handle(.upstream(.connected(link)))
    }

    private func disconnect(_ link: Link) {
        attempts[link, default: 0] += 1
        links.removeValue(forKey: link)?.close()
    }

    private func received(_ header: FrameHeader, _ payload: [UInt8], on link: Link) {
        do throws(CodecError) {
            switch link {
            case .mining:
                guard case .message(let message, _) = try MiningMessage.read(header, payload) else { return }
                handle(.upstream(.received(.mining(message))))
            case .jobDeclaration:
                guard case .message(let message, _) = try JobDeclarationMessage.read(header, payload) else {
                    return
                }
                handle(.upstream(.received(.jobDeclaration(message))))
            }
        } catch {
            disconnect(link)
            handle(.upstream(.closed(link, "the pool sent a message that does not decode: \(error)")))
        }
    }

    private func send(_ message: some LinkMessage, on link: Link) {
        do throws(CodecError) {
            links[link]?.send(try message.frame())
        } catch {
            observe(
                .trouble("a message for the pool does not fit its own format, and was not sent: \(error)"))
        }
    }
}
