import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Roles
import TemplateBuilding
import Units

/// One way to earn in the demo.
public enum DemoRung: String, CaseIterable, Sendable {
    case full
    case coinbaseOnly = "coinbase-only"
    case light
    case poolJob = "pool-job"
    case solo

    public static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

    static func word(_ kind: RungKind) -> String {
        allCases.first { $0.kind == kind }?.rawValue ?? "another pool's job"
    }

    var kind: RungKind {
        switch self {
        case .full: .fullTemplate
        case .coinbaseOnly: .coinbaseOnly
        case .light: .light
        case .poolJob: .poolJob
        case .solo: .solo
        }
    }
}

extension DemoParts {
    /// What every coinbase of ours says about its maker, between the height and the extranonce.
    static let tag = Array("/adit/".utf8)

    /// The demo pays everybody with a script that anyone can spend, as all coins of this chain.
    static let payoutScript = Script.payToWitnessScriptHash(Script.opTrue)

    /// The ladder of the demo's miner, and where each rung's links lead.
    func ladder(_ pool: PoolAddress) -> (configuration: LadderConfiguration, endpoints: [RungEndpoint]) {
        let rungs = options.rungs.enumerated().map { index, rung in configuration(of: rung, index, pool) }
        return (
            LadderConfiguration(rungs: rungs, tag: Self.tag),
            options.rungs.map { $0 == .solo ? .none : .pool(pool) }
        )
    }

    private func configuration(of rung: DemoRung, _ index: Int, _ pool: PoolAddress) -> RungConfiguration {
        var upstream = upstream(index, pool)
        switch rung {
        case .full: return .composed(upstream)
        case .coinbaseOnly:
            upstream.mode = .coinbaseOnly
            return .composed(upstream)
        case .light:
            upstream.mode = .light
            return .composed(upstream)
        case .poolJob:
            var rules = AuditRules(level: .feeLimit)
            rules.payoutScripts = [Self.payoutScript]
            rules.leastShare = AuditRules.whole
            return .poolJob(GivenConfiguration(upstream: upstream, rules: rules))
        case .solo:
            let own = TransactionOutput(value: .zero, script: Self.payoutScript)
            return .solo(SoloConfiguration(index: index), reward: .pool([own]))
        }
    }

    private func upstream(_ index: Int, _ pool: PoolAddress) -> UpstreamConfiguration {
        func identity(_ port: Int) -> ClientIdentity {
            ClientIdentity(
                endpointHost: "127.0.0.1", endpointPort: UInt16(clamping: port), vendor: "Adit",
                hardwareVersion: "emulated", firmware: "demo")
        }
        var configuration = UpstreamConfiguration(
            index: index, miningIdentity: identity(pool.miningPort),
            declarationIdentity: identity(pool.declarationPort), userIdentity: "demo",
            nominalHashRate: HashRate(hashesPerSecond: Self.expectedRate(options.boards)),
            minimumExtranonceSize: 8, seed: options.seed &+ UInt64(index))
        configuration.reconnect.cap = .seconds(5)
        return configuration
    }
}
