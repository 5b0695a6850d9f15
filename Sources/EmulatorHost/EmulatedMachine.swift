public import Emulator
public import Units

/// What can be emulated: a board with its control port, or a chain alone.
public enum EmulatedMachine: Sendable {
    case board(EmulatedBoard)
    case chain(EmulatedChain)

    var hasControlPort: Bool {
        switch self {
        case .board: true
        case .chain: false
        }
    }

    public var chain: EmulatedChain {
        switch self {
        case .board(let board): board.chain
        case .chain(let chain): chain
        }
    }

    /// A chain alone has power as long as it is plugged in.
    var isCorePowered: Bool {
        switch self {
        case .board(let board): board.isCorePowered
        case .chain(let chain): chain.isRunning
        }
    }

    var isUnplugged: Bool { chain.isUnplugged }
    var hashRate: HashRate { chain.hashRate }

    mutating func receiveControl(_ bytes: [UInt8], at now: Instant) -> [EmulatedOutput] {
        change {
            $0.receiveControl(bytes, at: now)
        } chain: { _ in
            []
        }
    }

    mutating func receiveData(_ bytes: [UInt8], at now: Instant) -> [EmulatedOutput] {
        change {
            $0.receiveData(bytes, at: now)
        } chain: {
            $0.receive(bytes, at: now)
        }
    }

    mutating func setHostBaud(_ rate: BaudRate) {
        change {
            $0.setHostBaud(rate)
        } chain: {
            $0.setHostBaud(rate)
        }
    }

    /// Faults that come and go, and reports that are drawn.
    mutating func advance(to now: Instant) -> [EmulatedOutput] {
        change {
            $0.advance(to: now) + $0.draw(until: now)
        } chain: {
            $0.advance(to: now) + $0.draw(until: now)
        }
    }

    mutating func nextSearch(budget: UInt64) -> SearchUnit? {
        change {
            $0.nextSearch(budget: budget)
        } chain: {
            $0.nextSearch(budget: budget)
        }
    }

    mutating func finished(_ unit: SearchUnit, hits: [SearchHit], at now: Instant) -> [EmulatedOutput] {
        change {
            $0.finished(unit, hits: hits, at: now)
        } chain: {
            $0.finished(unit, hits: hits, at: now)
        }
    }

    private mutating func change<Value>(
        _ onBoard: (inout EmulatedBoard) -> Value, chain onChain: (inout EmulatedChain) -> Value
    ) -> Value {
        switch self {
        case .board(var board):
            // Given back before it is changed, so that it is not copied.
            self = .nothing
            defer { self = .board(board) }
            return onBoard(&board)
        case .chain(var chain):
            self = .nothing
            defer { self = .chain(chain) }
            return onChain(&chain)
        }
    }

    private static let nothing = EmulatedMachine.chain(
        EmulatedChain(EmulatedChainParameters(.bm1370, chips: 1, reportZeroBits: 32, seed: 0)))
}
