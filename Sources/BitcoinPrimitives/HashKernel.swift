import CSHA256d

/// One implementation of SHA-256d for one set of processor instructions.
///
/// The fastest ones that agree with the portable one are chosen by themselves, once; the environment variable
/// ADIT_SHA256D names another for the whole process.
public struct HashKernel: Hashable, Sendable {
    public enum Standing: Hashable, Sendable {
        /// This machine lacks its instructions.
        case absent
        /// It gave the same answers as the portable kernel when the process first hashed.
        case usable
        /// It gave a wrong answer then, and is not used: the processor, or what emulates it, is at fault.
        case wrong
    }

    /// portable, shani, avx2, avx512 or armv8.
    public let name: String
    public let standing: Standing
    /// Whether the calling thread uses it for one header at a time.
    public let hashesOne: Bool
    /// Whether the calling thread uses it for batches and scans.
    public let hashesMany: Bool

    /// Those of this architecture, at most four, the portable one last.
    public static var all: [HashKernel] {
        let none = adit_sha256d_kernel(
            name: nil, standing: ADIT_SHA256D_ABSENT, hashes_one: 0, hashes_many: 0)
        var kernels: [4 of adit_sha256d_kernel] = .init(repeating: none)
        var span = kernels.mutableSpan
        let count = span.withUnsafeMutableBufferPointer { adit_sha256d_kernels($0.baseAddress, $0.count) }
        return (0..<count).map { HashKernel(kernels[$0]) }
    }

    /// What ADIT_SHA256D asks for (its first 15 bytes) when no usable kernel has that name.
    public static var refused: String? { adit_sha256d_refused().map { String(cString: $0) } }

    private init(_ kernel: adit_sha256d_kernel) {
        name = String(cString: kernel.name)
        standing =
            switch kernel.standing {
            case ADIT_SHA256D_USABLE: .usable
            case ADIT_SHA256D_WRONG: .wrong
            default: .absent  // an enumeration of C, of which Swift cannot know that it is closed
            }
        hashesOne = kernel.hashes_one != 0
        hashesMany = kernel.hashes_many != 0
    }

    /// Does `body` with every hash of this thread by this kernel, then goes back to the automatic choice.
    ///
    /// - Returns: `nil`, without doing it, when the kernel is not usable.
    public func use<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result? {
        guard adit_sha256d_use(name) == 1 else { return nil }
        defer { _ = adit_sha256d_use(nil) }
        return try body()
    }
}
