import Glibc
import PoolServer
import SV2Noise
import Testing

/// A folder that goes with its test.
private final class Folder {
    let path: String
    init() {
        var template = Array("/tmp/adit-keys-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { preconditionFailure("no folder in /tmp: \(errno)") }
        path = String(cString: made)
    }
    deinit {
        for name in ["pool.key", "other"] { unlink("\(path)/\(name)") }
        rmdir(path)
    }
    var key: String { "\(path)/pool.key" }

    func write(_ text: String, mode: mode_t) {
        let file = open(key, O_WRONLY | O_CREAT | O_TRUNC, mode)
        let bytes = Array(text.utf8)
        precondition(Glibc.write(file, bytes, bytes.count) == bytes.count && fchmod(file, mode) == 0)
        close(file)
    }
}

struct AuthorityKeyFileTests {
    private let folder = Folder()
    private let key: AuthorityKeyPair = {
        var generator = SystemRandomNumberGenerator()
        return .generate(using: &generator)
    }()

    @Test func `what was written is read again, and only its owner may read it`() throws {
        try AuthorityKeyFile.create(key, at: folder.key)
        #expect(try AuthorityKeyFile.read(folder.key).publicKey == key.publicKey)
        var facts = stat()
        #expect(stat(folder.key, &facts) == 0)
        #expect(facts.st_mode & 0o777 == 0o600)
    }

    @Test func `an existing file is never overwritten, nor written through a link`() throws {
        try AuthorityKeyFile.create(key, at: folder.key)
        #expect(throws: AuthorityKeyFileError.exists(path: folder.key)) {
            try AuthorityKeyFile.create(key, at: folder.key)
        }
        #expect(try AuthorityKeyFile.read(folder.key).publicKey == key.publicKey)
        let link = "\(folder.path)/other"
        #expect(symlink("\(folder.path)/nowhere", link) == 0)
        #expect(throws: AuthorityKeyFileError.exists(path: link)) {
            try AuthorityKeyFile.create(key, at: link)
        }
    }

    @Test(arguments: [0o640, 0o604, 0o660] as [mode_t])
    func `a file that others may read is refused, with the command that closes it`(mode: mode_t) throws {
        folder.write(key.secretText + "\n", mode: mode)
        let error = #expect(throws: AuthorityKeyFileError.self) { try AuthorityKeyFile.read(folder.key) }
        #expect(error == .tooOpen(path: folder.key, mode: UInt32(mode)))
        #expect("\(try #require(error))".contains("chmod 600 \(folder.key)"))
    }

    @Test func `comments, blank lines and line ends of any kind do not matter`() throws {
        folder.write("# a comment\r\n\r\n\(key.secretText)\r\n# another\n", mode: 0o600)
        #expect(try AuthorityKeyFile.read(folder.key).publicKey == key.publicKey)
    }

    @Test func `what is no key is named, and never shown`() throws {
        folder.write("# nothing\n", mode: 0o600)
        #expect(throws: AuthorityKeyFileError.notAKeyFile(path: folder.key)) {
            try AuthorityKeyFile.read(folder.key)
        }
        folder.write("\(key.secretText)\n\(key.secretText)\n", mode: 0o600)
        #expect(throws: AuthorityKeyFileError.notAKeyFile(path: folder.key)) {
            try AuthorityKeyFile.read(folder.key)
        }
        folder.write(String(repeating: "#", count: 5_000), mode: 0o600)
        #expect(throws: AuthorityKeyFileError.notAKeyFile(path: folder.key)) {
            try AuthorityKeyFile.read(folder.key)
        }
        let mistyped = String(key.secretText.dropLast()) + (key.secretText.last == "2" ? "3" : "2")
        folder.write(mistyped, mode: 0o600)
        let error = #expect(throws: AuthorityKeyFileError.self) { try AuthorityKeyFile.read(folder.key) }
        #expect(error == .key(path: folder.key, .checksum))
        #expect("\(try #require(error))".contains(mistyped.prefix(6)) == false)
    }

    @Test func `a missing file, a missing folder, a folder and a device are told apart`() {
        #expect(throws: AuthorityKeyFileError.missing(path: folder.key)) {
            try AuthorityKeyFile.read(folder.key)
        }
        #expect(throws: AuthorityKeyFileError.missingFolder(path: "\(folder.path)/no/key")) {
            try AuthorityKeyFile.create(key, at: "\(folder.path)/no/key")
        }
        #expect(throws: AuthorityKeyFileError.isDirectory(path: folder.path)) {
            try AuthorityKeyFile.read(folder.path)
        }
        #expect(throws: AuthorityKeyFileError.notAKeyFile(path: "/dev/zero")) {
            try AuthorityKeyFile.read("/dev/zero")
        }
    }
}
