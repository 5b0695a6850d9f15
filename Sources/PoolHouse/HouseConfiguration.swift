public import LiveSources
public import Payouts
import SV2Roles
import Units

/// Everything that an operator decides about a pool of their own, checked as far as a text can be.
public struct HouseConfiguration: Hashable, Sendable {
    public struct Listen: Hashable, Sendable {
        public var host: String
        /// 0 lets the system choose.
        public var port: Int

        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        /// Whether strangers can come, from wherever this machine can be reached.
        var isEverywhere: Bool { ["0.0.0.0", "::", "*", ""].contains(host) }
    }

    /// Where templates come from, and who judges.
    public enum Nodes: Hashable, Sendable {
        /// As written, and what that means.
        case live([SourceAddress])
        /// A node played from a recording, for tests.
        case recording(path: String)
    }

    public struct Modes: Hashable, Sendable {
        /// Jobs of the pool's making, for devices that choose nothing.
        public var ownJobs = true
        public var fullTemplate = true
        public var coinbaseOnly = true
        /// The list of candidates for miners without a node.
        public var baseTemplate = true

        public init() {}

        /// Whether there is anything to declare.
        var declares: Bool { fullTemplate || coinbaseOnly }
    }

    public var mining = Listen(host: "127.0.0.1", port: 3_336)
    public var declaration = Listen(host: "127.0.0.1", port: 3_337)
    /// The operator's word that all interfaces are meant where an address says so.
    public var allInterfaces = false
    public var authorityKey: String
    public var network: BitcoinNetwork
    /// As it was written, for people.
    public var payout: String
    public var payoutScript: [UInt8]
    /// Millionths of a client's coinbase that must go to the payout.
    public var payoutShare: UInt32 = 1_000_000
    /// Hundredths of a percent that the operator keeps of what shares earn, in reports.
    public var feeBasisPoints = 0
    public var tag = "/adit/"
    public var sharesPerMinute = 6.0
    public var nodes: Nodes
    public var modes = Modes()
    /// Of each kind of connection.
    public var maximumConnections = 256
    public var maximumChannels = 4_096
    /// Seconds that shares of the tip before are still taken.
    public var lateShareSeconds = 2.0
    public var ledger: String

    /// What the core is told. - Parameter seed: random, another at each start: makes tokens impossible to guess, and
    /// extranonce prefixes others than before the restart.
    func pool(seed: UInt64) -> PoolConfiguration {
        var pool = PoolConfiguration(
            payoutScript: payoutScript, sharesPerMinute: sharesPerMinute, tokenSeed: seed)
        pool.firstExtranoncePrefix = seed >> 32
        pool.payoutShare = payoutShare
        pool.ownJobs = modes.ownJobs ? OwnJobs(tag: Array(tag.utf8)) : nil
        pool.declarationModes = []
        if modes.fullTemplate { pool.declarationModes.insert(.fullTemplate) }
        if modes.coinbaseOnly { pool.declarationModes.insert(.coinbaseOnly) }
        pool.maximumConnections = maximumConnections
        pool.maximumChannels = maximumChannels
        pool.lateShareGrace = .milliseconds(Int64(lateShareSeconds * 1_000))
        // A node answers one after the other, and no more wait there.
        pool.maximumPending = 16
        return pool
    }
}
