import Glibc

/// Why a state file was not read or written.
public enum StateFault: Error, Hashable, Sendable {
    case noPermission(path: String)
    case missingFolder(path: String)
    /// The disk, or the user's quota of it, is full. What the file held before is still there.
    case full(path: String)
    /// Larger than anything that was written there.
    case tooLarge(path: String, limit: Int)
    /// An index file that is none, or has changed since it was written.
    case damagedIndex(path: String)
    /// The index in the file is one of another descriptor.
    case otherDescriptor(path: String)
    case damagedBlock(path: String, BlockDamage)
    /// Written, but it may not outlive a power cut.
    case notDurable(path: String, call: String, errno: CInt)
    case system(path: String, call: String, errno: CInt)

    init(_ error: FileCallError, _ path: String) {
        self =
            switch error.errno {
            case EACCES, EPERM, EROFS: .noPermission(path: path)
            case ENOENT, ENOTDIR: .missingFolder(path: path)
            case ENOSPC, EDQUOT: .full(path: path)
            default: .system(path: path, call: error.call, errno: error.errno)
            }
    }
}

/// What is wrong with the file of a block.
public enum BlockDamage: Error, Hashable, Sendable {
    case empty
    /// It ends early, goes on behind its end, or is no block at all.
    case notABlock
    /// The header's hash is not the one in the file's name.
    case otherHash
    /// The header does not commit to the transactions, or the coinbase not to their witnesses.
    case commitment
}

extension StateFault: CustomStringConvertible {
    /// A sentence for the operator, without a full stop: where, what, and what to do.
    public var description: String {
        switch self {
        case .noPermission(let path):
            "\(path): no permission; give its folder and the file to the user that this program runs as"
        case .missingFolder(let path):
            "\(path): it or its folder does not exist; make the folder, or correct the path"
        case .full(let path): "\(path): the disk is full, nothing was written; free some space"
        case .tooLarge(let path, let limit):
            "\(path): it has more than \(limit) bytes, so this program did not write it; move it away"
        case .damagedIndex(let path):
            "\(path): it does not hold what was written; restore it from a backup, or look up in the wallet which "
                + "address was paid last, remove the file and begin with the index after it"
        case .otherDescriptor(let path):
            "\(path): it counts the addresses of another descriptor; correct the payout, or move the file away to begin "
                + "anew"
        case .damagedBlock(let path, let damage):
            "\(path): \(damage); it is left as it is, and no node gets it"
        case .notDurable(let path, let call, let errno):
            "\(path): written, but it may be lost in a power cut: \(call): \(systemText(errno)); check the disk"
        case .system(let path, let call, let errno): "\(path): \(call): \(systemText(errno))"
        }
    }
}

extension BlockDamage: CustomStringConvertible {
    public var description: String {
        switch self {
        case .empty: "the file is empty"
        case .notABlock: "the file does not hold one whole block"
        case .otherHash: "the block in it has another hash than the name says"
        case .commitment: "the block's transactions are not those that its header commits to"
        }
    }
}

/// The system's words for an errno value.
private func systemText(_ errno: CInt) -> String {
    var text = [CChar](repeating: 0, count: 128)
    guard strerror_r(errno, &text, text.count) == 0 else { return "error \(errno)" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
