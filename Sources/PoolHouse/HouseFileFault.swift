import Glibc

/// Why a pool's configuration cannot be used, where, and what to do about it.
public struct HouseFileFault: Error, Hashable, Sendable {
    /// The path as it was given.
    public var file: String
    public var reason: Reason

    /// Keys are written as `table.key`, an element of a list with its index in brackets. Lines count from 1 and are
    /// there where the key could be found in the text.
    public enum Reason: Error, Hashable, Sendable {
        case unreadable(errno: Int32)
        case tooLarge(limit: Int)
        case notText
        case syntax(String, line: Int, column: Int)
        case unknownKey(String, nearest: String, line: Int?)
        case wrongType(String, found: String, wanted: String, line: Int?)
        case value(String, shown: String, wanted: String, line: Int?)
        case missing(String, what: String)
        /// Two keys of which only one may be there.
        case twice(String, String)
        case payout(String, String, line: Int?)
        case source(String, String, line: Int?)
        /// Neither a node nor a recording.
        case noNode
        /// The file holds a node's password, and others may read it: its permission bits.
        case tooOpen(mode: UInt32)
    }
}

extension HouseFileFault: CustomStringConvertible {
    /// A sentence for the operator.
    public var description: String {
        if case .tooOpen(let mode) = reason {
            return
                "\(file) holds a node's password and can be read by others (mode 0\(String(mode, radix: 8))): "
                + "chmod 600 \(file)"
        }
        return "\(file): \(reason.sentence)"
    }
}

extension HouseFileFault.Reason {
    var sentence: String {
        switch self {
        case .unreadable(let errno):
            "cannot be read: \(String(cString: strerror(errno))). Check the name and the permissions."
        case .tooLarge(let limit):
            "is larger than \(limit) bytes, the most that a configuration may have. Is it the right file?"
        case .notText: "is not UTF-8 text. Is it the right file?"
        case .syntax(let problem, let line, let column):
            "line \(line), column \(column): \(problem). Correct the TOML there."
        case .unknownKey(let key, let nearest, let line):
            "\(at(line))\(key) is not a key of a pool's configuration. Did you mean \(nearest)?"
        case .wrongType(let key, let found, let wanted, let line):
            "\(at(line))\(key) is \(found). Give it \(wanted)."
        case .value(let key, let shown, let wanted, let line):
            "\(at(line))\(key) = \(printable(shown)) cannot be used. Give it \(wanted)."
        case .missing(let key, let what):
            "\(key) is missing: \(what). adit pool run --example prints a configuration with every key."
        case .twice(let first, let second): "\(first) and \(second) exclude each other. Remove one of them."
        case .payout(let key, let problem, let line): "\(at(line))\(key): \(problem)."
        case .source(let key, let problem, let line): "\(at(line))\(key): \(problem)"
        case .noNode:
            "there is no node: name one in nodes.sources (\"node:\" is the one on this machine), or, for tests, a "
                + "recording in nodes.recording."
        case .tooOpen: "can be read by others."
        }
    }

    private func at(_ line: Int?) -> String { line.map { "line \($0): " } ?? "" }

    /// What could play with a terminal is left out.
    private func printable(_ text: String) -> String {
        let plain = String(
            text.filter { $0.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f } })
        return plain.count > 100 ? "\(plain.prefix(97))..." : plain
    }
}
