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
            let zeros = Int.random(in: 7...12, using: &chance)
            let interval = 256 / chips
            let models: [EmulatedModel] = [.bm1362, .bm1366, .bm1368, .bm1370, .bm1373]
            let model = models.randomElement(using: &chance)!
            addresses = (0..<chips).map { UInt8($0 * interval) }
            parameters = EmulatedChainParameters(model, chips: chips, reportZeroBits: zeros, seed: seed)
            switch model.sweepStart {
            case .address:
                offsets = []
                slice = min(UInt32(interval) << 17, 1 << 25)
            case .offset:
                offsets = (0..<chips).map { UInt32(($0 * 65536 + chips - 1) / chips) }
                slice = UInt32(65536 / chips) << 9
                // Unicast commands reach a BM1373 at a quarter of its address, so not every address will do.
                if model == .bm1373 {
                    let few = min(chips, 16)
                    parameters.chips = few
                    addresses = (0..<few).map { UInt8($0 * 0x10) }
                    offsets = (0..<few).map { UInt32(($0 * 65536 + few - 1) / few) }
                    slice = UInt32(65536 / few) << 9
                }
            }
        }

        func bench(hashCountingNumber: UInt32) -> Bench {
            var bench = Bench(parameters)
            bench.bringUp(addresses: addresses, hashCountingNumber: hashCountingNumber)
            for (address, offset) in zip(addresses, offsets) {
                bench.write(0x8000_0000 | offset, to: 0x0C, .chip(address >> parameters.model.unicastShift))
            }
            _ = bench.send(.job(someJob(9)))
            return bench
        }

        /// Version and counter of about so many rows; every row has all cores.
        func searched(_ rows: Int, hashCountingNumber: UInt32) -> [UInt64] {
            var bench = bench(hashCountingNumber: hashCountingNumber)
            return bench.rows(rows).map { UInt64($0.version) << 25 | UInt64($0.place.counter) }
        }
    }

    /// The longest overrun is 134 ticks.
    private static func fitting(_ shape: Shape) -> UInt32 { shape.slice / 42 - 134 }

    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func `no two chips of a chain try the same header within a job`(seed: UInt64) {
        let shape = Shape(seed: seed)
        let keys = shape.searched(4_000, hashCountingNumber: Self.fitting(shape))
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

    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func `the ranges of a chain say what it tries`(seed: UInt64) {
        let shape = Shape(seed: seed)
        func meetings(_ ranges: [EmulatedRange]) -> Int {
            ranges.enumerated().reduce(0) { sum, a in
                sum + ranges[(a.offset + 1)...].count { a.element.meets($0) }
            }
        }
        var fitting = shape.bench(hashCountingNumber: Self.fitting(shape))
        let ranges = fitting.chain.ranges()
        #expect(ranges.count == shape.parameters.chips && meetings(ranges) == 0)
        if ranges.count > 1 {
            #expect(meetings(shape.bench(hashCountingNumber: shape.slice / 21).chain.ranges()) > 0)
        }
        for row in fitting.rows(500) {
            let range = ranges[row.chip]
            #expect((row.place.counter &- range.counterStart) % range.counterValues < range.counterLength)
        }
    }

    @Test func `chips whose job is another do not meet`() {
        var bench = Bench(.bm1370(chips: 2, reportZeroBits: 8, seed: 1))
        bench.bringUp(addresses: [0, 0x80], hashCountingNumber: 10_000, offsets: [0, 0])
        _ = bench.send(.job(someJob(1)))
        let first = bench.chain.ranges()
        #expect(first[0].meets(first[1]), "both begin at 0")
        _ = bench.send(.job(someJob(2)))
        #expect(!first[0].meets(bench.chain.ranges()[0]))
        bench.write(0x9000_00FF, to: 0xA4, .chip(0))
        bench.write(0x9000_FF00, to: 0xA4, .chip(0x80))
        // Version 0 is in both masks.
        #expect(bench.chain.ranges()[0].meets(bench.chain.ranges()[1]))
    }

    @Test func `chips that time alone keeps apart meet once it is over`() {
        var bench = Bench(EmulatedChainParameters(.bm1397, chips: 4, reportZeroBits: 12, seed: 1))
        bench.bringUpMidstates(addresses: [0, 0x40, 0x80, 0xC0])
        _ = bench.send(.midstateJob(someMidstateJob(1)))
        let ranges = bench.chain.ranges()
        #expect(ranges.map(\.counterStart) == [0, 1 << 20, 2 << 20, 3 << 20])
        // 4 midstates on 672 small cores: 2^20 values of the counter at 425 MHz take 9.87 ms.
        #expect(!ranges[0].meets(ranges[1], within: .microseconds(9_800)))
        #expect(ranges[0].meets(ranges[1], within: .microseconds(9_900)))
        #expect(ranges[3].meets(ranges[0], within: .microseconds(9_900)), "the last one wraps")
        #expect(ranges[1].meets(ranges[0], within: .microseconds(9_900)), "it is caught up with")
        #expect(ranges[0].meets(ranges[1]))
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
        let rows = bench.rows(90_000)
        // 16 versions side by side at each value of the counter, then the next value.
        let first = rows.prefix { $0.versionCounter < 16 }
        let versions: [UInt16] = (0..<first.count).map { UInt16($0 % 16) }
        let counters: [UInt32] = (0..<first.count).map { 0x2000 + UInt32($0 / 16) }
        #expect(first.map(\.versionCounter) == versions)
        #expect(first.map(\.place.counter) == counters)
        // One tick and an overrun of 109 to 134, 42 values each.
        #expect((110 * 42...135 * 42).contains(first.count / 16))
        #expect(rows[first.count].versionCounter == 16 && rows[first.count].place.counter == 0x2000)
    }
}
