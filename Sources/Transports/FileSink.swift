import Glibc
import Synchronization

/// Why a line is not in the file, or may not be.
public enum FileSinkError: Error, Equatable, Sendable {
    case missingFolder(path: String)
    case isDirectory(path: String)
    case noPermission(path: String)
    /// The disk, or the user's quota of it, is full.
    case full(path: String, bytesLost: Int)
    /// The write failed for another reason; the file ends with the line before.
    case write(path: String, bytesLost: Int, errno: Int32)
    /// The write failed and its first `bytes` bytes could not be taken back.
    case halfWritten(path: String, bytes: Int, errno: Int32)
    /// The line was written, but the system does not promise that it outlives a power cut.
    case notDurable(path: String, errno: Int32)
    case closed(path: String)
    case system(path: String, call: String, errno: Int32)
}

extension FileSinkError: CustomStringConvertible {
    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .missingFolder(let path): "the folder of \(path) does not exist"
        case .isDirectory(let path): "\(path) is a folder, not a file"
        case .noPermission(let path): "no permission to write \(path)"
        case .full(let path, let bytes): "the disk is full: a line of \(bytes) bytes is not in \(path)"
        case .write(let path, let bytes, let errno):
            "a line of \(bytes) bytes is not in \(path): \(systemText(errno))"
        case .halfWritten(let path, let bytes, let errno):
            "\(path) ends with \(bytes) bytes of an unfinished line: \(systemText(errno))"
        case .notDurable(let path, let errno):
            "\(path) may lose its last lines in a power cut: \(systemText(errno))"
        case .closed(let path): "\(path) was closed before"
        case .system(let path, let call, let errno): "\(call) failed on \(path): \(systemText(errno))"
        }
    }
}

/// Appends whole lines to a file, each on the disk before the call returns.
///
/// Every call may block for as long as a disk takes, so none belongs on an event loop. One line at a time:
/// calls from several threads wait for each other.
public final class FileSink: Sendable {
    public let path: String
    private let file: Mutex<CInt>

    /// Opens the file for appending, and makes it when it is missing. A file whose last line has no end,
    /// which a power cut can leave, gets one, so that the next line stays whole.
    public init(appendingTo path: String) throws(FileSinkError) {
        let number = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0o644)
        guard number >= 0 else { throw Self.openingError(errno, path) }
        self.path = path
        file = Mutex(number)
        try endTornLine(of: number)
        try makeNameDurable()
    }

    /// Appends `line` and a line feed, and waits until the disk has them.
    ///
    /// After an error the file ends with the line before, unless the error is `halfWritten` or `notDurable`;
    /// the sink stays usable.
    ///
    /// - Parameter line: must not have a line feed in it.
    public func append(line: String) throws(FileSinkError) {
        var bytes = Array(line.utf8)
        // memchr: a block is up to 8 MB of digits, and this runs in debug builds too.
        let hasLineFeed = bytes.withUnsafeBytes {
            $0.baseAddress.map { memchr($0, 0x0A, bytes.count) != nil }
        }
        precondition(hasLineFeed != true, "one line at a time")
        bytes.append(0x0A)
        try withFile { (number) throws(FileSinkError) in
            try self.write(bytes, to: number)
            try self.synchronize(number)
        }
    }

    /// Closes the file. Network file systems say only here that they could not keep what they took.
    public func close() throws(FileSinkError) {
        try file.withLock { (number) throws(FileSinkError) in
            guard number >= 0 else { return }
            let old = number
            number = -1
            guard Glibc.close(old) == 0 else { throw .notDurable(path: self.path, errno: errno) }
        }
    }

    deinit { file.withLock { if $0 >= 0 { _ = Glibc.close($0) } } }

    private func withFile(_ body: (CInt) throws(FileSinkError) -> Void) throws(FileSinkError) {
        try file.withLock { (number) throws(FileSinkError) in
            guard number >= 0 else { throw .closed(path: self.path) }
            try body(number)
        }
    }

    private func write(_ bytes: [UInt8], to number: CInt) throws(FileSinkError) {
        let start = lseek(number, 0, SEEK_END)  // -1 on a pipe, where nothing can be taken back
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let error = count < 0 ? errno : ENOSPC
                let isWhole = written == 0 || (start >= 0 && ftruncate(number, start) == 0)
                guard isWhole else { throw .halfWritten(path: path, bytes: written, errno: error) }
                throw [ENOSPC, EDQUOT].contains(error)
                    ? .full(path: path, bytesLost: bytes.count)
                    : .write(path: path, bytesLost: bytes.count, errno: error)
            }
            written += count
        }
    }

    private func synchronize(_ number: CInt) throws(FileSinkError) {
        // EINVAL: a pipe or a device, which has nothing to synchronize.
        guard fsync(number) == 0 || errno == EINVAL else { throw .notDurable(path: path, errno: errno) }
    }

    private func endTornLine(of number: CInt) throws(FileSinkError) {
        let size = lseek(number, 0, SEEK_END)
        guard size > 0 else { return }
        var last: UInt8 = 0
        let reader = open(path, O_RDONLY | O_CLOEXEC)
        guard reader >= 0 else { throw Self.openingError(errno, path) }
        defer { _ = Glibc.close(reader) }
        guard pread(reader, &last, 1, size - 1) == 1 else {
            throw .system(path: path, call: "read", errno: errno)
        }
        if last != 0x0A { try write([0x0A], to: number) }
    }

    /// A new file's name lives in its folder, which has to reach the disk as well.
    private func makeNameDurable() throws(FileSinkError) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let number = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { return }  // a folder one may write in and not read: the file itself is safe
        defer { _ = Glibc.close(number) }
        try synchronize(number)
    }

    private static func openingError(_ code: CInt, _ path: String) -> FileSinkError {
        switch code {
        case ENOENT, ENOTDIR: .missingFolder(path: path)
        case EISDIR: .isDirectory(path: path)
        case EACCES, EPERM, EROFS: .noPermission(path: path)
        case ENOSPC, EDQUOT: .full(path: path, bytesLost: 0)
        default: .system(path: path, call: "open", errno: code)
        }
    }
}
