import BitcoinPrimitives
import MinerCore
import NIOPosix
import Scheduling
import Synchronization
import Testing
import Units

@testable import CPUHashing

/// What the threads said, from any of them.
private final class Heard: Sendable {
    private let events = Mutex<[(ProcessorIndex, ProcessorEvent)]>([])
    func add(_ index: ProcessorIndex, _ event: ProcessorEvent) {
        events.withLock { $0.append((index, event)) }
    }
    var all: [(ProcessorIndex, ProcessorEvent)] { events.withLock { $0 } }

    func wait(until isEnough: ([(ProcessorIndex, ProcessorEvent)]) -> Bool) async throws {
        for _ in 0..<1_000 where !isEnough(all) { try await Task.sleep(for: .milliseconds(10)) }
    }
}

@Test func `threads measure themselves, ask for work, and find hashes as good as they said`() async throws {
    let heard = Heard()
    let board = CPUBoard(try #require(CPUBoard.Options(threads: 2, duty: 0.5))) { heard.add($0, $1) }
    try await heard.wait { events in events.filter { $0.1 == .needWork }.count == 2 }
    var bits: [ProcessorIndex: Int] = [:]
    for case (let index, .ready(let rate, let zeroBits)) in heard.all {
        #expect(rate.hashesPerSecond > 0)
        bits[index] = zeroBits
    }
    #expect(bits.count == 2)
    let units = (0..<2).map { index in
        WorkUnit(
            id: UInt64(index), version: 0x2000_0000, versionMask: 0x1fff_e000,
            previousBlock: Hash256(hashing: [1]), merkleRoot: Hash256(hashing: [UInt8(index)]),
            time: 1_700_000_000, bits: CompactTarget(bits: 0x1d00_ffff))
    }
    for (index, unit) in units.enumerated() { board.work(unit, for: ProcessorIndex(index)) }
    func found(_ events: [(ProcessorIndex, ProcessorEvent)]) -> Int {
        events.filter { if case .found = $0.1 { true } else { false } }.count
    }
    try await heard.wait { found($0) >= 3 }
    #expect(found(heard.all) >= 3)
    for case (let index, .found(let id, let nonce, let versionBits)) in heard.all {
        #expect(id == UInt64(index.number))
        let hash = units[index.number].header(nonce: nonce, versionBits: versionBits).hash
        #expect(Target(leadingZeroBits: try #require(bits[index])).isMet(by: hash))
    }
    await board.stop()
    #expect(heard.all.filter { $0.1 == .stopped }.count == 2)
}

@Test func `threads and duty have bounds`() {
    #expect(CPUBoard.Options(threads: 0) == nil)
    #expect(CPUBoard.Options(threads: 257) == nil)
    #expect(CPUBoard.Options(threads: 1, duty: 0) == nil)
    #expect(CPUBoard.Options(threads: 1, duty: 1.01) == nil)
    #expect(CPUBoard.Options(threads: 1, duty: .nan) == nil)
}
