/// How frames of a family look. Sources: bm13xx.md §3 and §17.
public enum WireDialect: Hashable, Sendable {
    /// BM1397 and later (BM1391 too): `55 AA` before commands, `AA 55` before replies.
    case preambled
    /// BM1387: no preambles, other header bytes, replies of 7 bytes.
    case bare
}

/// Who on a chain a command is for.
public enum Recipient: Hashable, Sendable {
    case everyChip
    /// The chip that carries this address; before addresses are given every chip answers to 0.
    case chip(UInt8)
}

/// A frame from the host to the chips. Sources: bm13xx.md §3.1, and §17 for the BM1387.
///
/// On the wire: in the preambled dialect `55 AA`, then in both a header byte, a length byte, data, and a CRC-5
/// (commands) or CRC-16 (jobs) over all that follows the preamble. Chips acknowledge nothing but reads.
public enum ChipCommand: Hashable, Sendable {
    /// Gives the first chip without an address this one; it passes later ones on.
    case setAddress(UInt8)
    case write(register: UInt8, value: UInt32, to: Recipient)
    case read(register: UInt8, from: Recipient)
    /// Every chip forgets its address and stops passing address commands on.
    case chainInactive
    case job(FullHeaderJob)
    case midstateJob(MidstateJob)

    static let jobHeader: UInt8 = 0x21

    /// The whole frame, preamble and check included.
    public func wireBytes(_ dialect: WireDialect = .preambled) -> [UInt8] {
        var frame = [UInt8]()
        let start: Int
        switch dialect {
        case .preambled:
            frame.reserveCapacity(152)
            frame.append(0x55)
            frame.append(0xaa)
            start = 2
        case .bare:
            frame.reserveCapacity(150)
            start = 0
        }
        appendBody(to: &frame, dialect.headers)
        switch self {
        case .job, .midstateJob:
            let check = crc16(frame.span.extracting(droppingFirst: start))
            frame.append(UInt8(check >> 8))
            frame.append(UInt8(check & 0xff))
        case .setAddress, .write, .read, .chainInactive:
            frame.append(crc5(frame.span.extracting(droppingFirst: start)))
        }
        return frame
    }

    /// Appends all but preamble and check. The length byte counts both ends of what it stands in: header, itself, data
    /// and check.
    private func appendBody(to frame: inout [UInt8], _ headers: HeaderBytes) {
        func begin(_ header: UInt8, _ length: UInt8) {
            frame.append(header)
            frame.append(length)
        }
        func short(_ header: UInt8, _ a: UInt8, _ b: UInt8) {
            begin(header, 5)
            frame.append(a)
            frame.append(b)
        }
        switch self {
        case .setAddress(let address): short(headers.setAddress, address, 0)
        case .write(let register, let value, .everyChip):
            begin(headers.writeAll, 9)
            frame.append(0)
            frame.append(register)
            frame.append(bigEndian: value)
        case .write(let register, let value, .chip(let address)):
            begin(headers.writeOne, 9)
            frame.append(address)
            frame.append(register)
            frame.append(bigEndian: value)
        case .read(let register, .everyChip): short(headers.readAll, 0, register)
        case .read(let register, .chip(let address)): short(headers.readOne, address, register)
        case .chainInactive: short(headers.chainInactive, 0, 0)
        case .job(let job):
            begin(Self.jobHeader, FullHeaderJob.trueLength)
            job.appendData(to: &frame)
        case .midstateJob(let job):
            begin(Self.jobHeader, UInt8(MidstateJob.bodyLength(slots: job.midstates.count)))
            job.appendData(to: &frame)
        }
    }
}

/// The first byte of each kind of command but jobs.
struct HeaderBytes {
    let setAddress, writeOne, readOne, writeAll, readAll, chainInactive: UInt8
}

extension WireDialect {
    var headers: HeaderBytes {
        switch self {
        case .preambled:
            HeaderBytes(
                setAddress: 0x40, writeOne: 0x41, readOne: 0x42, writeAll: 0x51, readAll: 0x52,
                chainInactive: 0x53)
        case .bare:
            HeaderBytes(
                setAddress: 0x41, writeOne: 0x48, readOne: 0x44, writeAll: 0x58, readAll: 0x54,
                chainInactive: 0x55)
        }
    }
}
