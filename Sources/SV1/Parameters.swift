import BitcoinPrimitives

/// Reads the parameters of a call in their order, and names the one that is wrong.
struct Parameters {
    let values: [JSONValue]

    init(_ params: JSONValue) throws(LineFault) {
        switch params {
        case .array(let values): self.values = values
        case .null: values = []
        case .bool, .number, .string, .object: throw .field("params", .expected(.array))
        }
    }

    static func path(_ index: Int, _ name: String) -> String { "params[\(index)] \(name)" }

    /// Nil when it is absent or null.
    func optional(_ index: Int) -> JSONValue? {
        index < values.count && !values[index].isNull ? values[index] : nil
    }

    func value(_ index: Int, _ name: String) throws(LineFault) -> JSONValue {
        guard let value = optional(index) else { throw .field(Parameters.path(index, name), .missing) }
        return value
    }

    /// A name of at most `limit` bytes and without control characters.
    func name(_ index: Int, _ name: String, limit: Int) throws(LineFault) -> String {
        try Parameters.name(try value(index, name), Parameters.path(index, name), limit: limit)
    }

    func optionalName(_ index: Int, _ name: String, limit: Int) throws(LineFault) -> String? {
        guard let value = optional(index) else { return nil }
        return try Parameters.name(value, Parameters.path(index, name), limit: limit)
    }

    func hex(_ index: Int, _ name: String, bytes: ClosedRange<Int>) throws(LineFault) -> [UInt8] {
        try Parameters.hex(try value(index, name), Parameters.path(index, name), bytes: bytes)
    }

    /// A 32-bit number in one to eight hexadecimal digits, with or without `0x`.
    func hex32(_ index: Int, _ name: String) throws(LineFault) -> UInt32 {
        try Parameters.hex32(try value(index, name), Parameters.path(index, name))
    }

    func difficulty(_ index: Int, _ name: String) throws(LineFault) -> ShareDifficulty {
        try Parameters.difficulty(try value(index, name), Parameters.path(index, name))
    }

    /// A whole number within bounds; as a string too.
    func int(_ index: Int, _ name: String, in range: ClosedRange<Int>) throws(LineFault) -> Int {
        try Parameters.int(try value(index, name), Parameters.path(index, name), in: range)
    }

    // MARK: one value

    static func name(_ value: JSONValue, _ path: String, limit: Int) throws(LineFault) -> String {
        // Some firmware sends a worker name or password of digits as a number.
        guard let text = value.string ?? value.number?.text else { throw .field(path, .expected(.string)) }
        guard text.utf8.count <= limit else {
            throw .field(path, .length(text.utf8.count, allowed: 0...limit))
        }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw .field(path, .controlCharacter)
        }
        return text
    }

    static func hex(_ value: JSONValue, _ path: String, bytes range: ClosedRange<Int>) throws(LineFault)
        -> [UInt8]
    {
        guard let text = value.string else { throw .field(path, .expected(.string)) }
        guard let bytes = [UInt8](hex: text) else { throw .field(path, .notHex) }
        guard range.contains(bytes.count) else { throw .field(path, .length(bytes.count, allowed: range)) }
        return bytes
    }

    static func hex32(_ value: JSONValue, _ path: String) throws(LineFault) -> UInt32 {
        guard let text = value.string else { throw .field(path, .expected(.string)) }
        var digits = Array(text.utf8)
        if digits.starts(with: "0x".utf8) { digits.removeFirst(2) }
        guard (1...8).contains(digits.count) else {
            throw .field(path, .length(digits.count / 2, allowed: 4...4))
        }
        var number: UInt32 = 0
        for digit in digits {
            guard let value = hexDigit(digit) else { throw .field(path, .notHex) }
            number = number << 4 | UInt32(value)
        }
        return number
    }

    static func difficulty(_ value: JSONValue, _ path: String) throws(LineFault) -> ShareDifficulty {
        guard let number = try number(value, path) else { throw .field(path, .expected(.number)) }
        guard let difficulty = ShareDifficulty(number) else { throw .field(path, .outOfRange) }
        return difficulty
    }

    static func int(_ value: JSONValue, _ path: String, in range: ClosedRange<Int>) throws(LineFault) -> Int {
        guard let number = try number(value, path)?.int else { throw .field(path, .expected(.wholeNumber)) }
        guard range.contains(number) else { throw .field(path, .outOfRange) }
        return number
    }

    /// A number, or a string that holds one.
    private static func number(_ value: JSONValue, _ path: String) throws(LineFault) -> JSONNumber? {
        guard let text = value.string else { return value.number }
        return (try? JSONValue(parsing: Array(text.utf8)))?.number
    }
}
