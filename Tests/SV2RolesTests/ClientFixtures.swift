import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import Units

/// What the client tests have in common; names begin with `Client` because the server's tests live beside
/// them.
enum ClientFixture {
    static let start = Instant(nanoseconds: 1_000_000_000)
    static let identity = ClientIdentity(
        endpointHost: "pool.example", endpointPort: 3333, vendor: "Adit", hardwareVersion: "",
        firmware: "adit/1")

    static var miningConfiguration: MiningClient.Configuration {
        MiningClient.Configuration(
            identity: identity, userIdentity: "miner", nominalHashRate: HashRate(hashesPerSecond: 1e12),
            minimumExtranonceSize: 8)
    }

    static var declarationConfiguration: JobDeclarationClient.Configuration {
        JobDeclarationClient.Configuration(identity: identity, userIdentifier: "miner")
    }

    static let payout = TransactionOutput(value: .zero, script: [0x51])

    /// A job with `count` transactions of one byte each, 0, 1, 2 …
    static func job(transactions count: UInt8 = 3, payoutScript: [UInt8] = [0x51]) -> ComposedJob {
        let entries = (0..<count).map {
            ComposedJob.Entry(wtxid: Wtxid(Hash256(hashing: [$0])), wireBytes: [$0])
        }
        let coinbase = CoinbaseParts(
            version: 2, scriptPrefix: [0x01, 0x65, 0x0c], extranonceSize: 12, sequence: 0xffff_fffe,
            outputs: [TransactionOutput(value: Satoshis(rawValue: 5_000), script: payoutScript)],
            lockTime: 100)
        return ComposedJob(
            version: 0x2000_0000, previousBlock: Hash256(hashing: [1]), minimumTime: 1_700_000_000,
            bits: CompactTarget(bits: 0x207f_ffff), coinbase: coinbase, merklePath: [Hash256(hashing: [2])],
            transactions: entries)
    }

    static func header(nonce: UInt32) -> Header {
        Header(
            version: 0x2000_2000, previousBlock: Hash256(hashing: [1]), merkleRoot: .zero,
            time: 1_700_000_001,
            bits: CompactTarget(bits: 0x207f_ffff), nonce: nonce)
    }

    static func target(_ leadingZeroBits: Int) -> U256 {
        U256(wireBytes: Target(leadingZeroBits: leadingZeroBits).wireBytes) ?? .zero
    }

    static let channelOpened = MiningMessage.openExtendedMiningChannelSuccess(
        OpenExtendedMiningChannelSuccess(
            requestId: 1, channelId: 7, target: target(10), extranonceSize: 8,
            extranoncePrefix: [1, 2, 3, 4],
            groupChannelId: 5))

    /// A mining client whose channel 7 (group 5) is open.
    static func openClient() -> MiningClient {
        var client = MiningClient(miningConfiguration)
        _ = client.handle(.connected, at: start)
        _ = client.handle(.received(setupSuccess(flags: 0)), at: start)
        _ = client.handle(.received(channelOpened), at: start)
        return client
    }

    static func setupSuccess(flags: UInt32, version: UInt16 = 2) -> MiningMessage {
        .common(.setupConnectionSuccess(SetupConnectionSuccess(usedVersion: version, flags: flags)))
    }

    static func token(_ requestId: UInt32, outputs: [TransactionOutput] = [payout]) -> JobDeclarationMessage {
        .allocateMiningJobTokenSuccess(
            AllocateMiningJobTokenSuccess(
                requestId: requestId, miningJobToken: [UInt8(truncatingIfNeeded: requestId)],
                coinbaseTxOutputs: TransactionOutput.wireBytes(of: outputs)))
    }

    /// A job declaration client with both tokens (1 and 2) in stock.
    static func stockedClient() -> JobDeclarationClient {
        var client = JobDeclarationClient(declarationConfiguration)
        _ = client.handle(.connected, at: start)
        _ = client.handle(
            .received(.common(.setupConnectionSuccess(SetupConnectionSuccess(usedVersion: 2, flags: 0)))),
            at: start)
        for requestId in 1...2 as ClosedRange<UInt32> {
            _ = client.handle(.received(token(requestId)), at: start)
        }
        return client
    }
}

extension [MiningClient.Action] {
    /// All but the timers.
    var besidesWakes: Self { filter { if case .wake = $0 { false } else { true } } }
}

extension [JobDeclarationClient.Action] {
    var besidesWakes: Self { filter { if case .wake = $0 { false } else { true } } }
}
