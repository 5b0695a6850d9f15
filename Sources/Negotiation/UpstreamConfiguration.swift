public import BaseTemplates
public import BitcoinPrimitives
import SV2Codec
public import SV2Roles
public import TemplateBuilding
public import Units

/// What one pool is mined with. Defaults are those of sv2-notes §8, §9 and §15.
public struct UpstreamConfiguration: Hashable, Sendable {
    /// Who chooses the transactions of jobs, and what the pool learns of them. Source: sv2-notes §8.1.
    public enum Mode: Hashable, Sendable {
        /// We do, and each job is declared with them.
        case fullTemplate
        /// We do, and they stay private: a job is a token and a coinbase.
        case coinbaseOnly
        /// We do, among the candidates of the pool's base template; proposals from elsewhere are not used. Source:
        /// docs/base-template-extension.md.
        case light
    }

    /// What light mode makes templates of a pool's candidates with.
    public struct Light: Hashable, Sendable {
        /// The owner's wishes. Rules about the content of transactions do not reach what has no bytes.
        public var policy = TemplatePolicy()
        /// Bytes that name us, before the extranonce.
        public var coinbaseTag: [UInt8] = []
        public var client = BaseTemplateClient.Configuration()
        /// Between two looks at the candidates, where nothing asks for a job at once.
        public var buildInterval = Duration.seconds(3)

        public init() {}
    }

    /// How long each state may last. Reaching one is a failure of the upstream.
    public struct Deadlines: Hashable, Sendable {
        /// Name look-up, connection and handshake together.
        public var connect = Duration.seconds(15)
        public var setup = Duration.seconds(5)
        /// For the answer to a wish for extensions; then it goes on without, which ends light mode.
        public var extensions = Duration.seconds(1)
        public var openChannel = Duration.seconds(5)
        public var token = Duration.seconds(10)
        public var declaration = Duration.seconds(10)
        public var customJob = Duration.seconds(5)
        /// For another template after the pool refused one, and in light mode for one at all after its candidates or
        /// its demands allowed none.
        public var nextTemplate = Duration.seconds(30)

        public init() {}
    }

    /// Waits that double from `first` to `cap`, each up to a quarter longer by chance.
    public struct Backoff: Hashable, Sendable {
        public var first: Duration
        public var cap: Duration

        public init(first: Duration, cap: Duration) {
            self.first = first
            self.cap = cap
        }
    }

    public var mode = Mode.fullTemplate
    public var light = Light()
    /// Position of the upstream in the configuration; it is in the origin of every job.
    public var index: Int
    /// Who is dialed on the mining link, and who we are.
    public var miningIdentity: ClientIdentity
    /// The same for the job declaration link.
    public var declarationIdentity: ClientIdentity
    /// At most 255 bytes of UTF-8.
    public var userIdentity: String
    public var nominalHashRate: HashRate
    /// The easiest target wanted.
    public var maximumTarget = Target.max
    public var minimumExtranonceSize: UInt16
    /// Version bits to roll, unless the pool forbids it; at most BIP 323's 0x1fffffe0. Default: BIP 320.
    public var versionMask: UInt32 = 0x1fff_e000
    public var deadlines = Deadlines()
    /// Shares may go without any answer for so long before the next template is declared to find out about the pool.
    public var shareSilence = Duration.seconds(120)
    /// Shares of a job that has been the newest for so long are not stale for a new tip's sake.
    public var staleGrace = Duration.seconds(30)
    /// A link that lasted so long is tried again without delay; one that broke sooner, ever more rarely.
    public var steadyLink = Duration.seconds(10)
    /// After a lost connection.
    public var reconnect = Backoff(first: .milliseconds(250), cap: .seconds(30))
    /// After the pool did not know the tip of a job that is the newest here, so many times.
    public var tipRetry = Backoff(first: .milliseconds(500), cap: .seconds(16))
    public var maximumTipRetries = 6
    /// After a failure of the upstream.
    public var coolDown = Backoff(first: .seconds(15), cap: .seconds(1800))
    /// Earning for so long clears the doubling of the cool-down.
    public var healthyRun = Duration.seconds(600)
    /// Failures in a row, lost connections included, until `UpstreamAction.upstreamFailed`.
    public var failuresUntilHopeless = 5
    /// Between two declarations for one tip.
    public var declarationInterval = Duration.seconds(15)
    /// By how much fees must have risen to be worth another declaration, in thousandths.
    public var minimumFeeRisePerMille: UInt64 = 5
    /// Changes of payout, extranonce prefix or size, and in light mode tips, in a minute. Each may cost a template and a declaration; one more is
    /// a failure of the upstream.
    public var maximumTermChanges = 20
    /// For the jitter of waits.
    public var seed: UInt64

    public init(
        index: Int, miningIdentity: ClientIdentity, declarationIdentity: ClientIdentity, userIdentity: String,
        nominalHashRate: HashRate, minimumExtranonceSize: UInt16, seed: UInt64
    ) {
        precondition(userIdentity.utf8.count <= 255, "a user identity has at most 255 bytes")
        self.index = index
        self.miningIdentity = miningIdentity
        self.declarationIdentity = declarationIdentity
        self.userIdentity = userIdentity
        self.nominalHashRate = nominalHashRate
        self.minimumExtranonceSize = minimumExtranonceSize
        self.seed = seed
    }
}

extension UpstreamConfiguration {
    func miningClient(hashRate: HashRate) -> MiningClient.Configuration {
        var client = MiningClient.Configuration(
            identity: miningIdentity, userIdentity: .init(userIdentity), nominalHashRate: hashRate,
            maximumTarget: maximumTarget, minimumExtranonceSize: minimumExtranonceSize)
        client.setupDeadline = deadlines.setup
        client.openChannelDeadline = deadlines.openChannel
        client.customJobDeadline = deadlines.customJob
        return client
    }

    var declarationClient: JobDeclarationClient.Configuration {
        var client = JobDeclarationClient.Configuration(
            identity: declarationIdentity, userIdentifier: .init(userIdentity))
        switch mode {
        case .fullTemplate: break
        case .coinbaseOnly: client.declaresTransactions = false
        case .light: client.extensions = [BaseTemplateExtension.extensionType]
        }
        client.setupDeadline = deadlines.setup
        client.extensionsDeadline = deadlines.extensions
        client.tokenDeadline = deadlines.token
        client.declarationDeadline = deadlines.declaration
        return client
    }
}

extension UpstreamConfiguration.Backoff {
    /// The wait after `failures` failures in a row (at least 1): never above the cap, and by chance up to a quarter
    /// longer than its least, also at the cap, so that those who were cut off together do not come back together.
    func delay(failures: Int, using generator: inout SplitMix64) -> Duration {
        // 2^20 times a millisecond is beyond every cap in use, so the product cannot overflow before the cap
        // cuts it.
        let least = min(first * (1 << min(max(failures - 1, 0), 20)), cap / 5 * 4)
        return least + least * (generator.nextFraction() / 4)
    }
}
