public import BitcoinPrimitives
public import PoolLedger

/// What a pool tells its operator while it runs.
public enum HouseNews: Sendable {
    /// Miners can come.
    case listening(HouseAddresses)
    case block(HouseBlock)
    case ledger(LedgerNews)
    /// A sentence about something that happened.
    case notice(String)
    /// A sentence about something that ought to be looked at.
    case trouble(String)
}

/// Where miners connect.
public struct HouseAddresses: Hashable, Sendable {
    public var host: String
    public var miningPort: Int
    public var declarationHost: String
    /// `nil` when nothing can be declared.
    public var declarationPort: Int?
    /// Base58, the end of miners' addresses.
    public var authorityKey: String
}

/// A found block, and what is known of it now.
public struct HouseBlock: Hashable, Sendable {
    public var hash: Hash256
    /// `nil` while only the declarator has heard of it, and its share is on its way.
    public var height: UInt32?
    public var user: String?
    public var state: BlockState
    /// Whose it is to publish.
    public var isClients: Bool
    /// The node's word, or why it did not answer.
    public var detail: String?

    init(
        hash: Hash256, height: UInt32? = nil, user: String? = nil, state: BlockState, isClients: Bool,
        detail: String? = nil
    ) {
        self.hash = hash
        self.height = height
        self.user = user
        self.state = state
        self.isClients = isClients
        self.detail = detail
    }
}

/// Lets so many sentences through, and then says how many more there were: clients can cause as many as they like.
struct NoticeLimiter {
    static let most = 20
    static let interval = Duration.seconds(10)

    private var begun: ContinuousClock.Instant?
    private var said = 0
    private var withheld = 0

    /// What to say instead of one sentence.
    mutating func admit(_ sentence: String, at now: ContinuousClock.Instant) -> [String] {
        var sentences: [String] = []
        if let begun, now - begun < Self.interval {
            said += 1
        } else {
            if withheld > 0 { sentences.append("and \(withheld) more of the kind") }
            (begun, said, withheld) = (now, 1, 0)
        }
        guard said <= Self.most else {
            withheld += 1
            return sentences
        }
        return sentences + [sentence]
    }
}

/// News as a line for people, and where it is one as an event for programs.
public struct HouseNewsReport: Sendable {
    public struct Event: Encodable, Hashable, Sendable {
        public var event: String
        public var mining: String?
        public var declaration: String?
        public var authority_key: String?
        public var hash: String?
        public var height: UInt32?
        public var user: String?
        public var state: String?
        public var published_by: String?
        public var detail: String?
        public var waiting: Int?
    }

    public let line: String
    /// `nil` for what is only a sentence.
    public let event: Event?
    /// Whether it belongs on standard output: what the command is run for.
    public let isForOutput: Bool

    public init(_ news: HouseNews) {
        switch news {
        case .listening(let addresses):
            line = Self.line(addresses)
            event = Event(
                event: "listening", mining: place(addresses.host, addresses.miningPort),
                declaration: addresses.declarationPort.map { place(addresses.declarationHost, $0) },
                authority_key: addresses.authorityKey)
            isForOutput = true
        case .block(let block):
            line = Self.line(block)
            event = Event(
                event: "block", hash: block.hash.displayHex, height: block.height, user: block.user,
                state: block.state.rawValue, published_by: block.isClients ? "client" : "pool",
                detail: block.detail)
            isForOutput = true
        case .ledger(let news):
            (line, event) = Self.report(news)
            isForOutput = false
        case .notice(let sentence), .trouble(let sentence):
            (line, event, isForOutput) = (sentence, nil, false)
        }
    }

    private static func line(_ addresses: HouseAddresses) -> String {
        let mining = place(addresses.host, addresses.miningPort)
        let declaration = addresses.declarationPort.map {
            "; jobs are declared at \(place(addresses.declarationHost, $0))"
        }
        return "Pool at stratum2+tcp://\(mining)/\(addresses.authorityKey)" + (declaration ?? "")
    }

    private static func line(_ block: HouseBlock) -> String {
        let height = block.height.map { " \($0)" } ?? ""
        let user = block.user.map { " by \($0)" } ?? ""
        let what: String =
            switch block.state {
            case .found: block.isClients ? "found; its miner publishes it" : "found"
            case .accepted: "accepted by the node"
            case .refused: "REFUSED by the node: \(block.detail ?? "no reason given")"
            case .unanswered: "NO NODE ANSWERED: \(block.detail ?? "no reason given")"
            case .inChain: "is in the chain"
            }
        return "Block\(height) \(block.hash.displayHex)\(user): \(what)"
    }

    private static func report(_ news: LedgerNews) -> (String, Event) {
        switch news {
        case .kept(let number):
            ("shares up to \(number) are in the ledger", Event(event: "ledger", state: "kept"))
        case .failing(let fault, let waiting):
            (
                "NO SHARE IS ACKNOWLEDGED: \(fault). \(waiting) entries wait in memory and are written once that is "
                    + "possible; a stop before then loses them, and no miner was told that they count",
                Event(event: "ledger", state: "failing", detail: "\(fault)", waiting: waiting)
            )
        case .recovered:
            (
                "the share ledger works again; nothing was lost",
                Event(event: "ledger", state: "working")
            )
        }
    }
}

private func place(_ host: String, _ port: Int) -> String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
}
