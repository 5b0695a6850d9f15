import ASICChains
import HardwareData
import NIOCore
import NIOPosix
import Transports
import Units

/// Runs `adit devices`.
///
/// - Parameter port: a serial port to ask who is there; `nil` lists what is supported only.
/// - Returns: the exit status: 0, or 1 with sentences about why.
public func runDevices(port: String?, json: Bool) async -> Int32 {
    let console = Console(toStandardError: json)
    do {
        var report = try DeviceReport(HardwareLibrary())
        if let port { report.add(try await probe(port), at: port) }
        if json { print(try report.json()) } else { for line in report.lines { console.line(line) } }
        for sentence in report.troubles { console.line(sentence, .bad) }
        return report.troubles.isEmpty ? 0 : 1
    } catch {
        console.line("adit devices: \(error)", .bad)
        return 1
    }
}

/// Asks the chips on a port who they are; takes a second or two.
private func probe(_ path: String) async throws -> ChainProbe.Finding {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do {
        let asking = PortProbe(on: group.next())
        let finding = try await asking.run(path).get()
        try await group.shutdownGracefully()
        return finding
    } catch {
        try? await group.shutdownGracefully()
        throw error
    }
}

/// A probe and the port that it asks on. Sendable by confinement to its loop.
private final class PortProbe: @unchecked Sendable {
    private let loop: any EventLoop
    private let promise: EventLoopPromise<ChainProbe.Finding>
    private var probe = ChainProbe()
    private var channel: SerialChannel?
    private var timer: Scheduled<Void>?

    init(on loop: any EventLoop) {
        self.loop = loop
        promise = loop.makePromise()
    }

    func run(_ path: String) -> EventLoopFuture<ChainProbe.Finding> {
        loop.flatSubmit {
            do throws(SerialPortError) {
                // What chips and hosts speak after a reset (bm13xx.md §2).
                return try SerialPort(opening: path, at: BaudRate(115_200)).channel(on: self.loop)
            } catch {
                return self.loop.makeFailedFuture(error)
            }
        }.flatMap { channel in
            self.begin(channel)
            return self.promise.futureResult
        }
    }

    private func begin(_ channel: SerialChannel) {
        self.channel = channel
        channel.start(
            onBytes: { self.carryOut(self.probe.received($0, at: .now)) },
            onClosed: { closure in
                self.timer?.cancel()
                self.promise.fail(PortClosed(sentence: "\(closure)"))  // nothing, after it has succeeded
            })
        carryOut(probe.begin(at: .now))
    }

    private func carryOut(_ actions: [ChainProbe.Action]) {
        for action in actions {
            switch action {
            case .send(let bytes): channel?.write(bytes)
            case .wake(let instant):
                timer?.cancel()
                timer = loop.scheduleTask(deadline: instant.deadline) {
                    self.carryOut(self.probe.woke(at: .now))
                }
            case .finished(let finding):
                promise.succeed(finding)
                channel?.close()
            }
        }
    }
}

/// The port went away while the chips were asked.
private struct PortClosed: Error, CustomStringConvertible {
    var sentence: String
    var description: String { sentence }
}
