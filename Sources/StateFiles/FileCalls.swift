/// What state files ask of the system. Tests fail or stop at any of these calls.
///
/// Files are named by descriptor numbers, which belong to whoever opened them until ``close(_:)``.
public protocol FileCalls: Sendable {
    func open(_ path: String, for use: FileUse) throws(FileCallError) -> CInt
    /// - Returns: how many of the bytes were taken, at least one.
    func write(_ bytes: ArraySlice<UInt8>, to file: CInt) throws(FileCallError) -> Int
    /// The next bytes, `count` at most; none at the end.
    func read(_ count: Int, from file: CInt) throws(FileCallError) -> [UInt8]
    /// Waits until the disk has a file's content, or a folder's names.
    func sync(_ file: CInt) throws(FileCallError)
    func close(_ file: CInt) throws(FileCallError)
    /// Replaces what has the new name, in one step.
    func rename(_ path: String, to newPath: String) throws(FileCallError)
    func remove(_ path: String) throws(FileCallError)
    /// Its parent must be there. A folder that is there already is no error.
    func makeFolder(_ path: String) throws(FileCallError)
    /// Names in a folder, in any order, without `.` and `..`.
    func names(in folder: String) throws(FileCallError) -> [String]
}

public enum FileUse: Hashable, Sendable {
    case reading
    /// Made when it is missing, emptied when not; only its owner may read and write it. A symbolic link is refused.
    case replacing
    /// To be synced.
    case folder
}

/// A call that the system refused.
public struct FileCallError: Error, Hashable, Sendable {
    /// As in the manual: `open`, `write`.
    public var call: String
    public var errno: CInt

    public init(call: String, errno: CInt) {
        self.call = call
        self.errno = errno
    }
}
