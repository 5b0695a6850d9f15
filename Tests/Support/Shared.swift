public import Foundation

/// The folder of recorded facts beside the checkout, which the conformance lane reads in place.
public enum Shared {
    /// `../shared` from the top of the package, or what `ADIT_SHARED` names.
    public static let root: URL = {
        if let path = ProcessInfo.processInfo.environment["ADIT_SHARED"] { return URL(fileURLWithPath: path) }
        return packageRoot.deletingLastPathComponent().appendingPathComponent("shared")
    }()

    /// Top of the package: three folders above this file.
    public static let packageRoot = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    public static var isPresent: Bool { FileManager.default.fileExists(atPath: root.path) }

    public static func data(_ path: String) throws -> Data {
        try Data(contentsOf: root.appendingPathComponent(path))
    }

    /// A JSON file, decoded.
    public static func json<T: Decodable>(_ type: T.Type, _ path: String) throws -> T {
        try JSONDecoder().decode(type, from: data(path))
    }

    /// A JSON file as dictionaries and arrays, for vectors without a fixed shape.
    public static func json(_ path: String) throws -> Any {
        try JSONSerialization.jsonObject(with: data(path))
    }

    /// A gzip file of that folder, unpacked.
    public static func unzipped(_ path: String) throws -> Data {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip", "-dc", root.appendingPathComponent(path).path]
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.fileReadCorruptFile) }
        return data
    }
}

/// The bytes that hexadecimal digits (white space ignored) stand for. Traps on anything else: for literals in tests.
public func hex(_ text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }
    precondition(digits.count % 2 == 0, "hex literals have an even number of digits")
    var bytes = [UInt8]()
    var index = digits.startIndex
    while index < digits.endIndex {
        let next = digits.index(index, offsetBy: 2)
        guard let byte = UInt8(digits[index..<next], radix: 16) else {
            preconditionFailure("not hex: \(text)")
        }
        bytes.append(byte)
        index = next
    }
    return bytes
}
