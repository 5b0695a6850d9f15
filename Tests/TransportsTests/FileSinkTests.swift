import Glibc
import Testing

@testable import Transports

@Suite(.serialized) struct FileSinkTests {
    let folder = TemporaryFolder()

    func text(of path: String) -> String? { contents(of: path).map { String(decoding: $0, as: UTF8.self) } }

    @Test func `lines are on the disk whole and in order, also over two openings`() throws {
        let path = folder.path("blocks")
        let first = try FileSink(appendingTo: path)
        try first.append(line: "00aa")
        try first.append(line: "11bb")
        #expect(text(of: path) == "00aa\n11bb\n")
        try first.close()
        try FileSink(appendingTo: path).append(line: "22cc")
        #expect(text(of: path) == "00aa\n11bb\n22cc\n")
    }

    @Test func `a line that a power cut has torn is ended, so that the next one is whole`() throws {
        let path = folder.path("blocks")
        makeFile(path, "00aa\n11b")
        try FileSink(appendingTo: path).append(line: "22cc")
        #expect(text(of: path) == "00aa\n11b\n22cc\n")
    }

    @Test func `a full disk is named`() throws {
        let sink = try FileSink(appendingTo: "/dev/full")
        #expect(throws: FileSinkError.full(path: "/dev/full", bytesLost: 5)) { try sink.append(line: "00aa") }
        #expect(FileSinkError.full(path: "/dev/full", bytesLost: 5).description.contains("disk is full"))
    }

    @Test func `a line that fits only in part is taken back, and the sink goes on`() throws {
        let path = folder.path("blocks")
        let sink = try FileSink(appendingTo: path)
        try sink.append(line: "00aa")
        // A limit on the size of files stands for the disk that fills up in the middle of a line. It holds
        // for the whole process, so it is far above what anybody else writes here.
        signal(SIGXFSZ, SIG_IGN)
        var old = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old)
        var small = rlimit(rlim_cur: 4 << 20, rlim_max: old.rlim_max)
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &small)
        let long = String(repeating: "5", count: 5 << 20)
        #expect(throws: FileSinkError.write(path: path, bytesLost: long.utf8.count + 1, errno: EFBIG)) {
            try sink.append(line: long)
        }
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &old)
        #expect(text(of: path) == "00aa\n")
        try sink.append(line: "11bb")
        #expect(text(of: path) == "00aa\n11bb\n")
    }

    @Test func `what cannot be opened for writing is named`() {
        makeFile(folder.path("locked"), "", mode: 0o444)
        #expect(throws: FileSinkError.isDirectory(path: folder.path)) {
            try FileSink(appendingTo: folder.path)
        }
        let lost = folder.path("no/blocks")
        #expect(throws: FileSinkError.missingFolder(path: lost)) { try FileSink(appendingTo: lost) }
        let locked = folder.path("locked")
        #expect(throws: FileSinkError.noPermission(path: locked)) {
            try asNobody { try FileSink(appendingTo: locked) }
        }
    }

    @Test func `a closed sink says so`() throws {
        let sink = try FileSink(appendingTo: folder.path("blocks"))
        try sink.close()
        try sink.close()
        #expect(throws: FileSinkError.closed(path: sink.path)) { try sink.append(line: "00aa") }
    }
}
