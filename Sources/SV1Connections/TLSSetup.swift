import NIOSSL
import Transports

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
    /// Nil for an error that is not of TLS.
    init?(_ error: any Error, host: String) {
        switch HandshakeFailure(error) {
        case nil: return nil
        case .notTLS?: self = .notTLS
        case .untrusted?: self = .untrusted
        case .wrongName?: self = .wrongName(host: host)
        case .refusedByPeer?: self = .refusedByPeer
        case .closed?: self = .closed
        case .other(let text)?: self = .other(text)
        }
    }
}
