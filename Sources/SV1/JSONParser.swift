/// What is accepted of one line of JSON. Real messages are 4 deep and have less than 100 values.
public enum JSONBounds {
    /// Arrays and objects within one another.
    public static let depth = 16
    /// Values in one text, names not counted.
    public static let values = 1_024
}

/// What is wrong with a text that is not JSON, or more of it than we take, and where.
public struct JSONFault: Error, Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// The text ends within a value.
        case ended
        /// A byte that nothing there may begin with: `nan`, a comma too many, a comment.
        case unexpected(UInt8)
        /// Something follows the value.
        case trailing
        case badNumber
        /// A number beyond 10^±9999.
        case numberOutOfRange
        case badEscape
        /// Half of a UTF-16 pair.
        case loneSurrogate
        case badUTF8
        /// A byte below 0x20 in a string, which JSON wants escaped.
        case controlCharacter(UInt8)
        case tooDeep(limit: Int)
        case tooManyValues(limit: Int)
        case nameTwice(String)
    }

    public let kind: Kind
    /// Of the byte in question; for a whole string or object, of its first one.
    public let offset: Int
}

extension JSONValue {
    /// Reads one JSON text; white space around it is allowed. Time and memory are linear in its length.
    public init(parsing bytes: [UInt8]) throws(JSONFault) {
        var parser = JSONParser(bytes: bytes)
        parser.skipSpace()
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.offset == bytes.count else { throw parser.fault(.trailing) }
        self = value
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    var offset = 0
    private var values = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    func fault(_ kind: JSONFault.Kind, at place: Int? = nil) -> JSONFault {
        JSONFault(kind: kind, offset: place ?? offset)
    }

    private func next() throws(JSONFault) -> UInt8 {
        guard offset < bytes.count else { throw fault(.ended) }
        return bytes[offset]
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    mutating func skipSpace() {
        while offset < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[offset]) { offset += 1 }
    }

    mutating func value(depth: Int) throws(JSONFault) -> JSONValue {
        values += 1
        guard values <= JSONBounds.values else { throw fault(.tooManyValues(limit: JSONBounds.values)) }
        switch try next() {
        case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
        case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        case let other: throw fault(.unexpected(other))
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONFault) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            let byte = try next()
            guard byte == text.utf8Start[index] else { throw fault(.unexpected(byte)) }
            offset += 1
        }
        return value
    }

    private mutating func enter(_ depth: Int) throws(JSONFault) {
        guard depth <= JSONBounds.depth else { throw fault(.tooDeep(limit: JSONBounds.depth)) }
        offset += 1
        skipSpace()
    }

    private mutating func array(depth: Int) throws(JSONFault) -> [JSONValue] {
        try enter(depth)
        var items = [JSONValue]()
        if take("]") { return items }
        while true {
            items.append(try value(depth: depth))
            skipSpace()
            if take("]") { return items }
            guard take(",") else { throw fault(.unexpected(try next())) }
            skipSpace()
        }
    }

    private mutating func object(depth: Int) throws(JSONFault) -> [JSONValue.Member] {
        try enter(depth)
        var members = [JSONValue.Member]()
        var names = Set<String>()
        if take("}") { return members }
        while true {
            let start = offset
            guard try next() == UInt8(ascii: "\"") else { throw fault(.unexpected(bytes[offset])) }
            let name = try string()
            guard names.insert(name).inserted else { throw fault(.nameTwice(name), at: start) }
            skipSpace()
            guard take(":") else { throw fault(.unexpected(try next())) }
            skipSpace()
            members.append(JSONValue.Member(name, try value(depth: depth)))
            skipSpace()
            if take("}") { return members }
            guard take(",") else { throw fault(.unexpected(try next())) }
            skipSpace()
        }
    }

    // MARK: numbers

    private func isDigit(at place: Int) -> Bool {
        place < bytes.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[place])
    }

    private mutating func number() throws(JSONFault) -> JSONNumber {
        let start = offset
        let isNegative = take("-")
        var decimal = Decimal()
        guard isDigit(at: offset) else { throw fault(.badNumber, at: start) }
        if bytes[offset] == UInt8(ascii: "0"), isDigit(at: offset + 1) { throw fault(.badNumber, at: start) }
        while isDigit(at: offset) { takeDigit(into: &decimal) }
        if take(".") {
            guard isDigit(at: offset) else { throw fault(.badNumber, at: start) }
            while isDigit(at: offset) {
                takeDigit(into: &decimal)
                decimal.exponent -= 1
            }
        }
        if take("e") || take("E") {
            let isSmall = take("-")
            if !isSmall { _ = take("+") }
            guard isDigit(at: offset) else { throw fault(.badNumber, at: start) }
            var exponent = 0
            while isDigit(at: offset) {
                // Beyond a million it is out of range, however many digits a line has.
                exponent = min(10 * exponent + Int(bytes[offset] - UInt8(ascii: "0")), 1_000_000)
                offset += 1
            }
            decimal.exponent += isSmall ? -exponent : exponent
        }
        let number = JSONNumber(
            isNegative: isNegative, coefficient: decimal.rounded, exponent: decimal.exponent)
        guard let number else { throw fault(.numberOutOfRange, at: start) }
        return number
    }

    /// Digits read so far: those that fit in 64 bits, with room to round up, and how many did not.
    private struct Decimal {
        var coefficient: UInt64 = 0
        var exponent = 0
        var lost = false

        var rounded: UInt64 { lost ? coefficient + 1 : coefficient }
    }

    private mutating func takeDigit(into decimal: inout Decimal) {
        let digit = UInt64(bytes[offset] - UInt8(ascii: "0"))
        offset += 1
        if decimal.coefficient <= (UInt64.max - 10) / 10 {
            decimal.coefficient = 10 * decimal.coefficient + digit
        } else {
            decimal.exponent += 1
            decimal.lost = decimal.lost || digit != 0
        }
    }

    // MARK: strings

    private mutating func string() throws(JSONFault) -> String {
        let start = offset
        offset += 1
        var text = [UInt8]()
        while true {
            let byte = try next()
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                guard let text = String(validating: text, as: UTF8.self) else {
                    throw fault(.badUTF8, at: start)
                }
                return text
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw fault(.controlCharacter(byte))
            default:
                text.append(byte)
                offset += 1
            }
        }
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONFault) {
        let start = offset
        offset += 1
        let character = try next()
        offset += 1
        switch character {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(character)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text += String(try scalar(from: start)).utf8
        default: throw fault(.badEscape, at: start)
        }
    }

    private mutating func scalar(from start: Int) throws(JSONFault) -> Character {
        let unit = try codeUnit(from: start)
        var number = UInt32(unit)
        if (0xD800..<0xDC00).contains(unit) {
            guard take("\\"), take("u") else { throw fault(.loneSurrogate, at: start) }
            let low = try codeUnit(from: start)
            guard (0xDC00..<0xE000).contains(low) else { throw fault(.loneSurrogate, at: start) }
            number = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(number) else { throw fault(.loneSurrogate, at: start) }
        return Character(scalar)
    }

    private mutating func codeUnit(from start: Int) throws(JSONFault) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = hexDigit(try next()) else { throw fault(.badEscape, at: start) }
            unit = unit << 4 | UInt16(digit)
            offset += 1
        }
        return unit
    }
}

/// The value of a hexadecimal digit, either case.
func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
