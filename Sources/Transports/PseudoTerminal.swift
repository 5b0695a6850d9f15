import CLinux
import Glibc
public import NIOCore
public import Units

/// Why there is no pseudo-terminal.
public enum PseudoTerminalError: Error, Equatable, Sendable {
    /// Something that is no link to a pseudo-terminal has the name already.
    case linkTaken(path: String)
    case link(path: String, errno: Int32)
    case system(call: String, errno: Int32)
}

extension PseudoTerminalError: CustomStringConvertible {
    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .linkTaken(let path):
            "\(path) exists and is not a link to a pseudo-terminal; choose another name"
        case .link(let path, let errno): "cannot make the link \(path): \(systemText(errno))"
        case .system(let call, let errno): "no pseudo-terminal: \(call) failed: \(systemText(errno))"
        }
    }
}

/// A pair of terminals without a wire: an emulator holds the master, a driver opens the slave like a board's
/// port.
///
/// The slave stays open here too, so that the master can be read before a driver comes and after it has gone.
public struct PseudoTerminal: ~Copyable, Sendable {
    /// `/dev/pts/N`.
    public let slavePath: String
    private let master: OwnedDescriptor
    private let slave: OwnedDescriptor
    private let link: TerminalLink?

    /// - Parameter link: a symlink to make to the slave; one to another pseudo-terminal (a leftover) is
    ///   replaced. It goes with the pseudo-terminal.
    public init(link: String? = nil) throws(PseudoTerminalError) {
        var (near, far) = (CInt(-1), CInt(-1))
        var name = [CChar](repeating: 0, count: 64)
        let error = adit_pty_open(&near, &far, &name, name.count)
        guard error == 0 else { throw .system(call: "posix_openpt", errno: error) }
        let path = String(terminated: name)
        do throws(PseudoTerminalError) {
            self.link = try TerminalLink(at: link, to: path)
        } catch {
            close(near)
            close(far)
            throw error
        }
        slavePath = path
        master = OwnedDescriptor(near)
        slave = OwnedDescriptor(far)
    }

    /// Puts the master on an event loop. What the driver writes waits in the kernel until the channel's
    /// `start`.
    ///
    /// - Parameter capacity: bytes that may wait for the driver to read them, beside what the kernel buffers.
    /// - Returns: succeeds on the loop; fails with `PseudoTerminalError`.
    public consuming func channel(
        on loop: any EventLoop, capacity: Int = 65_536
    ) -> EventLoopFuture<PseudoTerminalChannel> {
        let master = master
        let channel = PseudoTerminalChannel(
            slavePath: slavePath, slave: slave.release(), link: link,
            bytes: DescriptorChannel(loop: loop, capacity: capacity, patience: nil))
        return channel.open(copyOf: master.number)
    }
}

/// The master's end on an event loop.
///
/// Sendable by confinement: every method must be called on `loop` and traps elsewhere; closures are called
/// there.
public final class PseudoTerminalChannel: @unchecked Sendable {
    public let slavePath: String
    public let loop: any EventLoop
    private let bytes: DescriptorChannel
    /// -1 once closed.
    private var slave: CInt
    private var link: TerminalLink?

    init(slavePath: String, slave: CInt, link: consuming TerminalLink?, bytes: DescriptorChannel) {
        self.slavePath = slavePath
        self.slave = slave
        self.link = link
        self.bytes = bytes
        loop = bytes.loop
    }

    /// Begins to read what the driver writes.
    ///
    /// - Parameters:
    ///   - onBytes: any number of bytes above 0, frames cut anywhere.
    ///   - onClosed: called exactly once, with nil after `close()` and with an errno value when the kernel
    ///     failed. A driver that comes or goes is not an end.
    public func start(onBytes: @escaping ([UInt8]) -> Void, onClosed: @escaping (Int32?) -> Void) {
        bytes.start(onBytes: onBytes) { end in
            self.release()
            switch end {
            case .closedHere: onClosed(nil)
            case .hungUp, .stalled, .queueFull: onClosed(EIO)
            case .failed(let errno): onClosed(errno)
            }
        }
    }

    /// Sends bytes to the driver. False means that they were dropped whole, as a UART drops what nobody
    /// reads: `capacity` bytes wait already, or the channel has ended.
    public func write(_ frame: [UInt8]) -> Bool { bytes.write(frame) }

    /// The rate that the driver has set at this moment; the emulator garbles bytes when it is not the chips'
    /// own. Nil when the driver set 0, or the channel has ended.
    public var currentBaudRate: BaudRate? {
        loop.preconditionInEventLoop()
        var rate: UInt32 = 0
        guard adit_tty_baud(slave, &rate) == 0, rate > 0 else { return nil }
        return BaudRate(rate)
    }

    /// Unplugs: the driver sees a hang-up, the link goes.
    public func close() { bytes.close(because: .closedHere) }

    func open(copyOf master: CInt) -> EventLoopFuture<PseudoTerminalChannel> {
        bytes.open(copyOf: master).map { self }.flatMapErrorThrowing { error in
            self.release()
            throw PseudoTerminalError.system(call: "open", errno: (error as? IOError)?.errnoCode ?? 0)
        }
    }

    private func release() {
        if slave >= 0 { Glibc.close(slave) }
        slave = -1
        link = nil
    }
}

/// A symlink to a pseudo-terminal that goes with its owner, unless somebody has pointed it elsewhere
/// meanwhile.
struct TerminalLink: ~Copyable, Sendable {
    private let path: String
    private let target: String

    /// Nil when there is no path.
    init?(at path: String?, to target: String) throws(PseudoTerminalError) {
        guard let path else { return nil }
        if symlink(target, path) != 0 {
            guard errno == EEXIST else { throw .link(path: path, errno: errno) }
            guard let old = Self.target(of: path), old.hasPrefix("/dev/pts/") else {
                throw .linkTaken(path: path)
            }
            guard unlink(path) == 0, symlink(target, path) == 0 else { throw .link(path: path, errno: errno) }
        }
        self.path = path
        self.target = target
    }

    deinit {
        if Self.target(of: path) == target { unlink(path) }
    }

    private static func target(of path: String) -> String? {
        var text = [CChar](repeating: 0, count: 256)
        return readlink(path, &text, text.count - 1) > 0 ? String(terminated: text) : nil
    }
}
