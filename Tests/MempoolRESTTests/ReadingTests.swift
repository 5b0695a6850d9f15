import BitcoinPrimitives
import Foundation
import NodeRPC
import Testing

@testable import MempoolREST

@Suite struct ReadingTests {
    @Test(arguments: [true, false], [true, false])
    func `a transaction is taken with and without sigops, with and without a witness`(
        sigops: Bool, legacy: Bool
    ) throws {
        let told = Told.make(1, fee: 700, legacy: legacy)
        let served = try ServedTransaction(Array(told.json(sigops: sigops).utf8))
        #expect(!served.needsBytes && !served.isConfirmed)
        let checked = try served.checked(as: told.txid)
        #expect(checked.wireBytes == told.transaction.wireBytes)
        #expect(checked.wtxid == told.transaction.wtxid)
        #expect(checked.fee == Satoshis(rawValue: 700))
        #expect(checked.weight == told.transaction.weight)
        #expect(checked.sigopCost == told.sigops)
        #expect(checked.sigopCost == (legacy ? 0 : 1))
    }

    @Test(arguments: [true, false])
    func `a transaction told without scripts waits for its bytes`(legacy: Bool) throws {
        let told = Told.make(2, legacy: legacy)
        let served = try ServedTransaction(Array(told.json(scripts: false).utf8))
        #expect(served.needsBytes)
        let checked = try served.checked(as: told.txid, bytes: told.transaction.wireBytes)
        #expect(checked.wireBytes == told.transaction.wireBytes)
        let other = Told.make(3)
        #expect(throws: CandidateRefusal.txidDiffers(actual: other.txid)) {
            try served.checked(as: told.txid, bytes: other.transaction.wireBytes)
        }
    }

    @Test func `a witness that the weight tells of and that is not there is asked for`() throws {
        let told = Told.make(4)
        var json = told.json()
        let start = try #require(json.range(of: "\"witness\""))
        let end = try #require(json.range(of: "\"is_coinbase\""))
        json.removeSubrange(start.lowerBound..<end.lowerBound)
        #expect(try ServedTransaction(Array(json.utf8)).needsBytes)
    }

    @Test func `a version with its top bit set is the same in both forms`() throws {
        for text in ["4294967295", "-1"] {
            let json = Told.make(5).json().replacing("\"version\":2", with: "\"version\":\(text)")
            #expect(try ServedTransaction(Array(json.utf8)).version == 0xffff_ffff)
        }
    }

    @Test(arguments: [
        ("0", 0), ("1", 1_000), ("1.5", 1_500), ("140.25", 140_250), ("10.013574660633484", 10_013),
        ("1e3", 1_000_000), ("1.25E+1", 12_500), ("2.5e-1", 250), ("1e-9", 0), ("0.0004", 0),
        ("123456789012345678901234567890", UInt64.max), ("1e99999999999999999999", UInt64.max),
        ("0e99", 0), ("1e-99999999999999999999", 0),
    ])
    func `a rate is read in thousandths, rounded down`(text: String, expected: UInt64) throws {
        var reader = ServedReader(Array(text.utf8))
        #expect(try reader.thousandths() == expected)
    }

    @Test func `what recently came has a rate, whatever kind of number its size is`() throws {
        let (a, b) = (Told.make(6).txid, Told.make(7).txid)
        let json =
            "[{\"txid\":\"\(a.displayHex)\",\"fee\":282,\"vsize\":140.25,\"value\":5},"
            + "{\"value\":1,\"vsize\":141,\"fee\":141,\"txid\":\"\(b.displayHex)\"}]"
        #expect(
            try RecentTransaction.list(Array(json.utf8)) == [
                RecentTransaction(txid: a, rate: 2_010), RecentTransaction(txid: b, rate: 1_000),
            ])
    }

    @Test func `the floor is the lowest rate of the last block that counts, and nothing while there is room`()
        throws
    {
        let three = Array("[{\"feeRange\":[9.5,20]},{\"feeRange\":[4.001,5]},{\"feeRange\":[1,4]}]".utf8)
        #expect(try ProjectedBlocks.floor(three, blocks: 1) == 9_500)
        #expect(try ProjectedBlocks.floor(three, blocks: 2) == 4_001)
        #expect(try ProjectedBlocks.floor(three, blocks: 3) == 0)
        #expect(try ProjectedBlocks.floor(Array("[]".utf8), blocks: 2) == 0)
    }

    @Test func `hash, height and bytes stand alone, with or without an end of line`() throws {
        let hash = Hash256(hashing: [1])
        #expect(try PlainServed.hash(Array("\(hash.displayHex)\r\n".utf8)) == hash)
        #expect(try PlainServed.hash(Array("\"\(hash.displayHex)\"".utf8)) == hash)
        #expect(try PlainServed.height(Array(" 840000\n".utf8)) == 840_000)
        #expect(try PlainServed.bytes(Array("0aFf".utf8)) == [10, 255])
        for text in ["", "<html>", "-1", "500000000", "1e3", "99999999999"] {
            #expect(throws: ServedFault.notPlain) { try PlainServed.height(Array(text.utf8)) }
            #expect(throws: ServedFault.notPlain) { try PlainServed.hash(Array(text.utf8)) }
        }
    }
}
