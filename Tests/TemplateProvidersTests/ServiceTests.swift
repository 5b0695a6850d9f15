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
import Units

/// What a service has said.
private final class Heard: Sendable {
    let changes = Recorder<ProviderChange>()
    let health = Recorder<ProviderHealth>()

    var templates: [FinishedTemplate] {
        changes.all.compactMap { if case .template(let template) = $0 { template } else { nil } }
    }

    func start(_ service: TemplateProviderService) async throws {
        try await service.loop.submit {
            service.start(onChange: self.changes.append, onHealth: self.health.append)
        }.get()
    }
}

private enum Given {
    static let payout = TransactionOutput(
        value: .zero, script: [0x00, 0x14] + [UInt8](repeating: 7, count: 20))
    static let plan = CoinbasePlan(payouts: [payout], tag: [], extranonceSize: 4)

    static func configuration() -> ProviderFollower.Configuration {
        let identity = ClientIdentity(
            endpointHost: "127.0.0.1", endpointPort: 0, vendor: "Adit", hardwareVersion: "", firmware: "")
        var configuration = ProviderFollower.Configuration(
            identity: identity, constraints: CoinbaseOutputConstraints(for: [payout]), seed: 1)
        configuration.schedule = .regtest
        return configuration
    }

    static func service(
        _ server: ProviderServer, authority: AuthorityPublicKey = ProviderServer.authority.publicKey,
        on loop: any EventLoop
    ) -> TemplateProviderService {
        TemplateProviderService(
            TemplateProviderEndpoint(host: "127.0.0.1", port: server.port, authority: authority),
            configuration: configuration(), on: loop)
    }

    /// A template on tip `number`, with so many transactions of about 2,000 bytes.
    static func provided(onTip number: UInt8, transactions count: Int = 3) -> ProvidedTemplate {
        let height = 100 + UInt32(number)
        let next = NextBlock(
            previousBlock: Hash256(hashing: [number]), height: height, version: 0x2000_0000,
            bits: CompactTarget(bits: 0x207f_ffff), blockTarget: .max, minimumTime: 1_700_000_000,
            currentTime: 1_700_000_600, subsidy: SubsidySchedule.regtest.subsidy(at: height))
        let entries = (0..<count).map { index in
            let input = TransactionInput(
                previousOutput: OutPoint(txid: Txid(Hash256(hashing: [number, 1])), index: UInt32(index)),
                scriptSig: [], sequence: 0, witness: [[UInt8](repeating: 1, count: 1_900)])
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

    static func solve(_ template: FinishedTemplate) throws -> ProviderSolution {
        let proposal = try template.proposal(id: 1, plan: plan)
        let coinbase = proposal.coinbase.transaction(extranonce: [1, 2, 3, 4])
        var header = Header(
            version: proposal.next.version, previousBlock: proposal.next.previousBlock,
            merkleRoot: MerkleTree.root(leaf: coinbase.txid.hash, path: proposal.merklePath),
            time: proposal.next.currentTime, bits: proposal.next.bits, nonce: 0)
        while proposal.next.bits.target?.isMet(by: header.hash) != true { header.nonce += 1 }
        return ProviderSolution(id: template.id, header: header, coinbaseTx: coinbase.wireBytes)
    }
}

struct TemplateProviderServiceTests {
    @Test func `a template comes over a socket, and a found block goes back`() async throws {
        try await withLoop { loop in
            // Several frames' worth of transactions, and several blocks of the cipher.
            let server = try await ProviderServer.open(
                Given.provided(onTip: 1, transactions: 200), on: loop)
            let service = Given.service(server, on: loop)
            let heard = Heard()
            try await heard.start(service)
            try await eventually { !heard.templates.isEmpty }
            let template = heard.templates[0]
            #expect(template.transactions.count == 200)
            #expect(template.fees == Satoshis(rawValue: 200_000))
            #expect(heard.health.all == [.following])

            let solution = try Given.solve(template)
            let route = try await loop.submit { service.submit(solution) }.get()
            #expect(route == .handedOver)
            try await eventually { !server.published.all.isEmpty }
            #expect(server.published.all[0].hash == solution.header.hash)
            let block = try Block(wireBytes: server.published.all[0].block)
            #expect(block.transactions.dropFirst().map(\.txid) == template.txids)

            try await server.offer(Given.provided(onTip: 2))
            try await eventually { heard.templates.count == 2 }
            #expect(heard.templates[1].offer.template.height == 102)
            try await loop.submit { service.stop() }.get()
            try await server.close()
        }
    }

    @Test func `a provider that dies is said so, and taken back when it is there again`() async throws {
        try await withLoop { loop in
            let server = try await ProviderServer.open(Given.provided(onTip: 1), on: loop)
            let service = Given.service(server, on: loop)
            let heard = Heard()
            try await heard.start(service)
            try await eventually { heard.health.all.last == .following }
            let port = server.port
            try await server.close()
            try await eventually { heard.health.all.last == .down(.link(.refused)) }
            #expect(heard.health.all[1] == .down(.link(.closed)))
            let template = heard.templates[0]
            let solution = try Given.solve(template)
            #expect(try await loop.submit { service.submit(solution) }.get() == .otherConnection)

            let other = try await ProviderServer.open(Given.provided(onTip: 2), port: port, on: loop)
            try await eventually { heard.health.all.last == .following }
            #expect(heard.templates.last?.offer.template.height == 102)
            try await loop.submit { service.stop() }.get()
            try await other.close()
        }
    }

    @Test func `a provider that stops answering is noticed`() async throws {
        try await withLoop { loop in
            let server = try await ProviderServer.open(Given.provided(onTip: 1), on: loop)
            let service = Given.service(server, on: loop)
            let heard = Heard()
            try await heard.start(service)
            try await eventually { heard.health.all.last == .following }
            try await server.mute()
            try await eventually { heard.health.all.last == .down(.stalled(.sign, after: .seconds(2))) }
            try await loop.submit { service.stop() }.get()
            try await server.close()
        }
    }

    @Test(arguments: [
        (3, ProviderTrouble.garbage(msgType: 0x71, .truncated(field: "template_id", needed: 8, left: 3))),
        (131_073, .link(.oversized(msgType: 0x71, length: 131_073, limit: 131_072))),
    ])
    func `a message that is none, or too long for any, ends the connection`(
        size: Int, trouble: ProviderTrouble
    ) async throws {
        try await withLoop { loop in
            let server = try await ProviderServer.open(Given.provided(onTip: 1), on: loop)
            let service = Given.service(server, on: loop)
            let heard = Heard()
            try await heard.start(service)
            try await eventually { heard.health.all.last == .following }
            try await server.send(msgType: 0x71, payload: [UInt8](repeating: 0, count: size))
            try await eventually { heard.health.all.count > 1 }
            #expect(heard.health.all[1] == .down(trouble))
            try await loop.submit { service.stop() }.get()
            try await server.close()
        }
    }

    @Test func `an owner may stop it from within its news`() async throws {
        try await withLoop { loop in
            let server = try await ProviderServer.open(Given.provided(onTip: 1), on: loop)
            let service = Given.service(server, on: loop)
            let changes = Recorder<ProviderChange>()
            try await loop.submit {
                service.start(
                    onChange: {
                        changes.append($0)
                        service.stop()
                    }, onHealth: { _ in })
            }.get()
            try await eventually { !changes.all.isEmpty }
            try await server.offer(Given.provided(onTip: 2))
            try await Task.sleep(for: .milliseconds(100))
            #expect(changes.all.count == 1)
            try await server.close()
        }
    }

    @Test func `another authority's certificate is refused by name`() async throws {
        try await withLoop { loop in
            var generator = SystemRandomNumberGenerator()
            let stranger = AuthorityKeyPair.generate(using: &generator).publicKey
            let server = try await ProviderServer.open(Given.provided(onTip: 1), on: loop)
            let service = Given.service(server, authority: stranger, on: loop)
            let heard = Heard()
            try await heard.start(service)
            try await eventually { heard.health.all == [.down(.link(.wrongKey))] }
            let sentence = service.endpoint.sentence(for: heard.health.all[0])
            #expect(sentence.contains("127.0.0.1:\(server.port)") && sentence.contains("authority key"))
            try await loop.submit { service.stop() }.get()
            try await server.close()
        }
    }

    @Test func `a port that speaks something else is told, and one that says nothing`() async throws {
        try await withLoop { loop in
            for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", nil] {
                let server = try await RawServer.open(on: loop)
                let endpoint = TemplateProviderEndpoint(
                    host: "127.0.0.1", port: server.port, authority: ProviderServer.authority.publicKey)
                let collected = TemplateProviderService.collect(
                    from: endpoint, configuration: Given.configuration(), within: .seconds(60), on: loop)
                let peer = try await server.peer()
                if let answer { try await peer.send(Array(answer.utf8)) }
                let failure = await #expect(throws: ProviderFailure.self) { try await collected.get() }
                let expected: ProviderLinkFailure = answer == nil ? .handshakeTimedOut : .notNoise
                #expect(failure?.trouble == .link(expected))
                try await peer.close()
                try await server.close()
            }
        }
    }

    @Test func `one template is collected, or what is wrong is said`() async throws {
        try await withLoop { loop in
            let server = try await ProviderServer.open(Given.provided(onTip: 1), on: loop)
            let endpoint = TemplateProviderEndpoint(
                host: "127.0.0.1", port: server.port, authority: ProviderServer.authority.publicKey)
            let template = try await TemplateProviderService.collect(
                from: endpoint, configuration: Given.configuration(), within: .seconds(30), on: loop
            ).get()
            #expect(template.transactions.count == 3)
            try await server.close()
            let failure = await #expect(throws: ProviderFailure.self) {
                try await TemplateProviderService.collect(
                    from: endpoint, configuration: Given.configuration(), within: .seconds(30), on: loop
                ).get()
            }
            #expect(failure?.trouble == .link(.refused))
        }
    }
}

struct TemplateProviderEndpointTests {
    private let key = ProviderServer.authority.publicKey

    @Test func `an address is scheme, host, port and key`() throws {
        let endpoint = try TemplateProviderEndpoint("sv2+tcp://node.example:8442/\(key)")
        #expect(endpoint == TemplateProviderEndpoint(host: "node.example", port: 8442, authority: key))
        let six = try TemplateProviderEndpoint("SV2+TCP://[::1]:8442/\(key)/")
        #expect(six.host == "::1" && six.place == "[::1]:8442")
        #expect(TemplateProviderEndpoint.isMeant(by: "sv2+tcp://"))
        #expect(!TemplateProviderEndpoint.isMeant(by: "http://127.0.0.1:8442"))
    }

    @Test(arguments: [
        ("stratum2+tcp://a:1/KEY", EndpointFault.scheme), ("sv2+tcp://a:1", .noKey),
        ("sv2+tcp://a:1/", .noKey), ("sv2+tcp://a/KEY", .noPort), ("sv2+tcp://:1/KEY", .badHost),
        ("sv2+tcp://::1:1/KEY", .badHost), ("sv2+tcp://u@a:1/KEY", .badHost),
        ("sv2+tcp://a:0/KEY", .badPort), ("sv2+tcp://a:65536/KEY", .badPort),
        ("sv2+tcp://a:+1/KEY", .badPort), ("sv2+tcp://a:/KEY", .badPort),
    ])
    func `what is wrong with an address is said`(text: String, fault: EndpointFault) {
        #expect(throws: fault) { try TemplateProviderEndpoint(text.replacing("KEY", with: "\(key)")) }
    }

    @Test func `a mistyped key is noticed`() {
        var text = "\(key)"
        text.removeLast()
        text += "\(key)".hasSuffix("2") ? "3" : "2"
        let fault = #expect(throws: EndpointFault.self) {
            try TemplateProviderEndpoint("sv2+tcp://a:1/\(text)")
        }
        guard case .badKey? = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
    }
}
