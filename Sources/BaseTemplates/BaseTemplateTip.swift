public import BitcoinPrimitives
import SV2Codec

/// What is wrong with a tip.
public enum TipFault: Error, Hashable, Sendable {
    /// No header of that version is valid any more.
    case version(UInt32)
    case height(UInt32)
    /// No target, by consensus.
    case bits(UInt32)
    /// Easier than `bits`, so that what meets it is no block.
    case target(bits: UInt32)
    /// The header's time would be before the earliest that is allowed.
    case times(minimum: UInt32, header: UInt32)
    /// More than two hours ahead of our clock, which is wrong, or theirs is.
    case ahead(of: UInt32, time: UInt32)
    /// - Parameter most: what the height allows.
    case subsidy(UInt64, most: UInt64)
    /// Does not begin with the height, or leaves no room for an extranonce.
    case prefix([UInt8], height: UInt32)
    /// The same block before, and another height or earliest time.
    case sameTipDiffers(height: UInt32, was: UInt32, minimum: UInt32, minimumWas: UInt32)
    /// Another block before, too far from the last one.
    case heightJump(from: UInt32, to: UInt32)
}

/// A tip as it is on the wire, checked as far as one can without a node.
public struct BaseTemplateTip: Hashable, Sendable {
    /// Blocks that a chain may grow or shrink by between two tips: a day's worth.
    static let greatestJump: UInt32 = 144
    static let maximumPrefix = 64
    /// What consensus allows header times to be ahead, in seconds.
    static let greatestLead: UInt32 = 7_200

    public var next: NextBlock
    /// Begins with the height (BIP 34).
    public var coinbasePrefix: [UInt8]

    public init(_ next: NextBlock, coinbasePrefix: [UInt8]? = nil) {
        self.next = next
        self.coinbasePrefix = coinbasePrefix ?? Script.heightPush(next.height)
    }

    /// - Parameters:
    ///   - unixTime: our clock.
    ///   - schedule: the network's, where it is known; otherwise no block has more than 50 bitcoins of new coins.
    init(
        _ fields: TipFields, unixTime: UInt32, schedule: SubsidySchedule?
    ) throws(TipFault) {
        let bits = CompactTarget(bits: fields.nbits)
        guard Int32(bitPattern: fields.version) >= 4 else { throw .version(fields.version) }
        guard fields.height > 0, fields.height < 1 << 31 else { throw .height(fields.height) }
        guard let most = bits.target else { throw .bits(fields.nbits) }
        guard let target = Target(wireBytes: fields.target.wireBytes), target <= most,
            let previous = Hash256(wireBytes: fields.prevHash.wireBytes)
        else { throw .target(bits: fields.nbits) }
        guard fields.minNtime <= fields.headerTimestamp else {
            throw .times(minimum: fields.minNtime, header: fields.headerTimestamp)
        }
        try BaseTemplateTip.check(time: fields.headerTimestamp, unixTime: unixTime)
        let coins = schedule.map { $0.subsidy(at: fields.height).rawValue } ?? 5_000_000_000
        guard fields.subsidy <= coins, schedule == nil || fields.subsidy == coins else {
            throw .subsidy(fields.subsidy, most: coins)
        }
        guard fields.coinbasePrefix.starts(with: Script.heightPush(fields.height)),
            fields.coinbasePrefix.count <= BaseTemplateTip.maximumPrefix
        else { throw .prefix(fields.coinbasePrefix, height: fields.height) }
        next = NextBlock(
            previousBlock: previous, height: fields.height, version: fields.version, bits: bits,
            blockTarget: target, minimumTime: fields.minNtime, currentTime: fields.headerTimestamp,
            subsidy: Satoshis(rawValue: fields.subsidy))
        coinbasePrefix = fields.coinbasePrefix
    }

    static func check(time: UInt32, unixTime: UInt32) throws(TipFault) {
        let (latest, overflow) = unixTime.addingReportingOverflow(greatestLead)
        guard overflow || time <= latest else { throw .ahead(of: unixTime, time: time) }
    }

    /// Whether this can come after `last`.
    func follows(_ last: BaseTemplateTip) throws(TipFault) {
        let (new, old) = (next, last.next)
        if new.previousBlock == old.previousBlock {
            guard new.height == old.height, new.minimumTime == old.minimumTime else {
                throw .sameTipDiffers(
                    height: new.height, was: old.height, minimum: new.minimumTime,
                    minimumWas: old.minimumTime)
            }
        } else {
            let distance = new.height > old.height ? new.height - old.height : old.height - new.height
            guard distance <= BaseTemplateTip.greatestJump else {
                throw .heightJump(from: old.height, to: new.height)
            }
        }
    }

    var fields: TipFields {
        var fields = TipFields()
        fields.prevHash = U256(wireBytes: next.previousBlock.wireBytes) ?? .zero
        fields.height = next.height
        fields.version = next.version
        fields.nbits = next.bits.bits
        fields.target = U256(wireBytes: next.blockTarget.wireBytes) ?? .zero
        fields.minNtime = next.minimumTime
        fields.headerTimestamp = max(next.currentTime, next.minimumTime)
        fields.subsidy = next.subsidy.rawValue
        fields.coinbasePrefix = coinbasePrefix
        return fields
    }
}
