import MinerCore
import TemplateBuilding
import Testing

@testable import Benchmarks

/// Little of everything: what figures there are does not depend on how much.
private let little: NegotiationBench.Scale = {
    var scale = NegotiationBench.Scale()
    (scale.transactions, scale.missing, scale.connections) = (60, 7, 5)
    (scale.candidates, scale.mempool, scale.minutes) = (80, 80, 2)
    (scale.chains, scale.chips, scale.tips) = ([1, 2], 2, 1)
    scale.slice = .milliseconds(1)
    return scale
}()

private let bench = NegotiationBench(rounds: 2, scale: little)

@Test func `a percentile is a value that was measured, and no other is left of it than it says`() {
    let values = (1...200).map { Double($0) }
    #expect(percentile(50, of: values.shuffled()) == 100)
    #expect(percentile(99, of: values.shuffled()) == 198)
    #expect(percentile(99, of: [7]) == 7)
    #expect(percentile(50, of: [3, 9]) == 3)
}

@Test func `a latency's ratio pairs the samples of ours with those of the bare work`() {
    let figures = NegotiationBench.Latency(
        "x", byteCount: 5, bare: "y",
        [(ours: 4_000, bare: 1_000), (ours: 8_000, bare: 2_000), (9_000, 9_000)])
    #expect((figures.p50Microseconds, figures.p99Microseconds, figures.bareMicroseconds) == (8, 9, 2))
    #expect(figures.ratio == 0.25)
    #expect(figures.samples == 3)
}

@Test
func
    `a tip is measured to jobs for each number of chains, full and empty, with as many bytes for each chain`()
    throws
{
    let lines = try bench.tipLatencies()
    try #require(lines.count == 4)
    for line in lines {
        #expect(line.samples == 2)
        #expect(line.p50Microseconds > 0 && line.p50Microseconds <= line.p99Microseconds)
        #expect(line.bareMicroseconds > 0 && line.ratio > 0)
    }
    // A full-header job for a BM1362 is 88 bytes with its frame; a chain may get more than one at once.
    #expect(lines[0].byteCount > 0 && lines[0].byteCount % 88 == 0)
    #expect(lines[2].byteCount == 2 * lines[0].byteCount)
    #expect(lines[3].byteCount == 2 * lines[1].byteCount)
}

@Test func `a template is measured to a declaration that names all its transactions`() throws {
    let line = try bench.declarationLatency()
    #expect(line.samples == 2)
    #expect(line.byteCount > 32 * little.transactions && line.byteCount < 32 * little.transactions + 600)
    #expect(line.p50Microseconds > 0 && line.ratio > 0)
}

@Test
func `a pool judges declarations with and without missing transactions, and shares of many connections`() {
    let lines = bench.rates()
    guard lines.count == 4 else { return #expect(lines.count == 4) }
    #expect(lines.map(\.subject).filter { $0.hasPrefix("declarations of 60") }.count == 2)
    #expect(lines[0].subject.contains(" 0 missing") && lines[1].subject.contains(" 7 missing"))
    // What is missing is sent besides.
    #expect((lines[1].byteCount ?? 0) > (lines[0].byteCount ?? 0) + 7 * 100)
    #expect(lines[2].subject == "shares of 5 connections judged" && lines[3].subject == lines[2].subject)
    #expect(lines.allSatisfy { $0.perSecond > 0 && $0.barePerSecond > 0 && $0.ratio > 0 })
}

@Test func `a made-up base template is counted to the byte, the same in every run`() {
    let lists = bench.madeUpLists()
    #expect(lists == bench.madeUpLists())
    #expect(lists.map(\.added) == [80, 300])
    #expect(lists.map(\.removed) == [0, 240])
    #expect(lists.map(\.isMadeUp) == [true, true])
    // Both ids of each, fee, weight and sigops, and little else.
    #expect(lists[0].byteCount > 80 * 64 && lists[0].byteCount < 80 * 80 + 1_000)
    #expect(lists[1].frames >= 60 && lists[1].byteCount > 300 * 64)
    for list in lists { #expect(list.ratio == Double(list.transactionByteCount) / Double(list.byteCount)) }
}

@Test(arguments: AgentMode.allCases)
func `an agent of every mode comes to work, and stays there over a few tips`(mode: AgentMode) throws {
    var agent = try settledAgent(mode, transactions: 60, candidates: 80, mempool: 80, chips: 2)
    #expect(agent.isAtWork)
    #expect(agent.miner.statistics.connectionsLost == 0 && agent.miner.statistics.sharesLost == 0)
    // One for each tip, at least; none is agreed on where the pool makes them.
    #expect((agent.miner.statistics.customJobsAccepted >= 4) == (mode != .poolJob))
    #expect((agent.miner.statistics.declaredJobs >= 4) == (mode != .poolJob))
    // The template has room for them all.
    #expect(agent.miner.statistics.proposal?.transactions.count == (mode == .full ? 80 : nil))
    agent.dropPool()
}

@Test func `memory is that of second processes, beside one that does nothing`() throws {
    let script = "case $0 in empty) echo 1000 10;; light) echo 3000 20;; *) echo 2000 $1;; esac"
    let lines = try bench.memory(executable: "/bin/sh", arguments: ["-c", script])
    #expect(lines.map(\.residentBytes) == [1_000, 2_000, 3_000, 2_000])
    #expect(lines.map(\.ownBytes) == [10, 60, 20, 60])
    #expect(lines.map(\.ratio) == [1, 2, 3, 2])
    #expect(throws: AgentMemoryError.said("no\n")) {
        try bench.memory(executable: "/bin/sh", arguments: ["-c", "echo no"])
    }
    #expect(throws: AgentMemoryError.said("1 2\n")) {
        try bench.memory(executable: "/bin/sh", arguments: ["-c", "echo 1 2; exit 1"])
    }
}

@Test func `every figure of a report is on a line of its own`() throws {
    let report = NegotiationBench.Report(
        latencies: [try bench.declarationLatency()], rates: bench.rates(), lists: bench.madeUpLists(),
        memory: try bench.memory(executable: "/bin/sh", arguments: ["-c", "echo 2000000 1000000"]))
    let lines = report.lines
    #expect(lines.count == 1 + 4 + 2 + 4)
    let subjects =
        report.latencies.map(\.subject) + report.rates.map(\.subject) + report.lists.map(\.subject)
        + report.memory.map(\.subject)
    for (line, subject) in zip(lines, subjects) { #expect(line.contains(subject)) }
    #expect(lines[5].contains("(made up)"))
}
