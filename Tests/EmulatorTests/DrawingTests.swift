import ASICWire
@testable import Emulator
import TestSupport
import Testing
import Units

/// Chips whose reports are drawn, not ground.
@Suite struct DrawingTests {
    static func bench(_ parameters: EmulatedChainParameters) -> Bench {
        var parameters = parameters
        parameters.search = .drawn
        return Bench(parameters)
    }

    /// All reports of so much time.
    static func reports(_ bench: inout Bench, _ time: Duration) -> [EmulatedOutput] {
        let end = bench.now + time
        var outputs = [EmulatedOutput]()
        while let at = bench.chain.nextDrawAt, at <= end { outputs += bench.chain.draw(until: at) }
        bench.now = end
        return outputs
    }

    /// The rate of the real chip over 2^32, whatever zero bits the emulated one asks for.
    @Test(arguments: [(1, 0xFF), (1, 0xF0FF), (4, 0xFF), (8, 0xFF)] as [(Int, UInt32)])
    func `drawn reports are true, and come as often as the real chip's`(zeros: Int, ticket: UInt32) {
        var bench = Self.bench(.bm1370(chips: 2, reportZeroBits: zeros, seed: 7))
        bench.bringUp(
            addresses: [0, 0x80], hashCountingNumber: 390_000, ticket: ticket, offsets: [0, 0x8000])
        let job = someJob(1)
        #expect(bench.chain.nextDrawAt == nil, "no job, no reports")
        _ = bench.send(.job(job))
        #expect(bench.chain.nextSearch(budget: 1) == nil, "nothing to grind")
        let outputs = Self.reports(&bench, .seconds(200))
        let answers = outputs.compactMap { nonce($0.bytes) }
        let expected = 200 * 2 * 525e6 * 2040 / 0x1p32 / Double(1 << ticket.nonzeroBitCount)
        #expect(answers.count == outputs.count)
        #expect(abs(Double(answers.count) - expected) < 4.5 * expected.squareRoot(), "not \(expected)")
        let needed = zeros + ticket.nonzeroBitCount
        for answer in answers {
            #expect(zeroBits(job, answer) >= needed)
            #expect(answer.jobByte == 0xD0 | UInt8(answer.versionCounter & 15))
        }
        #expect(Set(answers.map { $0.bigEndianNonce >> 24 & 1 }) == [0, 1], "both chips, each in its slice")
        #expect(Set(answers.map { "\($0.nonce) \($0.versionCounter)" }).count == answers.count)
        guard expected > 200 else { return }
        let gaps = zip(outputs.dropFirst(), outputs).map { ($0.at - $1.at).inSeconds }
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
        #expect(abs(variance / (mean * mean) - 1) < 0.5, "exponential: as wide as it is long")
    }

    @Test func `versions go on with time, as on a chip that sweeps`() {
        var bench = Self.bench(.bm1370(chips: 1, reportZeroBits: 1, seed: 2))
        bench.bringUp(addresses: [0], hashCountingNumber: 0x1EB5, ticket: 0xF0, offsets: [0])
        let start = bench.now
        _ = bench.send(.job(someJob(1)))
        let outputs = Self.reports(&bench, .milliseconds(900))
        #expect(outputs.count > 5)
        let length = bench.chain.ranges()[0].counterLength
        let pace = bench.chain.ranges()[0].countersPerSecond
        for output in outputs {
            guard let answer = nonce(output.bytes) else { continue }
            #expect(answer.bigEndianNonce & 0x1ff_ffff < length)
            // The job took 7.6 ms on the wire, the answer 0.95; a batch of 16 versions takes 0.6 ms.
            let batch = (output.at - start).inSeconds * pace / Double(length)
            #expect((-40.0...0).contains(Double(answer.versionCounter / 16) - batch))
        }
    }

    @Test(arguments: [EmulatedModel.bm1387, .bm1397])
    func `midstate chips draw too`(model: EmulatedModel) {
        var bench = Self.bench(EmulatedChainParameters(model, chips: 2, reportZeroBits: 2, seed: 2))
        if model == .bm1387 {
            bench.bringUpBM1387(addresses: [0, 0x80])
        } else {
            bench.bringUpMidstates(addresses: [0, 0x80])
        }
        _ = bench.send(.midstateJob(someMidstateJob(3, jobByte: 0x20)))
        let frames = Self.reports(&bench, .seconds(2)).map(\.bytes)
        let expected = 2.0 * 2 * (model == .bm1387 ? 650e6 * 114 : 425e6 * 672) / 0x1p32
        #expect(abs(Double(frames.count) - expected) < 4.5 * expected.squareRoot())
        for frame in frames {
            guard
                case .frame(.nonce(let answer), _) = decodeResponse(
                    frame[...], model == .bm1387 ? .bare : .short)
            else {
                Issue.record("not a nonce")
                continue
            }
            #expect(zeroBits(someHeaders(3)[Int(answer.jobByte & 3)], answer.nonce) >= 2)
        }
    }

    @Test func `a changed ticket, clock or supply changes when the next report comes`() {
        var bench = Self.bench(.bm1370(chips: 1, reportZeroBits: 1, seed: 2))
        bench.bringUp(addresses: [0], hashCountingNumber: 100_000, ticket: 0xFF)
        _ = bench.send(.job(someJob(1)))
        let frequent = Self.reports(&bench, .seconds(100)).count
        bench.write(0x0000_F0FF, to: 0x14)
        let seldom = Self.reports(&bench, .seconds(400)).count
        #expect((70...130).contains(frequent) && (10...45).contains(seldom))
        bench.write(0, to: 0x08)
        #expect(bench.chain.nextDrawAt == nil)
        bench.write(0x40A8_0230, to: 0x08)
        #expect(bench.chain.nextDrawAt != nil)
        bench.chain.setReset(asserted: true)
        #expect(bench.chain.nextDrawAt == nil && bench.chain.draw(until: bench.now + .seconds(9)).isEmpty)
    }

    @Test func `the same seed draws the same reports`() {
        func run(_ seed: UInt64) -> [EmulatedOutput] {
            var bench = Self.bench(.bm1362(chips: 12, reportZeroBits: 1, seed: seed))
            bench.bringUp(
                addresses: (0..<12).map { UInt8($0 * 20) }, hashCountingNumber: 0x1381, ticket: 0xFC)
            _ = bench.send(.job(someJob(1)))
            return Self.reports(&bench, .seconds(10))
        }
        #expect(run(4) == run(4) && run(4) != run(5) && run(4).count > 50)
    }
}
