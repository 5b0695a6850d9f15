import ASICWire
import CSHA256d

/// A job as chips keep it; all chips of a chain share one copy.
final class LoadedJob: Sendable {
    let jobByte: UInt8
    let content: Content
    /// Header bytes 64 to 75.
    let tail: [UInt8]
    /// The same for the same header, so that a job sent again gives the same nonces again.
    let contentSeed: UInt64

    enum Content: Sendable {
        /// Header bytes 0 to 63; chips put version bits of their own in.
        case header([UInt8], version: UInt32)
        /// One for each version that the host has chosen, in the order of their index.
        case midstates([[8 of UInt32]])
    }

    init(_ job: FullHeaderJob) {
        let merkleRoot = (0..<32).map { job.merkleRoot[$0] }
        let front =
            littleEndian(job.version) + (0..<32).map { job.previousBlock[$0] } + merkleRoot[..<28]
        jobByte = job.jobByte
        content = .header(front, version: job.version)
        tail = merkleRoot[28...] + littleEndian(job.time) + littleEndian(job.bits)
        contentSeed = fnv1a(front + tail)
    }

    init(_ job: MidstateJob) {
        jobByte = job.jobByte
        content = .midstates(job.midstates)
        tail = (0..<4).map { job.merkleTail[$0] } + littleEndian(job.time) + littleEndian(job.bits)
        let states = job.midstates.flatMap { state in (0..<8).flatMap { littleEndian(state[$0]) } }
        contentSeed = fnv1a(states + tail)
    }

    /// The SHA-256 state after the first 64 bytes of the header.
    ///
    /// - Parameters:
    ///   - version: whole header version; it counts for full-header jobs.
    ///   - lane: index of the midstate; it counts for the others.
    func midstate(version: UInt32, lane: Int) -> [8 of UInt32] {
        switch content {
        case .midstates(let states): return states[lane]
        case .header(let front, _):
            var block: [64 of UInt8] = .init(repeating: 0)
            for index in 4..<64 { block[index] = front[index] }
            for index in 0..<4 { block[index] = UInt8(truncatingIfNeeded: version >> UInt32(8 * index)) }
            var state: [8 of UInt32] = .init(repeating: 0)
            state.withPointer { state in
                adit_sha256_init(state)
                block.withPointer { adit_sha256_compress(state, $0, 1) }
            }
            return state
        }
    }
}

func littleEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
}

/// FNV-1a, 64 bits.
private func fnv1a(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
}

extension InlineArray {
    mutating func withPointer(_ body: (UnsafeMutablePointer<Element>?) -> Void) {
        var span = mutableSpan
        span.withUnsafeMutableBufferPointer { body($0.baseAddress) }
    }
}
