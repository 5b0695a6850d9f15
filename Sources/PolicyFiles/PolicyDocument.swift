import TOMLKit

/// A TOML document as a plain value. The parser's own nodes point into memory that its root owns, so they are copied at
/// once and never leave this file.
enum PolicyNode: Hashable {
    case table([String: PolicyNode])
    case array([PolicyNode])
    case text(String)
    case integer(Int)
    case number(Double)
    case flag(Bool)
    case time

    init(parsing text: String) throws(PolicyFileFault.Reason) {
        do {
            let root = try TOMLTable(string: text)
            self = withExtendedLifetime(root) { PolicyNode(root) }
        } catch let error as TOMLParseError {
            throw .syntax(error.description, line: error.source.begin.line, column: error.source.begin.column)
        } catch {
            throw .syntax("\(error)", line: 1, column: 1)
        }
    }

    private init(_ table: TOMLTable) {
        var nodes: [String: PolicyNode] = [:]
        for key in table.keys {
            if let value = table[key] { nodes[key] = PolicyNode(value) }
        }
        self = .table(nodes)
    }

    private init(_ value: any TOMLValueConvertible) {
        switch value.type {
        case .table: self = value.table.map { PolicyNode($0) } ?? .table([:])
        case .array: self = .array(value.array.map { array in array.map { PolicyNode($0) } } ?? [])
        case .string: self = .text(value.string ?? "")
        case .int: self = .integer(value.int ?? 0)
        case .double: self = .number(value.double ?? .nan)
        case .bool: self = .flag(value.bool ?? false)
        case .date, .time, .dateTime: self = .time
        }
    }

    /// What a person would call it.
    var kind: String {
        switch self {
        case .table: "a table"
        case .array: "an array"
        case .text: "text"
        case .integer: "a whole number"
        case .number: "a number with a fraction"
        case .flag: "true or false"
        case .time: "a date or time"
        }
    }
}

/// Where keys stand in the text of a document, which the parser does not tell.
///
/// It reads lines of the forms `key = …` and `[table]`, which is how policies are written. A key in an inline table or
/// a dotted one is not found, and has no line then.
struct KeyLines {
    private var lines: [String: Int] = [:]

    init(_ text: String) {
        var table = ""
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.drop { $0 == " " || $0 == "\t" }
            if line.first == "[" {
                table = Self.bare(line.dropFirst().prefix { $0 != "]" }) + "."
                note(String(table.dropLast()), index + 1)
            } else if let equals = line.firstIndex(of: "="), line.first != "#" {
                note(table + Self.bare(line[..<equals]), index + 1)
            }
        }
    }

    /// The line of a key path, from 1; an index in brackets at its end does not count.
    subscript(path: String) -> Int? { lines[String(path.prefix { $0 != "[" })] }

    private mutating func note(_ path: String, _ line: Int) {
        if lines[path] == nil { lines[path] = line }
    }

    /// Without the spaces and quotes around it.
    private static func bare(_ key: Substring) -> String {
        let around: Set<Character> = [" ", "\t", "\"", "'", "\r"]
        let front = key.drop { around.contains($0) }
        return String(front.reversed().drop { around.contains($0) }.reversed())
    }
}
