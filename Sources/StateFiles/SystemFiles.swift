import Glibc

/// The system's own calls; any of them may block for as long as a disk takes.
public struct SystemFiles: FileCalls {
    public init() {}

    public func open(_ path: String, for use: FileUse) throws(FileCallError) -> CInt {
        let flags =
            switch use {
            case .reading: O_RDONLY | O_CLOEXEC | O_NOCTTY
            case .replacing: O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY
            case .folder: O_RDONLY | O_DIRECTORY | O_CLOEXEC
            }
        return try Self.checked("open") { Glibc.open(path, flags, 0o600) }
    }

    public func write(_ bytes: ArraySlice<UInt8>, to file: CInt) throws(FileCallError) -> Int {
        let count = try Self.checked("write") {
            bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        }
        // A write of something that takes nothing and says nothing is one to a full disk.
        guard count > 0 else { throw FileCallError(call: "write", errno: ENOSPC) }
        return count
    }

    public func read(_ count: Int, from file: CInt) throws(FileCallError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let read = try Self.checked("read") { Glibc.read(file, &bytes, count) }
        return Array(bytes[..<read])
    }

    public func sync(_ file: CInt) throws(FileCallError) {
        _ = try Self.checked("fsync") { fsync(file) }
    }

    public func close(_ file: CInt) throws(FileCallError) {
        // Not again after EINTR: Linux has closed it then.
        guard Glibc.close(file) == 0 || errno == EINTR else {
            throw FileCallError(call: "close", errno: errno)
        }
    }

    public func rename(_ path: String, to newPath: String) throws(FileCallError) {
        _ = try Self.checked("rename") { Glibc.rename(path, newPath) }
    }

    public func remove(_ path: String) throws(FileCallError) {
        _ = try Self.checked("unlink") { unlink(path) }
    }

    public func makeFolder(_ path: String) throws(FileCallError) {
        guard mkdir(path, 0o700) != 0, errno != EEXIST else { return }
        throw FileCallError(call: "mkdir", errno: errno)
    }

    public func names(in folder: String) throws(FileCallError) -> [String] {
        guard let stream = opendir(folder) else { throw FileCallError(call: "opendir", errno: errno) }
        defer { closedir(stream) }
        var names = [String]()
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw FileCallError(call: "readdir", errno: errno) }
                return names.filter { $0 != "." && $0 != ".." }
            }
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                })
        }
    }

    private static func checked<Result: BinaryInteger>(
        _ call: String, _ body: () -> Result
    ) throws(FileCallError) -> Result {
        while true {
            let result = body()
            if result >= 0 { return result }
            guard errno == EINTR else { throw FileCallError(call: call, errno: errno) }
        }
    }
}
