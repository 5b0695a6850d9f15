import BitcoinPrimitives
public import SV2Codec
public import SV2Roles

/// How well a template provider serves.
public enum ProviderHealth: Hashable, Sendable {
    /// Nothing is known yet.
    case starting
    /// The newest template of its tip is there and was checked, and it answers.
    case following
    case down(ProviderTrouble)

    /// Whether its templates can be mined, and solutions sent to it.
    public var isUsable: Bool {
        switch self {
        case .following: true
        case .starting, .down: false
        }
    }
}

/// Why a provider cannot be used.
public enum ProviderTrouble: Hashable, Sendable {
    case link(ProviderLinkFailure)
    /// Something is waited for, longer than it may take.
    case stalled(ProviderWait, after: Duration)
    /// It refuses to speak template distribution with us, by this word of the protocol.
    case refused(errorCode: String)
    case version(UInt16)
    /// It answers, and has no template. Normal while its node loads the chain.
    case noTemplate(after: Duration)
    /// A message that is none.
    case garbage(msgType: UInt8, CodecError)
    case badTemplate(templateId: UInt64, TemplateDefect)
    case badTip(nBits: UInt32)
    /// What it says does not hold together; it was asked to begin anew.
    case mistrusted(TemplateMistrust)
    /// It was asked to begin anew again and again.
    case outOfSync(TemplateMistrust)
    case contradiction(templateId: UInt64, TemplateContradiction)
    /// It went back to blocks of a smaller height than it had before: its node lost its place, and will find it.
    case oldTip(height: UInt32, known: UInt32)

    /// Whether it is left alone for longer: trying again at once brings the same.
    var isLasting: Bool {
        switch self {
        case .link(let failure): failure.isLasting
        case .stalled, .noTemplate, .mistrusted, .oldTip: false
        case .refused, .version, .garbage, .badTemplate, .badTip, .outOfSync, .contradiction: true
        }
    }
}

/// What a provider may be waited for.
public enum ProviderWait: Hashable, Sendable {
    /// Name, connection and handshake.
    case connection
    case setup
    case transactionData
    /// The answer to a question that costs it nothing.
    case sign
}

/// Why there is no connection, or no longer.
public enum ProviderLinkFailure: Error, Hashable, Sendable {
    case unknownHost
    case refused
    case unreachable(errno: Int32)
    case connectTimedOut
    case handshakeTimedOut
    case closedInHandshake
    /// What answers does not speak the encryption of Stratum V2, or somebody changes what passes.
    case notNoise
    /// Its certificate is signed by another key than the one configured.
    case wrongKey
    /// Its certificate begins so many seconds after our clock, or ended so many before it, or is of a later version.
    case certificateInFuture(seconds: UInt32)
    case certificateExpired(seconds: UInt32)
    case certificateVersion(UInt16)
    case closed
    case undecipherable
    case oversized(msgType: UInt8, length: Int, limit: Int)
    /// It sends, or takes, what was begun too slowly.
    case tooSlow
    case failed(errno: Int32)

    var isLasting: Bool {
        switch self {
        case .notNoise, .wrongKey, .certificateInFuture, .certificateExpired, .certificateVersion,
            .undecipherable, .oversized:
            true
        case .unknownHost, .refused, .unreachable, .connectTimedOut, .handshakeTimedOut, .closedInHandshake,
            .closed, .tooSlow, .failed:
            false
        }
    }
}
