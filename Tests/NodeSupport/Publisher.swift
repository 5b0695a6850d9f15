import CZeroMQ
import Synchronization

/// A ZeroMQ publisher on a port of its own, as a node has one, that knows what its subscribers listen to.
///
/// Used by one task at a time; the lock makes that certain.
public final class Publisher: Sendable {
    private struct Sockets: @unchecked Sendable {
        // Only used under the lock below.
        let context: UnsafeMutableRawPointer
        let socket: UnsafeMutableRawPointer
        var counters: [String: UInt32] = [:]
        var topics: Set<String> = []
    }

    public struct Fault: Error {}

    /// `tcp://127.0.0.1:…`
    public let address: String
    private let sockets: Mutex<Sockets>

    public init() throws {
        // An XPUB socket hands over what its subscribers ask for.
        guard let context = zmq_ctx_new(), let socket = zmq_socket(context, ZMQ_XPUB),
            zmq_bind(socket, "tcp://127.0.0.1:*") == 0
        else { throw Fault() }
        var linger: Int32 = 0
        zmq_setsockopt(socket, ZMQ_LINGER, &linger, MemoryLayout<Int32>.size)
        var text = [CChar](repeating: 0, count: 256)
        var length = text.count
        zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, &text, &length)
        address = String(decoding: text.prefix(length - 1).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        sockets = Mutex(Sockets(context: context, socket: socket))
    }

    deinit {
        sockets.withLock {
            zmq_close($0.socket)
            zmq_ctx_term($0.context)
        }
    }

    /// Whether somebody listens to a topic: before that, what is published goes nowhere.
    public func isHeard(_ topic: String) -> Bool {
        sockets.withLock { sockets in
            var message = [UInt8](repeating: 0, count: 64)
            while true {
                let count = Int(zmq_recv(sockets.socket, &message, message.count, ZMQ_DONTWAIT))
                guard count > 0 else { break }
                let name = String(decoding: message[1..<min(count, message.count)], as: UTF8.self)
                if message[0] == 1 { sockets.topics.insert(name) } else { sockets.topics.remove(name) }
            }
            return sockets.topics.contains(topic)
        }
    }

    /// - Parameter counter: `nil` for the next one.
    public func publish(_ topic: String, _ body: [UInt8], counter: UInt32? = nil) {
        sockets.withLock { sockets in
            let number = counter ?? sockets.counters[topic, default: 0]
            sockets.counters[topic] = number &+ 1
            let parts = [Array(topic.utf8), body, withUnsafeBytes(of: number.littleEndian) { Array($0) }]
            for (index, part) in parts.enumerated() {
                zmq_send(sockets.socket, part, part.count, index < 2 ? ZMQ_SNDMORE : 0)
            }
        }
    }

    /// Bytes in any form, without a counter.
    public func publish(parts: [[UInt8]]) {
        sockets.withLock { sockets in
            for (index, part) in parts.enumerated() {
                zmq_send(sockets.socket, part, part.count, index + 1 < parts.count ? ZMQ_SNDMORE : 0)
            }
        }
    }

    /// The next publication of a topic is one that nobody hears of.
    public func lose(_ topic: String) { sockets.withLock { $0.counters[topic, default: 0] += 1 } }
}
