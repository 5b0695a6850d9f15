import ASICChips
import BitcoinPrimitives
import Units

/// Which work stands in which job slot.
struct WorkTable: Sendable {
    struct Entry: Hashable, Sendable {
        let workID: UInt64
        /// As it was sent, with the bits that are rolled clear.
        let header: Header
        let versions: VersionSet
        /// Zero bits from which chips report on it. It only ever gets smaller.
        var ticketZeroBits: Int
        /// Counts the jobs sent; tells two uses of a slot apart.
        fileprivate(set) var number: UInt64 = 0
        /// When the job after it was sent, at which chips left it.
        fileprivate var replaced: Instant?

        init(workID: UInt64, header: Header, versions: VersionSet, ticketZeroBits: Int) {
            self.workID = workID
            self.header = header
            self.versions = versions
            self.ticketZeroBits = ticketZeroBits
        }

        /// The version bits that a reply to this job stands for; `nil` when it names a midstate that the job has not.
        func versionBits(of reply: DecodedNonce) -> UInt32? {
            guard let midstate = reply.midstate else { return reply.versionBits }
            return versions.bits(midstate)
        }

        /// Whether a chip at this job had reason to send such a reply.
        fileprivate func explains(_ reply: DecodedNonce, nonce: UInt32) -> Bool {
            guard let bits = versionBits(of: reply) else { return false }
            var header = header
            header.version |= bits
            header.nonce = nonce
            return Target(leadingZeroBits: ticketZeroBits).isMet(by: header.hash)
        }
    }

    /// What a reply turns out to be for.
    enum Found: Hashable {
        case current(Entry)
        /// Replaced so many jobs ago that no chip should still be at it.
        case retired(Entry)
    }

    /// A reply is not held up for longer, on the link or in the host.
    static let longestDelay = Duration.seconds(2)

    /// In the order in which they are used.
    private let jobBytes: [UInt8]
    /// By job byte; 255 where there is no slot.
    private let slots: [UInt8]
    /// By position in `jobBytes`, the latest use and the one before it.
    private var latest: [Entry?]
    private var earlier: [Entry?]
    private var sent: UInt64 = 0

    /// - Parameter jobBytes: in the order in which they are used.
    init(jobBytes: [UInt8]) {
        precondition((2...128).contains(jobBytes.count), "slots that a byte can name")
        self.jobBytes = jobBytes
        var slots = [UInt8](repeating: .max, count: 256)
        for (slot, byte) in jobBytes.enumerated() { slots[Int(byte)] = UInt8(slot) }
        self.slots = slots
        latest = Array(repeating: nil, count: jobBytes.count)
        earlier = latest
    }

    /// Puts work into the slot that was used longest ago.
    ///
    /// - Returns: the job byte to send.
    mutating func place(_ entry: Entry, at now: Instant) -> UInt8 {
        let count = UInt64(jobBytes.count)
        if sent > 0 { latest[Int((sent - 1) % count)]?.replaced = now }
        let slot = Int(sent % count)
        earlier[slot] = latest[slot]
        latest[slot] = entry
        latest[slot]?.number = sent
        sent += 1
        return jobBytes[slot]
    }

    /// The ticket mask is being changed, and chips that still work on older jobs go by the new one as well.
    mutating func relax(to ticketZeroBits: Int) {
        for slot in latest.indices {
            guard let entry = latest[slot], entry.ticketZeroBits > ticketZeroBits else { continue }
            latest[slot]?.ticketZeroBits = ticketZeroBits
        }
    }

    /// The work in the slot that a chip named.
    func find(_ jobByte: UInt8) -> Entry? {
        let slot = Int(slots[Int(jobByte)])
        return slot < latest.count ? latest[slot] : nil
    }

    /// Whether a reply that names the slot of `entry`, which `find` gave, is to be believed.
    ///
    /// A job stays known until half the slots have had newer work: of what is older, late replies could no longer be
    /// told from corrupt job bytes. Where slots come round so fast that a reply to the slot's use before may only just
    /// be arriving, hashing tells which of the two it belongs to.
    func judge(_ entry: Entry, _ reply: DecodedNonce, nonce: UInt32, at now: Instant) -> Found {
        guard sent - 1 - entry.number < UInt64(jobBytes.count / 2) else { return .retired(entry) }
        guard let before = earlier[Int(slots[Int(reply.jobByte)])], let replaced = before.replaced,
            now - replaced < Self.longestDelay, !entry.explains(reply, nonce: nonce),
            before.explains(reply, nonce: nonce)
        else { return .current(entry) }
        return .retired(before)
    }
}
