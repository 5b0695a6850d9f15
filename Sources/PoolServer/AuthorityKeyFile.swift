import Glibc
public import SV2Noise
import Transports

/// Why a pool's secret key cannot be read or written.
public enum AuthorityKeyFileError: Error, Equatable, Sendable {
    case exists(path: String)
    case missing(path: String)
    case missingFolder(path: String)
    case isDirectory(path: String)
    case noPermission(path: String)
    /// Others than the owner may read it: its permission bits.
    case tooOpen(path: String, mode: UInt32)
    /// Not one line with a key, comments aside.
    case notAKeyFile(path: String)
    case key(path: String, AuthorityKeyError)
    case system(path: String, call: String, errno: Int32)
}

extension AuthorityKeyFileError: CustomStringConvertible {
    /// A sentence for the operator: the cause, and the fix. It never shows what is in the file.
    public var description: String {
        switch self {
        case .exists(let path):
            "\(path) exists already, and a pool's key is not overwritten: its miners know the pool by it. Choose "
                + "another name, or move that file away"
        case .missing(let path): "there is no \(path); adit pool keygen makes one"
        case .missingFolder(let path): "the folder of \(path) does not exist"
        case .isDirectory(let path): "\(path) is a folder, not a file"
        case .noPermission(let path): "no permission to use \(path)"
        case .tooOpen(let path, let mode):
            "\(path) can be read by others (mode 0\(String(mode, radix: 8))), who could then pose as the pool: "
                + "chmod 600 \(path)"
        case .notAKeyFile(let path):
            "\(path) is no key file: one line with the secret key, and lines that begin with #"
        case .key(let path, let error): "the secret key in \(path) is not usable: \(error)"
        case .system(let path, let call, let errno): "\(call) failed on \(path): \(systemText(errno))"
        }
    }
}

/// The file that a pool's authority key is kept in: lines of comment that begin with #, and one line with the secret
/// in its text form (SV2 section 4.7). Its mode is 0600, and a file that others may read is refused.
public enum AuthorityKeyFile {
    /// No key file is longer.
    private static let longest = 4_096

    /// Writes a new file, which is on the disk when this returns. Nothing is left of one that could not be finished.
    public static func create(_ key: AuthorityKeyPair, at path: String) throws(AuthorityKeyFileError) {
        let text = """
            # The secret key of a Stratum V2 pool (Adit). Whoever has it can pose as the pool: keep it to yourself.
            # Its miners' addresses end with the public key: \(key.publicKey)
            \(key.secretText)

            """
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw openingError(errno, path) }
        defer { close(file) }
        // The umask may take bits away, never add any.
        let bytes = Array(text.utf8)
        guard write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0 else {
            let code = errno
            unlink(path)
            throw .system(path: path, call: "write", errno: code)
        }
    }

    public static func read(_ path: String) throws(AuthorityKeyFileError) -> AuthorityKeyPair {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard file >= 0 else { throw openingError(errno, path) }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0 else { throw .system(path: path, call: "fstat", errno: errno) }
        guard facts.st_mode & S_IFMT != S_IFDIR else { throw .isDirectory(path: path) }
        guard facts.st_mode & S_IFMT == S_IFREG else { throw .notAKeyFile(path: path) }
        guard facts.st_mode & 0o077 == 0 else { throw .tooOpen(path: path, mode: facts.st_mode & 0o777) }
        var bytes = [UInt8](repeating: 0, count: longest)
        let count = Glibc.read(file, &bytes, bytes.count)
        guard count >= 0 else { throw .system(path: path, call: "read", errno: errno) }
        guard count < longest, let text = String(validating: bytes.prefix(count), as: UTF8.self) else {
            throw .notAKeyFile(path: path)
        }
        let lines = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("#") }
        guard lines.count == 1 else { throw .notAKeyFile(path: path) }
        do throws(AuthorityKeyError) {
            return try AuthorityKeyPair(secretText: String(lines[0]))
        } catch {
            throw .key(path: path, error)
        }
    }

    private static func openingError(_ code: CInt, _ path: String) -> AuthorityKeyFileError {
        switch code {
        case EEXIST, ELOOP: .exists(path: path)
        case ENOENT:
            access(folder(of: path), F_OK) == 0 ? .missing(path: path) : .missingFolder(path: path)
        case ENOTDIR: .missingFolder(path: path)
        case EISDIR: .isDirectory(path: path)
        case EACCES, EPERM, EROFS: .noPermission(path: path)
        default: .system(path: path, call: "open", errno: code)
        }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
