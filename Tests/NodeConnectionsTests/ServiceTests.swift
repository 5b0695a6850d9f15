import BitcoinPrimitives
import Foundation
import NIOCore
import NIOSupport
import NodeRPC
import NodeSupport
import Synchronization
import Testing

@testable import NodeConnections

/// A service with what it has said, on one loop with its server.
private final class Watched: Sendable {
    let service: LiveNodeService
    let healths = Recorder<NodeHealth>()
    let tips = Recorder<NextBlock>()

    init(_ service: LiveNodeService) { self.service = service }

    func start() async throws {
        try await service.loop.submit {
            self.service.start(
                onChange: { if case .tip(let next) = $0 { self.tips.append(next) } },
                onHealth: { self.healths.append($0) })
        }.get()
    }

    func stop() async throws { try await service.loop.submit { self.service.stop() }.get() }
}

private func withNode(
    _ credentials: NodeEndpoint.Credentials = .password(user: "u", password: "p"),
    answer: @escaping NodeServer.Answer, _ body: (NodeServer, Watched) async throws -> Void
) async throws {
    try await withLoop { loop in
        let server = try await NodeServer.start(on: loop, answer: answer)
        let endpoint = NodeEndpoint(host: "127.0.0.1", port: server.port, credentials: credentials)
        let watched = Watched(LiveNodeService(endpoint, on: loop))
        try await watched.start()
        try await body(server, watched)
        try await watched.stop()
        try await server.stop()
    }
}

@Suite(.serialized) struct ServiceTests {
    @Test func `a node is followed over two connections that are kept`() async throws {
        let node = Mutex(CannedNode())
        let shared = SharedNode(node)
        try await withNode(answer: { authorization, body in
            guard authorization == "Basic dTpw" else { return .answer(status: 401, body: []) }
            return shared.node.withLock { $0.reply(to: body) }
        }) { server, watched in
            try await eventually { watched.healths.all.last == .following }
            #expect(watched.tips.all.map(\.height) == [2])
            shared.node.withLock { $0.block = 2 }
            try await eventually { watched.tips.all.map(\.height) == [2, 3] }
            #expect(server.connections == 2)
        }
    }

    @Test func `a block is submitted and proposed on connections of their own`() async throws {
        try await withNode(answer: { _, body in CannedNode().reply(to: body) }) { _, watched in
            let service = watched.service
            let submitted = try await service.loop.flatSubmit { service.submit(block: [1, 2]) }.get()
            #expect(submitted == .duplicate)
            let proposed = try await service.loop.flatSubmit { service.propose(block: [1, 2]) }.get()
            #expect(proposed == .accepted)
        }
    }

    @Test func `a service may be stopped by what it tells`() async throws {
        let asked = Guarded(0)
        try await withLoop { loop in
            let server = try await NodeServer.start(on: loop) { _, body in
                asked.with { $0 += 1 }
                return CannedNode().reply(to: body)
            }
            let endpoint = NodeEndpoint(
                host: "127.0.0.1", port: server.port, credentials: .password(user: "u", password: "p"))
            let service = LiveNodeService(endpoint, on: loop)
            let changes = Recorder<Int>()
            try await loop.submit {
                service.start(
                    onChange: { _ in
                        changes.append(1)
                        service.stop()
                    }, onHealth: { _ in })
            }.get()
            try await eventually { !changes.all.isEmpty }
            // What it had decided to do next is not done any more.
            try await Task.sleep(for: .milliseconds(200))
            #expect(changes.all.count == 1 && asked.with { $0 } == 1)
            try await server.stop()
        }
    }

    @Test func `what a node says cannot play with a terminal`() {
        let endpoint = NodeEndpoint(host: "h", port: 1, credentials: .cookie(path: "/c"))
        let error = NodeError(code: -1, message: "no\u{1b}[2J\n\u{202e}thing")
        let sentence = endpoint.sentence(for: .down(.refused(call: "getblocktemplate", error)))
        #expect(
            sentence
                == "The node at h:1 refuses getblocktemplate: no[2Jthing (code -1). Its log may say more.")
    }

    @Test func `a password is in no description of an endpoint`() {
        let endpoint = NodeEndpoint(
            host: "h", port: 1, credentials: .password(user: "me", password: "hunter2"))
        var dumped = ""
        dump(endpoint, to: &dumped)
        let shown = "\(endpoint) \(String(reflecting: endpoint)) \(endpoint.credentials) \(dumped)"
        #expect(shown.contains("me") && !shown.contains("hunter2"))
    }

    @Test func `a cookie is read again when the node has written a new one`() async throws {
        let path = NSTemporaryDirectory() + "/adit-cookie-\(UInt64.random(in: 0...(.max)))"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let right = SharedText("first:one")
        try await withNode(
            .cookie(path: path),
            answer: { authorization, body in
                guard authorization == "Basic " + base64(Array(right.text.withLock { $0 }.utf8)) else {
                    return .answer(status: 401, body: [])
                }
                return CannedNode().reply(to: body)
            }
        ) { _, watched in
            try await eventually {
                watched.healths.all.last == .down(.unreachable(.cookieUnreadable(path: path, errno: 2)))
            }
            try "no cookie".write(toFile: path, atomically: true, encoding: .utf8)
            try await eventually {
                watched.healths.all.last == .down(.unreachable(.cookieMalformed(path: path)))
            }
            try "wrong:one\n".write(toFile: path, atomically: true, encoding: .utf8)
            try await eventually { watched.healths.all.last == .down(.unauthorised) }
            try "first:one\n".write(toFile: path, atomically: true, encoding: .utf8)
            try await eventually { watched.healths.all.last == .following }
            let before = watched.healths.all.count
            try "second:two".write(toFile: path, atomically: true, encoding: .utf8)
            right.text.withLock { $0 = "second:two" }
            try await Task.sleep(for: .seconds(2))
            #expect(watched.healths.all.count == before, "nobody notices")
        }
    }

    @Test func `death, silence, garbage and return are noticed`() async throws {
        try await withNode(answer: { _, body in CannedNode().reply(to: body) }) { server, watched in
            try await eventually { watched.healths.all.last == .following }
            let faults: [(NodeServer.Reply, (NodeTrouble) -> Bool)] = [
                (.close, { $0 == .unreachable(.closed) }),
                (.raw(Array("SSH-2.0-OpenSSH\r\n".utf8)), { $0 == .unreachable(.noHTTP) }),
                (
                    .answer(status: 200, body: Array("hello".utf8)),
                    { if case .garbage = $0 { true } else { false } }
                ),
                (.answer(status: 403, body: []), { $0 == .forbidden }),
                // Last, because a question without an answer is waited for.
                (.silence, { if case .stalled = $0 { true } else { false } }),
            ]
            for (reply, isRight) in faults {
                server.setAnswer { _, _ in reply }
                let start = ContinuousClock.now
                try await eventually {
                    guard case .down(let trouble) = watched.healths.all.last else { return false }
                    return isRight(trouble)
                }
                #expect(
                    ContinuousClock.now - start < .seconds(5), "three, and two for a busy machine: \(reply)")
                server.setAnswer { _, body in CannedNode().reply(to: body) }
                if case .silence = reply { continue }
                try await eventually { watched.healths.all.last == .following }
            }
            let sentence = watched.service.endpoint.sentence(for: .down(.unreachable(.refused)))
            #expect(sentence.contains("127.0.0.1:\(server.port) refuses the connection"))
        }
    }

    @Test func `a publisher tells of a tip before the next look does`() async throws {
        let publisher = try Publisher()
        var canned = CannedNode()
        canned.publishers = #"{"type":"pubhashblock","address":"\#(publisher.address)","hwm":1000}"#
        let shared = SharedNode(Mutex(canned))
        try await withNode(answer: { _, body in shared.node.withLock { $0.reply(to: body) } }) { _, watched in
            try await eventually { watched.healths.all.last == .following && publisher.isHeard("hashblock") }
            // A tip that only the publisher knows of makes the follower ask for a template at once.
            shared.node.withLock { $0.block = 2 }
            publisher.publish("hashblock", try #require([UInt8](hex: shared.node.withLock { $0.tip })))
            try await eventually { watched.tips.all.map(\.height) == [2, 3] }
        }
    }

    @Test func `a subscriber hands on what is published, in order, and ends`() async throws {
        let publisher = try Publisher()
        let heard = Recorder<ZMQSubscriber.News>()
        let subscriber = try ZMQSubscriber.start(addresses: [publisher.address], topics: [.rawtx]) {
            heard.append(contentsOf: $0)
        }
        try await eventually { publisher.isHeard("rawtx") }
        for number in UInt8(0)..<100 { publisher.publish("rawtx", [number]) }
        publisher.publish(parts: [Array("rawtx".utf8)])
        try await eventually { heard.all.count == 101 }
        for (number, news) in heard.all.prefix(100).enumerated() {
            guard case .message(let message) = news else {
                Issue.record("lost")
                continue
            }
            #expect(message.counter == UInt32(number) && message.content == .transaction([UInt8(number)]))
        }
        guard case .lost = heard.all[100] else {
            Issue.record("a message of one part is none")
            return
        }
        #expect(throws: ZMQSubscriber.Fault.badAddress("nonsense")) {
            _ = try ZMQSubscriber.start(addresses: ["nonsense"], topics: [.rawtx]) { _ in }
        }
        subscriber.stop()
        // Its thread closes the socket, which the publisher sees.
        try await eventually { !publisher.isHeard("rawtx") }
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `base64 is that of RFC 4648, section 10`(text: String, encoded: String) {
        #expect(base64(Array(text.utf8)) == encoded)
    }

    @Test func `a node that binds everywhere is met where it was asked`() {
        let wanted = ZMQAddresses(
            [
                ZMQNotification(type: "pubrawtx", address: "tcp://0.0.0.0:28332"),
                ZMQNotification(type: "pubsequence", address: "tcp://*:28332"),
                ZMQNotification(type: "pubrawblock", address: "tcp://127.0.0.1:1"),
            ], host: "node.example")
        #expect(wanted.addresses == ["tcp://node.example:28332"])
        #expect(Set(wanted.topics) == [.rawtx, .sequence])
    }
}

private final class SharedNode: Sendable {
    let node: Mutex<CannedNode>
    init(_ node: consuming sending Mutex<CannedNode>) { self.node = node }
}

private final class SharedText: Sendable {
    let text: Mutex<String>
    init(_ text: String) { self.text = Mutex(text) }
}
