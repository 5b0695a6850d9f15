import BitcoinPrimitives
import Foundation
import PoolLedger
import Testing

@testable import PoolHouse

@Suite struct HouseReportTests {
    private func ledger(_ house: TestHouse) throws {
        let ledger = try ShareLedger(path: "\(house.folder)/shares.db") { _ in }
        for (number, user, difficulty) in [(1, "alice", 3.0), (2, "bob", 1), (3, "bob", 4), (4, "carol", 4)] {
            ledger.keep(
                LedgerShare(
                    number: UInt64(number), user: user, worker: nil, difficulty: difficulty,
                    unixTime: 1_700_000_000, height: 300, hash: Hash256(hashing: [UInt8(number)]),
                    isCustom: false, block: number == 2 ? .pools : nil))
        }
        ledger.note(block: Hash256(hashing: [2]), .accepted, unixTime: 1_700_000_001)
        #expect(ledger.close() == 0)
    }

    @Test func `parts of a round are by difficulty, after the operator's fee`() throws {
        let house = try TestHouse()
        try ledger(house)
        var configuration = try house.configuration()
        configuration.feeBasisPoints = 200
        let report = try HouseReport(configuration)
        #expect(report.rounds.map(\.number) == [2, 1])
        #expect(report.rounds[1].users.map(\.user) == ["alice", "bob"])
        #expect(report.rounds[1].users.map(\.part) == [0.735, 0.245])
        #expect(report.rounds[0].users.map(\.part) == [0.49, 0.49])
        #expect(report.blocks.map(\.published_by) == ["pool"])
    }

    @Test func `the report is a table for a terminal, and whole in JSON`() throws {
        let house = try TestHouse()
        try ledger(house)
        let report = try HouseReport(try house.configuration())
        let lines = report.lines()
        #expect(lines[0].hasSuffix("shares.db: 4 shares of 3 users, difficulty 12.00 in sum, 1 block"))
        #expect(lines[2] == "bob               2          5.00       1  2023-11-14 22:13 UTC")
        #expect(lines[5] == "Round 2, under way:")
        #expect(lines.last?.hasSuffix("by bob, 2023-11-14 22:13 UTC: accepted") == true)
        let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(report)) as? [String: Any]
        #expect((json?["users"] as? [Any])?.count == 3)
    }

    @Test func `an empty ledger says so, and a missing one is a fault`() throws {
        let house = try TestHouse()
        let configuration = try house.configuration()
        let path = "\(house.folder)/shares.db"
        #expect(throws: HouseFault.ledger(.missing(path: path))) { try HouseReport(configuration) }
        try ShareLedger(path: path) { _ in }.close()
        #expect(try HouseReport(configuration).lines() == ["\(path): no shares yet"])
    }
}
