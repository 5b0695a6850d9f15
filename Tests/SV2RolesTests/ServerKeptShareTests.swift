import BitcoinPrimitives
import SV2Codec
import SV2Messages
import Testing
import Units

@testable import SV2Roles

// A share is acknowledged once it outlives a restart. Source: sv2-notes §5.5; what a restart must not lose.

private func mining(
    _ change: (inout PoolConfiguration) -> Void = { _ in }
) throws -> (PoolBench, RunningJob) {
    let bench = PoolBench {
        $0.acknowledgesKeptShares = true
        change(&$0)
    }
    return (bench, try #require(bench.startMining()))
}

@discardableResult
private func submit(_ bench: PoolBench, _ share: SubmitSharesExtended) -> [PoolAction] {
    bench.mining(.submitSharesExtended(share))
}

@Test func `nothing is acknowledged before it is kept, however long that takes`() throws {
    let (bench, job) = try mining()
    let shares = job.findShares(12)
    for share in shares { #expect(submit(bench, share).acknowledgement == nil) }
    #expect(bench.wait(.seconds(5)).acknowledgement == nil)
    #expect(bench.wait(.seconds(500)).acknowledgement == nil)
    let actions = bench.send(.kept(12))
    #expect(actions.acknowledgement?.newSubmitsAcceptedCount == 12)
    #expect(actions.acknowledgement?.lastSequenceNumber == 12)
}

@Test func `what is kept goes out with the batch, what is not waits for the next word`() throws {
    let (bench, job) = try mining()
    for share in job.findShares(5) { submit(bench, share) }
    #expect(bench.send(.kept(3)).acknowledgement == nil, "the batch has time left")
    let due = bench.wait(.seconds(1)).acknowledgement
    #expect((due?.newSubmitsAcceptedCount, due?.lastSequenceNumber) == (3, 3))
    let rest = bench.send(.kept(5)).acknowledgement
    #expect((rest?.newSubmitsAcceptedCount, rest?.lastSequenceNumber) == (2, 5))
    #expect(bench.wait(.seconds(2)).acknowledgement == nil)
}

@Test func `a full batch goes out the moment it is kept`() throws {
    let (bench, job) = try mining()
    for share in job.findShares(11) { submit(bench, share) }
    #expect(bench.send(.kept(9)).acknowledgement == nil)
    #expect(bench.send(.kept(10)).acknowledgement?.newSubmitsAcceptedCount == 10)
    #expect(bench.send(.kept(11)).acknowledgement == nil)
    #expect(bench.wait(.seconds(1)).acknowledgement?.newSubmitsAcceptedCount == 1)
}

@Test func `a block is published at once and acknowledged when it is kept`() throws {
    let (bench, job) = try mining()
    let actions = submit(bench, job.find(.block))
    #expect(actions.publishedBlocks.count == 1)
    #expect(actions.acknowledgement == nil)
    #expect(bench.pool.acceptedShare?.isPublished == true)
    #expect(bench.send(.kept(1)).acknowledgement?.newSubmitsAcceptedCount == 1)
}

@Test func `the numbers of shares count those accepted, on all channels`() throws {
    let (bench, job) = try mining()
    let second = try #require(bench.open(user: "bob"))
    let other = try #require(bench.runJob(bench.work(), on: second))
    submit(bench, job.find(.share))
    #expect(bench.pool.acceptedShare?.number == 1)
    submit(bench, job.find(.tooLow))
    #expect(bench.pool.acceptedShare == nil)
    submit(bench, other.find(.share))
    let accepted = bench.pool.acceptedShare
    #expect(accepted?.number == 2)
    #expect(accepted?.submitter.user == "bob")
    #expect(accepted?.height == 300)
    _ = bench.wait(.seconds(1))
    let channels = bench.send(.kept(2)).miningMessages.compactMap {
        if case .submitSharesSuccess(let success) = $0 { success.channelId } else { nil }
    }
    #expect(channels == [job.channelId, other.channelId])
}

@Test func `a share whose channel is gone is kept for nobody to hear`() throws {
    let (bench, job) = try mining()
    submit(bench, job.find(.share))
    _ = bench.send(.closed(PoolBench.miner))
    #expect(bench.send(.kept(1)).isEmpty)
}

@Test func `a channel that closes is told of what is kept, and of nothing else`() throws {
    let (bench, job) = try mining()
    for share in job.findShares(2) { submit(bench, share) }
    _ = bench.send(.kept(1))
    let close = CloseChannel(channelId: job.channelId, reasonCode: "bye")
    #expect(bench.mining(.closeChannel(close)).acknowledgement?.newSubmitsAcceptedCount == 1)
    #expect(bench.send(.kept(2)).isEmpty)
}

@Test func `with too many unkept shares further ones are refused, and every block is published`() throws {
    let (bench, job) = try mining { $0.maximumUnkeptShares = 2 }
    let shares = job.findShares(4)
    submit(bench, shares[0])
    submit(bench, shares[1])
    #expect(submit(bench, shares[2]).shareError == "share-ledger-unavailable")
    #expect(submit(bench, job.find(.block, sequence: 9)).publishedBlocks.count == 1)
    let blocks = job.findBlocks(3)
    #expect(submit(bench, blocks[1]).accepted != nil)
    let beyond = submit(bench, blocks[2])
    #expect(beyond.publishedBlocks.count == 1)
    #expect(beyond.shareError == "share-ledger-unavailable")
    _ = bench.send(.kept(4))
    // It was refused, not counted: the same share is good again.
    #expect(submit(bench, shares[2]).accepted != nil)
}

extension RunningJob {
    /// So many different blocks, in order.
    fileprivate func findBlocks(_ count: Int) -> [SubmitSharesExtended] {
        var blocks: [SubmitSharesExtended] = []
        for number in 0..<count {
            blocks.append(
                find(.block, sequence: UInt32(20 + number), nonce: blocks.last.map { $0.nonce + 1 } ?? 0))
        }
        return blocks
    }
}

@Test func `the same word twice, and an older one, say nothing`() throws {
    let (bench, job) = try mining()
    submit(bench, job.find(.share))
    _ = bench.wait(.seconds(1))
    #expect(bench.send(.kept(0)).acknowledgement == nil)
    #expect(bench.send(.kept(1)).acknowledgement != nil)
    #expect(bench.send(.kept(1)).acknowledgement == nil)
}

@Test func `without a ledger shares are acknowledged by time and number alone`() throws {
    let bench = PoolBench()
    let job = try #require(bench.startMining())
    submit(bench, job.find(.share))
    #expect(bench.pool.acceptedShare?.number == 1)
    #expect(bench.wait(.seconds(1)).acknowledgement?.newSubmitsAcceptedCount == 1)
}
