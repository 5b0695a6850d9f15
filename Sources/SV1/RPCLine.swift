/// What an answer refers to. Pools and firmware use numbers, strings and null; an answer repeats what came.
public enum RequestID: Hashable, Sendable {
    case number(Int)
    case string(String)
    /// Null, or absent: of a notification, which wants no answer.
    case null

    var json: JSONValue {
        switch self {
        case .number(let number): .int(number)
        case .string(let text): .string(text)
        case .null: .null
        }
    }

    /// The number, also when it came back as a string.
    public var number: Int? {
        switch self {
        case .number(let number): number
        case .string(let text): Int(text)
        case .null: nil
        }
    }
}

/// An error of an answer: `[21,"Job not found",null]`, an object with `code` and `message`, or a bare text.
public struct RPCError: Hashable, Sendable {
    /// Nil when the answer has none.
    public var code: Int?
    public var message: String

    public init(code: Int?, message: String) {
        self.code = code
        self.message = message
    }

    /// Nil for null.
    init?(_ value: JSONValue) {
        func text(_ value: JSONValue?) -> String { value?.string ?? "" }
        switch value {
        case .null: return nil
        case .array(let values):
            code = values.first?.number?.int
            // AntPool leaves out the third element; a code as text is a message.
            message = values.count > 1 ? text(values[1]) : text(values.first)
        case .object: (code, message) = (value["code"]?.number?.int, text(value["message"]))
        case .string(let reason): (code, message) = (nil, reason)
        case .number(let number): (code, message) = (number.int, "")
        case .bool(let isError):
            guard isError else { return nil }
            (code, message) = (nil, "")
        }
    }

    var json: JSONValue { .array([code.map { .int($0) } ?? .null, .string(message), .null]) }
}

public struct RPCResponse: Hashable, Sendable {
    public var id: RequestID
    public var result: JSONValue
    public var error: RPCError?

    public init(id: RequestID, result: JSONValue, error: RPCError? = nil) {
        self.id = id
        self.result = result
        self.error = error
    }

    /// Whether a yes-or-no request was granted.
    public var isGranted: Bool { error == nil && result != .bool(false) && !result.isNull }

    /// The line, with its end.
    public var line: [UInt8] {
        let members: [JSONValue.Member] = [
            .init("id", id.json), .init("result", result), .init("error", error?.json ?? .null),
        ]
        return JSONValue.object(members).utf8 + [0x0A]
    }
}

/// A line of JSON-RPC as Stratum V1 uses it: calls without `jsonrpc`, answers without one of `result` and
/// `error`.
public enum RPCLine: Hashable, Sendable {
    /// `params` is an empty array when the line has none.
    case call(RequestID, method: String, params: JSONValue)
    case response(RPCResponse)

    /// - Parameter line: without its end.
    public init(_ line: [UInt8]) throws(LineFault) {
        let value: JSONValue
        do { value = try JSONValue(parsing: line) } catch { throw .json(error) }
        guard case .object = value else { throw .notAnObject }
        let id = try RPCLine.id(value["id"] ?? .null)
        if let method = value["method"], !method.isNull {
            guard let method = method.string else { throw .field("method", .expected(.string)) }
            self = .call(id, method: method, params: value["params"] ?? .array([]))
            return
        }
        guard value["result"] != nil || value["error"] != nil else { throw .noMethod }
        var error = value["error"].flatMap { RPCError($0) }
        // ckpool gives the reason of a refused share beside `"result":false`, and no error.
        if error == nil, let reason = value["reject-reason"]?.string {
            error = RPCError(code: nil, message: reason)
        }
        self = .response(RPCResponse(id: id, result: value["result"] ?? .null, error: error))
    }

    private static func id(_ value: JSONValue) throws(LineFault) -> RequestID {
        switch value {
        case .null: return .null
        case .string(let text): return .string(text)
        case .number(let number):
            guard let number = number.int else { throw .field("id", .expected(.identifier)) }
            return .number(number)
        case .bool, .array, .object: throw .field("id", .expected(.identifier))
        }
    }

    /// A call's line, with its end.
    static func line(_ id: RequestID, _ method: String, _ params: [JSONValue]) -> [UInt8] {
        let members: [JSONValue.Member] = [
            .init("id", id.json), .init("method", .string(method)), .init("params", .array(params)),
        ]
        return JSONValue.object(members).utf8 + [0x0A]
    }
}
