/// A frame from a chip to the host. Source: bm13xx.md §3.2.
///
/// On the wire: `AA 55`, four bytes of payload, two more, in the long form two more again, and a last byte of which the
/// top three bits are the type and the rest is a CRC-5 over all bits before it.
public enum ChipResponse: Hashable, Sendable {
    case register(RegisterValue)
    case nonce(NonceResponse)

    static let preamble: [UInt8] = [0xaa, 0x55]

    /// The whole frame in the form `format`, preamble and check included.
    public func wireBytes(_ format: ResponseFormat) -> [UInt8] {
        var body: [UInt8]
        let type: UInt8
        switch self {
        case .register(let reply):
            type = 0
            body = (0..<4).reversed().map { UInt8(truncatingIfNeeded: reply.value >> (8 * $0)) }
            body += [reply.chipAddress, reply.register]
            if format == .long { body += [0, 0] }
        case .nonce(let reply):
            type = 0x80
            body = reply.nonceWireBytes + [reply.excess, reply.jobByte]
            if format == .long {
                body += [UInt8(reply.versionCounter >> 8), UInt8(reply.versionCounter & 0xff)]
            }
        }
        return Self.preamble + body + [type | crc5(body, typeBits: type)]
    }
}

/// How long a chip's frames are.
public enum ResponseFormat: Hashable, Sendable {
    /// 9 bytes: BM1397 always; later chips until register 0xA4 has enabled version rolling.
    case short
    /// 11 bytes.
    case long

    public var length: Int {
        switch self {
        case .short: 9
        case .long: 11
        }
    }
}

/// A register's value: the answer to a read, or sent unasked.
public struct RegisterValue: Hashable, Sendable {
    public var value: UInt32
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
    /// Job slot and sub-core, packed as the model packs them (bm13xx.md §11.1).
    public var jobByte: UInt8
    /// Version bits divided by 2^13; zero in the short form.
    public var versionCounter: UInt16

    public init(nonce: UInt32, excess: UInt8, jobByte: UInt8, versionCounter: UInt16) {
        self.nonce = nonce
        self.excess = excess
        self.jobByte = jobByte
        self.versionCounter = versionCounter
    }

    /// The nonce read most significant byte first, which shows the hardware fields in it.
    public var bigEndianNonce: UInt32 { nonce.byteSwapped }

    var nonceWireBytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: nonce >> (8 * $0)) } }
}

/// Looks for a response at the front of `bytes`, which may hold anything at all.
///
/// - Returns: `.skip` of one byte where the front is not a frame, at once, so that a good frame never waits behind a
///   bad byte; `.needMore` only while everything so far could still become a frame.
public func decodeResponse(_ bytes: ArraySlice<UInt8>, _ format: ResponseFormat) -> Decoded<ChipResponse> {
    let start = bytes.startIndex
    guard let first = bytes.first else { return .needMore }
    guard first == 0xaa else { return .skip(1) }
    guard bytes.count >= 2 else { return .needMore }
    guard bytes[start + 1] == 0x55 else { return .skip(1) }
    guard bytes.count >= format.length else { return .needMore }
    let body = bytes[(start + 2)..<(start + format.length)]
    guard crc5(body) == 0, let response = response(body, format) else { return .skip(1) }
    return .frame(response, length: format.length)
}

/// `body` runs from the payload to the check, which is right.
private func response(_ body: ArraySlice<UInt8>, _ format: ResponseFormat) -> ChipResponse? {
    let bytes = [UInt8](body)
    let word = bytes[0..<4].reduce(0) { $0 << 8 | UInt32($1) }
    switch bytes[bytes.count - 1] >> 5 {
    case 0: return .register(RegisterValue(value: word, chipAddress: bytes[4], register: bytes[5]))
    case 4:
        let counter = format == .long ? UInt16(bytes[6]) << 8 | UInt16(bytes[7]) : 0
        return .nonce(
            NonceResponse(
                nonce: word.byteSwapped, excess: bytes[4], jobByte: bytes[5], versionCounter: counter))
    default: return nil  // six type codes that no chip has been seen to send
    }
}
