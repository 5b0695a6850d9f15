import CZlib

/// Unpacks one gzip member (RFC 1952), of whose size neither end is trusted.
public enum Gunzip {
    /// - Parameter limit: bytes that the result may have at most.
    public static func unpack(
        _ input: UnsafeRawBufferPointer, limit: Int
    ) throws(CaptureFault.Reason) -> [UInt8] {
        guard input.count >= 2, input[0] == 0x1f, input[1] == 0x8b else { throw .notGzip }
        var stream = z_stream()
        // Only a lack of memory or a zlib of another major version make this fail.
        guard adit_inflate_gzip_init(&stream) == Z_OK else {
            throw .damaged(atByte: 0, zlib: "initialisation failed")
        }
        defer { inflateEnd(&stream) }
        var output = [UInt8]()
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        // zlib does not write through next_in, although its type allows it.
        stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(input.count)
        while true {
            let room = chunk.count
            let status = chunk.withUnsafeMutableBufferPointer {
                stream.next_out = $0.baseAddress
                stream.avail_out = UInt32(room)
                return inflate(&stream, Z_NO_FLUSH)
            }
            let used = input.count - Int(stream.avail_in)
            let produced = room - Int(stream.avail_out)
            guard output.count + produced <= limit else { throw .expandsBeyond(limit: limit) }
            output += chunk.prefix(produced)
            switch status {
            case Z_STREAM_END:
                guard stream.avail_in == 0 else { throw .trailingBytes(Int(stream.avail_in)) }
                return output
            case Z_OK where produced > 0 || stream.avail_in > 0:
                continue
            case Z_OK, Z_BUF_ERROR:
                throw .truncated(atByte: used)
            default:
                throw .damaged(
                    atByte: used, zlib: stream.msg.map { String(cString: $0) } ?? "error \(status)")
            }
        }
    }
}

extension CaptureFault.Reason: Error {}
