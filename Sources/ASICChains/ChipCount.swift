import ASICChips
import ASICWire
import Units

/// Counts answers to a read of CHIP_ID before chips have addresses. Sources: bm13xx.md §5, and its survey of
/// how long drivers listen.
struct ChipCount: Sendable {
    /// No more answers are expected after such a silence.
    static let silence = Duration.milliseconds(500)
    /// Once the count is complete, one chip too many has this long to show itself.
    static let settle = Duration.milliseconds(50)
    /// However chatty the chain is.
    static let longest = Duration.seconds(2)
    /// Reading an id changes nothing, so that a lost or garbled answer is worth another try.
    static let attempts = 3
    /// What cannot be read is kept up to so many bytes, to find another model's form of reply in it.
    static let keptBytes = 64

    let expected: Int
    let chipID: UInt16
    private let latest: Instant
    private var attempt = 1
    private(set) var until: Instant
    private(set) var answered = 0
    private var stranger: UInt16?
    private var unreadableBytes = 0
    private var kept: [UInt8] = []

    init(expected: Int, chipID: UInt16, at now: Instant) {
        self.expected = expected
        self.chipID = chipID
        until = now + Self.silence
        latest = now + Self.longest
    }

    /// - Parameter reply: a value of CHIP_ID.
    mutating func take(_ reply: RegisterValue, at now: Instant) {
        let id = UInt16(reply.value >> 16)
        if id == chipID { answered += 1 } else { stranger = stranger ?? id }
        until = min(latest, now + (answered == expected ? Self.settle : Self.silence))
    }

    /// Bytes that are no frame of the expected form.
    mutating func keep(_ bytes: ArraySlice<UInt8>) {
        unreadableBytes += bytes.count
        kept += bytes.prefix(Self.keptBytes - kept.count)
    }

    /// What is wrong with the count as it stands; `nil` when it is right.
    var fault: ChainFault? {
        if let id = stranger ?? (answered == 0 ? idInShortForm : nil) {
            return .unsupportedChip(id: id, expected: chipID, supported: supportedChipIDs)
        }
        if answered == 0 { return .noChips(expected: expected, unreadableBytes: unreadableBytes) }
        return answered == expected ? nil : .chipCount(answered, expected: expected)
    }

    /// The next attempt; `nil` after the last.
    func again(at now: Instant) -> ChipCount? {
        guard attempt < Self.attempts else { return nil }
        var next = ChipCount(expected: expected, chipID: chipID, at: now)
        next.attempt = attempt + 1
        next.kept = kept
        next.unreadableBytes = unreadableBytes
        return next
    }

    /// The id in a reply of 9 bytes, as models send them that have no version rolling.
    private var idInShortForm: UInt16? {
        var rest = kept[...]
        while true {
            switch decodeResponse(rest, .short) {
            case .frame(.register(let reply), _) where reply.register == Register.chipID.address:
                return UInt16(reply.value >> 16)
            case .frame(_, let length): rest = rest.dropFirst(length)
            case .skip(let count): rest = rest.dropFirst(count)
            case .needMore: return nil
            }
        }
    }
}

/// Checks that every chip answers at the address it was given.
struct ChipRollCall: Sendable {
    static let limit = Duration.milliseconds(500)
    static let attempts = 3

    private let layout: ChainLayout
    private let chipID: UInt16
    private var attempt = 1
    private(set) var until: Instant
    private var present: Set<Int> = []

    init(_ layout: ChainLayout, chipID: UInt16, at now: Instant) {
        self.layout = layout
        self.chipID = chipID
        until = now + Self.limit
    }

    var isComplete: Bool { present.count == layout.chips }

    var missing: [UInt8] { (0..<layout.chips).filter { !present.contains($0) }.map(layout.address) }

    /// - Parameter reply: a value of CHIP_ID.
    mutating func take(_ reply: RegisterValue) {
        guard UInt16(reply.value >> 16) == chipID, let index = layout.index(of: reply.chipAddress) else {
            return
        }
        present.insert(index)
    }

    /// The next attempt, which remembers who has answered; `nil` after the last.
    func again(at now: Instant) -> ChipRollCall? {
        guard attempt < Self.attempts else { return nil }
        var next = self
        next.attempt += 1
        next.until = now + Self.limit
        return next
    }
}
