/// What stands at the front of a stream of bytes.
public enum Decoded<Frame: Hashable & Sendable>: Hashable, Sendable {
    /// A whole frame of so many bytes.
    case frame(Frame, length: Int)
    /// So many bytes that belong to no frame.
    case skip(Int)
    case needMore
}

/// What the job frames of a chip hold, which decides how long one with length byte 0x36 or 0x56 is: the length byte
/// of a full-header job does not tell (bm13xx.md §3.1).
public enum JobForm: Hashable, Sendable { case fullHeader, midstates }

/// Looks for a command at the front of `bytes`, as a chip does.
///
/// - Returns: `.skip` of one byte where the front is not a frame: a bad check, an unknown header, a length that does
///   not fit the header. `.needMore` only while everything so far could still become a frame.
public func decodeCommand(
    _ bytes: ArraySlice<UInt8>, _ dialect: WireDialect = .preambled, jobs: JobForm = .fullHeader
) -> Decoded<ChipCommand> {
    let span = bytes.span
    var start = 0
    if dialect == .preambled {
        guard span.count >= 1 else { return .needMore }
        guard span[0] == 0x55 else { return .skip(1) }
        guard span.count >= 2 else { return .needMore }
        guard span[1] == 0xaa else { return .skip(1) }
        start = 2
    }
    guard span.count > start else { return .needMore }
    guard let kind = CommandKind(header: span[start], dialect) else { return .skip(1) }
    guard span.count > start + 1 else { return .needMore }
    guard let bodyLength = kind.bodyLength(span[start + 1], jobs) else { return .skip(1) }
    let total = start + bodyLength
    guard span.count >= total else { return .needMore }
    guard let command = kind.command(span.extracting(start..<total), jobs) else { return .skip(1) }
    return .frame(command, length: total)
}

/// What a header byte announces.
private enum CommandKind {
    case setAddress, writeOne, readOne, writeAll, readAll, chainInactive, job

    init?(header: UInt8, _ dialect: WireDialect) {
        let headers = dialect.headers
        switch header {
        case ChipCommand.jobHeader: self = .job
        case headers.setAddress: self = .setAddress
        case headers.writeOne: self = .writeOne
        case headers.readOne: self = .readOne
        case headers.writeAll: self = .writeAll
        case headers.readAll: self = .readAll
        case headers.chainInactive: self = .chainInactive
        default: return nil
        }
    }

    /// Bytes from the header byte to the check; `nil` where the length byte does not belong to this kind.
    func bodyLength(_ length: UInt8, _ jobs: JobForm) -> Int? {
        switch (self, jobs) {
        case (.setAddress, _), (.readOne, _), (.readAll, _), (.chainInactive, _): length == 5 ? 5 : nil
        case (.writeOne, _), (.writeAll, _): length == 9 ? 9 : nil
        case (.job, .midstates): MidstateJob.slots(length: length).map(MidstateJob.bodyLength)
        case (.job, .fullHeader):
            length == FullHeaderJob.trueLength || length == FullHeaderJob.factoryLength
                ? FullHeaderJob.wireLength - 2 : nil
        }
    }

    /// `body` runs from the header byte to the check.
    func command(_ body: Span<UInt8>, _ jobs: JobForm) -> ChipCommand? {
        let end = body.count
        if case .job = self {
            let check = UInt16(body[end - 2]) << 8 | UInt16(body[end - 1])
            guard crc16(body.extracting(0..<(end - 2))) == check else { return nil }
            let data = body.extracting(2..<(end - 2))
            return switch jobs {
            case .fullHeader: .job(FullHeaderJob(data: data))
            case .midstates: MidstateJob(data: data).map(ChipCommand.midstateJob)
            }
        }
        guard crc5(body.extracting(0..<(end - 1))) == body[end - 1] else { return nil }
        switch self {
        case .setAddress: return .setAddress(body[2])
        case .writeOne:
            return .write(register: body[3], value: body.bigEndianWord(at: 4), to: .chip(body[2]))
        case .writeAll: return .write(register: body[3], value: body.bigEndianWord(at: 4), to: .everyChip)
        case .readOne: return .read(register: body[3], from: .chip(body[2]))
        case .readAll: return .read(register: body[3], from: .everyChip)
        case .chainInactive: return .chainInactive
        case .job: return nil  // handled above
        }
    }
}
