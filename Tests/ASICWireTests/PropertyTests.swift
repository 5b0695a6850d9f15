import ASICWire
import TestSupport
import Testing

/// Numbers that repeat from run to run: a failure names its seed.
private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}

extension Generator {
    mutating func word() -> UInt32 { UInt32.random(in: 0...(.max), using: &self) }
    mutating func byte() -> UInt8 { UInt8.random(in: 0...255, using: &self) }
    mutating func hash() -> [32 of UInt8] {
        var hash: [32 of UInt8] = .init(repeating: 0)
        for i in 0..<32 { hash[i] = byte() }
        return hash
    }
    mutating func recipient() -> Recipient { Bool.random(using: &self) ? .everyChip : .chip(byte()) }

    mutating func command(_ jobs: JobForm) -> ChipCommand {
        switch Int.random(in: 0..<6, using: &self) {
        case 0: return .setAddress(byte())
        case 1: return .write(register: byte(), value: word(), to: recipient())
        case 2: return .read(register: byte(), from: recipient())
        case 3: return .chainInactive
        default:
            guard jobs == .midstates else {
                return .job(
                    FullHeaderJob(
                        jobByte: byte(), startingNonce: word(), bits: word(), time: word(),
                        merkleRoot: hash(),
                        previousBlock: hash(), version: word()))
            }
            let count = [1, 2, 4].randomElement(using: &self) ?? 1
            var states = [[8 of UInt32]]()
            for _ in 0..<count {
                var state: [8 of UInt32] = .init(repeating: 0)
                for i in 0..<8 { state[i] = word() }
                states.append(state)
            }
            return .midstateJob(
                MidstateJob(
                    jobByte: byte(), startingNonce: word(), bits: word(), time: word(),
                    merkleTail: [byte(), byte(), byte(), byte()], midstates: states))
        }
    }

    mutating func response(_ format: ResponseFormat) -> ChipResponse {
        guard Bool.random(using: &self) else {
            return .register(RegisterValue(value: word(), chipAddress: byte(), register: byte()))
        }
        let counter = format == .long ? UInt16(truncatingIfNeeded: word()) : 0
        return .nonce(
            NonceResponse(nonce: word(), excess: byte(), jobByte: byte(), versionCounter: counter))
    }
}

private let forms: [(WireDialect, JobForm)] = [
    (.preambled, .fullHeader), (.preambled, .midstates), (.bare, .fullHeader), (.bare, .midstates),
]

@Test(arguments: forms, 1...20 as ClosedRange<UInt64>)
func `any command decodes to itself, and its beginnings wait for more`(
    form: (dialect: WireDialect, jobs: JobForm), seed: UInt64
) {
    var generator = Generator(state: seed)
    for _ in 0..<20 {
        let command = generator.command(form.jobs)
        let frame = command.wireBytes(form.dialect)
        let rest = [generator.byte(), generator.byte()]
        #expect(
            decodeCommand((frame + rest)[...], form.dialect, jobs: form.jobs)
                == .frame(command, length: frame.count))
        for end in frame.indices {
            #expect(decodeCommand(frame[..<end], form.dialect, jobs: form.jobs) == .needMore)
        }
        // A slice that does not start at 0.
        #expect(
            decodeCommand((rest + frame)[2...], form.dialect, jobs: form.jobs)
                == .frame(command, length: frame.count))
    }
}

@Test(arguments: [ResponseFormat.bare, .short, .long], 1...20 as ClosedRange<UInt64>)
func `any response decodes to itself, and one flipped bit never passes`(format: ResponseFormat, seed: UInt64)
{
    var generator = Generator(state: seed)
    for _ in 0..<50 {
        let response = generator.response(format)
        let frame = response.wireBytes(format)
        #expect(frame.count == format.length)
        #expect(decodeResponse(frame[...], format) == .frame(response, length: format.length))
        for end in frame.indices { #expect(decodeResponse(frame[..<end], format) == .needMore) }
        var flipped = frame
        let bit = Int.random(in: 0..<(8 * frame.count), using: &generator)
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(decodeResponse(flipped[...], format) == .skip(1))
    }
}

@Test(arguments: [ResponseFormat.short, .long], 1...30 as ClosedRange<UInt64>)
func `responses are found among stray bytes and broken frames, with nothing waiting behind them`(
    format: ResponseFormat, seed: UInt64
) {
    var generator = Generator(state: seed)
    var stream = [UInt8]()
    var sent = [ChipResponse]()
    for _ in 0..<40 {
        let response = generator.response(format)
        let frame = response.wireBytes(format)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: stream += [generator.byte() | 1]  // never AA: no beginning of a frame
        case 1: stream += frame.prefix(Int.random(in: 1..<frame.count, using: &generator))
        case 2: stream += hex("AA AA 55")
        default: break
        }
        stream += frame
        sent.append(response)
    }
    var found = [ChipResponse]()
    var front = 0
    loop: while true {
        switch decodeResponse(stream[front...], format) {
        case .frame(let response, let length):
            found.append(response)
            front += length
        case .skip(let count): front += count
        case .needMore: break loop
        }
    }
    // A broken beginning can look like a frame together with the bytes behind it, once in 128 at most; what is sent
    // whole and unbroken is lost only there.
    #expect(front == stream.count)
    let lost = sent.count { !found.contains($0) }
    #expect(lost <= 2)
}

@Test(arguments: 1...50 as ClosedRange<UInt64>)
func `any bytes at all are refused or accepted in bounded steps, and what is accepted means the same encoded`(
    seed: UInt64
) {
    var generator = Generator(state: seed)
    let starts: [[UInt8]] = [[0x55, 0xAA], [0xAA, 0x55], [0x21, 0x36], [0x54, 0x05], []]
    var bytes = [UInt8]()
    while bytes.count < 600 {
        bytes += starts.randomElement(using: &generator) ?? []
        for _ in 0..<Int.random(in: 0..<12, using: &generator) { bytes.append(generator.byte()) }
    }
    for (dialect, jobs) in forms {
        var front = 0
        while front < bytes.count {
            switch decodeCommand(bytes[front...], dialect, jobs: jobs) {
            case .frame(let command, let length):
                let again = command.wireBytes(dialect)
                #expect(
                    decodeCommand(again[...], dialect, jobs: jobs) == .frame(command, length: again.count))
                front += length
            case .skip(let count):
                #expect(count == 1)
                front += count
            case .needMore: front = bytes.count
            }
        }
    }
    for format in [ResponseFormat.bare, .short, .long] {
        var front = 0
        while front < bytes.count {
            switch decodeResponse(bytes[front...], format) {
            case .frame(let response, let length):
                let again = response.wireBytes(format)
                #expect(decodeResponse(again[...], format) == .frame(response, length: length))
                front += length
            case .skip(let count):
                #expect(count == 1)
                front += count
            case .needMore:
                #expect(bytes.count - front < format.length)
                front = bytes.count
            }
        }
    }
}
