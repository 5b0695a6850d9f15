/// Where keys stand in the text of a document, which the parser does not tell.
///
/// It reads lines of the forms `key = …` and `[table]`, which is how our files are written. A key in an inline table or
/// a dotted one is not found, and has no line then.
public struct KeyLines: Sendable {
    private var lines: [String: Int] = [:]

    public init(_ text: String) {
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
    public subscript(path: String) -> Int? { lines[String(path.prefix { $0 != "[" })] }

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
