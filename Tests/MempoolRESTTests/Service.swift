import BitcoinPrimitives
@testable import MempoolREST
import Units

/// A transaction with what it spends, as a service tells it.
struct Told {
    var transaction: Transaction { didSet { txid = transaction.txid } }
    var spent: [TransactionOutput]
    private(set) var txid: Txid

    init(transaction: Transaction, spent: [TransactionOutput]) {
        self.transaction = transaction
        self.spent = spent
        txid = transaction.txid
    }

    var fee: UInt64 {
        spent.reduce(0) { $0 + $1.value.rawValue } - transaction.outputs.reduce(0) { $0 + $1.value.rawValue }
    }
    var sigops: Int { transaction.sigopCost(spentScripts: spent.map(\.script)) }

    /// P2WPKH and a witness of the usual size, with outputs of the same kind; `salt` makes it unlike all others.
    ///
    /// - Parameter parents: outputs of others that it spends; without any it spends one confirmed output.
    static func make(
        _ salt: Int, spending parents: [(Told, index: Int)] = [], fee: UInt64 = 1_000, outputs: Int = 2,
        outPoint: OutPoint? = nil, legacy: Bool = false
    ) -> Told {
        var inputs = [TransactionInput]()
        var spent = [TransactionOutput]()
        let witness = legacy ? [] : [[UInt8](repeating: 0x30, count: 71), [UInt8](repeating: 2, count: 33)]
        func spend(_ outPoint: OutPoint, _ output: TransactionOutput) {
            inputs.append(
                TransactionInput(
                    previousOutput: outPoint, scriptSig: legacy ? [0x01, UInt8(salt & 0x7f)] : [],
                    sequence: 0xffff_fffd, witness: witness))
            spent.append(output)
        }
        for (parent, index) in parents {
            spend(
                OutPoint(txid: parent.txid, index: UInt32(index)),
                parent.transaction.outputs[index])
        }
        if parents.isEmpty {
            let coin = Txid(Hash256(hashing: Array("coin \(salt)".utf8)))
            let script: [UInt8] =
                legacy ? [0x76, 0xa9, 0x14] + key(salt) + [0x88, 0xac] : [0x00, 0x14] + key(salt)
            spend(
                outPoint ?? OutPoint(txid: coin, index: 1),
                TransactionOutput(value: Satoshis(rawValue: 1_000_000), script: script))
        }
        let taken = spent.reduce(0) { $0 + $1.value.rawValue }
        let total = taken - min(fee, taken / 2)
        let made = (0..<outputs).map { index in
            let value =
                index == 0 ? total - total / UInt64(outputs) * UInt64(outputs - 1) : total / UInt64(outputs)
            return TransactionOutput(
                value: Satoshis(rawValue: value), script: [0x00, 0x14] + key(salt + index))
        }
        return Told(
            transaction: Transaction(version: 2, inputs: inputs, outputs: made, lockTime: UInt32(salt)),
            spent: spent)
    }

    private static func key(_ salt: Int) -> [UInt8] {
        Array(Hash256(hashing: Array("key \(salt)".utf8)).wireBytes.prefix(20))
    }

    /// What `/tx/:txid` answers: esplora's members, with those that nobody here reads; `sigops` on newer servers.
    func json(sigops hasSigops: Bool = true, scripts: Bool = true) -> String {
        let inputs = zip(transaction.inputs, spent).map { input, output in
            let witness = input.witness.map { "\"\($0.hex)\"" }.joined(separator: ",")
            let scriptSig = scripts ? "\"scriptsig\":\"\(input.scriptSig.hex)\",\"scriptsig_asm\":\"\"," : ""
            return
                "{\"txid\":\"\(input.previousOutput.txid.displayHex)\",\"vout\":\(input.previousOutput.index),"
                + "\"prevout\":\(Told.json(output)),\(scriptSig)"
                + (input.witness.isEmpty || !scripts ? "" : "\"witness\":[\(witness)],")
                + "\"is_coinbase\":false,\"sequence\":\(input.sequence)}"
        }
        let size = transaction.wireBytes.count
        return "{\"txid\":\"\(txid.displayHex)\",\"version\":\(transaction.version),"
            + "\"locktime\":\(transaction.lockTime),\"vin\":[\(inputs.joined(separator: ","))],"
            + "\"vout\":[\(transaction.outputs.map(Told.json).joined(separator: ","))],"
            + "\"size\":\(size),\"weight\":\(transaction.weight.weightUnits),"
            + (hasSigops ? "\"sigops\":\(sigops)," : "") + "\"fee\":\(fee),\"status\":{\"confirmed\":false}}"
    }

    private static func json(_ output: TransactionOutput) -> String {
        "{\"scriptpubkey\":\"\(output.script.hex)\",\"scriptpubkey_asm\":\"OP_0 \\u0041\","
            + "\"scriptpubkey_type\":\"v0_p2wpkh\",\"value\":\(output.value.rawValue)}"
    }
}

/// A mempool service in memory, that can be made to misbehave.
struct Service {
    var height: UInt32 = 840_000
    var pool: [Told] = []
    /// The newest last; what `/mempool/recent` tells.
    var recent: [Told] = []
    /// `feeRange` of each projected block; nil for a service that has none.
    var projected: [String]?
    var hasSigops = true
    var hasScripts = true
    var tags = false
    /// Instead of the service's own answer.
    var override: (RESTRequest) -> RESTAnswer? = { _ in nil }

    var tip: Hash256 { Hash256(hashing: Array("block \(height)".utf8)) }

    func answer(_ request: RESTRequest) -> RESTAnswer {
        if let answer = override(request) { return answer }
        switch request.question {
        case .tipHash: return ok(tip.displayHex)
        case .tipHeight: return ok("\(height)")
        case .mempool:
            let fees = pool.reduce(0) { $0 + $1.fee }
            return ok(
                "{\"count\":\(pool.count),\"vsize\":\(pool.count * 141),\"total_fee\":\(fees),\"fee_histogram\":[]}"
            )
        case .txids:
            var answer = ok("[" + pool.map { "\"\($0.txid.displayHex)\"" }.joined(separator: ",") + "]")
            let tag = "W/\"\(Hash256(hashing: answer.body).displayHex.prefix(8))\""
            if tags {
                if request.unlessTag == tag { return RESTAnswer(status: 304, body: []) }
                answer.entityTag = tag
            }
            return answer
        case .recent:
            let told = recent.suffix(10).reversed().map {
                "{\"txid\":\"\($0.txid.displayHex)\",\"fee\":\($0.fee),"
                    + "\"vsize\":\(Double($0.transaction.weight.weightUnits) / 4),\"value\":1}"
            }
            return ok("[" + told.joined(separator: ",") + "]")
        case .projectedBlocks:
            guard let projected else { return RESTAnswer(status: 404, body: []) }
            return ok("[" + projected.map { "{\"nTx\":1,\"feeRange\":[\($0)]}" }.joined(separator: ",") + "]")
        case .transaction(let txid):
            guard let told = pool.first(where: { $0.txid == txid }) else {
                return RESTAnswer(status: 404, body: Array("Transaction not found".utf8))
            }
            return ok(told.json(sigops: hasSigops, scripts: hasScripts))
        case .bytes(let txid):
            guard let told = pool.first(where: { $0.txid == txid }) else {
                return RESTAnswer(status: 404, body: [])
            }
            return ok(told.transaction.wireBytes.hex + "\n")
        }
    }

    func ok(_ text: String) -> RESTAnswer { RESTAnswer(status: 200, body: Array(text.utf8)) }

    mutating func mine(_ txids: [Txid]) {
        height += 1
        pool.removeAll { txids.contains($0.txid) }
    }
}

/// A follower and its service on a virtual clock, and what the follower has published, put together anew.
struct FollowerWorld {
    var follower: CandidateFollower
    var service: Service
    var now = Instant(nanoseconds: 0)
    var latency = Duration.milliseconds(40)
    /// What becomes of a question instead of an answer.
    var loses: (RESTRequest) -> RESTFailure? = { _ in nil }
    private(set) var asked: [(at: Instant, question: RESTQuestion)] = []
    private(set) var healths: [ServiceHealth] = []
    private(set) var tips: [CandidateTip] = []
    private(set) var changes: [CandidateChange] = []
    /// Replayed from the changes.
    private(set) var candidates: [Txid: Candidate] = [:]
    /// What the changes broke of their promises.
    private(set) var broken: [String] = []
    private var wakeAt: Instant?
    private var open: (request: RESTRequest, at: Instant)?

    init(_ service: Service, _ configuration: CandidateFollower.Configuration = .init()) {
        self.service = service
        follower = CandidateFollower(configuration: configuration)
        tell(.start)
    }

    var questions: [RESTQuestion] { asked.map(\.question) }
    var fetched: [Txid] {
        questions.compactMap { if case .transaction(let txid) = $0 { txid } else { nil } }
    }

    mutating func run(for duration: Duration) {
        let end = now + duration
        while true {
            let answerAt = open.map { $0.at + latency }
            guard let next = [answerAt, wakeAt].compactMap(\.self).min(), next <= end else { break }
            now = max(now, next)
            if let open, now >= open.at + latency {
                self.open = nil
                if let failure = loses(open.request) {
                    tell(.failed(open.request.id, failure))
                } else {
                    tell(.answered(open.request.id, service.answer(open.request)))
                }
            } else {
                wakeAt = nil
                tell(.woke)
            }
        }
        now = end
    }

    mutating func tell(_ event: CandidateFollower.Event) {
        for action in follower.handle(event, at: now) {
            switch action {
            case .get(let request):
                if open != nil { broken.append("two questions at once") }
                open = (request, now)
                asked.append((now, request.question))
            case .abandon(let id):
                if open?.request.id != id { broken.append("given up twice") }
                open = nil
            case .wake(let at):
                if at <= now { broken.append("a wake-up that is not in the future") }
                wakeAt = at
            case .publish(.tip(let tip)): tips.append(tip)
            case .publish(.candidates(let change)): apply(change)
            case .health(let health):
                if healths.last == health { broken.append("the same health twice") }
                healths.append(health)
            }
        }
    }

    private mutating func apply(_ change: CandidateChange) {
        changes.append(change)
        for txid in change.mined + change.dropped where candidates.removeValue(forKey: txid) == nil {
            broken.append("left without having been there")
        }
        for (txid, candidate) in candidates {
            let parents = candidate.unaccepted.parents
            if parents.contains(where: change.dropped.contains) {
                broken.append("a parent dropped, its child kept")
            }
            if parents.contains(where: change.mined.contains) {
                var entry = candidate.unaccepted
                entry.parents.removeAll { change.mined.contains($0) }
                candidates[txid] = Candidate(unaccepted: entry)
            }
        }
        for candidate in change.added {
            if candidates[candidate.txid] != nil { broken.append("added twice") }
            if candidate.unaccepted.parents.contains(where: { candidates[$0] == nil }) {
                broken.append("a child before its parent")
            }
            candidates[candidate.txid] = candidate
        }
    }
}
