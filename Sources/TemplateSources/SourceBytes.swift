import CZlib
import Glibc

/// The bytes of a file, unpacked where it is a gzip file, piece by piece: no more than two pieces are in memory.
final class SourceBytes {
    static let pieceSize = 1 << 18

    private let descriptor: Int32
    private let limit: Int
    private var input = [UInt8](repeating: 0, count: SourceBytes.pieceSize)
    /// What of `input` is not used yet.
    private var unused = 0..<0
    private var readSoFar = 0
    private var produced = 0
    private var isAtEnd = false
    private var packing = Packing.unknown

    private enum Packing { case unknown, none, gzip(UnsafeMutablePointer<z_stream>), betweenMembers }

    /// - Parameter limit: bytes that there may be, unpacked.
    init(path: String, limit: Int) throws(SourceFault.Reason) {
        self.limit = limit
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(errno: errno) }
    }

    deinit {
        if case .gzip(let stream) = packing { Self.end(stream) }
        if descriptor >= 0 { close(descriptor) }
    }

    /// The next bytes, at least one; `nil` at the end.
    func next() throws(SourceFault.Reason) -> [UInt8]? {
        while true {
            switch packing {
            case .unknown:
                try fill(atLeast: 2)
                packing = isGzip ? .gzip(try Self.begin()) : .none
            case .none:
                if unused.isEmpty { try fill(atLeast: 1) }
                guard !unused.isEmpty else { return nil }
                let piece = [UInt8](input[unused])
                unused = unused.upperBound..<unused.upperBound
                return try counted(piece)
            case .betweenMembers:
                try fill(atLeast: 2)
                if unused.isEmpty { return nil }
                guard isGzip else { throw .trailing(atByte: place) }
                packing = .gzip(try Self.begin())
            case .gzip(let stream):
                if let piece = try unpack(stream) { return try counted(piece) }
            }
        }
    }

    /// Everything that is left.
    func rest(after first: [UInt8]) throws(SourceFault.Reason) -> [UInt8] {
        var all = first
        while let piece = try next() { all += piece }
        return all
    }

    private var isGzip: Bool {
        unused.count >= 2 && input[unused.lowerBound] == 0x1f && input[unused.lowerBound + 1] == 0x8b
    }

    /// The place in the file of the first unused byte.
    private var place: Int { readSoFar - unused.count }

    private func counted(_ piece: [UInt8]) throws(SourceFault.Reason) -> [UInt8] {
        produced += piece.count
        guard produced <= limit else { throw .tooLarge(limit: limit) }
        return piece
    }

    /// Reads on until so many bytes are unused, or the file ends.
    private func fill(atLeast wanted: Int) throws(SourceFault.Reason) {
        while unused.count < wanted, !isAtEnd {
            input.replaceSubrange(0..<unused.count, with: Array(input[unused]))
            unused = 0..<unused.count
            let count = input.withUnsafeMutableBytes {
                read(descriptor, $0.baseAddress! + unused.count, $0.count - unused.count)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw .unreadable(errno: errno)
            }
            isAtEnd = count == 0
            readSoFar += count
            unused = 0..<unused.count + count
        }
    }

    // MARK: gzip

    private static func begin() throws(SourceFault.Reason) -> UnsafeMutablePointer<z_stream> {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // Only a lack of memory or a zlib of another major version make this fail.
        guard adit_inflate_gzip_init(stream) == Z_OK else {
            stream.deallocate()
            throw .damaged(atByte: 0, zlib: "initialisation failed")
        }
        return stream
    }

    private static func end(_ stream: UnsafeMutablePointer<z_stream>) {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Unpacks a piece; `nil` when there was none, because a member has ended.
    private func unpack(_ stream: UnsafeMutablePointer<z_stream>) throws(SourceFault.Reason) -> [UInt8]? {
        while true {
            if unused.isEmpty { try fill(atLeast: 1) }
            var output = [UInt8](repeating: 0, count: SourceBytes.pieceSize)
            let before = unused.count
            let status = input.withUnsafeMutableBufferPointer { input in
                output.withUnsafeMutableBufferPointer { output in
                    stream.pointee.next_in = input.baseAddress.map { $0 + unused.lowerBound }
                    stream.pointee.avail_in = UInt32(before)
                    stream.pointee.next_out = output.baseAddress
                    stream.pointee.avail_out = UInt32(output.count)
                    return inflate(stream, Z_NO_FLUSH)
                }
            }
            unused = unused.upperBound - Int(stream.pointee.avail_in)..<unused.upperBound
            output.removeLast(Int(stream.pointee.avail_out))
            switch status {
            case Z_STREAM_END:
                Self.end(stream)
                packing = .betweenMembers
                return output.isEmpty ? nil : output
            case Z_OK, Z_BUF_ERROR:
                if !output.isEmpty { return output }
                if unused.isEmpty, isAtEnd { throw .truncated(atByte: place) }
            default:
                throw .damaged(
                    atByte: place,
                    zlib: stream.pointee.msg.map { String(cString: $0) } ?? "error \(status)")
            }
        }
    }
}
