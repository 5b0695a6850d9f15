import SV2Codec
import SV2Messages
import Units

/// RequestExtensions and its answer, on the client's side. Asked directly after setup, and once more when the server
/// insists on some of those that it was asked for; a server that knows nothing of extensions stays silent, so that each
/// try has a deadline, and it goes on without. Source: extension 0x0001, sv2-notes §4.2.
struct ExtensionNegotiation: Hashable, Sendable {
    enum Outcome: Hashable {
        /// Those of the wanted extensions that the server speaks too; none after a refusal.
        case granted(Set<UInt16>)
        case askAgain(ExtensionNegotiation)
        /// The server insists on extensions that are not spoken here, or refuses the ones that it insists on.
        case impossible([UInt16])
    }

    let request: RequestExtensions
    let until: Instant
    private let deadline: Duration
    private var isSecondTry: Bool { request.requestId == 2 }

    init(wanted: [UInt16], at now: Instant, deadline: Duration) {
        self.init(requestId: 1, wanted, at: now, deadline: deadline)
    }

    private init(requestId: UInt16, _ extensions: [UInt16], at now: Instant, deadline: Duration) {
        request = RequestExtensions(requestId: requestId, requestedExtensions: extensions)
        until = now + deadline
        self.deadline = deadline
    }

    /// `nil` for a message that is no answer to the request.
    func receive(_ message: CommonMessage, at now: Instant) -> Outcome? {
        switch message {
        case .requestExtensionsSuccess(let answer) where answer.requestId == request.requestId:
            return .granted(Set(answer.supportedExtensions).intersection(request.requestedExtensions))
        case .requestExtensionsError(let answer) where answer.requestId == request.requestId:
            let foreign = answer.requiredExtensions.filter { !request.requestedExtensions.contains($0) }
            guard foreign.isEmpty else { return .impossible(foreign) }
            guard !answer.requiredExtensions.isEmpty else { return .granted([]) }
            // They were asked for, and refused although required: once more, then it is enough.
            guard !isSecondTry else { return .impossible(answer.requiredExtensions) }
            let required = request.requestedExtensions.filter(answer.requiredExtensions.contains)
            return .askAgain(ExtensionNegotiation(requestId: 2, required, at: now, deadline: deadline))
        case .setupConnection, .setupConnectionSuccess, .setupConnectionError, .channelEndpointChanged,
            .reconnect, .requestExtensions, .requestExtensionsSuccess, .requestExtensionsError:
            return nil
        }
    }
}
