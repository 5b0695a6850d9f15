@testable import ASICChains
import ASICWire
import Testing

private func nonce(_ n: UInt32, _ format: ResponseFormat) -> [UInt8] {
    ChipResponse.nonce(
        NonceResponse(nonce: n, excess: 1, jobByte: 0x18, versionCounter: format == .long ? 7 : 0)
    )
    .wireBytes(format)
}

private func register(_ value: UInt32, _ format: ResponseFormat) -> [UInt8] {
    ChipResponse.register(RegisterValue(value: value, chipAddress: 4, register: 8)).wireBytes(format)
}

/// Everything that the reader makes of these chunks: nonces and register values by number, bad bytes as "-n".
private func read(_ chunks: [[UInt8]], _ reader: inout ResponseReader) -> [String] {
    var out: [String] = []
    for chunk in chunks {
        reader.feed(chunk)
        while let item = reader.next() {
            switch item {
            case .response(.nonce(let reply)): out.append("n\(reply.nonce)")
            case .response(.register(let reply)): out.append("r\(reply.value)")
            case .skipped(let run): out.append("-\(run.count)")
            }
        }
    }
    return out
}

private let forms: [ResponseFormat] = [.bare, .short, .long]

@Test(arguments: forms) func `a good frame is found at once behind a bad byte, wherever it strikes`(
    format: ResponseFormat
) {
    // Without a preamble every 128th offset looks like a frame, and what is behind it has to tell: two good ones then.
    let first = nonce(1, format)
    let second = (format == .bare ? nonce(0x0607_0809, format) : []) + nonce(0x0203_0405, format)
    for position in first.indices {
        for flip in [0x01, 0x80, 0xFF] as [UInt8] {
            var bad = first
            bad[position] ^= flip
            var reader = ResponseReader(format: format)
            // The last byte of the good frame is the last there is: nothing may wait for more.
            #expect(read([bad + second], &reader).last == "n\(0x0203_0405)", "byte \(position)")
        }
    }
    for lost in first.indices {
        var short = first
        short.remove(at: lost)
        var reader = ResponseReader(format: format)
        #expect(read([short + second], &reader).contains("n\(0x0203_0405)"), "without byte \(lost)")
    }
    for stray in 0...first.count {
        var long = first
        long.insert(0xAA, at: stray)
        var reader = ResponseReader(format: format)
        #expect(read([long + second], &reader).last == "n\(0x0203_0405)", "stray at \(stray)")
    }
}

@Test(arguments: forms) func `chunks of any size give the same replies`(format: ResponseFormat) {
    let stream = (0..<20 as Range<UInt32>).flatMap { nonce($0 &* 0x9E37_79B9, format) }
    var whole = ResponseReader(format: format)
    let expected = read([stream], &whole)
    #expect(expected.count == 20)
    for size in 1...25 {
        var reader = ResponseReader(format: format)
        let chunks = stride(from: 0, to: stream.count, by: size).map {
            Array(stream[$0..<min($0 + size, stream.count)])
        }
        #expect(read(chunks, &reader) == expected)
    }
}

@Test func `replies that were on their way when the form changed are still read, and those behind them too`()
{
    var reader = ResponseReader(format: .short)
    #expect(read([register(1, .short)], &reader) == ["r1"])
    reader.change(to: .long)
    #expect(
        read([register(2, .short) + register(3, .short) + register(4, .long), nonce(5, .long)], &reader)
            == ["r2", "r3", "r4", "n5"])
    // From the first in the new form on, the old one is no frame any more.
    #expect(read([register(6, .short) + nonce(7, .long)], &reader) == ["-9", "n7"])
}

@Test func `a reply in the earlier form does not wait for what may never come behind it`() {
    var reader = ResponseReader(format: .short)
    reader.change(to: .long)
    #expect(read([register(9, .short)], &reader) == ["r9"])
}

@Test(arguments: forms) func `whatever comes, less than a frame is held back`(format: ResponseFormat) {
    var noise = Noise(state: 4411)
    var reader = ResponseReader(format: format)
    var (fed, out) = (0, 0)
    for _ in 0..<2_000 {
        var bytes = noise.bytes(Int(noise.next() % 40))
        for index in bytes.indices where bytes[index] < 80 { bytes[index] = index % 2 == 0 ? 0xAA : 0x55 }
        fed += bytes.count
        reader.feed(bytes)
        while let item = reader.next() {
            switch item {
            case .response: out += format.length
            case .skipped(let run): out += run.count
            }
        }
        #expect((0..<format.length).contains(fed - out))
    }
}

@Test func `the memory for duplicates is exact: the newest 512, each once`() {
    var recent = RecentNonces()
    var noise = Noise(state: 7)
    var list: [RecentNonces.Key] = []
    for _ in 0..<5_000 {
        // From few enough that repetitions are common, and chains of the table long.
        let key = RecentNonces.Key(
            job: noise.next() >> 20 & 1, nonce: UInt32(noise.next() >> 33 & 0x1FF),
            versionBits: UInt32(noise.next() >> 40 & 1) << 13)
        #expect(recent.insert(key) == !list.contains(key))
        if !list.contains(key) { list.append(key) }
        if list.count > RecentNonces.capacity { list.removeFirst() }
    }
}
