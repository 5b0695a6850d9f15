import BitcoinPrimitives
import SV1
import Testing
import Units

/// A client whose pool is the test.
private struct Script {
    var client: SV1Client
    var now = Instant(nanoseconds: 0)
    var actions: [SV1Client.Action] = []

    init(_ change: (inout SV1Client.Configuration) -> Void = { _ in }) {
        let url = PoolURL(speech: .stratumV1(tls: true), host: "pool.example", port: 443)
        var configuration = SV1Client.Configuration(url: url, user: "u", userAgent: "adit/1")
        change(&configuration)
        client = SV1Client(configuration: configuration, seed: 1)
    }

    mutating func tell(_ event: SV1Client.Event) { actions = client.handle(event, at: now) }

    mutating func hear(_ line: String) { tell(.received(Array(line.utf8))) }

    mutating func pass(_ time: Duration) {
        now = now + time
        tell(.woke)
    }

    var sent: [String] {
        actions.compactMap {
            if case .send(let line) = $0 { String(decoding: line.dropLast(), as: UTF8.self) } else { nil }
        }
    }

    var fault: SV1ClientFault? {
        actions.compactMap { if case .down(let fault, _) = $0 { fault } else { nil } }.first
    }

    var jobs: [SV1Job] { actions.compactMap { if case .job(let job) = $0 { job } else { nil } } }

    /// Up to `mining.authorize`, without version rolling.
    mutating func subscribe() {
        tell(.start)
        tell(.connected)
        hear(#"{"id":1,"result":{"version-rolling":false},"error":null}"#)
        hear(#"{"id":2,"result":[[],"08000002",4],"error":null}"#)
    }

    mutating func work() {
        subscribe()
        hear(#"{"id":3,"result":true,"error":null}"#)
        hear(RealLines.notify)
    }
}

@Suite struct ClientHandshakeTests {
    @Test func `configure comes first, then subscribe, then authorize and what is optional`() {
        var script = Script { $0.suggestedDifficulty = ShareDifficulty(1_000) }
        script.tell(.start)
        #expect(script.actions.first == .connect(host: "pool.example", port: 443, tls: true))
        script.tell(.connected)
        #expect(
            script.sent == [
                #"{"id":1,"method":"mining.configure","params":[["version-rolling","subscribe-extranonce"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2}]}"#,
                #"{"id":2,"method":"mining.subscribe","params":["adit/1"]}"#,
            ])
        script.hear(RealLines.antPoolSubscribed)
        #expect(
            script.sent == [
                #"{"id":3,"method":"mining.authorize","params":["u","x"]}"#,
                #"{"id":4,"method":"mining.suggest_difficulty","params":[1000]}"#,
                #"{"id":5,"method":"mining.extranonce.subscribe","params":[]}"#,
            ])
        // A suggestion that does not suit the pool changes nothing.
        script.hear(RealLines.antPoolUnfit)
        #expect(script.fault == nil)
        script.hear(#"{"id":"3","result":true}"#)
        #expect(script.actions.first == .working)
    }

    @Test func `answers may come in any order, and notifications before them`() {
        var script = Script()
        script.tell(.start)
        script.tell(.connected)
        script.hear(RealLines.braiinsMask)
        script.hear(RealLines.fractionalDifficulty)
        script.hear(RealLines.notify)
        script.hear(#"{"id":2,"result":[[],"08000002",4],"error":null}"#)
        #expect(script.jobs.isEmpty)
        script.hear(#"{"id":3,"result":true,"error":null}"#)
        #expect(script.jobs.count == 1)
        #expect(script.jobs.first?.versionMask == 0x1fff_e000)
        #expect(script.jobs.first?.difficulty == ShareDifficulty(1_024))
        #expect(script.jobs.first?.grant == ExtranonceGrant(extranonce1: [8, 0, 0, 2], extranonce2Size: 4))
        script.hear(#"{"id":1,"result":null,"error":[21,"ConfigurationOutOfOrder",null]}"#)
        #expect(script.client.isWorking)
    }

    @Test func `of a wider mask than asked for, what the chips can roll is used`() {
        var script = Script()
        script.tell(.start)
        script.tell(.connected)
        script.hear(RealLines.antPoolConfigured.replacing(#""id":4"#, with: #""id":1"#))
        script.hear(RealLines.niceHashSubscribed)
        script.hear(#"{"id":3,"result":true,"error":null}"#)
        script.hear(RealLines.notify)
        #expect(script.jobs.first?.versionMask == 0x1fff_e000)
    }

    @Test func `a first difficulty behind the first job is for that job too`() {
        var script = Script()
        script.work()
        #expect(script.jobs.first?.difficulty == .one)
        script.hear(RealLines.fractionalDifficulty)
        #expect(script.jobs.first?.difficulty == ShareDifficulty(1_024))
        #expect(script.jobs.first?.work.cleanJobs == true)
        script.hear(#"{"method":"mining.set_difficulty","params":[9]}"#)
        #expect(script.jobs.isEmpty)
    }

    @Test func `a refusal is a fault with the pool's own reason`() {
        var script = Script()
        script.subscribe()
        script.hear(RealLines.notAuthorized)
        #expect(script.fault == .authorizationRefused(code: 20, message: "Authorization validation error"))
        #expect(script.actions.first == .disconnect)

        script = Script()
        script.tell(.start)
        script.tell(.connected)
        script.hear(#"{"id":2,"result":null,"error":[20,"banned\u001b[31m",null]}"#)
        #expect(script.fault == .subscriptionRefused(code: 20, message: "banned [31m"))

        script = Script()
        script.subscribe()
        script.hear(#"{"id":3,"result":false,"error":null}"#)
        #expect(script.fault == .authorizationRefused(code: nil, message: ""))
    }

    @Test func `too little extranonce to roll is refused`() {
        var script = Script { $0.minimumExtranonce2Size = 4 }
        script.tell(.start)
        script.tell(.connected)
        script.hear(RealLines.niceHashSubscribed)
        #expect(script.fault == .extranonceTooShort(granted: 3, wanted: 4))
        script = Script { $0.minimumExtranonce2Size = 4 }
        script.work()
        script.hear(RealLines.niceHashExtranonce)
        #expect(script.fault == .extranonceTooShort(granted: 3, wanted: 4))
    }

    static let stages: [(Int, Duration, SV1ClientFault.Deadline)] = [
        (0, .seconds(15), .connect), (1, .seconds(10), .subscribe), (2, .seconds(10), .authorize),
        (3, .seconds(60), .firstJob), (4, .seconds(180), .silence),
    ]

    @Test(arguments: stages)
    func `every state has its deadline`(stage: Int, time: Duration, deadline: SV1ClientFault.Deadline) {
        var script = Script()
        script.tell(.start)
        if stage > 0 { script.tell(.connected) }
        if stage > 1 { script.hear(#"{"id":2,"result":[[],"08000002",4],"error":null}"#) }
        if stage > 2 { script.hear(#"{"id":3,"result":true,"error":null}"#) }
        if stage > 3 { script.hear(RealLines.notify) }
        #expect(script.actions.contains(.wake(at: script.now + time)))
        script.pass(time - .nanoseconds(1))
        #expect(script.fault == nil)
        script.pass(.nanoseconds(1))
        #expect(script.fault == .deadline(deadline))
        #expect(script.actions.first == .disconnect)
        guard
            case .down(_, let wait?)? = script.actions.first(where: {
                if case .down = $0 { true } else { false }
            })
        else {
            Issue.record("no retry")
            return
        }
        #expect((.milliseconds(500)...(.seconds(1))).contains(wait))
        script.pass(wait)
        #expect(script.actions.first == .connect(host: "pool.example", port: 443, tls: true))
    }

    @Test func `after two connections closed without a word, the next begins without configure`() {
        var script = Script()
        script.tell(.start)
        for number in 0..<4 {
            script.tell(.connected)
            #expect(script.sent.contains { $0.contains("mining.configure") } == (number != 2))
            script.tell(.disconnected)
            #expect(script.fault == .disconnected)
            script.pass(.seconds(60))
        }
    }

    @Test(arguments: [
        "nonsense", "[]", #"{"id":1}"#, #"{"method":"mining.notify","params":["a"]}"#,
        #"{"method":"mining.set_difficulty","params":[0]}"#,
    ])
    func `a line that is no message ends the connection, and is shown`(line: String) {
        var script = Script()
        script.work()
        script.hear(line)
        guard case .badLine(_, let shown)? = script.fault else {
            Issue.record("taken")
            return
        }
        #expect(shown == line)
    }

    @Test func `stop ends everything, and what reports late changes nothing`() {
        var script = Script()
        script.work()
        script.tell(.stop)
        #expect(script.actions == [.disconnect, .down(.stopped, retryAfter: nil)])
        script.tell(.disconnected)
        #expect(script.actions.isEmpty)
        script.hear(RealLines.notify)
        #expect(script.actions.isEmpty)
        script.pass(.seconds(1_000))
        #expect(script.actions.isEmpty)
    }
}

@Suite struct ClientShareTests {
    /// Of the job in `RealLines.notify`, at a difficulty that one hash in four meets.
    private func working() -> Script {
        var script = Script()
        script.subscribe()
        script.hear(#"{"method":"mining.set_difficulty","params":[1e-9]}"#)
        script.hear(#"{"id":3,"result":true,"error":null}"#)
        script.hear(RealLines.notify)
        return script
    }

    private func share(_ job: SV1Job, _ ticket: UInt64) -> SV1Client.Share {
        let extranonce2: [UInt8] = [0, 0, UInt8(ticket >> 8), UInt8(ticket & 255)]
        let nonce = (UInt32(0)...10_000).first {
            let header = job.header(
                extranonce2: extranonce2, version: job.work.version, time: job.work.time, nonce: $0)
            return job.target.isMet(by: header.hash)
        }
        return SV1Client.Share(
            job: job.serial, extranonce2: extranonce2, version: job.work.version, time: job.work.time,
            nonce: nonce ?? 0, ticket: ticket)
    }

    @Test func `without version rolling a share has five parameters`() throws {
        var script = working()
        let job = try #require(script.jobs.first)
        let found = share(job, 5)
        script.tell(.submit(found))
        let nonce = [UInt8](withUnsafeBytes(of: found.nonce.bigEndian) { Array($0) }).hex
        #expect(
            script.sent == [
                #"{"id":5,"method":"mining.submit","params":["u","1b4c3d9041","00000005","64495522","\#(nonce)"]}"#
            ])
    }

    static let refusals: [(String, ShareRejection)] = [
        (
            #""result":null,"error":[21,"Job not found",null]"#,
            ShareRejection(.stale, message: "Job not found")
        ),
        (#""result":null,"error":[22,"",null]"#, ShareRejection(.duplicate, message: "")),
        (
            #""result":null,"error":[23,"high-hash",null]"#,
            ShareRejection(.lowDifficulty, message: "high-hash")
        ),
        (#""result":false,"error":[24,"u"]"#, ShareRejection(.unauthorized, message: "u")),
        (#""error":[25,"Not subscribed",null]"#, ShareRejection(.notSubscribed, message: "Not subscribed")),
        (
            #""result":null,"error":[20,"Duplicate share",null]"#,
            ShareRejection(.duplicate, message: "Duplicate share")
        ),
        (
            #""result":false,"error":null,"reject-reason":"Above target""#,
            ShareRejection(.lowDifficulty, message: "Above target")
        ),
        (#""result":false,"error":null,"reject-reason":"Stale""#, ShareRejection(.stale, message: "Stale")),
        (
            #""result":null,"error":[20,"time-too-new",null]"#,
            ShareRejection(.other(20), message: "time-too-new")
        ),
        (#""result":false,"error":null"#, ShareRejection(.other(nil), message: "")),
        (#""result":null,"error":null"#, ShareRejection(.other(nil), message: "")),
    ]

    @Test(arguments: refusals)
    func `a refused share has its reason`(answer: String, expected: ShareRejection) throws {
        var script = working()
        script.tell(.submit(share(try #require(script.jobs.first), 9)))
        script.hear(#"{"id":5,\#(answer)}"#)
        #expect(script.actions.first == .shareRejected(ticket: 9, expected))
        script.hear(#"{"id":5,\#(answer)}"#)
        #expect(script.actions.first == .ignored("an answer to nothing that waits"))
    }

    @Test func `answers come in any order and find their share, with an id as text too`() throws {
        var script = working()
        let job = try #require(script.jobs.first)
        for ticket in 1...3 { script.tell(.submit(share(job, UInt64(ticket)))) }
        script.hear(#"{"id":7,"result":true,"error":null}"#)
        #expect(script.actions.first == .shareAccepted(ticket: 3))
        script.hear(#"{"id":"5","result":true,"error":null}"#)
        #expect(script.actions.first == .shareAccepted(ticket: 1))
    }

    @Test func `of more than 256 shares without an answer the oldest is given up`() throws {
        var script = working()
        let job = try #require(script.jobs.first)
        for ticket in 0..<256 { script.tell(.submit(share(job, UInt64(ticket)))) }
        script.tell(.submit(share(job, 256)))
        #expect(script.actions.first == .shareUnanswered(ticket: 0))
        #expect(script.sent.count == 1)
    }

    @Test func `a share that is not answered for a minute is reported, and so is one at the end`() throws {
        var script = working()
        let job = try #require(script.jobs.first)
        script.tell(.submit(share(job, 1)))
        script.pass(.seconds(59))
        script.tell(.submit(share(job, 2)))
        script.pass(.seconds(1))
        #expect(script.actions.first == .shareUnanswered(ticket: 1))
        script.tell(.disconnected)
        #expect(script.actions.first == .shareUnanswered(ticket: 2))
    }

    @Test func `of more than 64 jobs of one tip the oldest is stale`() throws {
        var script = working()
        let first = try #require(script.jobs.first)
        for number in 0..<64 { script.hear(RealLines.notify.replacing("1b4c3d9041", with: "j\(number)")) }
        script.tell(.submit(share(first, 1)))
        #expect(script.actions.first == .shareWithheld(ticket: 1, .staleJob))
    }

    @Test func `questions of the pool are answered, its words are made printable`() {
        var script = working()
        script.hear(#"{"id":"v","method":"client.get_version","params":[]}"#)
        #expect(script.sent == [#"{"id":"v","result":"adit/1","error":null}"#])
        script.hear(#"{"id":8,"method":"mining.ping"}"#)
        #expect(script.sent == [#"{"id":8,"result":"pong","error":null}"#])
        script.hear(#"{"id":9,"method":"mining.dance"}"#)
        #expect(script.sent == [#"{"id":9,"result":null,"error":[20,"unknown method",null]}"#])
        script.hear(#"{"id":null,"method":"client.show_message","params":["a\u001b[2Jb\n"]}"#)
        #expect(script.actions.first == .message("a [2Jb "))
    }
}
