import ProviderTemplates
import SV2Connections

extension ProviderLinkFailure {
    /// `closure` is what ended a connection of ours, other than we ourselves.
    init(_ closure: SV2Closure) {
        switch closure {
        case .unknownHost: self = .unknownHost
        case .refused: self = .refused
        case .connectTimedOut: self = .connectTimedOut
        case .unreachable(_, _, let errno): self = .unreachable(errno: errno)
        case .handshakeTimedOut: self = .handshakeTimedOut
        case .closedDuringHandshake: self = .closedInHandshake
        case .handshake(let failure): self.init(failure)
        case .foreignProtocol: self = .notNoise
        case .decryptionFailed: self = .undecipherable
        case .oversizedFrame(let msgType, let length, let limit):
            self = .oversized(msgType: msgType, length: length, limit: limit)
        case .queueOverflow, .notReading, .noFrame, .unfinishedFrame, .silence: self = .tooSlow
        case .failed(let errno): self = .failed(errno: errno)
        case .peerClosed, .noncesUsedUp, .closedHere, .turnedAway, .manyMore: self = .closed
        }
    }

    private init(_ failure: HandshakeFailure) {
        switch failure {
        case .notAuthentic: self = .notNoise
        case .wrongAuthority: self = .wrongKey
        case .startsInFuture(let seconds): self = .certificateInFuture(seconds: seconds)
        case .expired(let seconds): self = .certificateExpired(seconds: seconds)
        case .certificateVersion(let version): self = .certificateVersion(version)
        }
    }
}

extension SV2LinkOptions {
    /// To a provider: shorter waits than to a pool, because nothing is earned without templates. Together they are the
    /// follower's own, less a bit, so that the failure has its name.
    static func provider(_ connectDeadline: Duration) -> SV2LinkOptions {
        var options = SV2LinkOptions.templateClient
        options.connectTimeout = connectDeadline * 9 / 20
        options.handshakeTimeout = connectDeadline / 2
        return options
    }
}
