import BitcoinPrimitives

/// The pool's part of the extranonce, and how many bytes the miner rolls behind it.
public struct ExtranonceGrant: Hashable, Sendable {
    /// 0 to 32 bytes.
    public var extranonce1: [UInt8]
    /// 0 to 16. Real pools give 2 to 8.
    public var extranonce2Size: Int

    public static let sizes1 = 0...32
    public static let sizes2 = 0...16

    public init(extranonce1: [UInt8], extranonce2Size: Int) {
        self.extranonce1 = extranonce1
        self.extranonce2Size = extranonce2Size
    }
}

/// What a pool says to a miner. Answers are told by their `id`: `SubscribeResult`, `ConfigureResult` read
/// them.
public enum PoolMessage: Hashable, Sendable {
    case notify(NotifyParameters)
    case setDifficulty(ShareDifficulty)
    /// For jobs that follow.
    case setExtranonce(ExtranonceGrant)
    /// Valid at once (BIP 310).
    case setVersionMask(UInt32)
    /// Nil stays as it is. `wait` is in seconds.
    case reconnect(host: String?, port: Int?, wait: Int)
    case showMessage(String)
    case getVersion(RequestID)
    case ping(RequestID)
    case response(RPCResponse)
    /// A method unknown here.
    case other(RequestID, method: String)

    /// - Parameter line: without its end.
    public init(line: [UInt8]) throws(LineFault) { try self.init(try RPCLine(line)) }

    public init(_ line: RPCLine) throws(LineFault) {
        switch line {
        case .response(let response): self = .response(response)
        case .call(let id, let method, let params): self = try PoolMessage.call(id, method, params)
        }
    }

    private static func call(_ id: RequestID, _ method: String, _ json: JSONValue) throws(LineFault)
        -> PoolMessage
    {
        guard let known = PoolMethod(method) else { return .other(id, method: method) }
        let params = try Parameters(json)
        switch known {
        case .notify: return .notify(try NotifyParameters(params))
        case .setDifficulty: return .setDifficulty(try params.difficulty(0, "difficulty"))
        case .setExtranonce:
            return .setExtranonce(
                ExtranonceGrant(
                    extranonce1: try params.hex(0, "extranonce1", bytes: ExtranonceGrant.sizes1),
                    extranonce2Size: try params.int(1, "extranonce2_size", in: ExtranonceGrant.sizes2)))
        case .setVersionMask: return .setVersionMask(try params.hex32(0, "mask"))
        case .reconnect:
            let host = try params.optionalName(0, "host", limit: 253)
            let port = try params.optional(1) == nil ? 0 : params.int(1, "port", in: 0...65_535)
            let wait = try params.optional(2) == nil ? 0 : params.int(2, "wait", in: 0...86_400)
            return .reconnect(host: host == "" ? nil : host, port: port == 0 ? nil : port, wait: wait)
        case .showMessage:
            guard let text = try params.value(0, "message").string else {
                throw .field(Parameters.path(0, "message"), .expected(.string))
            }
            return .showMessage(text)
        case .getVersion: return .getVersion(id)
        case .ping: return .ping(id)
        }
    }

    /// The line, with its end.
    public var line: [UInt8] {
        switch self {
        case .notify(let job): RPCLine.line(.null, PoolMethod.notify.rawValue, job.json)
        case .setDifficulty(let difficulty):
            RPCLine.line(.null, PoolMethod.setDifficulty.rawValue, [.number(difficulty.number)])
        case .setExtranonce(let grant):
            RPCLine.line(
                .null, PoolMethod.setExtranonce.rawValue,
                [.string(grant.extranonce1.hex), .int(grant.extranonce2Size)])
        case .setVersionMask(let mask):
            RPCLine.line(.null, PoolMethod.setVersionMask.rawValue, [.string(hex32(mask))])
        case .reconnect(let host, let port, let wait):
            RPCLine.line(
                .null, PoolMethod.reconnect.rawValue,
                host == nil && port == nil && wait == 0
                    ? [] : [.string(host ?? ""), .int(port ?? 0), .int(wait)])
        case .showMessage(let text): RPCLine.line(.null, PoolMethod.showMessage.rawValue, [.string(text)])
        case .getVersion(let id): RPCLine.line(id, PoolMethod.getVersion.rawValue, [])
        case .ping(let id): RPCLine.line(id, PoolMethod.ping.rawValue, [])
        case .response(let response): response.line
        case .other(let id, let method): RPCLine.line(id, method, [])
        }
    }
}

/// Methods of a pool, in the case in which everybody writes them; read in any.
private enum PoolMethod: String, CaseIterable {
    case notify = "mining.notify"
    case setDifficulty = "mining.set_difficulty"
    case setExtranonce = "mining.set_extranonce"
    case setVersionMask = "mining.set_version_mask"
    case reconnect = "client.reconnect"
    case showMessage = "client.show_message"
    case getVersion = "client.get_version"
    case ping = "mining.ping"

    init?(_ method: String) {
        guard let known = Self(rawValue: method) ?? Self(rawValue: method.lowercased()) else { return nil }
        self = known
    }
}
