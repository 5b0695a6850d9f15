import CZeroMQ
import Glibc
import NodeRPC
import Synchronization

/// Listens to a node's publisher on a thread of its own, and hands its messages over in the order of their coming.
///
/// A thread, because a ZeroMQ socket belongs to one, and its descriptor says "look" rather than "there is something":
/// an event loop that misses one look hangs. Connections that break are made again by the library.
final class ZMQSubscriber: Sendable {
    enum News: Sendable {
        case message(ZMQMessage)
        /// One that could not be read, or did not fit here any more.
        case lost
    }

    enum Fault: Error, Hashable, Sendable {
        case library(errno: Int32)
        /// The library does not take this address.
        case badAddress(String)
    }

    /// Messages that wait in the library, and as many that wait for the receiver.
    static let highWaterMark = 10_000
    /// Of one message: no transaction is larger.
    static let maximumMessage = 8 << 20
    private static let batch = 256
    /// How long the end of the thread may take.
    private static let pause: Int32 = 100

    private struct Sockets: @unchecked Sendable {
        // A context may be used by any thread; the socket is used by the one that receives it, and by no other.
        let context: UnsafeMutableRawPointer
        let socket: UnsafeMutableRawPointer
    }

    private let isStopped = Atomic(false)
    /// Handed over, and not taken yet.
    private let waiting = Atomic(0)

    private init() {}

    /// - Parameters:
    ///   - addresses: each once.
    ///   - receive: called on the listener's thread; whoever takes the news calls ``taken(_:)`` with their number.
    static func start(
        addresses: [String], topics: [ZMQMessage.Topic], receive: @escaping @Sendable ([News]) -> Void
    ) throws(Fault) -> ZMQSubscriber {
        guard let context = zmq_ctx_new() else { throw .library(errno: zmq_errno()) }
        guard let socket = zmq_socket(context, ZMQ_SUB) else {
            let code = zmq_errno()
            zmq_ctx_term(context)
            throw .library(errno: code)
        }
        do throws(Fault) {
            try set(socket, ZMQ_LINGER, 0 as Int32)
            try set(socket, ZMQ_RCVHWM, Int32(highWaterMark))
            try set(socket, ZMQ_RCVTIMEO, pause)
            try set(socket, ZMQ_MAXMSGSIZE, Int64(maximumMessage))
            try set(socket, ZMQ_RECONNECT_IVL, 100 as Int32)
            try set(socket, ZMQ_RECONNECT_IVL_MAX, 1_000 as Int32)
            try set(socket, ZMQ_TCP_KEEPALIVE, 1 as Int32)
            for topic in topics {
                let name = Array(topic.rawValue.utf8)
                guard zmq_setsockopt(socket, ZMQ_SUBSCRIBE, name, name.count) == 0 else {
                    throw .library(errno: zmq_errno())
                }
            }
            for address in addresses {
                guard zmq_connect(socket, address) == 0 else { throw .badAddress(address) }
            }
        } catch {
            zmq_close(socket)
            zmq_ctx_term(context)
            throw error
        }
        let subscriber = ZMQSubscriber()
        let sockets = Sockets(context: context, socket: socket)
        startThread { subscriber.run(sockets, receive) }
        return subscriber
    }

    private static func set<T: FixedWidthInteger & BitwiseCopyable>(
        _ socket: UnsafeMutableRawPointer, _ option: Int32, _ value: T
    ) throws(Fault) {
        var value = value
        guard zmq_setsockopt(socket, option, &value, MemoryLayout<T>.size) == 0 else {
            throw .library(errno: zmq_errno())
        }
    }

    /// The thread ends, and closes its socket, within a fifth of a second.
    func stop() { isStopped.store(true, ordering: .releasing) }

    func taken(_ count: Int) { waiting.subtract(count, ordering: .relaxed) }

    private func run(_ sockets: Sockets, _ receive: @Sendable ([News]) -> Void) {
        var lost = false
        while !isStopped.load(ordering: .acquiring) {
            var news = [News]()
            // Waits for the first; takes those that are there already with it.
            while news.count < ZMQSubscriber.batch,
                let parts = ZMQSubscriber.parts(sockets.socket, waits: news.isEmpty)
            {
                if let message = try? ZMQMessage(parts: parts) {
                    news.append(.message(message))
                } else {
                    news.append(.lost)
                }
            }
            guard !news.isEmpty || lost else { continue }
            if waiting.load(ordering: .relaxed) + news.count > ZMQSubscriber.highWaterMark {
                lost = true
                continue
            }
            if lost {
                news.insert(.lost, at: 0)
                lost = false
            }
            waiting.add(news.count, ordering: .relaxed)
            receive(news)
        }
        zmq_close(sockets.socket)
        zmq_ctx_term(sockets.context)
    }

    /// One message; `nil` when none came in time.
    private static func parts(_ socket: UnsafeMutableRawPointer, waits: Bool) -> [[UInt8]]? {
        var parts = [[UInt8]]()
        var more = true
        while more {
            var message = zmq_msg_t()
            zmq_msg_init(&message)
            defer { zmq_msg_close(&message) }
            let count = zmq_msg_recv(&message, socket, waits || !parts.isEmpty ? 0 : ZMQ_DONTWAIT)
            guard count >= 0 else { return nil }
            // Parts of one message arrive together; a node sends three.
            if parts.count < 4 {
                parts.append(
                    [UInt8](UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: Int(count))))
            }
            more = zmq_msg_more(&message) != 0
        }
        return parts
    }
}

private final class ThreadBody {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs `body` on a new thread that nobody waits for.
private func startThread(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(ThreadBody(body)).toOpaque()
    let code = pthread_create(
        &thread, nil,
        { raw in
            guard let raw else { return nil }
            Unmanaged<ThreadBody>.fromOpaque(raw).takeRetainedValue().run()
            return nil
        }, box)
    precondition(code == 0, "the system has room for a thread")
    pthread_detach(thread)
}
