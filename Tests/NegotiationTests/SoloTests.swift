import BitcoinPrimitives
import Negotiation
import Scheduling
import TemplateBuilding
import Testing
import Units

/// The last rung: jobs from our own proposals, blocks to our own nodes.
@Suite struct Solo {
    private var upstream = SoloUpstream(SoloConfiguration(index: 7))
    private var helper = Exchange()
    private var now = Instant(nanoseconds: 0)

    /// A proposal that pays ourselves.
    private mutating func proposal(tip: UInt8 = 1, fees: UInt64 = 1_000, size: Int = 8) -> Proposal {
        var proposal = helper.proposal(tip: tip, fees: fees)
        proposal.coinbase.extranonceSize = size
        return proposal
    }

    private mutating func tell(_ event: UpstreamEvent) -> [UpstreamAction] { upstream.handle(event, at: now) }

    private mutating func wait(_ seconds: Int) -> [UpstreamAction] {
        now = now + .seconds(seconds)
        return tell(.woke)
    }

    private func jobs(_ actions: [UpstreamAction]) -> [Job] {
        actions.compactMap { if case .activate(let job) = $0 { job } else { nil } }
    }

    @Test mutating func `it asks for templates that pay nobody else, and waits for one`() {
        let terms = CoinbaseConstraints(outputs: [], extranoncePrefixSize: 0, extranonceSize: 8)
        #expect(
            tell(.begin) == [.coinbaseConstraints(terms), .notice(.state(.waitingForTemplate))])
        #expect(upstream.state == .waitingForTemplate && upstream.currentJob == nil)
    }

    @Test mutating func `a proposal is a job at once, whose target is that of a block`() throws {
        _ = tell(.begin)
        let proposal = proposal()
        let actions = tell(.proposal(proposal))
        let job = try #require(jobs(actions).first)
        #expect(
            actions == [.activate(job), .acknowledged(job.origin), .notice(.state(.earning))])
        #expect(job.origin == JobOrigin(upstream: 7, jobNumber: 1))
        #expect(job.target == proposal.next.blockTarget && job.blockTarget == job.target)
        #expect(job.extranoncePrefix.isEmpty && job.extranonceSize == 8)
        #expect(job.versionMask == 0x1fff_e000)
        #expect(job.coinbasePrefix == proposal.coinbase.strippedPrefix)
        #expect(upstream.currentJob == job && !upstream.isCurrentJobVoid)
    }

    @Test mutating func `a new tip and the end of a stopgap are taken at once, more fees in their time`() {
        _ = tell(.begin)
        var stopgap = proposal(fees: 0)
        stopgap.isStopgap = true
        #expect(jobs(tell(.proposal(stopgap))).count == 1)
        let (second, third, fourth) = (proposal(), proposal(fees: 2_000), proposal(tip: 2, fees: 1))
        #expect(jobs(tell(.proposal(second))).count == 1)
        let actions = tell(.proposal(third))
        #expect(actions == [.wake(at: now + .seconds(5))])
        #expect(jobs(wait(4)).isEmpty)
        #expect(jobs(wait(1)).count == 1)
        #expect(jobs(tell(.proposal(fourth))).count == 1)
    }

    @Test mutating func `no rise of fees is no job`() {
        _ = tell(.begin)
        let (first, second) = (proposal(), proposal())
        _ = tell(.proposal(first))
        _ = tell(.proposal(second))
        #expect(jobs(wait(60)).isEmpty)
    }

    @Test mutating func `the same proposal with another coinbase is a job of its own, in its time`() {
        _ = tell(.begin)
        var proposal = proposal()
        _ = tell(.proposal(proposal))
        #expect(tell(.proposal(proposal)) == [.notice(.proposalDropped(id: proposal.id, .olderProposal))])
        proposal.coinbase.outputs = [TransactionOutput(value: .zero, script: [0x52])]
        _ = tell(.proposal(proposal))
        #expect(jobs(wait(5)).map(\.coinbaseSuffix) == [proposal.coinbase.strippedSuffix])
    }

    @Test mutating func `a block is published and accepted, whatever its tip`() throws {
        _ = tell(.begin)
        let (first, second) = (proposal(), proposal(tip: 2))
        let job = try #require(jobs(tell(.proposal(first))).first)
        let block = helper.share(of: job, nonce: 1, isBlock: true)
        #expect(tell(.share(block)) == [.block(block, first), .shareSettled(block, .accepted)])
        _ = tell(.proposal(second))
        let late = helper.share(of: job, nonce: 2, isBlock: true)
        #expect(tell(.share(late)) == [.block(late, first), .shareSettled(late, .lost(.staleTip))])
    }

    @Test mutating func `what is no block, or of no job, is settled too`() throws {
        _ = tell(.begin)
        let first = proposal()
        let job = try #require(jobs(tell(.proposal(first))).first)
        let small = helper.share(of: job, nonce: 1)
        #expect(tell(.share(small)) == [.shareSettled(small, .lost(.aboveTarget))])
        var foreign = helper.share(of: job, nonce: 2, isBlock: true)
        foreign.origin.upstream = 4
        #expect(tell(.share(foreign)) == [.shareSettled(foreign, .lost(.unknownJob))])
    }

    @Test mutating func `a proposal of another extranonce size is dropped with its reason`() {
        _ = tell(.begin)
        let proposal = proposal(size: 12)
        #expect(
            tell(.proposal(proposal))
                == [.notice(.proposalDropped(id: proposal.id, .extranonceSize(12, wanted: 8)))])
    }

    @Test mutating func `templates are kept for late blocks, and no more than four of them`() throws {
        _ = tell(.begin)
        var all = [Job]()
        for round in 1...100 as ClosedRange<UInt64> {
            let proposal = proposal(fees: round * 1_000)
            all += jobs(tell(.proposal(proposal)))
            all += jobs(wait(5))
        }
        #expect(all.count == 100)
        let blocks = try all.suffix(6).map { job -> Bool in
            let share = helper.share(of: job, nonce: 9, isBlock: true)
            return try #require(tell(.share(share)).first).isBlock
        }
        #expect(blocks == [false, false, true, true, true, true])
    }

    @Test mutating func `stop ends it, begin begins anew, and the job is hashed on in between`() throws {
        _ = tell(.begin)
        let first = proposal()
        let job = try #require(jobs(tell(.proposal(first))).first)
        #expect(tell(.stop) == [.notice(.state(.idle))])
        #expect(upstream.currentJob == job && upstream.isCurrentJobVoid)
        let block = helper.share(of: job, nonce: 1, isBlock: true)
        #expect(tell(.share(block)) == [.block(block, first), .shareSettled(block, .lost(.stopped))])
        _ = tell(.begin)
        #expect(upstream.currentJob == job && upstream.isCurrentJobVoid)
        #expect(jobs(tell(.proposal(first))).count == 1)
        #expect(upstream.state == .earning && !upstream.isCurrentJobVoid)
    }
}

extension UpstreamAction {
    fileprivate var isBlock: Bool { if case .block = self { true } else { false } }
}
