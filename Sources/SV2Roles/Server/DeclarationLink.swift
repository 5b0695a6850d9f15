import BitcoinPrimitives
import SV2Messages
import Units

/// One job declaration connection.
struct DeclarationLink: Sendable {
    var setup: SetupState
    /// Said at setup.
    var mode = DeclarationMode.fullTemplate
    /// Granted: some of `PoolConfiguration.declarationExtensions`.
    var extensions: Set<UInt16> = []
    /// Under way, by request id: unique on a connection only. Source: sv2-notes §8.4.
    var pending: [UInt32: PendingDeclaration] = [:]
    /// What a PushSolution is about.
    var lastDeclared: DeclaredJob?
    /// Taken into the pool's memory at this tip.
    var suppliedBytes = 0
    /// Names of messages that were ignored: as many as the specification has, at most.
    var ignored: Set<String> = []

    init(setup: SetupState) { self.setup = setup }
}

/// A declaration between its arrival and its answer.
struct PendingDeclaration: Sendable {
    enum Stage: Sendable {
        /// Waits for the transactions at these positions.
        case missing([Int], CoinbaseParts, DeclareMiningJob, until: Instant)
        /// Waits for the node.
        case checking(CheckID, DeclaredJob, supplied: [KnownTransaction], until: Instant)
    }

    let token: [UInt8]
    var stage: Stage

    var deadline: Instant {
        switch stage {
        case .missing(_, _, _, let until), .checking(_, _, _, let until): until
        }
    }

    /// Bytes that the client brought with it.
    var suppliedBytes: Int {
        switch stage {
        case .missing: 0
        case .checking(_, _, let supplied, _): supplied.reduce(0) { $0 + $1.wireBytes.count }
        }
    }
}
