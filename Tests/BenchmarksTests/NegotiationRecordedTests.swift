import BitcoinPrimitives
import Testing

@testable import Benchmarks

/// A folder of recordings as small as can be: three transactions with their bytes, and a trace of two minutes over two
/// others, the second with a block.
private struct Folder {
    let whole = NegotiationScene.entries(3)
    var trace = [
        "# t_ms,op,...", "0,C,2,800,1,3000,3000,3000", "500,A,2,400,1,974,", "1200,A,3,442,1,3650,2",
        "30000,P,3,17", "61000,B,0 2", "70000,A,4,1101,1,6223,3", "80000,R,1", "121000,A,5,400,1,900,",
    ]

    private var files: [String: String] {
        func row(_ index: Int, _ id: String?, _ entry: MempoolEntry) -> String {
            let fields =
                ["\(index)", id] + ["\(entry.weight.weightUnits)", "1", "\(entry.fee.rawValue)", ""]
            return fields.compactMap(\.self).joined(separator: ",")
        }
        let others = NegotiationScene.entries(2, from: 10)
        return [
            "data/mempool/manifest.json": "{}",
            "data/mempool/raw-2024.csv.gz": whole.enumerated().map {
                row($0.offset, $0.element.txid.hash.displayHex, $0.element)
            }.joined(separator: "\n"),
            "data/mempool/raw-2024.jsonl.gz": whole.enumerated().map {
                "{\"i\":\($0.offset),\"hex\":\"\($0.element.wireBytes.hex)\"}"
            }.joined(separator: "\n"),
            "data/mempool/synth-50k.csv.gz": others.enumerated().map { row($0.offset, nil, $0.element) }
                .joined(separator: "\n"),
            "data/mempool/synth-50k.trace.csv.gz": trace.joined(separator: "\n"),
        ]
    }

    func lists() throws -> [BaseTemplateFigures] {
        var scale = NegotiationBench.Scale()
        (scale.candidates, scale.minutes) = (2, 2)
        let files = files
        return try NegotiationBench(rounds: 1, scale: scale).recordedLists(folder: "data") {
            files[$0].map { Array($0.utf8) }
        }
    }
}

@Test func `recorded candidates are the best of their mempool, beside the bytes that were recorded`() throws {
    let folder = Folder()
    let list = try #require(try folder.lists().first)
    let rates = folder.whole.map { Double($0.fee.rawValue) / Double($0.weight.weightUnits) }
    let worst = try #require(rates.indices.min { rates[$0] < rates[$1] })
    let best = folder.whole.indices.filter { $0 != worst }.map { folder.whole[$0].wireBytes.count }
    #expect(list.added == 2 && !list.isMadeUp)
    #expect(list.transactionByteCount == best.reduce(0, +))
}

@Test func `a trace's minutes are told apart by whether a block came`() throws {
    let lists = try Folder().lists()
    try #require(lists.count == 3)
    let (quiet, busy) = (lists[1], lists[2])
    #expect(quiet.subject == "a minute without a block, synth-50k")
    #expect((quiet.added, quiet.removed) == (2, 0))
    #expect(busy.subject == "a minute with a block, synth-50k")
    #expect((busy.added, busy.removed) == (1, 3))
    #expect(quiet.isMadeUp && busy.isMadeUp)
}

@Test(arguments: ["500,A,2,400,1", "x,A,2,400,1,974,", "500,R,9", "500,B,0 9", "500,A,1,400,1,974,"])
func `a trace that speaks of what is not there is a bad file`(line: String) {
    var folder = Folder()
    folder.trace.insert(line, at: 2)
    #expect(throws: TemplateBench.Fault.badFile("mempool/synth-50k.trace.csv.gz")) { try folder.lists() }
}

@Test func `a folder without recordings is named`() {
    let bench = NegotiationBench(rounds: 1)
    #expect(throws: TemplateBench.Fault.noData(folder: "nowhere")) {
        try bench.recordedLists(folder: "nowhere") { _ in nil }
    }
}
