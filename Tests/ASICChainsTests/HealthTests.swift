@testable import ASICChains
import ASICChips
import ASICWire
import ChipSupport
import TestSupport
import Testing
import Units

@Test func `health counts what each chip found, and what the verifier made of it`() throws {
    var bench = ember()
    bench.finds = false
    bench.bringUp()
    #expect(Bench(emberProfile).chain.health(at: bench.now) == nil)
    bench.send(.work(work(1)))
    for n in 0..<10 as Range<UInt32> {
        bench.send(.received(reply(bm1362, jobByte: 0x08, nonce: (UInt32(n % 3) << 21 | n).byteSwapped)))
        bench.send(.judged(chip: Int(n % 3), good: n != 4))
    }
    bench.send(.received(reply(bm1362, jobByte: 0x08, nonce: 0)))  // again
    bench.send(.received([1, 2, 3]))
    let health = try #require(bench.chain.health(at: bench.now))
    #expect(health.chips.map(\.nonces) == [4, 3, 3] + Array(repeating: 0, count: 9))
    #expect(health.chips.map(\.verified).prefix(3) == [4, 2, 3])
    #expect(health.chips.map(\.errors).prefix(3) == [0, 1, 0])
    #expect(health.nonces == 10 && health.verified == 9 && health.errors == 1)
    #expect(health.duplicates == 1 && health.bytesSkipped == 3)
    #expect(health.chips[0].lastNonce == bench.now && health.chips[3].lastNonce == nil)
    #expect(health.expected == bench.summary?.expected)
}

@Test func `the rate comes from verified nonces alone, and is zero a minute after the last`() throws {
    var bench = ember()
    bench.finds = false
    bench.nextWork = 1
    bench.bringUp()
    let summary = try #require(bench.summary)
    for second in 0..<120 as Range<UInt32> {
        for chip in 0..<12 as Range<UInt32> {
            let jobByte = bench.jobBytes.last ?? 0
            bench.send(
                .received(reply(bm1362, jobByte: jobByte, nonce: (chip << 21 | second).byteSwapped)))
            // Chip 5 is always wrong.
            bench.send(.judged(chip: Int(chip), good: chip != 5))
        }
        bench.run(for: .seconds(1))
    }
    func rates() -> [Double] {
        bench.chain.health(at: bench.now)?.chips.map(\.rate.hashesPerSecond) ?? []
    }
    let each = Double(sign: .plus, exponent: summary.ticketZeroBits, significand: 1)
    for chip in 0..<12 { #expect((rates()[chip] / each - (chip == 5 ? 0 : 1)).magnitude < 0.1) }
    bench.nextWork = nil
    bench.run(for: .seconds(30))
    #expect((0.3...0.7).contains(rates()[0] / each))
    bench.run(for: .seconds(31))
    #expect(rates().allSatisfy { $0 == 0 })
    #expect(bench.chain.health(at: bench.now)?.rate == .zero)
}

// MARK: registers that count

/// Reads of a register, by the instant at which they went out.
private func reads(_ bench: Bench, _ register: UInt8) -> [Instant] {
    bench.sent.filter { $0.command == .read(register: register, from: .everyChip) }.map(\.at)
}

@Test func `chips that count are asked about once a second, and their count is a rate`() throws {
    var bench = Bench(
        ChainProfile(
            model: bm1366, chips: 3, frequency: .megahertz(485), workingBaudRate: BaudRate(1_000_000)))
    bench.nextWork = 1
    bench.bringUp()
    let begun = bench.now
    let perChip = try #require(bench.summary).expected.hashesPerSecond / 3
    // Near the end of 32 bits, so that it wraps on the way; chip 2 is reset after 10 s; chip 1 stands still.
    for tick in 0..<200 {
        for chip in 0..<3 {
            let seconds = chip == 2 && tick > 100 ? Double(tick - 100) / 10 : Double(tick) / 10
            let count = UInt64(seconds * perChip / 0x1p32) + (chip == 0 ? 0xFFFF_FF00 : 0)
            bench.chips.chips[chip].registers[0x8C] = chip == 1 ? 5 : UInt32(truncatingIfNeeded: count)
            bench.chips.chips[chip].registers[0x4C] = UInt32(tick / 50)
        }
        bench.run(for: .milliseconds(100))
        if tick % 10 == 0, let jobByte = bench.jobBytes.last {
            bench.send(.received(reply(bm1366, jobByte: jobByte, nonce: UInt32(tick))))
        }
        for chip in [0, 2] {
            let rate = bench.chain.health(at: bench.now)?.chips[chip].counted?.hashesPerSecond
            if let rate { #expect((rate / perChip - 1).magnitude < 0.15, "chip \(chip) at tick \(tick)") }
        }
    }
    let health = try #require(bench.chain.health(at: bench.now))
    #expect(health.chips[1].counted == .zero)
    #expect(health.chips.allSatisfy { $0.counted != nil && $0.countedErrors == 3 })
    let asked = reads(bench, 0x8C).filter { $0 > begun }
    #expect((18...21).contains(asked.count))
    #expect(!bench.notices.contains { if case .unsolicitedRegister = $0 { true } else { false } })
    // No answers any more: what was read becomes old.
    bench.chips.chips[0].isDead = true
    bench.run(for: .seconds(4))
    #expect(bench.chain.health(at: bench.now)?.chips[0].counted != nil)
    bench.run(for: .seconds(2))
    #expect(bench.chain.health(at: bench.now)?.chips[0].counted == nil)
}

@Test func `on a long chain with a slow link the counters are read more seldom`() {
    var bench = Bench(ChainProfile(model: bm1366, chips: 126, frequency: .megahertz(485)))
    bench.nextWork = 1
    bench.bringUp()
    let begun = bench.now
    for _ in 0..<60 {
        bench.run(for: .seconds(1))
        guard let jobByte = bench.jobBytes.last else { break }
        for chip in 0..<126 as Range<UInt32> {
            let nonce = (chip << 18 | UInt32(truncatingIfNeeded: bench.now.nanoseconds >> 20) & 0xFFFF)
                .byteSwapped
            bench.send(.received(reply(bm1366, jobByte: jobByte, nonce: nonce)))
        }
    }
    // 126 answers of 11 bytes take 120 ms at 115,200 baud: two registers may be read every 2.4 s.
    let asked = reads(bench, 0x8C).filter { $0 > begun }
    #expect((23...26).contains(asked.count))
    #expect(bench.recoveries == [] && bench.reports.count > 7_000)
}

@Test func `a BM1397 states its rate, and says when it has none`() throws {
    var bench = Bench(
        ChainProfile(
            model: bm1397, chips: 1, frequency: .megahertz(425), workingBaudRate: BaudRate(3_125_000)))
    bench.nextWork = 1
    bench.bringUp()
    bench.chips.chips[0].registers[0x04] = 272_000
    bench.run(for: .seconds(2))
    #expect(
        bench.chain.health(at: bench.now)?.chips[0].counted == HashRate(hashesPerSecond: 272_000 * 0x1p20))
    bench.chips.chips[0].registers[0x04] = 0x007F_FFFF
    bench.run(for: .seconds(3))
    #expect(
        bench.chain.health(at: bench.now)?.chips[0].counted == HashRate(hashesPerSecond: 272_000 * 0x1p20))
}

@Test func `a BM1387 is not asked: its answers would not say whose they are`() {
    var bench = Bench(
        ChainProfile(
            model: bm1387, chips: 3, frequency: .megahertz(650), workingBaudRate: BaudRate(1_562_500)))
    bench.nextWork = 1
    bench.bringUp()
    let count = bench.commands.count
    bench.run(for: .seconds(2))
    #expect(!bench.commands[count...].contains { if case .read = $0 { true } else { false } })
}
