extension SV1ClientFault: CustomStringConvertible {
    /// A sentence for the operator: the cause, and the fix where there is one.
    public var description: String {
        switch self {
        case .deadline(let deadline): deadline.description
        case .disconnected: "the connection could not be made, or has ended"
        case .subscriptionRefused(let code, let message):
            "the pool refused to serve us\(quoted(code, message))"
        case .authorizationRefused(let code, let message):
            "the pool does not accept the user\(quoted(code, message)); check the user name, which for many "
                + "pools is an address, a dot and a name for the worker"
        case .extranonceTooShort(let granted, let wanted):
            "the pool lets us roll \(granted) bytes of extranonce, and \(wanted) are needed"
        case .badLine(let fault, let line): "the pool sent a line that is no message: \(fault): \(line)"
        case .sentAway(let host, let port): "the pool asked us to reconnect to \(host) port \(port)"
        case .stopped: "stopped"
        }
    }

    private func quoted(_ code: Int?, _ message: String) -> String {
        let number = code.map { " (code \($0))" } ?? ""
        return message.isEmpty ? number : "\(number): '\(message)'"
    }
}

extension SV1ClientFault.Deadline: CustomStringConvertible {
    public var description: String {
        switch self {
        case .connect: "the pool could not be reached in time"
        case .subscribe:
            "the pool does not answer mining.subscribe; if this port speaks Stratum V2, its address is "
                + "stratum2+tcp://host:port/KEY, if it speaks TLS, stratum+ssl://host:port"
        case .authorize: "the pool does not answer mining.authorize"
        case .firstJob: "the pool accepts us, and gives no job"
        case .silence: "the pool has fallen silent"
        }
    }
}

extension SV1WithheldReason: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notWorking: "the pool was not there"
        case .staleJob: "its job was over"
        case .aboveTarget: "its hash exceeds the job's target"
        case .versionBits: "it rolls version bits that the pool does not let roll"
        case .extranonceSize: "its extranonce has not the size that was granted"
        }
    }
}

extension SV1ServerClosure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .handshakeDeadline: "the miner did not subscribe and authorize in time"
        case .silence: "the miner has fallen silent"
        case .badLines(let count, let last): "\(count) lines were no messages; the last: \(last)"
        case .tooManyConnections(let limit): "all \(limit) connections are taken"
        }
    }
}
