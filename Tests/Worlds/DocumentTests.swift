import Foundation
import TestSupport
import Testing

/// The functions that a document names in code type together with their file: in rows of a table, and in sentences
/// that say "`function(label:)` in Sources/…".
private func steps(of document: String) throws -> [(function: String, file: String)] {
    let text = try String(contentsOf: Shared.packageRoot.appendingPathComponent(document), encoding: .utf8)
    let named =
        /`(?<function>[A-Za-z]+\([A-Za-z_:]*\))`(?: \| | in\s)(?<file>Sources\/[A-Za-z0-9+\/]+\.swift)/
    return text.matches(of: named).map { (String($0.function), String($0.file)) }
}

/// Whether `source` declares a function of this base name with these argument labels.
private func declares(_ function: String, in source: String) -> Bool {
    guard let open = function.firstIndex(of: "(") else { return false }
    let name = function[..<open]
    let labels = function[open...].trimmingCharacters(in: ["(", ")"]).split(separator: ":").map(String.init)
    // An arrow is not a bracket.
    let flat = source.replacingOccurrences(of: "->", with: "→").split(whereSeparator: \.isWhitespace)
        .joined(separator: " ")
    return flat.components(separatedBy: "func \(name)").dropFirst().contains { rest in
        guard let start = rest.firstIndex(of: "("),
            rest[..<start].allSatisfy({ $0 != " " || rest.hasPrefix("<") })
        else { return false }
        var depth = 0
        var end = start
        for index in rest[start...].indices {
            if "([{".contains(rest[index]) { depth += 1 }
            if ")]}".contains(rest[index]) { depth -= 1 }
            if depth == 0 {
                end = index
                break
            }
        }
        let parameters = topLevelPieces(rest[rest.index(after: start)..<end])
        return parameters.map {
            String($0.trimmingCharacters(in: .whitespaces).prefix { $0 != " " && $0 != ":" })
        } == labels
    }
}

/// The pieces between commas that stand outside all brackets.
private func topLevelPieces(_ text: Substring) -> [String] {
    var pieces: [String] = []
    var piece = ""
    var depth = 0
    for character in text {
        if "([{<".contains(character) { depth += 1 }
        if ")]}>".contains(character) { depth -= 1 }
        if character == ",", depth == 0 {
            pieces.append(piece)
            piece = ""
        } else {
            piece.append(character)
        }
    }
    if !piece.allSatisfy(\.isWhitespace) { pieces.append(piece) }
    return pieces
}

@Test func `every function on the path of a share exists where the document says`() throws {
    let steps = try steps(of: "docs/path-of-a-share.md")
    #expect(steps.count >= 14)
    for (function, file) in steps {
        let url = Shared.packageRoot.appendingPathComponent(file)
        let isThere = declares(function, in: try String(contentsOf: url, encoding: .utf8))
        #expect(isThere, "\(function) is not in \(file)")
    }
}

@Test func `the check of names notices a name that is not there`() {
    let source = "struct A { func judge(_ claim: Claim, of id: ID, at now: [Int: (Int, Int)]) -> [B] { } }"
    #expect(declares("judge(_:of:at:)", in: source))
    #expect(!declares("judge(_:of:)", in: source))
    #expect(!declares("judges(_:of:at:)", in: source))
}
