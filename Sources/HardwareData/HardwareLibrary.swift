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

    /// Of the boards that can be driven, ascending.
    public var boardNames: [String] {
        boardTypeNames.filter { name in
            guard case .drivable? = try? boardType(named: name).access else { return false }
            return true
        }
    }
    /// Of all boards that the program knows of, ascending.
    public var boardTypeNames: [String] { Resource.names(in: "boards/", ending: ".toml") }
    public var chipNames: [String] { Resource.names(in: "chips/", ending: ".toml") }

    /// The board of this name, such as `bitaxe-gamma`.
    ///
    /// - Throws: `.unknownBoard` with all that can be driven, `.notDrivable`, or what is wrong with the file.
    public func board(named name: String) throws(ProfileError) -> BoardProfile {
        try drivable(try boardType(named: name), file: "boards/\(name).toml")
    }

    /// All that is known of the boards of this name.
    ///
    /// - Throws: `.unknownBoard` with all that can be driven, or what is wrong with the file.
    public func boardType(named name: String) throws(ProfileError) -> BoardType {
        let file = "boards/\(name).toml"
        guard let bytes = Resource.bytes(named: file) else {
            throw ProfileError(file: name, problem: .unknownBoard(name, known: boardNames))
        }
        return try boardType(bytes, name: name, file: file)
    }

    /// The chip of this name, such as `bm1370`; `nil` where the program carries none.
    public func chip(named name: String) throws(ProfileError) -> ChipFacts? {
        let file = "chips/\(name).toml"
        guard let bytes = Resource.bytes(named: file) else { return nil }
        return try parsed(bytes, file: file, chipFacts)
    }

    /// The board that a file describes; its chip is one of those that the program carries.
    ///
    /// - Throws: why the file cannot be read, what is wrong in it, or `.notDrivable`.
    public func board(file path: String) throws(ProfileError) -> BoardProfile {
        let name = URL(filePath: path).deletingPathExtension().lastPathComponent
        return try board(try Self.read(path), name: name, file: path)
    }

    /// The board that these bytes of a TOML file describe.
    public func board(_ bytes: [UInt8], name: String, file: String) throws(ProfileError) -> BoardProfile {
        try drivable(try boardType(bytes, name: name, file: file), file: file)
    }

    /// What these bytes of a TOML file say about a type of board, drivable or not.
    public func boardType(_ bytes: [UInt8], name: String, file: String) throws(ProfileError) -> BoardType {
        let type = try readBoardType(bytes, name: name, file: file)
        if let problem = type.problems.first { throw ProfileError(file: file, problem: problem) }
        return type
    }

    /// As read, key by key; not yet checked as a whole.
    func readBoardType(_ bytes: [UInt8], name: String, file: String) throws(ProfileError) -> BoardType {
        let chips = ChipFinder(
            find: { (name) throws(ProfileError) in try chip(named: name) }, known: chipNames)
        return try parsed(bytes, file: file) { (root) throws(ProfileError.Problem) in
            try HardwareData.boardType(root, name: name, chips: chips)
        }
    }

    private func drivable(_ type: BoardType, file: String) throws(ProfileError) -> BoardProfile {
        switch type.access {
        case .drivable(let profile): return profile
        case .known(let missing):
            throw ProfileError(file: file, problem: .notDrivable(type.name, missing: missing))
        case .networkOnly:
            let missing = ["it runs firmware of its own and is reached over the network only"]
            throw ProfileError(file: file, problem: .notDrivable(type.name, missing: missing))
        }
    }

    static func read(_ path: String) throws(ProfileError) -> [UInt8] {
        do {
            return [UInt8](try Data(contentsOf: URL(filePath: path)))
        } catch {
            throw ProfileError(file: path, problem: .unreadable(reason: "\(error)"))
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
