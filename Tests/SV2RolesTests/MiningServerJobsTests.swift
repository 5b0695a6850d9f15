import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

// The pool's own jobs. Source of the rules: sv2-notes §5.1 to §5.4.

private let miner = PoolBench.miner

private func bench(
    flags: UInt32, hasTip: Bool = true, _ change: (inout PoolConfiguration) -> Void = { _ in }
) -> PoolBench {
    let bench = PoolBench {
        $0.ownJobs = OwnJobs(tag: Array("/adt/".utf8))
        change(&$0)
    }
    _ = bench.send(.miningConnected(miner))
    _ = bench.mining(.common(.setupConnection(PoolBench.setup(protocol: 0, flags: flags))))
    return bench
}

private func openStandard(_ user: WireText = "alice", rate: Float = 1) -> MiningMessage {
    .openStandardMiningChannel(
        OpenStandardMiningChannel(
            requestId: 9, userIdentity: user, nominalHashRate: rate, maxTarget: .max))
}

private func openExtended(size: UInt16 = 8, user: WireText = "alice") -> MiningMessage {
    .openExtendedMiningChannel(
        OpenExtendedMiningChannel(
            requestId: 9, userIdentity: user, nominalHashRate: 1, maxTarget: .max, minExtranonceSize: size))
}

extension [MiningMessage] {
    fileprivate var names: [String] { map { type(of: $0.message).name } }
    fileprivate func all<Message: SV2Message>(_ type: Message.Type) -> [Message] {
        compactMap { $0.message as? Message }
    }
}

@Test(arguments: [(UInt32(0), UInt32(0)), (0b001, 0), (0b100, 0), (0b101, 0), (0b010, 0b10), (0b110, 0b10)])
func `a pool with jobs of its own takes clients of both kinds`(flags: UInt32, answer: UInt32) {
    let bench = PoolBench { $0.ownJobs = OwnJobs(tag: []) }
    _ = bench.send(.miningConnected(miner))
    let actions = bench.mining(.common(.setupConnection(PoolBench.setup(protocol: 0, flags: flags))))
    let success = SetupConnectionSuccess(usedVersion: 2, flags: answer)
    #expect(actions.miningMessages == [.common(.setupConnectionSuccess(success))])
}

@Test func `nobody can have standard jobs and choose his work`() {
    let bench = PoolBench { $0.ownJobs = OwnJobs(tag: []) }
    _ = bench.send(.miningConnected(miner))
    let actions = bench.mining(.common(.setupConnection(PoolBench.setup(protocol: 0, flags: 0b011))))
    #expect(actions.closed == .setupRefused(.unsupportedFeatureFlags))
}

@Test func `a new channel hears Success, a future job, and what makes it one for now`() throws {
    for open in [openStandard(), openExtended()] {
        let bench = bench(flags: 0)
        let messages = bench.mining(open).miningMessages
        #expect(messages.count == 3)
        #expect(messages.names[0].hasSuffix("MiningChannel.Success"))
        let activation = try #require(messages.all(SetNewPrevHash.self).first)
        #expect(activation.prevHash == bench.next.previousBlock.onWire)
        #expect(activation.minNtime == bench.next.currentTime)
        #expect(activation.nbits == bench.next.bits.bits)
        #expect(activation.channelId == 2)
        if let job = messages.all(NewMiningJob.self).first {
            #expect(job.minNtime == nil && job.jobId == activation.jobId && job.channelId == 2)
        } else {
            let job = try #require(messages.all(NewExtendedMiningJob.self).first)
            #expect(job.minNtime == nil && job.jobId == activation.jobId && job.channelId == 2)
            #expect(job.versionRollingAllowed)
        }
    }
}

@Test func `without a tip there is no job until there is one`() {
    var configuration = PoolConfiguration(payoutScript: [0x51], sharesPerMinute: 6, tokenSeed: 1)
    configuration.ownJobs = OwnJobs(tag: [])
    var pool = Pool(configuration)
    let now = Instant(nanoseconds: 0)
    func send(_ event: PoolEvent) -> [MiningMessage] {
        pool.handle(event, at: now, unixTime: 1_700_000_000).miningMessages
    }
    _ = send(.miningConnected(miner))
    _ = send(.mining(miner, .common(.setupConnection(PoolBench.setup(protocol: 0, flags: 0)))))
    #expect(send(.mining(miner, openExtended())).count == 1)
    #expect(send(.knownTransactions([mempoolEntry(1, fee: 1)])).isEmpty)
    let started = send(.tip(PoolBench.nextBlock(previous: 1)))
    #expect(started.names == ["NewExtendedMiningJob", "SetNewPrevHash"])
}

@Test func `a new tip goes to the group at once, empty, and the full job follows with its template`() throws {
    let bench = bench(flags: 0)
    let extended = try #require(bench.mining(openExtended()).opened)
    _ = bench.mining(openStandard("bob"))
    let entries = (1...3).map { mempoolEntry($0, fee: 5) }
    _ = bench.send(.knownTransactions(entries))
    #expect(bench.pool.ownTemplate?.transactions == 3)
    let tip = bench.newTip(2).miningMessages
    #expect(tip.names == ["NewExtendedMiningJob", "SetNewPrevHash"])
    let empty = try #require(tip.all(NewExtendedMiningJob.self).first)
    #expect(empty.channelId == extended.groupChannelId)
    #expect(empty.minNtime == nil)
    #expect(empty.merklePath.isEmpty)
    let full = bench.send(.knownTransactions(entries)).miningMessages
    #expect(full.names == ["NewExtendedMiningJob"])
    let job = try #require(full.all(NewExtendedMiningJob.self).first)
    #expect(job.minNtime == bench.next.currentTime)
    #expect(job.merklePath.count == 2)
    #expect(job.jobId != empty.jobId)
}

@Test func `better templates come at the pace that was set`() {
    let bench = bench(flags: 0)
    _ = bench.mining(openExtended())
    func offer(_ count: UInt8) -> [MiningMessage] {
        bench.send(.knownTransactions((1...count).map { mempoolEntry($0, fee: 5) })).miningMessages
    }
    #expect(offer(1).count == 1)
    #expect(offer(1).isEmpty)
    #expect(offer(2).isEmpty)
    #expect(bench.wait(.seconds(29)).miningMessages.isEmpty)
    #expect(bench.wait(.seconds(1)).miningMessages.names == ["NewExtendedMiningJob"])
    #expect(bench.pool.ownTemplate?.transactions == 2)
    #expect(bench.wait(.seconds(30)).miningMessages.names != ["NewExtendedMiningJob"])
}

@Test func `a client that requires standard jobs gets them one by one, and no extended channel`() throws {
    let bench = bench(flags: 0b001)
    #expect(
        bench.mining(openExtended()).channelRefusal == "extended-channels-not-supported-for-standard-jobs")
    for user in ["alice", "bob"] as [WireText] { _ = bench.mining(openStandard(user)) }
    let tip = bench.newTip(2).miningMessages
    #expect(tip.names == ["NewMiningJob", "SetNewPrevHash", "NewMiningJob", "SetNewPrevHash"])
    let jobs = tip.all(NewMiningJob.self)
    #expect(jobs[0].merkleRoot != jobs[1].merkleRoot)
    #expect(tip.all(SetNewPrevHash.self).map(\.jobId) == jobs.map(\.jobId))
}

@Test func `channels with extranonces of other sizes are groups of their own`() throws {
    let bench = bench(flags: 0)
    let groups = try [8, 11, 8, 11, 16].map {
        try #require(bench.mining(openExtended(size: $0)).opened).groupChannelId
    }
    #expect(Set(groups).count == 3)
    #expect(groups[0] == groups[2] && groups[1] == groups[3])
    let jobs = bench.newTip(2).miningMessages.all(NewExtendedMiningJob.self)
    #expect(Set(jobs.map(\.channelId)) == Set(groups))
    // The script's length byte counts the whole extranonce, so the coinbases differ.
    #expect(Set(jobs.map(\.coinbaseTxPrefix)).count == 3)
}

@Test func `the merkle root of a standard job is that of the coinbase with the channel's prefix`() throws {
    let bench = bench(flags: 0b001)
    let messages = bench.mining(openStandard()).miningMessages
    let channel = try #require(messages.all(OpenStandardMiningChannelSuccess.self).first)
    let job = try #require(messages.all(NewMiningJob.self).first)
    #expect(channel.extranoncePrefix.count == 12)
    let coinbase = CoinbaseParts(
        version: 2, scriptPrefix: Script.heightPush(300) + [5] + Array("/adt/".utf8) + [12],
        extranonceSize: 12, sequence: 0xffff_fffe,
        outputs: [
            TransactionOutput(value: bench.next.subsidy, script: PoolBench.payoutScript),
            TransactionOutput(value: .zero, script: WitnessCommitment.script(wtxids: [])),
        ], lockTime: 299)
    let transaction = coinbase.transaction(extranonce: channel.extranoncePrefix)
    #expect(job.merkleRoot == transaction.txid.hash.onWire)
}

@Test func `a share comes by the message of its channel's kind`() throws {
    let bench = bench(flags: 0)
    let extended = try #require(bench.mining(openExtended()).opened)
    let standard = try #require(
        bench.mining(openStandard()).miningMessages.all(OpenStandardMiningChannelSuccess.self).first)
    let wrong = [
        MiningMessage.submitSharesStandard(
            SubmitSharesStandard(
                channelId: extended.channelId, sequenceNumber: 1, jobId: 1, nonce: 0, ntime: 0, version: 0)),
        .submitSharesExtended(
            SubmitSharesExtended(
                channelId: standard.channelId, sequenceNumber: 1, jobId: 2, nonce: 0, ntime: 0, version: 0,
                extranonce: [])),
    ]
    for message in wrong { #expect(bench.mining(message).shareError == "invalid-channel-id") }
}

@Test(arguments: [
    (UInt32(9), UInt32(1_700_000_000), UInt32(0x2000_0000), "invalid-job-id"),
    (1, 1_699_999_999, 0x2000_0000, "invalid-share"),
    (1, 1_700_007_201, 0x2000_0000, "invalid-share"),
    (1, 1_700_000_000, 0x6000_0000, "invalid-non-rollable-version-bit"),
])
func `standard shares are checked like the others`(job: UInt32, time: UInt32, version: UInt32, code: String) {
    let bench = bench(flags: 0b001)
    _ = bench.mining(openStandard())
    let share = SubmitSharesStandard(
        channelId: 2, sequenceNumber: 1, jobId: job, nonce: 0, ntime: time, version: version)
    #expect(bench.mining(.submitSharesStandard(share)).shareError == code)
}

@Test func `custom jobs are for connections that asked to choose their work`() {
    let bench = bench(flags: 0)
    _ = bench.mining(openExtended())
    let job = bench.work().customJob(token: [1], channelId: 2)
    #expect(bench.mining(.setCustomMiningJob(job)).customJobError == "work-selection-not-requested")
}

@Test func `a flood of updates is answered with targets, not with a flood of jobs`() {
    let bench = bench(flags: 0)
    _ = bench.mining(openExtended())
    var jobs = 0
    for number in 1...500 {
        let update = UpdateChannel(
            channelId: 2, nominalHashRate: Float(number), maximumTarget: .max)
        jobs += bench.mining(.updateChannel(update)).miningMessages.all(NewExtendedMiningJob.self).count
    }
    #expect(jobs <= 1)
    // The last target still gets its job.
    let later = (0..<7).flatMap { _ in bench.wait(.seconds(10)).miningMessages }
    #expect(later.all(NewExtendedMiningJob.self).count == 1)
}

@Test func `the group's id closes its members and no others`() throws {
    let bench = bench(flags: 0)
    let first = try #require(bench.mining(openExtended(size: 8)).opened)
    let other = try #require(bench.mining(openExtended(size: 12)).opened)
    _ = bench.mining(.closeChannel(CloseChannel(channelId: first.groupChannelId, reasonCode: "")))
    #expect(bench.pool.miningLinks[miner]?.channels.keys.sorted() == [other.channelId])
    _ = bench.mining(.closeChannel(CloseChannel(channelId: 4711, reasonCode: "")))
    #expect(bench.pool.channelCount == 1)
}

@Test func `the pool asks all that are set up to go elsewhere`() {
    let bench = bench(flags: 0)
    _ = bench.send(.miningConnected(ConnectionID(rawValue: 77)))
    let actions = bench.send(.reconnect(host: "other.example", port: 3333))
    let message = Reconnect(newHost: "other.example", newPort: 3333)
    #expect(actions == [.sendMining(miner, .common(.reconnect(message)))])
}

@Test func `a template leaves out what does not fit, and children whose parents it left out`() {
    let next = PoolBench.nextBlock(previous: 1)
    let parent = mempoolEntry(1, fee: 10)
    let child = mempoolEntry(2, fee: 10, spending: parent)
    func count(_ entries: [MempoolEntry]) -> Int {
        OwnTemplate(next, minimumTime: 0, entries: entries, payoutScript: [0x51], tag: []).figures
            .transactions
    }
    #expect(count([parent, child]) == 2)
    #expect(count([child]) == 0)
    #expect(count([child, parent]) == 1)
    #expect(count([parent, parent]) == 1)
    var heavy = parent
    heavy.weight = Weight(weightUnits: 3_999_000)
    #expect(count([heavy, child]) == 0)
    var costly = parent
    costly.sigopCost = 80_000
    #expect(count([costly, mempoolEntry(3, fee: 1)]) == 1)
}
