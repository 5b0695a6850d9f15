import SV2Messages
import SV2Noise
import Transports

// What each role may be sent. Source: sv2-notes §15, and the fields of the messages. Both ends of a protocol are bounded
// by direction: a message that only the other side sends has the usual limit.

extension SV2LinkOptions {
    /// A miner at its pool: jobs with their merkle path and coinbase.
    public static var miningClient: SV2LinkOptions { SV2LinkOptions(payloadLimits: PayloadLimits(128 << 10)) }

    /// A pool: a custom job carries a coinbase, everything else is small. A connection that says nothing for an hour
    /// has neither shares nor work to choose.
    public static var miningServer: SV2LinkOptions {
        var options = SV2LinkOptions(
            payloadLimits: PayloadLimits(4 << 10, exceptions: [SetCustomMiningJob.kind.msgType: 128 << 10]))
        options.patience.silence = .seconds(3_600)
        return options
    }

    /// A miner at its job declarator. It sends up to a block's transactions; it is sent coinbase outputs (at most
    /// 65,535 bytes) and lists of positions (at most twice as many).
    public static var declarationClient: SV2LinkOptions {
        var options = SV2LinkOptions(payloadLimits: PayloadLimits(192 << 10))
        options.queueBytes = 32 << 20
        return options
    }

    /// A job declarator: ids of a block's transactions, or those of them that it does not know.
    public static var declarationServer: SV2LinkOptions {
        SV2LinkOptions(
            payloadLimits: PayloadLimits(
                4 << 10,
                exceptions: [
                    DeclareMiningJob.kind.msgType: 2_306_867,
                    ProvideMissingTransactionsSuccess.kind.msgType: PayloadLimits.greatest,
                ]))
    }

    /// Whoever takes templates of a provider: a block's transactions when they are asked for.
    public static var templateClient: SV2LinkOptions {
        SV2LinkOptions(
            payloadLimits: PayloadLimits(
                128 << 10,
                exceptions: [RequestTransactionDataSuccess.kind.msgType: PayloadLimits.greatest]))
    }

    /// A template provider: a solution carries a coinbase transaction.
    public static var templateServer: SV2LinkOptions {
        var options = SV2LinkOptions(
            payloadLimits: PayloadLimits(4 << 10, exceptions: [SubmitSolution.kind.msgType: 128 << 10]))
        options.queueBytes = 32 << 20
        return options
    }
}
