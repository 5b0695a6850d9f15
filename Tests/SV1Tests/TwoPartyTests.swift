import BitcoinPrimitives
import SV1
import Testing
import Units

@Suite struct TwoPartyTests {
    @Test func `a client subscribes, mines, and its shares are the server's`() throws {
        var world = TwoParties.usual()
        world.sharesPerJob = 3
        world.tellServer(.job(TwoParties.work(1)))
        world.start()
        world.run(for: .seconds(1))
        world.tellServer(.job(TwoParties.work(1, 1)))
        world.run(for: .seconds(5))
        #expect(world.client.isWorking)
        #expect(world.jobs.map(\.versionMask) == [0x1fff_e000, 0x1fff_e000])
        #expect(world.jobs.map(\.work.cleanJobs) == [true, false])
        #expect(world.jobs[0].difficulty == TwoParties.easy)
        #expect(world.accepted.count == 6)
        #expect(world.outcomes.count == 6)
        for (ticket, outcome) in world.outcomes { #expect(outcome == [.shareAccepted(ticket: ticket)]) }
        #expect(Set(world.accepted.map(\.hash)).count == 6)
        #expect(world.accepted.allSatisfy { $0.user == "address.worker" && $0.hash == $0.header.hash })
        // Both ends built the same headers.
        for share in world.submitted.values {
            let job = try #require(world.jobs.first { $0.serial == share.job })
            let header = job.header(
                extranonce2: share.extranonce2, version: share.version, time: share.time, nonce: share.nonce)
            #expect(world.accepted.contains { $0.header == header })
        }
    }

    @Test(arguments: 0...24)
    func `wherever the line breaks, the client comes back and no share counts twice`(lines: Int) {
        var world = TwoParties.usual()
        world.sharesPerJob = 4
        world.linesPerLink = lines
        world.cutsOnce = true
        world.tellServer(.job(TwoParties.work(1)))
        world.start()
        world.schedule(after: .milliseconds(700), .act { $0.tellServer(.job(TwoParties.work(1, 1))) })
        world.schedule(after: .seconds(6), .act { $0.tellServer(.job(TwoParties.work(2))) })
        world.run(for: .seconds(20))
        #expect(world.client.isWorking)
        #expect(world.client.currentJob?.work.previousBlock == Hash256(hashing: [2]))
        #expect(world.server.connectionCount == 1)
        #expect(Set(world.accepted.map(\.hash)).count == world.accepted.count)
        #expect(world.submitted.count >= 8)
        // Each share has exactly one outcome, and none is claimed that the server does not have.
        #expect(Set(world.outcomes.keys) == Set(world.submitted.keys))
        #expect(world.outcomes.values.allSatisfy { $0.count == 1 })
        let claimed = world.outcomes.filter { $1[0] == .shareAccepted(ticket: $0) }
        #expect(claimed.count <= world.accepted.count)
        #expect(claimed.count >= 4)
        // The server has at most those more whose answer the break has swallowed.
        let unknown = world.outcomes.filter { $1[0] == .shareUnanswered(ticket: $0) }
        #expect(world.accepted.count <= claimed.count + unknown.count)
    }

    @Test(arguments: [0, 2, 5])
    func `a line that always breaks is tried again and again, ever less often`(lines: Int) {
        var world = TwoParties.usual()
        world.linesPerLink = lines
        world.tellServer(.job(TwoParties.work(1)))
        world.start()
        world.run(for: .seconds(1_800))
        let tries = world.endpoints.count
        // 1, 2, 4 … 60 s, of each at least half: no more than 60 in half an hour, no fewer than 25.
        #expect((25...75).contains(tries))
        #expect(world.server.connectionCount <= 1)
    }

    @Test func `a server that is gone is found again when it is back`() {
        var world = TwoParties.usual()
        world.isDown = true
        world.start()
        world.run(for: .seconds(300))
        #expect(world.downs.allSatisfy { $0 == .disconnected })
        #expect(world.downs.count >= 6)
        world.isDown = false
        world.tellServer(.job(TwoParties.work(1)))
        world.run(for: .seconds(62))
        #expect(world.client.isWorking)
    }

    @Test func `a new tip makes the old shares stale, and they are not sent`() {
        var world = TwoParties.usual()
        world.tellServer(.job(TwoParties.work(1)))
        world.start()
        world.run(for: .seconds(1))
        let old = world.jobs[0]
        world.tellServer(.job(TwoParties.work(2)))
        world.run(for: .seconds(1))
        let ticket = world.find(in: old, 1)
        #expect(world.outcomes[ticket] == [.shareWithheld(ticket: ticket, .staleJob)])
        // One that was on its way when the tip changed is refused by the server.
        world.tellServer(.job(TwoParties.work(3)))
        let late = world.find(in: world.jobs[1], 2)
        world.run(for: .seconds(1))
        guard case .shareRejected(_, let rejection)? = world.outcomes[late]?.first else {
            Issue.record("not rejected: \(world.outcomes)")
            return
        }
        #expect(rejection == ShareRejection(.stale, message: "Job not found"))
    }

    @Test func `a block of a job that was cleaned away still goes out`() {
        var world = TwoParties.usual()
        var work = TwoParties.work(1)
        work.bits = CompactTarget(bits: 0x207f_ffff)
        world.tellServer(.job(work))
        world.start()
        world.run(for: .seconds(1))
        let old = world.jobs[0]
        world.tellServer(.job(TwoParties.work(2)))
        world.run(for: .seconds(1))
        let ticket = world.find(in: old, 1)
        world.run(for: .seconds(1))
        guard case .shareRejected(_, let rejection)? = world.outcomes[ticket]?.first else {
            Issue.record("withheld")
            return
        }
        #expect(rejection.reason == .stale)
    }

    @Test func `difficulty belongs to the job, and the first one to the job before it too`() {
        var world = TwoParties.usual()
        world.tellServer(.job(TwoParties.work(1)))
        world.start()
        world.run(for: .seconds(1))
        world.tellServer(.setDifficulty(1, TwoParties.harder))
        world.run(for: .seconds(1))
        #expect(world.jobs.map(\.difficulty) == [TwoParties.easy])
        let old = world.find(in: world.jobs[0], 1)
        world.tellServer(.job(TwoParties.work(1, 1)))
        world.run(for: .seconds(1))
        #expect(world.jobs.map(\.difficulty) == [TwoParties.easy, TwoParties.harder])
        let new = world.find(in: world.jobs[1], 2)
        world.run(for: .seconds(1))
        #expect(world.outcomes[old] == [.shareAccepted(ticket: old)])
        #expect(world.outcomes[new] == [.shareAccepted(ticket: new)])
        #expect(world.accepted.map(\.difficulty) == [TwoParties.easy, TwoParties.harder])
    }

    @Test func `rolled version bits reach the header`() {
        var world = TwoParties.usual()
        world.tellServer(.job(TwoParties.work(1)))
        world.start()
        world.run(for: .seconds(1))
        world.find(in: world.jobs[0], 1, versionBits: 0x0f0f_e000)
        world.run(for: .seconds(1))
        #expect(world.accepted.map(\.header.version) == [0x2f0f_e000])
    }

    @Test func `a narrower mask is a new job, and shares that no longer fit are kept back`() {
        var world = TwoParties.usual()
        world.tellServer(.job(TwoParties.work(1)))
        world.start()
        world.run(for: .seconds(1))
        world.tellServer(.setVersionMask(0x0000_6000))
        world.run(for: .seconds(1))
        #expect(world.jobs.map(\.versionMask) == [0x1fff_e000, 0x6000])
        #expect(world.jobs[1].work.jobID == world.jobs[0].work.jobID)
        let wide = world.find(in: world.jobs[0], 1, versionBits: 0x0800_0000)
        let narrow = world.find(in: world.jobs[0], 2, versionBits: 0x2000)
        let new = world.find(in: world.jobs[1], 3, versionBits: 0x4000)
        world.run(for: .seconds(1))
        #expect(world.outcomes[wide] == [.shareWithheld(ticket: wide, .versionBits)])
        #expect(world.outcomes[narrow] == [.shareAccepted(ticket: narrow)])
        #expect(world.outcomes[new] == [.shareAccepted(ticket: new)])
    }

    @Test func `a new extranonce is for new jobs, on the same connection`() {
        var world = TwoParties.usual()
        world.tellServer(.job(TwoParties.work(1)))
        world.start()
        world.run(for: .seconds(1))
        world.tellServer(.setExtranonce(prefix: [0xAA, 0xBB], extranonce2Size: 6))
        world.tellServer(.job(TwoParties.work(1, 1, clean: true)))
        world.run(for: .seconds(1))
        #expect(world.jobs.count == 2)
        #expect(world.jobs[1].grant.extranonce1.starts(with: [0xAA, 0xBB]))
        #expect(world.jobs[1].grant.extranonce2Size == 6)
        let ticket = world.find(in: world.jobs[1], 1)
        world.run(for: .seconds(1))
        #expect(world.outcomes[ticket] == [.shareAccepted(ticket: ticket)])
        #expect(world.accepted[0].extranonce.starts(with: [0xAA, 0xBB]))
        #expect(world.accepted[0].extranonce.count == 2 + 4 + 6)
        #expect(world.endpoints.count == 1)
    }

    @Test func `asked to come elsewhere in its domain, the client goes; once a minute, and nowhere else`() {
        var world = TwoParties.usual()
        world.tellServer(.job(TwoParties.work(1)))
        world.start()
        world.run(for: .seconds(1))
        world.tellServer(.reconnect(1, host: "thief.example", port: 1, wait: 0))
        world.tellServer(.reconnect(1, host: "eu.pool.example.thief.net", port: 1, wait: 0))
        world.tellServer(.reconnect(1, host: "192.0.2.9", port: 1, wait: 0))
        world.run(for: .seconds(1))
        #expect(world.client.isWorking)
        #expect(world.clientActions.contains(.reconnectRefused(host: "thief.example", port: 1)))
        #expect(world.endpoints.count == 1)
        world.tellServer(.reconnect(1, host: "us.pool.example", port: nil, wait: 3))
        world.run(for: .seconds(2))
        #expect(world.endpoints.count == 1)
        world.run(for: .seconds(3))
        #expect(world.endpoints == ["eu.pool.example:3333", "us.pool.example:3333"])
        #expect(world.client.isWorking)
        world.tellServer(.reconnect(2, host: "eu.pool.example", port: nil, wait: 0))
        world.run(for: .seconds(1))
        #expect(world.clientActions.contains(.reconnectRefused(host: "eu.pool.example", port: 3_333)))
        // A host that does not answer is left for the configured one.
        world.isDown = true
        world.cut()
        world.run(for: .seconds(10))
        #expect(world.endpoints.last == "eu.pool.example:3333")
    }

    @Test func `what the client withholds the server would have refused`() {
        var world = TwoParties.usual()
        world.tellServer(.job(TwoParties.work(1)))
        world.start()
        world.run(for: .seconds(1))
        let job = world.jobs[0]
        var short = world.share(in: job, 1)
        short.extranonce2.removeLast()
        let above = world.submit(world.share(in: job, 2, meetsTarget: false))
        let size = world.submit(short)
        var unknown = world.share(in: job, 3)
        unknown.job = 77
        let stale = world.submit(unknown)
        #expect(world.outcomes[above] == [.shareWithheld(ticket: above, .aboveTarget)])
        #expect(world.outcomes[size] == [.shareWithheld(ticket: size, .extranonceSize)])
        #expect(world.outcomes[stale] == [.shareWithheld(ticket: stale, .staleJob)])
        world.cut()
        world.run(for: .milliseconds(100))
        let late = world.find(in: job, 4)
        #expect(world.outcomes[late] == [.shareWithheld(ticket: late, .notWorking)])
    }
}
