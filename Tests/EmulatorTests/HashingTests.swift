import ASICWire
@testable import Emulator
import TestSupport
import Testing
import Units

/// What chips make of a job. Sources: bm13xx.md §8 to §11, §16.
@Suite struct HashingTests {
    @Test(arguments: [(4, 0), (8, 0), (8, 0x80), (6, 0xF0), (1, 0)] as [(Int, UInt32)])
    func `every nonce reported is true, and they come as often as they should`(zeros: Int, ticket: UInt32) {
        var bench = Bench(.bm1370(chips: 2, reportZeroBits: zeros, seed: 7))
        bench.bringUp(
            addresses: [0, 0x80], hashCountingNumber: 390_000, ticket: ticket, offsets: [0, 0x8000])
        let job = someJob(1)
        #expect(bench.send(.job(job)).isEmpty)
        let needed = zeros + ticket.nonzeroBitCount
        let nonces = bench.mine(hashes: 400 << UInt64(needed))
        let expected = Double(bench.hashed) / Double(1 << needed)
        #expect(
            abs(Double(nonces.count) - expected) < 4.5 * expected.squareRoot(),
            "\(nonces.count), not \(expected)")
        for answer in nonces {
            let bits = zeroBits(job, answer)
            #expect(bits >= needed)
            #expect(Int(answer.excess) == 2 * (bits - needed))
            #expect(answer.jobByte == 0xD0 | UInt8(answer.versionCounter & 15))
        }
        #expect(
            Set(nonces.map { "\($0.nonce) \($0.versionCounter)" }).count == nonces.count, "no nonce twice")
        #expect(Set(nonces.map { $0.bigEndianNonce >> 25 }).count > 60, "all over the cores")
        #expect(Set(nonces.map { $0.bigEndianNonce >> 24 & 1 }) == [0, 1], "both chips")
    }

    @Test func `each BM1362 of a chain finds its own share, in its own slice, on cores it has`() {
        var bench = Bench(.bm1362(chips: 12, reportZeroBits: 6, seed: 3))
        let addresses = (0..<12).map { UInt8($0 * 20) }
        bench.bringUp(addresses: addresses, hashCountingNumber: (20 << 17) / 42 - 134)
        let job = someJob(2, jobByte: 0x28)
        _ = bench.send(.job(job))
        let nonces = bench.mine(hashes: 1200 << 6)
        var counts = [UInt32: Int]()
        for answer in nonces {
            #expect(zeroBits(job, answer) >= 6)
            #expect(Int(answer.excess) == zeroBits(job, answer) - 6)
            #expect(answer.jobByte == 0x28 | UInt8(answer.versionCounter & 7))
            #expect(answer.bigEndianNonce >> 25 < 65)
            counts[(answer.bigEndianNonce >> 17 & 0xff) / 20, default: 0] += 1
        }
        #expect(Set(counts.keys) == Set(0..<12))
        #expect(counts.values.allSatisfy { (60...150).contains($0) }, "\(counts)")
    }

    @Test(arguments: [0xA4, 0x18, 0x3C, 0x10] as [UInt8])
    func `a BM1370 does not hash until it has been told everything`(missing: UInt8) {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 4, seed: 1))
        bench.bringUp(addresses: [0], hashCountingNumber: 1000, skipping: missing)
        _ = bench.send(.job(someJob(1)))
        #expect(bench.chain.hashRate == .zero)
        #expect(bench.chain.nextSearch(budget: 1) == nil)
    }

    @Test func `it hashes at the reset clock, but not without a job`() {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 4, seed: 1))
        bench.bringUp(addresses: [0], hashCountingNumber: 1_000_000, skipping: 0x08)
        #expect(bench.chain.nextSearch(budget: 1) == nil)
        _ = bench.send(.job(someJob(1)))
        #expect(!bench.mine(hashes: 10_000).isEmpty)
    }

    @Test func `a BM1362 without HASH_COUNTING_NUMBER sweeps the whole counter`() {
        var bench = Bench(.bm1362(chips: 1, reportZeroBits: 8, seed: 1))
        bench.bringUp(addresses: [0], hashCountingNumber: 0, skipping: 0x10)
        _ = bench.send(.job(someJob(1)))
        let rows = bench.rows(2000)
        #expect(Set(rows.map { $0.place.counter >> 21 }) == Set(0..<16))
    }

    // §1: MHz * units; an emulated chip with n zero bits is slower by 2^(32 - n).
    @Test func `the rate follows the clock of each chip`() {
        var bench = Bench(.bm1370(chips: 2, reportZeroBits: 12, seed: 1))
        bench.bringUp(addresses: [0, 0x80], hashCountingNumber: 1000)
        _ = bench.send(.job(someJob(1)))
        let chip = 525e6 * 2040 / Double(1 << 20)
        #expect(abs(bench.chain.hashRate.hashesPerSecond - 2 * chip) < 1)
        bench.write(0x40A8_0270, to: 8, .chip(0x80))  // 262.5 MHz
        #expect(abs(bench.chain.hashRate.hashesPerSecond - 1.5 * chip) < 1)
        let rows = bench.rows(6000)
        let share = Double(rows.count { $0.chip == 1 }) / Double(rows.count)
        #expect(abs(share - 1 / 3.0) < 0.02, "the slower chip gets half as many turns: \(share)")
        bench.chain.setReset(asserted: true)
        #expect(bench.chain.hashRate == .zero)
    }

    // §6.1, measured by mujina: bit 28 is cores 0 to 31.
    @Test func `a quarter of the cores whose reports are off stays silent`() {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 4, seed: 1))
        bench.bringUp(addresses: [0], hashCountingNumber: 100_000)
        bench.write(0x5000_C100, to: 0x18)
        _ = bench.send(.job(someJob(1)))
        let cores = Set(bench.mine(hashes: 30_000).map { $0.bigEndianNonce >> 25 })
        #expect(!cores.isEmpty && cores.allSatisfy { $0 < 32 || (64..<96).contains($0) })
        #expect(cores.contains { $0 < 32 } && cores.contains { $0 >= 64 })
    }

    @Test func `one core alone hashes when only that one is enabled`() {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 2, seed: 1))
        bench.bringUp(addresses: [0], hashCountingNumber: 100_000, skipping: 0x3C)
        bench.write(0x0005_82AA, to: 0x3C)
        _ = bench.send(.job(someJob(1)))
        #expect(Set(bench.mine(hashes: 200).map { $0.bigEndianNonce >> 25 }) == [5])
        #expect(
            abs(bench.chain.hashRate.hashesPerSecond * 128 * 1024 * 1024 * 1024 / (525e6 * 2040) - 1) < 1e-6)
    }

    @Test func `each job starts at version 0, and the same job again finds the same nonces`() {
        var bench = Bench(.bm1362(chips: 3, reportZeroBits: 5, seed: 1))
        bench.bringUp(addresses: [0, 80, 160], hashCountingNumber: (80 << 17) / 42 - 134)
        _ = bench.send(.job(someJob(1)))
        let hashes: UInt64 = 50 * 3 * 2 * 65  // turns of three chips with two rows each
        let first = bench.mine(hashes: hashes)
        _ = bench.send(.job(someJob(2)))
        let other = bench.mine(hashes: hashes)
        _ = bench.send(.job(someJob(1)))
        let again = bench.mine(hashes: hashes)
        #expect(Set(first.map(\.nonce)) == Set(again.map(\.nonce)))
        #expect(Set(first.map(\.nonce)).isDisjoint(with: other.map(\.nonce)))
        // Eight versions side by side, then the next eight.
        let batches = bench.rows(2000).filter { $0.chip == 0 }.map { $0.versionCounter / 8 }
        #expect(batches == batches.sorted())
    }

    @Test func `after an epoch a chip begins again, within its version mask`() {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 12, seed: 1))
        bench.bringUp(addresses: [0], hashCountingNumber: 100_000, offsets: [0])
        bench.write(0x9000_0600, to: 0xA4)
        _ = bench.send(.job(someJob(1)))
        let rows = bench.rows(3 * 4 * 8)
        #expect(Set(rows.map(\.versionCounter)) == [0, 0x200, 0x400, 0x600])
        let places = rows.map(\.place)
        let epoch = places.dropFirst().firstIndex(of: places[0])
        #expect(epoch.map { Array(places[$0..<(2 * $0)]) == Array(places[..<$0]) } == true)
        #expect(rows.allSatisfy { $0.version == 0x2000_0000 | UInt32($0.versionCounter) << 13 })
    }

    @Test func `a late nonce of the job before is reported in that job's slot`() {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 4, seed: 1))
        bench.bringUp(addresses: [0], hashCountingNumber: 100_000)
        _ = bench.send(.job(someJob(1, jobByte: 0x18)))
        let unit = bench.chain.nextSearch(budget: 2000)!
        _ = bench.send(.job(someJob(2, jobByte: 0x30)))
        let late = bench.chain.finished(unit, hits: run(unit), at: bench.now).compactMap { nonce($0.bytes) }
        #expect(
            !late.isEmpty && late.allSatisfy { $0.jobByte & 0xF0 == 0x30 && zeroBits(someJob(1), $0) >= 4 })
        bench.chain.setReset(asserted: true)
        bench.chain.setReset(asserted: false)
        #expect(bench.chain.finished(unit, hits: run(unit), at: bench.now).isEmpty, "a reset forgets them")
    }

    @Test func `a nonce at another rate than the host's is garbage`() {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 4, seed: 1))
        bench.bringUp(addresses: [0], hashCountingNumber: 100_000)
        _ = bench.send(.job(someJob(1)))
        bench.chain.setHostBaud(BaudRate(1_000_000))
        let unit = bench.chain.nextSearch(budget: 2000)!
        let garbage = bench.chain.finished(unit, hits: run(unit), at: bench.now).map(\.bytes)
        #expect(!garbage.isEmpty && garbage.compactMap(nonce).isEmpty)
    }

    @Test func `nonces that would wait more than a second for the line are lost and counted`() {
        var bench = Bench(.bm1370(chips: 1, reportZeroBits: 1, seed: 1))
        bench.bringUp(addresses: [0], hashCountingNumber: 100_000)
        _ = bench.send(.job(someJob(1)))
        let unit = bench.chain.nextSearch(budget: 10_000)!
        let hits = run(unit)
        let sent = bench.chain.finished(unit, hits: hits, at: bench.now).count
        // A second at 115,740 symbols is 1,052 frames of 110 symbols.
        #expect(hits.count > 4000 && (1_050...1_055).contains(sent))
        bench.now = bench.now + .seconds(2)
        let count = bench.send(.read(register: 0x50, from: .everyChip))[0][2..<6].reduce(0) {
            $0 << 8 | Int($1)
        }
        #expect(count == hits.count - sent)
    }

    // bm13xx.md §8, the table.
    @Test(
        arguments: [
            (0x0000_0000, 0), (0x0000_0080, 1), (0x0000_00F0, 0xF), (0x0000_00FF, 0xFF), (0x0000_80FF, 0x1FF),
            (0x0000_F0FF, 0xFFF), (0x0000_FFFF, 0xFFFF),
        ] as [(UInt32, UInt32)])
    func `ticket mask bits stand reversed within their byte`(register: UInt32, mask: UInt32) {
        #expect(ReportThreshold(zeroBits: 32, ticketRegister: register).ticket == mask)
    }

    @Test func `a threshold counts zero bits from the top of the number`() {
        func digest(_ top: [UInt8]) -> [32 of UInt8] {
            var digest: [32 of UInt8] = .init(repeating: 0xff)
            for (index, byte) in top.enumerated() { digest[31 - index] = byte }
            return digest
        }
        let plain = ReportThreshold(zeroBits: 9, ticketRegister: 0)
        #expect(plain.excessBits(of: digest([0x00, 0x7F])) == 0)
        #expect(plain.excessBits(of: digest([0x00, 0x80])) == nil)
        #expect(plain.excessBits(of: digest([0x00, 0x01])) == 6)
        let masked = ReportThreshold(zeroBits: 9, ticketRegister: 0x0000_00C0)
        #expect(masked.excessBits(of: digest([0x00, 0x20])) == nil)
        #expect(masked.excessBits(of: digest([0x00, 0x1F])) == 0)
        #expect(ReportThreshold(zeroBits: 32, ticketRegister: 0xFF).topLimit == 0)
        #expect(ReportThreshold(zeroBits: 4, ticketRegister: 0x80).topLimit == 0x07FF_FFFF)
    }
}
