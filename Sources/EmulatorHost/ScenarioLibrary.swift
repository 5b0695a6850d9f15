import CResources
import Glibc

/// The scenarios that the program carries (`Hardware/scenarios`), and files of the operator's own.
public struct ScenarioLibrary: Sendable {
    private static let folder = "scenarios/"
    private static let ending = ".toml"

    public init() {}

    /// Ascending.
    public var names: [String] {
        (0..<adit_resource_count()).compactMap { index in
            guard let name = adit_resource_at(index).map({ String(cString: $0.pointee.name) }),
                name.hasPrefix(Self.folder), name.hasSuffix(Self.ending)
            else { return nil }
            return String(name.dropFirst(Self.folder.count).dropLast(Self.ending.count))
        }.sorted()
    }

    /// - Parameter nameOrPath: a scenario that the program carries, or else a file.
    public func scenario(_ nameOrPath: String) throws(ScenarioError) -> Scenario {
        let bytes: [UInt8]
        if let resource = adit_resource_named(Self.folder + nameOrPath + Self.ending) {
            bytes = Array(UnsafeBufferPointer(start: resource.pointee.bytes, count: resource.pointee.count))
        } else {
            bytes = try read(nameOrPath)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ScenarioError(file: nameOrPath, problem: .unreadable("it is not UTF-8 text"))
        }
        return try Scenario(parsing: text, file: nameOrPath)
    }

    private func read(_ path: String) throws(ScenarioError) -> [UInt8] {
        let number = open(path, O_RDONLY | O_CLOEXEC)
        if number < 0, errno == ENOENT {
            throw ScenarioError(file: path, problem: .unknown(name: path, known: names))
        }
        guard number >= 0 else {
            throw ScenarioError(file: path, problem: .unreadable(String(cString: strerror(errno))))
        }
        defer { close(number) }
        var bytes = [UInt8]()
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(number, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw ScenarioError(file: path, problem: .unreadable(String(cString: strerror(errno))))
            }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= Scenario.fileLimit else {
                throw ScenarioError(file: path, problem: .unreadable("it has more than 1 MiB"))
            }
        }
    }
}
