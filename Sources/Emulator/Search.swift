import CSHA256d

/// What the chips of a chain would hash next: to be run outside time, then handed back with what it found.
public struct SearchUnit: Sendable {
    static let maximumRows = 4096

    /// Hashes that the chips would make for it: what to pace by. Running it may cost up to twice as many
    /// trials, because the kernel walks contiguous nonces and the chips' fields are not.
    public let hashes: UInt64
    let rows: [SearchRow]
    /// Which life of the chips (since their last reset) it belongs to.
    let life: UInt64
}

/// A hash that meets the report threshold and the ticket mask.
public struct SearchHit: Hashable, Sendable {
    let row: Int
    /// As a number in the header's little-endian field.
    let nonce: UInt32
    /// Zero bits beyond what the ticket asks for.
    let excessBits: Int
}

/// Hashes a unit. Pure: the same unit gives the same hits, on any thread.
public func run(_ unit: SearchUnit) -> [SearchHit] {
    var hits = [SearchHit]()
    var buffer = [UInt32](repeating: 0, count: 256)
    for (index, row) in unit.rows.enumerated() {
        for (nonce, excess) in row.search(&buffer) {
            hits.append(SearchHit(row: index, nonce: nonce, excessBits: excess))
        }
    }
    return hits
}

/// One version and one counter value on all cores of one chip.
struct SearchRow: Hashable, Sendable {
    var chip: Int
    var job: LoadedJob
    var place: NonceSweep.Row
    /// Header version with the rolled bits in.
    var version: UInt32
    /// Cores that hash, and those of them that may report; bit n is core n.
    var hashing: UInt128
    var reporting: UInt128
    var threshold: ReportThreshold

    var hashes: UInt64 {
        UInt64(hashing.nonzeroBitCount) * ((place.lowerHalf ? 1 : 0) + (place.upperHalf ? 1 : 0))
    }

    /// The nonces that the kernel tries. Counting up in the little-endian field changes its first byte, which
    /// holds the core and the counter's bit 24: at most 256 nonces walk all cores, and those of cores that do
    /// not exist, and of the other half where the row has one, are tried in vain.
    var kernelRange: (first: UInt32, count: UInt64) {
        let cores = UInt64(128 - reporting.leadingZeroBitCount)
        let skipped: UInt64 = place.lowerHalf ? 0 : 1
        return (place.counter.byteSwapped | UInt32(skipped), cores == 0 ? 0 : 2 * cores - skipped)
    }

    /// Whether the row's chip would report this nonce if its hash were good enough.
    func covers(_ nonce: UInt32) -> Bool {
        let field = nonce & 0xff
        let isUpper = field & 1 == 1
        return (nonce ^ field) == place.counter.byteSwapped && (isUpper ? place.upperHalf : place.lowerHalf)
            && reporting >> UInt128(field >> 1) & 1 == 1
    }

    /// - Parameter buffer: room for 256 nonces.
    func search(_ buffer: inout [UInt32]) -> [(nonce: UInt32, excessBits: Int)] {
        let (first, count) = kernelRange
        guard count > 0 else { return [] }
        var midstate: [8 of UInt32] = .init(repeating: 0)
        midstate.withPointer { state in
            adit_sha256_init(state)
            job.header(version: version).withUnsafeBufferPointer {
                adit_sha256_compress(state, $0.baseAddress, 1)
            }
        }
        let tail = [UInt8](job.header[64..<76])
        var found = 0
        let room = buffer.count
        midstate.withPointer { state in
            _ = buffer.withUnsafeMutableBufferPointer {
                adit_sha256d_scan(
                    state, tail, first, min(count, UInt64(room)), threshold.topLimit, $0.baseAddress, room,
                    &found)
            }
        }
        var hits = [(nonce: UInt32, excessBits: Int)]()
        for nonce in buffer[..<found] where covers(nonce) {
            var digest: [32 of UInt8] = .init(repeating: 0)
            let bytes = tail + (0..<4).map { UInt8(truncatingIfNeeded: nonce >> (8 * $0)) }
            midstate.withPointer { state in digest.withPointer { adit_sha256d_tail(state, bytes, $0) } }
            if let excess = threshold.excessBits(of: digest) { hits.append((nonce, excess)) }
        }
        return hits
    }
}

/// How good a hash must be: so many zero bits at the top, then zeros where the ticket mask has ones
/// (bm13xx.md §8).
struct ReportThreshold: Hashable, Sendable {
    let zeroBits: Int
    /// Bit 0 is the bit next to the zero bits at the top.
    let ticket: UInt32

    /// - Parameter register: register 0x14; the mask's bits stand reversed within each byte.
    init(zeroBits: Int, ticketRegister register: UInt32) {
        self.zeroBits = zeroBits
        // Reversing all 32 bits and then the bytes leaves the bytes in place and reverses what is in each.
        var reversed: UInt32 = 0
        for bit in 0..<32 where register >> UInt32(bit) & 1 == 1 { reversed |= 0x8000_0000 >> UInt32(bit) }
        ticket = reversed.byteSwapped
    }

    private var requiredZeros: Int { zeroBits + ticket.trailingOnes }

    /// What the top 32 bits of a good hash cannot exceed.
    var topLimit: UInt32 { requiredZeros >= 32 ? 0 : UInt32.max >> UInt32(requiredZeros) }

    /// Zero bits beyond those required; `nil` when the hash is not good enough. `digest` ends with its top
    /// byte.
    func excessBits(of digest: [32 of UInt8]) -> Int? {
        func bit(_ fromTop: Int) -> Bool { digest[31 - fromTop / 8] >> UInt8(7 - fromTop % 8) & 1 == 1 }
        let zeros = (0..<256).first(where: bit) ?? 256
        guard zeros >= requiredZeros else { return nil }
        for index in 0..<32 where ticket >> UInt32(index) & 1 == 1 {
            if bit(zeroBits + index) { return nil }
        }
        return zeros - requiredZeros
    }
}

extension UInt32 {
    fileprivate var trailingOnes: Int { (~self).trailingZeroBitCount }
}

extension InlineArray {
    fileprivate mutating func withPointer(_ body: (UnsafeMutablePointer<Element>?) -> Void) {
        var span = mutableSpan
        span.withUnsafeMutableBufferPointer { body($0.baseAddress) }
    }
}
