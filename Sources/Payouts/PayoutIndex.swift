import BitcoinPrimitives

/// Which script of a descriptor the next block pays: a new one after each block found, so that rewards do not meet on
/// one address.
///
/// The index only grows. It is part of every job as long as the job lives, and comes back with the block: two blocks
/// found on jobs of the same index move it once. A block that a reorganisation takes back leaves it where it is.
public struct PayoutIndex: Hashable, Sendable {
    /// What a found block means for the index.
    public enum Change: Hashable, Sendable {
        /// The descriptor is not ranged, or the block paid an index that was left behind already.
        case unchanged
        /// To be saved before the next block can be found; templates from now on pay ``script``.
        case moved(to: UInt32)
        /// There is no further index: all blocks from now on pay the last one.
        case exhausted
    }

    /// Why a saved record cannot be used. The owner decides: begin at 0, or give the descriptor back.
    public enum RecordFault: Error, Hashable, Sendable {
        /// Not what ``record`` writes.
        case form
        /// The line is not as it was written.
        case checksum
        /// Written for another descriptor.
        case otherDescriptor
    }

    /// Indexes in a row that are tried for a key. One without is one of 2^127.
    private static let tries: UInt32 = 8

    public let descriptor: PayoutDescriptor
    /// Of the script that the next block pays. 0 when the descriptor is not ranged.
    public private(set) var current: UInt32
    /// What the next block pays.
    public private(set) var script: [UInt8]

    /// - Parameter first: where to begin, below 2^31: the index that a wallet has not used yet.
    public init(_ descriptor: PayoutDescriptor, from first: UInt32 = 0) {
        precondition(first < ExtendedPublicKey.firstHardened, "indexes are below 2^31")
        self.descriptor = descriptor
        let start = descriptor.isRanged ? first : 0
        guard let found = Self.script(of: descriptor, from: start) else {
            preconditionFailure("of eight keys in a row one exists")
        }
        (current, script) = found
    }

    /// Takes up what was saved.
    public init(_ descriptor: PayoutDescriptor, record: String) throws(RecordFault) {
        let words = record.split(omittingEmptySubsequences: true) { $0 == " " || $0 == "\n" }
        guard words.count == 4, words[0] == "1", words[1].utf8.count == 16, words[2].utf8.count <= 10,
            words[2].utf8.allSatisfy({ 48...57 ~= $0 }), let index = UInt32(words[2]),
            index < ExtendedPublicKey.firstHardened
        else { throw .form }
        guard words[3] == Self.checksum(of: words[..<3].joined(separator: " ")) else { throw .checksum }
        guard words[1] == Self.identity(of: descriptor) else { throw .otherDescriptor }
        self.init(descriptor, from: index)
    }

    /// The state as one short line: the form's version, what the descriptor pays first (so that the index is
    /// not used for another one), the index, and the first four bytes of the SHA-256 of these.
    public var record: String {
        let words = "1 \(Self.identity(of: descriptor)) \(current)"
        return "\(words) \(Self.checksum(of: words))\n"
    }

    private static func checksum(of words: String) -> String { sha256(Array(words.utf8)).prefix(4).hex }

    /// A block was found by a job whose coinbase paid the script of `index`.
    public mutating func blockFound(paying index: UInt32) -> Change {
        guard descriptor.isRanged, index == current else { return .unchanged }
        guard let found = Self.script(of: descriptor, from: current + 1) else { return .exhausted }
        (current, script) = found
        return .moved(to: current)
    }

    /// Goes past what blocks have paid that were found and written down, and maybe not counted because of a crash
    /// in between.
    ///
    /// - Parameter scripts: of all outputs of the coinbases of these blocks, in any order.
    public mutating func catchUp(onPaid scripts: Set<[UInt8]>) -> Change {
        var change = Change.unchanged
        while scripts.contains(script) {
            let next = blockFound(paying: current)
            switch next {
            case .moved: change = next
            case .unchanged: return change
            case .exhausted: return .exhausted
            }
        }
        return change
    }

    /// The first script from `start` on.
    private static func script(
        of descriptor: PayoutDescriptor, from start: UInt32
    ) -> (index: UInt32, script: [UInt8])? {
        for index in start..<Swift.min(start + tries, ExtendedPublicKey.firstHardened) {
            if let script = descriptor.script(at: index) { return (index, script) }
        }
        return nil
    }

    /// The same for every way to write a descriptor: with or without origin and checksum, `h` or `'`.
    private static func identity(of descriptor: PayoutDescriptor) -> String {
        guard let first = script(of: descriptor, from: 0) else {
            preconditionFailure("of eight keys in a row one exists")
        }
        return sha256(first.script).prefix(8).hex
    }
}
