/// Where the core and the counter stand in a nonce. `nonce` is always the number in the header's little-endian
/// field; "read most significant byte first" is that number with its bytes swapped. Source: bm13xx.md §10, §11,
/// §17.
enum NonceLayout: Hashable, Sendable {
    /// BM1362 and later: most significant byte first, the core in bits 31-25, a 25-bit counter below.
    case modern
    /// BM1397: most significant byte first, bit 31 is the half of the cores, 30-24 the core of 84, 23-22 the
    /// small core, and below a 22-bit counter.
    case bm1397
    /// BM1387: in the little-endian number, the core in bits 30-24. The rest is a 25-bit counter whose top 8
    /// bits are the number's low byte, where chips differ; the order of the others is not known, and is bits
    /// 23-8 and then bit 31 here.
    case bm1387

    var counterBits: UInt32 {
        switch self {
        case .modern, .bm1387: 25
        case .bm1397: 22
        }
    }

    var counterValues: UInt32 { 1 << counterBits }

    /// Nonces that one core tries for one value of the counter.
    var noncesPerCore: Int {
        switch self {
        case .modern, .bm1387: 1
        case .bm1397: 4
        }
    }

    private static let cores1397 = 84

    func nonce(core: Int, smallCore: Int, counter: UInt32) -> UInt32 {
        switch self {
        case .modern: return (UInt32(core) << 25 | counter).byteSwapped
        case .bm1397:
            let half = UInt32(core / Self.cores1397) << 31
            let below = UInt32(core % Self.cores1397) << 24 | UInt32(smallCore) << 22
            return (half | below | counter).byteSwapped
        case .bm1387:
            return counter >> 17 | (counter >> 1 & 0xffff) << 8 | UInt32(core) << 24 | (counter & 1) << 31
        }
    }

    func core(of nonce: UInt32) -> Int {
        switch self {
        case .modern: return Int(nonce >> 1 & 0x7f)
        case .bm1397: return Int(nonce >> 7 & 1) * Self.cores1397 + Int(nonce & 0x7f)
        case .bm1387: return Int(nonce >> 24 & 0x7f)
        }
    }

    func counter(of nonce: UInt32) -> UInt32 {
        switch self {
        case .modern: return nonce.byteSwapped & 0x1ff_ffff
        case .bm1397: return nonce.byteSwapped & 0x3f_ffff
        case .bm1387: return (nonce & 0xff) << 17 | (nonce >> 8 & 0xffff) << 1 | nonce >> 31
        }
    }

    /// The nonces of the cores 0 to `cores` - 1 at one value of the counter, as evenly spaced runs.
    func forEachRun(counter: UInt32, cores: Int, _ body: (NonceRun) -> Void) {
        switch self {
        case .modern:
            body(NonceRun(first: nonce(core: 0, smallCore: 0, counter: counter), step: 2, count: cores))
        case .bm1387:
            body(NonceRun(first: nonce(core: 0, smallCore: 0, counter: counter), step: 1 << 24, count: cores))
        case .bm1397:
            for first in stride(from: 0, to: cores, by: Self.cores1397) {
                for smallCore in 0..<4 {
                    body(
                        NonceRun(
                            first: nonce(core: first, smallCore: smallCore, counter: counter), step: 1,
                            count: min(cores - first, Self.cores1397)))
                }
            }
        }
    }
}

/// Evenly spaced nonces.
struct NonceRun: Hashable, Sendable {
    var first: UInt32
    var step: UInt32
    var count: Int
}
