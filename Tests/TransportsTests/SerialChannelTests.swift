import Glibc
import NIOCore
import NIOSupport
import Testing
import Units

@testable import Transports

/// A driver's end and a board's end on one loop, both started.
private struct Line: Sendable {
    let port: SerialChannel
    let board: PseudoTerminalChannel
    let fromBoard = Recorder<UInt8>()
    let fromPort = Recorder<UInt8>()
    let closures = Recorder<SerialClosure>()

    init(_ loop: any EventLoop) async throws {
        let terminal = try PseudoTerminal()
        let path = terminal.slavePath
        board = try await terminal.channel(on: loop).get()
        port = try await SerialPort(opening: path, at: BaudRate(115_200)).channel(on: loop).get()
        try await loop.submit { [self] in
            board.start(onBytes: fromPort.append(contentsOf:), onClosed: { _ in })
            port.start(onBytes: fromBoard.append(contentsOf:), onClosed: closures.append)
        }.get()
    }
}

@Suite struct SerialChannelTests {
    @Test func `every byte value passes in both directions and none is echoed`() async throws {
        try await withLoop { loop in
            let line = try await Line(loop)
            let bytes = [UInt8](0...255) + [0x11, 0x13, 0x0D, 0x0A, 0x03, 0x04, 0x1A]
            try await loop.submit {
                line.port.write(bytes)
                #expect(line.board.write(bytes.reversed()))
            }.get()
            try await eventually {
                line.fromPort.all.count >= bytes.count && line.fromBoard.all.count >= bytes.count
            }
            #expect(line.fromPort.all == bytes)
            #expect(line.fromBoard.all == bytes.reversed())
        }
    }

    @Test func `garbage and half frames arrive as they were sent`() async throws {
        try await withLoop { loop in
            let line = try await Line(loop)
            var generator = SystemRandomNumberGenerator()
            let pieces = (0..<300).map { _ in
                (0..<Int.random(in: 1...97, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
            }
            for piece in pieces { #expect(try await loop.submit { line.board.write(piece) }.get()) }
            try await eventually { line.fromBoard.all.count >= pieces.joined().count }
            #expect(line.fromBoard.all == Array(pieces.joined()))
        }
    }

    @Test func `bytes that came before start are delivered after it`() async throws {
        try await withLoop { loop in
            let terminal = try PseudoTerminal()
            let path = terminal.slavePath
            let board = try await terminal.channel(on: loop).get()
            let port = try await SerialPort(opening: path, at: BaudRate(115_200)).channel(on: loop).get()
            let seen = Recorder<UInt8>()
            #expect(try await loop.submit { board.write([1, 2, 3]) }.get())
            #expect(waitForInput(on: path))
            try await loop.submit { port.start(onBytes: seen.append(contentsOf:), onClosed: { _ in }) }.get()
            try await eventually { seen.all.count >= 3 }
            #expect(seen.all == [1, 2, 3])
        }
    }

    @Test func `discarded input is never seen`() async throws {
        try await withLoop { loop in
            let terminal = try PseudoTerminal()
            let path = terminal.slavePath
            let board = try await terminal.channel(on: loop).get()
            let port = try await SerialPort(opening: path, at: BaudRate(115_200)).channel(on: loop).get()
            let seen = Recorder<UInt8>()
            #expect(try await loop.submit { board.write([1, 2, 3]) }.get())
            #expect(waitForInput(on: path))
            try await loop.submit {
                try port.discardInput()
                port.start(onBytes: seen.append(contentsOf:), onClosed: { _ in })
                #expect(board.write([7, 8]))
            }.get()
            try await eventually { seen.all.last == 8 }
            #expect(seen.all == [7, 8])
        }
    }

    @Test func `a change of rate reaches the far side and is read back`() async throws {
        try await withLoop { loop in
            let line = try await Line(loop)
            #expect(try await loop.submit { line.board.currentBaudRate }.get() == BaudRate(115_200))
            let actual = try await loop.flatSubmit { line.port.setBaudRate(BaudRate(3_125_000)) }.get()
            #expect(actual == BaudRate(3_125_000))
            #expect(try await loop.submit { line.board.currentBaudRate }.get() == BaudRate(3_125_000))
            #expect(try await loop.submit { line.port.baudRate }.get() == actual)
        }
    }

    @Test func `a refused rate leaves the old one`() async throws {
        try await withLoop { loop in
            let line = try await Line(loop)
            let refused = SerialPortError.rateRefused(path: line.port.path, asked: BaudRate(0), errno: EINVAL)
            await #expect(throws: refused) {
                try await loop.flatSubmit { line.port.setBaudRate(BaudRate(0)) }.get()
            }
            #expect(try await loop.submit { line.board.currentBaudRate }.get() == BaudRate(115_200))
        }
    }

    @Test func `a hang-up is reported once, and what is written after it is dropped`() async throws {
        try await withLoop { loop in
            let line = try await Line(loop)
            try await loop.submit { line.board.close() }.get()
            try await eventually { !line.closures.all.isEmpty }
            try await loop.submit {
                line.port.write([1])
                line.port.close()
            }.get()
            await #expect(throws: SerialPortError.closed(path: line.port.path)) {
                try await loop.flatSubmit { line.port.setBaudRate(BaudRate(9_600)) }.get()
            }
            #expect(throws: SerialPortError.closed(path: line.port.path)) {
                try loop.submit { try line.port.discardInput() }.wait()
            }
            #expect(line.closures.all == [.hungUp(path: line.port.path)])
        }
    }

    @Test func `a hang-up before start is reported at start`() async throws {
        try await withLoop { loop in
            let terminal = try PseudoTerminal()
            let path = terminal.slavePath
            let board = try await terminal.channel(on: loop).get()
            let port = try await SerialPort(opening: path, at: BaudRate(115_200)).channel(on: loop).get()
            try await loop.submit { board.close() }.get()
            let closures = Recorder<SerialClosure>()
            try await loop.submit { port.start(onBytes: { _ in }, onClosed: closures.append) }.get()
            try await eventually { !closures.all.isEmpty }
            #expect(closures.all == [.hungUp(path: path)])
        }
    }

    @Test func `our own close is said to be ours, and frees the port`() async throws {
        try await withLoop { loop in
            let line = try await Line(loop)
            try await loop.submit { line.port.close() }.get()
            try await eventually { !line.closures.all.isEmpty }
            #expect(line.closures.all == [.closedHere])
            _ = try SerialPort(opening: line.port.path, at: BaudRate(9_600))
        }
    }

    @Test func `a board that stops reading is noticed and named`() async throws {
        try await withLoop { loop in
            let terminal = try PseudoTerminal()  // whose master nobody reads
            let path = terminal.slavePath
            let port = try await SerialPort(opening: path, at: BaudRate(115_200))
                .channel(on: loop, writeCapacity: 1 << 20, writePatience: .milliseconds(300)).get()
            let closures = Recorder<SerialClosure>()
            let change = try await loop.submit {
                port.start(onBytes: { _ in }, onClosed: closures.append)
                port.write([UInt8](repeating: 0x55, count: 500_000))
                return port.setBaudRate(BaudRate(1_000_000))
            }.get()
            await #expect(throws: SerialPortError.closed(path: path)) { try await change.get() }
            try await eventually { !closures.all.isEmpty }
            guard case .writeStalled(path, let unsent, .milliseconds(300)) = closures.all.first else {
                Issue.record("ended with \(closures.all)")
                return
            }
            #expect((1...500_000).contains(unsent))
            #expect(terminal.slavePath == path)
        }
    }

    @Test func `more than the queue holds closes the port with that reason`() async throws {
        try await withLoop { loop in
            let terminal = try PseudoTerminal()
            let path = terminal.slavePath
            let port = try await SerialPort(opening: path, at: BaudRate(115_200))
                .channel(on: loop, writeCapacity: 200_000).get()
            let closures = Recorder<SerialClosure>()
            try await loop.submit {
                port.start(onBytes: { _ in }, onClosed: closures.append)
                for _ in 0..<200 where closures.all.isEmpty {
                    port.write([UInt8](repeating: 0x55, count: 4_000))
                }
            }.get()
            try await eventually { !closures.all.isEmpty }
            guard case .writeQueueFull(path, let unsent) = closures.all.first else {
                Issue.record("ended with \(closures.all)")
                return
            }
            #expect((196_001...200_000).contains(unsent))
            #expect(terminal.slavePath == path)
        }
    }

    @Test func `bytes written during a change of rate go out at the new one, in their order`() async throws {
        try await withLoop { loop in
            let terminal = try PseudoTerminal()
            let path = terminal.slavePath
            let board = try await terminal.channel(on: loop).get()  // does not read before its start
            let port = try await SerialPort(opening: path, at: BaudRate(115_200))
                .channel(on: loop, writeCapacity: 1 << 20, writePatience: .seconds(60)).get()
            let early = [UInt8](repeating: 0xAA, count: 300_000)
            let late = [UInt8](repeating: 0xBB, count: 300_000)  // more than a terminal buffers
            let seen = Recorder<UInt8>()
            let ratesOfLate = Recorder<BaudRate?>()
            let change = try await loop.submit {
                port.start(onBytes: { _ in }, onClosed: { _ in })
                port.write(early)
                let change = port.setBaudRate(BaudRate(1_000_000))
                port.write(late)
                return change
            }.get()
            try await loop.submit {
                #expect(board.currentBaudRate == BaudRate(115_200))
                board.start(
                    onBytes: { bytes in
                        seen.append(contentsOf: bytes)
                        if bytes.contains(0xBB) { ratesOfLate.append(board.currentBaudRate) }
                    }, onClosed: { _ in })
            }.get()
            #expect(try await change.get() == BaudRate(1_000_000))
            try await eventually { seen.all.count >= early.count + late.count }
            #expect(seen.all == early + late)
            #expect(Set(ratesOfLate.all) == [BaudRate(1_000_000)])
        }
    }

    @Test func `a rate is not changed in front of bytes that do not leave`() async throws {
        try await withLoop { loop in
            let terminal = try PseudoTerminal()  // whose master nobody reads
            let path = terminal.slavePath
            // The line itself is patient, the change of rate is not.
            let bytes = DescriptorChannel(loop: loop, capacity: 1 << 20, patience: .seconds(600))
            let port = try await SerialChannel(
                path: path, descriptor: open(path, O_RDWR | O_NOCTTY), rate: BaudRate(100_000_000),
                bytes: bytes,
                patience: .milliseconds(50)
            ).open().get()
            let change = try await loop.submit {
                port.write([UInt8](repeating: 0xAA, count: 300_000))
                return port.setBaudRate(BaudRate(1_000_000))
            }.get()
            do {
                _ = try await change.get()
                Issue.record("the rate was changed in front of waiting bytes")
            } catch SerialPortError.notDrained(path, let unsent) {
                #expect((1...300_000).contains(unsent))
            }
            #expect(try await loop.submit { port.baudRate }.get() == BaudRate(100_000_000))
            #expect(terminal.slavePath == path)
        }
    }
}

/// Waits until a terminal has something to read, without reading it.
private func waitForInput(on path: String) -> Bool {
    let terminal = open(path, O_RDWR | O_NOCTTY)
    defer { close(terminal) }
    var interest = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
    return poll(&interest, 1, 30_000) == 1
}
