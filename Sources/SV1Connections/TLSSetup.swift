import NIOCore
import NIOSSL

/// The handler of a client's TLS: the server's certificate is verified, name included, unless `trust` is
/// `anybody`. A host that is a name is asked for by name (SNI).
func tlsClientHandler(host: String, trust: TLSTrust) throws(LineClosure) -> NIOSSLClientHandler {
    var configuration = TLSConfiguration.makeClientConfiguration()
    do {
        switch trust {
        case .system: break
        case .roots(let pem):
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(pem))
        case .anybody: configuration.certificateVerification = .none
        }
        let context = try NIOSSLContext(configuration: configuration)
        // Addresses are not asked for by name; then the certificate must be for the address.
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
    } catch {
        throw .tlsSettings("\(error)")
    }
}

func tlsServerContext(_ identity: TLSServerIdentity) throws(LineClosure) -> NIOSSLContext {
    do {
        let certificates = try NIOSSLCertificate.fromPEMBytes(identity.certificatesPEM)
        let key = try NIOSSLPrivateKey(bytes: identity.keyPEM, format: .pem)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(key)))
    } catch {
        throw .tlsSettings("\(error)")
    }
}

extension TLSFailure {
    /// Nil for an error that is not of TLS. BoringSSL tells its reasons by name only.
    init?(_ error: any Error, host: String) {
        if let error = error as? NIOSSLExtraError {
            self = error == .failedToValidateHostname ? .wrongName(host: host) : .other("\(error)")
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
                self = .refusedByPeer
            } else if has("EOF during handshake") || has("syscallError") {
                self = .closed
            } else {
                self = .other(text)
            }
        case .unableToValidateCertificate: self = .wrongName(host: host)
        case .cannotFindPeerIP, .noCertificateToValidate: self = .untrusted
        case .uncleanShutdown, .readInInvalidTLSState, .shutdownFailed, .writeDuringTLSShutdown,
            .unableToAllocateBoringSSLObject, .noSuchFilesystemObject, .failedToLoadCertificate,
            .failedToLoadPrivateKey, .cannotMatchULabel:
            return nil
        }
    }
}
