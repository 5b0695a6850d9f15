/// Who on a chain a command is for.
public enum Recipient: Hashable, Sendable {
    case everyChip
    /// The chip that carries this address; before addresses are given every chip answers to 0.
    case chip(UInt8)
}

/// A frame from the host to the chips of the BM1362 family and later, and of the BM1397. Source: bm13xx.md §3.1.
///
/// On the wire: `55 AA`, header byte, length byte, data, and a CRC-5 (commands) or CRC-16 (jobs) over all that follows
/// the preamble. Chips acknowledge nothing but reads.
public enum ChipCommand: Hashable, Sendable {
    /// Gives the first chip without an address this one; it passes later ones on.
    case setAddress(UInt8)
    case write(register: UInt8, value: UInt32, to: Recipient)
    case read(register: UInt8, from: Recipient)
    /// Every chip forgets its address and stops passing address commands on.
    case chainInactive
    case job(FullHeaderJob)

    static let preamble: [UInt8] = [0x55, 0xaa]

    /// The whole frame, preamble and check included.
    public var wireBytes: [UInt8] {
        switch self {
        case .setAddress(let address): return Self.command(0x40, [address, 0])
        case .write(let register, let value, .everyChip):
            return Self.command(0x51, [0, register] + bigEndian(value))
        case .write(let register, let value, .chip(let address)):
            return Self.command(0x41, [address, register] + bigEndian(value))
        case .read(let register, .everyChip): return Self.command(0x52, [0, register])
        case .read(let register, .chip(let address)): return Self.command(0x42, [address, register])
        case .chainInactive: return Self.command(0x53, [0, 0])
        case .job(let job):
            let body = [0x21, FullHeaderJob.trueLength] + job.data
            let check = crc16(body)
            return preamble + body + [UInt8(check >> 8), UInt8(check & 0xff)]
        }
    }

    private var preamble: [UInt8] { Self.preamble }

    private static func command(_ header: UInt8, _ data: [UInt8]) -> [UInt8] {
        // The length counts the header, itself, the data and the check.
        let body = [header, UInt8(data.count + 3)] + data
        return preamble + body + [crc5(body)]
    }
}

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

    /// The 82 bytes between the length byte and the check.
    var data: [UInt8] {
        var out: [UInt8] = [jobByte, 0x01]
        out += littleEndian(startingNonce) + littleEndian(bits) + littleEndian(time)
        out += wordsReversed(merkleRoot) + wordsReversed(previousBlock)
        out += littleEndian(version)
        return out
    }

    /// Reads the 82 bytes between the length byte and the check.
    init(data: ArraySlice<UInt8>) {
        precondition(data.count == 82, "a full-header job has 82 bytes of data")
        let bytes = [UInt8](data)
        func word(_ offset: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
        }
        func hash(_ offset: Int) -> [32 of UInt8] {
            var fixed: [32 of UInt8] = .init(repeating: 0)
            for i in 0..<32 { fixed[i] = bytes[offset + (7 - i / 4) * 4 + i % 4] }
            return fixed
        }
        self.init(
            jobByte: bytes[0], startingNonce: word(2), bits: word(6), time: word(10), merkleRoot: hash(14),
            previousBlock: hash(46), version: word(78))
    }

    public static func == (a: Self, b: Self) -> Bool { a.data == b.data }
    public func hash(into hasher: inout Hasher) { hasher.combine(data) }
}

/// What stands at the front of a stream of bytes.
public enum Decoded<Frame: Hashable & Sendable>: Hashable, Sendable {
    /// A whole frame of so many bytes.
    case frame(Frame, length: Int)
    /// So many bytes that belong to no frame.
    case skip(Int)
    case needMore
}

/// Looks for a command at the front of `bytes`, as a chip with full-header jobs does.
///
/// - Returns: `.skip` of one byte where the front is not a frame: a bad check, an unknown header, a length that does
///   not fit the header. `.needMore` only while everything so far could still become a frame.
public func decodeCommand(_ bytes: ArraySlice<UInt8>) -> Decoded<ChipCommand> {
    let start = bytes.startIndex
    guard let first = bytes.first else { return .needMore }
    guard first == 0x55 else { return .skip(1) }
    guard bytes.count >= 2 else { return .needMore }
    guard bytes[start + 1] == 0xaa else { return .skip(1) }
    guard bytes.count >= 4 else { return .needMore }
    let (header, length) = (bytes[start + 2], bytes[start + 3])
    guard let total = frameLength(header: header, length: length) else { return .skip(1) }
    guard bytes.count >= total else { return .needMore }
    let body = bytes[(start + 2)..<(start + total)]
    guard let command = command(header: header, body: body) else { return .skip(1) }
    return .frame(command, length: total)
}

/// Bytes of the whole frame; `nil` where header and length do not belong together.
private func frameLength(header: UInt8, length: UInt8) -> Int? {
    switch (header, length) {
    case (0x40, 5), (0x42, 5), (0x52, 5), (0x53, 5), (0x41, 9), (0x51, 9): Int(length) + 2
    case (0x21, FullHeaderJob.trueLength), (0x21, FullHeaderJob.factoryLength): FullHeaderJob.wireLength
    default: nil
    }
}

/// `body` runs from the header byte to the check.
private func command(header: UInt8, body: ArraySlice<UInt8>) -> ChipCommand? {
    let data = body.dropFirst(2)
    if header == 0x21 {
        let check = UInt16(body[body.endIndex - 2]) << 8 | UInt16(body[body.endIndex - 1])
        guard crc16(body.dropLast(2)) == check else { return nil }
        return .job(FullHeaderJob(data: data.dropLast(2)))
    }
    guard crc5(body.dropLast()) == body[body.endIndex - 1] else { return nil }
    let (a, b) = (data[data.startIndex], data[data.startIndex + 1])
    switch header {
    case 0x40: return .setAddress(a)
    case 0x41, 0x51:
        let value = data[(data.startIndex + 2)..<(data.startIndex + 6)].reduce(0) { $0 << 8 | UInt32($1) }
        return .write(register: b, value: value, to: header == 0x51 ? .everyChip : .chip(a))
    case 0x42: return .read(register: b, from: .chip(a))
    case 0x52: return .read(register: b, from: .everyChip)
    case 0x53: return .chainInactive
    default: return nil
    }
}

private func littleEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}
private func bigEndian(_ value: UInt32) -> [UInt8] { littleEndian(value).reversed() }

/// The eight 4-byte words in reverse order, bytes inside a word unchanged: how chips take hashes (bm13xx.md §4).
private func wordsReversed(_ hash: [32 of UInt8]) -> [UInt8] {
    (0..<32).map { hash[(7 - $0 / 4) * 4 + $0 % 4] }
}
