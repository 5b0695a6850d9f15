import BitcoinPrimitives
import CSHA256d
public import Scheduling

/// Where a hashing thread is in its work unit: a few versions side by side through all nonces, then the next few.
///
/// Versions that are tried together share one message schedule (their headers differ in the first block only), which is
/// what makes rolling them cheaper than rolling nothing.
public struct CPUWalk: Sendable {
    /// Versions tried together, at most.
    public static let width = Int(ADIT_SHA256D_MIDSTATES)

    public let unit: WorkUnit
    /// Versions that the unit offers.
    private let versions: UInt64
    private var firstVersion: UInt64 = 0
    /// Eight words each, one after the other.
    private var midstates: [UInt32] = []
    private var firstNonce: UInt64
    /// Header bytes 64 to 75.
    private let tail: [UInt8]

    public init(_ unit: WorkUnit) { self.init(unit, firstNonce: 0) }

    /// - Parameter firstNonce: of the first versions.
    init(_ unit: WorkUnit, firstNonce: UInt32) {
        self.unit = unit
        self.firstNonce = UInt64(firstNonce)
        versions = 1 << UInt64(unit.versionMask.nonzeroBitCount)
        tail = [UInt8](unit.header(nonce: 0, versionBits: 0).wireBytes[64..<76])
        takeVersions()
    }

    /// Header bytes 0 to 63 of each version that is being tried now, hashed.
    private mutating func takeVersions() {
        let count = min(UInt64(Self.width), versions - firstVersion)
        var states = [UInt32](repeating: 0, count: 8 * Int(count))
        states.withUnsafeMutableBufferPointer { words in
            for index in 0..<count {
                let state = words.baseAddress.map { $0 + 8 * Int(index) }
                let header = unit.header(nonce: 0, versionBits: unit.versionBits(at: firstVersion + index))
                    .wireBytes
                adit_sha256_init(state)
                header.withUnsafeBufferPointer { adit_sha256_compress(state, $0.baseAddress, 1) }
            }
        }
        midstates = states
    }

    private var width: Int { midstates.count / 8 }

    public struct Hit: Hashable, Sendable {
        public var nonce: UInt32
        public var versionBits: UInt32
    }

    /// Hashes the next `nonces` nonces (fewer at the end of the space) of each version at hand.
    ///
    /// - Parameters:
    ///   - zeroBits: leading zero bits that a hash needs to be a hit, 1 to 32.
    /// - Returns: hits, and hashes made; 0 hashes when the unit is used up.
    public mutating func hash(nonces: UInt32, zeroBits: Int) -> (hits: [Hit], hashes: UInt64) {
        precondition((1...32).contains(zeroBits), "the scan looks at 32 bits")
        if firstNonce > UInt64(UInt32.max) {
            firstNonce = 0
            firstVersion += UInt64(width)
            guard firstVersion < versions else {
                midstates = []
                return ([], 0)
            }
            takeVersions()
        }
        guard !midstates.isEmpty else { return ([], 0) }
        let count = min(UInt64(nonces), (1 << 32) - firstNonce)
        let limit = zeroBits == 32 ? 0 : UInt32.max >> UInt32(zeroBits)
        let hits = scan(first: UInt32(firstNonce), count: count, topLimit: limit)
        firstNonce += count
        return (hits, count * UInt64(width))
    }

    private func scan(first: UInt32, count: UInt64, topLimit: UInt32) -> [Hit] {
        var hits: [Hit] = []
        var buffer = [adit_sha256d_hit](repeating: adit_sha256d_hit(), count: Self.room)
        var tried: UInt64 = 0
        while tried < count {
            var found = 0
            tried += buffer.withUnsafeMutableBufferPointer { room in
                adit_sha256d_scan_versions(
                    midstates, width, tail, first &+ UInt32(truncatingIfNeeded: tried), 1, count - tried,
                    topLimit, room.baseAddress, room.count, &found)
            }
            hits += buffer[..<found].map {
                Hit(nonce: $0.nonce, versionBits: unit.versionBits(at: firstVersion + UInt64($0.midstate)))
            }
        }
        return hits
    }

    /// Hits that one call can bring; more than enough at the rate of reports that a thread is set to.
    private static let room = 256
}
