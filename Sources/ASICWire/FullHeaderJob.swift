/// Work for chips that build their own midstates: a header without its nonce. Source: bm13xx.md §12.1.
public struct FullHeaderJob: Hashable, Sendable {
    /// What the chip echoes, shifted as the model wants it: see bm13xx.md §11.1.
    public var jobByte: UInt8
    public var startingNonce: UInt32
    public var bits: UInt32
    public var time: UInt32
    /// Header bytes 36 to 67, in header order.
    public var merkleRoot: [32 of UInt8]
    /// Header bytes 4 to 35, in header order.
    public var previousBlock: [32 of UInt8]
    public var version: UInt32

    /// Length byte that counts what really follows; factory firmware sends 0x36 for the same frame.
    static let trueLength: UInt8 = 0x56
    static let factoryLength: UInt8 = 0x36
    /// Bytes of the whole frame.
    public static let wireLength = 88

    public init(
        jobByte: UInt8, startingNonce: UInt32 = 0, bits: UInt32, time: UInt32, merkleRoot: [32 of UInt8],
        previousBlock: [32 of UInt8], version: UInt32
    ) {
        self.jobByte = jobByte
        self.startingNonce = startingNonce
        self.bits = bits
        self.time = time
        self.merkleRoot = merkleRoot
        self.previousBlock = previousBlock
        self.version = version
    }

    /// Appends the 82 bytes between the length byte and the check.
    func appendData(to out: inout [UInt8]) {
        out.append(jobByte)
        out.append(0x01)
        out.append(littleEndian: startingNonce)
        out.append(littleEndian: bits)
        out.append(littleEndian: time)
        out.append(wordsReversed: merkleRoot)
        out.append(wordsReversed: previousBlock)
        out.append(littleEndian: version)
    }

    /// Reads the 82 bytes between the length byte and the check.
    init(data: Span<UInt8>) {
        precondition(data.count == 82, "a full-header job has 82 bytes of data")
        self.init(
            jobByte: data[0], startingNonce: data.littleEndianWord(at: 2), bits: data.littleEndianWord(at: 6),
            time: data.littleEndianWord(at: 10), merkleRoot: data.wordsReversed(at: 14),
            previousBlock: data.wordsReversed(at: 46), version: data.littleEndianWord(at: 78))
    }

    public static func == (a: Self, b: Self) -> Bool {
        (a.jobByte, a.startingNonce, a.bits, a.time, a.version)
            == (b.jobByte, b.startingNonce, b.bits, b.time, b.version)
            && isEqual(a.merkleRoot, b.merkleRoot) && isEqual(a.previousBlock, b.previousBlock)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(jobByte)
        hasher.combine(time)
        hasher.combine(version)
        for i in 0..<32 { hasher.combine(merkleRoot[i]) }
    }
}
