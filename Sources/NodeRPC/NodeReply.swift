/// What a node refuses with: code and words of its own.
public struct NodeError: Error, Hashable, Sendable {
    public let code: Int
    /// At most 1,000 bytes as the node wrote them.
    public let message: String

    public init(code: Int, message: String) {
        self.code = code
        self.message = message
    }

    /// Codes that mean something to us (Bitcoin Core, `rpc/protocol.h`).
    public enum Meaning: Hashable, Sendable {
        /// −28: it has just started, and loads.
        case warmingUp
        /// −10: it downloads the chain and gives no template before it has.
        case initialDownload
        /// −9: it has no peer.
        case notConnected
        /// −8: a parameter is not one, such as rules without `segwit`.
        case badParameter
        /// −5: no such transaction or block.
        case notFound
        /// −22: the bytes are no block.
        case undecodable
        /// −32601
        case unknownMethod
        case other
    }

    public var meaning: Meaning {
        switch code {
        case -28: .warmingUp
        case -10: .initialDownload
        case -9: .notConnected
        case -8: .badParameter
        case -5: .notFound
        case -22: .undecodable
        case -32_601: .unknownMethod
        default: .other
        }
    }
}

/// A part of an answer: the text is shared, not copied.
public struct JSONPart: Sendable {
    let bytes: [UInt8]
    let range: Range<Int>

    public init(_ bytes: [UInt8]) { self.init(bytes, bytes.indices) }

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        self.range = range
    }

    var reader: JSONReader { JSONReader(bytes, in: range) }
}

/// Why an HTTP answer holds no answers to our calls.
public enum ReplyFault: Error, Hashable, Sendable {
    /// 401: user and password, or the cookie, are not the node's.
    case unauthorised
    /// 403: the node does not talk with this address (`rpcallowip`).
    case forbidden
    /// 503: more requests wait than the node takes (`rpcworkqueue`).
    case busy
    case http(status: Int)
    /// What came is no JSON-RPC.
    case json(JSONReader.Fault)
    /// An answer to something that was not asked.
    case strangeID(offset: Int)
    case unanswered(call: String)
    /// Neither result nor error.
    case empty(call: String)
}

/// Splits an HTTP answer of a node into the answers to the calls of its request.
public enum NodeReply {
    /// - Parameters:
    ///   - status: of HTTP. Nodes answer errors with 200, 404 or 500, by age; the body decides.
    ///   - request: what was asked.
    /// - Returns: for each call of the request, in order.
    public static func answers(
        status: Int, body: [UInt8], to request: NodeRequest
    ) throws(ReplyFault) -> [Result<JSONPart, NodeError>] {
        switch status {
        case 401: throw .unauthorised
        case 403: throw .forbidden
        case 503: throw .busy
        case 200: break
        default: if body.isEmpty { throw .http(status: status) }
        }
        let envelopes: [Envelope]
        do throws(JSONReader.Fault) { envelopes = try self.envelopes(body) } catch {
            throw status == 200 ? .json(error) : .http(status: status)
        }
        return try order(envelopes, body, for: request)
    }

    private struct Envelope {
        var id: UInt64?
        var result: Range<Int>?
        var error: NodeError?
        var offset: Int
    }

    private static func envelopes(_ body: [UInt8]) throws(JSONReader.Fault) -> [Envelope] {
        var reader = JSONReader(body)
        var result = [Envelope]()
        if try reader.kind() == .array {
            try reader.enterArray()
            while try reader.nextItem() {
                guard result.count < NodeRequest.maximumCalls else {
                    throw reader.fault(.tooMany(limit: NodeRequest.maximumCalls))
                }
                result.append(try envelope(&reader))
            }
        } else {
            result = [try envelope(&reader)]
        }
        try reader.finish()
        return result
    }

    /// A null result is an answer (`submitblock`), so the names are walked here by hand.
    private static func envelope(_ reader: inout JSONReader) throws(JSONReader.Fault) -> Envelope {
        var envelope = Envelope(offset: reader.offset)
        try reader.enterObject()
        while let name = try reader.nextName() {
            if reader.text(in: name, is: resultName) {
                envelope.result = try reader.skip()
            } else if reader.text(in: name, is: errorName) {
                if try !reader.null() { envelope.error = try error(&reader) }
            } else if reader.text(in: name, is: idName) {
                if try !reader.null() { envelope.id = try reader.integer(UInt64.self) }
            } else {
                try reader.skip()
            }
        }
        return envelope
    }

    private static func error(_ reader: inout JSONReader) throws(JSONReader.Fault) -> NodeError {
        var (code, message) = (0, "")
        var walk = try FieldWalk(errorFields, &reader)
        while let field = try walk.next(&reader) {
            switch field {
            case .code: code = try reader.integer()
            case .message: message = try reader.string(limit: 1_000)
            }
        }
        return NodeError(code: code, message: message)
    }

    private static func order(
        _ envelopes: [Envelope], _ body: [UInt8], for request: NodeRequest
    ) throws(ReplyFault) -> [Result<JSONPart, NodeError>] {
        // An error about the request as a whole has no number, or is the only answer to a batch.
        if envelopes.count == 1, let error = envelopes[0].error,
            envelopes[0].id == nil || request.calls.count > 1
        {
            return .init(repeating: .failure(error), count: request.calls.count)
        }
        var answers = [Result<JSONPart, NodeError>?](repeating: nil, count: request.calls.count)
        for envelope in envelopes {
            guard let id = envelope.id, id >= request.firstID,
                id - request.firstID < UInt64(request.calls.count),
                answers[Int(id - request.firstID)] == nil
            else { throw .strangeID(offset: envelope.offset) }
            let index = Int(id - request.firstID)
            if let error = envelope.error {
                answers[index] = .failure(error)
            } else if let result = envelope.result {
                answers[index] = .success(JSONPart(body, result))
            } else {
                throw .empty(call: request.calls[index].method)
            }
        }
        var whole = [Result<JSONPart, NodeError>]()
        whole.reserveCapacity(answers.count)
        for (index, answer) in answers.enumerated() {
            guard let answer else { throw .unanswered(call: request.calls[index].method) }
            whole.append(answer)
        }
        return whole
    }
}

private enum ErrorField: String, CaseIterable { case code, message }
private let errorFields = FieldNames(ErrorField.self)
private let resultName = Array("result".utf8)
private let errorName = Array("error".utf8)
private let idName = Array("id".utf8)
