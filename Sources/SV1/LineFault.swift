/// Why a line is not a message: what is wrong, and where.
public enum LineFault: Error, Hashable, Sendable {
    case json(JSONFault)
    /// JSON, but no object.
    case notAnObject
    /// Neither a call (`method`) nor an answer (`result`, `error`).
    case noMethod
    /// A field by its path: `params[1] prevhash`.
    case field(String, FieldFault)
}

/// What is wrong with a field.
public enum FieldFault: Hashable, Sendable {
    case missing
    case expected(Kind)
    case notHex
    /// Of a field with a fixed or bounded number of bytes; as hexadecimal digits it has twice as many.
    case length(Int, allowed: ClosedRange<Int>)
    /// A number that the field cannot have: a difficulty of 0, port 70000.
    case outOfRange
    /// A name with a control character, which would run wild in a log.
    case controlCharacter

    public enum Kind: Hashable, Sendable {
        case string, number, wholeNumber, array, object, boolean, identifier
    }
}

extension LineFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .json(let fault): "no JSON: \(fault)"
        case .notAnObject: "JSON, but no object"
        case .noMethod: "neither a call nor an answer: method, result and error are missing"
        case .field(let path, let fault): "\(path) \(fault)"
        }
    }
}

extension FieldFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missing: "is missing"
        case .expected(let kind): "is no \(kind)"
        case .notHex: "is not hexadecimal"
        case .length(let count, let allowed) where allowed.count == 1:
            "has \(count) bytes, not \(allowed.lowerBound)"
        case .length(let count, let allowed):
            "has \(count) bytes, not \(allowed.lowerBound) to \(allowed.upperBound)"
        case .outOfRange: "is out of range"
        case .controlCharacter: "has a control character"
        }
    }
}

extension FieldFault.Kind: CustomStringConvertible {
    public var description: String {
        switch self {
        case .string: "string"
        case .number: "number"
        case .wholeNumber: "whole number"
        case .array: "array"
        case .object: "object"
        case .boolean: "boolean"
        case .identifier: "identifier (a whole number, a string or null)"
        }
    }
}

extension JSONFault: CustomStringConvertible {
    public var description: String {
        let what =
            switch kind {
            case .ended: "the text ends within a value"
            case .unexpected(let byte): "unexpected byte \(named(byte))"
            case .trailing: "something follows the value"
            case .badNumber: "a number in a form JSON does not have"
            case .numberOutOfRange: "a number beyond all bounds"
            case .badEscape: "an escape JSON does not have"
            case .loneSurrogate: "half of a surrogate pair"
            case .badUTF8: "a string that is not UTF-8"
            case .controlCharacter(let byte): "control character \(named(byte)) in a string"
            case .tooDeep(let limit): "nested deeper than \(limit)"
            case .tooManyValues(let limit): "more than \(limit) values"
            case .nameTwice(let name): "the name \(printable(name, limit: 40)) twice in an object"
            }
        return "\(what), at byte \(offset)"
    }

    private func named(_ byte: UInt8) -> String {
        (0x21...0x7E).contains(byte) ? String(Unicode.Scalar(byte)) : "0x" + String(byte, radix: 16)
    }
}

/// Text of a peer as it may stand in a log: control characters replaced by spaces, cut to `limit` characters.
public func printable(_ text: String, limit: Int) -> String {
    let cut = text.unicodeScalars.prefix(limit)
    let clean = cut.map { $0.properties.generalCategory == .control ? " " : Character($0) }
    return String(clean) + (text.unicodeScalars.count > limit ? "…" : "")
}
