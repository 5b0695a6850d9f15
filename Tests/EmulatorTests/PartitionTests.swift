import ASICWire
@testable import Emulator
import Testing
import Units

/// bm13xx.md §10: chips of one chain share out the nonces of a job, if the host has told them how.
@Suite struct PartitionTests {
    /// A chain with its slices told, at 525 MHz (21 times the reference, so 42 counter values a tick).
    struct Shape {
        var parameters: EmulatedChainParameters
        var addresses: [UInt8]
        var offsets: [UInt32]
        /// Counter values from one chip's start to the next.
        var slice: UInt32

        init(seed: UInt64) {
            var chance = SplitMix64(seed: seed)
            let chips = Int.random(in: 1...126, using: &chance)
            let zeros = Int.random(in: 11...18, using: &chance)
            let interval = 256 / chips
            addresses = (0..<chips).map { UInt8($0 * interval) }
            if Bool.random(using: &chance) {
                parameters = .bm1362(chips: chips, reportZeroBits: zeros, seed: seed)
                offsets = []
                slice = min(UInt32(interval) << 17, NonceSweep.counterValues)
            } else {
                parameters = .bm1370(chips: chips, reportZeroBits: zeros, seed: seed)
                offsets = (0..<chips).map { UInt32(($0 * 65536 + chips - 1) / chips) }
                slice = UInt32(65536 / chips) << 9
            }
        }

        /// Keys of what is hashed in about so many rows: version, counter with bit 24; every row has all
        /// cores.
        func searched(_ rows: Int, hashCountingNumber: UInt32) -> [UInt64] {
            var bench = Bench(parameters)
            bench.bringUp(addresses: addresses, hashCountingNumber: hashCountingNumber, offsets: offsets)
            _ = bench.send(.job(someJob(9)))
            return bench.rows(rows).flatMap { row in
                let key = UInt64(row.version) << 25 | UInt64(row.place.counter)
                return (row.place.lowerHalf ? [key] : []) + (row.place.upperHalf ? [key | 1 << 24] : [])
            }
        }
    }

    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func `no two chips of a chain try the same header within a job`(seed: UInt64) {
        let shape = Shape(seed: seed)
        // The longest overrun is 134 ticks.
        let keys = shape.searched(4_000, hashCountingNumber: shape.slice / 42 - 134)
        #expect(keys.count >= 4_000)
        #expect(Set(keys).count == keys.count, "seed \(seed), \(shape.parameters)")
    }

    @Test func `chips whose count is longer than their slice do try the same header`() {
        for seed: UInt64 in 1...10 {
            let shape = Shape(seed: seed)
            guard shape.addresses.count > 1 else { continue }
            let keys = shape.searched(4_000, hashCountingNumber: shape.slice / 21)
            #expect(Set(keys).count < keys.count, "seed \(seed)")
        }
    }

    @Test func `a BM1370 without an offset starts somewhere else for each job`() {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 32, seed: 5))
        bench.bringUp(addresses: [0], hashCountingNumber: 1000)
        var starts = Set<UInt32>()
        for number: UInt8 in 0..<8 {
            _ = bench.send(.job(someJob(number)))
            starts.insert(bench.rows(1)[0].place.counter)
        }
        #expect(starts.count > 6)
    }

    @Test func `a real chip leaves out nothing`() {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 32, seed: 5))
        bench.bringUp(addresses: [0], hashCountingNumber: 1, offsets: [0x10])
        _ = bench.send(.job(someJob(1)))
        let first = bench.rows(4096).prefix { $0.place.version == 0 }.map(\.place.counter)
        #expect(first == Array((0x10 << 9)..<(0x10 << 9 + UInt32(first.count))))
        // One tick and an overrun of 109 to 134, 42 values each.
        #expect((110 * 42...135 * 42).contains(first.count) || first.count == 4096)
    }
}
