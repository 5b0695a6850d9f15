import Glibc
import StateFiles
import Synchronization

/// A disk in memory that forgets in a power cut what was not synced, and stops or fails at a call of choice.
///
/// Names reach the disk in order, as in a journal; the content of a file that was not synced may be anything between
/// nothing and all of it, or zeros.
final class ModelDisk: FileCalls {
    private struct File {
        /// What the program sees, and what a power cut leaves for certain.
        var content: [UInt8] = []
        var durable: [UInt8] = []
    }

    private enum Change { case set(String, Int), move(String, String), remove(String), folder(String) }

    private struct State {
        var files: [Int: File] = [:]
        var names: [String: Int] = [:]
        var durableNames: [String: Int] = [:]
        var folders: Set<String> = []
        var durableFolders: Set<String> = []
        var journal: [Change] = []
        var handles: [CInt: (file: Int?, folder: String, place: Int)] = [:]
        var next = 3
        var calls = 0
        var trace: [String] = []
        /// The call at which the program dies, from 1.
        var deadAt = Int.max
        var failing: (call: String, errno: CInt)?
    }

    private let state: Mutex<State>

    init(folders: Set<String>) {
        var state = State()
        (state.folders, state.durableFolders) = (folders, folders)
        self.state = Mutex(state)
    }

    private init(_ state: State) { self.state = Mutex(state) }

    var callCount: Int { state.withLock { $0.calls } }
    var trace: [String] { state.withLock { $0.trace } }
    var openHandles: Int { state.withLock { $0.handles.count } }
    var isDead: Bool { state.withLock { $0.calls >= $0.deadAt } }
    var files: [String: [UInt8]] {
        state.withLock { state in state.names.mapValues { state.files[$0]?.content ?? [] } }
    }

    func die(atCall call: Int) { state.withLock { $0.deadAt = $0.calls + call } }
    func fail(_ call: String, with errno: CInt) { state.withLock { $0.failing = (call, errno) } }
    func heal() { state.withLock { $0.failing = nil } }
    func put(_ path: String, _ bytes: [UInt8]) {
        state.withLock { state in
            state.files[state.next] = File(content: bytes, durable: bytes)
            state.names[path] = state.next
            state.durableNames[path] = state.next
            state.next += 1
        }
    }

    /// The disk after the program was killed.
    func afterKill() -> ModelDisk {
        state.withLock { state in
            var new = State()
            (new.files, new.names, new.durableNames) = (state.files, state.names, state.durableNames)
            (new.folders, new.durableFolders) = (state.folders, state.durableFolders)
            (new.journal, new.next) = (state.journal, state.next)
            return ModelDisk(new)
        }
    }

    /// The disk after the machine lost power, one of the many that there can be.
    func afterPowerCut(_ dice: inout some RandomNumberGenerator) -> ModelDisk {
        state.withLock { state in
            var new = State()
            (new.names, new.folders, new.next) = (state.durableNames, state.durableFolders, state.next)
            for change in state.journal.prefix(Int.random(in: 0...state.journal.count, using: &dice)) {
                Self.apply(change, &new.names, &new.folders)
            }
            for (id, file) in state.files.sorted(by: { $0.key < $1.key }) {
                let content: [UInt8]
                switch file.content == file.durable ? 0 : Int.random(in: 0..<5, using: &dice) {
                case 0: content = file.durable
                case 1: content = file.content
                case 2: content = []
                case 3: content = [UInt8](repeating: 0, count: file.content.count)
                default:
                    content = Array(file.content.prefix(Int.random(in: 0...file.content.count, using: &dice)))
                }
                new.files[id] = File(content: content, durable: content)
            }
            (new.durableNames, new.durableFolders) = (new.names, new.folders)
            return ModelDisk(new)
        }
    }

    private static func apply(_ change: Change, _ names: inout [String: Int], _ folders: inout Set<String>) {
        switch change {
        case .set(let path, let file): names[path] = file
        case .move(let path, let new): names[new] = names.removeValue(forKey: path)
        case .remove(let path): names[path] = nil
        case .folder(let path): folders.insert(path)
        }
    }

    // MARK: calls

    /// One call: counted, and refused when it is to fail or the program is dead.
    private func call<Result>(
        _ name: String, _ body: (inout State) throws(FileCallError) -> Result
    ) throws(FileCallError) -> Result {
        try state.withLock { (state) throws(FileCallError) in
            state.calls += 1
            // A dead program does nothing; that its code runs on here changes nothing on the disk.
            guard state.calls < state.deadAt else { throw FileCallError(call: name, errno: EIO) }
            state.trace.append(name)
            if let failing = state.failing, failing.call == name {
                throw FileCallError(call: name, errno: failing.errno)
            }
            return try body(&state)
        }
    }

    func open(_ path: String, for use: FileUse) throws(FileCallError) -> CInt {
        try call("open") { (state) throws(FileCallError) in
            let number = CInt(state.next)
            state.next += 1
            switch use {
            case .folder:
                guard state.folders.contains(path) else { throw FileCallError(call: "open", errno: ENOENT) }
                state.handles[number] = (nil, path, 0)
            case .reading:
                guard let file = state.names[path] else { throw FileCallError(call: "open", errno: ENOENT) }
                state.handles[number] = (file, "", 0)
            case .replacing:
                guard state.folders.contains(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
                else {
                    throw FileCallError(call: "open", errno: ENOENT)
                }
                if let file = state.names[path] {
                    state.files[file]?.content = []
                    state.handles[number] = (file, "", 0)
                } else {
                    state.files[state.next] = File()
                    state.names[path] = state.next
                    state.journal.append(.set(path, state.next))
                    state.handles[number] = (state.next, "", 0)
                    state.next += 1
                }
            }
            return number
        }
    }

    func write(_ bytes: ArraySlice<UInt8>, to file: CInt) throws(FileCallError) -> Int {
        try call("write") { (state) throws(FileCallError) in
            guard let id = state.handles[file]?.file else { throw FileCallError(call: "write", errno: EBADF) }
            // In pieces, so that a program can die between two of them.
            let count = min(bytes.count, max(1, (bytes.count + 1) / 2))
            state.files[id]?.content += bytes.prefix(count)
            return count
        }
    }

    func read(_ count: Int, from file: CInt) throws(FileCallError) -> [UInt8] {
        try call("read") { (state) throws(FileCallError) in
            guard let handle = state.handles[file], let id = handle.file,
                let content = state.files[id]?.content
            else { throw FileCallError(call: "read", errno: EBADF) }
            let bytes = content.dropFirst(handle.place).prefix(count)
            state.handles[file]?.place += bytes.count
            return Array(bytes)
        }
    }

    func sync(_ file: CInt) throws(FileCallError) {
        try call("fsync") { (state) throws(FileCallError) in
            guard let handle = state.handles[file] else { throw FileCallError(call: "fsync", errno: EBADF) }
            if let id = handle.file, let content = state.files[id]?.content {
                state.files[id]?.durable = content
            } else {
                for change in state.journal { Self.apply(change, &state.durableNames, &state.durableFolders) }
                state.journal = []
            }
        }
    }

    func close(_ file: CInt) throws(FileCallError) {
        try call("close") { (state) throws(FileCallError) in
            guard state.handles.removeValue(forKey: file) != nil else {
                throw FileCallError(call: "close", errno: EBADF)
            }
        }
    }

    func rename(_ path: String, to newPath: String) throws(FileCallError) {
        try call("rename") { (state) throws(FileCallError) in
            guard state.names[path] != nil else { throw FileCallError(call: "rename", errno: ENOENT) }
            state.journal.append(.move(path, newPath))
            Self.apply(.move(path, newPath), &state.names, &state.folders)
        }
    }

    func remove(_ path: String) throws(FileCallError) {
        try call("unlink") { (state) throws(FileCallError) in
            guard state.names[path] != nil else { throw FileCallError(call: "unlink", errno: ENOENT) }
            state.journal.append(.remove(path))
            Self.apply(.remove(path), &state.names, &state.folders)
        }
    }

    func makeFolder(_ path: String) throws(FileCallError) {
        try call("mkdir") { (state) throws(FileCallError) in
            guard !state.folders.contains(path) else { return }
            state.folders.insert(path)
            state.journal.append(.folder(path))
        }
    }

    func names(in folder: String) throws(FileCallError) -> [String] {
        try call("opendir") { (state) throws(FileCallError) in
            guard state.folders.contains(folder) else { throw FileCallError(call: "opendir", errno: ENOENT) }
            let inside = Array(state.names.keys) + state.folders
            return inside.filter { $0.hasPrefix(folder + "/") }.map { String($0.dropFirst(folder.count + 1)) }
                .filter { !$0.contains("/") }
        }
    }
}

struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 31)
    }
}
