import BitcoinPrimitives
import NIOCore
import NIOSupport
import NodeRPC
import NodeSupport
import Testing

@testable import NodeConnections

/// Publications of a node on a real socket, some of which nobody hears.
@Suite(.serialized) struct GapTests {
    /// What is fetched without publications is only looked for after an hour.
    private static var patient: NodeFollower.Configuration {
        var configuration = NodeFollower.Configuration()
        (configuration.poll, configuration.silence, configuration.audit) = (
            .seconds(3_600), .seconds(3_600), .seconds(3_600)
        )
        return configuration
    }

    /// Transactions that spend coins of the chain.
    private static func transactions(_ count: Int) -> [MempoolEntry] {
        (0..<count).map { number in
            let script = Script.payToWitnessScriptHash(Script.opTrue)
            let coin = OutPoint(txid: Txid(Hash256(hashing: [UInt8(number)])), index: 0)
            let transaction = Transaction(
                version: 2,
                inputs: [
                    TransactionInput(
                        previousOutput: coin, scriptSig: [], sequence: 0, witness: [Script.opTrue])
                ],
                outputs: [TransactionOutput(value: Satoshis(rawValue: 1_000), script: script)], lockTime: 0)
            return MempoolEntry(
                txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: 0,
                fee: Satoshis(rawValue: 500), parents: [], wireBytes: transaction.wireBytes)
        }
    }

    private static let tip = NextBlock(
        previousBlock: Hash256(hashing: [1]), height: 10, version: 0x2000_0000,
        bits: CompactTarget(bits: 0x207f_ffff), blockTarget: .max, minimumTime: 1, currentTime: 2,
        subsidy: SubsidySchedule.regtest.subsidy(at: 10))

    private static func added(_ entry: MempoolEntry, _ number: UInt64) -> [UInt8] {
        entry.txid.hash.wireBytes.reversed() + [0x41] + withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    @Test func `a message of the sequence that is lost is missed at the next one, and made up for`()
        async throws
    {
        let publisher = try Publisher()
        let all = Self.transactions(3)
        let node = Guarded(MempoolNode(entries: [], template: [], next: Self.tip))
        node.with { $0.publishers = [("pubsequence", publisher.address)] }
        try await withLoop { loop in
            let server = try await NodeServer.start(on: loop) { _, body in node.with { $0.reply(to: body) } }
            let endpoint = NodeEndpoint(
                host: "127.0.0.1", port: server.port, credentials: .password(user: "u", password: "p"))
            let service = LiveNodeService(endpoint, configuration: Self.patient, on: loop)
            let changes = Recorder<MempoolChange>()
            try await loop.submit {
                service.start(
                    onChange: { if case .mempool(let change, _) = $0 { changes.append(change) } },
                    onHealth: { _ in })
            }.get()
            func arrived() -> [Txid] { changes.all.flatMap(\.added).map(\.txid) }
            try await eventually {
                let isSettled = try await loop.submit { service.health == .following }.get()
                return isSettled && publisher.isHeard("sequence")
            }
            func enter(_ index: Int, isHeard: Bool) {
                let number = node.with { node in
                    node.entries.append(all[index])
                    node.number += 1
                    return node.number - 1
                }
                if isHeard {
                    publisher.publish("sequence", Self.added(all[index], number))
                } else {
                    publisher.lose("sequence")
                }
            }
            enter(0, isHeard: true)
            try await eventually { arrived() == [all[0].txid] }
            enter(1, isHeard: false)
            enter(2, isHeard: true)
            try await eventually { Set(arrived()) == Set(all.map(\.txid)) }
            #expect(arrived().count == 3, "each once")
            #expect(node.with { $0.fetched } == 3)
            try await loop.submit { service.stop() }.get()
            try await server.stop()
        }
    }
}
