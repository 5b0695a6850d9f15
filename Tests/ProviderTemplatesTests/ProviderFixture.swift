import BitcoinPrimitives
import ProviderTemplates
import SV2Codec
import SV2Messages
import SV2Roles
import TemplateBuilding
import Units

/// What the tests of a provider's follower have in common.
enum ProviderFixture {
    static let start = Instant(nanoseconds: 1_000_000_000)
    static let identity = ClientIdentity(
        endpointHost: "127.0.0.1", endpointPort: 8442, vendor: "Adit", hardwareVersion: "", firmware: "adit/1"
    )
    static let payout = TransactionOutput(
        value: .zero, script: [0x00, 0x14] + [UInt8](repeating: 7, count: 20))
    static let constraints = CoinbaseOutputConstraints(for: [payout])
    static let plan = CoinbasePlan(payouts: [payout], tag: Array("/adit/".utf8), extranonceSize: 8)
    static let easy = CompactTarget(bits: 0x207f_ffff)

    static func configuration(seed: UInt64 = 1) -> ProviderFollower.Configuration {
        var configuration = ProviderFollower.Configuration(
            identity: identity, constraints: constraints, seed: seed)
        configuration.schedule = .regtest
        return configuration
    }

    static func tip(_ number: UInt8) -> Hash256 { Hash256(hashing: [number]) }

    static func spend(
        _ outPoints: [OutPoint], pays values: [UInt64], witness: Bool = true, lockTime: UInt32 = 0
    ) -> Transaction {
        Transaction(
            version: 2,
            inputs: outPoints.map {
                TransactionInput(
                    previousOutput: $0, scriptSig: [], sequence: 0, witness: witness ? [[1, 2], [3]] : [])
            },
            outputs: values.map {
                TransactionOutput(
                    value: Satoshis(rawValue: $0), script: [0x00, 0x14] + [UInt8](repeating: 3, count: 20))
            }, lockTime: lockTime)
    }

    /// An output of the chain, of a value that nobody tells.
    static func coin(_ number: UInt8) -> OutPoint { OutPoint(txid: Txid(tip(number)), index: UInt32(number)) }

    static func output(_ index: UInt32, of transaction: Transaction) -> OutPoint {
        OutPoint(txid: transaction.txid, index: index)
    }

    /// A parent of unknown fee with a child that pays 1,000, and `more` others of unknown fee.
    static func family(more: UInt8 = 1, seed: UInt8 = 100) -> [Transaction] {
        let parent = spend([coin(seed)], pays: [50_000, 20_000])
        let child = spend([output(0, of: parent)], pays: [49_000])
        return [parent, child]
            + (0..<more).map { spend([coin(seed &+ 1 &+ $0)], pays: [5_000], witness: $0 % 2 == 0) }
    }

    static func entry(_ transaction: Transaction, fee: UInt64 = 500) -> MempoolEntry {
        MempoolEntry(
            txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: 0,
            fee: Satoshis(rawValue: fee), parents: [], wireBytes: transaction.wireBytes)
    }

    static func next(onTip number: UInt8) -> NextBlock {
        let height = 100 + UInt32(number)
        return NextBlock(
            previousBlock: tip(number), height: height, version: 0x2000_0000, bits: easy, blockTarget: .max,
            minimumTime: 1_700_000_000, currentTime: 1_700_000_600,
            subsidy: SubsidySchedule.regtest.subsidy(at: height))
    }

    /// A template on tip `number`, whose blocks have height 100 + `number`; its fees are 1,000 for each transaction.
    static func provided(onTip number: UInt8, _ transactions: [Transaction] = family()) -> ProvidedTemplate {
        guard
            let provided = ProvidedTemplate(
                next: next(onTip: number), transactions: transactions.map { entry($0, fee: 1_000) })
        else { preconditionFailure("the easiest bits are bits") }
        return provided
    }

    /// A template on any tip, of any difficulty.
    static func provided(onHash hash: Hash256, height: UInt32, bits: CompactTarget) -> ProvidedTemplate {
        var next = next(onTip: 0)
        (next.previousBlock, next.height, next.bits) = (hash, height, bits)
        next.subsidy = SubsidySchedule.regtest.subsidy(at: height)
        let transactions = family().map { entry($0, fee: 1_000) }
        guard let provided = ProvidedTemplate(next: next, transactions: transactions) else {
            preconditionFailure("bits that stand for a target")
        }
        return provided
    }

    static func provided(onTip number: UInt8, bits: CompactTarget) -> ProvidedTemplate {
        provided(onHash: tip(number), height: 100 + UInt32(number), bits: bits)
    }

    /// The same with something in it changed.
    static func changed(
        _ provided: ProvidedTemplate, value: Satoshis? = nil, prefix: [UInt8]? = nil,
        outputs: [TransactionOutput]? = nil, merklePath: [Hash256]? = nil, transactions: [[UInt8]]? = nil
    ) -> ProvidedTemplate {
        let old = provided.template
        let template = DistributedTemplate(
            version: old.version, coinbaseTxVersion: old.coinbaseTxVersion,
            coinbasePrefix: prefix ?? old.coinbasePrefix,
            coinbaseTxInputSequence: old.coinbaseTxInputSequence,
            coinbaseTxValueRemaining: value ?? old.coinbaseTxValueRemaining,
            coinbaseTxOutputs: outputs ?? old.coinbaseTxOutputs, coinbaseTxLocktime: old.coinbaseTxLocktime,
            merklePath: merklePath ?? old.merklePath)
        return ProvidedTemplate(
            template: template, tip: provided.tip, transactions: transactions ?? provided.transactions)
    }

    /// What a follower's client makes of a template: it goes through all of its checks.
    static func finished(
        _ provided: ProvidedTemplate, schedule: SubsidySchedule? = .regtest
    ) throws -> FinishedTemplate {
        var configuration = configuration()
        configuration.schedule = schedule
        var world = ProviderWorld(first: provided, configuration: configuration)
        world.run(for: .seconds(2))
        switch world.health.last {
        case .following?: break
        case .down(.contradiction(_, let contradiction))?: throw contradiction
        case .starting?, .down?, nil: throw NothingFinished(health: world.health)
        }
        guard let template = world.templates.last else { throw NothingFinished(health: world.health) }
        return template
    }
}

struct NothingFinished: Error { var health: [ProviderHealth] }
