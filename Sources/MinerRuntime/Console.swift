import CLinux
import Glibc
import Synchronization

/// Where a run speaks to people: lines that stay, and on a terminal one status line below them that is redrawn.
final class Console: Sendable {
    private let descriptor: CInt
    private let isTerminal: Bool
    /// Whether a status line stands on the terminal now.
    private let hasStatus = Mutex(false)

    /// - Parameter toStandardError: standard output is left for a machine.
    init(toStandardError: Bool) {
        descriptor = toStandardError ? STDERR_FILENO : STDOUT_FILENO
        isTerminal = isatty(descriptor) == 1
    }

    enum Tone { case plain, good, bad }

    /// A line that stays. Colour on a terminal only.
    func line(_ text: String, _ tone: Tone = .plain) {
        hasStatus.withLock { hasStatus in
            let clear = hasStatus ? "\r\u{1B}[2K" : ""
            hasStatus = false
            put(clear + colored(text, tone) + "\n")
        }
    }

    /// The status line: redrawn in place on a terminal, a plain line elsewhere.
    func status(_ text: String) {
        hasStatus.withLock { hasStatus in
            guard isTerminal else { return put(text + "\n") }
            hasStatus = true
            var columns: CInt = 0
            let width = adit_tty_columns(descriptor, &columns) == 0 && columns > 1 ? Int(columns) - 1 : 79
            put("\r\u{1B}[2K" + text.prefix(width))
        }
    }

    private func colored(_ text: String, _ tone: Tone) -> String {
        guard isTerminal else { return text }
        switch tone {
        case .plain: return text
        case .good: return "\u{1B}[32m\(text)\u{1B}[0m"
        case .bad: return "\u{1B}[31m\(text)\u{1B}[0m"
        }
    }

    /// Output that nobody takes is not worth stopping a miner for, so errors are ignored.
    private func put(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return }
            bytes = bytes.dropFirst(written)
        }
    }
}
