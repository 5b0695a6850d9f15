import BaseTemplates
import PoolServer
import SV2Connections
import SV2Roles

/// What happens at a pool, in words.
enum Sentences {
    /// `nil` for what is told elsewhere, or is nobody's business.
    static func sentence(_ notice: PoolNotice) -> String? {
        switch notice {
        case .action(let action): sentence(action)
        case .malformed(let peer, let what): "\(peer) sent what is no message (\(what)), and was disconnected"
        case .connectionEnded(let peer, let closure): "\(peer) has gone: \(closure)"
        case .turnedAway(let address, let closure): "\(address) did not get in: \(closure)"
        }
    }

    private static func sentence(_ action: PoolAction) -> String? {
        switch action {
        case .close(let connection, let fault):
            "connection \(connection.rawValue) was closed: \(words(fault))"
        case .refused(let connection, let what, let code, let details):
            "connection \(connection.rawValue): \(what) refused, \(code)"
                + (details.isEmpty ? "" : " (\(details))")
        case .shareRejected(let connection, let user, let refusal):
            "connection \(connection.rawValue): a share\(user.map { " of \($0)" } ?? "") refused, \(refusal.rawValue)"
        case .ignored(let connection, let name):
            "connection \(connection.rawValue) sent \(name), which has no use here"
        case .sendMining, .sendDeclaration, .check, .publish, .shareAccepted, .declared, .customJobAccepted,
            .wake:
            nil
        }
    }

    private static func words(_ fault: PoolConnectionFault) -> String {
        switch fault {
        case .tooManyConnections(let limit):
            "\(limit) connections are there already; limits.connections allows more"
        case .setupDeadline: "it did not say what it wants"
        case .setupRefused(let refusal): "its setup was refused, \(refusal.rawValue)"
        case .setupTwice: "it set up twice"
        case .beforeSetup(let name): "it sent \(name) before its setup"
        }
    }

    static func sentence(_ notice: BaseTemplateNotice) -> String? {
        switch notice {
        case .requested, .fellBehind: nil
        case .failed(let connection, let fault):
            "connection \(connection.rawValue) gets no base template any more: \(fault)"
        }
    }
}
