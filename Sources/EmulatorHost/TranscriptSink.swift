import Glibc
import NIOCore
import Synchronization

/// Writes lines to a file or to standard output, on a loop of its own, so that a slow disk holds nothing up.
///
final class TranscriptSink: Sendable {
    /// Bytes that may wait for the disk; lines beyond it are lost, and counted.
    private static let bound = 4 << 20

    private let loop: any EventLoop
    private let descriptor: CInt
    private let isOwned: Bool
    private let waiting = Mutex((bytes: 0, lostLines: 0))

    /// - Parameter path: `-` is standard output. A file that is there is replaced.
    /// - Throws: `TranscriptError`.
    init(path: String, on loop: any EventLoop) throws(TranscriptError) {
        self.loop = loop
        isOwned = path != "-"
        guard isOwned else {
            descriptor = STDOUT_FILENO
            return
        }
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0o644)
        guard descriptor >= 0 else {
            throw TranscriptError(path: path, reason: String(cString: strerror(errno)))
        }
    }

    func append(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        let fits = waiting.withLock { waiting in
            guard waiting.bytes + bytes.count <= Self.bound else {
                waiting.lostLines += 1
                return false
            }
            waiting.bytes += bytes.count
            return true
        }
        guard fits else { return }
        loop.execute {
            self.put(bytes)
            let lost = self.waiting.withLock { waiting in
                waiting.bytes -= bytes.count
                defer { waiting.lostLines = 0 }
                return waiting.lostLines
            }
            if lost > 0 { self.put(Array("# \(lost) lines lost: the disk was too slow\n".utf8)) }
        }
    }

    /// Succeeds when all lines are written and the file is closed.
    func close() -> EventLoopFuture<Void> {
        loop.submit { if self.isOwned { Glibc.close(self.descriptor) } }
    }

    /// What a full disk or a closed pipe does not take is lost: an emulator goes on.
    private func put(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return }
            rest = rest.dropFirst(written)
        }
    }
}

/// Why there is no transcript.
struct TranscriptError: Error, CustomStringConvertible {
    let path: String
    let reason: String
    var description: String { "cannot write the transcript \(path): \(reason)" }
}
