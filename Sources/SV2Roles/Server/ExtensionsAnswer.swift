import SV2Messages

/// A server's answer to RequestExtensions: those asked for that it speaks, or an Error when there are none of them. It
/// insists on none. Source: extension 0x0001, sv2-notes §4.2.
struct ExtensionsAnswer: Hashable {
    let message: CommonMessage
    let granted: Set<UInt16>

    init(_ request: RequestExtensions, spoken: Set<UInt16>) {
        granted = spoken.intersection(request.requestedExtensions)
        message =
            granted.isEmpty
            ? .requestExtensionsError(
                RequestExtensionsError(
                    requestId: request.requestId, unsupportedExtensions: request.requestedExtensions,
                    requiredExtensions: []))
            : .requestExtensionsSuccess(
                RequestExtensionsSuccess(
                    requestId: request.requestId, supportedExtensions: granted.sorted()))
    }
}
