import BitcoinPrimitives
import Foundation
import Testing

@testable import TemplateReports

private func entry(_ number: UInt8, fee: UInt64, weight: UInt64) -> MempoolEntry {
    let hash = Hash256(hashing: [number])
    return MempoolEntry(
        txid: Txid(hash), wtxid: Wtxid(hash), weight: Weight(weightUnits: weight), sigopCost: 0,
        fee: Satoshis(rawValue: fee), parents: [], wireBytes: [])
}

@Suite struct CompareTests {
    @Test func `children that together pay for a parent are what ancestor feerates miss`() throws {
        let folder = try Folder()
        // Each child with the parent pays 1,200 / 2,400; all three 2,400 / 2,800. Two others pay 2,000 / 2,800.
        let rows = ["2000,0,0,", "400,0,1200,0", "400,0,1200,0", "1400,0,1000,", "1400,0,1000,"]
        let path = try folder.table(rows)
        let comparison = try compareTemplates(TemplateRequest(source: path, reserve: reserve(leaving: 2_800)))
        let report = comparison.report
        #expect(report.ours == .init(transactions: 3, feesSat: 2_400, weight: 2_800, sigops: 0))
        #expect(report.ancestorGreedy == .init(transactions: 2, feesSat: 2_000, weight: 2_800, sigops: 0))
        #expect(
            report.nodesOwn == nil && report.comparedWith == .ancestorGreedy && report.withoutPolicy == nil)
        #expect(
            report.onlyInOurs.map(\.txid) == [id(0), id(1), id(2)]
                || Set(report.onlyInOurs.map(\.txid)).count == 3)
        #expect(Set(report.onlyInTheirs.map(\.txid)) == [id(3), id(4)])
        #expect(comparison.lines.contains { $0.hasPrefix("ancestor greedy") && $0.contains("+400") })
        #expect(comparison.lines.contains { $0.hasPrefix("node's own") && $0.contains("not known") })
    }

    @Test func `a node's own template and a policy each get a row of their own`() throws {
        let folder = try Folder()
        let path = try folder.table(somePool)
        _ = try folder.file("pool.template.txt", (0..<10).map { id($0) + "\n" }.joined())
        let policy = try folder.file("p.toml", "[exclude]\ntxids = [\"\(id(11))\", \"\(id(9))\"]")
        let comparison = try compareTemplates(TemplateRequest(source: path, policy: policy))
        let report = comparison.report
        #expect(report.nodesOwn?.feesSat == 14_500 && report.withoutPolicy?.feesSat == 23_500)
        #expect(report.ours.feesSat == 12_600 && report.comparedWith == .nodesOwn)
        #expect(report.onlyInTheirs.map(\.txid) == [id(9)])
        #expect(comparison.warnings.contains { $0.contains("1,900 sat less than the node's own") })
    }

    @Test(arguments: [40, 41, 60, 80, 200])
    func `no line is wider than the terminal, but for ids`(width: Int) throws {
        let folder = try Folder()
        let rows = (0..<60).map { "\(400 + 977 * $0),4,\(1 + $0 * $0 * $0 * 37)," }
        let comparison = try compareTemplates(
            TemplateRequest(source: folder.table(rows), reserve: reserve(leaving: 900_000)), width: width)
        for line in comparison.lines where !line.hasPrefix("  0") { #expect(line.count <= width, "\(line)") }
        #expect(comparison.lines.allSatisfy { !$0.unicodeScalars.contains { $0.value < 0x20 } })
        #expect(
            comparison.lines.contains { $0.contains("█") } && comparison.lines.contains { $0.contains("░") })
    }

    @Test func `a mempool in which all depend on all is compared without the ancestor greedy`() throws {
        let folder = try Folder()
        let rows = (0..<7_000).map { $0 == 0 ? "400,0,100," : "400,0,100,\($0 - 1)" }
        let comparison = try compareTemplates(
            TemplateRequest(source: folder.table(rows), reserve: reserve(leaving: 40_000)))
        #expect(comparison.report.ancestorGreedy == nil && comparison.report.ours.transactions == 100)
        #expect(comparison.warnings.contains { $0.contains("not computed") })
    }
}

@Suite struct FeeRateHistogramTests {
    @Test func `weight is counted by a transaction's own rate, bounds belonging to the higher bar`() {
        // 4.00, 5.00 and 7.99 sat/vB.
        let entries = [
            entry(1, fee: 400, weight: 400), entry(2, fee: 500, weight: 400), entry(3, fee: 799, weight: 400),
        ]
        let histogram = FeeRateHistogram(entries, beside: [entries[0]])
        #expect(
            histogram.bars == [
                .init(fromHundredths: 500, belowHundredths: 800, weight: 800, otherWeight: 0),
                .init(fromHundredths: 300, belowHundredths: 500, weight: 400, otherWeight: 400),
            ])
        #expect(
            histogram.lines(width: 40, name: "a", otherName: "b") == [
                "weight by fee rate, sat/vB: █ a, ░ b",
                "5 - 8 " + String(repeating: "█", count: 24) + " <1 kWU", "      0",
                "3 - 5 " + String(repeating: "█", count: 12) + " <1 kWU",
                "      " + String(repeating: "░", count: 12) + " <1 kWU",
            ])
    }

    @Test func `what is there is drawn, however little it is`() {
        let histogram = FeeRateHistogram(
            [entry(1, fee: 400, weight: 400), entry(2, fee: 8_000_000, weight: 4_000_000 - 400)], beside: nil)
        #expect(histogram.lines(width: 40, name: "a", otherName: "").contains(" 3 - 5 █ <1 kWU"))
    }

    @Test func `the highest rates and fees have a bar, and nothing has none`() {
        let histogram = FeeRateHistogram([entry(1, fee: 2_100_000_000_000_000, weight: 240)], beside: nil)
        #expect(histogram.bars.count == 1 && histogram.bars[0].belowHundredths == nil)
        #expect(histogram.lines(width: 80, name: "a", otherName: "")[1].hasPrefix("10000 up "))
        #expect(FeeRateHistogram([], beside: nil).lines(width: 80, name: "a", otherName: "").isEmpty)
    }
}

@Suite struct WordsTests {
    @Test func `numbers read the same everywhere`() {
        #expect(Words.grouped(1_234_567) == "1,234,567" && Words.grouped(-999) == "-999")
        #expect(Words.grouped(Int64.min) == "-9,223,372,036,854,775,808")
        #expect(Words.difference(5) == "+5 sat" && Words.difference(-5) == "-5 sat")
        #expect(Words.rate(fee: 1_000, weight: 561) == "7.13 sat/vB")
        #expect(Words.rate(fee: -1, weight: 400) == "-0.01 sat/vB")
        #expect(Words.rate(fee: .max, weight: 1).hasSuffix("sat/vB"))
        #expect(Words.thousandths(1_500) == "1.5" && Words.thousandths(4) == "0.004")
        #expect(Words.thousandths(20_000) == "20")
    }
}
