import BitcoinPrimitives
import NIOCore
import NIOSupport
import ProviderTemplates
import SV2Codec
import SV2Messages
import SV2Noise
import SV2Roles
import TemplateBuilding
import TemplateProviders
import Testing

private let payout = TransactionOutput(value: .zero, script: [0x00, 0x14] + [UInt8](repeating: 7, count: 20))
private let plan = CoinbasePlan(payouts: [payout], tag: [], extranonceSize: 4)

/// A template on tip `number`, with so many transactions that pay 1,000 each.
private func provided(onTip number: UInt8, transactions count: Int) -> ProvidedTemplate {
    let height = 100 + UInt32(number)
    let next = NextBlock(
        previousBlock: Hash256(hashing: [number]), height: height, version: 0x2000_0000,
        bits: CompactTarget(bits: 0x207f_ffff), blockTarget: .max, minimumTime: 1_700_000_000,
        currentTime: 1_700_000_600, subsidy: SubsidySchedule.regtest.subsidy(at: height))
    let entries = (0..<count).map { index in
        let input = TransactionInput(
            previousOutput: OutPoint(txid: Txid(Hash256(hashing: [number, 1])), index: UInt32(index)),
            scriptSig: [],
            sequence: 0, witness: [[1, 2, 3]])
        let transaction = Transaction(version: 2, inputs: [input], outputs: [payout], lockTime: 0)
        return MempoolEntry(
            txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: 0,
            fee: Satoshis(rawValue: 1_000), parents: [], wireBytes: transaction.wireBytes)
    }
    guard let provided = ProvidedTemplate(next: next, transactions: entries) else {
        preconditionFailure("the easiest bits are bits")
    }
    return provided
}

@Suite(.serialized, .timeLimit(.minutes(3))) struct ProviderTemplateFeedTests {
    @Test func `of two providers the better one is mined, and the other one when it is gone`() async throws {
        try await withLoop { loop in
            let poor = try await ProviderServer.open(provided(onTip: 1, transactions: 2), on: loop)
            let rich = try await ProviderServer.open(provided(onTip: 1, transactions: 40), on: loop)
            let identity = ClientIdentity(
                endpointHost: "127.0.0.1", endpointPort: 0, vendor: "Adit", hardwareVersion: "", firmware: "")
            var configuration = ProviderFollower.Configuration(
                identity: identity, constraints: CoinbaseOutputConstraints(), seed: 1)
            configuration.schedule = .regtest
            let feed = ProviderTemplateFeed(
                [poor, rich].map {
                    TemplateProviderEndpoint(
                        host: "127.0.0.1", port: $0.port, authority: ProviderServer.authority.publicKey)
                }, configuration: configuration, adjust: { $0.changeProof = .milliseconds(200) }, on: loop)
            let offers = Recorder<ProviderProposal>()
            let tips = Recorder<[Int]>()
            let sentences = Recorder<String>()
            try await loop.submit {
                feed.start { news in
                    switch news {
                    case .offer(let offer): offers.append(offer)
                    case .using: break
                    case .tip(let hash, let height, let provider):
                        tips.append([provider, Int(height), hash == Hash256(hashing: [1]) ? 1 : 2])
                    case .health(_, _, let sentence), .setAside(_, _, let sentence),
                        .refused(_, _, _, let sentence):
                        sentences.append(sentence)
                    }
                }
                // Before any template: it is a plan all the same.
                feed.use(plan)
            }.get()
            try await eventually { offers.all.last?.provider == 1 && offers.all.last?.template != nil }
            let offer = offers.all[offers.all.count - 1]
            #expect(offer.proposal.fees == Satoshis(rawValue: 40_000))
            try await eventually { Set(tips.all) == [[0, 100, 1], [1, 100, 1]] }

            // A block of it goes to the provider that it is of.
            let coinbase = offer.proposal.coinbase.transaction(extranonce: [1, 2, 3, 4])
            var header = Header(
                version: offer.proposal.next.version, previousBlock: offer.proposal.next.previousBlock,
                merkleRoot: MerkleTree.root(leaf: coinbase.txid.hash, path: offer.proposal.merklePath),
                time: offer.proposal.next.currentTime, bits: offer.proposal.next.bits, nonce: 0)
            while offer.proposal.next.bits.target?.isMet(by: header.hash) != true { header.nonce += 1 }
            let solution = ProviderSolution(
                id: try #require(offer.template), header: header, coinbaseTx: coinbase.wireBytes)
            let route = try await loop.submit { feed.services[offer.provider].submit(solution) }.get()
            #expect(route == .handedOver)
            try await eventually { rich.published.all.map(\.hash) == [header.hash] }
            #expect(poor.published.all.isEmpty)

            let place = "127.0.0.1:\(rich.port)"
            try await rich.close()
            try await eventually { offers.all.last?.provider == 0 && offers.all.last?.template != nil }
            #expect(offers.all.last?.proposal.fees == Satoshis(rawValue: 2_000))
            #expect(sentences.all.contains { $0.contains("\(place) was lost. Others are preferred for") })
            try await loop.submit { feed.stop() }.get()
            try await poor.close()
        }
    }
}
