import ASICWire
import BitcoinPrimitives
@testable import Emulator
import Testing
import Units

extension Bench {
    /// What gekko sends to a BM1397 (bm13xx.md §15), shortened, at 425 MHz.
    ///
    /// - Parameter core: value of core register 0; 0x74 tries all midstates of a job.
    mutating func bringUpMidstates(addresses: [UInt8], core: UInt32 = 0x74, ticket: UInt32 = 0) {
        _ = send(.chainInactive)
        for address in addresses { _ = send(.setAddress(address)) }
        let steps: [(UInt8, UInt32)] = [
            (0x80, 0), (0x84, 0), (0x20, 1), (0x3C, 0x8000_8000 | core), (0x14, ticket), (0x70, 0x0F0F_0F00),
            // 25 MHz * 0x44 / (1 * 4 * 1)
            (0x08, 0x4044_0141),
        ]
        for (register, value) in steps { write(value, to: register) }
    }

    /// What an S9 sends to its BM1387 (bm13xx.md §17), shortened, at 650 MHz.
    mutating func bringUpBM1387(addresses: [UInt8], cores: Int = 114, misc: UInt32 = 0x4020_9A80) {
        _ = send(.chainInactive)
        for address in addresses { _ = send(.setAddress(address)) }
        write(0x0068_0221, to: 0x0C)
        write(misc, to: 0x1C)
        write(0, to: 0x18)
        let dummy = MidstateJob(
            jobByte: 0, bits: .max, time: .max, merkleTail: .init(repeating: 0xff),
            midstates: [.init(repeating: 0)])
        for _ in 0..<cores { _ = send(.midstateJob(dummy)) }
    }
}

/// Four headers that differ in their versions, by number; and the job for the chips.
func someHeaders(_ number: UInt8) -> [Header] {
    (0..<4).map { index in
        Header(
            version: 0x2000_0000 | index << 13,
            previousBlock: Hash256(wireBytes: [UInt8](repeating: 0x5A, count: 32))!,
            merkleRoot: Hash256(wireBytes: [UInt8](repeating: number, count: 32))!, time: 1_750_362_327,
            bits: CompactTarget(bits: 0x1702_3A04), nonce: 0)
    }
}

func someMidstateJob(_ number: UInt8, jobByte: UInt8 = 0x10, count: Int = 4) -> MidstateJob {
    MidstateJob(
        jobByte: jobByte, bits: 0x1702_3A04, time: 1_750_362_327, merkleTail: .init(repeating: number),
        midstates: someHeaders(number).prefix(count).map { plainMidstate($0.wireBytes) })
}

/// Zero bits at the top of the hash of such a header with a nonce.
func zeroBits(_ header: Header, _ nonce: UInt32) -> Int {
    var header = header
    header.nonce = nonce
    let number = header.hash.wireBytes.reversed()
    let whole = number.prefix(while: { $0 == 0 }).count
    return whole * 8
        + (whole < 32 ? number[number.index(number.startIndex, offsetBy: whole)].leadingZeroBitCount : 0)
}

/// The state after 64 bytes by the letter of FIPS 180-4, so that no test leans on the code it tests.
private func plainMidstate(_ header: some Collection<UInt8>) -> [8 of UInt32] {
    let k: [UInt32] = (0..<64).map { UInt32(truncatingIfNeeded: UInt64((cubeRoot(primes[$0]) * 0x1p32))) }
    let bytes = Array(header.prefix(64))
    var w = (0..<16).map { i in (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[4 * i + $1]) } }
    func rotated(_ x: UInt32, _ n: UInt32) -> UInt32 { x >> n | x << (32 - n) }
    for t in 16..<64 {
        let s0 = rotated(w[t - 15], 7) ^ rotated(w[t - 15], 18) ^ w[t - 15] >> 3
        let s1 = rotated(w[t - 2], 17) ^ rotated(w[t - 2], 19) ^ w[t - 2] >> 10
        w.append(s1 &+ w[t - 7] &+ s0 &+ w[t - 16])
    }
    let initial: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
        0x5be0_cd19,
    ]
    var v = initial
    for t in 0..<64 {
        let s1 = rotated(v[4], 6) ^ rotated(v[4], 11) ^ rotated(v[4], 25)
        let t1 = v[7] &+ s1 &+ ((v[4] & v[5]) ^ (~v[4] & v[6])) &+ k[t] &+ w[t]
        let s0 = rotated(v[0], 2) ^ rotated(v[0], 13) ^ rotated(v[0], 22)
        let t2 = s0 &+ ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]))
        v = [t1 &+ t2, v[0], v[1], v[2], v[3] &+ t1, v[4], v[5], v[6]]
    }
    var state: [8 of UInt32] = .init(repeating: 0)
    for i in 0..<8 { state[i] = initial[i] &+ v[i] }
    return state
}

private let primes: [Double] = (2...311).filter { n in (2..<n).allSatisfy { n % $0 != 0 } }.map(Double.init)

/// The fraction of a cube root, by Newton's rule.
private func cubeRoot(_ value: Double) -> Double {
    var root = value / 3 + 1
    for _ in 0..<60 { root -= (root * root * root - value) / (3 * root * root) }
    return root - root.rounded(.down)
}
