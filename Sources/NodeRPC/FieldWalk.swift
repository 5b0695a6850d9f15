/// The names of an object's members that somebody wants to know: the rest is passed over, and none of them may come
/// twice.
public struct FieldNames<Field: RawRepresentable<String> & CaseIterable & Sendable>: Sendable {
    fileprivate let entries: [(name: [UInt8], field: Field)]

    public init(_: Field.Type) {
        entries = Field.allCases.map { (Array($0.rawValue.utf8), $0) }
        precondition(entries.count <= 64, "one bit for each field")
    }
}

/// One walk through one object.
public struct FieldWalk<Field: RawRepresentable<String> & CaseIterable & Sendable> {
    private let names: FieldNames<Field>
    private var seen: UInt64 = 0
    /// Where a node's objects have their next field: they write it in the same order each time.
    private var expected = 0

    /// Enters the object.
    public init(_ names: FieldNames<Field>, _ reader: inout JSONReader) throws(JSONReader.Fault) {
        self.names = names
        try reader.enterObject()
    }

    /// The next wanted member whose value is not null; the reader is at its value. `nil` behind the object. A null
    /// says as much as a missing member: nothing is known.
    public mutating func next(_ reader: inout JSONReader) throws(JSONReader.Fault) -> Field? {
        while let name = try reader.nextName() {
            guard let index = index(of: name, reader) else {
                try reader.skip()
                continue
            }
            guard seen & (1 << UInt64(index)) == 0 else {
                throw reader.fault(.fieldTwice(names.entries[index].field.rawValue), at: name.lowerBound - 1)
            }
            seen |= 1 << UInt64(index)
            expected = index + 1
            if try reader.null() { continue }
            return names.entries[index].field
        }
        return nil
    }

    private func index(of name: Range<Int>, _ reader: JSONReader) -> Int? {
        let entries = names.entries
        if expected < entries.count, reader.text(in: name, is: entries[expected].name) { return expected }
        for index in entries.indices where reader.text(in: name, is: entries[index].name) { return index }
        return nil
    }
}
