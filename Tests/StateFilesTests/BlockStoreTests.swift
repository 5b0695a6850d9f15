import BitcoinPrimitives
import BlockRoutes
import Foundation
import Payouts
import StateFiles
import Synchronization
import Testing

private func fault<Result>(_ body: () throws(StateFault) -> Result) -> StateFault? {
    do throws(StateFault) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}

/// What a store's thread said.
private final class Said: Sendable {
    let faults = Mutex<[StateFault?]>([])
    var all: [StateFault?] { faults.withLock { $0 } }
    func hear(_ fault: StateFault?) { faults.withLock { $0.append(fault) } }
}

@Suite struct BlockStoreTests {
    @Test func `a found block is a file that only its owner can read, and comes back at the next start`()
        throws
    {
        let folder = try Folder()
        let path = "\(folder.path)/blocks"
        let store = BlockStore(folder: path)
        #expect(try store.open().blocks.isEmpty)
        let blocks = [block(1, height: 99), block(2, height: 101, witness: false), block(3, height: 100)]
        let said = Said()
        for block in blocks {
            try store.write(block)
            store.sync(block.hash, then: said.hear)
        }
        store.finish()
        #expect(said.all == [nil, nil, nil])
        #expect(try folder.names("/blocks").contains(blocks[0].fileName))
        #expect(try folder.read("blocks/\(blocks[0].fileName)") == blocks[0].wireBytes)
        #expect(try folder.permissions("blocks/\(blocks[0].fileName)") == 0o600)
        #expect(try folder.permissions("blocks") == 0o700)

        let next = BlockStore(folder: path)
        let contents = try next.open()
        #expect(contents.blocks == [blocks[1].name, blocks[2].name, blocks[0].name])
        #expect(contents.damaged.isEmpty && contents.paidScripts.contains([0x51]))
        for block in blocks { #expect(try next.load(block.name) == block) }
    }

    @Test func `a settled block is kept apart under what became of it, a hundred of them at most`() throws {
        let folder = try Folder()
        let store = BlockStore(folder: folder.path)
        _ = try store.open()
        let said = Said()
        for number in 0..<UInt32(103) {
            let block = block(number, height: number)
            try store.write(block)
            store.sync(block.hash, then: said.hear)
            store.settle(block.name, number % 2 == 0 ? .confirmed : .replaced, then: said.hear)
        }
        // One that has no file.
        store.settle(block(200).name, .unconfirmed, then: said.hear)
        store.finish()
        #expect(said.all.allSatisfy { $0 == nil } && said.all.count == 207)
        #expect(try folder.names() == ["settled"] && store.open().blocks.isEmpty)
        let settled = try folder.names("/settled")
        #expect(settled.count == BlockStore.maximumSettled)
        #expect(
            settled.first?.hasPrefix("00000003-") == true
                && settled.first?.hasSuffix("-replaced.block") == true)
        #expect(settled.last?.hasSuffix("-confirmed.block") == true)
    }

    @Test func `damaged files are named with what is wrong, and left alone`() throws {
        let folder = try Folder()
        let store = BlockStore(folder: folder.path)
        _ = try store.open()
        let good = block(1)
        let bytes = good.wireBytes
        func named(_ number: UInt32, _ change: (inout [UInt8]) -> Void) throws -> String {
            let block = block(number, height: 200 - number)
            var bytes = block.wireBytes
            change(&bytes)
            try folder.write(block.fileName, bytes)
            return block.fileName
        }
        let witness = try #require(bytes.firstRange(of: [3, 1, 2, 3])).lowerBound
        let names = [
            try named(2) { $0 = [] },
            try named(3) { $0.removeLast(3) },
            try named(4) { $0.append(0) },
            try named(5) { $0 = [UInt8](repeating: 0, count: $0.count) },
            try named(6) { $0[70] ^= 1 },
            try named(7) { $0[$0.count - 5] ^= 1 },
            try named(8) { $0[witness + 1] ^= 1 },
            try named(9) { $0 = [UInt8](repeating: 0, count: 4_200_000) },
        ]
        try folder.write(good.fileName, bytes)
        for name in ["notes.txt", "1-xx.block", "0\(good.fileName)"] { try folder.write(name, [1]) }
        let before = try folder.names()
        let contents = try store.open()
        #expect(contents.blocks == [good.name])
        let wrong: [BlockDamage] = [
            .empty, .notABlock, .notABlock, .notABlock, .otherHash, .commitment, .commitment,
        ]
        let paths = names.map { "\(folder.path)/\($0)" }
        #expect(
            contents.damaged == zip(paths, wrong).map { StateFault.damagedBlock(path: $0, $1) } + [
                .tooLarge(path: paths[7], limit: 4_100_000)
            ])
        #expect(try folder.names() == before && "\(contents.damaged[0])".contains("is empty"))
        #expect(
            fault { () throws(StateFault) in try store.load(block(6, height: 194).name) }
                == contents.damaged[4])
    }

    @Test func `a full disk is said at once, leaves no half file, and the next try can succeed`() throws {
        let disk = ModelDisk(folders: [])
        let store = BlockStore(folder: "/blocks", calls: disk)
        #expect(
            fault { () throws(StateFault) in try store.write(block(1)) }
                == .missingFolder(path: "/blocks/\(block(1).fileName)"))
        _ = try store.open()
        disk.fail("write", with: ENOSPC)
        let said = Said()
        #expect(
            fault { () throws(StateFault) in try store.write(block(1)) }
                == .full(path: "/blocks/\(block(1).fileName)"))
        store.sync(block(1).hash, then: said.hear)
        store.finish()
        #expect(disk.files.isEmpty && said.all.isEmpty && disk.openHandles == 0)
        disk.heal()
        try store.write(block(1))
        disk.fail("fsync", with: EIO)
        store.sync(block(1).hash, then: said.hear)
        store.finish()
        #expect(
            said.all == [.notDurable(path: "/blocks", call: "fsync", errno: EIO)] && disk.openHandles == 0)
        #expect(try BlockStore(folder: "/blocks", calls: disk).load(block(1).name) == block(1))
    }

    @Test func `writing a block waits for no disk`() throws {
        let disk = ModelDisk(folders: ["/blocks", "/blocks/settled"])
        let store = BlockStore(folder: "/blocks", calls: disk)
        try store.write(block(1))
        #expect(disk.trace.first == "open" && disk.trace.dropFirst().allSatisfy { $0 == "write" })
        let written = disk.trace.count
        store.sync(block(1).hash) { _ in }
        store.finish()
        // The file, then its name.
        #expect(disk.trace.dropFirst(written) == ["fsync", "close", "open", "fsync", "close"])
    }

    @Test
    func `after a power cut a block is there, or its file is named as damaged; once synced it is there`()
        throws
    {
        for seed in 0..<UInt64(300) {
            var dice = Dice(state: seed)
            let disk = ModelDisk(folders: ["/blocks", "/blocks/settled"])
            let store = BlockStore(folder: "/blocks", calls: disk)
            try store.write(block(1))
            store.sync(block(1).hash) { _ in }
            store.finish()
            try store.write(block(2))
            let after = BlockStore(folder: "/blocks", calls: disk.afterPowerCut(&dice))
            let contents = try after.open()
            #expect(contents.blocks.contains(block(1).name))
            #expect(contents.blocks.count + contents.damaged.count <= 2)
            for name in contents.blocks {
                let whole = try after.load(name)
                #expect(whole == block(1) || whole == block(2))
            }
        }
    }

    /// Finds three blocks, each paying the index of the moment; the program dies at a call of choice.
    @Test func `a program that is killed anywhere loses no block that went out, and pays no index twice`()
        throws
    {
        var outcomes = Set<Int>()
        for death in 1... {
            let disk = ModelDisk(folders: ["/state"])
            disk.die(atCall: death)
            var out: [MinedBlock] = []
            run(disk, &out)
            outcomes.insert(out.count)
            if !disk.isDead { break }

            let after = disk.afterKill()
            let store = BlockStore(folder: "/state/blocks", calls: after)
            let contents = try store.open()
            var index = try PayoutIndexFile(path: "/state/payout", calls: after).load(ranged)
            _ = index.catchUp(onPaid: contents.paidScripts)
            for (number, block) in out.enumerated() {
                #expect(ranged.script(at: UInt32(number)) != index.script, "died at call \(death)")
                let isSettled = after.files.keys.contains {
                    $0.contains("settled/") && $0.contains(block.hash.displayHex)
                }
                #expect(contents.blocks.contains(block.name) || isSettled, "died at call \(death)")
            }
            // No index is left out either.
            #expect(index.current <= UInt32(out.count) + 1)
        }
        #expect(outcomes == [0, 1, 2, 3])
    }

    private func run(_ disk: ModelDisk, _ out: inout [MinedBlock]) {
        let store = BlockStore(folder: "/state/blocks", calls: disk)
        let file = PayoutIndexFile(path: "/state/payout", calls: disk)
        guard (try? store.open()) != nil, var index = try? file.load(ranged), !disk.isDead else { return }
        for number in 0..<UInt32(3) {
            let found = block(number, height: 100 + number, paying: index.script)
            try? store.write(found)
            guard !disk.isDead else { return }
            out.append(found)
            _ = index.blockFound(paying: index.current)
            try? file.save(index)
            guard !disk.isDead else { return }
            store.sync(found.hash) { _ in }
            store.settle(found.name, .confirmed) { _ in }
            store.finish()
            guard !disk.isDead else { return }
        }
    }
}
