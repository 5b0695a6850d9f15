import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

// Clients cannot block each other: what one waits for, the others do not.

/// A pool at which one client's declaration hangs, and another client that has done nothing yet.
private struct TwoClients {
    static let otherMiner = ConnectionID(rawValue: 11)
    static let otherDeclarator = ConnectionID(rawValue: 12)

    enum Trouble: CaseIterable { case node, missing }

    let bench = PoolBench()

    /// - Returns: the node's question that hangs, if it is the node.
    func hang(_ trouble: Trouble) throws -> CheckID? {
        bench.connectMiner()
        bench.connectDeclarator()
        bench.connectMiner(Self.otherMiner)
        bench.connectDeclarator(Self.otherDeclarator)
        let work = trouble == .node ? bench.work() : bench.work([mempoolEntry(7, fee: 0)])
        let message = work.declaration(token: bench.token(), requestId: 1)
        let actions = bench.declaration(.declareMiningJob(message))
        switch trouble {
        case .node: return try #require(actions.check).id
        case .missing:
            #expect(actions.asked == [0])
            return nil
        }
    }
}

@Test(arguments: TwoClients.Trouble.allCases)
private func `a declaration that hangs delays no other client's declaration, job or share`(
    trouble: TwoClients.Trouble
)
    throws
{
    let clients = TwoClients()
    let bench = clients.bench
    let hanging = try clients.hang(trouble)
    // All in the same instant.
    let channel = try #require(bench.open(TwoClients.otherMiner, user: "bob"))
    let work = bench.work([mempoolEntry(1, fee: 100)])
    let token = try #require(bench.declare(work, on: TwoClients.otherDeclarator))
    let message = work.customJob(token: token, channelId: channel.channelId)
    let jobId = try #require(
        bench.mining(.setCustomMiningJob(message), on: TwoClients.otherMiner).customJobId)
    let job = RunningJob(
        work: work, channelId: channel.channelId, jobId: jobId, prefix: channel.extranoncePrefix,
        target: Target(wire: channel.target), blockTarget: bench.next.blockTarget)
    #expect(bench.mining(.submitSharesExtended(job.find(.share)), on: TwoClients.otherMiner).accepted != nil)
    #expect(
        bench.mining(.submitSharesExtended(job.find(.block)), on: TwoClients.otherMiner).publishedBlocks.count
            == 1)
    // And the one that hangs comes to its end.
    if let hanging { #expect(bench.send(.checked(hanging, refusal: nil)).declaredToken != nil) }
}

@Test func `verdicts of the node come in any order`() throws {
    let clients = TwoClients()
    let bench = clients.bench
    let first = try #require(try clients.hang(.node))
    let message = bench.work().declaration(token: bench.token(TwoClients.otherDeclarator), requestId: 1)
    let second = try #require(
        bench.declaration(.declareMiningJob(message), on: TwoClients.otherDeclarator).check
    ).id
    // Both have request 1: the number belongs to the connection.
    let answers = bench.send(.checked(second, refusal: nil))
    #expect(answers.declaredToken != nil)
    #expect(
        answers.contains {
            if case .sendDeclaration(TwoClients.otherDeclarator, .declareMiningJobSuccess) = $0 {
                true
            } else {
                false
            }
        })
    #expect(bench.send(.checked(first, refusal: "bad-cb-amount")).declarationError?.code == "invalid-job")
}

@Test func `one client's own limit of declarations leaves the others theirs`() throws {
    let clients = TwoClients()
    let bench = clients.bench
    _ = try clients.hang(.missing)
    for request in UInt32(2)...4 {
        let message = bench.work().declaration(token: bench.token(), requestId: request)
        let isTaken = bench.declaration(.declareMiningJob(message)).check != nil
        #expect(isTaken == (request == 2))
    }
    #expect(bench.declare(bench.work(), on: TwoClients.otherDeclarator) != nil)
}
