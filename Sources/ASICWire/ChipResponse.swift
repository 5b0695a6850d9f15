/// A frame from a chip to the host. Sources: bm13xx.md §3.2, and §17 for the BM1387.
///
/// On the wire: `AA 55` but for the BM1387, four bytes of payload, two more, in the long form two more again, and a
/// last byte of which the top three bits are the type and the rest is a CRC-5 over all bits before it.
public enum ChipResponse: Hashable, Sendable {
    case register(RegisterValue)
    case nonce(NonceResponse)

    /// The whole frame in the form `format`, preamble and check included.
    public func wireBytes(_ format: ResponseFormat) -> [UInt8] {
        var frame = [UInt8]()
        frame.reserveCapacity(format.length)
        if format.preambleLength > 0 {
            frame.append(0xaa)
            frame.append(0x55)
        }
        let type: UInt8
        let last: UInt16
        switch self {
        case .register(let reply):
            type = 0
            frame.append(bigEndian: reply.value)
            frame.append(reply.chipAddress)
            frame.append(reply.register)
            last = 0
        case .nonce(let reply):
            type = 0x80
            frame.append(littleEndian: reply.nonce)
            frame.append(reply.excess)
            frame.append(reply.jobByte)
            last = reply.versionCounter
        }
        if format == .long {
            frame.append(UInt8(last >> 8))
            frame.append(UInt8(last & 0xff))
        }
        let check = crc5(frame.span.extracting(droppingFirst: format.preambleLength), typeBits: type)
        frame.append(type | check)
        return frame
    }
}

/// How long a chip's frames are.
public enum ResponseFormat: Hashable, Sendable {
    /// 7 bytes without a preamble: BM1387.
    case bare
    /// 9 bytes: BM1397 always; later chips until register 0xA4 has enabled version rolling.
    case short
    /// 11 bytes.
    case long

    /// Bytes of the whole frame.
    public var length: Int {
        switch self {
        case .bare: 7
        case .short: 9
        case .long: 11
        }
    }

    var preambleLength: Int {
        switch self {
        case .bare: 0
        case .short, .long: 2
        }
    }
}

/// A register's value: the answer to a read, or sent unasked.
public struct RegisterValue: Hashable, Sendable {
    public var value: UInt32
    /// Always 0 from a BM1387, whose replies name neither chip nor register.
    public var chipAddress: UInt8
    public var register: UInt8

    public init(value: UInt32, chipAddress: UInt8, register: UInt8) {
        self.value = value
        self.chipAddress = chipAddress
        self.register = register
    }
}

/// What a chip claims to have found. Only rehashing tells whether it is true.
public struct NonceResponse: Hashable, Sendable {
    /// The number in the header's nonce field, which is little-endian there and in the frame.
    public var nonce: UInt32
    /// How far beyond the ticket mask the hash went, in a unit that differs by model; identifies nothing.
    public var excess: UInt8
    /// Job slot and sub-core or midstate, packed as the model packs them (bm13xx.md §11.1, §11.2, §17).
    public var jobByte: UInt8
    /// Version bits divided by 2^13; zero in the shorter forms.
    public var versionCounter: UInt16

    public init(nonce: UInt32, excess: UInt8, jobByte: UInt8, versionCounter: UInt16) {
        self.nonce = nonce
        self.excess = excess
        self.jobByte = jobByte
        self.versionCounter = versionCounter
    }

    /// The nonce read most significant byte first, which shows the hardware fields in it.
    public var bigEndianNonce: UInt32 { nonce.byteSwapped }
}

/// Looks for a response at the front of `bytes`, which may hold anything at all.
///
/// In the bare form only the check and the type tell a frame from other bytes: of random ones every 128th offset looks
/// like a frame. Rehashing each nonce catches those.
///
/// - Returns: `.skip` of one byte where the front is not a frame, at once, so that a good frame never waits behind a
///   bad byte; `.needMore` only while everything so far could still become a frame.
public func decodeResponse(_ bytes: ArraySlice<UInt8>, _ format: ResponseFormat) -> Decoded<ChipResponse> {
    let span = bytes.span
    let start = format.preambleLength
    if start > 0 {
        guard span.count >= 1 else { return .needMore }
        guard span[0] == 0xaa else { return .skip(1) }
        guard span.count >= 2 else { return .needMore }
        guard span[1] == 0x55 else { return .skip(1) }
    }
    guard span.count >= format.length else { return .needMore }
    let body = span.extracting(start..<format.length)
    guard crc5(body) == 0, let response = response(body, format) else { return .skip(1) }
    return .frame(response, length: format.length)
}

/// `body` runs from the payload to the check, which is right.
private func response(_ body: Span<UInt8>, _ format: ResponseFormat) -> ChipResponse? {
    switch body[body.count - 1] >> 5 {
    case 0:
        return .register(
            RegisterValue(value: body.bigEndianWord(at: 0), chipAddress: body[4], register: body[5]))
    case 4:
        let counter = format == .long ? UInt16(body[6]) << 8 | UInt16(body[7]) : 0
        return .nonce(
            NonceResponse(
                nonce: body.littleEndianWord(at: 0), excess: body[4], jobByte: body[5],
                versionCounter: counter))
    default: return nil  // six type codes that no chip has been seen to send
    }
}
