public import BitcoinPrimitives

/// What `mining.configure` asks for (BIP 310). Nil is not asked for.
public struct ConfigureParameters: Hashable, Sendable {
    /// Version bits that the miner can roll; all when it does not say which.
    public var versionMask: UInt32?
    /// How many bits it needs to roll; nil when it does not say.
    public var minimumBits: Int?
    /// The easiest difficulty that the device copes with. Zero, which BIP 310 allows for none, is nil.
    public var minimumDifficulty: ShareDifficulty?
    /// The miner understands `mining.set_extranonce`.
    public var subscribesExtranonce = false
    /// All names in their order, known or not: each is to be answered.
    public var extensions: [String]

    /// What a pool answers about at most.
    public static let maximumExtensions = 16

    public init(
        versionMask: UInt32? = nil, minimumBits: Int? = nil, minimumDifficulty: ShareDifficulty? = nil,
        subscribesExtranonce: Bool = false
    ) {
        self.versionMask = versionMask
        self.minimumBits = minimumBits
        self.minimumDifficulty = minimumDifficulty
        self.subscribesExtranonce = subscribesExtranonce
        extensions = []
        if minimumDifficulty != nil { extensions.append("minimum-difficulty") }
        if versionMask != nil { extensions.append("version-rolling") }
        if subscribesExtranonce { extensions.append("subscribe-extranonce") }
    }
}

/// The parameters of `mining.submit`.
public struct SubmitParameters: Hashable, Sendable {
    public var user: String
    public var jobID: String
    public var extranonce2: [UInt8]
    public var time: UInt32
    public var nonce: UInt32
    /// The rolled bits of the version, within the mask (BIP 310); nil when the miner sends none.
    public var versionBits: UInt32?

    public init(
        user: String, jobID: String, extranonce2: [UInt8], time: UInt32, nonce: UInt32, versionBits: UInt32?
    ) {
        self.user = user
        self.jobID = jobID
        self.extranonce2 = extranonce2
        self.time = time
        self.nonce = nonce
        self.versionBits = versionBits
    }
}

/// What a miner says to a pool.
public enum MinerMessage: Hashable, Sendable {
    case configure(RequestID, ConfigureParameters)
    /// `session` is a session or extranonce1 that the miner would like to have back.
    case subscribe(RequestID, userAgent: String, session: String?)
    case authorize(RequestID, user: String, password: String)
    case suggestDifficulty(RequestID, ShareDifficulty)
    case suggestTarget(RequestID, Target)
    case extranonceSubscribe(RequestID)
    case submit(RequestID, SubmitParameters)
    case ping(RequestID)
    case response(RPCResponse)
    /// A method unknown here.
    case other(RequestID, method: String)

    /// Bytes that a user name, a password and a user agent may have. Addresses with a worker name have 60
    /// to 100; some firmware adds the name of the model.
    public static let maximumName = 512

    /// - Parameter line: without its end.
    public init(line: [UInt8]) throws(LineFault) { try self.init(try RPCLine(line)) }

    public init(_ line: RPCLine) throws(LineFault) {
        switch line {
        case .response(let response): self = .response(response)
        case .call(let id, let method, let params): self = try MinerMessage.call(id, method, params)
        }
    }

    private static func call(_ id: RequestID, _ method: String, _ json: JSONValue) throws(LineFault)
        -> MinerMessage
    {
        guard let known = MinerMethod(method) else { return .other(id, method: method) }
        // Miningcore wants the bare number, so some firmware sends it (ESP-Miner issue 686).
        if known == .suggestDifficulty, json.number != nil || json.string != nil {
            return .suggestDifficulty(id, try Parameters.difficulty(json, "params"))
        }
        let params = try Parameters(json)
        switch known {
        case .configure: return .configure(id, try ConfigureParameters(params))
        case .subscribe:
            let agent = try params.optionalName(0, "user_agent", limit: maximumName)
            let session = try params.optionalName(1, "session", limit: maximumName)
            return .subscribe(id, userAgent: agent ?? "", session: session == "" ? nil : session)
        case .authorize:
            let user = try params.name(0, "user", limit: maximumName)
            let password = try params.optionalName(1, "password", limit: maximumName)
            return .authorize(id, user: user, password: password ?? "")
        case .suggestDifficulty: return .suggestDifficulty(id, try params.difficulty(0, "difficulty"))
        case .suggestTarget:
            let bytes = try params.hex(0, "target", bytes: 32...32)
            return .suggestTarget(id, Target(wireBytes: bytes.reversed()) ?? .max)
        case .extranonceSubscribe: return .extranonceSubscribe(id)
        case .submit: return .submit(id, try SubmitParameters(params))
        case .ping: return .ping(id)
        }
    }

    /// The line, with its end.
    public var line: [UInt8] {
        switch self {
        case .configure(let id, let parameters):
            RPCLine.line(id, MinerMethod.configure.rawValue, parameters.json)
        case .subscribe(let id, let userAgent, let session):
            RPCLine.line(
                id, MinerMethod.subscribe.rawValue,
                [.string(userAgent)] + (session.map { [.string($0)] } ?? []))
        case .authorize(let id, let user, let password):
            RPCLine.line(id, MinerMethod.authorize.rawValue, [.string(user), .string(password)])
        case .suggestDifficulty(let id, let difficulty):
            RPCLine.line(id, MinerMethod.suggestDifficulty.rawValue, [.number(difficulty.number)])
        case .suggestTarget(let id, let target):
            RPCLine.line(id, MinerMethod.suggestTarget.rawValue, [.string(target.displayHex)])
        case .extranonceSubscribe(let id): RPCLine.line(id, MinerMethod.extranonceSubscribe.rawValue, [])
        case .submit(let id, let share): RPCLine.line(id, MinerMethod.submit.rawValue, share.json)
        case .ping(let id): RPCLine.line(id, MinerMethod.ping.rawValue, [])
        case .response(let response): response.line
        case .other(let id, let method): RPCLine.line(id, method, [])
        }
    }
}

extension SubmitParameters {
    init(_ params: Parameters) throws(LineFault) {
        user = try params.name(0, "user", limit: MinerMessage.maximumName)
        jobID = try params.name(1, "job_id", limit: NotifyParameters.maximumJobIDLength)
        extranonce2 = try params.hex(2, "extranonce2", bytes: ExtranonceGrant.sizes1)
        time = try params.hex32(3, "ntime")
        nonce = try params.hex32(4, "nonce")
        versionBits = try params.optional(5) == nil ? nil : params.hex32(5, "version_bits")
    }

    var json: [JSONValue] {
        let fields: [JSONValue] = [
            .string(user), .string(jobID), .string(extranonce2.hex), .string(hex32(time)),
            .string(hex32(nonce)),
        ]
        return fields + (versionBits.map { [.string(hex32($0))] } ?? [])
    }
}

extension ConfigureParameters {
    init(_ params: Parameters) throws(LineFault) {
        guard let names = try params.value(0, "extensions").array else {
            throw .field(Parameters.path(0, "extensions"), .expected(.array))
        }
        guard names.count <= ConfigureParameters.maximumExtensions else {
            throw .field(Parameters.path(0, "extensions"), .outOfRange)
        }
        extensions = []
        let options = params.optional(1) ?? .object([])
        for (index, value) in names.enumerated() {
            let path = Parameters.path(0, "extensions") + "[\(index)]"
            let name = try Parameters.name(value, path, limit: 64)
            if !extensions.contains(name) { extensions.append(name) }
        }
        if extensions.contains("version-rolling") {
            let mask = options["version-rolling.mask"]
            versionMask = try mask == nil ? .max : Parameters.hex32(mask ?? .null, "version-rolling.mask")
            let bits = options["version-rolling.min-bit-count"]
            minimumBits = try bits.map { (bits) throws(LineFault) in
                try Parameters.int(bits, "version-rolling.min-bit-count", in: 0...32)
            }
        }
        if extensions.contains("minimum-difficulty") {
            let path = "minimum-difficulty.value"
            guard let value = options[path] else { throw .field(path, .missing) }
            minimumDifficulty = value == .int(0) ? nil : try Parameters.difficulty(value, path)
        }
        subscribesExtranonce = extensions.contains("subscribe-extranonce")
    }

    var json: [JSONValue] {
        var options = [JSONValue.Member]()
        if extensions.contains("minimum-difficulty") {
            options.append(.init("minimum-difficulty.value", .number(minimumDifficulty?.number ?? .zero)))
        }
        if let versionMask {
            options.append(.init("version-rolling.mask", .string(hex32(versionMask))))
            if let minimumBits { options.append(.init("version-rolling.min-bit-count", .int(minimumBits))) }
        }
        return [.array(extensions.map { .string($0) }), .object(options)]
    }
}

/// Methods of a miner, in the case in which everybody writes them; read in any.
private enum MinerMethod: String {
    case configure = "mining.configure"
    case subscribe = "mining.subscribe"
    case authorize = "mining.authorize"
    case suggestDifficulty = "mining.suggest_difficulty"
    case suggestTarget = "mining.suggest_target"
    case extranonceSubscribe = "mining.extranonce.subscribe"
    case submit = "mining.submit"
    case ping = "mining.ping"

    init?(_ method: String) {
        guard let known = Self(rawValue: method) ?? Self(rawValue: method.lowercased()) else { return nil }
        self = known
    }
}
