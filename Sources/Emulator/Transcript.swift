import ASICWire
public import Units

/// What went over a data port, as text, a frame a line: seconds since the first byte, direction (`>` to the chips,
/// `<` to the host), the bytes, and what they say:
///
///     0.004  <  AA 55 13 70 00 00 00 00 00 00 10  BM1370, no address yet, or 00
///
/// Bytes that are no frame get a line too. The transcript listens on the wire: it knows the model and nothing of
/// the chips' state, so that it can tell a broken frame from a good one.
public struct Transcript: Sendable {
    private let model: EmulatedModel
    private var start: Instant?
    /// Bytes to the chips that are not a whole frame yet: fewer than a job frame has.
    private var pending = [UInt8]()
    private var stray = [UInt8]()

    public init(_ model: EmulatedModel) { self.model = model }

    /// Lines for bytes from the host, in any portions.
    public mutating func toChips(_ bytes: [UInt8], at now: Instant) -> [String] {
        var lines = [String]()
        pending += bytes
        var used = 0
        decoding: while true {
            switch decodeCommand(pending[used...], model.dialect, jobs: model.jobs) {
            case .frame(let command, let length):
                lines += flush(at: now)
                let frame = pending[used..<(used + length)]
                lines.append(line(now, ">", frame, FrameText.text(command, model)))
                used += length
            case .skip(let count):
                stray += pending[used..<(used + count)]
                used += count
            case .needMore: break decoding
            }
        }
        pending.removeFirst(used)
        // What waits for its end may be the start of a frame; what was skipped is none.
        if pending.isEmpty { lines += flush(at: now) }
        return lines
    }

    /// The line for one frame on its way to the host.
    public mutating func toHost(_ output: EmulatedOutput) -> String {
        let bytes = output.bytes
        for format in [ResponseFormat.bare, .short, .long] where bytes.count == format.length {
            guard (format == .bare) == (model.dialect == .bare) else { continue }
            if case .frame(let response, _) = decodeResponse(bytes[...], format) {
                return line(output.at, "<", bytes, FrameText.text(response, model))
            }
        }
        return line(output.at, "<", bytes, "no frame")
    }

    /// A line of its own, such as what a fault does.
    public mutating func note(_ text: String, at now: Instant) -> String { "\(time(now))  #  \(text)" }

    private mutating func flush(at now: Instant) -> [String] {
        guard !stray.isEmpty else { return [] }
        let bytes = stray
        stray = []
        return [line(now, ">", bytes, "no frame")]
    }

    private mutating func line(
        _ now: Instant, _ direction: String, _ bytes: some Collection<UInt8>, _ text: String
    ) -> String {
        "\(time(now))  \(direction)  \(FrameText.hex(bytes))  \(text)"
    }

    /// Seconds since the first line, to the millisecond.
    private mutating func time(_ now: Instant) -> String {
        let begun = start ?? now
        start = begun
        let milliseconds = max((now - begun).wholeNanoseconds / 1_000_000, 0)
        let fraction = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}
