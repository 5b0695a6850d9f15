public import BitcoinPrimitives
import SV2Codec
public import SV2Messages

/// What a template says about the next block, but for its tip and its transactions: NewTemplate with its fields
/// checked. Source: SV2 section 7.2, sv2-notes §6, §7.
public struct DistributedTemplate: Hashable, Sendable {
    /// Height of the block, as `coinbasePrefix` pushes it (BIP 34).
    public let height: UInt32
    /// Of the header.
    public let version: UInt32
    public let coinbaseTxVersion: UInt32
    /// What the scriptSig begins with; at most 98 bytes, so that an extranonce finds room.
    public let coinbasePrefix: [UInt8]
    public let coinbaseTxInputSequence: UInt32
    /// What the client's own outputs may pay together.
    public let coinbaseTxValueRemaining: Satoshis
    /// Outputs that must be there, behind the client's, in this order.
    public let coinbaseTxOutputs: [TransactionOutput]
    public let coinbaseTxLocktime: UInt32
    /// Siblings of the coinbase, leaf level first.
    public let merklePath: [Hash256]

    /// The longest `coinbasePrefix`: a scriptSig has at most 100 bytes. The specification says 8.
    public static let maximumPrefix = 98
    /// The longest merkle path a block can have: a transaction weighs at least 240 units, so there are fewer
    /// than 2^15.
    public static let maximumPath = 15

    /// Traps on what a provider of our own must not offer: an impossible prefix or too much money.
    public init(
        version: UInt32, coinbaseTxVersion: UInt32, coinbasePrefix: [UInt8], coinbaseTxInputSequence: UInt32,
        coinbaseTxValueRemaining: Satoshis, coinbaseTxOutputs: [TransactionOutput],
        coinbaseTxLocktime: UInt32, merklePath: [Hash256]
    ) {
        guard let height = blockHeight(pushedBy: coinbasePrefix), coinbasePrefix.count <= Self.maximumPrefix
        else { preconditionFailure("a coinbase begins with its height") }
        precondition(merklePath.count <= Self.maximumPath, "no block has so many transactions")
        precondition(coinbaseTxValueRemaining <= .max, "there is not so much money")
        self.height = height
        self.version = version
        self.coinbaseTxVersion = coinbaseTxVersion
        self.coinbasePrefix = coinbasePrefix
        self.coinbaseTxInputSequence = coinbaseTxInputSequence
        self.coinbaseTxValueRemaining = coinbaseTxValueRemaining
        self.coinbaseTxOutputs = coinbaseTxOutputs
        self.coinbaseTxLocktime = coinbaseTxLocktime
        self.merklePath = merklePath
    }

    /// Reads what a provider sent. What no block can have is refused here, so that nobody mines it.
    public init(_ message: NewTemplate) throws(TemplateDefect) {
        guard message.coinbasePrefix.count <= Self.maximumPrefix else {
            throw .prefixTooLong(message.coinbasePrefix.count)
        }
        guard let height = blockHeight(pushedBy: message.coinbasePrefix) else { throw .noHeight }
        let value = Satoshis(rawValue: message.coinbaseTxValueRemaining)
        guard value <= .max else { throw .tooMuchMoney(message.coinbaseTxValueRemaining) }
        guard message.merklePath.count <= Self.maximumPath else {
            throw .pathTooLong(message.merklePath.count)
        }
        let lockTime = message.coinbaseTxLocktime
        // Median time past is unknown here; a lock by time is the provider's to get right.
        guard
            lockTime >= LockTime.firstTime || message.coinbaseTxInputSequence == .max || lockTime < height
        else { throw .lockedUntil(lockTime) }
        // NewTemplate has its count in a field of its own, other messages have it in front of the outputs.
        var listed = [UInt8]()
        listed.appendCompactSize(Int(message.coinbaseTxOutputsCount))
        do throws(ParsingFault) {
            coinbaseTxOutputs = try TransactionOutput.list(wireBytes: listed + message.coinbaseTxOutputs)
        } catch {
            throw .outputs(error)
        }
        self.height = height
        version = message.version
        coinbaseTxVersion = message.coinbaseTxVersion
        coinbasePrefix = message.coinbasePrefix
        coinbaseTxInputSequence = message.coinbaseTxInputSequence
        coinbaseTxValueRemaining = value
        coinbaseTxLocktime = lockTime
        merklePath = message.merklePath.map { Hash256(wire: $0) }
    }

    public func newTemplate(templateId: UInt64, future: Bool) -> NewTemplate {
        NewTemplate(
            templateId: templateId, futureTemplate: future, version: version,
            coinbaseTxVersion: coinbaseTxVersion, coinbasePrefix: coinbasePrefix,
            coinbaseTxInputSequence: coinbaseTxInputSequence,
            coinbaseTxValueRemaining: coinbaseTxValueRemaining.rawValue,
            coinbaseTxOutputsCount: UInt32(coinbaseTxOutputs.count),
            coinbaseTxOutputs: coinbaseTxOutputs.flatMap(\.wireBytes), coinbaseTxLocktime: coinbaseTxLocktime,
            merklePath: merklePath.map(\.onWire))
    }

    /// The coinbase of a job: our outputs, then the template's.
    ///
    /// - Parameters:
    ///   - outputs: our own; their sum may be less than `coinbaseTxValueRemaining`, and what is missing then is
    ///     lost to everybody.
    ///   - tag: follows the height in the scriptSig.
    ///   - extranonceSize: bytes of the hole behind the tag.
    /// - Returns: `nil` when the outputs pay more than there is, or the scriptSig would not have 2 to 100 bytes.
    public func coinbase(paying outputs: [TransactionOutput], tag: [UInt8], extranonceSize: Int)
        -> CoinbaseParts?
    {
        let script = coinbasePrefix + tag
        guard let total = sum(of: outputs), total <= coinbaseTxValueRemaining,
            (2...CoinbaseParts.maximumScriptSize).contains(script.count + extranonceSize)
        else { return nil }
        return CoinbaseParts(
            version: coinbaseTxVersion, scriptPrefix: script, extranonceSize: extranonceSize,
            sequence: coinbaseTxInputSequence, outputs: outputs + coinbaseTxOutputs,
            lockTime: coinbaseTxLocktime)
    }

    /// The witness commitment among the outputs; of several the last one counts (BIP 141).
    var witnessCommitment: [UInt8]? {
        coinbaseTxOutputs.last { WitnessCommitment.isCommitment($0.script) }?.script
    }
}

/// Why a NewTemplate is of no use to anybody.
public enum TemplateDefect: Error, Hashable, Sendable {
    case prefixTooLong(Int)
    /// `coinbase_prefix` does not begin with the shortest push of a height (BIP 34).
    case noHeight
    /// More satoshis than there will ever be.
    case tooMuchMoney(UInt64)
    case pathTooLong(Int)
    /// The coinbase would not be final in its own block: locked until this height.
    case lockedUntil(UInt32)
    /// `coinbase_tx_outputs` are not as many outputs as announced.
    case outputs(ParsingFault)
}

/// What the next block builds on: the template protocol's SetNewPrevHash. Source: SV2 section 7.3.
public struct DistributedTip: Hashable, Sendable {
    public let previousBlock: Hash256
    /// Where header times begin, Unix seconds. Not the minimum of consensus, which this protocol does not give.
    public let headerTimestamp: UInt32
    /// Goes into the header.
    public let bits: CompactTarget
    /// What a hash must meet to be submitted: never easier than `bits` says.
    public let blockTarget: Target

    /// `nil` when `bits` stand for no target.
    public init?(
        previousBlock: Hash256, headerTimestamp: UInt32, bits: CompactTarget, blockTarget: Target
    ) {
        guard let network = bits.target else { return nil }
        self.previousBlock = previousBlock
        self.headerTimestamp = headerTimestamp
        self.bits = bits
        self.blockTarget = min(blockTarget, network)
    }

    init?(_ message: TemplateSetNewPrevHash) {
        self.init(
            previousBlock: Hash256(wire: message.prevHash), headerTimestamp: message.headerTimestamp,
            bits: CompactTarget(bits: message.nBits), blockTarget: Target(wire: message.target))
    }

    func setNewPrevHash(templateId: UInt64) -> TemplateSetNewPrevHash {
        TemplateSetNewPrevHash(
            templateId: templateId, prevHash: previousBlock.onWire, headerTimestamp: headerTimestamp,
            nBits: bits.bits, target: blockTarget.onWire)
    }
}

/// The height that a coinbase's scriptSig begins with (BIP 34); `nil` unless it is pushed in the shortest form.
func blockHeight(pushedBy script: [UInt8]) -> UInt32? {
    guard let opcode = script.first else { return nil }
    let height: UInt64
    switch opcode {
    case 0x00: height = 0
    case 0x51...0x60: height = UInt64(opcode) - 0x50
    case 1...5:
        guard script.count > Int(opcode) else { return nil }
        height = script[1...Int(opcode)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    default: return nil
    }
    guard let value = UInt32(exactly: height), script.starts(with: Script.heightPush(value)) else {
        return nil
    }
    return value
}

/// `nil` when the sum is more money than there is.
func sum(of outputs: [TransactionOutput]) -> Satoshis? {
    var total: UInt64 = 0
    for output in outputs {
        guard output.value <= .max else { return nil }
        total += output.value.rawValue  // both are at most 2.1e15 here
        guard total <= Satoshis.max.rawValue else { return nil }
    }
    return Satoshis(rawValue: total)
}
