import NIOCore
public import NIOSSL

/// Whose certificates a client trusts.
public enum TLSTrust: Hashable, Sendable {
    /// The authorities that this machine trusts.
    case system
    /// Certificates in PEM form: of a server that has signed its own, say.
    case roots(pem: [UInt8])
    /// Anybody's: encrypted against listeners, but not against somebody in between.
    case anybody
}

/// Our own settings do not do: roots that cannot be read, a name that cannot be asked for.
public struct TLSSettingsFault: Error, Hashable, Sendable {
    /// What the TLS library says.
    public let text: String
}

/// The handler of a client's TLS: the server's certificate is verified, name included, unless `trust` is `anybody`. A
/// host that is a name is asked for by name (SNI); for an address the certificate must be for the address.
public func tlsClientHandler(
    host: String, trust: TLSTrust, minimumVersion: TLSVersion
) throws(TLSSettingsFault) -> NIOSSLClientHandler {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = minimumVersion
    do {
        switch trust {
        case .system: break
        case .roots(let pem):
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(pem))
        case .anybody: configuration.certificateVerification = .none
        }
        let context = try NIOSSLContext(configuration: configuration)
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
    } catch {
        throw TLSSettingsFault(text: "\(error)")
    }
}

/// Why a handshake did not come about. BoringSSL tells its reasons by name only.
public enum HandshakeFailure: Hashable, Sendable {
    /// The peer answered something that is no TLS.
    case notTLS
    /// Nobody trusted has signed the certificate, or it is not valid now.
    case untrusted
    /// The certificate is for other names than the one that was asked for.
    case wrongName
    /// The other side would not have our certificate; what the library says.
    case refusedByPeer(String)
    case closed
    case other(String)

    /// Nil for an error that is not of TLS.
    public init?(_ error: any Error) {
        if let error = error as? NIOSSLExtraError {
            self = error == .failedToValidateHostname ? .wrongName : .other("\(error)")
            return
        }
        guard let error = error as? NIOSSLError else { return nil }
        switch error {
        case .handshakeFailed(let reason):
            let text = "\(reason)"
            func has(_ name: String) -> Bool { text.contains(name) }
            if has("CERTIFICATE_VERIFY_FAILED") {
                self = .untrusted
            } else if has("WRONG_VERSION_NUMBER") || has("HTTP_REQUEST") || has("UNEXPECTED_RECORD")
                || has("INVALID_OUTER_RECORD_TYPE") || has("HTTPS_PROXY_REQUEST")
            {
                self = .notTLS
            } else if has("ALERT_UNKNOWN_CA") || has("ALERT_BAD_CERTIFICATE")
                || has("ALERT_CERTIFICATE_UNKNOWN") || has("ALERT_CERTIFICATE_EXPIRED")
            {
                self = .refusedByPeer(text)
            } else if has("EOF during handshake") || has("syscallError") {
                self = .closed
            } else {
                self = .other(text)
            }
        case .unableToValidateCertificate: self = .wrongName
        case .cannotFindPeerIP, .noCertificateToValidate: self = .untrusted
        case .uncleanShutdown, .readInInvalidTLSState, .shutdownFailed, .writeDuringTLSShutdown,
            .unableToAllocateBoringSSLObject, .noSuchFilesystemObject, .failedToLoadCertificate,
            .failedToLoadPrivateKey, .cannotMatchULabel:
            return nil
        }
    }
}
