public import BitcoinPrimitives

/// A message of a node's publisher: topic, body, and a counter of its topic.
public struct ZMQMessage: Hashable, Sendable {
    public enum Topic: String, Hashable, Sendable, CaseIterable {
        /// The tip has moved.
        case hashblock
        /// A transaction has come, or was in a block that was connected or disconnected.
        case rawtx
        /// Every change of mempool and chain, in order.
        case sequence

        /// As `getzmqnotifications` calls it.
        public var notification: String { "pub\(rawValue)" }
    }

    /// What a body says.
    public enum Content: Hashable, Sendable {
        case tip(Hash256)
        /// With witness.
        case transaction([UInt8])
        case connected(Hash256)
        case disconnected(Hash256)
        /// `at` is the number of the change, which `getrawmempool` tells too.
        case added(Txid, at: UInt64)
        /// Left for any reason but a block.
        case removed(Txid, at: UInt64)
    }

    public enum Fault: Error, Hashable, Sendable {
        case parts(Int)
        case strangeTopic
        case badCounter(bytes: Int)
        case badBody(Topic, bytes: Int)
        /// A letter that `sequence` does not have.
        case badLabel(UInt8)
    }

    public var topic: Topic
    public var content: Content
    /// Goes up by one with each message of its topic, and after 2^32 − 1 to 0.
    public var counter: UInt32

    public init(topic: Topic, content: Content, counter: UInt32) {
        self.topic = topic
        self.content = content
        self.counter = counter
    }

    /// - Parameter parts: topic, body, and the counter in four bytes, least significant first.
    public init(parts: [[UInt8]]) throws(Fault) {
        guard parts.count == 3 else { throw .parts(parts.count) }
        guard parts[2].count == 4 else { throw .badCounter(bytes: parts[2].count) }
        let known = Topic.allCases.first { Array($0.rawValue.utf8) == parts[0] }
        guard let topic = known else { throw .strangeTopic }
        self.topic = topic
        counter = parts[2].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        content = try ZMQMessage.content(of: parts[1], topic)
    }

    private static func content(of body: [UInt8], _ topic: Topic) throws(Fault) -> Content {
        switch topic {
        case .rawtx: return .transaction(body)
        case .hashblock:
            // Here and in `sequence` hashes are in the order in which people read them.
            guard let hash = Hash256(wireBytes: body.reversed()) else {
                throw .badBody(topic, bytes: body.count)
            }
            return .tip(hash)
        case .sequence:
            guard body.count >= 33, let hash = Hash256(wireBytes: body[..<32].reversed()) else {
                throw .badBody(topic, bytes: body.count)
            }
            let isChange = body[32] == UInt8(ascii: "A") || body[32] == UInt8(ascii: "R")
            guard body.count == (isChange ? 41 : 33) else { throw .badBody(topic, bytes: body.count) }
            let number = body[33...].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            switch body[32] {
            case UInt8(ascii: "C"): return .connected(hash)
            case UInt8(ascii: "D"): return .disconnected(hash)
            case UInt8(ascii: "A"): return .added(Txid(hash), at: number)
            case UInt8(ascii: "R"): return .removed(Txid(hash), at: number)
            case let label: throw .badLabel(label)
            }
        }
    }
}

/// Finds out from the counters whether messages were lost.
struct GapWatch: Sendable {
    enum Finding: Hashable, Sendable {
        case first, next
        /// The one before again.
        case again
        case gap
    }

    private var last: [ZMQMessage.Topic: ZMQMessage] = [:]

    mutating func note(_ message: ZMQMessage) -> Finding {
        guard let before = last.updateValue(message, forKey: message.topic) else { return .first }
        if message.counter == before.counter {
            // Another message with the same number: the publisher has started anew.
            return message.content == before.content ? .again : .gap
        }
        return message.counter == before.counter &+ 1 ? .next : .gap
    }
}
