import BitcoinPrimitives
import TestSupport
import Testing

@testable import TemplateSources

private func entries(_ text: String) throws(SourceFault.Reason) -> [MempoolEntry] {
    var table = TransactionTable()
    try table.read(Array(text.utf8))
    return try table.finish()
}

private func fault(_ text: String) -> SourceFault.Reason? {
    do throws(SourceFault.Reason) {
        _ = try entries(text)
        return nil
    } catch {
        return error
    }
}

@Suite struct TableTests {
    @Test func `a table gives ids, figures and direct parents`() throws {
        let entries = try entries(smallTable)
        #expect(entries.map(\.txid.displayHex) == [id(0), id(1), id(2)])
        #expect(entries.map(\.weight.weightUnits) == [400, 600, 800])
        #expect(entries.map(\.sigopCost) == [4, 0, 0])
        #expect(entries.map(\.fee.rawValue) == [1_000, 500, 3_000])
        #expect(entries[2].parents == [entries[0].txid, entries[1].txid])
        #expect(entries.allSatisfy { $0.wireBytes.isEmpty })
    }

    @Test func `the pieces in which a table comes do not matter`() throws {
        let whole = try entries(smallTable)
        let bytes = Array(smallTable.utf8)
        for size in [1, 7, 64, bytes.count - 1] {
            var table = TransactionTable()
            for start in stride(from: 0, to: bytes.count, by: size) {
                try table.read(Array(bytes[start..<min(start + size, bytes.count)]))
            }
            #expect(table.unknownSigops == 1)
            let entries = try table.finish()
            #expect(entries.map(\.txid) == whole.map(\.txid) && entries.map(\.fee) == whole.map(\.fee))
        }
    }

    @Test func `a synthetic table has ids made from its indexes`() throws {
        var table = TransactionTable()
        try table.read(Array("0,607,0,2191,\n1,756,0,1187,0\n".utf8))
        #expect(table.hasInventedIDs)
        let entries = try table.finish()
        #expect(entries[1].txid == Txid(Hash256(hashing: Array("adit-synth-1".utf8))))
        #expect(entries[1].parents == [entries[0].txid])
    }

    @Test func `headings, comments, empty lines and line ends of other systems are no rows`() throws {
        let table = "idx,txid,weight,sigop_cost,fee_sat,parents\r\n# x\r\n\r\n5,\(id(5)),400,0,10,\r\n"
        #expect(try entries(table).count == 1)
    }

    @Test func `what is wrong with a line is said with its number`() {
        func fault(_ row: String) -> SourceFault.Reason? {
            TemplateSourcesTests.fault("# heading\n0,\(id(0)),400,0,10,\n\(row)\n")
        }
        #expect(fault("1,\(id(1)),400,0") == .row(line: 3, .columns(4, wanted: 6)))
        #expect(fault("1,400,0,10,") == .row(line: 3, .columns(5, wanted: 6)))
        #expect(TemplateSourcesTests.fault("1,2,3,4\n") == .row(line: 1, .columns(4, wanted: nil)))
        #expect(fault("x,\(id(1)),400,0,10,") == .row(line: 3, .notANumber(column: "index", "x")))
        #expect(fault("1,zz,400,0,10,") == .row(line: 3, .notAnID("zz")))
        #expect(fault("1,\(id(1)),,0,10,") == .row(line: 3, .notANumber(column: "weight", "")))
        #expect(fault("1,\(id(1)),400,0,-10,") == .row(line: 3, .notANumber(column: "fee", "-10")))
        #expect(fault("1,\(id(1)),400,0,1.5,") == .row(line: 3, .notANumber(column: "fee", "1.5")))
        let huge = "18446744073709551616"
        #expect(fault("1,\(id(1)),400,0,\(huge),") == .row(line: 3, .notANumber(column: "fee", huge)))
        #expect(
            fault("1,\(id(1)),400,4294967296,1,")
                == .row(line: 3, .notANumber(column: "sigop cost", "4294967296")))
        #expect(fault("1,\(id(1)),400,0,10,0 y") == .row(line: 3, .notANumber(column: "parent", "y")))
        #expect(fault("0,\(id(1)),400,0,10,") == .row(line: 3, .indexTwice(0, firstLine: 2)))
        #expect(fault("1,\(id(1)),400,0,10,7") == .row(line: 3, .missingParent(7)))
    }

    @Test func `a table that was cut off is refused wherever the cut is, but at the end of a line`() {
        let bytes = Array(smallTable.utf8)
        for end in 45..<bytes.count {
            var table = TransactionTable()
            var caught: SourceFault.Reason?
            do throws(SourceFault.Reason) {
                try table.read(Array(bytes[..<end]))
                _ = try table.finish()
            } catch {
                caught = error
            }
            #expect((caught == nil) == (bytes[end - 1] == 0x0a), "\(end)")
        }
    }

    @Test func `lines and rows have a bound`() {
        #expect(
            fault(String(repeating: "1", count: TransactionTable.maximumLine + 1))
                == .longLine(1, limit: TransactionTable.maximumLine))
        #expect(
            fault("0,1,1,1,\n1,1,1,1," + String(repeating: " ", count: TransactionTable.maximumLine) + "\n")
                == .longLine(2, limit: TransactionTable.maximumLine))
        var text = [UInt8]()
        for index in 0...TransactionTable.maximumRows { text += Array("\(index),9,,1,\n".utf8) }
        var table = TransactionTable()
        #expect(throws: SourceFault.Reason.tooManyRows(limit: TransactionTable.maximumRows)) {
            try table.read(text)
        }
    }
}
