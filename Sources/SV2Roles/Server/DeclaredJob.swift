import BitcoinPrimitives

/// All of a block but what a miner rolls.
struct BlockBody: Sendable {
    /// Coinbase in BIP 141 form, before and after the extranonce.
    let coinbasePrefix: [UInt8]
    let coinbaseSuffix: [UInt8]
    /// With witness, in block order, without the coinbase.
    let transactions: [[UInt8]]

    func blockBytes(header: Header, extranonce: [UInt8]) -> [UInt8] {
        var bytes = header.wireBytes
        bytes.reserveCapacity(transactions.reduce(1000) { $0 + $1.count })
        bytes.appendCompactSize(transactions.count + 1)
        bytes += coinbasePrefix
        bytes += extranonce
        bytes += coinbaseSuffix
        for transaction in transactions { bytes += transaction }
        return bytes
    }
}

/// A declaration that passed every check at one tip.
struct DeclaredJob: Sendable {
    let version: UInt32
    let previousBlock: Hash256
    let height: UInt32
    let bits: CompactTarget
    let minimumTime: UInt32
    /// What a pushed solution must meet: the node's wish when the declaration was taken up.
    let blockTarget: Target
    let coinbase: CoinbaseParts
    /// Leaf level first.
    let merklePath: [Hash256]
    let body: BlockBody

    func header(extranonce: [UInt8], version: UInt32, time: UInt32, nonce: UInt32) -> Header {
        let root = CoinbaseParts.merkleRoot(
            strippedPrefix: coinbase.strippedPrefix, extranonce: extranonce,
            strippedSuffix: coinbase.strippedSuffix, path: merklePath)
        return Header(
            version: version, previousBlock: previousBlock, merkleRoot: root, time: time, bits: bits,
            nonce: nonce)
    }

    /// What the node is asked about: everything as it will be, but for the extranonce and the proof of work.
    func proposal(time: UInt32) -> [UInt8] {
        let extranonce = [UInt8](repeating: 0, count: coinbase.extranonceSize)
        return body.blockBytes(
            header: header(extranonce: extranonce, version: version, time: time, nonce: 0),
            extranonce: extranonce)
    }
}

/// The rules for version and time that shares and pushed solutions have in common. Source: sv2-notes §5.5.
enum RollingRules {
    /// BIP 323: bits 5 to 28.
    static let versionMask: UInt32 = 0x1fff_ffe0
    /// How far a header's time may be ahead of the clock, as for nodes.
    static let maximumTimeAhead: UInt32 = 7_200

    static func allowsVersion(_ version: UInt32, from base: UInt32) -> Bool {
        (version ^ base) & ~versionMask == 0
    }

    /// - Parameter clock: seconds since 1970; a clock behind the chain counts as being with it.
    static func allowsTime(_ time: UInt32, minimum: UInt32, clock: UInt32) -> Bool {
        let (latest, overflow) = max(minimum, clock).addingReportingOverflow(maximumTimeAhead)
        return time >= minimum && (overflow || time <= latest)
    }
}
