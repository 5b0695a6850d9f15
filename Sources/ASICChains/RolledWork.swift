import ASICChips
import ASICWire
import BitcoinPrimitives
import CSHA256d
import Units

/// Work whose versions the host rolls: so many at a time, until all are used up.
struct RolledWork: Sendable {
    let work: ChainWork
    private let midstates: Int
    private var next: UInt64 = 0

    /// - Parameter midstates: that a job has room for: 1, 2 or 4.
    init(_ work: ChainWork, midstates: Int) {
        self.work = work
        self.midstates = midstates
    }

    /// Jobs that are left.
    var jobs: UInt64 {
        let versions = VersionRolling.count(in: work.versionMask) - next
        return (versions + UInt64(midstates) - 1) / UInt64(midstates)
    }

    /// The next job's versions, used up with it; `nil` when there are none left.
    mutating func take() -> VersionSet? {
        let left = VersionRolling.count(in: work.versionMask) - next
        guard left > 0 else { return nil }
        // A mask makes a power of two of versions, so that what is left fits a frame: 1, 2, or as many as there are.
        let versions = VersionSet(
            mask: work.versionMask, first: next, count: Int(min(left, UInt64(midstates))))
        next += UInt64(versions.count)
        return versions
    }

    func job(_ versions: VersionSet, jobByte: UInt8) -> MidstateJob {
        var header = work.header
        var states: [[8 of UInt32]] = []
        for index in 0..<versions.count {
            header.version = work.version | (versions.bits(index) ?? 0)
            states.append(midstate(of: header))
        }
        let root = work.merkleRoot.wireBytes
        return MidstateJob(
            jobByte: jobByte, bits: work.bits.bits, time: work.time,
            merkleTail: [root[28], root[29], root[30], root[31]], midstates: states)
    }
}

extension ChainWork {
    /// With nothing rolled.
    var header: Header {
        Header(
            version: version, previousBlock: previousBlock, merkleRoot: merkleRoot, time: time, bits: bits,
            nonce: 0)
    }
}

/// The SHA-256 state after a header's first 64 bytes.
private func midstate(of header: Header) -> [8 of UInt32] {
    let bytes = header.wireBytes
    var words: [8 of UInt32] = .init(repeating: 0)
    var span = words.mutableSpan
    span.withUnsafeMutableBufferPointer { state in
        adit_sha256_init(state.baseAddress)
        bytes.withUnsafeBufferPointer { adit_sha256_compress(state.baseAddress, $0.baseAddress, 1) }
    }
    return words
}
