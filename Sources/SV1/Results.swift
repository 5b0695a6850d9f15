import BitcoinPrimitives

/// The answer to `mining.subscribe`: `[[["mining.notify","ae68"],…],"08000002",4]`.
public struct SubscribeResult: Hashable, Sendable {
    public var grant: ExtranonceGrant
    /// Of the first subscription; nil when the pool gives none. It is of use to the pool only.
    public var session: String?

    public init(grant: ExtranonceGrant, session: String?) {
        self.grant = grant
        self.session = session
    }

    public init(_ result: JSONValue) throws(LineFault) {
        guard let values = result.array else { throw .field("result", .expected(.array)) }
        func value(_ index: Int, _ name: String) throws(LineFault) -> JSONValue {
            guard index < values.count, !values[index].isNull else {
                throw .field("result[\(index)] \(name)", .missing)
            }
            return values[index]
        }
        let extranonce1 = try Parameters.hex(
            try value(1, "extranonce1"), "result[1] extranonce1", bytes: ExtranonceGrant.sizes1)
        let size = try Parameters.int(
            try value(2, "extranonce2_size"), "result[2] extranonce2_size", in: ExtranonceGrant.sizes2)
        grant = ExtranonceGrant(extranonce1: extranonce1, extranonce2Size: size)
        // What the subscriptions look like varies: pairs, one pair, a text, or null.
        let first = values[0].array?.first
        session = first?.array?.dropFirst().first?.string
    }

    var json: JSONValue {
        let id = JSONValue.string(session ?? "1")
        return .array([
            .array([
                .array([.string("mining.set_difficulty"), id]), .array([.string("mining.notify"), id]),
            ]),
            .string(grant.extranonce1.hex), .int(grant.extranonce2Size),
        ])
    }
}

/// The answer to `mining.configure` (BIP 310).
public struct ConfigureResult: Hashable, Sendable {
    /// Bits that may be rolled; nil when version rolling was not granted.
    public var versionMask: UInt32?
    public var minimumDifficulty: Bool
    public var subscribesExtranonce: Bool

    public init(_ result: JSONValue) throws(LineFault) {
        guard case .object = result else { throw .field("result", .expected(.object)) }
        versionMask = nil
        if result["version-rolling"] == .bool(true) {
            guard let mask = result["version-rolling.mask"] else {
                throw .field("result version-rolling.mask", .missing)
            }
            versionMask = try Parameters.hex32(mask, "result version-rolling.mask")
        }
        minimumDifficulty = result["minimum-difficulty"] == .bool(true)
        subscribesExtranonce = result["subscribe-extranonce"] == .bool(true)
    }
}

/// Why a share was refused, in kinds; `message` is what the pool said.
public struct ShareRejection: Hashable, Sendable {
    public enum Reason: Hashable, Sendable {
        /// 21: the job is unknown or over.
        case stale
        /// 22
        case duplicate
        /// 23
        case lowDifficulty
        /// 24
        case unauthorized
        /// 25
        case notSubscribed
        /// 20, any other code, or none.
        case other(Int?)
    }

    public var reason: Reason
    public var message: String

    public init(_ reason: Reason, message: String) {
        self.reason = reason
        self.message = message
    }

    /// - Parameter error: nil when the pool just said no.
    init(_ error: RPCError?) {
        message = printable(error?.message ?? "", limit: 200)
        let byCode: Reason =
            switch error?.code {
            case 21: .stale
            case 22: .duplicate
            case 23: .lowDifficulty
            case 24: .unauthorized
            case 25: .notSubscribed
            case let code: .other(code)
            }
        // ckpool sends its reasons without a code, some pools everything with 20.
        if case .other = byCode, let byText = ShareRejection.reason(inText: message) {
            reason = byText
        } else {
            reason = byCode
        }
    }

    private static func reason(inText message: String) -> Reason? {
        let text = message.lowercased()
        func has(_ part: String) -> Bool { text.contains(part) }
        if has("stale") || has("job not found") || has("invalid jobid") { return .stale }
        if has("duplicate") { return .duplicate }
        if has("above target") || has("low diff") || has("high-hash") { return .lowDifficulty }
        if has("unauthori") { return .unauthorized }
        return has("not subscribed") ? .notSubscribed : nil
    }

    /// The code of the common list (20 to 25), as servers send it.
    var code: Int {
        switch reason {
        case .stale: 21
        case .duplicate: 22
        case .lowDifficulty: 23
        case .unauthorized: 24
        case .notSubscribed: 25
        case .other(let code): code ?? 20
        }
    }
}
