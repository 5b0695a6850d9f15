import CLinux
import Glibc
public import NIOCore
public import Units

/// An open serial port that nothing reads yet: raw, 8 data bits, no parity, 1 stop bit, no flow control, ours
/// alone.
///
/// Closing is the end of its life, or `channel(on:)` takes it over. Opening may raise DTR and RTS, as the
/// kernel does for every open; nothing here sets them, and closing leaves them as they are (boards.md:
/// adapters may reset a board with them).
public struct SerialPort: ~Copyable, Sendable {
    /// As it was given; a symlink is not resolved.
    public let path: String
    /// What the kernel really set, read back: an adapter that cannot do the rate asked for says so only here.
    public let baudRate: BaudRate
    private let descriptor: OwnedDescriptor

    /// Opens, locks and sets up a port, and forgets what had arrived on it before.
    ///
    /// It does not wait for a carrier. The lock holds against other programs that open the device (TIOCEXCL,
    /// which root may ignore) and against those that ask for an flock.
    public init(opening path: String, at rate: BaudRate) throws(SerialPortError) {
        let number = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
        guard number >= 0 else { throw Self.openingError(errno, path) }
        do throws(SerialPortError) {
            baudRate = try Self.setUp(number, path, rate)
        } catch {
            close(number)
            throw error
        }
        self.path = path
        descriptor = OwnedDescriptor(number)
    }

    /// Puts the port on an event loop. Bytes stay in the kernel until the channel's `start`.
    ///
    /// - Parameters:
    ///   - writeCapacity: bytes that may wait to be sent; one more closes the channel.
    ///   - writePatience: how long the board may take nothing of what waits before the channel closes.
    /// - Returns: succeeds on the loop; fails with `SerialPortError`.
    public consuming func channel(
        on loop: any EventLoop, writeCapacity: Int = 65_536, writePatience: Duration = .seconds(2)
    ) -> EventLoopFuture<SerialChannel> {
        let (path, rate) = (path, baudRate)
        let bytes = DescriptorChannel(loop: loop, capacity: writeCapacity, patience: writePatience)
        let channel = SerialChannel(
            path: path, descriptor: descriptor.release(), rate: rate, bytes: bytes, patience: writePatience)
        return channel.open()
    }

    private static func setUp(
        _ number: CInt, _ path: String, _ rate: BaudRate
    ) throws(SerialPortError) -> BaudRate {
        guard isatty(number) == 1 else { throw .notATerminal(path: path) }
        try check(adit_tty_lock(number), "lock", path)
        try check(adit_tty_make_raw(number), "raw mode", path)
        let actual = try setRate(rate, of: number, path)
        try check(adit_tty_discard_input(number), "flush", path)
        return actual
    }

    private static func openingError(_ code: CInt, _ path: String) -> SerialPortError {
        switch code {
        case ENOENT, ENOTDIR, ENODEV, ENXIO: .missing(path: path)
        case EACCES, EPERM: .noPermission(path: path)
        case EBUSY: .busy(path: path)
        case EISDIR: .notATerminal(path: path)
        case let code: .system(path: path, call: "open", errno: code)
        }
    }
}

/// Sets the rate at once and says what the kernel made of it.
func setRate(_ rate: BaudRate, of descriptor: CInt, _ path: String) throws(SerialPortError) -> BaudRate {
    var actual: UInt32 = 0
    let error = adit_tty_set_baud(descriptor, rate.symbolsPerSecond, &actual)
    guard error == 0 else { throw .rateRefused(path: path, asked: rate, errno: error) }
    return BaudRate(actual)
}

private func check(_ error: CInt, _ call: String, _ path: String) throws(SerialPortError) {
    switch error {
    case 0: return
    case EBUSY: throw .busy(path: path)
    default: throw .system(path: path, call: call, errno: error)
    }
}
