public import BitcoinPrimitives
public import SV2Roles

/// Names a template for as long as this process runs. Providers count from 1 again on each connection that they forget
/// (sv2-notes §7.1), so their number alone names nothing.
public struct ProviderTemplateID: Hashable, Sendable {
    /// Counts the follower's attempts to connect, from 1.
    public let connection: UInt64
    /// The provider's number.
    public let templateId: UInt64

    public init(connection: UInt64, templateId: UInt64) {
        self.connection = connection
        self.templateId = templateId
    }
}

/// What a provider says of the next block, but for its transactions: enough to hash.
public struct ProviderOffer: Hashable, Sendable {
    public let id: ProviderTemplateID
    public let template: DistributedTemplate
    public let tip: DistributedTip

    public init(id: ProviderTemplateID, template: DistributedTemplate, tip: DistributedTip) {
        self.id = id
        self.template = template
        self.tip = tip
    }

    /// The block to be built, as far as this protocol tells.
    ///
    /// It does not tell the earliest time that consensus allows: where header times begin stands in its place, which
    /// is never too early (sv2-notes §7.1). Nor the subsidy: that follows from the chain's schedule.
    public func nextBlock(subsidy: Satoshis) -> NextBlock {
        NextBlock(
            previousBlock: tip.previousBlock, height: template.height, version: template.version,
            bits: tip.bits, blockTarget: tip.blockTarget, minimumTime: tip.headerTimestamp,
            currentTime: tip.headerTimestamp, subsidy: subsidy)
    }
}
