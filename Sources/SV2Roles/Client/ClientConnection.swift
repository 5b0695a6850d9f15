import SV2Messages
import SV2Codec
import Units

// What the clients of all sub-protocols have in common, whatever they talk about once they are set up.

/// The server's answer to SetupConnection. Source: sv2-notes §4.1.
enum SetupAnswer: Hashable {
    case accepted(flags: UInt32)
    case refused(flags: UInt32, errorCode: WireText)
    /// A version that was not offered.
    case version(UInt16)

    /// `nil` for a message that is none.
    init?(_ message: CommonMessage) {
        switch message {
        case .setupConnectionSuccess(let success):
            self =
                success.usedVersion == protocolVersion
                ? .accepted(flags: success.flags) : .version(success.usedVersion)
        case .setupConnectionError(let error):
            self = .refused(flags: error.flags, errorCode: error.errorCode)
        case .setupConnection, .channelEndpointChanged, .reconnect, .requestExtensions,
            .requestExtensionsSuccess, .requestExtensionsError:
            return nil
        }
    }
}

/// Asks for a wake once for each deadline.
struct WakeRequest: Hashable, Sendable {
    private var announced: Instant?

    /// The wake came, whatever it was for.
    mutating func woke() { announced = nil }

    /// The deadline when the owner has not heard of it yet.
    mutating func news(_ deadline: Instant?) -> Instant? {
        guard let deadline, deadline != announced else { return nil }
        announced = deadline
        return deadline
    }
}
