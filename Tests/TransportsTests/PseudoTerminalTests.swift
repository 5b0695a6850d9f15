import Glibc
import NIOCore
import NIOSupport
import Testing
import Units

@testable import Transports

@Suite struct PseudoTerminalTests {
    let folder = TemporaryFolder()

    func target(of link: String) -> String? {
        var text = [CChar](repeating: 0, count: 256)
        return readlink(link, &text, text.count - 1) > 0 ? String(terminated: text) : nil
    }

    @Test func `a link leads to the slave and goes with the terminal`() async throws {
        let link = folder.path("gamma-asic")
        try await withLoop { loop in
            let terminal = try PseudoTerminal(link: link)
            #expect(target(of: link) == terminal.slavePath)
            let channel = try await terminal.channel(on: loop).get()
            #expect(target(of: link) == channel.slavePath)
            _ = try SerialPort(opening: link, at: BaudRate(115_200))
            let ends = Recorder<Int32?>()
            try await loop.submit {
                channel.start(onBytes: { _ in }, onClosed: ends.append)
                channel.close()
            }.get()
            try await eventually { !ends.all.isEmpty }
            #expect(ends.all == [nil])
            #expect(target(of: link) == nil)
        }
    }

    @Test func `a terminal that never got a channel takes its link along`() throws {
        let link = folder.path("link")
        do { _ = try PseudoTerminal(link: link) }
        #expect(target(of: link) == nil)
    }

    @Test func `a leftover link is replaced, anything else is left alone`() throws {
        let link = folder.path("link")
        symlink("/dev/pts/4093", link)
        do {
            let terminal = try PseudoTerminal(link: link)
            #expect(target(of: link) == terminal.slavePath)
        }
        symlink("/etc/passwd", link)
        makeFile(folder.path("file"), "precious")
        for taken in [link, folder.path("file")] {
            #expect(throws: PseudoTerminalError.linkTaken(path: taken)) {
                _ = try PseudoTerminal(link: taken)
            }
        }
        #expect(target(of: link) == "/etc/passwd")
        #expect(contents(of: folder.path("file")) == Array("precious".utf8))
        let lost = folder.path("no/such/folder")
        #expect(throws: PseudoTerminalError.link(path: lost, errno: ENOENT)) {
            _ = try PseudoTerminal(link: lost)
        }
    }

    @Test func `a link that somebody has moved elsewhere stays`() throws {
        let link = folder.path("link")
        do {
            let terminal = try PseudoTerminal(link: link)
            unlink(link)
            symlink("/dev/pts/4093", link)
            #expect(target(of: link) != terminal.slavePath)
        }
        #expect(target(of: link) == "/dev/pts/4093")
    }

    @Test func `drivers come and go`() async throws {
        try await withLoop { loop in
            let terminal = try PseudoTerminal()
            let path = terminal.slavePath
            let board = try await terminal.channel(on: loop).get()
            let seen = Recorder<UInt8>()
            let ends = Recorder<Int32?>()
            try await loop.submit { board.start(onBytes: seen.append(contentsOf:), onClosed: ends.append) }
                .get()
            for visit in 1...3 as ClosedRange<UInt8> {
                let port = try await SerialPort(opening: path, at: BaudRate(115_200)).channel(on: loop).get()
                let closures = Recorder<SerialClosure>()
                try await loop.submit {
                    port.start(onBytes: { _ in }, onClosed: closures.append)
                    port.write([visit])
                }.get()
                try await eventually { seen.all.last == visit }
                try await loop.submit { port.close() }.get()
                try await eventually { !closures.all.isEmpty }
            }
            #expect(seen.all == [1, 2, 3])
            #expect(ends.all.isEmpty)
        }
    }

    @Test func `bytes that no driver reads are dropped, and the terminal goes on`() async throws {
        try await withLoop { loop in
            let terminal = try PseudoTerminal()
            let path = terminal.slavePath
            let board = try await terminal.channel(on: loop, capacity: 10_000).get()
            let taken = try await loop.submit {
                (0..<1_000).prefix { _ in board.write([UInt8](repeating: 0x55, count: 1_000)) }.count
            }.get()
            #expect((10..<1_000).contains(taken))
            // A driver forgets old bytes when it opens, and makes room.
            let port = try await SerialPort(opening: path, at: BaudRate(115_200)).channel(on: loop).get()
            let seen = Recorder<UInt8>()
            try await loop.submit { port.start(onBytes: seen.append(contentsOf:), onClosed: { _ in }) }.get()
            try await eventually { try await loop.submit { board.write([0xEE]) }.get() }
            try await eventually { seen.all.last == 0xEE }
        }
    }
}
