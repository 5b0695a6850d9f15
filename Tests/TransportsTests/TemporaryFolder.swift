import Glibc

/// A folder that goes with its owner, with what tests put in it.
final class TemporaryFolder: Sendable {
    let path: String

    init() {
        var name = Array("/tmp/adit-transports-XXXXXX".utf8CString)
        precondition(mkdtemp(&name) != nil, "no temporary folder")
        path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func path(_ name: String) -> String { "\(path)/\(name)" }

    deinit {
        guard let folder = opendir(path) else { return }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { unlink("\(path)/\(name)") }
        }
        closedir(folder)
        rmdir(path)
    }
}

/// The content of a small file; nil when it is not there.
func contents(of path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8]()
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(file, &piece, piece.count)
        guard count > 0 else { return bytes }
        bytes += piece.prefix(count)
    }
}

func makeFile(_ path: String, _ text: String, mode: mode_t = 0o644) {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    precondition(file >= 0 && write(file, text, text.utf8.count) == text.utf8.count, "cannot make \(path)")
    close(file)
    chmod(path, mode)
}

/// Runs `body` as a user who owns nothing, as far as files go and in this thread only. Without root we are
/// one.
func asNobody<T>(_ body: () throws -> T) rethrows -> T {
    guard getuid() == 0 else { return try body() }
    // <sys/fsuid.h> is not among the headers that Swift imports.
    guard let symbol = dlsym(nil, "setfsuid") else { preconditionFailure("a libc without setfsuid") }
    let setfsuid = unsafeBitCast(symbol, to: (@convention(c) (uid_t) -> CInt).self)
    _ = setfsuid(65_534)
    defer { _ = setfsuid(0) }
    return try body()
}
