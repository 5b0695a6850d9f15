import BitcoinPrimitives
import SV1
import TestSupport
import Testing
import Units

/// A server whose miners are the test.
private struct Script {
    var server: SV1Server
    var now = Instant(nanoseconds: 0)
    var actions: [SV1Server.Action] = []
    /// Every line of the server, by connection.
    var heard: [UInt64: [String]] = [:]

    init(_ change: (inout SV1Server.Configuration) -> Void = { _ in }) {
        var configuration = SV1Server.Configuration()
        configuration.startDifficulty = TwoParties.easy
        configuration.minimumDifficulty = TwoParties.easy
        change(&configuration)
        server = SV1Server(configuration: configuration)
    }

    mutating func tell(_ event: SV1Server.Event) {
        actions = server.handle(event, at: now)
        for case .send(let connection, let line) in actions {
            heard[connection, default: []].append(String(decoding: line.dropLast(), as: UTF8.self))
        }
    }

    mutating func say(_ line: String, on connection: UInt64 = 1) {
        heard[connection] = []
        tell(.received(connection, Array(line.utf8)))
    }

    mutating func ready(_ connection: UInt64 = 1, configure: Bool = false) {
        tell(.connected(connection))
        if configure { say(RealLines.bitaxeConfigure, on: connection) }
        say(RealLines.bitaxeSubscribe, on: connection)
        say(#"{"id":3,"method":"mining.authorize","params":["a.w","x"]}"#, on: connection)
    }

    /// The line of a share: connection `connection`, job `id`, found by trying.
    func share(
        of work: NotifyParameters, id: Int, connection: UInt64 = 1, salt: UInt8 = 0, meets: Target? = nil,
        time: UInt32? = nil, bits: UInt32? = nil, name: String = "a.w", extranonce2: [UInt8]? = nil
    ) -> String {
        let extranonce2 = extranonce2 ?? [0, 0, 0, salt]
        let grant = ExtranonceGrant(
            extranonce1: server.configuration.extranoncePrefix + [0, 0, 0, UInt8(connection)],
            extranonce2Size: extranonce2.count)
        let job = SV1Job(
            serial: 0, work: work, grant: grant, versionMask: 0, difficulty: TwoParties.easy)
        let version = work.version | (bits ?? 0)
        let nonce = (UInt32(0)...100_000).first {
            let hash = job.header(
                extranonce2: extranonce2, version: version, time: time ?? work.time, nonce: $0
            ).hash
            guard let meets else { return !TwoParties.easy.target.isMet(by: hash) }
            return meets.isMet(by: hash)
        }
        let share = SubmitParameters(
            user: name, jobID: String(id, radix: 16), extranonce2: extranonce2, time: time ?? work.time,
            nonce: nonce ?? 0, versionBits: bits)
        return String(decoding: MinerMessage.submit(.number(9), share).line.dropLast(), as: UTF8.self)
    }

    var accepted: [SV1AcceptedShare] {
        actions.compactMap { if case .share(let share) = $0 { share } else { nil } }
    }

    var rejected: ShareRejection? {
        actions.compactMap { if case .shareRejected(_, _, let why) = $0 { why } else { nil } }.first
    }
}

private let easy = TwoParties.easy.target

@Suite struct ServerHandshakeTests {
    @Test func `a bitaxe is served in its order of messages`() {
        var script = Script()
        script.tell(.job(TwoParties.work(1)))
        script.tell(.connected(1))
        script.say(RealLines.bitaxeConfigure)
        #expect(
            script.heard[1] == [
                #"{"id":1,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}"#
            ])
        script.say(RealLines.bitaxeSubscribe)
        #expect(
            script.heard[1] == [
                #"{"id":2,"result":[[["mining.set_difficulty","00000001"],["mining.notify","00000001"]],"00000001",4],"error":null}"#
            ])
        script.say(#"{"id": 3, "method": "mining.authorize", "params": ["bc1q.bitaxe", "x"]}"#)
        #expect(script.heard[1]?[0] == #"{"id":3,"result":true,"error":null}"#)
        #expect(
            script.heard[1]?[1] == #"{"id":null,"method":"mining.set_difficulty","params":[0.000000001]}"#)
        #expect(script.heard[1]?[2].contains("mining.notify") == true)
        #expect(script.heard[1]?.count == 3)
        #expect(script.actions.contains(.authorized(1, user: "bc1q.bitaxe", password: "x")))
        script.say(RealLines.bitaxeSuggest)
        #expect(
            script.heard[1] == [
                #"{"id":4,"result":true,"error":null}"#,
                #"{"id":null,"method":"mining.set_difficulty","params":[1000]}"#,
            ])
    }

    @Test
    func `authorize before subscribe, ids as text, methods in capitals, nothing but the name: all served`() {
        var script = Script()
        script.tell(.job(TwoParties.work(1)))
        script.tell(.connected(1))
        script.say(#"{"id":"one","method":"Mining.Authorize","params":["a.w"]}"#)
        #expect(script.heard[1] == [#"{"id":"one","result":true,"error":null}"#])
        script.say(#"{"id":"two","method":"MINING.SUBSCRIBE"}"#)
        #expect(script.heard[1]?[0].hasPrefix(#"{"id":"two","result":[[["mining.set_difficulty""#) == true)
        #expect(script.heard[1]?.count == 3)
        // Once more gives the same, and no second job.
        let first = script.heard[1]?[0] ?? ""
        script.say(#"{"id":"two","method":"mining.subscribe"}"#)
        #expect(script.heard[1] == [first])
    }

    @Test func `extensions are answered one by one, unknown ones with no`() {
        var script = Script { $0.versionMask = 0x1800_0000 }
        script.tell(.connected(1))
        script.say(RealLines.bip310Configure)
        #expect(
            script.heard[1] == [
                #"{"id":1,"result":{"minimum-difficulty":true,"version-rolling":true,"version-rolling.mask":"18000000"},"error":null}"#
            ])
        script.say(
            #"{"id":2,"method":"mining.configure","params":[["info","version-rolling"],{"version-rolling.mask":"0000e000"}]}"#
        )
        #expect(
            script.heard[1] == [#"{"id":2,"result":{"info":false,"version-rolling":false},"error":null}"#])
        script.say(RealLines.bitaxeSubscribe)
        script.say(#"{"id":3,"method":"mining.authorize","params":["a","x"]}"#)
        // The minimum difficulty asked for above.
        #expect(script.heard[1]?[1] == #"{"id":null,"method":"mining.set_difficulty","params":[2048]}"#)
        script.say(RealLines.bitaxeSuggest)
        #expect(script.heard[1] == [#"{"id":4,"result":true,"error":null}"#])
    }

    @Test func `no two connections have one extranonce, and the prefix stands before it`() {
        var script = Script {
            $0.extranoncePrefix = [0xAB]; $0.connectionBytes = 2
        }
        var seen = Set<[UInt8]>()
        for connection in 1...300 {
            script.tell(.connected(UInt64(connection)))
            script.say(RealLines.antminerSubscribe, on: UInt64(connection))
            for case .subscribed(_, _, let grant) in script.actions {
                #expect(grant.extranonce1.count == 3 && grant.extranonce1[0] == 0xAB)
                seen.insert(grant.extranonce1)
            }
            if connection % 3 == 0 { script.tell(.disconnected(UInt64(connection))) }
        }
        #expect(seen.count == 300)
        #expect(script.server.connectionCount == 200)
    }

    @Test func `who may not come in is told so`() {
        var script = Script { $0.admission = .only(["a.w"]) }
        script.tell(.connected(1))
        script.say(#"{"id":3,"method":"mining.authorize","params":["thief","x"]}"#)
        #expect(script.heard[1] == [#"{"id":3,"result":null,"error":[24,"Unauthorized worker",null]}"#])
        #expect(script.actions.contains(.refused(1, user: "thief")))
        script.say(#"{"id":4,"method":"mining.authorize","params":["a.w","x"]}"#)
        #expect(script.heard[1] == [#"{"id":4,"result":true,"error":null}"#])
    }

    @Test func `connections, names and bad lines are bounded`() {
        var script = Script { $0.maximumConnections = 2 }
        for connection in UInt64(1)...3 { script.tell(.connected(connection)) }
        #expect(script.actions == [.close(3, .tooManyConnections(limit: 2))])
        for number in 0..<16 { script.say(#"{"id":1,"method":"mining.authorize","params":["n\#(number)"]}"#) }
        #expect(script.heard[1] == [#"{"id":1,"result":true,"error":null}"#])
        script.say(#"{"id":1,"method":"mining.authorize","params":["one too many"]}"#)
        #expect(script.heard[1] == [#"{"id":1,"result":null,"error":[24,"Unauthorized worker",null]}"#])
        for _ in 0..<7 {
            script.say("{{{{", on: 2)
            #expect(
                script.heard[2] == [
                    #"{"id":null,"result":null,"error":[20,"no JSON: unexpected byte {, at byte 1",null]}"#
                ])
        }
        script.say(#"{"id":5,"method":"mining.authorize"}"#, on: 2)
        #expect(script.heard[2] == [#"{"id":5,"result":null,"error":[20,"params[0] user is missing",null]}"#])
        #expect(
            script.actions.last
                == .close(2, .badLines(count: 8, last: .field("params[0] user", .missing))))
    }

    @Test func `who does not subscribe in time is closed, and so is who falls silent`() {
        var script = Script()
        script.ready(1)
        script.tell(.connected(2))
        var closed: [UInt64: (Int, SV1ServerClosure)] = [:]
        for second in stride(from: 5, through: 1_300, by: 5) {
            script.now = Instant(nanoseconds: Int64(second) * 1_000_000_000)
            script.tell(.woke)
            for case .close(let connection, let why) in script.actions { closed[connection] = (second, why) }
        }
        #expect(closed[2]?.0 == 30 && closed[2]?.1 == .handshakeDeadline)
        #expect(closed[1]?.0 == 1_200 && closed[1]?.1 == .silence)
        #expect(script.server.connectionCount == 0)
    }

    @Test func `methods without use here are refused by name, and never close`() {
        var script = Script()
        script.ready()
        for method in ["mining.get_transactions", "mining.multi_version", "eth_submitLogin"] {
            script.say(#"{"id":7,"method":"\#(method)","params":[]}"#)
            #expect(script.heard[1] == [#"{"id":7,"result":null,"error":[20,"unknown method",null]}"#])
            #expect(script.actions.contains(.ignored(1, method)))
        }
        script.say(#"{"id":8,"method":"mining.ping","params":[]}"#)
        #expect(script.heard[1] == [#"{"id":8,"result":"pong","error":null}"#])
    }
}

@Suite struct ServerShareTests {
    private let work = TwoParties.work(1)

    @Test func `checks come in their order`() {
        var script = Script()
        script.tell(.job(work))
        script.tell(.connected(1))
        script.say(script.share(of: work, id: 1, meets: easy))
        #expect(script.rejected?.reason == .notSubscribed)
        script.say(RealLines.bitaxeSubscribe)
        script.say(script.share(of: work, id: 1, meets: easy))
        #expect(script.rejected?.reason == .unauthorized)
        script.say(#"{"id":3,"method":"mining.authorize","params":["a.w","x"]}"#)
        script.say(script.share(of: work, id: 2, meets: easy))
        #expect(script.rejected == ShareRejection(.stale, message: "Job not found"))
        script.say(script.share(of: work, id: 1, meets: easy, extranonce2: [0, 0, 0]))
        #expect(script.rejected?.message == "extranonce2 has 3 bytes, not 4")
        for time in [work.time - 1, work.time + 7_201] {
            script.say(script.share(of: work, id: 1, meets: easy, time: time))
            #expect(script.rejected?.message == "ntime out of range")
        }
        script.say(script.share(of: work, id: 1, meets: easy, bits: 0x2000))
        #expect(script.rejected?.message == "version bits outside the mask")
        script.say(script.share(of: work, id: 1))
        #expect(script.rejected?.reason == .lowDifficulty)
        #expect(script.heard[1] == [#"{"id":9,"result":null,"error":[23,"Low difficulty share",null]}"#])
        let good = script.share(of: work, id: 1, meets: easy, time: work.time + 7_200)
        script.say(good)
        #expect(script.heard[1] == [#"{"id":9,"result":true,"error":null}"#])
        #expect(script.accepted.first?.difficulty == TwoParties.easy)
        #expect(script.accepted.first?.isBlock == false)
        script.say(good)
        #expect(script.rejected?.reason == .duplicate)
    }

    @Test func `rolled bits count where rolling was granted, and only within the mask`() {
        var script = Script()
        script.tell(.job(work))
        script.ready(configure: true)
        script.say(script.share(of: work, id: 1, meets: easy, bits: 0x0800_2000))
        #expect(script.accepted.first?.header.version == 0x2800_2000)
        script.say(script.share(of: work, id: 1, salt: 1, meets: easy, bits: 0x8000_0000))
        #expect(script.rejected?.message == "version bits outside the mask")
        // Firmware that leaves the sixth parameter out rolls nothing.
        script.say(script.share(of: work, id: 1, salt: 2, meets: easy))
        #expect(script.accepted.first?.header.version == 0x2000_0000)
        // A mask that is taken away leaves shares on their way whole.
        script.tell(.setVersionMask(0))
        script.say(script.share(of: work, id: 1, salt: 3, meets: easy, bits: 0x2000))
        #expect(script.accepted.first?.header.version == 0x2000_2000)
        script.tell(.job(TwoParties.work(1, 1)))
        script.say(script.share(of: TwoParties.work(1, 1), id: 2, salt: 4, meets: easy, bits: 0x2000))
        #expect(script.rejected?.message == "version bits outside the mask")
    }

    @Test func `a name cut short is the one user of the connection, of two it is nobody`() {
        var script = Script()
        script.tell(.job(work))
        script.ready()
        script.say(script.share(of: work, id: 1, meets: easy, name: "a"))
        #expect(script.accepted.first?.user == "a.w")
        script.say(#"{"id":3,"method":"mining.authorize","params":["b.w","x"]}"#)
        script.say(script.share(of: work, id: 1, salt: 1, meets: easy, name: "a"))
        #expect(script.rejected?.reason == .unauthorized)
    }

    @Test func `jobs belong to who was given them, and a clean job ends those before`() {
        var script = Script()
        script.tell(.job(work))
        script.ready(1)
        let second = TwoParties.work(1, 1)
        script.tell(.job(second))
        script.ready(2)
        script.say(script.share(of: work, id: 1, meets: easy))
        #expect(script.accepted.count == 1)
        // The second miner has never seen the first job.
        script.say(script.share(of: work, id: 1, connection: 2, meets: easy), on: 2)
        #expect(script.rejected?.reason == .stale)
        // Nor is the first miner's share its own.
        script.say(script.share(of: second, id: 2, connection: 1, meets: Target(leadingZeroBits: 8)), on: 2)
        #expect(script.accepted.isEmpty)
        script.tell(.job(TwoParties.work(1, 2, clean: true)))
        script.say(script.share(of: second, id: 2, salt: 7, meets: easy))
        #expect(script.rejected?.reason == .stale)
    }

    @Test func `a header counts once per tip, also behind a clean job and a new connection`() {
        var script = Script()
        script.tell(.job(work))
        script.ready()
        let line = script.share(of: work, id: 1, meets: easy)
        script.say(line)
        #expect(script.accepted.count == 1)
        var again = work
        again.cleanJobs = true
        script.tell(.job(again))
        script.say(line.replacing(#""1","0000"#, with: #""2","0000"#))
        #expect(script.rejected?.reason == .duplicate)
    }

    @Test func `of two difficulties the easier one counts for a job between them`() {
        var script = Script()
        script.tell(.job(work))
        script.ready()
        script.tell(.setDifficulty(1, TwoParties.harder))
        script.say(script.share(of: work, id: 1, meets: easy))
        #expect(script.accepted.first?.difficulty == TwoParties.easy)
        script.tell(.job(TwoParties.work(1, 1)))
        let weak = script.share(of: TwoParties.work(1, 1), id: 2, meets: easy)
        script.say(weak)
        let isWeak = script.accepted.isEmpty
        if isWeak { #expect(script.rejected?.reason == .lowDifficulty) }
        script.tell(.setDifficulty(1, TwoParties.easy))
        script.say(weak)
        if isWeak { #expect(script.accepted.first?.difficulty == TwoParties.easy) }
        #expect(isWeak, "choose another variant: this share happens to meet the harder target")
    }

    @Test func `the memory for duplicates is bounded, and a block is taken even then`() {
        var script = Script { $0.maximumSeenPerConnection = 3 }
        var block = work
        block.bits = CompactTarget(bits: 0x1f7f_ffff)
        script.tell(.job(block))
        script.ready()
        for salt in UInt8(0)..<3 {
            script.say(script.share(of: block, id: 1, salt: salt, meets: easy))
            #expect(script.accepted.count == 1)
        }
        script.say(script.share(of: block, id: 1, salt: 3, meets: easy))
        #expect(script.rejected?.message.hasPrefix("too many shares") == true)
        script.say(script.share(of: block, id: 1, salt: 4, meets: block.bits.target))
        #expect(script.accepted.first?.isBlock == true)
        // A new tip begins anew.
        script.tell(.job(TwoParties.work(2)))
        script.say(script.share(of: TwoParties.work(2), id: 2, salt: 3, meets: easy))
        #expect(script.accepted.count == 1)
    }

    @Test func `a miner that follows no extranonce gets no jobs of a new one`() {
        var script = Script()
        script.tell(.job(work))
        script.ready(1)
        script.ready(2)
        script.say(#"{"id":5,"method":"mining.extranonce.subscribe","params":[]}"#, on: 2)
        script.tell(.setExtranonce(prefix: [1], extranonce2Size: 4))
        #expect(script.actions.contains(.cannotFollow(1)))
        script.heard = [:]
        script.tell(.job(TwoParties.work(1, 1, clean: true)))
        #expect(script.heard[1] == nil)
        #expect(script.heard[2]?.count == 1)
        // Back to the old one, it is served again.
        script.tell(.setExtranonce(prefix: [], extranonce2Size: 4))
        script.tell(.job(TwoParties.work(1, 2, clean: true)))
        #expect(script.heard[1]?.count == 1)
    }
}
