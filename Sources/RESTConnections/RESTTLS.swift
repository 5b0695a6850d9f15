import MempoolREST
import NIOCore
import NIOSSL

/// The handler of a client's TLS: the server's certificate is verified, name included. A host that is a name is asked
/// for by name (SNI); for an address the certificate must be for the address.
func restTLSHandler(host: String, trust: RESTTrust) throws(RESTFailure) -> NIOSSLClientHandler {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.certificateVerification = .fullVerification
    do {
        switch trust {
        case .system: break
        case .roots(let pem):
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(pem))
        }
        let context = try NIOSSLContext(configuration: configuration)
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
    } catch {
        throw .tls(.settings("\(error)"))
    }
}

extension RESTTLSFailure {
    /// Nil for an error that is not of TLS. BoringSSL tells its reasons by name only.
    init?(_ error: any Error) {
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
                || has("INVALID_OUTER_RECORD_TYPE")
            {
                self = .notTLS
            } else if has("EOF during handshake") || has("syscallError") {
                return nil
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
