// Error codes are the implementation's choice, printable ASCII; these are the ones in use. Source: sv2-notes
// §12.

/// SetupConnection.Error.
public enum SetupRefusal: String, CaseIterable, Hashable, Sendable {
    case unsupportedProtocol = "unsupported-protocol"
    case protocolVersionMismatch = "protocol-version-mismatch"
    case unsupportedFeatureFlags = "unsupported-feature-flags"
    /// This pool makes no jobs of its own: a client that does not choose its work would get none.
    case missingWorkSelection = "missing-work-selection-flag"
    case missingDeclareTxData = "missing-declare-tx-data-flag"
}

/// OpenMiningChannel.Error and UpdateChannel.Error.
public enum ChannelRefusal: String, CaseIterable, Error, Hashable, Sendable {
    case standardChannel = "standard-channels-not-supported-for-custom-work"
    case extendedChannel = "extended-channels-not-supported-for-standard-jobs"
    case userIdentity = "invalid-user-identity"
    case nominalHashRate = "invalid-nominal-hashrate"
    case extranonceSize = "min-extranonce-size-too-large"
    case maximumTarget = "max-target-out-of-range"
    case channelId = "invalid-channel-id"
    case tooManyChannels = "too-many-channels"
}

/// SubmitShares.Error, in the order of the checks. Source: sv2-notes §5.5.
public enum ShareRefusal: String, CaseIterable, Hashable, Sendable {
    case channelId = "invalid-channel-id"
    case stale = "stale-share"
    case jobId = "invalid-job-id"
    case extranonceSize = "bad-extranonce-size"
    /// A time outside the job's window.
    case invalid = "invalid-share"
    case nonRollableVersionBit = "invalid-non-rollable-version-bit"
    case difficultyTooLow = "difficulty-too-low"
    case duplicate = "duplicate-share"
    /// Nothing is wrong with it, but it could not be kept.
    case unkept = "share-ledger-unavailable"
}

/// DeclareMiningJob.Error. Source: sv2-notes §8.4.
public enum DeclarationCode: String, CaseIterable, Hashable, Sendable {
    case token = "invalid-mining-job-token"
    case missing = "missing-txs"
    case coinbase = "invalid-coinbase-tx"
    case coinbaseInput = "invalid-coinbase-tx-input"
    case staleTip = "stale-chain-tip"
    case invalidJob = "invalid-job"
    case internalError = "internal-error"
}

/// SetCustomMiningJob.Error, in the order of the checks. Source: sv2-notes §8.5.
public enum CustomJobRefusal: String, CaseIterable, Error, Hashable, Sendable {
    /// The connection was set up without REQUIRES_WORK_SELECTION.
    case notSelected = "work-selection-not-requested"
    case token = "invalid-mining-job-token"
    case notYetValidated = "job-not-yet-validated"
    case staleTip = "stale-chain-tip"
    case bits = "invalid-nbits"
    case version = "invalid-version"
    case minimumTime = "invalid-min-ntime"
    case coinbase = "invalid-coinbase-tx"
    case coinbaseVersion = "invalid-coinbase-tx-version"
    case coinbasePrefix = "invalid-coinbase-prefix"
    case coinbaseSequence = "invalid-coinbase-tx-input-n-sequence"
    case coinbaseOutputs = "invalid-coinbase-tx-outputs"
    case coinbaseLockTime = "invalid-coinbase-tx-locktime"
    case merklePath = "invalid-merkle-path"
    case channelId = "invalid-channel-id"
    case tooManyJobs = "too-many-jobs"
}

/// Why a declaration is refused, and what to say about it.
struct DeclarationRefusal: Error, Hashable {
    let code: DeclarationCode
    let details: String

    init(_ code: DeclarationCode, _ details: String) {
        self.code = code
        // Some words are the node's: nothing but printable ASCII goes out, and not much of it.
        self.details = String(
            decoding: details.utf8.prefix(200).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") },
            as: UTF8.self)
    }
}
