import Testing
import Units

@testable import Scheduling

private let rolling: UInt32 = 0x1fff_e000

/// Whether some header belongs to both: same extranonce and time, and versions that some rolled bits make equal.
private func overlap(_ a: SearchSpace.Part, _ b: SearchSpace.Part) -> Bool {
    guard a.extranonce == b.extranonce, a.time == b.time else { return false }
    let free = a.versionMask | b.versionMask
    return (a.version ^ b.version) & ~free == 0
}

@Test(arguments: 0..<60)
func `no header belongs to two parts, whatever the job and its takers are like`(seed: UInt64) {
    var chance = SplitMix64(seed: seed)
    let size = [0, 1, 2, 4, 8, 20][Int.random(in: 0..<6, using: &chance)]
    let jobMask = Bool.random(using: &chance) ? rolling : UInt32(truncatingIfNeeded: chance.next()) & rolling
    let workers = Int.random(in: 1...12, using: &chance)
    // Header-only jobs tell workers apart by version bits; otherwise each rolls what it likes.
    let masks: [UInt32] = (0..<workers).map { _ in
        size == 0
            ? SearchSpace.laneMask(jobMask, workers: workers)
            : [rolling, jobMask, 0, 0x00ff_e000].randomElement(using: &chance)!
    }
    var space = SearchSpace(
        extranonceSize: size, version: 0x3000_0000, versionMask: jobMask, minimumTime: 1_000,
        firstExtranonce: chance.next() >> 1)
    var elapsed: UInt32 = 0
    var parts: [SearchSpace.Part] = []
    for _ in 0..<200 {
        if Int.random(in: 0..<8, using: &chance) == 0 { elapsed += UInt32.random(in: 1...3, using: &chance) }
        guard let part = space.take(rolling: masks.randomElement(using: &chance)!, elapsed: elapsed) else {
            continue
        }
        #expect(part.extranonce.count == size)
        #expect(part.time == 1_000 + elapsed)
        #expect(part.version & part.versionMask == 0)
        #expect(part.version & ~jobMask == 0x3000_0000 & ~jobMask)
        #expect(!parts.contains { overlap($0, part) }, "seed \(seed)")
        parts.append(part)
    }
    #expect(!parts.isEmpty)
}

@Test func `with room for it, every part has an extranonce of its own and all version bits of its worker`() {
    var space = SearchSpace(
        extranonceSize: 4, version: 0x2000_0000, versionMask: rolling, minimumTime: 7,
        firstExtranonce: 0x0102_0304)
    let first = space.take(rolling: 0x00ff_e000, elapsed: 0)
    let second = space.take(rolling: 0x00ff_e000, elapsed: 0)
    #expect(first?.extranonce == [1, 2, 3, 4] && second?.extranonce == [1, 2, 3, 5])
    #expect(first?.version == 0x2000_0000 && second?.version == 0x2000_0000)
    #expect(first?.versionMask == 0x00ff_e000)
}

@Test func `a job without extranonce serves all its workers for as many parts a second as was promised`() {
    for workers in 1...64 {
        let mask = SearchSpace.laneMask(rolling, workers: workers, partsPerSecond: 4)
        #expect(mask != 0 && mask & ~rolling == 0)
        var space = SearchSpace(extranonceSize: 0, version: 0, versionMask: rolling, minimumTime: 0)
        for second in 0..<3 as Range<UInt32> {
            for _ in 0..<(4 * workers) { #expect(space.take(rolling: mask, elapsed: second) != nil) }
        }
    }
    #expect(SearchSpace.laneMask(0xe000, workers: 3) == 0)
}

@Test func `what has been handed out is not handed out again before the time moves on`() {
    var space = SearchSpace(extranonceSize: 0, version: 0, versionMask: 0x6000, minimumTime: 5)
    for _ in 0..<4 { #expect(space.take(rolling: 0, elapsed: 0) != nil) }
    #expect(space.take(rolling: 0, elapsed: 0) == nil)
    #expect(space.take(rolling: 0, elapsed: 1)?.time == 6)
}
