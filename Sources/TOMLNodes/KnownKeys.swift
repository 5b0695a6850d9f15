/// The keys that a kind of document may have, by table; the root is the table without a name.
public struct KnownKeys: Sendable {
    public let tables: [String: [String]]

    public init(_ tables: [String: [String]]) { self.tables = tables }

    /// The first key of a table, by the alphabet, that is not known.
    public func stranger(among keys: some Sequence<String>, in table: String) -> String? {
        let known = tables[table] ?? []
        return keys.sorted().first { !known.contains($0) }
    }

    /// The known key that looks most like this one: of the same table where two look alike.
    public func nearest(to key: String, in table: String) -> (table: String, key: String) {
        var best = (table: "", key: "", distance: Int.max)
        for name in tables.keys.sorted(by: { ($0 != table ? 1 : 0, $0) < ($1 != table ? 1 : 0, $1) }) {
            for candidate in tables[name] ?? [] {
                let distance = Self.editDistance(key, candidate)
                if distance < best.distance { best = (name, candidate, distance) }
            }
        }
        return (best.table, best.key)
    }

    /// Letters to insert, remove or change until one text is the other (Levenshtein).
    private static func editDistance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.prefix(64)), Array(b))
        var row = Array(0...b.count)
        for (i, letter) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in b.enumerated() {
                let changed = diagonal + (letter == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(changed, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
