import MempoolREST
import NIOSSL
import Transports

func restTLSHandler(host: String, trust: RESTTrust) throws(RESTFailure) -> NIOSSLClientHandler {
    do throws(TLSSettingsFault) {
        return try tlsClientHandler(host: host, trust: trust.clientTrust, minimumVersion: .tlsv12)
    } catch {
        throw .tls(.settings(error.text))
    }
}

extension RESTTrust {
    fileprivate var clientTrust: TLSTrust {
        switch self {
        case .system: .system
        case .roots(let pem): .roots(pem: pem)
        }
    }
}

extension RESTTLSFailure {
    /// Nil for an error that is not of TLS, and for an end of the connection.
    init?(_ error: any Error) {
        switch HandshakeFailure(error) {
        case nil, .closed?: return nil
        case .notTLS?: self = .notTLS
        case .untrusted?: self = .untrusted
        case .wrongName?: self = .wrongName
        case .refusedByPeer(let text)?, .other(let text)?: self = .other(text)
        }
    }
}
