import BitcoinPrimitives
import Foundation
import Testing
import Units

@testable import MinerCore
@testable import MinerRuntime

private func outcome(accepted: Int = 3, rejected: Int = 0, mining: Int = 30, blocks: Int = 0) -> DemoOutcome {
    var statistics = MinerStatistics(boards: [MinerStatistics.BoardState(name: "bitaxe-gamma")])
    statistics.boards[0].nonces = 30
    statistics.boards[0].hashes = 600_000
    statistics.sharesFound = accepted + rejected
    statistics.sharesAccepted = accepted
    statistics.sharesRejected = rejected
    let start = Instant(nanoseconds: 0)
    var outcome = DemoOutcome(
        statistics: statistics, duration: .seconds(mining + 10), hashingSince: [0: start],
        ended: start + .seconds(mining))
    outcome.blocksAccepted = blocks
    return outcome
}

@Test
func `a run is good when shares were accepted, none rejected, and a block when there was a minute for one`() {
    #expect(outcome().reasons.isEmpty)
    #expect(outcome(mining: 59).reasons.isEmpty)
    #expect(outcome(mining: 60, blocks: 1).reasons.isEmpty)
    #expect(outcome(mining: 60).reasons == ["no block was accepted in 60 s of mining"])
    #expect(outcome(accepted: 0).reasons == ["no share was accepted"])
    #expect(outcome(rejected: 2).reasons == ["2 shares were rejected"])
}

@Test func `the report has the names and units that it promises`() throws {
    let json = try DemoReport(outcome(), seed: 7).json()
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    let promised: Set = [
        "duration_s", "boards", "cpu", "nonces_verified", "shares_sent", "shares_accepted", "shares_rejected",
        "blocks_found", "blocks_accepted", "declared_jobs", "custom_jobs_accepted", "rung",
        "rung_changes", "template", "node_template",
        "last_block_hash", "seed",
    ]
    #expect(Set(object.keys) == promised)
    let boards = try #require(object["boards"] as? [[String: Any]])
    #expect(Set(boards[0].keys) == ["name", "chip", "chips", "nonces", "hardware_errors", "hashrate_hs"])
    // 600,000 hashes in 30 seconds.
    #expect(boards[0]["hashrate_hs"] as? Double == 20_000)
    #expect(object["template"] is NSNull, "a key is there even when it has no value yet")
}

@Test func `options are refused with what is known`() {
    func fault(
        duration: Double? = nil, boards: String = "bitaxe-gamma", port: Int = 0, fault: String? = nil,
        rungs: String = "full"
    )
        -> DemoUsageFault?
    {
        do throws(DemoUsageFault) {
            _ = try DemoOptions(
                duration: duration, boards: boards, seed: 1, json: false, blockOut: nil, poolPort: port,
                recording: nil, fault: fault, rungs: rungs)
            return nil
        } catch {
            return error
        }
    }
    #expect(fault() == nil)
    for rungs in ["", "full,", "full,full", "full,moon"] {
        #expect(fault(rungs: rungs) == .rungs(rungs))
    }
    #expect(fault(rungs: "moon")?.description.contains("coinbase-only") == true)
    #expect(fault(duration: 0) == .duration(0))
    #expect(fault(duration: .nan)?.description.contains("1 to 86400") == true)
    #expect(fault(boards: ",") == .noBoards)
    #expect(fault(boards: "bitaxe-gama")?.description.contains("bitaxe-gamma, emberone00") == true)
    #expect(
        fault(boards: Array(repeating: "bitaxe-gamma", count: 9).joined(separator: ",")) == .tooManyBoards(9))
    #expect(fault(port: 65_536) == .port(65_536))
    #expect(fault(fault: "flood")?.description.contains("garbage") == true)
}
