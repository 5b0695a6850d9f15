import Foundation

/// Prints one JSON value on standard output, keys in the order of their names.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

/// The same on one line, at once: for whoever reads along.
func printJSONLine(_ value: some Encodable) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Our reports hold numbers and texts only, which always encode.
    guard let line = try? encoder.encode(value) else { preconditionFailure("a report encodes") }
    printLine(String(decoding: line, as: UTF8.self))
}

/// A line on standard output at once, whatever that is.
func printLine(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
