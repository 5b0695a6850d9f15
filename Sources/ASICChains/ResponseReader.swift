import ASICWire

/// Cuts a stream of bytes into replies. Once `next()` has returned `nil` it holds less than one frame, whatever has
/// come in.
///
/// Pulled one by one, because a reply may make the owner send a command that changes the form of those behind it.
struct ResponseReader: Sendable {
    enum Item: Hashable { case response(ChipResponse), skipped(ArraySlice<UInt8>) }

    /// May change between two calls: what has not been read yet is read in the new form.
    private(set) var format: ResponseFormat
    /// The form before the last change, in which replies may still be on their way, until one in the new form has come.
    private var earlier: ResponseFormat?
    private var stream: [UInt8] = []
    /// What lies before is done with.
    private var position = 0

    init(format: ResponseFormat) { self.format = format }

    mutating func change(to new: ResponseFormat) {
        guard new != format else { return }
        (earlier, format) = (format, new)
    }

    mutating func feed(_ bytes: [UInt8]) {
        guard position < stream.count else {
            stream = bytes  // nothing is held: no byte is copied
            position = 0
            return
        }
        stream.removeFirst(position)
        stream += bytes
        position = 0
    }

    /// The next reply, or the run of bytes before it that belong to none, in the order in which they stand.
    mutating func next() -> Item? {
        let begin = position
        while true {
            switch decode(stream[position...]) {
            case .frame(let response, let length):
                if position == begin {
                    position += length
                    if length == format.length { earlier = nil }
                    return .response(response)
                }
                guard isCredible(endingAt: position + length) else {
                    position += 1
                    continue
                }
                return .skipped(stream[begin..<position])
            case .skip(let count):
                position += count
            case .needMore:
                return position == begin ? nil : .skipped(stream[begin..<position])
            }
        }
    }

    mutating func discard() {
        stream = []
        position = 0
    }

    /// Whether a reply that was found behind bad bytes is to be believed: without a preamble every 128th offset looks
    /// like a reply, and what really is one has another behind it, where there are bytes behind it at all.
    private func isCredible(endingAt end: Int) -> Bool {
        guard format == .bare, stream.count - end >= format.length else { return true }
        if case .frame = decode(stream[end...]) { return true }
        return false
    }

    private func decode(_ bytes: ArraySlice<UInt8>) -> Decoded<ChipResponse> {
        let decoded = decodeResponse(bytes, format)
        guard let earlier else { return decoded }
        switch decoded {
        case .frame: return decoded
        case .skip, .needMore:
            // A whole reply in the earlier form counts at once: nothing may ever come behind it. (The front of a reply
            // in the present form can look like one, once in a hundred times; before there are jobs replies are
            // register values, and it says the same then.)
            if case .frame(let response, let length) = decodeResponse(bytes, earlier) {
                return .frame(response, length: length)
            }
            return decoded
        }
    }
}
