import Emulator
import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Transports
import Units
import UnixSignals

/// Emulates a board or a chain behind pseudo-terminals until a signal comes or the time is over.
///
/// - Returns: the exit status: 0, or 1 with a sentence about why.
public func runEmulate(_ options: EmulateOptions) async -> Int32 {
    // Trapped before the first port exists: every end removes the links.
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
    let status = await EmulateRun(options).run(signals, group)
    try? await group.shutdownGracefully()
    return status
}

/// One run.
private final class EmulateRun: Sendable {
    private struct Totals {
        var bytesToChips = 0
        var framesToHost = 0
    }

    private let options: EmulateOptions
    private let totals = Mutex(Totals())

    init(_ options: EmulateOptions) { self.options = options }

    func run(_ signals: UnixSignalsSequence, _ group: MultiThreadedEventLoopGroup) async -> Int32 {
        do {
            let sink = try options.transcript.map { path throws(TranscriptError) in
                try TranscriptSink(path: path, on: group.next())
            }
            let device = try await start(sink, group)
            sayReady(device)
            await wait(signals)
            try? await device.unplug().get()
            try? await sink?.close().get()
            sayEnd()
            return 0
        } catch {
            say("adit emulate: \(error)", isError: true)
            return 1
        }
    }

    private func start(_ sink: TranscriptSink?, _ group: MultiThreadedEventLoopGroup) async throws
        -> EmulatedDevice
    {
        var device = EmulatedDeviceOptions()
        device.pace = options.pace
        device.dataLink = dataLink
        device.controlLink = controlLink
        let transcript = Mutex(Transcript(options.machine.chain.parameters.model))
        device.observe = { traffic in
            let lines = transcript.withLock { transcript in self.note(traffic, &transcript) }
            if let sink { for line in lines { sink.append(line) } }
        }
        return try await EmulatedDevice.start(
            options.machine, device, on: group.next(), hasher: HashingThread(on: group.next())
        ).get()
    }

    /// A chain has one link; a board one for each port.
    private var dataLink: String? {
        options.link.map { options.machine.hasControlPort ? $0 + "-data" : $0 }
    }

    private var controlLink: String? {
        options.machine.hasControlPort ? options.link.map { $0 + "-control" } : nil
    }

    private func note(_ traffic: EmulatedTraffic, _ transcript: inout Transcript) -> [String] {
        switch traffic {
        case .toChips(let bytes, let now):
            totals.withLock { $0.bytesToChips += bytes.count }
            return transcript.toChips(bytes, at: now)
        case .toHost(let output):
            totals.withLock { $0.framesToHost += 1 }
            return [transcript.toHost(output)]
        case .unplugged(let now):
            say("Unplugged", isError: options.json)
            return [transcript.note("unplugged", at: now)]
        case .pluggedIn(let control, let data, let now):
            let text = "plugged in: " + [control, data].compactMap { $0 }.joined(separator: ", ")
            say("P" + text.dropFirst(), isError: options.json)
            return [transcript.note(text, at: now)]
        case .trouble(let text, let now):
            say("adit emulate: \(text)", isError: true)
            return [transcript.note(text, at: now)]
        }
    }

    // MARK: What people and machines are told

    private func sayReady(_ device: EmulatedDevice) {
        let parameters = options.machine.chain.parameters
        let control = options.machine.hasControlPort ? device.controlPath : nil
        guard !options.json else {
            var fields = [
                "\"chip\":\"\(parameters.model.name)\"", "\"chips\":\(parameters.chips)",
                "\"data\":\(quoted(device.dataPath))",
            ]
            if let control { fields.append("\"control\":\(quoted(control))") }
            if let dataLink { fields.append("\"data_link\":\(quoted(dataLink))") }
            if let controlLink { fields.append("\"control_link\":\(quoted(controlLink))") }
            return say("{\(fields.joined(separator: ","))}")
        }
        let title = options.scenarioTitle.map { "; scenario: \($0)" } ?? ""
        say("Emulating \(parameters.chips) x \(parameters.model.name)\(title); Ctrl-C ends")
        if let control { say("control \(control)" + (controlLink.map { " (\($0))" } ?? "")) }
        say("data    \(device.dataPath)" + (dataLink.map { " (\($0))" } ?? ""))
    }

    private func sayEnd() {
        let (bytes, frames) = totals.withLock { ($0.bytesToChips, $0.framesToHost) }
        say(
            options.json
                ? "{\"bytes_to_chips\":\(bytes),\"frames_to_host\":\(frames)}"
                : "Ended: \(bytes) bytes to the chips, \(frames) frames to the host")
    }

    /// Standard output belongs to the transcript when that goes there.
    private func say(_ line: String, isError: Bool = false) {
        let isOut = !isError && options.transcript != "-"
        var bytes = Array((line + "\n").utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes {
                write(isOut ? STDOUT_FILENO : STDERR_FILENO, $0.baseAddress, $0.count)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return }
            bytes = bytes.dropFirst(written)
        }
    }

    private func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": out += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            case _: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }

    private func wait(_ signals: UnixSignalsSequence) async {
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { for await _ in signals { return } }
            if let duration = options.duration {
                tasks.addTask { try? await Task.sleep(for: duration) }
            }
            await tasks.next()
            tasks.cancelAll()
        }
    }
}
