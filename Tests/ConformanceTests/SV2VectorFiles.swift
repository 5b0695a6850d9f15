import Foundation
import TestSupport
import Testing

/// A JSON object of a vector file, with accessors that fail the test when a field is missing.
struct VectorRow: Sendable, CustomTestStringConvertible {
    nonisolated(unsafe) let fields: [String: Any]  // made by JSONSerialization, never changed

    init(_ json: Any) throws { fields = try #require(json as? [String: Any]) }

    func text(_ name: String) throws -> String { try #require(fields[name] as? String, "\(name)") }
    func bytes(_ name: String) throws -> [UInt8] { hex(try text(name)) }
    func flag(_ name: String) throws -> Bool { try #require(fields[name] as? Bool, "\(name)") }
    func number(_ name: String) throws -> Int { try #require(fields[name] as? Int, "\(name)") }
    func row(_ name: String) throws -> VectorRow { try VectorRow(#require(fields[name], "\(name)")) }
    func has(_ name: String) -> Bool { fields[name] != nil && !(fields[name] is NSNull) }

    func rows(_ name: String) throws -> [VectorRow] {
        try #require(fields[name] as? [Any], "\(name)").map(VectorRow.init)
    }

    var testDescription: String {
        let label = fields["label"] ?? fields["name"] ?? fields["comment"] ?? ""
        return "\(label) \(fields["variant"] ?? "")"
    }

    /// `protocol/vectors/NAME.json`.
    static func file(_ name: String) throws -> VectorRow {
        try VectorRow(Shared.json("protocol/vectors/\(name).json"))
    }
}
