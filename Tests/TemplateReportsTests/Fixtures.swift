import Foundation
import TemplateReports

/// A folder of its own, gone with the value.
final class Folder {
    let url = FileManager.default.temporaryDirectory
        .appendingPathComponent("adit-reports-\(UInt64.random(in: .min ... .max))")

    init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(at: url) }

    /// Writes a file and gives its path.
    func file(_ name: String, _ text: String) throws -> String {
        let file = url.appendingPathComponent(name)
        try Data(text.utf8).write(to: file)
        return file.path
    }

    /// A table of rows `weight,sigop cost,fee,parents`, with ``id(_:)`` as ids.
    func table(_ rows: [String], named name: String = "pool.csv") throws -> String {
        let lines = rows.enumerated().map { index, row in "\(index),\(id(index)),\(row)\n" }
        return try file(name, lines.joined())
    }
}

/// The id of a row.
func id(_ index: Int) -> String { String(repeating: String(format: "%04x", index), count: 16) }

/// Ten transactions of 400 WU that pay 1,000 to 1,900 sat, and a package whose child pays for its parent.
let somePool =
    (0..<10).map { "400,4,\(1_000 + 100 * $0)," } + ["400,4,0,", "400,4,9000,10"]

/// A reserve that leaves room for so many weight units of transactions.
func reserve(leaving weight: UInt64) -> UInt64 { 4_000_000 - weight - 1 }
