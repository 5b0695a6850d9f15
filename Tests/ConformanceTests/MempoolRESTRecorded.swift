import BitcoinPrimitives
import Foundation
import TestSupport
import Testing
import Units

@testable import MempoolREST

/// Transactions of early 2024 with the outputs that they spend, told in a service's shape, and fetched from a service
/// that has them: what comes out is what the table beside them says. Every eighth of the recorded ones with all that it
/// depends on, because debug builds take a while. data/README.md.
@Suite(.enabled(if: Shared.isPresent)) struct MempoolRESTRecorded {
    private struct Line: Decodable {
        struct Prevout: Decodable {
            let value: UInt64
            let script: String
            init(from decoder: any Decoder) throws {
                var list = try decoder.unkeyedContainer()
                value = try list.decode(UInt64.self)
                script = try list.decode(String.self)
            }
        }
        let txid: String
        let hex: String
        let prevouts: [Prevout]
    }

    private struct Row {
        let txid: Txid
        let weight: UInt64
        let sigops: Int
        let fee: UInt64
        let parents: Set<Int>
    }

    private func rows() throws -> [Row] {
        let text = String(decoding: try Shared.unzipped("data/mempool/raw-2024.csv.gz"), as: UTF8.self)
        return try text.split(separator: "\n").dropFirst().map { line in
            let cells = line.split(separator: ",", omittingEmptySubsequences: false)
            return Row(
                txid: Txid(try #require(Hash256(displayHex: cells[1]))),
                weight: try #require(UInt64(cells[2])),
                sigops: try #require(Int(cells[3])), fee: try #require(UInt64(cells[4])),
                parents: Set(cells[5].split(separator: " ").compactMap { Int($0) }))
        }
    }

    /// `/tx/:txid` as esplora answers it; figures from the table, bytes from the recording.
    private func json(_ line: Line, _ row: Row) throws -> String {
        let bytes = try #require([UInt8](hex: line.hex))
        let transaction = try Transaction(wireBytes: bytes)
        let inputs = zip(transaction.inputs, line.prevouts).map { input, prevout in
            let witness = input.witness.map { "\"\($0.hex)\"" }.joined(separator: ",")
            return
                "{\"txid\":\"\(input.previousOutput.txid.displayHex)\",\"vout\":\(input.previousOutput.index),"
                + "\"prevout\":{\"scriptpubkey\":\"\(prevout.script)\",\"value\":\(prevout.value)},"
                + "\"scriptsig\":\"\(input.scriptSig.hex)\",\"witness\":[\(witness)],\"is_coinbase\":false,"
                + "\"sequence\":\(input.sequence)}"
        }
        let outputs = transaction.outputs.map {
            "{\"scriptpubkey\":\"\($0.script.hex)\",\"value\":\($0.value.rawValue)}"
        }
        return
            "{\"txid\":\"\(line.txid)\",\"version\":\(transaction.version),\"locktime\":\(transaction.lockTime),"
            + "\"vin\":[\(inputs.joined(separator: ","))],\"vout\":[\(outputs.joined(separator: ","))],"
            + "\"size\":\(bytes.count),\"weight\":\(row.weight),\"sigops\":\(row.sigops),\"fee\":\(row.fee),"
            + "\"status\":{\"confirmed\":false}}"
    }

    /// Places in the table, ancestors of everything included.
    private func sample(of rows: [Row]) -> [Int] {
        var chosen = Set<Int>()
        var open = Array(stride(from: 0, to: rows.count, by: 8))
        while let place = open.popLast() {
            if chosen.insert(place).inserted { open += rows[place].parents }
        }
        return chosen.sorted()
    }

    @Test
    func `fee, weight, sigop cost, bytes and parents of recorded transactions are the recorded ones`() throws
    {
        let table = try rows()
        let texts = try Shared.unzipped("data/mempool/raw-2024.jsonl.gz").split(separator: 0x0a)
        #expect(table.count == 8_131 && texts.count == table.count)
        let sample = sample(of: table)
        let rows = sample.map { table[$0] }
        let lines = try sample.map { try JSONDecoder().decode(Line.self, from: Data(texts[$0])) }
        var told: [Txid: (json: String, hex: String)] = [:]
        for (line, row) in zip(lines, rows) {
            told[row.txid] = (try json(line, row), line.hex)
        }
        var configuration = CandidateFollower.Configuration()
        configuration.maximumCandidates = 10_000
        configuration.maximumBytes = 1 << 30
        configuration.interval = .milliseconds(1)
        var follower = CandidateFollower(configuration: configuration)
        var now = Instant(nanoseconds: 0)
        var wake: Instant?
        var asked: RESTRequest?
        func tell(_ event: CandidateFollower.Event) {
            for action in follower.handle(event, at: now) {
                switch action {
                case .get(let request): asked = request
                case .wake(let at): wake = at
                case .abandon, .publish, .health: break
                }
            }
        }
        // Children before parents, so that every parent is looked for.
        let list = "[" + lines.reversed().map { "\"\($0.txid)\"" }.joined(separator: ",") + "]"
        func answer(_ question: RESTQuestion) -> String? {
            switch question {
            case .tipHash: String(repeating: "00", count: 32)
            case .tipHeight: "827000"
            case .mempool: "{\"count\":\(rows.count)}"
            case .txids: list
            case .recent: "[]"
            case .projectedBlocks: nil
            case .transaction(let txid): told[txid]?.json
            case .bytes(let txid): told[txid]?.hex
            }
        }
        tell(.start)
        while follower.health != .following {
            if let request = asked {
                asked = nil
                let text = answer(request.question)
                tell(
                    .answered(
                        request.id,
                        RESTAnswer(status: text == nil ? 404 : 200, body: Array((text ?? "").utf8))))
            } else {
                now = max(now + .milliseconds(1), try #require(wake))
                tell(.woke)
            }
        }
        let snapshot = follower.snapshot()
        #expect(snapshot.refusals.isEmpty && snapshot.notFetched == 0)
        #expect(snapshot.candidates.count == rows.count)
        let byTxid = Dictionary(uniqueKeysWithValues: snapshot.candidates.map { ($0.txid, $0.unaccepted) })
        for (line, row) in zip(lines, rows) {
            let entry = try #require(byTxid[row.txid])
            #expect(entry.weight.weightUnits == row.weight)
            #expect(entry.fee.rawValue == row.fee)
            #expect(entry.sigopCost == row.sigops)
            #expect(Set(entry.parents) == Set(row.parents.map { table[$0].txid }))
            #expect(entry.wireBytes.hex == line.hex)
        }
    }
}
