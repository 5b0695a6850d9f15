import NIOCore
import NIOSupport
import NodeSupport
import Payouts
import TemplateReports
import TemplateSources
import Testing

@testable import LiveReports

/// A node with an empty mempool at 127.0.0.1, and the text that names it as a source.
private func withNode(
    _ body: (Guarded<CannedNode>, NodeServer, String) async throws -> Void
) async throws {
    try await withLoop { loop in
        let model = Guarded(CannedNode())
        let server = try await NodeServer.start(on: loop) { _, body in model.with { $0.reply(to: body) } }
        try await body(model, server, "http://u:p@127.0.0.1:\(server.port)")
        try? await server.stop()
    }
}

private func fault(_ body: () async throws(TemplateCommandFault) -> Void) async -> TemplateCommandFault? {
    do throws(TemplateCommandFault) {
        try await body()
        return nil
    } catch {
        return error
    }
}

/// What was told, in order; templates by height.
private final class Told: Sendable {
    let heights = Recorder<UInt32>()
    let sources = Recorder<String>()
    let notices = Recorder<String>()

    func take(_ news: WatchNews) {
        switch news {
        case .template(let report):
            heights.append(report.height)
            sources.append(report.source)
        case .notice(let sentence): notices.append(sentence)
        }
    }
}

@Suite(.serialized) struct WatchTests {
    private let request = TemplateRequest(source: "", network: .regtest)

    @Test func `each tip has its template, and the next node goes on when the first one dies`() async throws {
        try await withNode { first, firstServer, firstSource in
            try await withNode { second, _, secondSource in
                let told = Told()
                let watching = Task { () throws(TemplateCommandFault) -> Int in
                    try await watchTemplates(
                        request, of: [firstSource, secondSource], for: nil, tell: told.take)
                }
                try await eventually { told.heights.all.contains(2) }
                first.with { $0.block = 2 }
                second.with { $0.block = 2 }
                try await eventually { told.heights.all.contains(3) }
                try await firstServer.stop()
                try await eventually { told.notices.all.contains { $0.contains("come from this node now") } }
                second.with { $0.block = 3 }
                try await eventually { told.heights.all.contains(4) }
                let place = secondSource.replacing("u:p@", with: "")
                #expect(told.sources.all.last == place, "and no password in it")
                watching.cancel()
                #expect(try await watching.value == told.heights.all.count)
            }
        }
    }

    @Test func `a node that comes back is told of with its templates`() async throws {
        try await withLoop { loop in
            let model = Guarded(CannedNode())
            let server = try await NodeServer.start(on: loop) { _, body in model.with { $0.reply(to: body) } }
            let port = server.port
            let told = Told()
            let watching = Task { () throws(TemplateCommandFault) -> Int in
                try await watchTemplates(
                    request, of: ["http://u:p@127.0.0.1:\(port)"], for: nil, tell: told.take)
            }
            try await eventually { told.heights.all.contains(2) }
            try await server.stop()
            try await eventually { told.notices.all.contains { $0.hasPrefix("No node can be used") } }
            let before = told.heights.all.count
            // At the same tip as before: its template is told again.
            let back = try await NodeServer.start(on: loop, port: port) { _, body in
                model.with { $0.reply(to: body) }
            }
            try await eventually { told.heights.all.count > before }
            #expect(told.heights.all.allSatisfy { $0 == 2 })
            watching.cancel()
            _ = try await watching.value
            try await back.stop()
        }
    }

    @Test func `what is no node is not watched, and says what to do`() async {
        for source in [
            "sv2+tcp://127.0.0.1:8442/9auqWEzQDVyd2oe1JVGFLMLHZtCo2FFqZwtKA5gd9xbuEu7PH72",
            "https://example.org/api", "a.csv",
        ] {
            let fault = await fault { () throws(TemplateCommandFault) in
                _ = try await watchTemplates(request, of: [source], for: nil) { _ in }
            }
            #expect(fault?.exitStatus == 64)
            #expect("\(fault.map { "\($0)" } ?? "")".contains("is no node"))
        }
    }
}

@Suite(.serialized) struct OpeningTests {
    @Test func `a node's mempool is built from like a file`() async throws {
        try await withNode { _, _, source in
            let opened = try await openSource(source, network: nil, wait: .seconds(1)) { _ in }
            guard case .mempool(let mempool) = opened else {
                return #expect(Bool(false), "a node has a mempool")
            }
            #expect(mempool.kind == .node && !mempool.path.contains("u:p"))
            let outcome = try buildTemplate(TemplateRequest(source: mempool.path), from: mempool)
            #expect(outcome.report.feesSat == 0 && outcome.report.nodeFeesSat == 0)
            #expect(outcome.block != nil, "regtest blocks can be made without a payout")
        }
    }

    @Test(arguments: [
        ("ftp://host/x", "not understood", Int32(64)),
        ("http://127.0.0.1:1?cookie=/nonexistent/.cookie", "cookie", 1),
        ("sv2+tcp://127.0.0.1:1", "key", 64),
        ("http://example.org/api", "example.org", 64),
        ("/nonexistent/file.csv", "/nonexistent/file.csv", 1),
    ])
    func `what cannot be opened is said in a sentence`(source: String, part: String, status: Int32) async {
        let fault = await fault { () throws(TemplateCommandFault) in
            _ = try await openSource(source, network: nil, wait: .seconds(1)) { _ in }
        }
        #expect("\(fault.map { "\($0)" } ?? "opened")".contains(part))
        #expect(fault?.exitStatus == status)
    }
}
