public import BitcoinPrimitives
public import RecordedNode

/// Why a capture file cannot be used, where, and what to do about it.
public struct CaptureFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file, or what the embedded copy is called.
    public var source: String
    public var reason: Reason

    public init(source: String, reason: Reason) {
        self.source = source
        self.reason = reason
    }

    public enum Reason: Hashable, Sendable {
        /// `errno` of opening or reading.
        case unreadable(errno: Int32)
        case tooLarge(limit: Int)
        // gzip
        case notGzip
        case truncated(atByte: Int)
        /// What zlib says, and how many bytes of the file it had read: a wrong checksum is found at the very
        /// end.
        case damaged(atByte: Int, zlib: String)
        case trailingBytes(Int)
        case expandsBeyond(limit: Int)
        // JSON
        /// `path` as in `mempool[3].txid`; empty for the whole document.
        case json(path: String, problem: String)
        case notHexadecimal(path: String)
        case wrongChain(String)
        case tooManyBlocks(Int, limit: Int)
        // content
        case block(height: Int, ParsingFault)
        case transaction(path: String, ParsingFault)
        /// The file can be read, but contradicts itself.
        case recording(RecordingFault)
    }

    public var description: String { "\(source): \(reason.problem). \(reason.remedy)" }
}

extension CaptureFault.Reason {
    fileprivate var problem: String {
        switch self {
        case .unreadable(let errno): "cannot be read (errno \(errno))"
        case .tooLarge(let limit): "is larger than \(limit) bytes, the most that a capture may have"
        case .notGzip: "is not a gzip file"
        case .truncated(let at): "ends at byte \(at), in the middle of the gzip data"
        case .damaged(let at, let zlib): "is damaged: zlib reports \"\(zlib)\" at byte \(at)"
        case .trailingBytes(let count): "has \(count) bytes after the end of the gzip data"
        case .expandsBeyond(let limit):
            "unpacks to more than \(limit) bytes, the most that a capture may have"
        case .json(let path, let problem): "\(path.isEmpty ? "the JSON text" : path): \(problem)"
        case .notHexadecimal(let path): "\(path) does not hold the hexadecimal digits expected there"
        case .wrongChain(let chain): "was recorded on the chain \"\(chain)\", and only regtest can be played"
        case .tooManyBlocks(let count, let limit): "holds \(count) blocks, more than the limit of \(limit)"
        case .block(let height, let fault): "the block at height \(height) does not parse: \(fault)"
        case .transaction(let path, let fault): "\(path) is no transaction: \(fault)"
        case .recording(let fault): "contradicts itself: \(fault)"
        }
    }

    fileprivate var remedy: String {
        switch self {
        case .unreadable: "Check the name and the permissions of the file."
        case .wrongChain: "Record a regtest node, or leave the option out to use the embedded capture."
        case .tooLarge, .tooManyBlocks, .expandsBeyond: "Record a shorter chain or a smaller mempool."
        case .notGzip, .truncated, .damaged, .trailingBytes:
            "Fetch the file again, or leave the option out to use the embedded capture."
        case .json, .notHexadecimal, .block, .transaction, .recording:
            "Record it again, or leave the option out to use the embedded capture."
        }
    }
}
