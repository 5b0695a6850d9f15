import SV2Codec

/// Hands out the pool's part of the extranonce: no two open channels have the same one, and none is given to
/// anybody else while jobs made under it can still be submitted. Source: sv2-notes §5.2.
///
/// A client that lost its connection and opens a channel under the same identity gets its old prefix back
/// while the tip is the same, so that shares it could not send are still in its space.
struct ExtranoncePrefixes: Sendable {
    /// Prefixes of closed channels kept for their owners; beyond, the oldest is forgotten. The count then has
    /// to come round (2^24 channels at least) within one tip before that prefix is somebody else's.
    static let maximumReleased = 4096

    private struct Released {
        let user: WireText
        let number: UInt64
    }

    private let size: Int
    private var next: UInt64
    private var open: Set<UInt64> = []
    private var released: [Released] = []

    init(size: Int, first: UInt64) {
        precondition((3...8).contains(size), "a prefix has 3 to 8 bytes")
        self.size = size
        next = first
    }

    /// The caller bounds the number of open channels far below the number of prefixes.
    mutating func take(for user: WireText) -> [UInt8] {
        if let index = released.firstIndex(where: { $0.user == user }) {
            let number = released.remove(at: index).number
            open.insert(number)
            return bytes(number)
        }
        while open.contains(next & mask) || released.contains(where: { $0.number == next & mask }) {
            next &+= 1
        }
        let number = next & mask
        next &+= 1
        open.insert(number)
        return bytes(number)
    }

    mutating func release(_ prefix: [UInt8], of user: WireText) {
        let number = prefix.reduce(0) { $0 << 8 | UInt64($1) }
        guard open.remove(number) != nil else { return }
        if released.count == Self.maximumReleased { released.removeFirst() }
        released.append(Released(user: user, number: number))
    }

    /// At a new tip nothing made under a closed channel's prefix is worth anything.
    mutating func leaveTip() { released = [] }

    private var mask: UInt64 { size == 8 ? .max : 1 << UInt64(8 * size) - 1 }

    private func bytes(_ number: UInt64) -> [UInt8] {
        (0..<size).reversed().map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
    }
}
