/// Cuts a stream of bytes into lines, and holds back no more than one line of bounded length.
public struct LineSplitter: Sendable {
    /// What a miner takes from a pool: the coinbase of a pool that pays hundreds of miners in it has tens of
    /// kilobytes.
    public static let fromPool = 64 << 10
    /// What a pool takes from a miner: names and hexadecimal numbers.
    public static let fromMiner = 8 << 10

    /// More bytes in a line than allowed.
    public struct TooLong: Error, Hashable, Sendable {
        public let limit: Int
    }

    /// Bytes in a line, its end not counted.
    public let limit: Int
    /// Bytes of the line that is not complete; at most `limit`.
    public private(set) var held: [UInt8] = []

    public init(limit: Int) {
        precondition(limit > 0, "a line has bytes")
        self.limit = limit
    }

    /// Takes bytes, cut anywhere, and appends each line that is complete, without its end. Lines end with a
    /// line feed; empty ones are left out, as is a carriage return before the feed.
    ///
    /// Lines before one that is too long are delivered; after it the splitter is of no use any more.
    public mutating func receive(_ bytes: [UInt8], into lines: inout [[UInt8]]) throws(TooLong) {
        var start = 0
        while let end = bytes[start...].firstIndex(of: 0x0A) {
            try hold(bytes[start..<end])
            if held.last == 0x0D { held.removeLast() }
            if !held.isEmpty { lines.append(held) }
            held = []
            start = end + 1
        }
        try hold(bytes[start...])
    }

    private mutating func hold(_ bytes: ArraySlice<UInt8>) throws(TooLong) {
        guard bytes.count <= limit - held.count else { throw TooLong(limit: limit) }
        held += bytes
    }
}
