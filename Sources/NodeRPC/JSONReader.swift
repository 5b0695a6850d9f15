/// Reads a JSON text (RFC 8259) forwards, value by value, as a node writes it: no tree is built, and what nobody
/// asks for is passed over.
///
/// A call reads the value at the reader's place and moves behind it. Any bytes are taken: what is no JSON, or not
/// what was asked for, is a ``Fault`` that says where. After a fault the reader is of no use. Time is linear in the
/// length of the text. The contents of strings that are passed over are not checked for UTF-8.
public struct JSONReader: Sendable {
    /// Arrays and objects within one another; a node's answers have 6.
    public static let maximumDepth = 32

    public enum Kind: Hashable, Sendable { case object, array, string, number, bool, null }

    /// What is wrong, and where.
    public struct Fault: Error, Hashable, Sendable {
        public enum Reason: Hashable, Sendable {
            /// The text ends within a value.
            case ended
            /// A byte that nothing there may begin with.
            case unexpected(UInt8)
            /// Something follows the value.
            case trailing
            case wrongKind(Kind, wanted: Kind)
            case badNumber
            /// A number with a fraction, or outside what its field can hold.
            case outOfRange
            case badEscape
            case badUTF8
            /// A byte below 0x20 in a string, which JSON wants escaped.
            case controlCharacter(UInt8)
            /// Not an even number of hexadecimal digits.
            case badHex
            /// Hexadecimal digits, but so many bytes of them.
            case wrongLength(Int, wanted: Int)
            case tooLong(limit: Int)
            case tooMany(limit: Int)
            case tooDeep(limit: Int)
            case fieldTwice(String)
        }

        public let reason: Reason
        /// Bytes from the start of the text to the byte in question; for a whole string or number, its first one.
        public let offset: Int
    }

    let bytes: [UInt8]
    let end: Int
    public private(set) var offset: Int
    private var depth = 0
    /// The last thing read was an opening bracket: no comma comes before the next item.
    private var isFresh = false

    public init(_ bytes: [UInt8]) { self.init(bytes, in: bytes.startIndex..<bytes.endIndex) }

    /// - Parameter range: the part of `bytes` to be read; offsets count from the start of `bytes`.
    public init(_ bytes: [UInt8], in range: Range<Int>) {
        precondition(bytes.indices.contains(range), "the part is in the text")
        self.bytes = bytes
        offset = range.lowerBound
        end = range.upperBound
    }

    func fault(_ reason: Fault.Reason, at place: Int? = nil) -> Fault {
        Fault(reason: reason, offset: place ?? offset)
    }

    // MARK: Structure

    /// What comes next; white space before it is passed over.
    public mutating func kind() throws(Fault) -> Kind {
        skipSpace()
        switch try byte() {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case let other: throw fault(.unexpected(other))
        }
    }

    public mutating func enterObject() throws(Fault) { try enter(.object) }
    public mutating func enterArray() throws(Fault) { try enter(.array) }

    /// Moves to the next item of an array that was entered; `false`, and behind the array, when there is none.
    public mutating func nextItem() throws(Fault) -> Bool { try separator(before: UInt8(ascii: "]")) }

    /// The name of the next member of an object that was entered, and moves to its value; `nil`, and behind the
    /// object, when there is none. The name is the text between its quotes, escapes as they are.
    public mutating func nextName() throws(Fault) -> Range<Int>? {
        guard try separator(before: UInt8(ascii: "}")) else { return nil }
        guard try byte() == UInt8(ascii: "\"") else { throw fault(.unexpected(bytes[offset])) }
        let name = try rawString()
        skipSpace()
        guard try byte() == UInt8(ascii: ":") else { throw fault(.unexpected(bytes[offset])) }
        offset += 1
        return name
    }

    /// Passes over a value, whatever it is.
    ///
    /// - Returns: where it was.
    @discardableResult
    public mutating func skip() throws(Fault) -> Range<Int> {
        let kind = try kind()
        let start = offset
        switch kind {
        case .object:
            try enterObject()
            while try nextName() != nil { try skip() }
        case .array:
            try enterArray()
            while try nextItem() { try skip() }
        case .string: _ = try rawString()
        case .number: _ = try decimal()
        case .bool: _ = try bool()
        case .null: _ = try null()
        }
        return start..<offset
    }

    /// Makes sure that nothing but white space follows.
    public mutating func finish() throws(Fault) {
        skipSpace()
        guard offset == end else { throw fault(.trailing) }
    }

    // MARK: Simple values

    public mutating func bool() throws(Fault) -> Bool {
        try want(.bool)
        let isTrue = bytes[offset] == UInt8(ascii: "t")
        try literal(isTrue ? "true" : "false")
        return isTrue
    }

    /// Reads a null if there is one.
    public mutating func null() throws(Fault) -> Bool {
        guard try kind() == .null else { return false }
        try literal("null")
        return true
    }

    func want(_ kind: Kind, found: Kind) throws(Fault) {
        guard found == kind else { throw fault(.wrongKind(found, wanted: kind)) }
    }

    mutating func want(_ wanted: Kind) throws(Fault) {
        let found = try kind()
        guard found == wanted else { throw fault(.wrongKind(found, wanted: wanted)) }
        isFresh = false
    }

    func byte() throws(Fault) -> UInt8 {
        guard offset < end else { throw fault(.ended) }
        return bytes[offset]
    }

    mutating func moveTo(_ place: Int) { offset = place }

    mutating func skipSpace() {
        while offset < end {
            switch bytes[offset] {
            case 0x20, 0x0a, 0x0d, 0x09: offset += 1
            default: return
            }
        }
    }

    private mutating func enter(_ kind: Kind) throws(Fault) {
        try want(kind)
        guard depth < JSONReader.maximumDepth else {
            throw fault(.tooDeep(limit: JSONReader.maximumDepth))
        }
        depth += 1
        offset += 1
        isFresh = true
    }

    private mutating func separator(before close: UInt8) throws(Fault) -> Bool {
        precondition(depth > 0, "enter comes first")
        skipSpace()
        let found = try byte()
        if found == close {
            depth -= 1
            offset += 1
            isFresh = false
            return false
        }
        if !isFresh {
            guard found == UInt8(ascii: ",") else { throw fault(.unexpected(found)) }
            offset += 1
            skipSpace()
        }
        isFresh = false
        return true
    }

    private mutating func literal(_ text: StaticString) throws(Fault) {
        isFresh = false
        for index in 0..<text.utf8CodeUnitCount {
            let found = try byte()
            guard found == text.utf8Start[index] else { throw fault(.unexpected(found)) }
            offset += 1
        }
    }
}
