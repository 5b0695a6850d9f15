public import ASICChips
public import Boards
import CResources
import FoundationEssentials
import TOMLNodes

/// The boards and chips that the program carries, and board files of the operator's own.
public struct HardwareLibrary: Sendable {
    /// No profile comes near; more is another file by mistake.
    public static let fileLimit = 1 << 20

    public init() {}

    /// Ascending.
    public var boardNames: [String] { Resource.names(in: "boards/", ending: ".toml") }
    public var chipNames: [String] { Resource.names(in: "chips/", ending: ".toml") }

    /// The board of this name, such as `bitaxe-gamma`.
    ///
    /// - Throws: `.unknownBoard` with all known names, or what is wrong with the file.
    public func board(named name: String) throws(ProfileError) -> BoardProfile {
        let file = "boards/\(name).toml"
        guard let bytes = Resource.bytes(named: file) else {
            throw ProfileError(file: name, problem: .unknownBoard(name, known: boardNames))
        }
        return try board(bytes, name: name, file: file)
    }

    /// The chip of this name, such as `bm1370`; `nil` where the program carries none.
    public func chip(named name: String) throws(ProfileError) -> ChipFacts? {
        let file = "chips/\(name).toml"
        guard let bytes = Resource.bytes(named: file) else { return nil }
        return try parsed(bytes, file: file, chipFacts)
    }

    /// The board that a file describes; its chip is one of those that the program carries.
    ///
    /// - Throws: why the file cannot be read, or what is wrong in it.
    public func board(file path: String) throws(ProfileError) -> BoardProfile {
        let url = URL(filePath: path)
        let name = url.deletingPathExtension().lastPathComponent
        do {
            let bytes = [UInt8](try Data(contentsOf: url))
            return try board(bytes, name: name, file: path)
        } catch let error as ProfileError {
            throw error
        } catch {
            throw ProfileError(file: path, problem: .unreadable(reason: "\(error)"))
        }
    }

    /// The board that these bytes of a TOML file describe.
    public func board(_ bytes: [UInt8], name: String, file: String) throws(ProfileError) -> BoardProfile {
        try parsed(bytes, file: file) { (root) throws(ProfileError.Problem) in
            try boardProfile(
                root, name: name, chip: { (name) throws(ProfileError) in try chip(named: name) },
                knownChips: chipNames
            ).checked()
        }
    }

    /// The chip that these bytes of a TOML file describe.
    public func chip(_ bytes: [UInt8], file: String) throws(ProfileError) -> ChipFacts {
        try parsed(bytes, file: file, chipFacts)
    }

    private func parsed<Value>(
        _ bytes: [UInt8], file: String, _ read: (TOMLNode) throws(ProfileError.Problem) -> Value
    ) throws(ProfileError) -> Value {
        do throws(ProfileError.Problem) {
            guard bytes.count <= Self.fileLimit else {
                throw .tooLarge(bytes: bytes.count, limit: Self.fileLimit)
            }
            guard let text = String(validating: bytes, as: UTF8.self) else { throw .notText }
            return try read(try document(text))
        } catch {
            throw ProfileError(file: file, problem: error)
        }
    }

    private func document(_ text: String) throws(ProfileError.Problem) -> TOMLNode {
        do throws(TOMLFault) {
            return try TOMLNode(parsing: text)
        } catch {
            switch error {
            case .syntax(let what, let line, let column): throw .syntax(what, line: line, column: column)
            case .unreadable(let reason): throw .unreadable(reason: reason)
            }
        }
    }
}

/// The files in the binary.
private enum Resource {
    static func names(in folder: String, ending: String) -> [String] {
        (0..<adit_resource_count()).compactMap { index in
            guard let name = adit_resource_at(index).map({ String(cString: $0.pointee.name) }),
                name.hasPrefix(folder), name.hasSuffix(ending)
            else { return nil }
            return String(name.dropFirst(folder.count).dropLast(ending.count))
        }.sorted()
    }

    static func bytes(named name: String) -> [UInt8]? {
        adit_resource_named(name).map {
            Array(UnsafeBufferPointer(start: $0.pointee.bytes, count: $0.pointee.count))
        }
    }
}
