import TOMLNodes

/// Takes the keys of one TOML table, each once and with its type, and knows which were never asked for.
///
/// Bounds are checked where a value is read, so that an error names the key path.
struct TableReader {
    let path: String
    private let entries: [String: TOMLNode]
    private var asked: Set<String> = []

    /// - Parameter path: of the table; empty for the root.
    init(_ node: TOMLNode, path: String) throws(ProfileError.Problem) {
        guard case .table(let entries) = node else {
            throw .wrongType(path, expected: "a table", found: node.kind)
        }
        self.entries = entries
        self.path = path
    }

    /// Reads all of `node` with `body`; keys that it does not ask for are an error.
    static func read<Value>(
        _ node: TOMLNode, path: String = "",
        _ body: (inout TableReader) throws(ProfileError.Problem) -> Value
    ) throws(ProfileError.Problem) -> Value {
        var reader = try TableReader(node, path: path)
        let value = try body(&reader)
        if let stranger = reader.entries.keys.sorted().first(where: { !reader.asked.contains($0) }) {
            throw .unknownKey(reader.path(of: stranger), known: reader.asked.sorted())
        }
        return value
    }

    func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    var keys: [String] { entries.keys.sorted() }

    mutating func has(_ key: String) -> Bool {
        asked.insert(key)
        return entries[key] != nil
    }

    mutating func node(_ key: String, _ expected: String) throws(ProfileError.Problem) -> TOMLNode {
        asked.insert(key)
        guard let node = entries[key] else { throw .missingKey(path(of: key), expected: expected) }
        return node
    }

    mutating func text(_ key: String) throws(ProfileError.Problem) -> String {
        let node = try node(key, "text")
        guard case .text(let text) = node, !text.isEmpty else {
            throw .wrongType(path(of: key), expected: "text", found: node == .text("") ? "empty" : node.kind)
        }
        return text
    }

    mutating func texts(_ key: String) throws(ProfileError.Problem) -> [String] {
        try array(key).enumerated().map { (item) throws(ProfileError.Problem) in
            guard case .text(let text) = item.element else {
                throw .wrongType(
                    "\(path(of: key))[\(item.offset)]", expected: "text", found: item.element.kind)
            }
            return text
        }
    }

    mutating func array(_ key: String) throws(ProfileError.Problem) -> [TOMLNode] {
        let node = try node(key, "an array")
        guard case .array(let items) = node else {
            throw .wrongType(path(of: key), expected: "an array", found: node.kind)
        }
        return items
    }

    mutating func flag(_ key: String) throws(ProfileError.Problem) -> Bool {
        let node = try node(key, "true or false")
        guard case .flag(let flag) = node else {
            throw .wrongType(path(of: key), expected: "true or false", found: node.kind)
        }
        return flag
    }

    mutating func integer(_ key: String, in bounds: ClosedRange<Int>) throws(ProfileError.Problem) -> Int {
        let node = try node(key, "a whole number")
        guard case .integer(let value) = node else {
            throw .wrongType(path(of: key), expected: "a whole number", found: node.kind)
        }
        try check(key, value, bounds)
        return value
    }

    mutating func number(_ key: String, in bounds: ClosedRange<Double>) throws(ProfileError.Problem) -> Double
    {
        let node = try node(key, "a number")
        let value: Double
        switch node {
        case .integer(let whole): value = Double(whole)
        case .number(let number): value = number
        case .table, .array, .text, .flag, .time:
            throw .wrongType(path(of: key), expected: "a number", found: node.kind)
        }
        try check(key, value, bounds)
        return value
    }

    /// One of a few words, each of which stands for a value.
    mutating func choice<Value>(_ key: String, _ words: KeyValuePairs<String, Value>)
        throws(ProfileError.Problem) -> Value
    {
        let word = try text(key)
        guard let value = words.first(where: { $0.key == word })?.value else {
            throw .notOneOf(path(of: key), value: word, allowed: words.map(\.key))
        }
        return value
    }

    mutating func table<Value>(
        _ key: String, _ body: (inout TableReader) throws(ProfileError.Problem) -> Value
    ) throws(ProfileError.Problem) -> Value {
        try TableReader.read(try node(key, "a table"), path: path(of: key), body)
    }

    private func check<Value: Comparable>(_ key: String, _ value: Value, _ bounds: ClosedRange<Value>)
        throws(ProfileError.Problem)
    {
        guard bounds.contains(value) else {
            throw .outOfBounds(
                path(of: key), value: "\(value)", allowed: "\(bounds.lowerBound) to \(bounds.upperBound)",
                why: .format)
        }
    }
}
