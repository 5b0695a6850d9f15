import Glibc
import NIOCore
import Testing
import Units

@testable import Transports

@Suite struct SerialPortTests {
    let slow = BaudRate(115_200)
    let folder = TemporaryFolder()

    /// The error of opening `path`, or nil.
    func errorOpening(_ path: String) -> SerialPortError? {
        do throws(SerialPortError) {
            _ = try SerialPort(opening: path, at: slow)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a port that is not there is named`() {
        #expect(errorOpening(folder.path("ttyACM7")) == .missing(path: folder.path("ttyACM7")))
        #expect(SerialPortError.missing(path: "/dev/ttyACM7").description.contains("/dev/ttyACM7"))
    }

    @Test func `a file and a folder are no serial ports`() {
        makeFile(folder.path("file"), "text")
        #expect(errorOpening(folder.path("file")) == .notATerminal(path: folder.path("file")))
        #expect(errorOpening(folder.path) == .notATerminal(path: folder.path))
    }

    @Test func `a port of another user is refused`() throws {
        let terminal = try PseudoTerminal()
        chmod(terminal.slavePath, 0)
        #expect(asNobody { errorOpening(terminal.slavePath) } == .noPermission(path: terminal.slavePath))
    }

    @Test func `a port opens once at a time`() throws {
        let terminal = try PseudoTerminal()
        do {
            let first = try SerialPort(opening: terminal.slavePath, at: slow)
            #expect(errorOpening(first.path) == .busy(path: first.path))
            _ = consume first
        }
        #expect(errorOpening(terminal.slavePath) == nil)
    }

    @Test(arguments: [115_200, 115_740, 1_000_000, 1_234_567, 3_125_000] as [UInt32])
    func `the rate that the kernel set is read back`(rate: UInt32) throws {
        let terminal = try PseudoTerminal()
        let port = try SerialPort(opening: terminal.slavePath, at: BaudRate(rate))
        #expect(port.baudRate == BaudRate(rate))
        var descriptorRate = BaudRate(1)
        do {
            // A second open file sees the terminal's own setting, not what we remember.
            let other = open(terminal.slavePath, O_RDWR | O_NOCTTY)
            defer { close(other) }
            descriptorRate = try setRate(BaudRate(rate), of: other, "other")
        }
        #expect(descriptorRate == port.baudRate)
    }

    @Test func `a rate of zero, which would hang up, is refused`() throws {
        let terminal = try PseudoTerminal()
        #expect(
            throws: SerialPortError.rateRefused(path: terminal.slavePath, asked: BaudRate(0), errno: EINVAL)
        ) {
            _ = try SerialPort(opening: terminal.slavePath, at: BaudRate(0))
        }
    }
}
