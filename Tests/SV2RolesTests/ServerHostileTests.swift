import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

/// A client that sends anything at all. SplitMix64, so that a seed gives the same run again.
private struct HostileClient {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func number() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(number() % UInt64(bound)) }

    mutating func bytes(_ limit: Int) -> [UInt8] {
        (0..<below(limit + 1)).map { _ in UInt8(truncatingIfNeeded: number()) }
    }

    /// Mostly an honest message with a few bytes of its payload changed, as the codec then reads it.
    mutating func mangled<Link: LinkMessage>(_ message: Link) -> Link? {
        guard var frame = try? message.frame() else { return nil }
        for _ in 0..<max(0, below(6) - 2) where frame.count > 6 {
            frame[6 + below(frame.count - 6)] = UInt8(truncatingIfNeeded: number())
        }
        let header = FrameHeader(
            extensionType: 0, channelMsg: false, msgType: frame[2], msgLength: frame.count - 6)
        guard case .message(let read, _) = try? Link.read(header, Array(frame[6...])) else { return nil }
        return read
    }
}

@Test(arguments: [1, 2, 3, 4411] as [UInt64])
func `nothing that clients send traps, or makes the pool remember more than it should`(seed: UInt64) throws {
    var client = HostileClient(seed: seed)
    let bench = PoolBench {
        $0.maximumConnections = 4
        $0.maximumChannelsPerConnection = 3
        $0.maximumJobsPerChannel = 3
        $0.maximumPendingPerConnection = 2
    }
    let entries = (1...6).map { mempoolEntry($0, fee: 10) }
    _ = bench.send(.knownTransactions(Array(entries.prefix(3))))
    var lastConnection: UInt64 = 100
    var connections = [(id: ConnectionID, mines: Bool)]()
    var tokens = [[UInt8]](repeating: [], count: 8)
    var checks = [CheckID]()
    // What to try as a custom job: works as they were declared, and the tokens they got.
    var works = [UInt32: Work]()
    var declared = [(token: [UInt8], work: Work)]()
    var reached = (declared: 0, jobs: 0, shares: 0, refused: 0)
    for step in 0..<4000 {
        var actions = [PoolAction]()
        if connections.count < 4 {
            lastConnection += 1
            let connection = ConnectionID(rawValue: lastConnection)
            let mines = client.below(2) == 0
            connections.append((connection, mines))
            if mines { bench.connectMiner(connection) } else { bench.connectDeclarator(connection) }
        }
        let (connection, mines) = connections[client.below(connections.count)]
        let work = bench.work(Array(entries.prefix(client.below(7))))
        let token = tokens[client.below(tokens.count)]
        let ids = UInt32(client.below(4))
        let channels = bench.pool.miningLinks[connection]?.channels.values.sorted {
            $0.channelId < $1.channelId
        }
        let channel = channels.flatMap { $0.isEmpty ? nil : $0[client.below($0.count)] }
        let channelId = channel?.channelId ?? ids
        switch (client.below(12), mines) {
        case (0, _) where client.below(4) == 0:
            connections.removeAll { $0.id == connection }
            actions = bench.send(.closed(connection))
        case (1, _) where client.below(10) == 0: actions = bench.newTip(UInt8(truncatingIfNeeded: step))
        case (2, _): actions = bench.wait(.milliseconds(client.below(3000)))
        case (3, _) where !checks.isEmpty:
            actions = bench.send(
                .checked(checks.removeFirst(), refusal: client.below(3) == 0 ? "\u{7}no" : nil))
        case (0...4, true):
            let open = OpenExtendedMiningChannel(
                requestId: ids, userIdentity: WireText(bytes: client.bytes(3)), nominalHashRate: 1,
                maxTarget: .max, minExtranonceSize: UInt16(client.below(4) == 0 ? client.below(20) : 8))
            actions =
                client.mangled(.openExtendedMiningChannel(open)).map { bench.mining($0, on: connection) }
                ?? []
        case (5...6, true):
            let (token, work) = client.below(4) > 0 ? declared.popLast() ?? (token, work) : (token, work)
            let job = work.customJob(token: token, channelId: channelId)
            actions = client.mangled(.setCustomMiningJob(job)).map { bench.mining($0, on: connection) } ?? []
        case (8, true):
            let update = UpdateChannel(
                channelId: ids,
                nominalHashRate: Float(bitPattern: UInt32(truncatingIfNeeded: client.number())),
                maximumTarget: .max)
            actions = bench.mining(.updateChannel(update), on: connection)
        case (_, true):
            let working = channels?.first { !$0.jobs.isEmpty } ?? channel
            for nonce in 0..<20 {
                let share = SubmitSharesExtended(
                    channelId: working?.channelId ?? ids, sequenceNumber: 0,
                    jobId: working?.jobs.last?.jobId ?? ids, nonce: UInt32(20 * step + nonce),
                    ntime: 1_700_000_000,
                    version: work.next.version,
                    extranonce: client.below(4) == 0 ? client.bytes(9) : [UInt8](repeating: 1, count: 8))
                actions +=
                    client.mangled(.submitSharesExtended(share)).map { bench.mining($0, on: connection) }
                    ?? []
            }
        case (0...3, false): tokens[client.below(8)] = bench.token(connection)
        case (4...7, false):
            let own = client.below(4) > 0 ? bench.token(connection) : token
            let message = work.declaration(token: own, requestId: ids)
            works[ids] = work
            actions =
                client.mangled(.declareMiningJob(message)).map { bench.declaration($0, on: connection) } ?? []
        case (8...9, false):
            let asked = works[ids]?.entries.dropFirst(3) ?? []
            let list = asked.dropFirst(client.below(3) / 2).map {
                client.below(5) == 0 ? client.bytes(90) : $0.wireBytes
            }
            let message = ProvideMissingTransactionsSuccess(requestId: ids, transactionList: list)
            actions = bench.declaration(.provideMissingTransactionsSuccess(message), on: connection)
        case (_, false):
            let push = PushSolution(
                extranonce: client.bytes(32), prevHash: work.next.previousBlock.onWire, nonce: UInt32(step),
                ntime: 1_700_000_000, nbits: work.next.bits.bits, version: work.next.version)
            actions = client.mangled(.pushSolution(push)).map { bench.declaration($0, on: connection) } ?? []
        }
        for case .declareMiningJobSuccess(let success) in actions.declarationMessages {
            tokens[client.below(8)] = success.newMiningJobToken
            if let work = works[success.requestId] {
                declared = declared.suffix(3) + [(success.newMiningJobToken, work)]
            }
        }
        checks += [actions.check?.id].compactMap { $0 }
        connections.removeAll { gone in
            actions.contains { if case .close(gone.id, _) = $0 { true } else { false } }
        }
        expectBounds(of: bench.pool)
        reached.declared += actions.declaredToken == nil ? 0 : 1
        reached.jobs += actions.customJobId == nil ? 0 : 1
        reached.shares += actions.accepted == nil ? 0 : 1
        reached.refused += actions.refusedCode == nil ? 0 : 1
    }
    // Worth something only if the inner rooms were entered.
    #expect(min(reached.declared, reached.jobs, reached.shares) > 3 && reached.refused > 100, "\(reached)")
}

private func expectBounds(of pool: Pool) {
    let configuration = pool.configuration
    let channels = pool.miningLinks.values.flatMap(\.channels.values)
    #expect(pool.miningLinks.count <= configuration.maximumConnections)
    #expect(pool.channelCount == channels.count)
    #expect(pool.jobCount == channels.reduce(0) { $0 + $1.customJobCount })
    #expect(pool.openShares == channels.reduce(0) { $0 + $1.seen.count })
    #expect(pool.openShares + pool.spaces.releasedShares <= configuration.maximumSeenShares)
    #expect(pool.acknowledgementDues.count <= pool.channelCount + 64)
    #expect(pool.setupDues.count <= 4 * configuration.maximumConnections)
    #expect(channels.allSatisfy { $0.jobs.count <= configuration.maximumJobsPerChannel })
    #expect(
        pool.miningLinks.values.allSatisfy { $0.channels.count <= configuration.maximumChannelsPerConnection }
    )
    let pending = pool.declarationLinks.values.map(\.pending.count)
    #expect(pending.allSatisfy { $0 <= configuration.maximumPendingPerConnection })
    #expect(pool.checks.count <= pending.reduce(0, +))
    let perConnection =
        configuration.maximumTokensPerConnection + configuration.maximumDeclarationsPerConnection
        + configuration.maximumPendingPerConnection
    #expect(pool.tokens.count <= perConnection * pool.declarationLinks.count)
    #expect(pool.known.suppliedBytes <= configuration.maximumSuppliedBytes)
}

@Test func `sixty-five thousand unknown transactions are asked for in one message`() throws {
    let bench = PoolBench()
    bench.connectDeclarator()
    var message = bench.work().declaration(token: bench.token())
    message.wtxidList = (0..<65_535).map { number in
        Hash256(hashing: [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)]).onWire
    }
    let asked = try #require(bench.declaration(.declareMiningJob(message)).asked)
    #expect(asked == (0..<65_535).map { UInt16($0) })
    let flood = [[UInt8](repeating: 0, count: 4_000_001)]
    let answer = ProvideMissingTransactionsSuccess(requestId: 1, transactionList: flood)
    #expect(
        bench.declaration(.provideMissingTransactionsSuccess(answer)).declarationError?.code == "invalid-job")
}

@Test func `every error code is printable ASCII and fits its field`() {
    let codes =
        SetupRefusal.allCases.map(\.rawValue) + ChannelRefusal.allCases.map(\.rawValue)
        + ShareRefusal.allCases.map(\.rawValue) + DeclarationCode.allCases.map(\.rawValue)
        + CustomJobRefusal.allCases.map(\.rawValue)
    for code in codes {
        #expect(code.utf8.allSatisfy { (0x21...0x7e).contains($0) } && code.utf8.count <= 255)
    }
}
