/// How a control firmware writes its answers. Source: boards.md §2.2.
public enum ControlFormat: Hashable, Sendable {
    /// "V0": the length counts the payload only, except in errors, where it counts the whole packet.
    case payloadLength
    /// "V1": the length counts the whole packet, and a status byte stands before the payload.
    case status
    /// The length counts the whole packet in successes and errors alike, without a status byte.
    case totalLength
}

/// Why a firmware did not carry a request out.
public enum ControlRefusal: Hashable, Sendable {
    /// Code 0x10.
    case timeout
    /// Code 0x11: unknown page, command or pin.
    case invalid
    /// Code 0x12: overflow, or "denied" on boards that answer in `ControlFormat.totalLength`.
    case overflowOrDenied
    /// Code 0x13.
    case fault
    /// Code 0xFF and a text, such as `I2C Read Error`.
    case text(String)

    init?(_ bytes: ArraySlice<UInt8>) {
        switch (bytes.first, bytes.count) {
        case (0x10, 1): self = .timeout
        case (0x11, 1): self = .invalid
        case (0x12, 1): self = .overflowOrDenied
        case (0x13, 1): self = .fault
        case (0xFF, 1...): self = .text(String(decoding: bytes.dropFirst(), as: UTF8.self))
        case (_, _): return nil
        }
    }
}

/// What stands at the front of the bytes from a control port.
enum DecodedAnswer: Equatable {
    case answer([UInt8], length: Int)
    case refusal(ControlRefusal, length: Int)
    /// Not the beginning of an answer to this request.
    case skip
    /// The beginning of one, but not all of it. `ifQuiet` is what it is should nothing follow: V0 cannot tell an
    /// error from the beginning of a success by its content.
    case needMore(ifQuiet: ControlRefusal?)
}

extension ControlFormat {
    /// Longest text of a refusal; the firmware's own are under 20 bytes.
    private static let refusalTextLimit = 60
    /// The id in errors about requests that could not be parsed.
    static let unparsedID: UInt8 = 0xFF

    /// Looks for the answer to `request`, which was sent under `id`, at the front of `bytes`, which may hold
    /// anything at all.
    func decode(_ bytes: ArraySlice<UInt8>, request: ControlRequest, id: UInt8) -> DecodedAnswer {
        let bytes = Array(bytes.prefix(4 + max(request.payloadCount, Self.refusalTextLimit)))
        guard bytes.count >= 3 else { return .needMore(ifQuiet: nil) }
        let length = Int(bytes[0]) | Int(bytes[1]) << 8
        let isOurs = bytes[2] == id
        guard isOurs || bytes[2] == Self.unparsedID else { return .skip }
        guard isOurs else { return refusal(bytes, length: length) }
        switch self {
        case .payloadLength: return decodePayloadLength(bytes, length: length, request: request)
        case .status: return decodeStatus(bytes, length: length, request: request)
        case .totalLength: return decodeTotalLength(bytes, length: length, request: request)
        }
    }

    private func decodePayloadLength(_ bytes: [UInt8], length: Int, request: ControlRequest) -> DecodedAnswer
    {
        guard length == request.payloadCount else { return refusal(bytes, length: length) }
        guard bytes.count >= length + 3 else {
            if bytes.count == length, case .refusal(let refusal, _) = refusal(bytes, length: length) {
                return .needMore(ifQuiet: refusal)
            }
            return .needMore(ifQuiet: nil)
        }
        return success(bytes[3..<length + 3], length: length + 3, request: request)
    }

    private func decodeStatus(_ bytes: [UInt8], length: Int, request: ControlRequest) -> DecodedAnswer {
        guard bytes.count >= 4 else { return .needMore(ifQuiet: nil) }
        guard bytes[3] == 0 else { return refusal(bytes, length: length) }
        guard length == request.payloadCount + 4 else { return .skip }
        guard bytes.count >= length else { return .needMore(ifQuiet: nil) }
        return success(bytes[4..<length], length: length, request: request)
    }

    /// A one-byte payload and a one-byte code look alike here; a payload that the request allows is believed.
    private func decodeTotalLength(_ bytes: [UInt8], length: Int, request: ControlRequest) -> DecodedAnswer {
        guard length == request.payloadCount + 3 else { return refusal(bytes, length: length) }
        guard bytes.count >= length else { return .needMore(ifQuiet: nil) }
        if request.isAnswered(by: bytes[3..<length]) {
            return .answer(Array(bytes[3..<length]), length: length)
        }
        return refusal(bytes, length: length)
    }

    private func success(_ payload: ArraySlice<UInt8>, length: Int, request: ControlRequest) -> DecodedAnswer
    {
        request.isAnswered(by: payload) ? .answer(Array(payload), length: length) : .skip
    }

    /// An error: in every format its length counts the whole packet, and the code stands behind the id.
    private func refusal(_ bytes: [UInt8], length: Int) -> DecodedAnswer {
        guard (4...4 + Self.refusalTextLimit).contains(length) else { return .skip }
        guard bytes.count >= 4 else { return .needMore(ifQuiet: nil) }
        guard bytes[3] == 0xFF || ControlRefusal(bytes[3...3]) != nil else { return .skip }
        guard bytes.count >= length else { return .needMore(ifQuiet: nil) }
        guard let refusal = ControlRefusal(bytes[3..<length]) else { return .skip }
        return .refusal(refusal, length: length)
    }
}
