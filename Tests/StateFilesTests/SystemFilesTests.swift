import Glibc
import Payouts
import StateFiles
import Testing

@Suite struct SystemFilesTests {
    private let files = SystemFiles()

    private func refusal<Result>(_ body: () throws(FileCallError) -> Result) -> FileCallError? {
        do throws(FileCallError) {
            _ = try body()
            return nil
        } catch {
            return error
        }
    }

    @Test func `the system's own refusals keep their call and number`() throws {
        let folder = try Folder()
        let full = try files.open("/dev/full", for: .replacing)
        #expect(
            refusal { () throws(FileCallError) in try files.write([1, 2], to: full) }
                == FileCallError(call: "write", errno: ENOSPC))
        try files.close(full)
        #expect(
            refusal { () throws(FileCallError) in try files.open(folder.path + "/none/x", for: .replacing) }
                == FileCallError(call: "open", errno: ENOENT))
        #expect(
            refusal { () throws(FileCallError) in try files.rename(folder.path + "/a", to: folder.path + "/b")
            }
                == FileCallError(call: "rename", errno: ENOENT))
        #expect(
            refusal { () throws(FileCallError) in try files.close(-1) }
                == FileCallError(call: "close", errno: EBADF))
        #expect(
            refusal { () throws(FileCallError) in try files.names(in: folder.path + "/none") }
                == FileCallError(call: "opendir", errno: ENOENT))
    }

    @Test func `a link in place of a file is not followed`() throws {
        let folder = try Folder()
        try folder.write("target", [1])
        #expect(symlink(folder.path + "/target", folder.path + "/link") == 0)
        #expect(
            refusal { () throws(FileCallError) in try files.open(folder.path + "/link", for: .replacing) }
                == FileCallError(call: "open", errno: ELOOP))
        #expect(try folder.read("target") == [1])
    }

    @Test func `files are written, read in pieces, named and removed`() throws {
        let folder = try Folder()
        try files.makeFolder(folder.path + "/sub")
        try files.makeFolder(folder.path + "/sub")
        let path = folder.path + "/sub/file"
        let out = try files.open(path, for: .replacing)
        #expect(try files.write([1, 2, 3, 4, 5], to: out) == 5)
        try files.sync(out)
        try files.close(out)
        let file = try files.open(path, for: .reading)
        #expect(try files.read(3, from: file) == [1, 2, 3])
        #expect(try files.read(3, from: file) == [4, 5])
        #expect(try files.read(3, from: file).isEmpty)
        try files.close(file)
        #expect(try files.names(in: folder.path + "/sub") == ["file"])
        try files.remove(path)
        #expect(try files.names(in: folder.path + "/sub").isEmpty)
    }

    @Test func `a state file where no folder is says so`() throws {
        let folder = try Folder()
        let path = folder.path + "/none/payout"
        #expect(throws: StateFault.missingFolder(path: path)) {
            try PayoutIndexFile(path: path).save(.init(ranged))
        }
        #expect(throws: StateFault.missingFolder(path: folder.path + "/none/blocks")) {
            try BlockStore(folder: folder.path + "/none/blocks").open()
        }
    }
}
