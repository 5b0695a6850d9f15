import ASICWire

/// Cuts a stream of bytes into replies. Between calls it holds less than one frame, whatever has come in.
struct ResponseReader: Sendable {
    enum Item: Hashable { case response(ChipResponse), skipped(ArraySlice<UInt8>) }

    /// May change between two calls: what is held then is read in the new form.
    var format: ResponseFormat
    private var rest: [UInt8] = []

    init(format: ResponseFormat) { self.format = format }

    /// Replies and runs of bytes that belong to none, in the order in which they stand in the stream.
    mutating func read(_ bytes: [UInt8]) -> [Item] {
        let stream = rest + bytes
        var items = [Item]()
        var position = 0
        var skippedFrom = 0
        func skipped() -> [Item] { skippedFrom < position ? [.skipped(stream[skippedFrom..<position])] : [] }
        while true {
            switch decodeResponse(stream[position...], format) {
            case .frame(let response, let length):
                items += skipped()
                items.append(.response(response))
                position += length
                skippedFrom = position
            case .skip(let count):
                position += count
            case .needMore:
                rest = Array(stream[position...])
                return items + skipped()
            }
        }
    }

    mutating func discard() { rest = [] }
}
