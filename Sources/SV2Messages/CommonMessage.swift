/// What may arrive on a connection of any sub-protocol: setup, and the negotiation of extensions.
public enum CommonMessage: LinkMessage {
    case setupConnection(SetupConnection)
    case setupConnectionSuccess(SetupConnectionSuccess)
    case setupConnectionError(SetupConnectionError)
    case channelEndpointChanged(ChannelEndpointChanged)
    case reconnect(Reconnect)
    case requestExtensions(RequestExtensions)
    case requestExtensionsSuccess(RequestExtensionsSuccess)
    case requestExtensionsError(RequestExtensionsError)

    public static let readers = MessageReaders<Self>(
        [
            .reading(setupConnection), .reading(setupConnectionSuccess), .reading(setupConnectionError),
            .reading(channelEndpointChanged), .reading(reconnect), .reading(requestExtensions),
            .reading(requestExtensionsSuccess), .reading(requestExtensionsError),
        ])

    public var message: any SV2Message {
        switch self {
        case .setupConnection(let message): message
        case .setupConnectionSuccess(let message): message
        case .setupConnectionError(let message): message
        case .channelEndpointChanged(let message): message
        case .reconnect(let message): message
        case .requestExtensions(let message): message
        case .requestExtensionsSuccess(let message): message
        case .requestExtensionsError(let message): message
        }
    }
}
