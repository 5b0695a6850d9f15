import CSHA256d

/// What the chips of a chain would hash next: to be run outside time, then handed back with what it found.
public struct SearchUnit: Sendable {
    static let maximumRows = 4096

    /// Hashes that the chips would make for it: what to pace by.
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
        row.search(&buffer) { hits.append(SearchHit(row: index, nonce: $0, excessBits: $1)) }
    }
    return hits
}

/// What of a chip's registers decides how it searches; made anew when they change.
final class SearchPlan: Sendable {
    let layout: NonceLayout
    /// Cores that hash, and those of them that may report.
    let hashing: CoreSet
    let reporting: CoreSet
    let threshold: ReportThreshold
    /// Hashes in one row.
    let hashesPerRow: UInt64

    init(layout: NonceLayout, hashing: CoreSet, reporting: CoreSet, threshold: ReportThreshold) {
        self.layout = layout
        self.hashing = hashing
        self.reporting = reporting
        self.threshold = threshold
        hashesPerRow = UInt64(hashing.count * layout.noncesPerCore)
    }
}

/// One version and one counter value on all cores of one chip.
struct SearchRow: Sendable {
    var chip: Int
    var job: LoadedJob
    var plan: SearchPlan
    var place: NonceSweep.Row
    /// Header version with the rolled bits in; the job's own where the host rolls.
    var version: UInt32
    /// Version bits 28-13 as the chip counts them; 0 where the host rolls.
    var versionCounter: UInt16
    /// The sub-core, or the index of the midstate.
    var lane: UInt8

    var hashes: UInt64 { plan.hashesPerRow }

    /// - Parameter buffer: room for the nonces of all cores.
    func search(_ buffer: inout [UInt32], _ body: (_ nonce: UInt32, _ excessBits: Int) -> Void) {
        let state = job.midstate(version: version, lane: Int(lane))
        plan.layout.forEachRun(counter: place.counter, cores: plan.reporting.bound) { run in
            let found = scan(run, state, job.tail, plan.threshold.topLimit, &buffer)
            for nonce in buffer[..<found] where plan.reporting.contains(plan.layout.core(of: nonce)) {
                if let excess = excessBits(of: nonce, state) { body(nonce, excess) }
            }
        }
    }

    /// `nil` when the header with this nonce is not good enough.
    func excessBits(of nonce: UInt32, _ state: [8 of UInt32]) -> Int? {
        var state = state
        var bytes: [16 of UInt8] = .init(repeating: 0)
        for index in 0..<12 { bytes[index] = job.tail[index] }
        for index in 0..<4 { bytes[12 + index] = UInt8(truncatingIfNeeded: nonce >> UInt32(8 * index)) }
        var digest: [32 of UInt8] = .init(repeating: 0)
        state.withPointer { state in
            bytes.withPointer { bytes in digest.withPointer { adit_sha256d_tail(state, bytes, $0) } }
        }
        return plan.threshold.excessBits(of: digest)
    }
}

/// Tries the nonces of a run; those whose hash has no more than `limit` in its top 32 bits stand at the front of
/// `buffer` afterwards.
private func scan(
    _ run: NonceRun, _ midstate: [8 of UInt32], _ tail: [UInt8], _ limit: UInt32, _ buffer: inout [UInt32]
) -> Int {
    var state = midstate
    var found = 0
    precondition(run.count <= buffer.count, "a row has no more nonces than a chip has cores")
    buffer.withUnsafeMutableBufferPointer { buffer in
        state.withPointer { state in
            _ = adit_sha256d_scan_stepped(
                state, tail, run.first, run.step, UInt64(run.count), limit, buffer.baseAddress, buffer.count,
                &found)
        }
    }
    return found
}
