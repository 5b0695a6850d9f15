public import BitcoinPrimitives

/// What a mempool REST service is asked; every one is a GET.
///
/// Source: templates.md §10, "Third-party HTTP". All but `projectedBlocks` are esplora's and mempool.space's alike.
public enum RESTQuestion: Hashable, Sendable {
    case tipHash
    case tipHeight
    /// How large its mempool is.
    case mempool
    /// The ids of all of it.
    case txids
    /// The last few that came, with fee and size.
    case recent
    /// What the next blocks would pay: mempool.space's only.
    case projectedBlocks
    case transaction(Txid)
    /// A transaction's bytes, where the answer before does not give all of them.
    case bytes(Txid)

    /// Below the service's base address.
    public var path: String {
        switch self {
        case .tipHash: "/blocks/tip/hash"
        case .tipHeight: "/blocks/tip/height"
        case .mempool: "/mempool"
        case .txids: "/mempool/txids"
        case .recent: "/mempool/recent"
        case .projectedBlocks: "/v1/fees/mempool-blocks"
        case .transaction(let txid): "/tx/\(txid.displayHex)"
        case .bytes(let txid): "/tx/\(txid.displayHex)/hex"
        }
    }
}

/// A question with what the edge needs to ask it.
public struct RESTRequest: Hashable, Sendable {
    /// Counts up from 1.
    public let id: UInt64
    public let question: RESTQuestion
    /// Bytes that the answer's body may have; a longer one is to be given up before it is kept.
    public let limit: Int
    /// For `If-None-Match`: the tag of the answer that is held already.
    public let unlessTag: String?
}

/// What HTTP answered.
public struct RESTAnswer: Sendable {
    public var status: Int
    public var body: [UInt8]
    /// The header fields `Retry-After`, `Date`, `ETag` and `Location`, as they stand there.
    public var retryAfter: String?
    public var date: String?
    public var entityTag: String?
    public var location: String?
    /// Seconds since 1970 by this machine's clock; only used where there is no `Date`.
    public var unixTime: Int64

    public init(
        status: Int, body: [UInt8], retryAfter: String? = nil, date: String? = nil, entityTag: String? = nil,
        location: String? = nil, unixTime: Int64 = 0
    ) {
        self.status = status
        self.body = body
        self.retryAfter = retryAfter
        self.date = date
        self.entityTag = entityTag
        self.location = location
        self.unixTime = unixTime
    }
}
