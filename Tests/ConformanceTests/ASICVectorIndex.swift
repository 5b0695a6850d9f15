import Foundation
import TestSupport
import Testing

/// `hardware/vectors/index.json`: how many items each file has, so that a test can say that it left none out.
enum VectorIndex {
    private struct File: Decodable {
        struct Entry: Decodable { var file: String, items: Int }
        var files: [Entry]
    }

    static func items(_ file: String) throws -> Int {
        let entries = try Shared.json(File.self, "hardware/vectors/index.json").files
        return try #require(entries.first { $0.file == file }).items
    }
}
