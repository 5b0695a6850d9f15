import BitcoinPrimitives
import Payouts
import PolicyFiles
public import TemplateBuilding
public import TemplatePolicies

/// What a request asks for, apart from the source: whom to pay, and by which rules.
public struct TemplateWishes: Sendable {
    public let plan: CoinbasePlan
    public let rules: PolicyRules?
    /// Whether somebody is paid; otherwise the plan has the size of a P2TR output.
    public let isPaid: Bool
    /// For the terminal: what is paid.
    public let payoutLine: String?

    public init(_ request: TemplateRequest) throws(TemplateCommandFault) {
        let payout: RequestedRoom.Payout
        if let text = request.payout {
            let index = PayoutIndex(try RequestedRoom.descriptor(text, request.network))
            payout = .given(index)
            payoutLine = PayoutWords.line(index)
        } else {
            payout = request.network == .regtest ? .anyone : .nobody
            payoutLine = nil
        }
        isPaid = payout != .nobody
        plan = try RequestedRoom.plan(paying: payout)
        guard let file = request.policy else {
            rules = nil
            return
        }
        do throws(PolicyFileFault) {
            rules = try PolicyFile.rules(file: file, network: request.network)
        } catch {
            throw .policy(error)
        }
    }
}
