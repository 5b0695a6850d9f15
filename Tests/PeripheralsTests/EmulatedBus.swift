import Peripherals
import Testing
import Units

/// Parts on a bus as register files, and ways in which they fail. It knows no driver: registers hold bytes, the first
/// byte written selects one.
struct EmulatedBus {
    enum Manner: Hashable {
        case works
        /// Acknowledges, and every bit it sends is the same.
        case allOnes, allZeros
        /// Does not acknowledge; or so many times only.
        case silent
        case silentFor(Int)
        /// Acknowledges writes and keeps what it had.
        case stuck
        /// Sends a byte less than it is asked for.
        case short
    }

    var registers: [UInt8: [UInt8]]
    var manner = Manner.works
    /// Registers that nothing can be written to.
    var readOnly: Set<UInt8> = []
    /// What was on the bus, refused transfers too.
    private(set) var heard: [I2CTransfer] = []
    private var selected: UInt8 = 0
    private let address: UInt8

    init(_ address: UInt8, _ registers: [UInt8: [UInt8]]) {
        self.address = address
        self.registers = registers
    }

    /// - Returns: `nil` when nobody acknowledged.
    mutating func carryOut(_ transfer: I2CTransfer) -> [UInt8]? {
        heard.append(transfer)
        guard transfer.address.sevenBits == address else { return nil }
        switch manner {
        case .silent: return nil
        case .silentFor(let times) where times > 0:
            manner = .silentFor(times - 1)
            return nil
        case .works, .allOnes, .allZeros, .silentFor, .stuck, .short: break
        }
        switch transfer.operation {
        case .write(let bytes): write(bytes)
        case .read: break
        case .writeRead(let bytes, _): write(bytes)
        }
        let count = transfer.answerCount
        switch manner {
        case .allOnes: return [UInt8](repeating: 0xFF, count: count)
        case .allZeros: return [UInt8](repeating: 0x00, count: count)
        case .short: return Array(stored(count).dropLast())
        case .works, .silent, .silentFor, .stuck: return stored(count)
        }
    }

    private mutating func write(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        selected = first
        if bytes.count > 1, manner != .stuck, !readOnly.contains(first) {
            registers[first] = Array(bytes.dropFirst())
        }
    }

    private func stored(_ count: Int) -> [UInt8] {
        Array(((registers[selected] ?? [0]) + [UInt8](repeating: 0xFF, count: count)).prefix(count))
    }

    /// Runs a plan to its end.
    mutating func run(_ plan: [PeripheralStep]) throws(PeripheralFault) -> [Finding] {
        var run = PeripheralRun(plan)
        var action = run.start()
        for _ in 0..<1_000 {
            switch action {
            case .transfer(let transfer):
                if let answer = carryOut(transfer) {
                    action = run.answered(answer)
                } else {
                    action = run.refused()
                }
            case .settle: action = run.settled()
            case .finished(let findings): return findings
            case .failed(let fault): throw fault
            }
        }
        Issue.record("a plan without end")
        return []
    }

    /// What was written, register first, in its order.
    var written: [[UInt8]] {
        heard.compactMap { if case .write(let bytes) = $0.operation { bytes } else { nil } }
    }

    /// Registers that were read, in their order.
    var read: [UInt8] {
        heard.compactMap { if case .writeRead(let bytes, _) = $0.operation { bytes.first } else { nil } }
    }
}

func address(_ number: Int) throws -> I2CAddress { try #require(I2CAddress(number)) }

/// Every way of a part to say nothing that can be believed.
let deadManners: [EmulatedBus.Manner] = [.allOnes, .allZeros, .silent, .short]
