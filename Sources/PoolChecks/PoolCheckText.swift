import BitcoinPrimitives
import SV2Roles

/// Sentences and numbers of a visit.
enum PoolCheckText {
    /// Why a Stratum V2 pool does not want this miner, and what to do.
    static func sentence(_ fault: MiningClientFault, user: String) -> String {
        switch fault {
        case .deadline(.setup): "the pool took the connection, and then did not answer our first message"
        case .deadline(.openChannel): "the pool did not answer when it was asked for a channel"
        case .deadline(.customJob): "the pool did not answer a job of ours"
        case .setupRefused(let flags, let code):
            "the pool refused to set up mining: \(code)"
                + (flags == 0 ? "" : " (flags it does not support: \(binary(flags)))")
                + "; is this its port for miners?"
        case .version(let version): "the pool answered with version \(version), which we did not offer"
        case .versionRollingRefused: "the pool lets no version bits be rolled, and these chips need that"
        case .extendedChannelsRequired: "the pool has no standard channels"
        case .extensionsRequired(let extensions):
            "the pool insists on extensions that are not spoken here: "
                + extensions.map { "0x" + hexadecimal($0) }.joined(separator: ", ")
        case .channelRefused(let code):
            "the pool refused user '\(user)' a channel: \(code); give the user that the pool knows with --user"
        case .extranonceTooShort(let granted, let wanted):
            "the pool gives \(granted) bytes of extranonce, and \(wanted) are needed"
        case .extranonceTooLong(let count):
            "the pool gives \(count) bytes of extranonce, more than the 32 there may be"
        case .channelIdUsedTwice(let id): "the pool gave two channels the id \(id)"
        case .channelClosed(let code): "the pool closed the channel at once: \(code)"
        case .unknownJob(let id): "the pool put a job on a new block, id \(id), that it had not sent"
        case .jobIdUsedTwice(let id): "the pool gave two jobs the id \(id)"
        case .jobWithoutCoinbase(let id): "the parts of job \(id) are no coinbase transaction"
        case .bits(let bits): "the pool's bits 0x\(String(bits, radix: 16)) stand for no target"
        }
    }

    /// The height that a pool's coinbase begins with (BIP 34), when it does.
    static func height(of job: PoolJob) -> UInt32? {
        guard case .coinbase(let prefix, _, _) = job.work else { return nil }
        return height(ofCoinbase: prefix)
    }

    /// - Parameter coinbase: its first bytes without BIP 141 parts: version, one input of 36 bytes, length, script.
    static func height(ofCoinbase coinbase: [UInt8]) -> UInt32? {
        guard coinbase.count > 43 else { return nil }
        let push = coinbase[42]
        if (0x51...0x60).contains(push) { return UInt32(push - 0x50) }
        guard (1...4).contains(push), coinbase.count >= 43 + Int(push) else { return nil }
        return coinbase[43..<43 + Int(push)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Three digits that count, and the field's letter for thousands.
    static func short(_ value: Double) -> String {
        guard value.isFinite, value > 0 else { return "\(value)" }
        let letters = ["", "k", "M", "G", "T", "P", "E"]
        var (value, letter) = (value, 0)
        while value >= 1_000, letter < letters.count - 1 { (value, letter) = (value / 1_000, letter + 1) }
        var scale = 1.0
        while value * scale < 100 { scale *= 10 }
        let rounded = (value * scale).rounded() / scale
        return (rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)") + letters[letter]
    }

    private static func binary(_ flags: UInt32) -> String {
        (0..<32).filter { flags >> $0 & 1 == 1 }.map { "bit \($0)" }.joined(separator: ", ")
    }

    private static func hexadecimal(_ value: UInt16) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}
