import TOMLKit

/// Why a text is no TOML document.
public enum TOMLFault: Error, Hashable, Sendable {
    /// What the parser says, and where, both counted from 1.
    case syntax(String, line: Int, column: Int)
    /// The parser failed without saying where.
    case unreadable(reason: String)
}

/// A TOML document as a plain value. The parser's own nodes point into memory that its root owns, so they are copied
/// at once and never leave this file.
public enum TOMLNode: Hashable, Sendable {
    case table([String: TOMLNode])
    case array([TOMLNode])
    case text(String)
    case integer(Int)
    case number(Double)
    case flag(Bool)
    case time

    public init(parsing text: String) throws(TOMLFault) {
        do {
            let root = try TOMLTable(string: text)
            self = withExtendedLifetime(root) { TOMLNode(root) }
        } catch let error as TOMLParseError {
            throw .syntax(error.description, line: error.source.begin.line, column: error.source.begin.column)
        } catch {
            throw .unreadable(reason: "\(error)")
        }
    }

    private init(_ table: TOMLTable) {
        var nodes: [String: TOMLNode] = [:]
        for key in table.keys {
            if let value = table[key] { nodes[key] = TOMLNode(value) }
        }
        self = .table(nodes)
    }

    private init(_ value: any TOMLValueConvertible) {
        switch value.type {
        case .table: self = value.table.map { TOMLNode($0) } ?? .table([:])
        case .array: self = .array(value.array.map { array in array.map { TOMLNode($0) } } ?? [])
        case .string: self = .text(value.string ?? "")
        case .int: self = .integer(value.int ?? 0)
        case .double: self = .number(value.double ?? .nan)
        case .bool: self = .flag(value.bool ?? false)
        case .date, .time, .dateTime: self = .time
        }
    }

    /// What a person would call it.
    public var kind: String {
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
