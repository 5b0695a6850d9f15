import ASICWire
import BitcoinPrimitives
@testable import Emulator
import Testing
import Units

/// A chain on a bench: frames in, frames out, one after another in virtual time.
struct Bench {
    var chain: EmulatedChain
    var now = Instant(nanoseconds: 0)
    /// Hashes made so far.
    var hashed: UInt64 = 0

    init(_ parameters: EmulatedChainParameters) { chain = EmulatedChain(parameters) }

    /// Sends bytes, waits until all answers have come, and gives them.
    mutating func send(_ bytes: [UInt8]) -> [[UInt8]] {
        let outputs = chain.receive(bytes, at: now)
        now = max(now, outputs.last?.at ?? now) + .milliseconds(20)
        return outputs.map(\.bytes)
    }

    mutating func send(_ command: ChipCommand) -> [[UInt8]] {
        send(command.wireBytes(chain.parameters.model.dialect))
    }

    mutating func write(_ value: UInt32, to register: UInt8, _ recipient: Recipient = .everyChip) {
        #expect(
            send(.write(register: register, value: value, to: recipient)).isEmpty, "writes are not answered")
    }

    /// Addresses and bring-up of bm13xx.md §15, shortened, at 525 MHz.
    ///
    /// - Parameter skipping: a register to leave as it is.
    mutating func bringUp(
        addresses: [UInt8], hashCountingNumber: UInt32, ticket: UInt32 = 0, offsets: [UInt32] = [],
        skipping: UInt8? = nil
    ) {
        _ = send(.chainInactive)
        for address in addresses { _ = send(.setAddress(address)) }
        let steps: [(UInt8, UInt32)] = [
            (0xA4, 0x9000_FFFF), (0x18, 0xF000_C100), (0x3C, 0x8000_82AA), (0x14, ticket),
            (0x08, 0x40A8_0230),
            (0x10, hashCountingNumber),
        ]
        for (register, value) in steps where register != skipping { write(value, to: register) }
        for (address, offset) in zip(addresses, offsets) {
            write(0x8000_0000 | offset, to: 0x0C, .chip(address))
        }
    }

    /// Runs about so many hashes and gives the nonces reported.
    mutating func mine(hashes: UInt64) -> [NonceResponse] { mineFrames(hashes: hashes).compactMap(nonce) }

    mutating func mineFrames(hashes: UInt64) -> [[UInt8]] {
        var frames = [[UInt8]]()
        let goal = hashed + hashes
        while hashed < goal, let unit = chain.nextSearch(budget: min(goal - hashed, 100_000)) {
            frames += chain.finished(unit, hits: Emulator.run(unit), at: now).map(\.bytes)
            hashed += unit.hashes
            now = now + .seconds(2)
        }
        return frames
    }

    /// Rows that the chips would hash next.
    mutating func rows(_ count: Int) -> [SearchRow] {
        var rows = [SearchRow]()
        while rows.count < count, let unit = chain.nextSearch(budget: .max) { rows += unit.rows }
        return rows
    }
}

func nonce(_ frame: [UInt8]) -> NonceResponse? {
    guard case .frame(.nonce(let nonce), 11) = decodeResponse(frame[...], .long) else { return nil }
    return nonce
}

/// A header family that nobody has mined on.
func someJob(_ number: UInt8, jobByte: UInt8 = 0x68) -> FullHeaderJob {
    FullHeaderJob(
        jobByte: jobByte, bits: 0x1702_3A04, time: 1_750_362_327, merkleRoot: .init(repeating: number),
        previousBlock: .init(repeating: 0x5A), version: 0x2000_0000)
}

/// Zero bits at the top of the hash of `job` with this answer, worked out apart from the emulator.
func zeroBits(_ job: FullHeaderJob, _ answer: NonceResponse) -> Int {
    let header = Header(
        version: job.version | UInt32(answer.versionCounter) << 13,
        previousBlock: Hash256(wireBytes: (0..<32).map { job.previousBlock[$0] })!,
        merkleRoot: Hash256(wireBytes: (0..<32).map { job.merkleRoot[$0] })!, time: job.time,
        bits: CompactTarget(bits: job.bits), nonce: answer.nonce)
    let number = header.hash.wireBytes.reversed()
    let whole = number.prefix(while: { $0 == 0 }).count
    return whole * 8
        + (whole < 32 ? number[number.index(number.startIndex, offsetBy: whole)].leadingZeroBitCount : 0)
}
