import Glibc
import NIOPosix

/// Why the second process did not do its part.
public enum IdleLoadFailure: Error, Hashable, Sendable {
    case notStarted(path: String, errno: Int32)
    /// It said this instead of being ready; empty when it ended without a word.
    case said(String)
}

/// The second process: it connects when it is started, opens channels when told to, and keeps all of them until its
/// standard input ends. On standard output it says that it is ready with each.
struct IdleLoad: Sendable {
    /// In place of a key: connect, and say nothing.
    static let noKey = "-"
    static let ready = "READY"

    private let executable: String
    private let arguments: [String]
    private let process = Process()

    init(executable: String, arguments: [String]) {
        self.executable = executable
        self.arguments = arguments
    }

    /// Starts it, and waits until it is connected.
    func start() async throws {
        try process.spawn(executable, arguments)
        try await awaitReady()
    }

    /// Waits until it has opened its channels.
    func next() async throws {
        process.write("next\n")
        try await awaitReady()
    }

    /// Ends it, and waits for that.
    func end() async throws {
        let process = process
        try await NIOThreadPool.singleton.runIfActive { process.end() }
    }

    private func awaitReady() async throws {
        let process = process
        let line = try await NIOThreadPool.singleton.runIfActive { process.readLine() }
        guard line == Self.ready else {
            try await end()
            throw IdleLoadFailure.said(line)
        }
    }

    /// One step after the other uses it, which makes it Sendable.
    private final class Process: @unchecked Sendable {
        private var identifier: pid_t = 0
        private var input: CInt = -1
        private var output: CInt = -1

        func spawn(_ path: String, _ arguments: [String]) throws(IdleLoadFailure) {
            var toChild: [CInt] = [0, 0]
            var fromChild: [CInt] = [0, 0]
            guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else {
                throw .notStarted(path: path, errno: errno)
            }
            // Closed in children but for the ends that this one gets as its own: each sees the end of its input.
            for descriptor in toChild + fromChild { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            posix_spawn_file_actions_adddup2(&actions, toChild[0], STDIN_FILENO)
            posix_spawn_file_actions_adddup2(&actions, fromChild[1], STDOUT_FILENO)
            var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
            let failure = posix_spawn(&identifier, path, &actions, nil, &words, environ)
            for word in words { free(word) }
            posix_spawn_file_actions_destroy(&actions)
            close(toChild[0])
            close(fromChild[1])
            (input, output) = (toChild[1], fromChild[0])
            guard failure == 0 else {
                identifier = 0
                throw .notStarted(path: path, errno: failure)
            }
        }

        func write(_ text: String) {
            // A child that has ended is found by its silence; SIGPIPE is off since NIO runs.
            _ = Array(text.utf8).withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
        }

        /// Without its end; a child that ends ends the line.
        func readLine() -> String {
            var line = [UInt8]()
            var byte: UInt8 = 0
            while line.count < 1_000 {
                let count = read(output, &byte, 1)
                if count < 0, errno == EINTR { continue }
                guard count == 1, byte != 0x0A else { break }
                line.append(byte)
            }
            return String(decoding: line, as: UTF8.self)
        }

        func end() {
            close(input)
            close(output)
            if identifier > 0 { waitpid(identifier, nil, 0) }
            identifier = 0
        }
    }
}
