import SV2Codec

/// Hands out the pool's part of the extranonce: no two open channels have the same one, and none is given to
/// anybody else while jobs made under it can still be submitted. Source: sv2-notes §5.2.
///
/// A client that lost its connection and opens a channel under the same identity gets its old prefix back
/// while the tip is the same, so that shares it could not send are still in its space. With the prefix comes
/// the memory of the shares that were accepted in it.
struct ExtranonceSpaces: Sendable {
    /// Prefixes of closed channels kept for their owners; beyond, the oldest is forgotten. The count then has
    /// to come round (2^24 channels at least) within one tip before that prefix is somebody else's.
    static let maximumReleased = 4096

    private struct Released {
        let user: WireText
        let number: UInt64
        let seen: SeenShares
    }

    private let size: Int
    private var next: UInt64
    private var open: Set<UInt64> = []
    private var released: [Released] = []
    /// Exchanged for others, while jobs made under them can still be submitted.
    private var exchanged: [UInt64] = []
    /// Shares remembered for owners that may come back.
    private(set) var releasedShares = 0

    init(size: Int, first: UInt64) {
        precondition((3...8).contains(size), "a prefix has 3 to 8 bytes")
        self.size = size
        next = first
    }

    /// The caller bounds the number of open channels far below the number of prefixes.
    mutating func take(for user: WireText) -> (prefix: [UInt8], seen: SeenShares) {
        guard let index = released.firstIndex(where: { $0.user == user }) else {
            return (takeNew(), SeenShares())
        }
        let space = released.remove(at: index)
        releasedShares -= space.seen.count
        open.insert(space.number)
        return (bytes(space.number), space.seen)
    }

    /// A prefix in exchange for `prefix`, which stays nobody else's until the tip changes.
    mutating func exchange(_ prefix: [UInt8]) -> [UInt8] {
        exchanged.append(number(of: prefix))
        return takeNew()
    }

    /// Keeps the space of a closed channel for its owner.
    mutating func release(_ prefix: [UInt8], of user: WireText, seen: SeenShares) {
        let number = number(of: prefix)
        guard open.remove(number) != nil else { return }
        if released.count == Self.maximumReleased { _ = forgetReleased() }
        released.append(Released(user: user, number: number, seen: seen))
        releasedShares += seen.count
    }

    /// Ends the space of a closed channel: its shares need not be remembered any longer.
    mutating func retire(_ prefix: [UInt8]) { open.remove(number(of: prefix)) }

    /// Gives up the oldest space that was kept for its owner. Returns whether there was one.
    mutating func forgetReleased() -> Bool {
        guard !released.isEmpty else { return false }
        releasedShares -= released.removeFirst().seen.count
        return true
    }

    /// At a new tip nothing made under a closed channel's prefix is worth anything.
    mutating func leaveTip() {
        released = []
        releasedShares = 0
        open.subtract(exchanged)
        exchanged = []
    }

    private mutating func takeNew() -> [UInt8] {
        while open.contains(next & mask) || released.contains(where: { $0.number == next & mask }) {
            next &+= 1
        }
        let number = next & mask
        next &+= 1
        open.insert(number)
        return bytes(number)
    }

    private var mask: UInt64 { size == 8 ? .max : 1 << UInt64(8 * size) - 1 }

    private func bytes(_ number: UInt64) -> [UInt8] {
        (0..<size).reversed().map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
    }

    /// - Parameter prefix: a standard channel's goes on with zeros behind the number.
    private func number(of prefix: [UInt8]) -> UInt64 {
        prefix.prefix(size).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
