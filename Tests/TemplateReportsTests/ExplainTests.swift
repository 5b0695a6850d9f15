import Foundation
import Testing

@testable import TemplateReports

@Suite struct ExplainTests {
    private let folder: Folder
    private let path: String

    init() throws {
        folder = try Folder()
        path = try folder.table(somePool)
    }

    private func explain(
        _ index: Int, policy: String? = nil, leaving weight: UInt64? = nil
    ) throws -> ExplainReport {
        let file = try policy.map { try folder.file("p.toml", $0) }
        return try explainTransaction(
            id(index), TemplateRequest(source: path, policy: file, reserve: weight.map(reserve(leaving:))))
    }

    private func says(_ report: ExplainReport, _ parts: String...) -> Bool {
        let text = report.sentences.joined(separator: " ")
        return parts.allSatisfy { text.contains($0) }
    }

    @Test func `a transaction that is in says where and at what rate, its own or its package's`() throws {
        let single = try explain(9)
        #expect(single.isIn && single.verdict == .chosen && single.fee == 1_900 && single.sigops == 4)
        #expect(
            says(
                single, "19.00 sat/vB by itself", "judged by itself", "lowest rate that is still in is 10.00")
        )
        // 9,000 sat for two of 400 WU.
        let parent = try explain(10)
        #expect(parent.isIn && parent.position == 1)
        #expect(parent.chunk == .init(transactions: 2, fee: 9_000, weight: 800, sigops: 8))
        #expect(says(parent, "0.00 sat/vB by itself", "together with 1 other", "45.00 sat/vB for all 2"))
    }

    @Test func `one that pays too little says what would have been enough`() throws {
        let out = try explain(0, leaving: 1_600)
        #expect(!out.isIn && out.verdict == .outbid && out.position == nil)
        #expect(says(out, "others pay more", "10.00 sat/vB", "best that is left out pays 17.00", "in 18.00"))
        #expect(out.lowestIn?.fee == 1_800)
    }

    @Test func `one that does not fit although its rate would do, or is too big for any block, says so`()
        throws
    {
        let wide = try folder.table(["1000,0,1000,", "3000,0,2900,", "600,0,100,"], named: "wide.csv")
        func explain(_ index: Int, _ weight: UInt64) throws -> ExplainReport {
            try explainTransaction(
                id(index), TemplateRequest(source: wide, reserve: reserve(leaving: weight)))
        }
        let big = try explain(1, 2_000)
        #expect(big.verdict == .doesNotFit && says(big, "too big for any block", "2,000 WU"))
        let unlucky = try explain(0, 3_600)
        #expect(unlucky.verdict == .doesNotFit && !says(unlucky, "too big"))
    }

    @Test func `the rule that keeps one out is named with its key, also through a parent`() throws {
        let excluded = try explain(3, policy: "[exclude]\ntxids = [\"\(id(3))\"]")
        #expect(excluded.verdict == .excluded && excluded.rule == "exclude.txids[0]")
        #expect(says(excluded, "exclude.txids[0]", "its txid is listed"))
        let child = try explain(11, policy: "[exclude]\ntxids = [\"\(id(10))\"]")
        #expect(child.verdict == .parentLeftOut && child.rule == nil)
        #expect(says(child, id(10), "exclude.txids[0]"))
        let size = try explain(3, policy: "[exclude]\nvsize_above = 99")
        #expect(size.verdict == .excluded && says(size, "100 virtual bytes, above 99"))
        let poor = try explain(3, policy: "minimum_rate = 13.004")
        #expect(poor.verdict == .belowMinimumRate && poor.rule == "minimum_rate")
        #expect(says(poor, "13.00 sat/vB", "13.004 sat/vB"))
    }

    @Test func `wishes of the operator are told apart from merit, and deltas from fees`() throws {
        let wished = try explain(0, policy: "[include]\ntxids = [\"\(id(0))\"]", leaving: 1_200)
        #expect(wished.isIn && wished.verdict == .included && wished.rule == "include.txids[0]")
        let family = try explain(
            10, policy: "[include]\ntxids = [\"\(id(11))\"]\n[prioritise]\n\"\(id(11))\" = -8999",
            leaving: 1_200)
        #expect(
            family.isIn && family.verdict == .included && says(family, "something that the policy includes"))
        let raised = try explain(0, policy: "[prioritise]\n\"\(id(0))\" = 50000", leaving: 400)
        #expect(raised.isIn && raised.fee == 1_000 && raised.chunk?.fee == 51_000)
        #expect(says(raised, "+50,000 sat", "real fee"))
        let lowered = try explain(9, policy: "[prioritise]\n\"\(id(9))\" = -1900", leaving: 2_000)
        #expect(!lowered.isIn && says(lowered, "-1,900 sat"))
    }

    @Test func `one that is not there, was not taken, or is no id at all, says which`() throws {
        let absent = try explain(77)
        #expect(absent.verdict == .notInMempool && !absent.isIn)
        let cyclic = try folder.table(["400,0,1000,1", "400,0,1000,0", "400,0,5,"], named: "cyclic.csv")
        let second = try explainTransaction(id(1), TemplateRequest(source: cyclic))
        #expect(second.verdict == .refused && says(second, "depends on itself"))
        let first = try explainTransaction(id(0), TemplateRequest(source: cyclic))
        #expect(first.verdict == .notMinable && says(first, id(1), "neither in the mempool"))
        #expect(throws: TemplateCommandFault.notAnID("abc")) {
            try explainTransaction("abc", TemplateRequest(source: path))
        }
    }
}
