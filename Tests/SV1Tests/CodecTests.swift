import BitcoinPrimitives
import SV1
import TestSupport
import Testing

private func pool(_ text: String) throws -> PoolMessage { try PoolMessage(line: Array(text.utf8)) }
private func miner(_ text: String) throws -> MinerMessage { try MinerMessage(line: Array(text.utf8)) }

private func response(_ text: String) throws -> RPCResponse {
    guard case .response(let response) = try pool(text) else { throw LineFault.noMethod }
    return response
}

private func poolFault(_ text: String) -> LineFault? {
    do { _ = try pool(text) } catch { return error as? LineFault }
    return nil
}

private func minerFault(_ text: String) -> LineFault? {
    do { _ = try miner(text) } catch { return error as? LineFault }
    return nil
}

@Suite struct PoolLineTests {
    @Test func `a job of a pool is read field by field`() throws {
        guard case .notify(let job) = try pool(RealLines.notify) else {
            Issue.record("no job")
            return
        }
        #expect(job.jobID == "1b4c3d9041")
        // Each word of "ef4b9a48 c7986466 …" turned round; people read the whole the other way.
        #expect(job.previousBlock.wireBytes.hex.hasPrefix("489a4bef666498c7"))
        #expect(
            job.previousBlock.displayHex == "0000000000000000000376eae121bc432f7337a6de4adc00c7986466ef4b9a48"
        )
        #expect(job.coinbase1.count == 90)
        #expect(job.coinbase2.suffix(4) == [0, 0, 0, 0])
        #expect(job.merkleBranch.count == 2)
        #expect(job.merkleBranch[0].wireBytes.hex.hasPrefix("ae23055e"))
        #expect(job.version == 0x2000_0004)
        #expect(job.bits == CompactTarget(bits: 0x1705_c739))
        #expect(job.time == 0x6449_5522)
        #expect(!job.cleanJobs)
        #expect(String(decoding: PoolMessage.notify(job).line, as: UTF8.self) == RealLines.notify + "\n")
    }

    @Test func `with nine fields the last one says whether jobs are clean`() throws {
        guard case .notify(let job) = try pool(RealLines.notifyOfNine) else {
            Issue.record("no job")
            return
        }
        #expect(job.cleanJobs)
        #expect(job.time == 0x6449_5522)
    }

    @Test func `subscriptions of six pools are read`() throws {
        func grant(_ text: String) throws -> ExtranonceGrant {
            try SubscribeResult(try response(text).result).grant
        }
        #expect(
            try grant(RealLines.publicPoolSubscribed)
                == .init(extranonce1: hex("b7fb32b8"), extranonce2Size: 4))
        #expect(
            try grant(RealLines.antPoolSubscribed) == .init(extranonce1: hex("0000d85d"), extranonce2Size: 8))
        #expect(
            try grant(RealLines.noErrorSubscribed) == .init(extranonce1: hex("1000005f"), extranonce2Size: 4))
        #expect(
            try grant(RealLines.niceHashSubscribed)
                == .init(extranonce1: hex("6351117f64"), extranonce2Size: 3))
        #expect(try grant(RealLines.braiinsSubscribed) == .init(extranonce1: [0], extranonce2Size: 6))
        #expect(try SubscribeResult(try response(RealLines.braiinsSubscribed).result).session == "1")
    }

    @Test func `version rolling is read as granted, and a mask as it came`() throws {
        func mask(_ text: String) throws -> UInt32? {
            try ConfigureResult(try response(text).result).versionMask
        }
        #expect(try mask(RealLines.antPoolConfigured) == 0x5fff_e000)
        #expect(try mask(RealLines.bip310Configured) == 0x1800_0000)
        #expect(try ConfigureResult(try response(RealLines.bip310Configured).result).minimumDifficulty)
        #expect(try mask(#"{"id":1,"result":{"version-rolling":false},"error":null}"#) == nil)
        #expect(try mask(#"{"id":1,"result":{"version-rolling":"no bits left"},"error":null}"#) == nil)
        #expect(try pool(RealLines.braiinsMask) == .setVersionMask(0x1fff_e000))
        #expect(try pool(RealLines.bip310Mask) == .setVersionMask(0x3000))
    }

    @Test func `difficulties and extranonces of pools are read`() throws {
        #expect(
            try pool(RealLines.fractionalDifficulty) == .setDifficulty(try #require(ShareDifficulty(1_024))))
        let grant = ExtranonceGrant(extranonce1: hex("3263b370affeb0d550"), extranonce2Size: 3)
        #expect(try pool(RealLines.niceHashExtranonce) == .setExtranonce(grant))
    }

    @Test func `refusals keep their code and reason, in every form pools use`() throws {
        func error(_ text: String) throws -> RPCError? { try response(text).error }
        #expect(try error(RealLines.antPoolUnfit) == RPCError(code: 40, message: "unfit, ignore"))
        #expect(
            try error(RealLines.braiinsOutOfOrder) == RPCError(code: 21, message: "ConfigurationOutOfOrder"))
        #expect(try error(RealLines.oceanHighHash) == RPCError(code: 23, message: "high-hash"))
        #expect(
            try error(RealLines.notAuthorized)
                == RPCError(code: 20, message: "Authorization validation error"))
        #expect(
            try error(#"{"id":1,"result":false,"error":null,"reject-reason":"Above target"}"#)
                == RPCError(code: nil, message: "Above target"))
        #expect(
            try error(#"{"id":1,"error":{"code":-32601,"message":"no such method"}}"#)
                == RPCError(code: -32_601, message: "no such method"))
        #expect(try error(#"{"id":1,"result":null,"error":"busy"}"#) == RPCError(code: nil, message: "busy"))
        #expect(try error(RealLines.publicPoolSubscribed) == nil)
    }

    @Test func `the rest of a pool's methods are read, and written as they came`() throws {
        let lines: [(String, PoolMessage)] = [
            (
                #"{"id":null,"method":"client.reconnect","params":[]}"#,
                .reconnect(host: nil, port: nil, wait: 0)
            ),
            (
                #"{"id":null,"method":"client.reconnect","params":["eu.pool.example",3334,5]}"#,
                .reconnect(host: "eu.pool.example", port: 3_334, wait: 5)
            ),
            (#"{"id":null,"method":"client.show_message","params":["hi\n"]}"#, .showMessage("hi\n")),
            (#"{"id":7,"method":"client.get_version","params":[]}"#, .getVersion(.number(7))),
            (#"{"id":"a","method":"mining.ping","params":[]}"#, .ping(.string("a"))),
            (
                #"{"id":null,"method":"mining.set_goal","params":[]}"#,
                .other(.null, method: "mining.set_goal")
            ),
        ]
        for (text, message) in lines {
            #expect(try pool(text) == message)
            #expect(
                String(decoding: message.line, as: UTF8.self) == text.replacing("\\n", with: "\\u000a") + "\n"
            )
        }
        // A port as text, as some pools send it.
        #expect(
            try pool(#"{"id":0,"method":"Client.Reconnect","params":["b","3335"]}"#)
                == .reconnect(host: "b", port: 3_335, wait: 0))
    }

    static let bad: [(String, LineFault)] = [
        ("[]", .notAnObject), ("7", .notAnObject), (#"{"id":1}"#, .noMethod),
        (#"{"id":[],"result":1}"#, .field("id", .expected(.identifier))),
        (#"{"id":1.5,"result":1}"#, .field("id", .expected(.identifier))),
        (#"{"method":7}"#, .field("method", .expected(.string))),
        (#"{"method":"mining.notify"}"#, .field("params[0] job_id", .missing)),
        (#"{"method":"mining.notify","params":{"a":1}}"#, .field("params", .expected(.array))),
        (#"{"method":"mining.notify","params":["a","xyz"]}"#, .field("params[1] prevhash", .notHex)),
        (
            #"{"method":"mining.notify","params":["a","00"]}"#,
            .field("params[1] prevhash", .length(1, allowed: 32...32))
        ),
        (#"{"method":"mining.set_difficulty","params":[0]}"#, .field("params[0] difficulty", .outOfRange)),
        (#"{"method":"mining.set_difficulty","params":[-5]}"#, .field("params[0] difficulty", .outOfRange)),
        (
            #"{"method":"mining.set_difficulty","params":["a"]}"#,
            .field("params[0] difficulty", .expected(.number))
        ),
        (#"{"method":"mining.set_difficulty","params":[null]}"#, .field("params[0] difficulty", .missing)),
        (
            #"{"method":"mining.set_version_mask","params":["123456789"]}"#,
            .field("params[0] mask", .length(4, allowed: 4...4))
        ),
        (
            #"{"method":"mining.set_extranonce","params":["00",17]}"#,
            .field("params[1] extranonce2_size", .outOfRange)
        ),
        (
            #"{"method":"mining.set_extranonce","params":["00",-1]}"#,
            .field("params[1] extranonce2_size", .outOfRange)
        ),
        (#"{"method":"client.reconnect","params":["a",70000]}"#, .field("params[1] port", .outOfRange)),
        (#"{"method":"client.reconnect","params":["a\nb"]}"#, .field("params[0] host", .controlCharacter)),
    ]

    @Test(arguments: bad)
    func `a bad line of a pool is named by field`(text: String, expected: LineFault) {
        #expect(poolFault(text) == expected)
    }

    @Test func `each field of a job is checked`() {
        func notify(_ replacing: String, _ with: String) -> LineFault? {
            precondition(RealLines.notify.contains(replacing), "the vector has what is replaced")
            return poolFault(RealLines.notify.replacing(replacing, with: with))
        }
        #expect(notify(#""1705c739""#, #""00000000""#) == .field("params[6] nbits", .outOfRange))
        #expect(notify(#""1705c739""#, #""ff05c739""#) == .field("params[6] nbits", .outOfRange))
        #expect(notify(#""20000004""#, "4") == .field("params[5] version", .expected(.string)))
        #expect(notify("ae23055e", "zz23055e") == .field("params[4] merkle_branch[0]", .notHex))
        #expect(
            notify(#"["ae23"#, #"[null,"ae23"#) == .field("params[4] merkle_branch[0]", .expected(.string)))
        let many = String(
            repeating: #""980fb87cb61021dd7afd314fcb0dabd096f3d56a7377f6f320684652e7410a21","#, count: 31)
        #expect(notify(#"["ae23"#, "[" + many + #""ae23"#) == .field("params[4] merkle_branch", .outOfRange))
        let long = String(repeating: "j", count: 129)
        #expect(notify("1b4c3d9041", long) == .field("params[0] job_id", .length(129, allowed: 0...128)))
        #expect(notify(#""01000000"#, #""1000000"#) == .field("params[2] coinb1", .notHex))
    }

    @Test func `faults are sentences with their place`() {
        #expect("\(LineFault.field("params[1] prevhash", .missing))" == "params[1] prevhash is missing")
        #expect(
            "\(poolFault("[1,]") ?? .noMethod)" == "no JSON: unexpected byte ], at byte 3")
    }
}

@Suite struct MinerLineTests {
    @Test func `what shipping miners send is read`() throws {
        var configure = ConfigureParameters(versionMask: .max)
        #expect(try miner(RealLines.bitaxeConfigure) == .configure(.number(1), configure))
        configure = ConfigureParameters(versionMask: 0x00c0_0000, minimumBits: 2)
        #expect(try miner(RealLines.antminerConfigure) == .configure(.number(4), configure))
        configure = ConfigureParameters(
            versionMask: 0x1fff_e000, minimumBits: 2, minimumDifficulty: ShareDifficulty(2_048))
        #expect(try miner(RealLines.bip310Configure) == .configure(.number(1), configure))
        #expect(
            try miner(RealLines.bitaxeSubscribe)
                == .subscribe(.number(2), userAgent: "bitaxe/BM1370/v2.7.0-1-g0e03517-dirty", session: nil))
        #expect(
            try miner(RealLines.antminerSubscribe)
                == .subscribe(.number(9), userAgent: "bmminer/2.0.0.rwglr", session: nil))
        #expect(
            try miner(RealLines.cpuminerSubscribe)
                == .subscribe(.number(1), userAgent: "cpuminer/2.5.1", session: "d49cd9cb"))
        let thousand = try #require(ShareDifficulty(1_000))
        #expect(try miner(RealLines.bitaxeSuggest) == .suggestDifficulty(.number(4), thousand))
        #expect(try miner(RealLines.bareSuggest) == .suggestDifficulty(.number(4), thousand))
    }

    @Test func `shares are read with version bits and without`() throws {
        let share = SubmitParameters(
            user: "user.bitaxe", jobID: "17169890446666395", extranonce2: hex("7709000000000000"),
            time: 0x6657_2c74, nonce: 0x1199_c280, versionBits: 0x6000)
        #expect(try miner(RealLines.bitaxeSubmit) == .submit(.number(6), share))
        let old = SubmitParameters(
            user: "user.grid", jobID: "1400196339 10062", extranonce2: hex("8000000a"), time: 0x5375_4cf3,
            nonce: 0x0be9_7133, versionBits: nil)
        #expect(try miner(RealLines.oldSubmit) == .submit(.number(3_982), old))
    }

    @Test func `what may be missing or otherwise is tolerated`() throws {
        #expect(
            try miner(#"{"id":"x1","method":"MINING.Subscribe"}"#)
                == .subscribe(.string("x1"), userAgent: "", session: nil))
        #expect(
            try miner(#"{"id":1,"method":"mining.subscribe","params":null}"#)
                == .subscribe(.number(1), userAgent: "", session: nil))
        #expect(
            try miner(#"{"id":1,"method":"mining.authorize","params":["a"]}"#)
                == .authorize(.number(1), user: "a", password: ""))
        #expect(
            try miner(#"{"id":1,"method":"mining.authorize","params":["a",123]}"#)
                == .authorize(.number(1), user: "a", password: "123"))
        #expect(
            try miner(#"{"id":1,"method":"mining.suggest_difficulty","params":["0.5"]}"#)
                == .suggestDifficulty(
                    .number(1),
                    try #require(
                        ShareDifficulty(
                            covering: ShareDifficulty(JSONNumber(coefficient: 5, exponent: -1)!)!.target))))
        let long = String(repeating: "n", count: 512)
        #expect(
            try miner(#"{"id":1,"method":"mining.authorize","params":["\#(long)","x"]}"#)
                == .authorize(.number(1), user: long, password: "x"))
    }

    static let messages: [MinerMessage] = [
        .configure(
            .number(1),
            ConfigureParameters(versionMask: 0x1fff_e000, minimumBits: 2, subscribesExtranonce: true)),
        .subscribe(.number(2), userAgent: "adit/1", session: "ab"),
        .authorize(.string("3"), user: "a\"b\\c", password: ""),
        .suggestDifficulty(.null, ShareDifficulty(JSONNumber(coefficient: 25, exponent: -4)!)!),
        .suggestTarget(.number(5), .difficultyOne),
        .extranonceSubscribe(.number(6)),
        .submit(
            .number(7),
            SubmitParameters(
                user: "u", jobID: "j", extranonce2: [1, 2], time: 3, nonce: 4, versionBits: nil)),
        .submit(
            .number(8),
            SubmitParameters(user: "u", jobID: "j", extranonce2: [], time: 3, nonce: 4, versionBits: 0x2000)),
        .ping(.number(9)),
        .response(RPCResponse(id: .number(10), result: .string("adit/1"))),
        .other(.number(11), method: "mining.get_transactions"),
    ]

    @Test(arguments: messages)
    func `what a miner says is read as it was meant`(message: MinerMessage) throws {
        #expect(message.line.last == 0x0A)
        #expect(try MinerMessage(line: message.line.dropLast()) == message)
    }

    static let bad: [(String, LineFault)] = [
        (#"{"id":1,"method":"mining.authorize"}"#, .field("params[0] user", .missing)),
        (
            #"{"id":1,"method":"mining.authorize","params":[[]]}"#,
            .field("params[0] user", .expected(.string))
        ),
        (
            #"{"id":1,"method":"mining.authorize","params":["a\u001bb"]}"#,
            .field("params[0] user", .controlCharacter)
        ),
        (
            #"{"id":1,"method":"mining.submit","params":["a","b","0"]}"#,
            .field("params[2] extranonce2", .notHex)
        ),
        (
            #"{"id":1,"method":"mining.submit","params":["a","b","00","1","g"]}"#,
            .field("params[4] nonce", .notHex)
        ),
        (
            #"{"id":1,"method":"mining.submit","params":["a","b","00","1"]}"#,
            .field("params[4] nonce", .missing)
        ),
        (#"{"id":1,"method":"mining.configure","params":[]}"#, .field("params[0] extensions", .missing)),
        (
            #"{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":1}]}"#,
            .field("version-rolling.mask", .expected(.string))
        ),
        (
            #"{"id":1,"method":"mining.suggest_target","params":["00"]}"#,
            .field("params[0] target", .length(1, allowed: 32...32))
        ),
        (#"{"id":1,"method":"mining.suggest_difficulty","params":0}"#, .field("params", .outOfRange)),
    ]

    @Test(arguments: bad)
    func `a bad line of a miner is named by field`(text: String, expected: LineFault) {
        #expect(minerFault(text) == expected)
    }

    @Test func `a name above the limit is refused`() {
        let long = String(repeating: "n", count: 513)
        #expect(
            minerFault(#"{"id":1,"method":"mining.authorize","params":["\#(long)"]}"#)
                == .field("params[0] user", .length(513, allowed: 0...512)))
    }
}
