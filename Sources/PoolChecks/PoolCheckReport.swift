/// What a check of a pool has found, step by step.
public struct PoolCheckReport: Hashable, Sendable, Encodable {
    /// One thing that went as it should.
    public struct Step: Hashable, Sendable, Encodable {
        public enum Name: String, Hashable, Sendable, Encodable { case connected, welcomed, channel, job }

        public var name: Name
        /// Since the check began.
        public var milliseconds: Double
        /// For people: what the pool granted.
        public var finding: String

        enum CodingKeys: String, CodingKey {
            case name, finding
            case milliseconds = "after_ms"
        }
    }

    public var url: String
    public var steps: [Step] = []
    /// Why the pool is of no use, in a sentence; nil when it is.
    public var problem: String?
    /// Whether this miner could mine there.
    public var works = false

    public init(url: String) { self.url = url }

    /// What is shown to people, without `problem`.
    public var lines: [String] {
        [url]
            + steps.map { step in
                let time = "\(Int(step.milliseconds.rounded()))"
                return String(repeating: " ", count: max(0, 7 - time.count)) + "\(time) ms  \(step.finding)"
            }
            + (works ? ["This pool can be mined on."] : [])
    }
}
