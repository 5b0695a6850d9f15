import BitcoinPrimitives
import SV2Codec
import SV2Messages
import SV2Roles
import Units

/// What the template distribution tests have in common.
enum TemplateFixture {
    static let start = Instant(nanoseconds: 1_000_000_000)
    static let identity = ClientIdentity(
        endpointHost: "127.0.0.1", endpointPort: 8442, vendor: "Adit", hardwareVersion: "", firmware: "adit/1"
    )
    static let constraints = CoinbaseOutputConstraints(
        coinbaseOutputMaxAdditionalSize: 31, coinbaseOutputMaxAdditionalSigops: 0)
    static let easy = CompactTarget(bits: 0x207f_ffff)
    static let payout = TransactionOutput(value: Satoshis(rawValue: 600), script: [0x51])

    static func tip(_ number: UInt8) -> Hash256 { Hash256(hashing: [number]) }

    /// Different transactions for each seed, every other one with a witness.
    static func transactions(_ count: UInt8, seed: UInt8 = 0) -> [MempoolEntry] {
        (0..<count).map { number in
            let input = TransactionInput(
                previousOutput: OutPoint(txid: Txid(tip(seed)), index: UInt32(number)), scriptSig: [],
                sequence: 0, witness: number % 2 == 0 ? [] : [[number]])
            let transaction = Transaction(version: 2, inputs: [input], outputs: [payout], lockTime: 0)
            return MempoolEntry(
                txid: transaction.txid, wtxid: transaction.wtxid, weight: transaction.weight, sigopCost: 0,
                fee: Satoshis(rawValue: 10), parents: [], wireBytes: transaction.wireBytes)
        }
    }

    /// A template on tip `number`, whose blocks have height 100 + `number`.
    static func provided(onTip number: UInt8, transactions count: UInt8 = 3, seed: UInt8 = 0)
        -> ProvidedTemplate
    {
        let height = 100 + UInt32(number)
        let next = NextBlock(
            previousBlock: tip(number), height: height, version: 0x2000_0000, bits: easy, blockTarget: .max,
            minimumTime: 1_700_000_000, currentTime: 1_700_000_600,
            subsidy: SubsidySchedule.regtest.subsidy(at: height))
        guard
            let template = ProvidedTemplate(next: next, transactions: transactions(count, seed: seed))
        else { preconditionFailure("the easiest bits are bits") }
        return template
    }

    /// A block of a template: the payout, a tag, four bytes of extranonce, and a nonce that meets the target.
    static func solve(_ provided: ProvidedTemplate, templateId: UInt64) -> TemplateSolution {
        guard let parts = provided.template.coinbase(paying: [payout], tag: [0x00], extranonceSize: 4) else {
            preconditionFailure("the payout is small")
        }
        let coinbase = parts.transaction(extranonce: [1, 2, 3, 4])
        var header = Header(
            version: provided.template.version, previousBlock: provided.tip.previousBlock,
            merkleRoot: MerkleTree.root(leaf: coinbase.txid.hash, path: provided.template.merklePath),
            time: provided.tip.headerTimestamp, bits: provided.tip.bits, nonce: 0)
        while !provided.tip.blockTarget.isMet(by: header.hash) { header.nonce += 1 }
        return TemplateSolution(templateId: templateId, header: header, coinbaseTx: coinbase.wireBytes)
    }

    static let setupSuccess = TemplateDistributionMessage.common(
        .setupConnectionSuccess(SetupConnectionSuccess(usedVersion: 2, flags: 0)))

    static func setup(protocol number: UInt8 = 2, versions: ClosedRange<UInt16> = 2...2, flags: UInt32 = 0)
        -> TemplateDistributionMessage
    {
        var message = SetupConnection()
        (message.protocol, message.flags) = (number, flags)
        (message.minVersion, message.maxVersion) = (versions.lowerBound, versions.upperBound)
        return .common(.setupConnection(message))
    }

    /// A client whose connection is set up and whose constraints are sent.
    static func readyClient(requestsTransactions: Bool = true) -> TemplateDistributionClient {
        var configuration = TemplateDistributionClient.Configuration(
            identity: identity, constraints: constraints)
        configuration.requestsTransactions = requestsTransactions
        var client = TemplateDistributionClient(configuration)
        _ = client.handle(.connected, at: start)
        _ = client.handle(.received(setupSuccess), at: start)
        return client
    }
}

extension ProvidedTemplate {
    func newTemplate(_ templateId: UInt64, future: Bool) -> TemplateDistributionMessage {
        .newTemplate(template.newTemplate(templateId: templateId, future: future))
    }

    func setNewPrevHash(_ templateId: UInt64) -> TemplateDistributionMessage {
        .setNewPrevHash(
            TemplateSetNewPrevHash(
                templateId: templateId, prevHash: U256(wireBytes: tip.previousBlock.wireBytes) ?? .zero,
                headerTimestamp: tip.headerTimestamp, nBits: tip.bits.bits,
                target: U256(wireBytes: tip.blockTarget.wireBytes) ?? .zero))
    }

    func data(_ templateId: UInt64) -> TemplateDistributionMessage {
        .requestTransactionDataSuccess(
            RequestTransactionDataSuccess(
                templateId: templateId, excessData: WitnessCommitment.reservedValue,
                transactionList: transactions))
    }
}

extension TemplateDistributionClient {
    mutating func receive(
        _ messages: TemplateDistributionMessage..., at now: Instant = TemplateFixture.start
    ) -> [Action] {
        messages.flatMap { handle(.received($0), at: now) }
    }
}

extension [TemplateDistributionClient.Action] {
    var asksAnew: Bool { contains { if case .send(.coinbaseOutputConstraints) = $0 { true } else { false } } }
    var activeIds: [UInt64] {
        compactMap { if case .active(let template) = $0 { template.templateId } else { nil } }
    }
    var mistrust: [TemplateMistrust] {
        compactMap { if case .mistrusted(let doubt) = $0 { doubt } else { nil } }
    }
    var requestedIds: [UInt64] {
        compactMap {
            if case .send(.requestTransactionData(let asked)) = $0 { asked.templateId } else { nil }
        }
    }
    var fault: TemplateDistributionFault? {
        lazy.compactMap { if case .failed(let fault) = $0 { fault } else { nil } }.first
    }
}
