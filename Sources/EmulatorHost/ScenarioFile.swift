import TOMLKit

/// A file that says what goes wrong: see docs/emulator.md.
public struct Scenario: Hashable, Sendable {
    public let title: String
    /// In the order of the file.
    let entries: [ScenarioFault]
}

/// Why a scenario cannot be used: which file, which key, and what is allowed.
public struct ScenarioError: Error, Hashable, Sendable, CustomStringConvertible {
    public let file: String
    public let problem: Problem

    public enum Problem: Error, Hashable, Sendable {
        case unknown(name: String, known: [String])
        case unreadable(String)
        case syntax(String, line: Int, column: Int)
        case missing(String, expected: String)
        case unknownKey(String, known: [String])
        case wrong(String, found: String, allowed: String)
        case noSuchChip(String, chip: Int, chips: Int)
    }

    /// A sentence for the operator.
    public var description: String {
        switch problem {
        case .unknown(let name, let known):
            "there is no scenario \"\(name)\" and no file of that name; known: \(known.joined(separator: ", "))"
        case .unreadable(let reason):
            "\(file): cannot be read (\(reason)); check the path and its permissions"
        case .syntax(let text, let line, let column):
            "\(file): line \(line), column \(column): \(text); correct the TOML there"
        case .missing(let path, let expected): "\(file): \(path) is missing; give it \(expected)"
        case .unknownKey(let path, let known):
            "\(file): \(path) is not a key here; remove it, or use one of: \(known.joined(separator: ", "))"
        case .wrong(let path, let found, let allowed):
            "\(file): \(path) = \(found) is not allowed; give it \(allowed)"
        case .noSuchChip(let path, let chip, let chips):
            "\(file): \(path) = \(chip) is not on a chain of \(chips); give it 0 to \(chips - 1)"
        }
    }
}

extension Scenario {
    /// No scenario comes near; more is another file by mistake.
    static let fileLimit = 1 << 20

    /// - Parameters:
    ///   - text: TOML.
    ///   - file: its name, for errors.
    public init(parsing text: String, file: String) throws(ScenarioError) {
        do throws(ScenarioError.Problem) {
            let root: TOMLTable
            do {
                root = try TOMLTable(string: text)
            } catch let error as TOMLParseError {
                throw .syntax(
                    error.description, line: error.source.begin.line, column: error.source.begin.column)
            } catch {
                throw .unreadable("\(error)")
            }
            self = try withExtendedLifetime(root) { () throws(ScenarioError.Problem) in try Scenario(root) }
        } catch {
            throw ScenarioError(file: file, problem: error)
        }
    }

    private init(_ root: TOMLTable) throws(ScenarioError.Problem) {
        var reader = ScenarioReader(root, path: "")
        title = try reader.text("title")
        var entries = [ScenarioFault]()
        for (index, table) in try reader.tables("fault").enumerated() {
            var fault = ScenarioReader(table, path: "fault[\(index)]")
            entries.append(try ScenarioFault(&fault))
            try fault.finish()
        }
        self.entries = entries
        try reader.finish()
    }
}

/// Takes the keys of one table, each with its type and bounds, and knows which were never asked for.
struct ScenarioReader {
    private let table: TOMLTable
    private let path: String
    private var asked = [String]()

    init(_ table: TOMLTable, path: String) {
        self.table = table
        self.path = path
    }

    func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// - Throws: when a key was not asked for.
    func finish() throws(ScenarioError.Problem) {
        if let stranger = table.keys.sorted().first(where: { !asked.contains($0) }) {
            throw .unknownKey(name(stranger), known: asked)
        }
    }

    mutating func text(_ key: String) throws(ScenarioError.Problem) -> String {
        asked.append(key)
        guard let value = table[key] else { throw .missing(name(key), expected: "text") }
        guard let text = value.string, !text.isEmpty else {
            throw .wrong(name(key), found: "\(value)", allowed: "text")
        }
        return text
    }

    /// One of a few words.
    mutating func word(_ key: String, _ words: [String]) throws(ScenarioError.Problem) -> String {
        asked.append(key)
        let allowed = words.joined(separator: ", ")
        guard let value = table[key] else { throw .missing(name(key), expected: "one of: \(allowed)") }
        guard let word = value.string, words.contains(word) else {
            throw .wrong(
                name(key), found: value.string.map { "\"\($0)\"" } ?? "\(value)",
                allowed: "one of: \(allowed)")
        }
        return word
    }

    mutating func has(_ key: String) -> Bool {
        asked.append(key)
        return table[key] != nil
    }

    mutating func number(_ key: String, _ bounds: ClosedRange<Double>) throws(ScenarioError.Problem) -> Double
    {
        if !asked.contains(key) { asked.append(key) }
        let allowed = "a number from \(bounds.lowerBound) to \(bounds.upperBound)"
        guard let value = table[key] else { throw .missing(name(key), expected: allowed) }
        // A whole number is a number; the parser keeps them apart.
        guard let number = value.type == .int ? value.int.map(Double.init) : value.double,
            bounds.contains(number)
        else { throw .wrong(name(key), found: "\(value)", allowed: allowed) }
        return number
    }

    mutating func integer(_ key: String, _ bounds: ClosedRange<Int>) throws(ScenarioError.Problem) -> Int {
        if !asked.contains(key) { asked.append(key) }
        let allowed = "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)"
        guard let value = table[key] else { throw .missing(name(key), expected: allowed) }
        guard value.type == .int, let number = value.int, bounds.contains(number) else {
            throw .wrong(name(key), found: "\(value)", allowed: allowed)
        }
        return number
    }

    mutating func tables(_ key: String) throws(ScenarioError.Problem) -> [TOMLTable] {
        asked.append(key)
        guard let value = table[key] else {
            throw .missing(name(key), expected: "one [[\(key)]] table or more")
        }
        guard let array = value.array else {
            throw .wrong(name(key), found: "\(value)", allowed: "[[\(key)]] tables")
        }
        var tables = [TOMLTable]()
        for (index, item) in array.enumerated() {
            guard let table = item.table else {
                throw .wrong("\(name(key))[\(index)]", found: "\(item)", allowed: "a table")
            }
            tables.append(table)
        }
        return tables
    }
}
