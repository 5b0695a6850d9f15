import BaseTemplates
import BitcoinPrimitives

extension HouseConfiguration {
    /// Bytes and sigop cost that a client may add to a coinbase.
    private static let additionalSize: UInt32 = 4_000
    private static let additionalSigops: UInt16 = 400

    /// What the core checks of coinbases, in the words of the extension.
    var coinbaseRules: CoinbaseRules {
        CoinbaseRules(
            demands: [.init(value: .zero, share: payoutShare, script: payoutScript)],
            maximumAdditionalSize: Self.additionalSize, maximumAdditionalSigops: Self.additionalSigops)
    }
}
