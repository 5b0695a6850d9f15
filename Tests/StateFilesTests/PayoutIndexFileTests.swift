import Foundation
import Payouts
import StateFiles
import Testing

private let key = """
    xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH
    """
let ranged = try! PayoutDescriptor("wpkh(\(key)/1/2/*)", on: .main)

private func fault<Result>(_ body: () throws(StateFault) -> Result) -> StateFault? {
    do throws(StateFault) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}

@Suite struct PayoutIndexFileTests {
    private let path = "/state/payout"

    @Test func `an index comes back from a real file, which only its owner can read`() throws {
        let folder = try Folder()
        let file = PayoutIndexFile(path: "\(folder.path)/payout")
        #expect(try file.load(ranged).current == 0)
        #expect(try file.load(ranged, from: 7).current == 7)
        var index = PayoutIndex(ranged)
        for _ in 0..<3 {
            _ = index.blockFound(paying: index.current)
            try file.save(index)
            #expect(try file.load(ranged) == index)
        }
        #expect(try folder.names() == ["payout"])
        #expect(try folder.permissions("payout") == 0o600)
    }

    @Test func `after a crash at any call the old index or the new one is there, whole`() throws {
        var calls = 0
        var seenOld = 0
        var seenNew = 0
        for death in 1... {
            let disk = ModelDisk(folders: ["/state"])
            var old = PayoutIndex(ranged)
            _ = old.blockFound(paying: 0)
            try PayoutIndexFile(path: path, calls: disk).save(old)
            var new = old
            _ = new.blockFound(paying: 1)
            disk.die(atCall: death)
            let isSaved =
                fault { () throws(StateFault) in
                    try PayoutIndexFile(path: path, calls: disk).save(new)
                } == nil
            if isSaved, !disk.isDead { calls = death - 1 }
            for seed in 0..<UInt64(40) {
                var dice = Dice(state: seed)
                let after = seed == 0 ? disk.afterKill() : disk.afterPowerCut(&dice)
                let file = PayoutIndexFile(path: path, calls: after)
                let found = try file.load(ranged)
                #expect(found == old || found == new, "died at call \(death)")
                if isSaved { #expect(found == new, "what was saved stays saved, died at call \(death)") }
                if found == old { seenOld += 1 } else { seenNew += 1 }
                // And the next start can save, whatever lies around.
                try file.save(new)
                #expect(try file.load(ranged) == new)
            }
            if calls > 0 { break }
        }
        // open, three or more writes, fsync, close, rename, and open, fsync and close of the folder
        #expect(calls >= 9 && seenOld > 100 && seenNew > 100)
    }

    @Test func `a save that fails says why, leaves the index that was there and nothing else`() throws {
        let cases: [(call: String, errno: CInt, fault: StateFault)] = [
            ("open", EACCES, .noPermission(path: path)), ("open", EROFS, .noPermission(path: path)),
            ("open", ENOENT, .missingFolder(path: path)), ("write", ENOSPC, .full(path: path)),
            ("write", EDQUOT, .full(path: path)),
            ("fsync", EIO, .system(path: path, call: "fsync", errno: EIO)),
            ("fsync", ENOSPC, .full(path: path)),
            ("close", EIO, .system(path: path, call: "close", errno: EIO)),
            ("rename", EACCES, .noPermission(path: path)),
        ]
        for (call, errno, expected) in cases {
            let disk = ModelDisk(folders: ["/state"])
            let file = PayoutIndexFile(path: path, calls: disk)
            let old = PayoutIndex(ranged, from: 4)
            try file.save(old)
            disk.fail(call, with: errno)
            #expect(
                fault { () throws(StateFault) in try file.save(PayoutIndex(ranged, from: 5)) } == expected)
            disk.heal()
            #expect(try file.load(ranged) == old && disk.files.count == 1, "\(call)")
            #expect(disk.openHandles <= (call == "close" ? 1 : 0), "\(call)")
            #expect("\(expected)".contains(path))
        }
    }

    @Test func `an index whose folder could not be synced is there, and may not stay`() throws {
        let folder = try Folder()
        let path = "\(folder.path)/payout"
        let file = PayoutIndexFile(path: path, calls: NoFolders())
        #expect(
            fault { () throws(StateFault) in try file.save(PayoutIndex(ranged, from: 5)) }
                == .notDurable(path: path, call: "fsync", errno: EIO))
        #expect(try PayoutIndexFile(path: path).load(ranged).current == 5)
    }

    @Test func `a file that is not what was written is refused, and left as it is`() throws {
        let disk = ModelDisk(folders: ["/state"])
        let file = PayoutIndexFile(path: path, calls: disk)
        try file.save(PayoutIndex(ranged, from: 12))
        let good = try #require(disk.files[path])
        for position in good.indices {
            var bad = good
            bad[position] ^= 4
            disk.put(path, bad)
            // A damaged line end is still white space to the reader, or not.
            let found = fault { () throws(StateFault) in try file.load(ranged) }
            if found == nil { #expect(try file.load(ranged).current == 12) }
            disk.put(path, Array(good[..<position]))
            if position < good.count - 1 {
                #expect(fault { () throws(StateFault) in try file.load(ranged) } == .damagedIndex(path: path))
            }
            #expect(disk.files[path] == Array(good[..<position]))
        }
        disk.put(path, [UInt8](repeating: 0x31, count: 5_000))
        #expect(
            fault { () throws(StateFault) in try file.load(ranged) } == .tooLarge(path: path, limit: 1_000))
        disk.put(path, good)
        let other = try PayoutDescriptor("tr(\(key)/1/2/*)", on: .main)
        #expect(fault { () throws(StateFault) in try file.load(other) } == .otherDescriptor(path: path))
    }
}

/// The system, whose disk cannot sync folders.
private struct NoFolders: FileCalls {
    private let system = SystemFiles()
    private let folder: CInt = 1_000_000

    func open(_ path: String, for use: FileUse) throws(FileCallError) -> CInt {
        switch use {
        case .folder: folder
        case .reading, .replacing: try system.open(path, for: use)
        }
    }
    func sync(_ file: CInt) throws(FileCallError) {
        guard file != folder else { throw FileCallError(call: "fsync", errno: EIO) }
        try system.sync(file)
    }
    func close(_ file: CInt) throws(FileCallError) { if file != folder { try system.close(file) } }
    func write(_ bytes: ArraySlice<UInt8>, to file: CInt) throws(FileCallError) -> Int {
        try system.write(bytes, to: file)
    }
    func read(_ count: Int, from file: CInt) throws(FileCallError) -> [UInt8] {
        try system.read(count, from: file)
    }
    func rename(_ path: String, to new: String) throws(FileCallError) { try system.rename(path, to: new) }
    func remove(_ path: String) throws(FileCallError) { try system.remove(path) }
    func makeFolder(_ path: String) throws(FileCallError) { try system.makeFolder(path) }
    func names(in folder: String) throws(FileCallError) -> [String] { try system.names(in: folder) }
}

/// A folder of its own, gone with the value.
final class Folder {
    let path = FileManager.default.temporaryDirectory
        .appendingPathComponent("adit-state-\(UInt64.random(in: .min ... .max))").path

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func names(_ below: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path + below).sorted()
    }
    func permissions(_ name: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")[.posixPermissions] as? Int
    }
    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }
    func read(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
    }
}
