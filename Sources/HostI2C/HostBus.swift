import CLinux
import Glibc
public import Peripherals

/// An I²C bus of this machine, `/dev/i2c-N`, for boards that are wired to it.
///
/// Transfers block their thread, for `timeout` at most, as the kernel's bus driver does; so a bus has a thread of its own
/// and never the miner's event loop. The bus is closed when the value goes.
public struct HostBus: ~Copyable, Sendable {
    /// For one transfer: as long as the firmware of boards gives it (boards.md §3.1).
    public static let timeout = Duration.milliseconds(500)

    /// What the device is called, for people.
    public let path: String
    private let descriptor: CInt

    /// Opens the bus, and speaks to nobody.
    ///
    /// - Parameter path: such as `/dev/i2c-1`.
    public init(path: String) throws(HostBusFault) {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw .opening(path, errno: errno) }
        let milliseconds = UInt32(Self.timeout / .milliseconds(1))
        let error = adit_i2c_set_timeout(descriptor, milliseconds)
        guard error == 0 else {
            _ = close(descriptor)
            throw error == ENOTTY ? .noBus(path) : .opening(path, errno: error)
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { _ = close(descriptor) }

    /// Carries out one transfer.
    ///
    /// - Returns: the bytes that came back, `transfer.answerCount` of them; `nil` when nobody acknowledged.
    /// - Throws: whatever else went wrong with the bus: it is stuck, was lost, or took too long.
    public borrowing func carryOut(_ transfer: I2CTransfer) throws(HostBusFault) -> [UInt8]? {
        let sent: [UInt8] =
            switch transfer.operation {
            case .write(let bytes), .writeRead(let bytes, _): bytes
            case .read: []
            }
        var received = [UInt8](repeating: 0, count: transfer.answerCount)
        let error = sent.withUnsafeBufferPointer { sent in
            received.withUnsafeMutableBufferPointer { received in
                adit_i2c_transfer(
                    descriptor, transfer.address.sevenBits, sent.baseAddress, sent.count,
                    received.baseAddress, received.count)
            }
        }
        switch error {
        case 0: return received
        case ENXIO, EREMOTEIO, ENODEV: return nil  // bus drivers differ in how they say it
        case _: throw .transfer(path, errno: error)
        }
    }
}

/// Why a bus cannot be used. `errno` is the kernel's number.
public enum HostBusFault: Error, Hashable, Sendable {
    case opening(String, errno: CInt)
    /// The path is something else.
    case noBus(String)
    case transfer(String, errno: CInt)
}

extension HostBusFault: CustomStringConvertible {
    /// For an operator: what, where, and what to do.
    public var description: String {
        switch self {
        case .opening(let path, ENOENT):
            "\(path) is not there; is the bus switched on in the system's settings, and the module i2c-dev loaded?"
        case .opening(let path, EACCES):
            "\(path) may not be opened by this user; it must be in the group that owns the device (often i2c)"
        case .opening(let path, let errno): "\(path) cannot be opened: \(Self.text(errno))"
        case .noBus(let path): "\(path) is no I²C bus; its name is like /dev/i2c-1"
        case .transfer(let path, ETIMEDOUT):
            "the bus \(path) is stuck: a part holds its lines, or its pull-up resistors are missing"
        case .transfer(let path, let errno): "the bus \(path) failed: \(Self.text(errno))"
        }
    }

    private static func text(_ errno: CInt) -> String { String(cString: strerror(errno)) }
}

extension HostBus {
    /// Carries out a whole plan. Waits block too.
    ///
    /// - Throws: `.bus` when the bus failed, `.part` when the plan did.
    public borrowing func run(_ plan: [PeripheralStep]) throws(HostPlanFault) -> [Finding] {
        var run = PeripheralRun(plan)
        var action = run.start()
        while true {
            switch action {
            case .transfer(let transfer):
                let answer: [UInt8]?
                do throws(HostBusFault) { answer = try carryOut(transfer) } catch { throw .bus(error) }
                if let answer { action = run.answered(answer) } else { action = run.refused() }
            case .settle(let duration):
                pause(duration)
                action = run.settled()
            case .finished(let findings): return findings
            case .failed(let fault): throw .part(fault)
            }
        }
    }
}

/// Blocks the thread, signals or not.
private func pause(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    var wanted = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    var rest = timespec()
    while nanosleep(&wanted, &rest) != 0, errno == EINTR { wanted = rest }
}

public enum HostPlanFault: Error, Hashable, Sendable {
    case bus(HostBusFault)
    case part(PeripheralFault)
}
