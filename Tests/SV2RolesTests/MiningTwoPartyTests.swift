import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

// Client core against server core, in one thread. Source of the rules: sv2-notes §5.

struct MiningSetup: CustomTestStringConvertible, Sendable {
    let work: MiningClient.Work
    let kind: ChannelKind

    static let all = [
        MiningSetup(work: .pool, kind: .extended), MiningSetup(work: .pool, kind: .standard),
        MiningSetup(work: .poolStandardOnly, kind: .standard),
    ]
    var testDescription: String { "\(work), \(kind)" }
}

private let entries = (1...3).map { mempoolEntry($0, fee: 50) }

/// A pair in whose first 12 seconds everything changes that a pool may change.
private func eventfulPair(
    _ setup: MiningSetup, _ faults: MiningPair.Faults = .init()
) -> MiningPair {
    var pair = MiningPair(.forPair(setup.work, setup.kind), faults)
    pair.plan(.tip(1), at: 0.1)
    pair.plan(.pool(.knownTransactions(entries)), at: 2)
    pair.plan(.pool(.exchangePrefix(ConnectionID(rawValue: 1), channelId: 2)), at: 3)
    pair.plan(.clientRate(3), at: 4)
    pair.plan(.tip(2), at: 5)
    pair.plan(.pool(.knownTransactions(Array(entries.prefix(1)))), at: 5.5)
    let another = ChannelRequest(
        kind: setup.kind, userIdentity: "bob", nominalHashRate: HashRate(hashesPerSecond: 2),
        minimumExtranonceSize: setup.kind == .extended ? 2 : 0)
    pair.plan(.anotherChannel(another), at: 6)
    pair.plan(.tip(3), at: 8)
    pair.plan(.tip(4), at: 8.05)  // two blocks within a moment
    pair.plan(.clientRate(1), at: 9)
    return pair
}

@Test(arguments: MiningSetup.all)
func `with a quiet link every share is accepted, whatever the pool changes`(setup: MiningSetup) {
    var pair = eventfulPair(setup)
    pair.run(for: .seconds(12))
    pair.hashesPerTick = 0
    pair.run(for: .seconds(2))
    #expect(pair.clientFaults.isEmpty)
    #expect(pair.channelsOpened.count == 2)
    #expect(pair.jobsStarted >= 9)
    #expect(pair.settledRejected.isEmpty)
    #expect(pair.lost == 0)
    #expect(pair.settledAccepted.count > 40)
    #expect(pair.open.isEmpty)
    #expect(Set(pair.poolAccepted).count == pair.poolAccepted.count)
    #expect(Set(pair.settledAccepted) == Set(pair.poolAccepted))
}

@Test(arguments: MiningSetup.all, 1...8 as ClosedRange<UInt64>)
func `latency and late answers cost no share but stale ones`(setup: MiningSetup, seed: UInt64) {
    var pair = eventfulPair(
        setup, .init(seed: seed, latency: 5...400, delaysAnswers: seed % 2 == 0))
    pair.run(for: .seconds(12))
    #expect(pair.clientFaults.isEmpty)
    // A share that crosses two blocks within a moment is of the tip before the last one.
    #expect(Set(pair.settledRejected).isSubset(of: ["stale-share"]))
    #expect(pair.settledAccepted.count > 30)
    #expect(Set(pair.settledAccepted).isSubset(of: pair.poolAccepted))
    #expect(Set(pair.poolAccepted).count == pair.poolAccepted.count)
}

@Test(arguments: MiningSetup.all)
func `a connection that breaks after any message is followed by one that earns`(setup: MiningSetup) {
    var whole = eventfulPair(setup, .init(latency: 20...60))
    whole.tick = .milliseconds(150)
    whole.run(for: .seconds(12))
    #expect(whole.messages > 40)
    for cut in 0..<whole.messages {
        var pair = eventfulPair(setup, .init(latency: 20...60, cutAfter: cut))
        pair.tick = .milliseconds(150)
        pair.run(for: .seconds(12))
        let before = pair.settledAccepted.count
        pair.run(for: .seconds(4))
        #expect(pair.clientFaults.isEmpty, "cut after \(cut)")
        #expect(pair.settledAccepted.count > before, "cut after \(cut)")
        #expect(Set(pair.settledRejected).isSubset(of: ["stale-share"]), "cut after \(cut)")
        #expect(Set(pair.poolAccepted).count == pair.poolAccepted.count, "cut after \(cut)")
        #expect(pair.pool.miningLinks.count == 1, "cut after \(cut)")
    }
}

@Test(arguments: MiningSetup.all)
func `a found block is a block: all transactions, the payout, the commitment`(setup: MiningSetup) throws {
    var pair = MiningPair(.forPair(setup.work, setup.kind))
    pair.plan(.tip(1), at: 0.1)
    pair.plan(.pool(.knownTransactions(entries)), at: 1)
    pair.run(for: .seconds(30))
    let blocks = try pair.published.map { try Block(wireBytes: $0) }
    let full = try #require(blocks.last)
    #expect(blocks.count > 1)
    #expect(full.transactions.count == 4)
    #expect(full.header.merkleRoot == MerkleTree.root(of: full.transactions.map(\.txid.hash)))
    #expect(Target(leadingZeroBits: 8).isMet(by: full.header.hash))
    let coinbase = full.transactions[0]
    #expect(coinbase.lockTime == 300)
    #expect(coinbase.outputs[0].script == PoolBench.payoutScript)
    #expect(coinbase.outputs[0].value == Satoshis(rawValue: 1_250_000_000 + 150))
    #expect(coinbase.outputs[1].script == WitnessCommitment.script(wtxids: entries.map(\.wtxid)))
    #expect(coinbase.inputs[0].scriptSig.starts(with: Script.heightPush(301) + [6] + Array("/pair/".utf8)))
    #expect(coinbase.inputs[0].witness == [WitnessCommitment.reservedValue])
}

@Test func `the pool's target follows the miner, and shares of older targets stay good`() {
    // Says 1 H/s and has 60.
    var pair = MiningPair(.forPair(.pool, .extended))
    (pair.tick, pair.hashesPerTick) = (.seconds(1), 60)
    pair.plan(.tip(1), at: 0.1)
    pair.run(for: .seconds(600))
    #expect(pair.settledRejected.isEmpty)
    #expect(!pair.targets.isEmpty)
    let before = pair.settledAccepted.count
    pair.run(for: .seconds(1200))
    let perMinute = Double(pair.settledAccepted.count - before) / 20
    #expect((4...9).contains(perMinute), "\(perMinute) shares a minute, 6 are wanted")
    // And slower: the target gets easier again.
    pair.hashesPerTick = 0
    pair.run(for: .seconds(600))
    pair.hashesPerTick = 20
    pair.run(for: .seconds(600))
    let slow = pair.settledAccepted.count
    pair.run(for: .seconds(1200))
    #expect((4...9).contains(Double(pair.settledAccepted.count - slow) / 20))
    #expect(pair.settledRejected.isEmpty)
}

@Test func `the name of a worker reaches the pool where both sides want it`() throws {
    var configuration = MiningClient.Configuration.forPair(.pool, .extended)
    configuration.wantsWorkerNames = true
    var pair = MiningPair(configuration)
    pair.worker = WorkerName("Worker_001")
    pair.plan(.tip(1), at: 0.1)
    pair.run(for: .seconds(5))
    #expect(pair.submitters == [Submitter(user: "alice", worker: WorkerName("Worker_001"))])
    configuration.wantsWorkerNames = false
    var silent = MiningPair(configuration)
    silent.worker = WorkerName("Worker_001")
    silent.plan(.tip(1), at: 0.1)
    silent.run(for: .seconds(5))
    #expect(silent.submitters == [Submitter(user: "alice")])
}
