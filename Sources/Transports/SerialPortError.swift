public import Units

/// Why a serial port cannot be opened or set. Every case names the path as it was given.
public enum SerialPortError: Error, Equatable, Sendable {
    /// Nothing has that name, or the device behind it is gone.
    case missing(path: String)
    case noPermission(path: String)
    /// Another program, or another part of this one, has it open for itself.
    case busy(path: String)
    case notATerminal(path: String)
    /// The kernel or the adapter refuses the rate.
    case rateRefused(path: String, asked: BaudRate, errno: Int32)
    /// The rate was not changed, since bytes of the old rate were still waiting when the time was up.
    case notDrained(path: String, unsent: Int)
    /// The channel ended before the request could be carried out.
    case closed(path: String)
    case system(path: String, call: String, errno: Int32)
}

extension SerialPortError: CustomStringConvertible {
    /// A sentence for the operator: what is wrong and what to do about it.
    public var description: String {
        switch self {
        case .missing(let path):
            "\(path) does not exist; is the board plugged in, and is this still its name?"
        case .noPermission(let path):
            "no permission to open \(path); add this user to the group that owns it (often dialout), or "
                + "install Adit's udev rules"
        case .busy(let path):
            "\(path) is in use by another program; stop that one first"
        case .notATerminal(let path):
            "\(path) is not a serial port"
        case .rateRefused(let path, let asked, let errno):
            "\(path) does not accept \(asked.symbolsPerSecond) baud: \(systemText(errno))"
        case .notDrained(let path, let unsent):
            "\(path) still has \(unsent) bytes to send, so its baud rate was not changed"
        case .closed(let path):
            "\(path) was closed meanwhile"
        case .system(let path, let call, let errno):
            "\(call) failed on \(path): \(systemText(errno))"
        }
    }
}

/// Why a serial channel ended. Every case but `closedHere` is a fault of the line.
public enum SerialClosure: Hashable, Sendable {
    /// `close()` was called.
    case closedHere
    /// The device was unplugged, or the far side of a pseudo-terminal closed.
    case hungUp(path: String)
    /// The board took none of `unsent` bytes for the time given.
    case writeStalled(path: String, unsent: Int, after: Duration)
    /// More bytes were written than the line had taken and the queue holds.
    case writeQueueFull(path: String, unsent: Int)
    case failed(path: String, errno: Int32)
}

extension SerialClosure: CustomStringConvertible {
    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .closedHere: "closed"
        case .hungUp(let path): "\(path) is gone: unplugged, or its other end closed"
        case .writeStalled(let path, let unsent, let time):
            "the board at \(path) has stopped reading: \(unsent) bytes waited \(time) without progress"
        case .writeQueueFull(let path, let unsent):
            "\(path) is given more than it can send: \(unsent) bytes are waiting already"
        case .failed(let path, let errno): "\(path) failed: \(systemText(errno))"
        }
    }
}
