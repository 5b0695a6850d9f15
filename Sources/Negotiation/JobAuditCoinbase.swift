import BitcoinPrimitives
import Scheduling

/// What a job's coinbase says, whatever extranonce is put into it.
struct JobAuditCoinbase: Hashable, Sendable {
    let size: Int
    let scriptSize: Int
    let outputCount: Int
    /// Those that the extranonce does not touch.
    let outputs: [TransactionOutput]
    let extranonceIsOutside: Bool
    /// BIP 34; `nil` when the script does not begin with one.
    let height: UInt32?

    /// `nil` when it is no coinbase transaction in the form that is hashed.
    init?(_ job: Job) {
        let least = [UInt8](repeating: 0, count: job.extranonceSize)
        let most = [UInt8](repeating: 0xff, count: job.extranonceSize)
        guard let coinbase = Self.read(job, least), let other = Self.read(job, most),
            coinbase.outputs.count == other.outputs.count
        else { return nil }
        let script = coinbase.inputs[0].scriptSig
        size = job.coinbasePrefix.count + job.extranoncePrefix.count + least.count + job.coinbaseSuffix.count
        scriptSize = script.count
        outputCount = coinbase.outputs.count
        outputs = zip(coinbase.outputs, other.outputs).filter { $0 == $1 }.map(\.0)
        extranonceIsOutside = outputs.count < outputCount
        let claimed = Self.height(script)
        height = claimed == Self.height(other.inputs[0].scriptSig) ? claimed : nil
    }

    private static func read(_ job: Job, _ rolled: [UInt8]) -> Transaction? {
        let bytes = job.coinbasePrefix + job.extranoncePrefix + rolled + job.coinbaseSuffix
        guard let coinbase = try? Transaction(wireBytes: bytes), coinbase.isCoinbase, !coinbase.hasWitness
        else { return nil }
        return coinbase
    }

    /// The shortest push of a number, as BIP 34 wants it.
    private static func height(_ script: [UInt8]) -> UInt32? {
        guard let first = script.first else { return nil }
        let height: UInt32
        switch first {
        case 0x00: height = 0
        case 0x51...0x60: height = UInt32(first - 0x50)
        case 1...5:
            let number = script.dropFirst().prefix(Int(first)).reversed().reduce(UInt64(0)) {
                $0 << 8 | UInt64($1)
            }
            guard let small = UInt32(exactly: number) else { return nil }
            height = small
        default: return nil
        }
        return script.starts(with: Script.heightPush(height)) ? height : nil
    }
}

/// How the sum of a coinbase's outputs is shared out.
struct JobAuditShares: Hashable, Sendable {
    let total: UInt64
    let expected: UInt64

    /// `nil` when the sum does not fit in 64 bits.
    init?(_ outputs: [TransactionOutput], payoutScripts: Set<[UInt8]>) {
        var (total, expected) = (UInt64(0), UInt64(0))
        for output in outputs {
            let (sum, overflow) = total.addingReportingOverflow(output.value.rawValue)
            guard !overflow else { return nil }
            total = sum
            if payoutScripts.contains(output.script) { expected += output.value.rawValue }
        }
        (self.total, self.expected) = (total, expected)
    }

    /// Millionths of the total, rounded down; the whole of nothing.
    var expectedShare: UInt32 {
        guard total > 0 else { return AuditRules.whole }
        let product = expected.multipliedFullWidth(by: UInt64(AuditRules.whole))
        return UInt32(total.dividingFullWidth(product).quotient)  // expected ≤ total
    }

    /// Millionths of the total, rounded up.
    var otherShare: UInt32 { AuditRules.whole - expectedShare }
}
