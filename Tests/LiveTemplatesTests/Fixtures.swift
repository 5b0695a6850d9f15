import BitcoinPrimitives
import NodeRPC
import TemplateBuilding
import Testing
import Units

@testable import LiveTemplates

let anyoneCanSpend = Script.payToWitnessScriptHash(Script.opTrue)

let plan = CoinbasePlan(
    payouts: [TransactionOutput(value: .zero, script: anyoneCanSpend)], tag: Array("/Adit/".utf8),
    extranonceSize: 16)

/// Milliseconds.
func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

func block(_ letter: String) -> Hash256 { Hash256(hashing: Array("block \(letter)".utf8)) }

/// A tip of that name, some seconds after the clock's start.
func tip(_ letter: String, height: UInt32 = 200, seconds: UInt32 = 0) -> NextBlock {
    NextBlock(
        previousBlock: block(letter), height: height, version: 0x2000_0000,
        bits: CompactTarget(bits: 0x207f_ffff), blockTarget: Target(leadingZeroBits: 1),
        minimumTime: 1_600_000_001, currentTime: 1_600_000_100 + seconds,
        subsidy: Satoshis(rawValue: 2_500_000_000))
}

/// A whole transaction whose bytes, ids and weight agree, and which spends the first outputs of its parents.
func entry(
    _ number: Int, fee: UInt64, parents: [MempoolEntry] = [], padding: Int = 100, lockTime: UInt32 = 0,
    sigopCost: Int = 0
) -> MempoolEntry {
    var seed = [UInt8]()
    seed.appendLittleEndian(UInt32(number))
    let sources = parents.isEmpty ? [Txid(Hash256(hashing: seed))] : parents.map(\.txid)
    let inputs = sources.map { source in
        TransactionInput(
            previousOutput: OutPoint(txid: source, index: UInt32(number)), scriptSig: [],
            sequence: 0xffff_fffd)
    }
    let output = TransactionOutput(value: .zero, script: [UInt8](repeating: 0x51, count: padding))
    let transaction = Transaction(version: 2, inputs: inputs, outputs: [output], lockTime: lockTime)
    return MempoolEntry(
        txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: sigopCost,
        fee: Satoshis(rawValue: fee), parents: parents.map(\.txid), wireBytes: transaction.wireBytes)
}

func own(_ next: NextBlock, _ entries: [MempoolEntry], fees: UInt64? = nil) -> NodeChange {
    let figures = TemplateFigures(
        transactions: entries.count,
        fees: Satoshis(rawValue: fees ?? entries.reduce(0) { $0 + $1.fee.rawValue }),
        weight: entries.reduce(.zero) { $0 + $1.weight })
    return .ownTemplate(OwnTemplate(next: next, figures: figures, txids: entries.map(\.txid)))
}

func mempool(
    _ letter: String?, mined: [MempoolEntry] = [], dropped: [MempoolEntry] = [], added: [MempoolEntry] = []
) -> NodeChange {
    .mempool(
        MempoolChange(mined: mined.map(\.txid), dropped: dropped.map(\.txid), added: added),
        tip: letter.map(block))
}

/// What a maker did, sorted.
struct Deeds {
    var offers: [TemplateOffer] = []
    var faults: [TemplateFault] = []
    var costs: [PolicyCost] = []
    var warnings: [TemplateWarning] = []
    var wake: Instant?

    mutating func add(_ actions: [TemplateMaker.Action]) {
        for action in actions {
            switch action {
            case .publish(let offer): offers.append(offer)
            case .failed(let fault): faults.append(fault)
            case .policyCost(let cost): costs.append(cost)
            case .warn(let warning): warnings.append(warning)
            case .wake(let instant): wake = instant
            }
        }
    }
}

/// A maker with its timer.
struct Bench {
    var maker: TemplateMaker
    var wake: Instant?

    init(_ settings: TemplateMaker.Settings = .init(), plan: CoinbasePlan? = plan) {
        maker = TemplateMaker(settings)
        if let plan { self(.plan(plan)) }
    }

    /// - Parameter time: milliseconds.
    @discardableResult
    mutating func callAsFunction(_ event: TemplateMaker.Event, _ time: Int64 = 0) -> Deeds {
        var deeds = Deeds()
        deeds.add(maker.handle(event, at: at(time)))
        if let wake = deeds.wake { self.wake = wake }
        return deeds
    }

    @discardableResult
    mutating func callAsFunction(_ changes: [NodeChange], _ time: Int64 = 0) -> Deeds {
        var deeds = Deeds()
        for change in changes { deeds.add(maker.handle(.news(change), at: at(time))) }
        if let wake = deeds.wake { self.wake = wake }
        return deeds
    }

    /// Lets the timer ring whenever it is due up to that time.
    mutating func wait(until time: Int64) -> Deeds {
        var deeds = Deeds()
        while let due = wake, due <= at(time) {
            wake = nil
            let actions = maker.handle(.woke, at: due)
            var rung = Deeds()
            rung.add(actions)
            wake = rung.wake
            deeds.add(actions)
        }
        return deeds
    }
}

extension TemplateOffer {
    var txids: [Txid] { proposal.transactions.map(\.txid) }
    var fees: UInt64 { proposal.fees.rawValue }
}

/// SplitMix64, so that a failing seed can be named.
struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
