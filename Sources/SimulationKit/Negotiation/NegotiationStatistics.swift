/// What a world did, so that a test can see that it was about something.
public struct NegotiationStatistics: Hashable, Sendable {
    public var found = 0
    public var accepted = 0
    public var lost = 0
    public var rejected = 0
    public var blocks = 0
    public var switches = 0
    public var brokenConnections = 0
    public var activations = 0
    public var declarations = 0
    public var audits = 0
    public var mostUnsettled = 0
    public var lossReasons: [String: Int] = [:]
    /// Time for which each rung had the chips, in nanoseconds.
    public var nanosecondsMined: [Int: Int64] = [:]

    public init() {}

    public mutating func add(_ other: NegotiationStatistics) {
        found += other.found
        accepted += other.accepted
        lost += other.lost
        rejected += other.rejected
        blocks += other.blocks
        switches += other.switches
        brokenConnections += other.brokenConnections
        activations += other.activations
        declarations += other.declarations
        audits += other.audits
        mostUnsettled = max(mostUnsettled, other.mostUnsettled)
        lossReasons.merge(other.lossReasons, uniquingKeysWith: +)
        nanosecondsMined.merge(other.nanosecondsMined, uniquingKeysWith: +)
    }
}

extension NegotiationStatistics {
    /// In one line, for people.
    public var summary: String {
        let reasons = lossReasons.sorted { $0.value > $1.value }.map { "\($0.value) \($0.key)" }
        let mined = nanosecondsMined.sorted { $0.key < $1.key }.map {
            "rung \($0.key) for \($0.value / 60_000_000_000) min"
        }
        return "\(found) shares, \(accepted) accepted, \(blocks) blocks, \(switches) switches, "
            + "\(brokenConnections) broken connections, \(declarations) declarations; "
            + "lost or rejected: \(reasons.joined(separator: ", ")); mined: \(mined.joined(separator: ", "))"
    }
}
