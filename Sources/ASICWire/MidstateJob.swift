/// Work for chips that are given the SHA-256 states after a header's first 64 bytes, one for each version to try.
/// Source: bm13xx.md §12.2.
public struct MidstateJob: Hashable, Sendable {
    /// What the chip echoes, the midstate's index added: see bm13xx.md §11.2, §17.
    public var jobByte: UInt8
    public var startingNonce: UInt32
    public var bits: UInt32
    public var time: UInt32
    /// Header bytes 64 to 67, unchanged.
    public var merkleTail: [4 of UInt8]
    /// State words H0 to H7 as numbers; 1, 2 or 4 midstates.
    public let midstates: [[8 of UInt32]]

    public init(
        jobByte: UInt8, startingNonce: UInt32 = 0, bits: UInt32, time: UInt32, merkleTail: [4 of UInt8],
        midstates: [[8 of UInt32]]
    ) {
        precondition([1, 2, 4].contains(midstates.count), "a frame has room for 1, 2 or 4 midstates")
        self.jobByte = jobByte
        self.startingNonce = startingNonce
        self.bits = bits
        self.time = time
        self.merkleTail = merkleTail
        self.midstates = midstates
    }

    /// Bytes from the header byte to the check, for so many midstates.
    static func bodyLength(slots: Int) -> Int { 22 + 32 * slots }

    /// Midstates that a frame with this length byte has room for; `nil` for a length that no frame has.
    static func slots(length: UInt8) -> Int? {
        switch length {
        case 0x36: 1
        case 0x56: 2
        case 0x96: 4
        default: nil
        }
    }

    /// Appends the bytes between the length byte and the check.
    func appendData(to out: inout [UInt8]) {
        out.append(jobByte)
        out.append(UInt8(midstates.count))
        out.append(littleEndian: startingNonce)
        out.append(littleEndian: bits)
        out.append(littleEndian: time)
        for i in 0..<4 { out.append(merkleTail[i]) }
        for midstate in midstates {
            for word in (0..<8).reversed() { out.append(bigEndian: midstate[word]) }
        }
    }

    /// Reads the bytes between the length byte and the check.
    ///
    /// - Returns: `nil` for a count other than 1, 2 or 4, or above what the frame holds. It may be below: ESP-Miner
    ///   always sends room for four, with old bytes in what it does not use, and those are dropped here.
    init?(data: Span<UInt8>) {
        let slots = (data.count - 18) / 32
        let count = Int(data[1])
        guard [1, 2, 4].contains(count), count <= slots else { return nil }
        var tail: [4 of UInt8] = .init(repeating: 0)
        for i in 0..<4 { tail[i] = data[14 + i] }
        let midstates = (0..<count).map { slot in
            var state: [8 of UInt32] = .init(repeating: 0)
            for word in 0..<8 { state[7 - word] = data.bigEndianWord(at: 18 + 32 * slot + 4 * word) }
            return state
        }
        self.init(
            jobByte: data[0], startingNonce: data.littleEndianWord(at: 2), bits: data.littleEndianWord(at: 6),
            time: data.littleEndianWord(at: 10), merkleTail: tail, midstates: midstates)
    }

    public static func == (a: Self, b: Self) -> Bool {
        (a.jobByte, a.startingNonce, a.bits, a.time) == (b.jobByte, b.startingNonce, b.bits, b.time)
            && isEqual(a.merkleTail, b.merkleTail) && a.midstates.count == b.midstates.count
            && zip(a.midstates, b.midstates).allSatisfy { isEqual($0, $1) }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(jobByte)
        hasher.combine(time)
        for midstate in midstates { hasher.combine(midstate[0]) }
    }
}
