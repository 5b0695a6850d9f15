import BaseTemplates
import BitcoinPrimitives
import SV1
import SV2Codec
import SV2Messages
import SV2Roles
import TemplateBuilding
import Units

/// One pool with all that it offers: custom jobs, its own jobs, its base template, and Stratum V1.
struct NegotiationPool: Sendable {
    /// A job of Stratum V1, with what a block of it needs.
    struct LineJob: Sendable {
        let coinbase: CoinbaseParts
        let transactions: [[UInt8]]
    }

    static let keptLineJobs = 64

    let number: Int
    /// Whom its jobs pay.
    let payoutScript: [UInt8]
    var core: Pool
    var source: BaseTemplateSource
    var servers: [ConnectionID: BaseTemplateServer] = [:]
    var lines: SV1Server
    var lineJobs: [UInt64: LineJob] = [:]
    private var lineSerial: UInt64 = 0
    /// What it builds on.
    private(set) var next: NextBlock?
    /// How many times it was begun.
    private(set) var life: UInt64

    init(number: Int, life: UInt64, plan: NegotiationPlan, seed: SimulationSeed) {
        self.number = number
        self.life = life
        payoutScript = Self.payoutScript(number)
        var configuration = PoolConfiguration(
            payoutScript: payoutScript, sharesPerMinute: plan.sharesPerMinute,
            tokenSeed: seed.rawValue &* 31 &+ UInt64(number) &* 7 &+ life)
        configuration.lateShareGrace = .seconds(2)
        configuration.firstExtranoncePrefix = UInt64(number) << 24 | life << 16
        configuration.ownJobs = OwnJobs(tag: Array("pool \(number)".utf8))
        configuration.declarationModes = Set(DeclarationMode.allCases)
        configuration.declarationExtensions = [BaseTemplateExtension.extensionType]
        configuration.acknowledgementDelay = .milliseconds(500)
        core = Pool(configuration)
        source = BaseTemplateSource(
            rules: CoinbaseRules(
                demands: [.init(value: .zero, share: 0, script: payoutScript)], maximumAdditionalSize: 200,
                maximumAdditionalSigops: 8))
        var line = SV1Server.Configuration()
        let target = Target(
            hashesPerSecond: plan.nominalHashRate.hashesPerSecond, sharesPerMinute: plan.sharesPerMinute)
        if let difficulty = ShareDifficulty(covering: target) {
            (line.startDifficulty, line.minimumDifficulty) = (difficulty, difficulty)
        }
        lines = SV1Server(configuration: line, firstNumber: UInt32(number) << 24 | UInt32(life) << 16 | 1)
    }

    static func payoutScript(_ pool: Int) -> [UInt8] {
        Script.payToWitnessScriptHash([UInt8](repeating: 0x51, count: pool + 1))
    }

    /// Every other transaction is known to its node; it has to ask for the rest.
    static func known(of mempool: [MempoolEntry]) -> [MempoolEntry] {
        mempool.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    }

    mutating func build(on next: NextBlock) { self.next = next }

    /// Its own work for Stratum V1.
    mutating func lineJob(_ next: NextBlock, _ entries: [MempoolEntry]) -> NotifyParameters? {
        let plan = CoinbasePlan(
            payouts: [TransactionOutput(value: .zero, script: payoutScript)],
            tag: Array("line \(number)".utf8), extranonceSize: 8)
        let fees = entries.reduce(Satoshis.zero) { $0 + $1.fee }
        let commitment = WitnessCommitment.script(wtxids: entries.map(\.wtxid))
        guard let coinbase = try? plan.parts(for: next, fees: fees, commitment: commitment) else {
            return nil
        }
        lineSerial += 1
        lineJobs[lineSerial] = LineJob(coinbase: coinbase, transactions: entries.map(\.wireBytes))
        if lineSerial > UInt64(Self.keptLineJobs) { lineJobs[lineSerial - UInt64(Self.keptLineJobs)] = nil }
        return NotifyParameters(
            jobID: "", previousBlock: next.previousBlock, coinbase1: coinbase.strippedPrefix,
            coinbase2: coinbase.strippedSuffix,
            merkleBranch: MerkleTree.path(besides: entries.map(\.txid.hash)),
            version: next.version, bits: next.bits, time: next.currentTime, cleanJobs: false)
    }

    func block(of share: SV1AcceptedShare) -> [UInt8]? {
        guard let job = lineJobs[share.job] else { return nil }
        var out = share.header.wireBytes
        out.append(UInt8(job.transactions.count + 1))
        out += job.coinbase.transaction(extranonce: share.extranonce).wireBytes
        for transaction in job.transactions { out += transaction }
        return out
    }
}
