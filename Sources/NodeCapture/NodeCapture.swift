import BitcoinPrimitives
import Glibc
public import RecordedNode

/// Reads recordings of a node: gzip files of JSON, as `captures/README.md` of the recording describes them.
public enum NodeCapture {
    /// Bytes that a file may have; the embedded one has three million.
    public static let maximumFileSize = 64 << 20
    /// Bytes that it may unpack to; the embedded one unpacks to fourteen million.
    public static let maximumUnpackedSize = 256 << 20

    /// Reads a capture in memory, such as the one that is built into the program.
    ///
    /// - Parameters:
    ///   - bytes: the gzip file; not kept.
    ///   - source: how to call it in an error.
    public static func recording(
        gzip bytes: UnsafeRawBufferPointer, source: String
    ) throws(CaptureFault) -> Recording {
        do throws(CaptureFault.Reason) {
            guard bytes.count <= maximumFileSize else { throw .tooLarge(limit: maximumFileSize) }
            return try Recording(CaptureDocument(json: Gunzip.unpack(bytes, limit: maximumUnpackedSize)))
        } catch {
            throw CaptureFault(source: source, reason: error)
        }
    }

    /// Reads the JSON text of a capture, which has been unpacked already.
    ///
    /// - Parameter source: how to call it in an error.
    public static func recording(json bytes: [UInt8], source: String) throws(CaptureFault) -> Recording {
        do throws(CaptureFault.Reason) {
            guard bytes.count <= maximumUnpackedSize else { throw .tooLarge(limit: maximumUnpackedSize) }
            return try Recording(CaptureDocument(json: bytes))
        } catch {
            throw CaptureFault(source: source, reason: error)
        }
    }

    /// Reads a capture in a file.
    public static func recording(file path: String) throws(CaptureFault) -> Recording {
        let bytes: [UInt8]
        do throws(CaptureFault.Reason) { bytes = try contents(of: path) } catch {
            throw CaptureFault(source: path, reason: error)
        }
        var result: Result<Recording, CaptureFault>?
        bytes.withUnsafeBytes { buffer in
            result = Result { () throws(CaptureFault) in try recording(gzip: buffer, source: path) }
        }
        guard let result else { preconditionFailure("the closure has run") }
        return try result.get()
    }

    /// Starts the node that a recording makes; a recording that contradicts itself is a fault of its file.
    public static func node(
        playing recording: Recording, seed: UInt64, source: String
    ) throws(CaptureFault) -> RecordedNode {
        do throws(RecordingFault) {
            return try RecordedNode(capture: recording, seed: seed)
        } catch {
            throw CaptureFault(source: source, reason: .recording(error))
        }
    }

    private static func contents(of path: String) throws(CaptureFault.Reason) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(errno: errno) }
        defer { close(descriptor) }
        var bytes = [UInt8]()
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .unreadable(errno: errno)
            }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
            guard bytes.count <= maximumFileSize else { throw .tooLarge(limit: maximumFileSize) }
        }
    }
}
