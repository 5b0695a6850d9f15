public import BitcoinPrimitives
public import Payouts

/// Why a policy file cannot be used, where, and what to do about it.
public struct PolicyFileFault: Error, Hashable, Sendable {
    /// The path as it was given.
    public var file: String
    public var reason: Reason

    public init(file: String, reason: Reason) {
        self.file = file
        self.reason = reason
    }

    /// Key paths are written as in TOML, with the index of an array's element in brackets: `exclude.txids[3]`.
    /// Lines count from 1 and are there where the key could be found in the text.
    public enum Reason: Error, Hashable, Sendable {
        /// `errno` of opening or reading.
        case unreadable(errno: Int32)
        case tooLarge(limit: Int)
        case notText
        case syntax(String, line: Int, column: Int)
        case unknownKey(String, nearest: String, line: Int?)
        case wrongType(String, found: String, wanted: String, line: Int?)
        /// Not a number within the bounds.
        case outOfRange(String, value: String, allowed: String, line: Int?)
        /// A rate with more than three decimals.
        case tooManyDecimals(String, value: String, line: Int?)
        case tooMany(String, count: Int, limit: Int)
        /// Not 64 hexadecimal digits.
        case notAnID(String, text: String, line: Int?)
        case notAScript(String, line: Int?)
        case address(String, text: String, AddressFault, line: Int?)
        /// The same thing is named at two places.
        case twice(String, String)
        /// To be in and out at once.
        case conflict(Txid, included: String, excluded: String)
    }
}

extension PolicyFileFault: CustomStringConvertible {
    /// A sentence for the operator: where, what, and what to do.
    public var description: String { "\(file): \(reason.sentence)" }
}

extension PolicyFileFault.Reason {
    var sentence: String {
        switch self {
        case .unreadable(let errno):
            "cannot be read (errno \(errno)). Check the name and the permissions of the file."
        case .tooLarge(let limit):
            "is larger than \(limit) bytes, the most that a policy may have. Is it the right file?"
        case .notText: "is not UTF-8 text. Is it the right file?"
        case .syntax(let problem, let line, let column):
            "line \(line), column \(column): \(problem). Correct the TOML there."
        case .unknownKey(let path, let nearest, let line):
            "\(at(line))\(path) is not a key of a policy. Did you mean \(nearest)?"
        case .wrongType(let path, let found, let wanted, let line):
            "\(at(line))\(path) is \(found). Give it \(wanted)."
        case .outOfRange(let path, let value, let allowed, let line):
            "\(at(line))\(path) = \(value) is out of range. Give it \(allowed)."
        case .tooManyDecimals(let path, let value, let line):
            "\(at(line))\(path) = \(value) has more than three decimals, and rates count in thousandths. Round it."
        case .tooMany(let path, let count, let limit):
            "\(path) names \(count), and \(limit) are the most that it may. Shorten the list."
        case .notAnID(let path, let text, let line):
            "\(at(line))\(path): \"\(shortened(text))\" is no transaction id. Give it 64 hexadecimal digits, as "
                + "explorers print them."
        case .notAScript(let path, let line):
            "\(at(line))\(path) is no output script. Give it 1 to 10,000 bytes in hexadecimal digits."
        case .address(let path, _, .privateKey, let line):
            "\(at(line))\(path): \(AddressFault.privateKey)."
        case .address(let path, let text, let fault, let line):
            "\(at(line))\(path): \"\(shortened(text))\" is no address that can be used here: \(fault). Or "
                + "give the output script under exclude.scripts."
        case .twice(let first, let second):
            "\(first) and \(second) name the same. Remove one of them."
        case .conflict(let txid, let included, let excluded):
            "\(included) and \(excluded) want transaction \(txid.displayHex) in and out at once. Remove one of them."
        }
    }

    private func at(_ line: Int?) -> String { line.map { "line \($0): " } ?? "" }

    private func shortened(_ text: String) -> String {
        text.count <= 100 ? text : text.prefix(97) + "..."
    }
}
